"""Input margins against autograd, and against a search for the boundary."""

import torch
from torch.func import grad

from sensitivity.measures.input_margins import distances, input_margin
from sensitivity.networks.network import Network


def random_network(biases=False):
    generator = torch.Generator().manual_seed(0)
    shapes = ((12, 6), (9, 12), (4, 9))
    weights = [torch.randn(2, *s, generator=generator, dtype=torch.float64) for s in shapes]
    shifts = [torch.randn(2, s[0], generator=generator, dtype=torch.float64) for s in shapes]
    return Network(weights, "hardtanh", shifts if biases else None)


def test_distances_are_margins_over_gradients():
    x = torch.randn(25, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    labels = torch.arange(50).view(2, 25) % 4
    for network in (random_network(), random_network(biases=True)):
        found = distances(network, x, labels)
        for r in range(2):
            for p in range(25):
                label = labels[r, p]

                def margin(point, network=network, r=r, label=label):
                    logits = network.replicate(r).logits(point[None])[0, 0]
                    others = torch.where(torch.arange(4) == label, -torch.inf, logits)
                    return logits[label] - others.max()

                expected = margin(x[p]) / grad(margin)(x[p]).norm()
                torch.testing.assert_close(found[r, p], expected, rtol=1e-9, atol=1e-12)
        expected = found.quantile(0.1, dim=1)
        torch.testing.assert_close(input_margin(network, x, labels), expected)


def test_a_linear_boundary_lies_at_the_distance():
    """Two classes divided by the plane through 0 across (3, 4): all units stay on."""
    first = torch.eye(2, dtype=torch.float64)[None]
    last = torch.tensor([[[3.0, 4.0], [0.0, 0.0]]], dtype=torch.float64)
    shift = torch.full((1, 2), 100.0, dtype=torch.float64)
    network = Network([first, last], "relu", [shift, -(last @ shift[0])])
    x = torch.tensor([[3.0, 4.0], [-3.0, -4.0]], dtype=torch.float64)
    labels = torch.zeros(1, 2, dtype=torch.int64)
    torch.testing.assert_close(distances(network, x, labels)[0], torch.tensor([5.0, -5.0]).double())
