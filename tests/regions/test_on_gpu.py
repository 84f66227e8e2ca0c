"""What exact counts ask of a GPU, on a pretended one: few launches and few waits to a piece."""

from itertools import pairwise

import pytest
import torch

from sensitivity.networks.network import Network
from sensitivity.regions.counting import count_transitions, transitions
from sensitivity.regions.paths import Ellipse, Polygon
from sensitivity.regions.walk import Walk

SIZES = (10, 12, 9, 11, 3)
NODE = 8 * 300
"""Bytes to a node of these networks, about."""


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def network(replicates, activation):
    weights = [normal(replicates, o, i) * (4 / i) ** 0.5 for i, o in pairwise(SIZES)]
    return Network(weights, activation, [normal(replicates, o) / 3 for o in SIZES[1:]])


@pytest.fixture
def pieces(monkeypatch):
    """The pieces that went through a layer."""
    found, walk = [], Walk._walk

    def watched(self, piece, index):
        found.append(piece)
        return walk(self, piece, index)

    monkeypatch.setattr(Walk, "_walk", watched)
    return found


@pytest.mark.parametrize("activation", ["relu", "hardtanh"])
@pytest.mark.parametrize(
    ("paths", "waits"),
    [([Polygon(normal(7, 10, seed=s)) for s in range(4)], 2), ([Ellipse(*normal(3, 10))], 4)],
    ids=["polygons", "ellipse"],
)
def test_a_piece_takes_few_waits_whatever_the_replicates(paths, waits, activation, pretend, pieces):
    subject = network(5, activation)
    expected = count_transitions(subject, paths)
    pieces.clear()
    with pretend() as gpu:
        there = subject.to("cuda:0")
        gpu.restart()
        counts = count_transitions(there, paths, memory=10 * 1500 * NODE)
        # Each threshold is looked for by itself; margins are found network by network.
        thresholds = len(subject.activation.thresholds)
        assert gpu.waits <= (waits - 1) * thresholds * len(pieces) + len(pieces) + 3, gpu.waited
        most = (280 if waits == 4 else 70) * thresholds * (len(pieces) + 1)
        assert gpu.launches <= most + 70 * subject.replicates
        assert torch.equal(counts.cpu(), expected)
    assert len(pieces) == 3  # one a layer, all five replicates and all the paths in it


@pytest.mark.parametrize("replicates", [1, 3])
def test_every_transition_is_found_at_its_place(replicates, pretend):
    subject = network(replicates, "hardtanh")
    for path in (Polygon(normal(7, 10)), Ellipse(*normal(3, 10))):
        expected = transitions(subject, path)
        with pretend():
            found = transitions(subject.to("cuda:0"), path)
            for name in ("replicate", "layer", "unit", "change"):
                assert torch.equal(getattr(found, name).cpu(), getattr(expected, name)), name
            torch.testing.assert_close(found.position.cpu(), expected.position, rtol=0, atol=1e-11)


def test_pieces_grow_with_the_memory_that_is_free(pretend, pieces):
    subject, paths = network(2, "relu"), [Polygon(normal(60, 10))]
    most = []
    for gigabytes in (0.001, 0.1):
        pieces.clear()
        with pretend(gigabytes=gigabytes):
            count_transitions(subject.to("cuda:0"), paths)
        most.append(max(map(len, pieces)))
    assert most[0] < 400 < most[1]
