"""CUDA against the CPU on a real GPU, in five minutes at most: python tests/gpu/real.py

Trains stacks of small fully connected and convolutional networks on both devices, measures the
same networks on both, and prints a Markdown table of how far they are apart, whether a second
training on the GPU gives the same bytes, and how long both take. It exits with 1 where they are
farther apart than rounding explains.

**No one has run this on a GPU yet.** The tests of this repository run it with the CPU on both
sides, which checks the program and no GPU. Tolerances are guesses until someone reports numbers.
"""

import argparse
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from sensitivity.base import device as devices
from sensitivity.datasets import Dataset
from sensitivity.measures.counts import counts_on
from sensitivity.measures.jacobians import jacobian_sizes
from sensitivity.networks.network import Network
from sensitivity.regions import count_transitions
from sensitivity.regions.paths import translation_loop
from sensitivity.study.recipe import Recipe
from sensitivity.training.training import Training, train

SIDE, IMAGES, REPLICATES = 8, 400, 4
FULLY = {"width": 64, "depth": 3}
CONVOLUTIONAL = {"architecture": "convolutional", "width": 8, "depth": 2}
TRAININGS = [
    *({**FULLY, "optimizer": name} for name in ("sgd", "momentum", "adam", "rmsprop")),
    {**FULLY, "optimizer": "lbfgs", "steps": 10},
    {**FULLY, "augmentation": "heavy"},
    CONVOLUTIONAL,
    {**CONVOLUTIONAL, "arguments": {"batch_norm": True}},
    {**CONVOLUTIONAL, "optimizer": "lbfgs", "steps": 5},
    {"architecture": "residual", "width": 4, "depth": 1, "arguments": {"stages": 2}},
]
LOSS_APART, NORM_APART, COUNT_APART = 1e-2, 1e-3, 1e-2  # relative; the first after `steps` steps


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda", help="the one to compare with the CPU")
    parser.add_argument("--steps", type=int, default=60, help="of training (default 60)")
    arguments = parser.parse_args(argv)
    where = devices.prepare(arguments.device, 1)
    print(f"{devices.title(where)} against the CPU, PyTorch {torch.__version__}.\n")
    print("| recipe | loss apart | same bytes again | norms apart | counts apart | CPU | device |")
    print("|---|---|---|---|---|---|---|")
    well = [row(changes, where, arguments.steps) for changes in TRAININGS]
    print(f"\n{sum(well)} of {len(well)} rows are as near as they should be.")
    return 0 if all(well) else 1


def row(changes: dict, where: torch.device, steps: int) -> bool:
    """Print the row of one recipe -> whether the two devices are near, and bytes repeat."""
    values = {"steps": steps, "batch_size": 32, "learning_rate": 0.02, "replicates": REPLICATES}
    recipe, data = Recipe(**{"activation": "relu", **values, **changes}), dataset()
    here, seconds_here = timed(recipe, data, torch.device("cpu"))
    there, seconds_there = timed(recipe, data, where)
    again, _ = timed(recipe, data, where)
    loss = apart(losses(there), losses(here))
    repeats = all(torch.equal(a, b) for a, b in zip(there.network.weights, again.network.weights))
    # The same weights on both devices: how trainings differ is in the column before.
    norms = [norms_of(here, data, device) for device in ("cpu", where)]
    counts = [counts_of(here, data, device) for device in ("cpu", where)]
    norm, count = apart(*norms), apart(*counts)
    name = ", ".join(f"{key} {value}" for key, value in changes.items())
    times = f"{seconds_here:.2f} s | {seconds_there:.2f} s"
    print(f"| {name} | {loss:.1e} | {repeats} | {norm:.1e} | {count:.1e} | {times} |", flush=True)
    return repeats and loss < LOSS_APART and norm < NORM_APART and count < COUNT_APART


def dataset() -> Dataset:
    """Ten noisy patterns."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(10, (IMAGES,), generator=generator)
    patterns, noise = (torch.rand(n, SIDE, SIDE, generator=generator) for n in (10, IMAGES))
    images = ((0.6 * patterns[labels] + 0.4 * noise) * 255).byte().numpy()
    labels, half = labels.numpy(), IMAGES // 2
    return Dataset("patterns", images[:half], labels[:half], images[half:], labels[half:])


def timed(recipe: Recipe, data: Dataset, where: torch.device) -> tuple[Training, float]:
    begin = time.perf_counter()
    trained = train(recipe, data, device=where)
    return trained, time.perf_counter() - begin


def losses(trained: Training) -> torch.Tensor:
    final = [row["training_loss"] for row in trained.history if row["final"]]
    return torch.tensor(final, dtype=torch.float64)


def norms_of(trained: Training, data: Dataset, where) -> torch.Tensor:
    """Jacobian norms of all replicates at twenty test images."""
    network, x = trained.network.to(torch.device(where)), data.inputs("test")[:20].to(where)
    return jacobian_sizes(network, x).norms.cpu()


def counts_of(trained: Training, data: Dataset, where) -> torch.Tensor:
    """Transitions of all replicates on the loops of two test images."""
    images = data.inputs("test")[:2].view(-1, *data.image_shape)
    loops = [translation_loop(image, "last") for image in images]
    network = trained.network.to(torch.device(where))
    of = count_transitions if isinstance(network, Network) else counts_on
    return of(network, loops).double().cpu()


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest difference, as a share of the larger of both."""
    return float(((a - b).abs() / torch.maximum(a.abs(), b.abs()).clamp_min(1e-12)).max())


if __name__ == "__main__":
    sys.exit(main())
