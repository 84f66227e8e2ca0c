"""Build networks that are not fully connected, check that they can be trained, count their costs.

Settings: `calls`, by key what a builder is called with. What is found is added to the output, a
JSON file: by key weights, and for an image operations, values, the largest layer and calls.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from sensitivity.base import command
from sensitivity.files.storage import atomic
from sensitivity.study.traced import WITHOUT_TORCH


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    command.builders_argument(parser)
    parser.add_argument("--output", type=Path, required=True, help="the JSON file to add to")
    arguments = command.parsed(parser, argv)
    if find_spec("torch") is None:
        sys.exit(WITHOUT_TORCH)
    from sensitivity.architectures.building import Architecture
    from sensitivity.architectures.checks import check
    from sensitivity.architectures.layout import Layout
    from sensitivity.architectures.tracing import trace

    found = json.loads(arguments.output.read_text()) if arguments.output.is_file() else {}
    for key, called in arguments.settings["calls"].items():
        shape = tuple(called["input_shape"])
        folder = str(arguments.builders)
        architecture = Architecture(**{**called, "input_shape": shape}, folder=folder)
        module = architecture.build(seed=0)
        check(module, architecture)
        counted = asdict(trace(module, shape))
        found[key] = {"weights": Layout.of(module).number_of_weights, **counted}
    with atomic(arguments.output) as temporary:
        temporary.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    command.run(main)
