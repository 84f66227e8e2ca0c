"""Launches and waits of a training on a pretended GPU: python tests/benchmarks/launches.py

Printed in Markdown for docs/performance.md. What is counted does not depend on the machine.
"""

import argparse
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent / "scripts"), str(TESTS / "gpu")]

from pretended import pretend  # noqa: E402
from sensitivity.datasets import Dataset  # noqa: E402
from sensitivity.study.recipe import Recipe  # noqa: E402
from sensitivity.training.batches import Batches  # noqa: E402
from sensitivity.training.lbfgs import FullBatchRun  # noqa: E402
from sensitivity.training.problem import Problem  # noqa: E402
from sensitivity.training.stochastic import MiniBatchRun  # noqa: E402

GPU = torch.device("cuda", 0)
STEPS, ITERATIONS = 64, 40


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    print("| 8 x 64-50x5 | launches | waits |\n|---|---|---|")
    for optimizer in ("sgd", "momentum", "rmsprop", "adam"):
        launches, waits = a_step(optimizer)
        print(f"| a step, {optimizer} | {launches:.2f} | {waits:.2f} |")
    launches, waits = an_iteration()
    print(f"| an iteration of L-BFGS, 1 replicate | {launches:.0f} | {waits:.1f} |")
    orders()


def begun(kind, recipe, replicates):
    random = np.random.default_rng(0)
    x, y = random.integers(0, 256, (1100, 8, 8), dtype=np.uint8), np.arange(1100) % 10
    problem = Problem.of(recipe, Dataset("noise", x[:1024], y[:1024], x[1024:], y[1024:]), GPU)
    weights = sum(fan_in * fan_out for fan_in, fan_out in pairwise(problem.sizes))
    start = torch.randn(replicates, weights, generator=torch.Generator().manual_seed(0)) / 8
    return kind(problem, list(range(replicates)), start.to(GPU))


def a_step(optimizer: str) -> tuple[float, float]:
    """Per step, after the first epoch, in which the step is captured."""
    with pretend() as gpu:
        run = begun(MiniBatchRun, Recipe(50, 5, "relu", optimizer=optimizer, batch_size=64), 8)
        for _ in range(16):
            run.advance()
        gpu.restart()
        for _ in range(STEPS):
            run.advance()
        return gpu.launches / STEPS, gpu.waits / STEPS


def an_iteration() -> tuple[float, float]:
    """Per iteration, from the 21st to the 40th."""
    with pretend() as gpu:
        run = begun(FullBatchRun, Recipe(50, 5, "relu", optimizer="lbfgs"), 1)
        while run.step < ITERATIONS and not run.finished:
            if run.step == ITERATIONS - 20:
                gpu.restart()
            run.advance(lambda: None)
        done = run.step - (ITERATIONS - 20)
        return gpu.launches / done, gpu.waits / done


def orders() -> None:
    """What a thread draws while a GPU is busy with an epoch."""
    batches = Batches(50_000, 256)
    begin = time.perf_counter()
    batches.draws(range(64), 0)
    print(f"\nOrders of an epoch, 64 x 50,000: {time.perf_counter() - begin:.3f} s, in a thread")


if __name__ == "__main__":
    main()
