"""Speed of training: python tests/benchmarks/training.py [--repeats 7] [--only stack,modules,job]

All contestants of a table run in this process, in turns, and the median of the turns is printed:
Markdown for docs/performance.md. One processor thread, and its processor time, which on an idle
machine is the time that passes. On a machine with a GPU its table is added, in time that passes.
"""

import argparse
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

SCRIPTS = Path(__file__).parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from sensitivity.datasets import Dataset  # noqa: E402
from sensitivity.study.recipe import Recipe  # noqa: E402
from sensitivity.training.any_module import AnyModule  # noqa: E402
from sensitivity.training.problem import Problem  # noqa: E402
from sensitivity.training.stacks import stack_size  # noqa: E402
from sensitivity.training.stochastic import MiniBatchRun  # noqa: E402


def main() -> None:
    tables = {"stack": stack, "peak": peak, "modules": modules, "job": job, "gpu": gpu}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", default=",".join(tables))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    for name in arguments.only.split(","):
        tables[name](arguments.repeats)


def images(count: int, shape: tuple[int, ...], classes: int = 10) -> Dataset:
    """Noise in the shape of a data set: the values do not change the time of a step."""
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (count + 1000, *shape), dtype=np.uint8)
    y = random.integers(0, classes, count + 1000)
    return Dataset("noise", x[:count], y[:count], x[count:], y[count:])


