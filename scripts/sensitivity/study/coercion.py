"""Configuration values in the type that the schema asks for, where nothing is lost.

YAML reads `1e-3` as text, and `snakemake --config 'jacobian={test_points: 10}'` hands every nested
value on as text. Text that spells a number is that number wherever the schema asks for one, and
text that spells a truth value or nothing likewise; a whole float (`50.0`, `1e2`) is an integer
where an integer is asked for. So one setting has one value, however it is written.
"""

from collections.abc import Mapping
from typing import Any

from sensitivity.base.spelling import number, whole

TRUTH = {"true": True, "false": False}
NOTHING = ("null", "")


def coerced(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """A copy of `value` for the part `schema` of the whole schema `root`; what fits no type stays.

    Args:
        value: a value of the configuration, or all of it.
        schema: the JSON schema of this value.
        root: the schema whose `$defs` are meant by `$ref`.
    """
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, dict):
        others = schema.get("additionalProperties")
        others = others if isinstance(others, Mapping) else {}
        known = schema.get("properties", {})
        return {key: coerced(part, known.get(key, others), root) for key, part in value.items()}
    if isinstance(value, list):
        return [coerced(item, schema.get("items", {}), root) for item in value]
    kinds = schema.get("type", [])
    return _scalar(value, {kinds} if isinstance(kinds, str) else set(kinds))


def _scalar(value: Any, kinds: set[str]) -> Any:
    if isinstance(value, str):
        if "boolean" in kinds and value.lower() in TRUTH:
            return TRUTH[value.lower()]
        if "null" in kinds and value.lower() in NOTHING:
            return None
        if kinds & {"integer", "number"} and (spelt := number(value)) is not None:
            value = spelt
    return whole(value) if "integer" in kinds else value
