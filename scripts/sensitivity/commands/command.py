"""The command line of `python -m sensitivity`."""

import argparse
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from sensitivity.architectures.building import Architecture
from sensitivity.base.command import device_argument
from sensitivity.base.device import prepare
from sensitivity.base.errors import SensitivityError
from sensitivity.base.wrapped import unwrapped
from sensitivity.commands import table
from sensitivity.commands.points import Points, load_points
from sensitivity.commands.weights import Checkpoint, checkpoints, fill

GIVEN = ("classes", "width", "depth", "activation")
"""What a builder may take of `--arguments`, beside arguments of its own."""


def main(argv: Sequence[str] | None = None) -> None:
    """Measure what the words ask for: print means, and write one row per point and checkpoint.

    Raises:
        SensitivityError: something that was named does not exist, or does not fit the rest.
    """
    arguments = parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    device = prepare(arguments.device, arguments.threads)
    # Some operations of users' modules have no deterministic form on CUDA. They differ only in
    # digits that are not printed.
    torch.set_deterministic_debug_mode("default")
    started = time.perf_counter()
    points = load_points(
        *(arguments.data, arguments.points, arguments.input_shape),
        *(arguments.channels, arguments.normalization),
    )
    shape = tuple(points.x.shape[1:])
    module = load_module(arguments.module, arguments.arguments, shape)
    named = arguments.weights
    files = checkpoints(named)
    series = len(named) > 1 or any(path.is_dir() for path in named)
    prefixes = {fill(module, file.path) for file in files}  # wrong files fail before time is spent
    if arguments.plot is not None:
        _drawing().check(arguments.plot, points, series, arguments.loops)
    module.to(device)
    wanted = points, arguments.loops, arguments.radius
    if series:
        rows, why, checked = _over_training(module, files, *wanted)
    else:
        rows, why, checked = table.measured(module, *wanted)
    table.write(arguments.output, rows)
    print(points.reading)
    for prefix in sorted(prefixes - {""}):
        print(f"names of weights begin with {prefix} (a wrapper's), which was left out")
    print(table.summary_over_steps(rows) if series else table.summary(rows))
    if why is not None:
        both = "" if arguments.radius is None else " and local complexity"
        print(f"transitions{both} are left empty: {why}")
    if checked.gaps:
        print(
            f"checked by forward passes: {checked.transitions} transitions and {checked.gaps} gaps "
            f"between them; largest deviation from a threshold {checked.deviation:.2g}"
        )
    if arguments.plot is not None and series:
        _drawing().training(arguments.plot, rows)
    elif arguments.plot is not None:
        _drawing().network(arguments.plot, rows, module.cpu(), points)
    print(f"{time.perf_counter() - started:.1f} s; one row per point: {arguments.output}")


def _over_training(
    module: nn.Module, files: list[Checkpoint], points: Points, loops: int, radius: float | None
) -> table.Measured:
    """Measure each checkpoint; the rows begin with the columns `checkpoint` and `steps`."""
    rows, why, looks = [], None, []
    for file in files:
        fill(module, file.path)
        found = table.measured(module, points, loops, radius)
        why = why or found.why
        looks.append(found.checked)
        first: table.Row = {"checkpoint": str(file.path), "steps": file.steps}
        rows += [first | row for row in found.rows]
    return table.Measured(rows, why, table.together(looks))


def load_module(name: str, given: Sequence[str], input_shape: tuple[int, ...]) -> nn.Module:
    """What `my_models:build` returns or is, in evaluation mode; called as a study calls a builder.

    Args:
        name: of a builder in a file of the current folder, or of an installed package.
        given: `key=value`, what it is called with beside the `input_shape` of a point.

    Raises:
        SensitivityError: there is no such name, or it gives no module that can be looked into; it
            does not take what is given, or needs more.
    """
    arguments = dict(map(_argument, given))
    known = {key: arguments.pop(key, None) for key in GIVEN}
    home, colon, attribute = name.partition(":")
    name = home.removesuffix(".py").replace("/", ".") + colon + attribute
    folder = str(Path.cwd())
    built = Architecture(name, input_shape, **known, arguments=arguments, folder=folder)
    return unwrapped(built.build(seed=0)).eval()


def _argument(text: str) -> tuple[str, object]:
    """A truth value or number as JSON has it, else a word."""
    key, equals, value = text.partition("=")
    if not key.isidentifier() or not equals:
        raise SensitivityError(f"--arguments {text} is no key=value; give some such as width=8.")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _drawing() -> ModuleType:
    """The module that draws, which needs the extra `plots`."""
    try:
        from sensitivity.commands import drawing
    except ModuleNotFoundError as error:
        raise SensitivityError(
            f"--plot needs {error.name}; install the extra: pip install "
            "'sensitivity-and-generalization[plots]'."
        ) from error
    return drawing


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
        description="Measures the Jacobian norms of any differentiable module at points. Of a "
        "piecewise-linear module it also counts transitions around images and local complexity.",
    )
    add = measure.add_argument
    add("--module", required=True, metavar="FILE:NAME", help="a function that returns the module")
    add(
        "--arguments",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="arguments of that function, as `classes=10 width=8`; input_shape is always given",
    )
    add(
        "--weights",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="trained weights, .safetensors or .pt (default: as built); several files, or a "
        "folder, are checkpoints of one training",
    )
    add("--data", type=Path, required=True, help="an .npz file with x_test or x, y_test or y")
    add("--output", type=Path, default=Path("sensitivity.csv"), help="(default sensitivity.csv)")
    add("--plot", type=Path, metavar="PNG", help="draw what was measured (extra `plots`)")
    add("--points", type=int, default=100, help="number of points; 0 takes all (default 100)")
    add("--loops", type=int, default=10, help="number of images with a loop (default 10)")
    add(
        "--radius",
        type=float,
        help="also measure local complexity: region boundaries on random lines through each "
        "point, up to this distance from it",
    )
    add("--input-shape", type=_shape, metavar="3,32,32", help="shape of one point in the module")
    add(
        "--channels",
        choices=("first", "last"),
        help="where the file has the channels of its images, if their shape does not tell; "
        "the module gets them first",
    )
    add(
        "--normalization",
        choices=("none", "unit", "image"),
        help="how points are prepared: none; unit: 0..255 to 0..1; image: zero mean and unit "
        "variance each, as in the paper (8-bit images have no default)",
    )
    device_argument(measure)
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
