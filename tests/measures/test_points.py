"""Records of single points against their definitions in float64."""

import torch
from torch.func import jacrev, vmap
from torch.nn import functional

from made_up.orthogonal import orthogonal_norm
from sensitivity.measures.bounds import row_bounds
from sensitivity.measures.taken.points import point_records
from sensitivity.networks.network import Network


def network_and_points():
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(2, o, i, generator=generator) for i, o in ((6, 9), (9, 9), (9, 4))]
    x = torch.randn(40, 6, generator=generator)
    return Network(weights, "relu"), x, torch.arange(40) % 4


def test_every_record():
    network, x, labels = network_and_points()
    records = point_records(network, x, labels)
    precise = network.to(torch.float64)
    for r in range(2):
        logits = precise.logits(x.double())[r]
        p = logits.softmax(1)
        one_hot = functional.one_hot(labels, 4)
        jacobians = vmap(jacrev(lambda z, r=r: precise.probabilities(z[None])[r, 0]))(x.double())
        expected = {
            "jacobian_norm": jacobians.flatten(1).norm(dim=1),
            "true_class_jacobian_norm": jacobians[torch.arange(40), labels].norm(dim=1),
            "cross_entropy": functional.cross_entropy(logits, labels, reduction="none"),
            "squared_loss": (logits - one_hot).square().sum(1),
            "maximum_probability": p.amax(1),
        }
        for name, values in expected.items():
            torch.testing.assert_close(records[name][r], values, rtol=1e-5, atol=1e-10)
        assert torch.equal(records["correct"][r], logits.argmax(1) == labels)
    assert all(values.shape == (2, 40) for values in records.values())


def test_analytic_bounds_hold_where_the_logit_gradients_are_orthogonal():
    """A linear piece with orthogonal logit gradients: the bounds of the study, on a network."""
    generator = torch.Generator().manual_seed(1)
    rotation = torch.linalg.qr(torch.randn(12, 12, generator=generator)).Q
    last, shift = 2 * rotation[None, :5], torch.full((1, 12), 100.0)  # every unit is on
    network = Network([rotation[None], last], "relu", [shift, -(last @ shift[0])])
    x = torch.randn(200, 12, generator=generator)
    labels = torch.arange(200) % 5
    records = {k: v[0].numpy() for k, v in point_records(network, x, labels).items()}
    root_m = records["logit_jacobian_norm"] / 5**0.5
    low, high = row_bounds(records["cross_entropy"], 5)
    row = records["true_class_jacobian_norm"] / root_m
    assert (low * (1 - 1e-5) <= row).all()
    assert (row <= high * (1 + 1e-5)).all()
    p = network.to(torch.float64).probabilities(x.double())[0].numpy()
    assert abs(records["jacobian_norm"] / root_m / orthogonal_norm(p) - 1).max() < 1e-4
