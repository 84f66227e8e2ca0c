"""Take the measures of one model, as many as are asked for, and keep those that still hold.

Settings: `dataset` and `model`, which the files must then be about; `recipe`; `seed`; and under
`measures` the numbers of each, by its name: {"jacobian": {"test_points": 100}}. If the output is
there already, a measure in it is kept whose stamp (settings, fingerprint of its code, digests of
data and weights, versions of the libraries) is what it would be given now. What is not asked for
any longer is dropped.
"""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sensitivity.base import command
from sensitivity.files import measurements, storage
from sensitivity.files.provenance import environment
from sensitivity.study import measures

logger = logging.getLogger("measure")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the file of measurements, and its seal if `--seal` is given."""
    arguments = _arguments(argv)
    command.setup(arguments)
    settings = arguments.settings
    owner = {key: settings[key] for key in ("dataset", "model") if key in settings}
    stamps = expected(arguments)
    kept = measurements.kept(arguments.output, owner, stamps)
    stale = [name for name in stamps if name not in kept]
    if arguments.list_stale:
        print(json.dumps(stale))
        return
    logger.info("measured: %s; kept: %s", ", ".join(stale) or "none", ", ".join(kept) or "none")
    taken = _taken(arguments, stamps, stale) if stale else {}
    parts = {name: taken.get(name) or kept[name] for name in stamps}
    measurements.write(arguments.output, owner, parts)
    if arguments.seal:
        storage.seal(arguments.output, owner)


def expected(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """By measure, what its stamp must say."""
    made_of = {key: storage.digest(getattr(arguments, key)) for key in ("data", "weights")}
    made_with = {"environment": environment(), "inputs": made_of}
    return {n: {**stamp, **made_with} for n, stamp in measures.stamps(arguments.settings).items()}


def _taken(
    arguments: argparse.Namespace, stamps: dict[str, dict[str, Any]], names: Sequence[str]
) -> dict[str, measurements.Part]:
    # PyTorch is loaded only where there is something to compute.
    from sensitivity.measures.measuring import measure_function, take

    functions = {name: measure_function(name) for name in names}
    return take(arguments, stamps, functions)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="the trained model")
    parser.add_argument("--data", type=Path, required=True, help="the data set, .npz")
    parser.add_argument("--output", type=Path, required=True, help="the .npz file to write")
    parser.add_argument("--seal", action="store_true", help="write a seal beside it")
    parser.add_argument(
        "--list-stale", action="store_true", help="only print which measures would be taken anew"
    )
    command.device_argument(parser)
    command.standard_arguments(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    command.run(main)
