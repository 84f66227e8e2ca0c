"""Curves through training points, and what is measured along them."""

import math

import pytest
import torch

from sensitivity.base.errors import SensitivityError
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.measures.taken.curves import bin_centres, norms_along, transitions_along
from sensitivity.measures.triples import KINDS, choose_triples, ellipses
from sensitivity.networks.network import Network
from sensitivity.regions import sampled_transitions, transitions


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def small_network(replicates=2):
    shapes = ((8, 10), (10, 10), (10, 3))
    weights = [torch.randn(replicates, o, i, generator=generator(i + o)) for i, o in shapes]
    return Network(weights, "relu")


def test_triples():
    labels = torch.tensor([0] * 5 + [1] * 2 + [2] * 30 + [3])
    same = choose_triples(labels, 50, True, generator())
    assert (labels[same] == labels[same][:, :1]).all()
    assert set(labels[same].flatten().tolist()) == {0, 2}, "classes of two cannot give a triple"
    different = choose_triples(labels, 50, False, generator())
    for triples in (same, different):
        assert all(len(set(triple)) == 3 for triple in triples.tolist())
    assert all(len(set(triple)) == 3 for triple in labels[different].tolist())
    assert set(labels[different].flatten().tolist()) == {0, 1, 2, 3}
    assert torch.equal(different, choose_triples(labels, 50, False, generator()))


def test_triples_that_do_not_exist():
    with pytest.raises(SensitivityError, match="larger"):
        choose_triples(torch.tensor([0, 0, 0, 1]), 1, False, generator())
    with pytest.raises(SensitivityError, match="larger"):
        choose_triples(torch.tensor([0, 0, 1, 1]), 1, True, generator())


def test_ellipses_meet_their_points_at_the_marked_angles():
    x, labels = torch.randn(60, 8, generator=generator()), torch.arange(60) % 3
    marked = torch.tensor([1, 3, 5], dtype=torch.float64) / 6
    for kind in ("same class", "different classes"):
        for curve in ellipses(kind, 4, x, labels, generator(1)):
            distances = torch.cdist(curve.points(marked), x.double())
            assert distances.amin(1).max() < 1e-6
            classes = set(labels[distances.argmin(1)].tolist())
            assert len(classes) == (1 if kind == "same class" else 3)
    assert len(ellipses("random", 4, x, labels, generator())) == 4


def test_measures_along_a_curve():
    network = small_network()
    x, labels = torch.randn(60, 8, generator=generator()), torch.arange(60) % 3
    curves = [c for kind in KINDS for c in ellipses(kind, 2, x, labels, generator())]
    norms, counts = norms_along(network, curves, 3), transitions_along(network, curves)
    assert norms.shape == counts.shape == (2, 6, 64)
    t = (torch.arange(64 * 3, dtype=torch.float64) + 0.5) / (64 * 3)
    expected = jacobian_norms(network, curves[3].points(t).float())
    torch.testing.assert_close(norms[:, 3], expected.view(2, 64, 3).mean(2), rtol=3e-4, atol=0)
    assert torch.equal(counts[:, 3].sum(1), transitions(network, curves[3]).counts())
    fine = sampled_transitions(network, curves[3], 2**15, torch.float64)
    assert torch.equal(counts[:, 3].sum(1), fine.to(counts))


def test_bins_are_centred():
    theta = bin_centres()
    assert len(theta) == 64
    assert math.isclose(theta[0], math.pi / 64)
    assert math.isclose(theta[-1], 2 * math.pi - math.pi / 64)
