"""`Transitions.check`: it passes what is right, and finds each kind of fault."""

import pickle
from dataclasses import replace

import pytest
import torch
from torch import nn

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.network import Network
from sensitivity.regions import transitions
from sensitivity.regions.paths import Ellipse, Polygon, Segment, random_ellipse, translation_loop

SHAPE = (2, 6, 6)
COLUMNS = ("position", "replicate", "layer", "unit", "change")


def stack(activation="relu", biased=True, replicates=2):
    generator = torch.Generator().manual_seed(3)
    sizes = [(12, 6), (12, 12), (12, 12), (3, 12)]
    weights = [
        torch.randn(replicates, *s, generator=generator).double() / s[1] ** 0.5 for s in sizes
    ]
    biases = [torch.randn(replicates, s[0], generator=generator).double() / 3 for s in sizes]
    return Network([2 * w for w in weights], activation, biases if biased else None)


def module():
    torch.manual_seed(1)
    network = nn.Sequential(
        *(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3, padding=1)),
        *(nn.Hardtanh(), nn.MaxPool2d(3, 1, 1), nn.Flatten(), nn.Linear(36, 9), nn.ReLU()),
        nn.Linear(9, 3),
    )
    for parameter in network.parameters():
        parameter.data.mul_(2.5)  # else no unit would reach a bound of Hardtanh
    return network


def path_of(kind, d):
    points = torch.randn(4, d, generator=torch.Generator().manual_seed(5)).double()
    return {
        "polygon": lambda: Polygon(points),
        "segment": lambda: Segment(points[0], points[1]),
        "ellipse": lambda: Ellipse(points[0] / 2, points[1], points[2]),
        "around 0": lambda: random_ellipse(d, torch.Generator().manual_seed(5)),
    }[kind]()


KINDS = ("polygon", "segment", "ellipse", "around 0")


@pytest.mark.parametrize("activation", ["relu", "relu6", "hardtanh", "hardsigmoid"])
@pytest.mark.parametrize("kind", KINDS)
def test_right_transitions_of_stacks_pass(activation, kind):
    for biased in (True, False):
        found = transitions(stack(activation, biased), path_of(kind, 6))
        checked = found.check(every=True)
        assert checked.transitions == len(found) > 5
        assert checked.gaps >= found.places().sum() - 2
        assert checked.deviation < 1e-11


@pytest.mark.parametrize("kind", KINDS)
def test_right_transitions_of_a_module_with_pooling_pass(kind):
    found = transitions(module(), path_of(kind, 72), SHAPE)
    assert len(found.layer.unique()) == 5
    assert found.check(every=True).transitions == len(found)
    assert found.check(every=True).deviation < 1e-11


def test_units_that_are_zero_along_stretches_and_at_corners_pass():
    """Black margins leave pooled units nothing to see; without biases they are exactly zero."""
    image = torch.zeros(2, 6, 6, dtype=torch.float64)
    image[:, 2:4, 2:4] = torch.randn(2, 2, 2, generator=torch.Generator().manual_seed(0)).double()
    network = module()
    for layer in network:
        if getattr(layer, "bias", None) is not None:
            nn.init.zeros_(layer.bias)
    found = transitions(network, translation_loop(image), SHAPE)
    assert found.check(every=True).transitions == len(found) > 50


def test_as_many_as_asked_for_are_drawn():
    found = transitions(stack(), path_of("polygon", 6))
    checked = found.check(7, generator=torch.Generator().manual_seed(1))
    assert checked.gaps == 7
    assert 1 <= checked.transitions < len(found)
    state = torch.get_rng_state()
    assert found.check(7) == found.check(7)
    assert torch.equal(state, torch.get_rng_state())


def without(found, index):
    kept = torch.arange(len(found)) != index
    return replace(found, **{name: getattr(found, name)[kept] for name in COLUMNS})


def moved(found, index):
    position = found.position.clone()
    position[index] = (position[index] + 1e-3) % 1
    order = position.argsort(stable=True)
    order = order[found.replicate[order].argsort(stable=True)]
    columns = {name: getattr(found, name)[order] for name in COLUMNS}
    return replace(found, **{**columns, "position": position[order]})


def of_another_unit(found, index):
    unit = found.unit.clone()
    unit[index] = (unit[index] + 1) % 9
    return replace(found, unit=unit)


@pytest.mark.parametrize("fault", [without, moved, of_another_unit])
@pytest.mark.parametrize("kind", ["polygon", "segment", "ellipse"])
def test_every_planted_fault_is_found(fault, kind):
    """In each layer of a stack and of a module, the first and the last transition."""
    for found in (
        transitions(stack("hardtanh"), path_of(kind, 6)),
        transitions(module(), path_of(kind, 72), SHAPE),
    ):
        for layer in range(found.depth):
            for index in (found.layer == layer).nonzero().flatten()[[0, -1]].tolist():
                with pytest.raises(SensitivityError, match="and else report this as a fault"):
                    fault(found, index).check(every=True)


def test_what_cannot_be_checked_is_refused():
    found = transitions(stack(), path_of("polygon", 6))
    with pytest.raises(SensitivityError, match="at least 1"):
        found.check(0)
    copy = pickle.loads(pickle.dumps(transitions(module(), path_of("segment", 72), SHAPE)))
    assert len(copy) > 0
    in_32_bits = transitions(stack(), path_of("polygon", 6), dtype=torch.float32)
    for other in (copy, in_32_bits):
        with pytest.raises(SensitivityError, match="count them again"):
            other.check()
