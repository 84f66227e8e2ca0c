"""Exact counts against rational arithmetic: networks and polygons of small fractions.

Such networks are full of what never happens to random ones: units that are zero along stretches,
crossings at vertices, both thresholds at one point, units that cancel, many equal crossings.
"""

import random
from fractions import Fraction
from itertools import pairwise

import pytest
import torch

from sensitivity.networks.activations import Activation, get, leaky_relu
from sensitivity.networks.network import Network
from sensitivity.regions.counting import count_transitions, transitions
from sensitivity.regions.paths import Polygon

ACTIVATIONS = [
    *(get(name) for name in ("relu", "relu6", "hardtanh", "hardsigmoid", "absolute")),
    leaky_relu(0.25),
    Activation("four pieces", (-1, 0, 2), (0, 1, 0.5, -1), (-1, 0, 0, 3)),
    Activation("flat outside", (-2, 0, 1), (1, 0, 1, 0), (2, 0, 0, 1)),
]


def code(activation, value):
    return sum(value > Fraction(threshold) for threshold in activation.thresholds)


def piecewise(activation, value):
    piece = code(activation, value)
    return Fraction(activation.slopes[piece]) * value + Fraction(activation.offsets[piece])


def affine(weights, biases, point):
    return [sum(map(lambda w, x: w * x, row, point), bias) for row, bias in zip(weights, biases)]


def cuts(activation, start, end):
    """Where, from 0 to 1, any unit of an edge meets a threshold."""
    fractions = {Fraction(0)}
    for s, e in zip(start, end):
        if s != e:
            fractions |= {(Fraction(t) - s) / (e - s) for t in activation.thresholds}
    return sorted(f for f in fractions if 0 <= f < 1)


def in_fractions(weights, biases, activation, vertices):
    """Transitions by layer: codes at every breakpoint and half-way between any two of them."""
    values, counts = [*vertices, vertices[0]], []
    for weight, bias in zip(weights[:-1], biases[:-1]):
        z = [affine(weight, bias, point) for point in values]
        fine = []
        for start, end in pairwise(z):
            places = cuts(activation, start, end)
            fine += [[s + f * (e - s) for s, e in zip(start, end)] for f in places]
        fine.append(z[-1])
        between = [[(s + e) / 2 for s, e in zip(*ends)] for ends in pairwise(fine)]
        codes = [[code(activation, v) for v in p] for pair in zip(fine, between) for p in pair]
        codes.append([code(activation, v) for v in fine[-1]])
        counts.append(sum(abs(a - b) for p, q in pairwise(codes) for a, b in zip(p, q)))
        values = [[piecewise(activation, v) for v in point] for point in fine]
    return counts


def draw(seed, denominator):
    """Weights and biases as lists of fractions, an activation, and a polygon's vertices."""
    generator = random.Random(seed)

    def fractions(rows, columns, largest=2):
        limit = largest * denominator
        return [
            [Fraction(generator.randint(-limit, limit), denominator) for _ in range(columns)]
            for _ in range(rows)
        ]

    activation = generator.choice(ACTIVATIONS)
    sizes = [generator.randint(1, 4) for _ in range(generator.randint(3, 7))]
    weights = [fractions(out, inputs) for inputs, out in pairwise(sizes)]
    biased = generator.random() < 0.6
    biases = [fractions(1, out, 2 if biased else 0)[0] for out in sizes[1:]]
    vertices = fractions(generator.randint(3, 7), sizes[0], 3)
    if generator.random() < 0.3:
        vertices[1] = vertices[0]
    elif generator.random() < 0.5:
        vertices[1] = [(a + b) / 2 for a, b in zip(vertices[0], vertices[2])]
    return weights, biases, activation, vertices


def floats(rows):
    return torch.tensor([[float(value) for value in row] for row in rows], dtype=torch.float64)


