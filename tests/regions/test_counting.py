"""Exact transitions against float64 sampling, re-evaluation, and laws that must hold."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from sensitivity.base.errors import SensitivityError
from sensitivity.networks import activations
from sensitivity.networks.network import Network
from sensitivity.regions import arcs, plan
from sensitivity.regions.counting import (
    count_transitions,
    estimate_transitions,
    sampled_transitions,
    transitions,
)
from sensitivity.regions.paths import (
    Ellipse,
    Polygon,
    ellipse_through,
    random_ellipse,
    translation_loop,
)

PAPER = ["relu", "relu6", "hardtanh", "hardsigmoid"]
PATHS = ["random ellipse", "ellipse", "polygon", "loop"]


def random_network(activation, seed, biases, sizes=(10, 12, 9, 11, 3), replicates=2, scale=1.5):
    generator = torch.Generator().manual_seed(seed)
    normal = {"generator": generator, "dtype": torch.float64}
    shapes = list(zip(sizes[1:], sizes, strict=False))
    weights = [torch.randn(replicates, *s, **normal) * scale * (2 / s[1]) ** 0.5 for s in shapes]
    offsets = [torch.randn(replicates, s[0], **normal) / 3 for s in shapes]
    return Network(weights, activation, offsets if biases else None)


def random_path(kind, seed):
    generator = torch.Generator().manual_seed(seed)
    if kind == "random ellipse":
        return random_ellipse(10, generator)
    if kind == "ellipse":
        return ellipse_through(*torch.randn(3, 10, dtype=torch.float64, generator=generator))
    if kind == "polygon":
        return Polygon(torch.randn(5, 10, dtype=torch.float64, generator=generator))
    return translation_loop(torch.randn(2, 5, dtype=torch.float64, generator=generator))


def closest(found):
    """The smallest distance of two transitions of one unit on the closed path."""
    owner = (found.replicate * found.depth + found.layer) * 1000 + found.unit
    positions = [found.position[owner == unit] for unit in owner.unique()]
    return min(float(torch.cat([p, p[:1] + 1]).diff().min()) for p in positions)


def equals_sampling(network, path, most):
    """Compare with samples so fine that breakpoints are apart; False if that takes too many."""
    found = transitions(network, path)
    samples = math.ceil(2 / closest(found))
    if samples >= most:
        return False
    sampled = sampled_transitions(network, path, samples, torch.float64)
    assert torch.equal(found.counts(), sampled)
    return True


# The laws below hold for any seed; the examples with a sampling run take a few seconds altogether.
some = settings(max_examples=25, deadline=None, derandomize=True)
seeds = st.integers(0, 2**31)


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("activation", PAPER)
@pytest.mark.parametrize("kind", PATHS)
def test_exact_equals_sampling_that_separates_all_breakpoints(kind, activation, biases):
    compared = 0
    for seed in range(8):
        network = random_network(activation, seed, biases, sizes=(10, 7, 5, 6, 3))
        path = random_path(kind, 100 + seed)
        compared += equals_sampling(network, path, most=2**16)
    assert compared >= 3


@pytest.fixture(scope="module")
def images():
    """Scikit-learn's 8 x 8 digits, each with zero mean and unit variance, and their labels."""
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x - x.mean(1, keepdims=True))
    return x / x.std(1, correction=0, keepdim=True), torch.tensor(y)


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("activation", PAPER)
def test_trained_networks_on_images(activation, biases, images):
    """Loops of real images have stretches on which pixels, and with them units, stand still."""
    x, y = images
    network = random_network(activation, 0, biases, sizes=(64, 16, 16, 10), scale=1)
    parameters = [*network.weights, *(network.biases or [])]
    for parameter in parameters:
        parameter.requires_grad_()
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    for _ in range(150):
        loss = torch.nn.functional.cross_entropy(network.logits(x).flatten(0, 1), y.repeat(2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.3
    for parameter in parameters:
        parameter.requires_grad_(False)
    compared = 0
    for path in (*(translation_loop(v.view(8, 8)) for v in x[:6]), ellipse_through(*x[:3])):
        compared += equals_sampling(network, path, most=2**17)
    assert compared >= 4


def test_a_finer_sampling_separates_every_breakpoint():
    """No example is left out here: k follows from the closest two transitions of a unit."""
    network = random_network("hardtanh", 7, biases=True)
    path = random_path("ellipse", 8)
    found = transitions(network, path)
    samples = math.ceil(2 / closest(found))
    assert samples < 2**22
    sampled = sampled_transitions(network, path, samples, torch.float64)
    assert torch.equal(found.counts(), sampled)


@some
@given(
    seed=seeds, kind=st.sampled_from(PATHS), activation=st.sampled_from(PAPER), biases=st.booleans()
)
def test_positions_are_where_the_unit_meets_its_threshold(seed, kind, activation, biases):
    network = random_network(activation, seed, biases)
    path = random_path(kind, seed + 1)
    found = transitions(network, path)
    assert ((found.position >= 0) & (found.position < 1)).all()
    n = torch.arange(len(found))
    step = 1e-9

    def units(t):
        hidden = network.preactivations(path.points(t % 1))
        stack = torch.stack([torch.nn.functional.pad(z, (0, 12 - z.shape[2])) for z in hidden])
        return stack[found.layer, found.replicate, n, found.unit]

    thresholds = torch.tensor(network.activation.thresholds, dtype=torch.float64)
    before, here, after = (units(found.position + offset) for offset in (-step, 0, step))
    distance = (here[:, None] - thresholds).abs().amin(1)
    # Within 1e-9 of the path's parameter the unit passes the threshold; the slope says how fast.
    slope = torch.maximum((after - here).abs(), (here - before).abs()) / step
    assert (distance <= 1e-9 * slope + 1e-13).all()


@some
@given(
    seed=seeds, kind=st.sampled_from(PATHS), activation=st.sampled_from(PAPER), biases=st.booleans()
)
def test_every_units_code_returns_to_its_start(seed, kind, activation, biases):
    found = transitions(random_network(activation, seed, biases), random_path(kind, seed))
    index = (found.replicate * 3 + found.layer) * 12 + found.unit
    total = torch.zeros(2 * 3 * 12, dtype=torch.int64).index_add_(0, index, found.change.long())
    assert not total.any()


@some
@given(seed=seeds, kind=st.sampled_from(PATHS[2:]), activation=st.sampled_from(PAPER))
def test_start_and_direction_do_not_matter(seed, kind, activation):
    network = random_network(activation, seed, biases=True)
    path = random_path(kind, seed)
    counts = count_transitions(network, [path])[:, 0]
    rotated = Polygon(path.vertices.roll(2, 0))
    reversed_ = Polygon(path.vertices.flip(0))
    assert torch.equal(count_transitions(network, [rotated])[:, 0], counts)
    assert torch.equal(count_transitions(network, [reversed_])[:, 0], counts)


@some
@given(seed=seeds, turn=st.floats(0, 1), activation=st.sampled_from(PAPER), biases=st.booleans())
def test_start_and_direction_of_an_ellipse_do_not_matter(seed, turn, activation, biases):
    network = random_network(activation, seed, biases)
    path = random_path("ellipse", seed)
    found = transitions(network, path)
    cos, sin = math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn)
    turned = Ellipse(
        path.center,
        cos * path.cosine_axis + sin * path.sine_axis,
        cos * path.sine_axis - sin * path.cosine_axis,
    )
    again = transitions(network, turned)
    assert torch.equal(again.layer_counts(), found.layer_counts())
    # Each transition of the one is found in the other, across the path's end if need be.
    moved = ((again.position + turn) % 1)[again.replicate == 0]
    gap = (moved[:, None] - found.position[found.replicate == 0] + 0.5) % 1 - 0.5
    assert gap.abs().amin(0).max() < 1e-9
    assert gap.abs().amin(1).max() < 1e-9
    backwards = Ellipse(path.center, path.cosine_axis, -path.sine_axis)
    assert torch.equal(count_transitions(network, [backwards])[:, 0], found.counts())


@some
@given(
    seed=seeds, kind=st.sampled_from(PATHS), factor=st.floats(1e-6, 1e6), layer=st.integers(0, 3)
)
def test_scaling_a_layer_of_a_relu_network_changes_nothing(seed, kind, factor, layer):
    network = random_network("relu", seed, biases=False)
    path = random_path(kind, seed)
    found = transitions(network, path)
    network.weights[layer] = network.weights[layer] * factor
    again = transitions(network, path)
    assert torch.equal(again.layer_counts(), found.layer_counts())
    torch.testing.assert_close(again.position, found.position, rtol=0, atol=1e-9)


@some
@given(seed=seeds, activation=st.sampled_from(["relu", "absolute"]))
@example(seed=245, activation="relu")  # all units of a layer off along a stretch
def test_chords_and_arcs_of_a_random_ellipse_agree(seed, activation):
    """A bias of zero switches the short-cut for networks that scale with their input off."""
    network = random_network(activation, seed, biases=False)
    zero = [w.new_zeros(w.shape[:2]) for w in network.weights]
    path = random_path("random ellipse", seed)
    chords = transitions(network, path)
    arcs = transitions(Network(network.weights, activation, zero), path)
    assert torch.equal(chords.layer_counts(), arcs.layer_counts())
    torch.testing.assert_close(chords.position, arcs.position, rtol=0, atol=1e-9)


@pytest.mark.parametrize("activation", [activations.leaky_relu(0.2), activations.get("absolute")])
@pytest.mark.parametrize("kind", PATHS)
def test_a_further_activation_is_one_more_row_of_data(kind, activation):
    network = random_network(activation, 3, biases=True)
    path = random_path(kind, 4)
    found = transitions(network, path)
    samples = math.ceil(2 / closest(found))
    assert samples < 2**20
    sampled = sampled_transitions(network, path, samples, torch.float64)
    assert torch.equal(found.counts(), sampled)


def test_a_function_of_four_pieces():
    steps = activations.Activation("steps", (-1, 0, 2), (0, 1, 0.5, -1), (-1, 0, 0, 3))
    network = random_network(steps, 1, biases=True)
    path = random_path("ellipse", 1)
    found = transitions(network, path)
    samples = math.ceil(2 / closest(found))
    assert samples < 2**20
    assert torch.equal(found.counts(), sampled_transitions(network, path, samples, torch.float64))


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
    sizes = []
    crossings = arcs.Piece.crossings

    def watched(piece, *arguments):
        sizes.append(piece.nodes)
        return crossings(piece, *arguments)

    monkeypatch.setattr(arcs.Piece, "crossings", watched)
    monkeypatch.setitem(plan.NODES, "cpu", 20)
    network = random_network("hardtanh", 2, biases=True, sizes=(10, 40, 40, 40, 3))
    count_transitions(network, [random_path("ellipse", seed) for seed in range(5)])
    assert len(sizes) > 10
    assert max(sizes) <= 20


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
def test_region_lengths_histogram_and_density_follow_from_the_positions(kind):
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
    density = found.layer_counts() / float(whole)
    torch.testing.assert_close(found.boundary_density(), density)


def test_a_path_within_one_region():
    network = Network([torch.eye(2)[None], torch.ones(1, 1, 2)], "relu")
    path = Polygon(torch.tensor([[1.0, 1], [2, 1], [2, 2]]))
    found = transitions(network, path)
    assert len(found) == 0
    assert found.counts().tolist() == [0]
    torch.testing.assert_close(found.region_lengths(0), path.arc_length(torch.ones(1)))


def test_estimates_are_unbiased_and_know_their_error():
    network = random_network("relu", 9, biases=True)
    for path in (random_path(kind, 9) for kind in PATHS):
        exact = count_transitions(network, [path])[:, 0]
        generator = torch.Generator().manual_seed(0)
        runs = [estimate_transitions(network, path, 8, generator, parts=32) for _ in range(100)]
        values, errors = (torch.stack(column) for column in zip(*runs, strict=True))
        spread = values.std(dim=0)
        assert ((values.mean(0) - exact).abs() < 4 * spread / 10).all()
        # The estimated variances are unbiased too.
        ratio = errors.square().mean(0) / spread.square()
        assert ((ratio > 0.6) & (ratio < 1.6)).all()


@pytest.mark.parametrize("kind", PATHS)
def test_all_arcs_give_the_exact_count(kind):
    network = random_network("relu", 9, biases=False)
    path = random_path(kind, 9)
    exact = count_transitions(network, [path])[:, 0]
    value, error = estimate_transitions(network, path, 16, torch.Generator(), parts=16)
    assert value.tolist() == exact.tolist()
    assert error.tolist() == [0, 0]


def test_refuses_what_has_no_answer():
    network = random_network("relu", 0, biases=False)
    with pytest.raises(SensitivityError, match="runs through 4 dimensions"):
        count_transitions(network, [Polygon(torch.zeros(3, 4))])
    with pytest.raises(SensitivityError, match="at least 2"):
        estimate_transitions(network, random_path("loop", 0), 1, torch.Generator())
    with pytest.raises(SensitivityError, match="no replicate 2"):
        transitions(network, random_path("loop", 0)).region_lengths(2)
    with pytest.raises(SensitivityError, match="a list of paths"):
        count_transitions(network, random_path("loop", 0))
    with pytest.raises(SensitivityError, match=r"Segment or an Ellipse, not a list"):
        transitions(network, [random_path("loop", 0)])
    with pytest.raises(SensitivityError, match="runs through 4 dimensions"):
        sampled_transitions(network, Polygon(torch.zeros(3, 4)), 10)
    with pytest.raises(SensitivityError, match=r"not in torch\.bfloat16"):
        transitions(network, random_path("loop", 0), torch.bfloat16)


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
