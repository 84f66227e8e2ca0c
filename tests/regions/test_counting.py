"""Exact transitions against float64 sampling, re-evaluation, and laws that must hold."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from made_up.networks import PAPER, PATHS, closest, equals_sampling, random_network, random_path
from sensitivity.networks import activations
from sensitivity.networks.network import Network
from sensitivity.regions import sampled_transitions
from sensitivity.regions.counting import (
    count_transitions,
    transitions,
)
from sensitivity.regions.paths import (
    Ellipse,
    Polygon,
    ellipse_through,
    translation_loop,
)

# The laws below hold for any seed; the examples with a sampling run take a few seconds altogether.
some = settings(max_examples=25, derandomize=True)
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


@pytest.mark.slow
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