def network_of(weights, biases, activation):
    offsets = [floats([bias]) for bias in biases]
    return Network(
        [floats(w)[None] for w in weights], activation, offsets if any(map(any, biases)) else None
    )


@pytest.mark.slow
@pytest.mark.parametrize("denominator", [1, 3, 7])
@pytest.mark.parametrize("first", range(0, 200, 50))
def test_counts_are_those_of_rational_arithmetic(denominator, first):
    """In one piece, and with memory for two nodes at a time."""
    for seed in range(first, first + 50):
        weights, biases, activation, vertices = draw(seed, denominator)
        expected = in_fractions(weights, biases, activation, vertices)
        network, path = network_of(weights, biases, activation), Polygon(floats(vertices))
        case = f"seed {seed}, {activation.name}"
        assert transitions(network, path).layer_counts()[0].tolist() == expected, case
        counts = count_transitions(network, [path], by_layer=True, memory=1)
        assert counts[0, 0].tolist() == expected, case


@pytest.mark.parametrize("denominator", [1, 7])
def test_stacked_counts_are_those_of_rational_arithmetic(denominator, stack):
    """Replicates that differ: the second with weights of twice the first layer's size."""
    stack(2)
    for seed in range(25):
        weights, biases, activation, vertices = draw(seed, denominator)
        twice = [[2 * value for value in row] for row in weights[0]]
        both = [weights, [twice, *weights[1:]]]
        one, two = (network_of(w, biases, activation) for w in both)
        stacked = [torch.cat(pair) for pair in zip(one.weights, two.weights, strict=True)]
        offsets = one.biases and [torch.cat([b, b]) for b in one.biases]
        network, path = Network(stacked, activation, offsets), Polygon(floats(vertices))
        expected = [in_fractions(w, biases, activation, vertices) for w in both]
        for memory in (None, 1):
            counts = count_transitions(network, [path, path], by_layer=True, memory=memory)
            assert counts[:, 0].tolist() == expected, f"seed {seed}, {activation.name}"
            assert torch.equal(counts[:, 0], counts[:, 1])


@pytest.mark.parametrize("vertices", [[[-1.1], [1.3]], [[-1.1], [0.01], [1.3]]])
def test_units_that_cancel_where_the_vertices_show_nothing(vertices):
    """Three tents 1/2 - |x|, all 0 at the vertices, of which 30 units take sums that are 0."""
    steps = torch.linspace(-0.45, 0.45, 40, dtype=torch.float64)
    first = torch.cat([torch.tensor([[1.0], [-1.0]]), torch.ones(40, 1)]).double()
    tents = torch.cat([-torch.ones(3, 2), torch.zeros(3, 40)], dim=1).double()
    share = torch.randint(1, 2**20, (30, 2), generator=torch.Generator().manual_seed(0)) / 2**20
    zero = torch.cat([share, -share.sum(1, keepdim=True)], dim=1).double()
    biases = [torch.cat([steps.new_zeros(2), -steps]), steps.new_full((3,), 0.5)]
    biases += [steps.new_zeros(30), steps.new_zeros(2)]
    weights = [first, tents, zero, steps.new_ones(2, 30)]
    network = Network([w[None] for w in weights], "relu", [b[None] for b in biases])
    path = Polygon(torch.tensor(vertices, dtype=torch.float64))
    # 42 units there and back; three tents that rise once and fall once, there and back.
    assert transitions(network, path).layer_counts().tolist() == [[84, 12, 0]]


def test_a_unit_a_rounding_error_above_its_upper_threshold_is_not_frozen():
    """Layer 2 sees min(x, 6): it must see it fall, also from a start that rounds to above 6."""
    one, bias = torch.ones(1, 1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    network = Network([one, -one, one], "relu6", [bias, bias + 3, bias])
    for start in (6.0, 6 * (1 + 2.0**-52)):
        path = Polygon(torch.tensor([[start], [0.5]], dtype=torch.float64))
        assert transitions(network, path).layer_counts().tolist() == [[0, 2]]
