"""Speed of Jacobian norms: python tests/benchmarks/jacobian.py [--repeats 7] [--threads 1]

All contestants run in this process, in turns; printed is the median of the turns, in Markdown for
docs/performance.md. With a GPU, everything runs there. With one thread on a CPU, processor time is
measured, which other programs on the machine disturb less than the time of day. `--before FOLDER`
adds what another checkout of this project takes, in a process of its own, before and after.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

sys.path.append(str(Path(__file__).parents[2] / "scripts"))  # behind PYTHONPATH

from timing import DEVICE, clock, hardware, product_rate, timed, use_threads

from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.networks.network import Network

CHUNKS = (25, 100, 250, 1000)
SHAPES = (  # inputs, width, depth, points
    (3072, 200, 5, 1000),
    (784, 50, 2, 1000),
    (784, 100, 2, 1000),
    (784, 100, 20, 1000),
    (784, 200, 5, 1),
    (3072, 500, 5, 500),
    (3072, 1000, 10, 200),
    (784, 3000, 2, 100),
)
CLASSES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="stacks,modules")
    parser.add_argument("--before", type=Path, help="another checkout of this project")
    parser.add_argument("--ours-alone", action="store_true", help="print seconds as JSON")
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    if arguments.ours_alone:
        print(json.dumps([ours(shape, arguments.repeats) for shape in SHAPES]))
        return
    measured = "processor time" if clock() is time.process_time else "wall time"
    print(
        f"{hardware()}, {arguments.threads} thread(s), PyTorch {torch.__version__}, float64, "
        f"{CLASSES} classes, {measured}, median of {arguments.repeats}\n"
    )
    if "stacks" in arguments.only:
        stacks(arguments)
    if "modules" in arguments.only:
        modules(arguments.repeats)


def stacks(arguments: argparse.Namespace) -> None:
    """Many shapes, against vmap(jacrev) in float64 at the chunk size that suits it best."""
    print(
        "| network | points | ours, ms | `vmap(jacrev)`, best chunk, ms | ratio | before, ms "
        "| ours over before | GFLOP/s | of a large product |\n" + "|---" * 9 + "|"
    )
    before = others(arguments)
    for number, shape in enumerate(SHAPES):
        network, x = example(*shape)
        tries = {c: lambda c=c: by_vmap(network, x, c) for c in CHUNKS if c <= max(25, len(x))}  # noqa: B023
        taken = timed(tries, 1)
        best = min(taken, key=taken.get)
        work = {"ours": lambda: jacobian_norms(network, x)}  # noqa: B023
        work["vmap"] = lambda: by_vmap(network, x, best)  # noqa: B023
        seconds, rate = timed(work, arguments.repeats), product_rate(torch.float64)
        mine, needed = seconds["ours"], operations(network, len(x))
        then = before[number] if before else float("nan")
        inputs, width, depth, points = shape
        print(
            f"| {inputs}-{width}×{depth}-{CLASSES} | {points} | {1e3 * mine:.1f} | "
            f"{1e3 * seconds['vmap']:.1f} ({best}) | {seconds['vmap'] / mine:.2f} | "
            f"{1e3 * then:.1f} | {mine / then:.2f} | {needed / mine / 1e9:.0f} | "
            f"{needed / mine / rate:.0%} |",
            flush=True,
        )
    print()


def others(arguments: argparse.Namespace) -> list[float]:
    """The seconds of another checkout's `jacobian_norms` for every shape, the mean of two runs."""
    if arguments.before is None:
        return []
    command = [sys.executable, __file__, "--ours-alone", "--repeats", str(arguments.repeats)]
    command += ["--threads", str(arguments.threads)]
    surroundings = {**os.environ, "PYTHONPATH": str(arguments.before.resolve() / "scripts")}
    runs = [json.loads(subprocess.check_output(command, env=surroundings)) for _ in range(2)]
    return [statistics.mean(pair) for pair in zip(*runs)]


def ours(shape: tuple[int, int, int, int], repeats: int) -> float:
    network, x = example(*shape)
    return timed({"ours": lambda: jacobian_norms(network, x)}, repeats)["ours"]


def modules(repeats: int) -> None:
    """Modules that are no chains, against vmap(jacrev) in float64."""
    print("| module | points | ours, ms | `vmap(jacrev)`, ms | ratio |\n" + "|---" * 5 + "|")
    for name, (module, x) in small_modules().items():
        double = module.double()
        work = {
            "ours": lambda: jacobian_norms(module, x),  # noqa: B023
            "vmap": lambda: in_chunks(lambda p: double(p[None])[0].softmax(0), x, 50),  # noqa: B023
        }
        seconds = timed(work, repeats)
        print(
            f"| {name} | {len(x)} | {1e3 * seconds['ours']:.1f} | {1e3 * seconds['vmap']:.1f} | "
            f"{seconds['vmap'] / seconds['ours']:.2f} |",
            flush=True,
        )


def small_modules() -> dict[str, tuple[nn.Module, Tensor]]:
    """A few networks in evaluation mode, and points."""
    torch.manual_seed(0)
    convolutional = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.GELU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1),
        nn.GELU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, CLASSES),
    )  # fmt: skip
    normalized = nn.Sequential(
        nn.Linear(784, 200), nn.LayerNorm(200), nn.GELU(), nn.Linear(200, CLASSES)
    )
    return {
        "two convolutions, GELU": (convolutional.eval().to(DEVICE), torch.randn(64, 3, 32, 32)),
        "784-200-10 with LayerNorm": (normalized.eval().to(DEVICE), torch.randn(1000, 784)),
    }


def example(inputs: int, width: int, depth: int, points: int) -> tuple[Network, Tensor]:
    """One ReLU network at its initialization, and Gaussian points, in 32 bits."""
    generator = torch.Generator().manual_seed(0)
    sizes = [inputs, *[width] * depth, CLASSES]
    weights = [
        torch.randn(1, o, i, generator=generator) * (2 / i) ** 0.5 for i, o in pairwise(sizes)
    ]
    return Network(weights, "relu").to(DEVICE), torch.randn(points, inputs, generator=generator).to(
        DEVICE
    )


def output_of(network: Network) -> Callable[[Tensor], Tensor]:
    """x [d] -> p [n] in float64, written as suits vmap best (of several forms tried)."""
    matrices = [weight[0].double() for weight in network.weights]

    def output(x: Tensor) -> Tensor:
        hidden = x[None]
        for matrix in matrices[:-1]:
            hidden = torch.relu(hidden @ matrix.T)
        return torch.softmax(hidden @ matrices[-1].T, dim=1)[0]

    return output


def by_vmap(network: Network, x: Tensor, chunk: int) -> Tensor:
    return in_chunks(output_of(network), x, chunk)


def in_chunks(output: Callable[[Tensor], Tensor], x: Tensor, chunk: int) -> Tensor:
    jacobian = vmap(jacrev(output))
    parts = x.to(DEVICE, torch.float64).split(chunk)
    return torch.cat([jacobian(part).flatten(1).norm(dim=1) for part in parts])


def operations(network: Network, points: int) -> float:
    """Multiplications and additions of the closed form: one forward pass, and the product of
    matrices for n - 1 combinations of the logits."""
    first, *others = [weight[0].numel() for weight in network.weights]
    width, inputs = network.weights[0].shape[1:]
    rows, squared = network.classes - 1, 2 * inputs * width**2
    last = first
    if 2 * points * rows * width * (inputs - width) > squared:
        last = width**2
    else:
        squared = 0
    return 2 * points * (first + sum(others) + rows * (sum(others) + last)) + squared


if __name__ == "__main__":
    main()
