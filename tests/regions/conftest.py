"""An independent view of modules: codes of all units, seen by hooks; and stacks on a processor."""

import copy
from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.nn import functional

from sensitivity.regions import plan

THRESHOLDS = {
    nn.ReLU: lambda m: (0,),
    nn.LeakyReLU: lambda m: (0,),
    nn.PReLU: lambda m: (0,),
    nn.ReLU6: lambda m: (0, 6),
    nn.Hardtanh: lambda m: (m.min_val, m.max_val),
    nn.Hardsigmoid: lambda m: (-3, 3),
    nn.Softshrink: lambda m: (-m.lambd, m.lambd),
    nn.Threshold: lambda m: (m.threshold,),
}


@dataclass
class Seen:
    """Of one piecewise layer at P points: its inputs [P, D], and codes [P, units].

    A pool's units are its windows, and the codes are flat indices of the winning inputs.
    """

    layer: nn.Module
    z: torch.Tensor
    codes: torch.Tensor

    @property
    def pools(self):
        return not isinstance(self.layer, tuple(THRESHOLDS))


def look(module, x):
    """What all piecewise layers of a module see at points x [P, *shape], in order of execution."""
    found = []

    def hook(layer, inputs, output):
        z = inputs[0].detach()
        if type(layer) in THRESHOLDS:
            codes = sum((z > t).long() for t in THRESHOLDS[type(layer)](layer)).flatten(1)
        else:
            settings = layer.kernel_size, layer.stride, layer.padding, layer.dilation
            pool = functional.max_pool2d if z.dim() == 4 else functional.max_pool1d
            inner = z[0, 0].numel()
            # Of inputs that are equal but for rounding the first is to win.
            ramp = 1e-12 * torch.arange(inner).view_as(z[0, 0])
            _, index = pool(z - ramp, *settings, ceil_mode=layer.ceil_mode, return_indices=True)
            channel = torch.arange(z.shape[1]).view(1, -1, *[1] * (z.dim() - 2))
            codes = (index + inner * channel).flatten(1)
        found.append(Seen(layer, z.flatten(1).clone(), codes))

    kinds = (*THRESHOLDS, nn.MaxPool1d, nn.MaxPool2d)
    layers = [m for m in module.modules() if isinstance(m, kinds)]
    handles = [layer.register_forward_hook(hook) for layer in layers]
    module(x)
    for handle in handles:
        handle.remove()
    return found


@pytest.fixture(scope="session")
def equals_sampling():
    """Checks transitions of a module against codes at a grid and between all breakpoints."""

    def check(module, found, input_shape, grid=500):
        module = copy.deepcopy(module).double().eval()
        places = found.position.unique()
        places = places[torch.cat([torch.ones(1), places.diff()]) > 1e-11]
        ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
        edges = torch.cat([ends[:1], places, ends[1:]])
        between = ((edges[1:] + edges[:-1]) / 2)[edges.diff() > 1e-10]
        points = torch.linspace(0, 1, grid + 1, dtype=torch.float64)[1:-1] + 0.01 / grid
        near = (points[:, None] - edges).abs().amin(1) < 1e-11
        t = torch.cat([between, points[~near]]).sort().values
        t = torch.cat([t, t[:1] + 1]) if found.path.closed else t
        x = found.path.points(t % 1 if found.path.closed else t)
        with torch.no_grad():
            layers = look(module, x.unflatten(1, input_shape))
        assert len(layers) == found.depth == len(found.names)
        expected = []
        for number, seen in enumerate(layers):
            step, unit = (seen.codes[1:] != seen.codes[:-1]).nonzero().unbind(1)
            old, new = seen.codes[step, unit], seen.codes[step + 1, unit]
            if seen.pools:
                times, unit = torch.ones_like(unit), new
            else:
                times = (new - old).abs()
            rows = torch.stack([step, torch.full_like(step, number), unit, (new - old).sign()], 1)
            expected.append(rows.repeat_interleave(times, 0))
        position = found.position
        if found.path.closed:
            position = torch.where(position < t[0], position + 1, position)
        step = torch.searchsorted(t, position.contiguous()) - 1
        step = step.clamp(0, len(t) - 2)
        rows = torch.stack([step, found.layer, found.unit, found.change.long()], 1)
        assert _sorted(rows) == _sorted(torch.cat(expected))

    return check


@pytest.fixture(scope="session")
def at_thresholds():
    """Checks that at every breakpoint the named unit is at its threshold, to 1e-9."""

    def check(module, found, input_shape):
        module = copy.deepcopy(module).double().eval()
        x = found.path.points(found.position).unflatten(1, input_shape)
        with torch.no_grad():
            layers = look(module, x)
        for number, seen in enumerate(layers):
            rows = (found.layer == number).nonzero()[:, 0]
            z, unit = seen.z[rows], found.unit[rows]
            value = z.gather(1, unit[:, None])[:, 0]
            if seen.pools:  # It is as large as the winner of some window that it does not win.
                best = z.gather(1, seen.codes[rows])
                assert ((best - value[:, None]).abs().amin(1) <= 1e-9).all()
            else:
                limits = THRESHOLDS[type(seen.layer)](seen.layer)
                thresholds = torch.tensor(limits, dtype=torch.float64)
                assert ((value[:, None] - thresholds).abs().amin(1) <= 1e-9).all()

    return check


def _sorted(rows):
    return sorted(map(tuple, rows.tolist()))


@pytest.fixture
def stack(monkeypatch):
    """Makes so many replicates share a piece on the processor, too."""

    def share(replicates):
        monkeypatch.setitem(plan.STACKED, "cpu", replicates)

    return share
