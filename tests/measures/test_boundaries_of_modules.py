"""Figure 3 of a convolutional model: exact regions, pixels beyond a bound, plain forward passes."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from sensitivity.architectures.building import Architecture
from sensitivity.architectures.layout import Layout
from sensitivity.architectures.modules import Modules
from sensitivity.measures.measuring import Measurement
from sensitivity.measures.taken import boundaries
from sensitivity.regions.slices import Plane, pixel_centres
from sensitivity.study.recipe import Recipe

RESOLUTION = 200


def measured():
    """What the measure gives for two replicates of other seeds than the recipe's, and the first."""
    architecture = Architecture("convolutional", (1, 6, 6), 3, 3, 2, "relu")
    built = [architecture.build(seed) for seed in (5, 6)]
    network = Modules(architecture, built[0], *Layout.of(built[0]).rows(built))
    generator = torch.Generator().manual_seed(0)
    x, labels = torch.randn(30, 36, generator=generator), torch.arange(30) % 3
    dataset = SimpleNamespace(
        inputs=lambda split: x, labels=lambda split: labels, x_train=x.view(30, 6, 6).numpy()
    )
    dataset.drawn = lambda seed: dataset
    recipe = Recipe.from_dict(
        {"architecture": "convolutional", "width": 3, "depth": 2, "activation": "relu"}
    )
    settings = {"recipe": recipe.to_dict(), "resolution": RESOLUTION}
    measurement = Measurement(network, dataset, settings, torch.device("cpu"))
    arrays = boundaries.measure(measurement)
    chosen = [int((x.view(30, 6, 6) == torch.from_numpy(i)).flatten(1).all(1).nonzero())
              for i in arrays["images"]]  # fmt: skip
    return arrays, built[0], Plane.through(*x[chosen])


def test_regions_are_exact_and_pixels_see_them(monkeypatch):
    exact, module, plane = measured()
    monkeypatch.setattr(boundaries, "POLYGONS", 5)
    pixels, _, _ = measured()
    for name in ("before", "after"):
        assert exact[f"{name}_count"] == len(exact[f"{name}_ids"]) > 20
        ids = set(exact[f"{name}_ids"].tolist())
        mosaic = pixels[f"{name}_mosaic"]
        assert mosaic.shape == (RESOLUTION, RESOLUTION)
        assert 20 < len(seen := set(mosaic.flatten().tolist())) == pixels[f"{name}_count"]
        assert seen <= ids
        assert float(pixels[f"{name}_share_near"]) == pytest.approx(
            float(exact[f"{name}_share_near"]), rel=0.1
        )
    layers = [part for part in module.modules() if isinstance(part, nn.ReLU)]
    codes = []
    layers[-1].register_forward_hook(lambda _, given, __: codes.append(given[0].flatten(1) > 0))
    x = plane.points(pixel_centres(RESOLUTION)).view(-1, 1, 6, 6)
    with torch.no_grad():
        module.double().eval()(x)
    _, expected = codes[0].unique(dim=0, return_inverse=True)
    _, found = pixels["after_mosaic"].flatten().unique(return_inverse=True)
    together = torch.stack([expected, found], 1).unique(dim=0)
    assert len(together) == expected.max() + 1 == found.max() + 1  # one id a code
