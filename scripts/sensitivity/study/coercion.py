"""Configuration values in the type that the schema asks for, where nothing is lost.

YAML reads `1e-3` as text, and `snakemake --config 'jacobian={test_points: 10}'` hands every nested
value on as text. Text that spells a number is that number wherever the schema asks for one, and
text that spells a truth value or nothing likewise; a whole float (`50.0`, `1e2`) is an integer
where an integer is asked for. So one setting has one value, however it is written. Whatever the
schema takes as text stays as it is.
"""

from collections.abc import Iterator, Mapping
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
    alternatives = list(_alternatives(schema, root))
    if isinstance(value, dict):
        return {key: _member(key, part, alternatives, root) for key, part in value.items()}
    if isinstance(value, list):
        items = {"anyOf": [part["items"] for part in alternatives if "items" in part]}
        return [coerced(item, items, root) for item in value]
    return _scalar(value, {kind for part in alternatives for kind in _types(part)}, alternatives)


def _alternatives(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Mapping]:
    """A schema, what it refers to, and all that it offers a choice of."""
    yield schema
    if "$ref" in schema:
        *_, name = schema["$ref"].split("/")
        yield from _alternatives(root["$defs"][name], root)
    for word in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(word, ()):
            yield from _alternatives(part, root)
    for word in ("if", "then", "else"):
        if word in schema:
            yield from _alternatives(schema[word], root)


def _types(schema: Mapping[str, Any]) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else kinds


def _member(key: Any, value: Any, alternatives: "list[Mapping]", root: Mapping[str, Any]) -> Any:
    for schema in alternatives:
        if key in schema.get("properties", {}):
            return coerced(value, schema["properties"][key], root)
    for schema in alternatives:
        if isinstance(schema.get("additionalProperties"), Mapping):
            return coerced(value, schema["additionalProperties"], root)
    return value


def _scalar(value: Any, kinds: set[str], alternatives: "list[Mapping]") -> Any:
    if isinstance(value, str):
        words = [word for schema in alternatives for word in schema.get("enum", ())]
        if value in words:
            return value
        if "boolean" in kinds and value.lower() in TRUTH:
            return TRUTH[value.lower()]
        if "null" in kinds and value.lower() in NOTHING:
            return None
        if kinds & {"integer", "number"}:
            spelt = number(value)
            value = value if spelt is None else spelt
    if "integer" in kinds and "number" not in kinds:
        value = whole(value)
    return value
