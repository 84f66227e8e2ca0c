"""What YAML files say twice or say otherwise than they read: refused, with the line.

Snakemake reads configuration files with a loader that lets the last of two equal keys win, and that
follows YAML 1.1, where `010` is eight and `1:30` is ninety. This reads the same files once more.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from sensitivity.base.errors import SensitivityError

# Integers to YAML 1.1, and to hardly anyone who writes them.
MISREAD = re.compile(r"[-+]?(0[0-9_]+|[0-9][0-9_]*(:[0-5]?[0-9])+)")
INTEGER = "tag:yaml.org,2002:int"


def check(path: "str | Path") -> None:
    """Read a configuration file.

    Raises:
        SensitivityError: a key occurs twice in one mapping, or a number is not what it looks like;
            with the key, the file and the lines. Also if the file is no YAML.
    """
    try:
        top = yaml.compose(Path(path).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SensitivityError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    for node in _nodes(top):
        if isinstance(node, yaml.MappingNode):
            _check_keys(path, node)
        elif isinstance(node, yaml.ScalarNode) and node.tag == INTEGER:
            _check_integer(path, node)


def _nodes(top: "yaml.Node | None") -> Iterator[yaml.Node]:
    """All nodes below one, each once: an alias is the node that it stands for."""
    waiting, seen = [top] if top is not None else [], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, yaml.MappingNode):
            waiting.extend(part for pair in reversed(node.value) for part in reversed(pair))
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(reversed(node.value))


def _check_keys(path: "str | Path", mapping: yaml.MappingNode) -> None:
    """Keys merged in by `<<` may be given again: that is what a merge is for."""
    first: dict[str, int] = {}
    for key, _ in mapping.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        line = _line(key)
        if key.value in first:
            raise SensitivityError(
                f"{path}, line {line}: the key {key.value!r} was given before, in line "
                f"{first[key.value]}, and only one of the two would count; keep one, or give the "
                "other another name"
            )
        first[key.value] = line


def _check_integer(path: "str | Path", node: yaml.ScalarNode) -> None:
    if MISREAD.fullmatch(node.value):
        raise SensitivityError(
            f"{path}, line {_line(node)}: YAML reads {node.value} as the number "
            f"{yaml.safe_load(node.value)}; write it without a leading 0 or a colon, or in quotes "
            "if it is text"
        )


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1
