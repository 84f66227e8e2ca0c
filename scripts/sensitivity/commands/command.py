"""The command line of `python -m sensitivity`."""

import argparse
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from sensitivity.base.device import prepare
from sensitivity.base.errors import SensitivityError
from sensitivity.commands import inputs, table
from sensitivity.commands.points import load_points

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, measure, print a table, and write a row a point.

    Raises:
        SensitivityError: something that was named is not there, or does not fit together.
    """
    arguments = parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    prepare("cpu", arguments.threads)
    started = time.perf_counter()
    module = inputs.load_module(arguments.module, arguments.weights)
    points = load_points(
        *(arguments.data, arguments.points, arguments.input_shape),
        *(arguments.channels, arguments.normalization),
    )
    rows = table.measured(module, points, arguments.loops)
    table.write(arguments.output, rows)
    print(points.reading)
    print(table.summary(rows))
    print(f"{time.perf_counter() - started:.1f} s; a row a point: {arguments.output}")


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    whole = argparse.ArgumentParser(
        prog="python -m sensitivity",
        description="Sensitivity of a network of your own: Jacobian norms and transitions.",
    )
    commands = whole.add_subparsers(required=True, metavar="measure")
    measure = commands.add_parser(
        "measure",
        help="measure a PyTorch module at points of an .npz file",
        description="Jacobian norms at points, and exact transitions on the loops of their "
        "horizontal translations, of any piecewise-linear module that torch.fx can trace.",
    )
    add = measure.add_argument
    add("--module", required=True, metavar="FILE:NAME", help="a function that returns the module")
    add("--weights", type=Path, help="its parameters, .safetensors; without it as it is built")
    add("--data", type=Path, required=True, help="an .npz file with x_test or x, y_test or y")
    add("--output", type=Path, default=Path("sensitivity.csv"), help="(default sensitivity.csv)")
    add("--points", type=int, default=100, help="at the first so many; 0 for all (default 100)")
    add("--loops", type=int, default=10, help="loops of the first so many images (default 10)")
    add("--input-shape", type=_shape, metavar="3,32,32", help="of a point as the module takes it")
    add(
        "--channels",
        choices=("first", "last"),
        help="where the file has the channels of its images, if their shape does not tell; images "
        "with channels last, as in the study's files, are transposed for the module",
    )
    add(
        "--normalization",
        choices=("none", "unit", "image"),
        help="none: as they are; unit: 0..255 to 0..1; image: zero mean and unit variance each, as "
        "in the paper (for images of 8 bits there is no default)",
    )
    add("--threads", type=int, default=1, help="processor threads (default 1)")
    return whole


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(size) for size in text.split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise SensitivityError(f"--input-shape {text} is no shape; give sizes such as 3,32,32.")
    return shape
