"""Many paths, little memory, single precision, estimates; and what is refused."""

import math

import pytest
import torch

from made_up.networks import PAPER, PATHS, random_network, random_path
from sensitivity.base.errors import SensitivityError
from sensitivity.networks.network import Network
from sensitivity.regions import plan, sampled_transitions
from sensitivity.regions.counting import count_transitions, transitions
from sensitivity.regions.paths import Polygon
from sensitivity.regions.walk import Walk


def test_many_paths_at_once_are_counted_as_one_by_one():
    network = random_network("relu6", 5, biases=True, replicates=3)
    paths = [random_path(kind, seed) for seed in range(3) for kind in PATHS]
    together = count_transitions(network, paths, by_layer=True)
    assert together.shape == (3, 12, 3)
    for i, path in enumerate(paths):
        found = transitions(network, path)
        assert torch.equal(together[:, i], found.layer_counts())
        for r in range(3):
            alone = count_transitions(network.replicate(r), [path])
            assert torch.equal(alone[0, 0], found.counts()[r])
    assert torch.equal(count_transitions(network, paths), together.sum(2))


@pytest.mark.parametrize(("dtype", "size"), [(torch.float64, 1e12), (torch.float32, 1e4)])
def test_a_count_does_not_depend_on_the_paths_beside_it(dtype, size):
    network = random_network("hardtanh", 0, biases=True).to(dtype)
    path = random_path("polygon", 0)
    together = count_transitions(network, [path, Polygon(size * path.vertices)], dtype=dtype)
    assert torch.equal(together[:, :1], count_transitions(network, [path], dtype=dtype))


@pytest.mark.slow
@pytest.mark.parametrize("kind", PATHS)
def test_little_memory_gives_the_same(kind):
    """A budget too small for more than two nodes to a piece: every arc goes through alone."""
    network = random_network("hardtanh", 6, biases=True)
    path = random_path(kind, 6)
    expected = transitions(network, path).layer_counts()
    for memory in (1, 20_000, 100_000):
        counts = count_transitions(network, [path, path], by_layer=True, memory=memory)
        assert torch.equal(counts[:, 0], expected)
        assert torch.equal(counts[:, 1], expected)


def test_pieces_stay_within_their_number_of_nodes(monkeypatch):
    sizes, walk = [], Walk._walk

    def watched(self, piece, index):
        sizes.append(len(piece))
        return walk(self, piece, index)

    monkeypatch.setattr(Walk, "_walk", watched)
    monkeypatch.setitem(plan.NODES, "cpu", 20)
    network = random_network("hardtanh", 2, biases=True, sizes=(10, 40, 40, 40, 3))
    count_transitions(network, [random_path("ellipse", seed) for seed in range(5)])
    assert len(sizes) > 10
    assert max(sizes) <= 20


@pytest.mark.slow
@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize("activation", PAPER)
def test_float32_is_close_to_float64(activation, kind):
    """Also where a piece holds many nodes: 40 lines, with some 200 breakpoints each."""
    network = random_network(activation, 2, biases=True, sizes=(10, 60, 60, 60, 3))
    paths = [random_path(kind, seed) for seed in range(40)]
    exact = count_transitions(network, paths)
    rounded = count_transitions(network.to(torch.float32), paths, dtype=torch.float32)
    assert ((exact - rounded).abs() <= 0.02 * exact).all()


@pytest.mark.parametrize("kind", PATHS)
def test_region_lengths_and_histogram_follow_from_the_positions(kind):
    network = random_network("relu", 4, biases=False)
    path = random_path(kind, 4)
    found = transitions(network, path)
    whole = path.arc_length(torch.ones(1))
    for r in range(2):
        position = found.position[found.replicate == r]
        assert (position.diff() >= 0).all()
        lengths = found.region_lengths(r)
        assert len(lengths) == len(position)
        torch.testing.assert_close(lengths.sum(), whole[0])
        i = len(position) // 2
        chord = (path.points(position[i : i + 1]) - path.points(position[i - 1 : i])).norm()
        assert lengths[i] >= chord - 1e-12
        bins = (position * 8).long().bincount(minlength=8)
        assert torch.equal(found.histogram(8)[r], bins)


def test_a_path_within_one_region():
    network = Network([torch.eye(2)[None], torch.ones(1, 1, 2)], "relu")
    path = Polygon(torch.tensor([[1.0, 1], [2, 1], [2, 2]]))
    found = transitions(network, path)
    assert len(found) == 0
    assert found.counts().tolist() == [0]
    torch.testing.assert_close(found.region_lengths(0), path.arc_length(torch.ones(1)))


def test_refuses_what_has_no_answer():
    network = random_network("relu", 0, biases=False)
    with pytest.raises(SensitivityError, match="runs through 4 dimensions"):
        count_transitions(network, [Polygon(torch.zeros(3, 4))])
    with pytest.raises(SensitivityError, match="no replicate 2"):
        transitions(network, random_path("loop", 0)).region_lengths(2)
    with pytest.raises(SensitivityError, match="a list of paths"):
        count_transitions(network, random_path("loop", 0))
    with pytest.raises(SensitivityError, match=r"Segment or an Ellipse, not a list"):
        transitions(network, [random_path("loop", 0)])
    with pytest.raises(SensitivityError, match="runs through 4 dimensions"):
        sampled_transitions(network, Polygon(torch.zeros(3, 4)), 10)
    with pytest.raises(SensitivityError, match=r"not in torch\.bfloat16"):
        transitions(network, random_path("loop", 0), dtype=torch.bfloat16)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("place", ["weights", "biases", "path"])
def test_refuses_what_is_infinite_or_undefined(place, value):
    network, path = random_network("relu", 0, biases=True), random_path("polygon", 0)
    if place == "path":
        path.vertices[1, 2] = value
    else:
        getattr(network, place)[1][1, 0] = value
    with pytest.raises(SensitivityError, match="runs through" if place == "path" else "diverged"):
        transitions(network, path)
