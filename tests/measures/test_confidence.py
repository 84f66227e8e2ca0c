"""Norms at other confidences, against automatic differentiation of rescaled logits."""

import pytest
import torch
from torch.func import jacrev, vmap

from sensitivity.measures import confidence
from sensitivity.measures.confidence import LEVELS, at_confidence, scales_of
from sensitivity.networks.network import Network


def network_and_points(scale=1.0, classes=4):
    generator = torch.Generator().manual_seed(0)
    sizes = ((6, 9), (9, 9), (9, classes))
    weights = [scale * torch.randn(2, o, i, generator=generator) for i, o in sizes]
    return Network(weights, "relu"), torch.randn(40, 6, generator=generator)


@pytest.mark.parametrize("scale", [0.01, 1.0, 10.0])
def test_norms_are_those_of_rescaled_logits(scale):
    network, x = network_and_points(scale)
    found = at_confidence(network, x)
    precise, x = network.to(torch.float64), x.double()
    for r in range(2):
        logits = precise.logits(x)[r]
        p_max = logits.softmax(1).amax(1).mean()
        torch.testing.assert_close(found["maximum_probability"][r], p_max)
        for level, s in zip(LEVELS, scales_of(logits, LEVELS)):
            reached = (s * logits).softmax(1).amax(1).mean()
            assert 1 - reached == pytest.approx(1 - level, rel=1e-4)

            def rescaled(z, s=s, r=r):
                return (s * precise.logits(z[None])[r, 0]).softmax(0)

            norm = vmap(jacrev(rescaled))(x).flatten(1).norm(dim=1).mean()
            torch.testing.assert_close(
                found[f"jacobian_norm_at_confidence_{level:g}"][r], norm, rtol=1e-8, atol=0
            )


def test_what_no_number_reaches_is_missing(monkeypatch):
    flat = Network([torch.zeros(1, 9, 6), torch.zeros(1, 4, 9)], "relu")
    found = at_confidence(flat, torch.ones(3, 6))
    assert found.pop("maximum_probability") == 0.25
    assert all(values.isnan() for values in found.values())
    assert all(len(v) == 0 for v in at_confidence(flat.select([]), torch.ones(3, 6)).values())
    monkeypatch.setattr(confidence, "LARGEST", 100)
    network, x = network_and_points()
    assert all(values.isnan().all() for values in at_confidence(network, x).values())
