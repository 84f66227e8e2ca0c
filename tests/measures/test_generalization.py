"""Generalization measures against their definitions: numpy's SVD, sums over paths, plain loops."""

import itertools

import numpy as np
import pytest
import torch

from sensitivity.measures import generalization
from sensitivity.networks.network import Network


def random_network(biases=False, replicates=3, sizes=(5, 4, 6, 3)):
    generator = torch.Generator().manual_seed(0)
    shapes = list(itertools.pairwise(sizes))
    weights = [torch.randn(replicates, i, o, generator=generator).mT for i, o in shapes]
    shifts = [torch.randn(replicates, o, generator=generator) for _, o in shapes]
    return Network(weights, "relu", shifts if biases else None)


def test_spectral_norms():
    network = random_network()
    expected = [
        np.prod([np.linalg.svd(w[r].double().numpy()).S[0] for w in network.weights])
        for r in range(3)
    ]
    np.testing.assert_allclose(generalization.spectral_norm_product(network), expected, rtol=1e-12)


@pytest.mark.parametrize("sizes", [(3, 5000, 2), (5000, 3, 2)])
def test_spectral_norms_of_thin_layers_take_the_smaller_square(sizes, monkeypatch):
    """The other one of 5000 by 5000 takes minutes."""
    decomposed, largest = [], torch.linalg.eigvalsh

    def recording(matrices):
        decomposed.append(matrices.shape[-1])
        return largest(matrices)

    monkeypatch.setattr(torch.linalg, "eigvalsh", recording)
    network = random_network(replicates=1, sizes=sizes)
    generalization.spectral_norm_product(network)
    assert decomposed == [3, 2]


def test_the_spectral_norms_bound_the_change_of_logits():
    network = random_network().to(torch.float64)
    generator = torch.Generator().manual_seed(1)
    x, y = torch.randn(2, 100, 5, generator=generator, dtype=torch.float64)
    change = (network.logits(x) - network.logits(y)).norm(dim=2) / (x - y).norm(dim=1)
    assert (change.amax(1) <= generalization.spectral_norm_product(network)).all()


def test_distance_from_initialization():
    initial = random_network()
    moved = Network([w + 0.5 for w in initial.weights], "relu")
    count = initial.number_of_weights
    distance = generalization.distance_from_initialization(moved, initial)
    np.testing.assert_allclose(distance, [0.5 * count**0.5] * 3, rtol=1e-6)
    assert (generalization.distance_from_initialization(initial, initial) == 0).all()


@pytest.mark.parametrize("biases", [False, True])
def test_path_norm_sums_over_all_paths(biases):
    network = random_network(biases)
    for r in range(3):
        matrices = [w[r].double().numpy() for w in network.weights]
        total = 0.0
        for path in itertools.product(range(5), range(4), range(6), range(3)):
            steps = itertools.pairwise(path)
            total += np.prod([m[o, i] for m, (i, o) in zip(matrices, steps, strict=True)]) ** 2
        for layer, bias in enumerate(network.biases or []):
            # Paths that start at the constant unit below a layer.
            for path in itertools.product(*(range(n) for n in (4, 6, 3)[layer:])):
                steps = zip(matrices[layer + 1 :], itertools.pairwise(path))
                factors = [m[o, i] for m, (i, o) in steps]
                total += (bias[r, path[0]].item() * np.prod(factors)) ** 2
        np.testing.assert_allclose(generalization.path_norm(network)[r], total**0.5, rtol=1e-9)


def test_path_norm_is_the_same_after_rescaling_a_unit():
    network = random_network()
    rescaled = Network([w.clone() for w in network.weights], "relu")
    rescaled.weights[0][:, 2] *= 10
    rescaled.weights[1][:, :, 2] /= 10
    torch.testing.assert_close(
        generalization.path_norm(rescaled), generalization.path_norm(network)
    )


def test_output_margin():
    network = random_network()
    x = torch.randn(101, 5, generator=torch.Generator().manual_seed(2))
    labels = torch.arange(303).view(3, 101) % 3
    logits = network.logits(x).double().numpy()
    for r in range(3):
        margins = [
            logits[r, p, labels[r, p]] - np.delete(logits[r, p], labels[r, p]).max()
            for p in range(101)
        ]
        margin = generalization.output_margin(network, x, labels)[r]
        np.testing.assert_allclose(margin, np.quantile(margins, 0.1), rtol=1e-9)


def test_sharpness_of_a_known_network():
    """logits (w x, 0) at x = 1: wrong where 1 + sigma z < 0, half of the time at a tenth."""
    weights = [torch.ones(2, 1, 1), torch.tensor([[[1.0], [0.0]]]).repeat(2, 1, 1)]
    network = Network(weights, "absolute")  # the sign of the first weight does not matter
    draws = 1000
    value = generalization.sharpness(network, torch.ones(1, 1), torch.zeros(2, 1).long(), draws, 0)
    # P(1 + sigma z < 0) = 0.1 at sigma = -1 / quantile(0.1) = 0.7803
    np.testing.assert_allclose(value**-0.5, [0.7803] * 2, rtol=0.1)


def test_sharpness_depends_on_neither_scale_nor_stack():
    network = random_network(sizes=(5, 40, 3))
    x = torch.randn(60, 5, generator=torch.Generator().manual_seed(2))
    labels = network.logits(x).argmax(2)
    value = generalization.sharpness(network, x, labels, 4, 0)
    rescaled = Network([4 * network.weights[0], network.weights[1] / 8], "relu")
    torch.testing.assert_close(generalization.sharpness(rescaled, x, labels, 4, 0), value)
    alone = generalization.sharpness(network.replicate(1), x, labels[1:2], 4, 0)
    torch.testing.assert_close(alone, value[1:2])
    assert value.isfinite().all()
    perturbed = generalization.sharpness(network, x, labels, 4, 1)
    assert not torch.equal(perturbed, value)
