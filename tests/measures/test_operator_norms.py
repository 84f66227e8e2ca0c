"""Spectral norms of convolutions as operators, against dense matrices and measured changes."""

import math

import numpy as np
import pytest
import torch

from sensitivity.architectures.building import Architecture, build
from sensitivity.architectures.layout import Layout
from sensitivity.architectures.modules import Modules
from sensitivity.measures import generalization
from sensitivity.measures.operator_norms import chain_norm_product, spectral_norm
from sensitivity.networks.graph import read_graph
from sensitivity.networks.operations import Affine

SHAPE = (2, 9, 7)


def graph_of(architecture, **arguments):
    module = build(architecture, SHAPE, 4, 3, 2, "relu", arguments)
    return module, read_graph(module.eval(), SHAPE)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_norms_are_those_of_dense_matrices(batch_norm):
    _, graph = graph_of("convolutional", batch_norm=batch_norm)
    product = 1.0
    for op in graph.operations:
        if not isinstance(op, Affine):
            continue
        shape = graph.shape_of(op.inputs[0])
        zero = torch.zeros(1, *shape, dtype=torch.float64)
        dense = torch.func.jacrev(op.apply)(zero).reshape(op.size, zero.numel())
        expected = np.linalg.norm(dense.numpy(), 2)
        assert spectral_norm(op, shape, graph.like) == pytest.approx(expected, rel=1e-9)
        product *= expected
    assert chain_norm_product(graph) == pytest.approx(product, rel=1e-9)


def test_the_product_bounds_the_change_of_logits():
    module, graph = graph_of("convolutional")
    x, y = torch.randn(2, 50, *SHAPE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        change = (module(x) - module(y)).norm(dim=1) / (x - y).flatten(1).norm(dim=1)
    assert change.max() <= chain_norm_product(graph)


def test_numbers_that_are_repeated_count_as_often():
    class Repeating(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = torch.nn.Linear(4, 4), torch.nn.Linear(8, 3)

        def forward(self, x):
            return self.last(torch.relu(self.first(x)).repeat(1, 2))

    torch.manual_seed(0)
    module = Repeating()
    weights = [torch.linalg.matrix_norm(m.weight.detach(), 2) for m in (module.first, module.last)]
    expected = float(weights[0] * weights[1]) * math.sqrt(2)
    assert chain_norm_product(read_graph(module.eval(), (4,))) == pytest.approx(expected, rel=1e-6)


def test_skipped_layers_are_no_chain():
    assert math.isnan(chain_norm_product(graph_of("residual", stages=1)[1]))


def test_stacks_of_convolutional_networks_have_products():
    architecture = Architecture("convolutional", SHAPE, 4, width=3, depth=2, activation="relu")
    skeleton = architecture.build(0)
    rows = Layout.of(skeleton).rows([architecture.build(seed) for seed in (0, 1)])
    products = generalization.spectral_norm_product(Modules(architecture, skeleton, *rows))
    alone = chain_norm_product(read_graph(architecture.build(1).eval(), SHAPE))
    assert products[1].item() == pytest.approx(alone, rel=1e-6)
    assert products[0] != products[1]
