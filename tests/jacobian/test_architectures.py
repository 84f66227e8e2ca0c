"""Jacobian norms of modules of many kinds, against automatic differentiation in float64."""

import copy

import pytest
import torch
from torch import nn

from sensitivity.jacobian.norms import jacobian_norms


def by_autograd(module, x):
    """Norms of probabilities and of logits [2, P], point by point and class by class."""
    module = copy.deepcopy(module).double().eval()
    norms = []
    for point in x.double():
        for output in (lambda p: module(p[None])[0].softmax(0), lambda p: module(p[None])[0]):
            jacobian = torch.autograd.functional.jacobian(output, point)
            norms.append(jacobian.norm())
    return torch.stack(norms).view(-1, 2).T


def largest_probability(module, x):
    with torch.no_grad():
        return copy.deepcopy(module).double().eval()(x.double()).softmax(1).max()


def check(module, x):
    assert largest_probability(module, x) < 1 - 1e-4  # beyond, the reference errs
    expected = by_autograd(module, x)
    for of, norms in zip(("probabilities", "logits"), expected, strict=True):
        found = jacobian_norms(module, x, of)
        torch.testing.assert_close(found[0], norms, rtol=1e-10, atol=0)


class Transformer(nn.Module):
    """Attention over the rows of an image, a class from their mean."""

    def __init__(self, mask=False):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 4)
        self.mask = nn.Transformer.generate_square_subsequent_mask(5) if mask else None

    def forward(self, x):
        mask = None if self.mask is None else self.mask.to(x.dtype)
        return self.head(self.encoder(x, mask).mean(1))


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.recurrent = kind(8, 6, num_layers=2, batch_first=True)
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        return self.head(self.recurrent(x)[0][:, -1])


class Shared(nn.Module):
    """One layer, run three times, and a loop and a branch that no tracer follows."""

    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.Linear(40, 40), nn.Linear(40, 4)
        self.head.weight = nn.Parameter(self.layer.weight[:4].detach().clone())

    def forward(self, x):
        x = x.flatten(1)
        for _ in range(3):
            x = x + torch.tanh(self.layer(x))
        if not bool(x.isfinite().all()):
            raise ValueError("The values are not finite.")
        return self.head(x)


class OwnTensors(nn.Module):
    """Makes tensors of the default dtype in its forward, and multiplies with them."""

    def forward(self, x):
        steps = torch.linspace(-1, 1, 40)
        return x.flatten(1) @ torch.stack([steps, steps.square(), steps.sin()], 1)


def small_modules():
    torch.manual_seed(0)
    smooth = [nn.GELU(), nn.Tanh(), nn.SiLU(), nn.Sigmoid(), nn.ELU(), nn.Mish(), nn.Softplus()]
    chains = {
        f"a chain with {type(f).__name__}": nn.Sequential(
            nn.Flatten(), nn.Linear(40, 9), f, nn.Linear(9, 7), nn.ReLU(), f, nn.Linear(7, 4)
        )
        for f in (*smooth, nn.PReLU(), nn.Identity())
    }
    return chains | {
        "several slopes": nn.Sequential(
            nn.Flatten(), nn.Linear(40, 9), nn.PReLU(9), nn.Linear(9, 4)
        ),
        "one layer": nn.Sequential(nn.Flatten(), nn.Linear(40, 4)),
        "a transformer": Transformer(),
        "a masked transformer": Transformer(mask=True),
        "LayerNorm": nn.Sequential(
            nn.Flatten(), nn.Linear(40, 12), nn.LayerNorm(12), nn.GELU(), nn.Linear(12, 4)
        ),
        "GroupNorm": nn.Sequential(
            nn.Flatten(), nn.Linear(40, 12), nn.GroupNorm(3, 12), nn.ReLU(), nn.Linear(12, 4)
        ),
        "an RNN": Recurrent(nn.RNN),
        "an LSTM": Recurrent(nn.LSTM),
        "a GRU": Recurrent(nn.GRU),
        "shared weights": Shared(),
        "tensors of its own": nn.Sequential(OwnTensors(), nn.Dropout(0.5)),
        "weight norm": nn.Sequential(
            nn.Flatten(), nn.utils.parametrizations.weight_norm(nn.Linear(40, 4))
        ),
        "spectral norm": nn.Sequential(
            nn.Flatten(), nn.utils.parametrizations.spectral_norm(nn.Linear(40, 4))
        ),
    }


SMALL = small_modules()


@pytest.mark.parametrize("name", SMALL)
def test_small_modules(name):
    x = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(1))
    module = SMALL[name]
    if name == "tensors of its own":  # in float64 as the reference's must be
        torch.set_default_dtype(torch.float64)
    try:
        expected = by_autograd(module, x)
    finally:
        torch.set_default_dtype(torch.float32)
    for of, norms in zip(("probabilities", "logits"), expected, strict=True):
        torch.testing.assert_close(jacobian_norms(module, x, of)[0], norms, rtol=1e-10, atol=0)


TORCHVISION = {
    "efficientnet_b0": 64,
    "convnext_tiny": 64,
    "mobilenet_v3_small": 64,
    "mobilenet_v3_large": 64,
    "regnet_y_400mf": 64,
    "vit_b_16": 224,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHVISION)
def test_networks_of_torchvision(name):
    from sensitivity.base.torchvision_door import torchvision_module

    torchvision_module("torchvision.datasets")  # which makes torchvision importable
    from torchvision import models

    torch.manual_seed(0)
    size = TORCHVISION[name]
    module = getattr(models, name)(num_classes=3)
    for parameter in module.parameters():  # some heads begin as zeros
        if not parameter.any():
            nn.init.normal_(parameter, std=0.05)
    count = 1 if name == "vit_b_16" else 2
    check(module, torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1)))