def timed(contestants: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each, taken in turns, after one turn to warm up."""
    gpu = torch.cuda.is_available()
    clock = time.perf_counter if gpu else time.process_time
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(repeats + 1):
        for name, work in contestants.items():
            if gpu:
                torch.cuda.synchronize()
            begin = clock()
            work()
            if gpu:
                torch.cuda.synchronize()
            if turn:
                times[name].append(clock() - begin)
    return {name: statistics.median(values) for name, values in times.items()}


def operations(sizes: list[int], batch: int) -> float:
    """Of one training step of one network: forward, weight gradients, input gradients."""
    products = [fan_in * fan_out for fan_in, fan_out in pairwise(sizes)]
    return 2 * batch * (3 * sum(products) - products[0])


def ours(problem: Problem, seeds: list[int], steps: int) -> Callable[[], None]:
    """Training as the engine does it: stacks of the size that it chooses, one after another."""
    size = stack_size(problem, len(seeds))
    groups = [seeds[start : start + size] for start in range(0, len(seeds), size)]
    runs = []
    for group in groups:
        start = (rows.to(problem.device) for rows in problem.model.initial(group))
        runs.append(MiniBatchRun(problem, group, *start))

    def work() -> None:
        for run in runs:
            for _ in range(steps):
                run.advance()

    return work


def eager(problem: Problem, seeds: list[int], steps: int) -> Callable[[], None]:
    """Idiomatic PyTorch, one network after another: modules, autograd, torch.optim."""
    device, recipe = problem.device, problem.recipe
    count, batch = len(problem.images_Nd), recipe.batch_size
    networks = []
    shape = image_shape(problem)
    for seed in seeds:
        network = module_of(problem, seed).to(device)
        rate = recipe.learning_rate
        optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9)
        order = torch.randperm(count, device=device)
        networks.append((network, optimizer, order))

    def work() -> None:
        with torch.enable_grad():
            for network, optimizer, order in networks:
                for step in range(steps):
                    start = step * batch % (count - batch)
                    drawn = order[start : start + batch]
                    optimizer.zero_grad()
                    logits = network(problem.images_Nd[drawn].view(-1, *shape))
                    nn.functional.cross_entropy(logits, problem.labels_N[drawn]).backward()
                    optimizer.step()

    return work


def module_of(problem: Problem, seed: int) -> nn.Module:
    """One network as a module."""
    if isinstance(problem.model, AnyModule):
        return problem.model.architecture.build(seed)
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(problem.model.sizes):
        layers += [nn.Linear(fan_in, fan_out, bias=False), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def image_shape(problem: Problem) -> tuple[int, ...]:
    """Of what a module takes."""
    model = problem.model
    return model.architecture.input_shape if isinstance(model, AnyModule) else (model.sizes[0],)


def products(size: int, count: int, device: torch.device) -> Callable[[], None]:
    """`count` matrix products of size^3, on the device that trains."""
    a, b, out = torch.randn(3, size, size).to(device).unbind()

    def work() -> None:
        for _ in range(count):
            torch.mm(a, b, out=out)

    return work


def rates(problem: Problem, replicates: int, steps: int, repeats: int) -> None:
    """Print one row: time per step and replicate, speed against eager, share of the peak."""
    seeds = list(range(replicates))
    contestants = {
        "ours": ours(problem, seeds, steps),
        "eager": eager(problem, seeds, steps),
        "product": products(2000, 2, problem.device),
    }
    seconds = timed(contestants, repeats)
    work = operations(problem.model.sizes, problem.recipe.batch_size) * replicates * steps
    peak_rate = 2 * 2 * 2000**3 / seconds["product"]
    rate = work / seconds["ours"]
    milliseconds = {name: 1e3 * seconds[name] / steps / replicates for name in ("ours", "eager")}
    print(
        f"| {replicates} x {problem.model.sizes[0]}-{problem.recipe.width}x{problem.recipe.depth} "
        f"| {stack_size(problem, replicates)} | {milliseconds['ours']:.2f} ms "
        f"| {milliseconds['eager']:.2f} ms | {seconds['eager'] / seconds['ours']:.2f} "
        f"| {rate / 1e9:.0f} | {rate / peak_rate:.0%} |"
    )


HEADER = (
    "| replicates | in a stack | a step of one, ours | eager | ratio | GFLOP/s | of 2000³ |"
    "\n|---|---|---|---|---|---|---|"
)


def stack(repeats: int) -> None:
    """Many replicates against one after another."""
    print(HEADER)
    data = images(50_000, (28, 28))
    for replicates, width, depth, batch in ((8, 100, 3, 256), (8, 50, 2, 128), (3, 200, 4, 128)):
        recipe = Recipe(width, depth, "relu", batch_size=batch)
        rates(Problem.of(recipe, data, torch.device("cpu")), replicates, 20, repeats)


def peak(repeats: int) -> None:
    """One wide replicate against the rate of a large product."""
    data = images(50_000, (28, 28))
    rates(Problem.of(Recipe(500, 3, "relu"), data, torch.device("cpu")), 1, 20, repeats)


def modules(repeats: int) -> None:
    """Modules by autograd against the same modules, one replicate after another."""
    print("\n| replicates | network | a step of one, ours | eager | ratio |\n|---|---|---|---|---|")
    data = images(4000, (28, 28))
    named = {"convolutional": {}, "residual": {"arguments": (("stages", 2),)}}
    shapes = [("convolutional", 4, 2), ("convolutional", 16, 4), ("residual", 8, 1)]
    for architecture, width, depth in shapes:
        recipe = Recipe(
            width, depth, "relu", batch_size=128, architecture=architecture, **named[architecture]
        )
        problem = Problem.of(recipe, data, torch.device("cpu"))
        contestants = {
            "ours": ours(problem, list(range(3)), 10),
            "eager": eager(problem, list(range(3)), 10),
        }
        seconds = timed(contestants, repeats)
        steps = {name: 1e3 * value / 30 for name, value in seconds.items()}
        print(
            f"| 3 | {architecture} {width}x{depth} | {steps['ours']:.2f} ms "
            f"| {steps['eager']:.2f} ms | {steps['eager'] / steps['ours']:.2f} |"
        )


def job(repeats: int) -> None:
    """A whole training job in a process of its own against the training that it logs."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("d.npz", "w.safetensors", "h.csv", "c", "log")]
        data, weights, history, checkpoint, log = map(str, paths)
        images(4000, (28, 28)).save(data)
        recipe = {"width": 200, "depth": 4, "activation": "relu", "replicates": 3}
        recipe |= {"steps": 3000, "batch_size": 128, "learning_rate": 0.01}
        settings = json.dumps({"dataset": "noise", "model": "benchmark", "recipe": recipe})
        command = [sys.executable, str(SCRIPTS / "train.py"), "--data", data, "--log", log]
        command += ["--weights", weights, "--history", history, "--checkpoint", checkpoint]
        command += ["--settings", settings, "--device", "cpu"]
        excesses = []
        for _ in range(repeats):
            begin = time.perf_counter(), _processor_time_of_children()
            subprocess.run(command, check=True)
            job = time.perf_counter() - begin[0], _processor_time_of_children() - begin[1]
            found = re.search(r"took ([\d.]+) s, and ([\d.]+) s", Path(log).read_text())
            excesses.append([whole - float(part) for whole, part in zip(job, found.groups())])
    passed, processor = (statistics.median(column) for column in zip(*excesses))
    print(
        f"\nA job of 3 x 784-200x4, 3000 steps, takes {passed:.2f} s more than its training, "
        f"{processor:.2f} s of processor time (median of {repeats})"
    )


def _processor_time_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def gpu(repeats: int) -> None:
    """On a GPU: stacks against one after another."""
    if not torch.cuda.is_available():
        print("\nno GPU: its table was not measured")
        return
    print(HEADER)
    data = images(50_000, (32, 32, 3))
    for replicates in (8, 64):
        problem = Problem.of(Recipe(200, 5, "relu"), data, torch.device("cuda"))
        rates(problem, replicates, 50, repeats)


if __name__ == "__main__":
    main()
