"""Speed of Jacobian norms: python tests/benchmarks/jacobian.py [--repeats 7] [--threads 1]

All contestants run in this process, in turns; printed is the median of the turns, in Markdown for
docs/performance.md. With a GPU, everything runs there. With one thread on a processor, processor
time is measured, which other programs on the machine disturb less than the time of day.
"""

import argparse
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor
from torch.func import jacrev, vmap

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from timing import DEVICE, clock, hardware, product_rate, timed, use_threads

from sensitivity.jacobian.norms import gram_is_cheaper, jacobian_norms
from sensitivity.networks.network import Network

CHUNKS = (10, 25, 50, 100, 250, 1000)
SWEEP = (  # inputs, width, depth, points
    (784, 100, 2, 1000),
    (784, 100, 20, 1000),
    (784, 3000, 2, 100),
    (784, 3000, 20, 100),
    (3072, 100, 2, 1000),
    (3072, 100, 20, 1000),
    (3072, 500, 5, 500),
    (3072, 1000, 10, 200),
    (3072, 3000, 2, 100),
    (3072, 3000, 20, 100),
)
CLASSES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="main,sweep")
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    measured = "processor time" if clock() is time.process_time else "wall time"
    print(
        f"{hardware()}, {arguments.threads} thread(s), PyTorch {torch.__version__}, float32, "
        f"{CLASSES} classes, {measured}, median of {arguments.repeats}\n"
    )
    for name in arguments.only.split(","):
        {"main": main_table, "sweep": sweep_table}[name](arguments.repeats)


def main_table(repeats: int) -> None:
    """3072-200x5-10 at 1,000 points, against both ways that PyTorch offers."""
    network, x = example(3072, 200, 5, 1000)
    contestants = {"closed form (`jacobian_norms`)": lambda: jacobian_norms(network, x)}
    for chunk in CHUNKS:
        contestants[f"`vmap(jacrev)`, {chunk} at once"] = lambda c=chunk: by_vmap(network, x, c)
    contestants["`torch.autograd.functional.jacobian`, a sample"] = lambda: by_sample(network, x)
    seconds, rate = timed(contestants, repeats), product_rate(torch.float32)
    ours = next(iter(seconds.values()))
    needed = operations(network, len(x))
    print("3072-200×5-10, ReLU, 1,000 points:\n")
    print("| contestant | ms | times ours |\n|---|---|---|")
    for name, value in seconds.items():
        print(f"| {name} | {1e3 * value:.1f} | {value / ours:.2f} |")
    print(f"\n{needed / 1e9:.2f} GFLOP needed, {needed / ours / 1e9:.1f} GFLOP/s reached, ", end="")
    print(f"{needed / ours / rate:.0%} of a large product's {rate / 1e9:.1f} GFLOP/s.\n")


def sweep_table(repeats: int) -> None:
    """Many shapes, against vmap(jacrev) at the chunk size that suits it best."""
    print("| network | points | ours, ms | `vmap(jacrev)`, best chunk, ms | ratio | route | GFLOP "
          "| GFLOP/s | of a large product |\n" + "|---" * 9 + "|")  # fmt: skip
    for inputs, width, depth, points in SWEEP:
        network, x = example(inputs, width, depth, points)
        chunks = [chunk for chunk in CHUNKS if chunk < points] + [points]
        tries = {c: lambda c=c: by_vmap(network, x, c) for c in chunks}  # noqa: B023
        taken = timed(tries, 1)
        best = min(taken, key=taken.get)
        work = {"ours": lambda: jacobian_norms(network, x)}  # noqa: B023
        work["vmap"] = lambda: by_vmap(network, x, best)  # noqa: B023
        seconds, rate = timed(work, repeats), product_rate(torch.float32)
        needed, ours = operations(network, points), seconds["ours"]
        route = "Gram" if gram_is_cheaper(points, CLASSES - 1, width, inputs) else "direct"
        print(
            f"| {inputs}-{width}×{depth}-{CLASSES} | {points} | {1e3 * ours:.1f} | "
            f"{1e3 * seconds['vmap']:.1f} ({best}) | {seconds['vmap'] / ours:.2f} | {route} | "
            f"{needed / 1e9:.2f} | {needed / ours / 1e9:.0f} | {needed / ours / rate:.0%} |",
            flush=True,
        )
    print()


def example(inputs: int, width: int, depth: int, points: int) -> tuple[Network, Tensor]:
    """One ReLU network at its initialization, and Gaussian points."""
    generator = torch.Generator().manual_seed(0)
    sizes = [inputs, *[width] * depth, CLASSES]
    weights = [
        torch.randn(1, o, i, generator=generator) * (2 / i) ** 0.5 for i, o in pairwise(sizes)
    ]
    return Network(weights, "relu").to(DEVICE), torch.randn(points, inputs, generator=generator).to(
        DEVICE
    )


def output_of(network: Network) -> Callable[[Tensor], Tensor]:
    """x [d] -> p [n], written as suits vmap best (of several forms tried)."""
    matrices = [weight[0] for weight in network.weights]

    def output(x: Tensor) -> Tensor:
        hidden = x[None]
        for matrix in matrices[:-1]:
            hidden = torch.relu(hidden @ matrix.T)
        return torch.softmax(hidden @ matrices[-1].T, dim=1)[0]

    return output


def by_vmap(network: Network, x: Tensor, chunk: int) -> Tensor:
    jacobian = vmap(jacrev(output_of(network)))
    return torch.cat([jacobian(part).flatten(1).norm(dim=1) for part in x.split(chunk)])


def by_sample(network: Network, x: Tensor) -> Tensor:
    output = output_of(network)
    return torch.stack([torch.autograd.functional.jacobian(output, point).norm() for point in x])


def operations(network: Network, points: int) -> float:
    """Multiplications and additions of the closed form: one forward pass, and the product of
    matrices for n - 1 combinations of the logits."""
    first, *others = [weight[0].numel() for weight in network.weights]
    width, inputs = network.weights[0].shape[1:]
    rows, decomposition = network.classes - 1, 0.0
    last_factor = first
    if gram_is_cheaper(points, rows, width, inputs):
        decomposition = 2 * inputs * width**2 - 2 / 3 * width**3
        last_factor = width * width
    return 2 * points * (first + sum(others) + rows * (sum(others) + last_factor)) + decomposition


if __name__ == "__main__":
    main()
