"""How well a network fits what it was trained on."""

import torch

from sensitivity.measures.taken.as_trained import fit_as_trained
from sensitivity.networks.network import Network
from sensitivity.training.losses import pointwise_losses


def reader_of_the_corner():
    """A network that tells whether the upper left pixel of an image of 8 x 8 is bright."""
    first = torch.zeros(1, 2, 64)
    first[0, 0, 0], first[0, 1, 0] = 1, -1
    return Network([first, torch.eye(2)[None]], "relu")


def test_without_augmentation_it_is_the_training_accuracy_and_loss():
    x = torch.randn(40, 64, generator=torch.Generator().manual_seed(0))
    labels = (x[:, :1] < 0).long().T
    network = reader_of_the_corner()
    for loss in ("cross_entropy", "squared"):
        found = fit_as_trained(network, x, labels, "none", (8, 8, 1), loss, 0)
        assert found["training_accuracy_as_trained"].tolist() == [1.0]
        expected = pointwise_losses(network.logits(x), labels, loss).mean(1)
        torch.testing.assert_close(found["training_loss_as_trained"], expected)


def test_augmented_images_are_what_a_network_is_asked_about():
    """The corner's pixel after a shift is any pixel: right by chance alone."""
    x = torch.randn(4000, 64, generator=torch.Generator().manual_seed(0))
    labels = (x[:, :1] < 0).long().T
    for kind in ("shift_flip", "heavy"):
        found = fit_as_trained(
            reader_of_the_corner(), x, labels, kind, (8, 8, 1), "cross_entropy", 0
        )
        assert abs(found["training_accuracy_as_trained"].item() - 0.5) < 0.05
    sums = x.sum(1, keepdim=True).T  # no transformation changes an image's sum
    network = Network(
        [torch.ones(1, 2, 64) * torch.tensor([[1.0], [-1.0]]), torch.eye(2)[None]], "relu"
    )
    found = fit_as_trained(network, x, (sums < 0).long(), "heavy", (8, 8, 1), "cross_entropy", 0)
    assert found["training_accuracy_as_trained"].item() > 0.999
