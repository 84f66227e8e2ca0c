"""Output change under noise against its limits and plain loops."""

import torch

from sensitivity.base.streams import stream
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.measures.input_noise import output_change
from sensitivity.networks.network import Network


def random_network(replicates=2):
    generator = torch.Generator().manual_seed(0)
    shapes = ((12, 6), (9, 12), (4, 9))
    weights = [
        torch.randn(replicates, *s, generator=generator, dtype=torch.float64) for s in shapes
    ]
    return Network(weights, "relu")


def points(count=30):
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_small_noise_gives_the_jacobian_norm():
    network, x = random_network(), points()
    found = output_change(network, x, 4000, 0, deviation=1e-7)["output_change_under_noise"]
    torch.testing.assert_close(found, jacobian_norms(network, x).mean(1), rtol=0.02, atol=0)


def test_changes_are_those_of_plain_loops():
    network, x = random_network(), points()
    found = output_change(network, x, 3, 5, deviation=0.3)
    for r in range(2):
        one = network.replicate(r)
        squares, means = torch.zeros(3, 30), torch.zeros(3, 30)
        for draw in range(3):
            generator = stream(5, "input noise 0", draw)
            noise = torch.randn(30, 6, generator=generator, dtype=torch.float64)
            for p in range(30):
                before, after = x[p : p + 1], (x + 0.3 * noise)[p : p + 1]
                change = one.probabilities(after) - one.probabilities(before)
                squares[draw, p] = change.square().sum()
                means[draw, p] = (one.logits(after) - one.logits(before)).mean()
        expected = squares.mean(0).sqrt().mean() / 0.3
        torch.testing.assert_close(found["output_change_under_noise"][r].float(), expected)
        variance = (means - means.mean()).square().mean()
        torch.testing.assert_close(found["output_sensitivity"][r].float(), variance)


def test_a_network_alone_meets_the_noise_that_it_meets_in_a_stack():
    network, x = random_network(), points(1500)
    stack, alone = output_change(network, x, 2, 0), output_change(network.replicate(1), x, 2, 0)
    for name in stack:
        torch.testing.assert_close(alone[name][0], stack[name][1], rtol=1e-12, atol=0)
    assert not torch.equal(output_change(network, x, 2, 1)[name], stack[name])
