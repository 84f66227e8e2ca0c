"""Stacks of modules: over rows, in files, and read back."""

import pytest
import torch
from torch import nn

from sensitivity.architectures.building import Architecture
from sensitivity.architectures.layout import Layout, bound, keep_buffers
from sensitivity.architectures.modules import Modules, as_images
from sensitivity.architectures.saved import load
from sensitivity.base.errors import DamagedFile
from sensitivity.networks import Network, load_modules

NORMED = Architecture(
    "convolutional", (3, 6, 5), 4, width=3, depth=2, activation="relu",
    arguments={"batch_norm": True},
)  # fmt: skip


def stack(architecture=NORMED, seeds=(0, 1, 2)):
    skeleton = architecture.build(0)
    rows = Layout.of(skeleton).rows([architecture.build(seed) for seed in seeds])
    return Modules(architecture, skeleton, *rows)


def test_images_are_those_of_the_data_set():
    image = torch.arange(2 * 6 * 5 * 3.0).view(2, 6, 5, 3)  # h, w, c as data sets have them
    assert torch.equal(as_images(image.flatten(1), (3, 6, 5)), image.permute(0, 3, 1, 2))


def test_logits_are_those_of_each_module():
    modules, x = stack(), torch.randn(7, 90)
    logits = modules.logits(x)
    assert logits.shape == (3, 7, 4)
    for seed, found, of_points in zip(range(3), logits, modules.of_points):
        alone = NORMED.build(seed).eval()
        torch.testing.assert_close(found, alone(as_images(x, (3, 6, 5))))
        torch.testing.assert_close(of_points(x), found)
    precise = modules.to(torch.float64).logits(x.double())
    assert precise.dtype == torch.float64
    torch.testing.assert_close(precise, logits.double(), rtol=1e-4, atol=1e-5)


def test_modules_share_the_memory_of_their_rows():
    modules = stack()
    modules.weights_RP[1].zero_()
    x = torch.randn(2, 90)
    assert not modules.logits(x)[1].any()
    assert modules.logits(x)[0].any()


def test_a_bound_module_accumulates_its_gradient_in_the_row():
    skeleton, layout = NORMED.build(0), Layout.of(NORMED.build(0))
    (weights, others), gradient = layout.rows([skeleton]), torch.zeros(layout.number_of_weights)
    module = bound(skeleton, layout, weights[0], others[0], gradient)
    module(torch.randn(4, 3, 6, 5)).sum().backward()
    expected = torch.cat([p.grad.flatten() for p in module.parameters()])
    assert torch.equal(gradient, expected)
    assert gradient.any()
    counted = [b for name, b in module.named_buffers() if name.endswith("num_batches_tracked")]
    assert [int(number) for number in counted] == [1, 1]
    for name, place in layout.others.items():
        if name.endswith("num_batches_tracked"):
            assert int(others[0, place.start : place.stop].view(place.dtype)) == 1


def test_a_buffer_that_is_replaced_comes_back_to_its_row():
    module = nn.Module()
    module.register_buffer("seen", torch.tensor(3))
    module.weight = nn.Parameter(torch.ones(2))
    layout = Layout.of(module)
    (weights, others) = layout.rows([module])
    one = bound(module, layout, weights[0], others[0])
    views = dict(one.named_buffers())
    one.seen = one.seen + 4
    keep_buffers(one, views)
    assert int(layout.views(weights[0], others[0])["seen"]) == 7


def test_frozen_parameters_and_tied_ones():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
            self.second.weight = self.first.weight
            self.first.bias.requires_grad_(False)

        def forward(self, x):
            return self.second(self.first(x))

    module = Tied()
    layout = Layout.of(module)
    assert layout.number_of_weights == 16 + 4
    assert set(layout.others) == {"first.bias"}
    one = bound(module, layout, *(rows[0] for rows in layout.rows([module])))
    assert one.second.weight is one.first.weight
    x = torch.randn(3, 4)
    assert torch.equal(one(x), module(x))


def test_a_file_says_how_to_rebuild_its_modules(tmp_path):
    modules, path = stack(), tmp_path / "weights.safetensors"
    modules.others_RB[2, 0] += 1
    modules.save(path, {"dataset": "noise"})
    found = load(path, dataset="noise")
    assert torch.equal(found.weights_RP, modules.weights_RP)
    assert torch.equal(found.others_RB, modules.others_RB)
    x = torch.randn(5, 3, 6, 5)
    for one, other in zip(load_modules(path), modules.modules):
        assert not one.training
        assert torch.equal(one(x), other(x))
    first = path.read_bytes()
    modules.save(path, {"dataset": "noise"})
    assert path.read_bytes() == first
    with pytest.raises(DamagedFile, match="was made for dataset 'noise'"):
        load(path, dataset="mnist")


@pytest.mark.parametrize("biases", [False, True])
def test_fully_connected_networks_are_modules_too(tmp_path, biases):
    weights = [torch.randn(2, 5, 7), torch.randn(2, 3, 5)]
    given = [torch.randn(2, 5), torch.randn(2, 3)] if biases else None
    network = Network(weights, "hardsigmoid", given)
    network.save(tmp_path / "w.safetensors")
    x = torch.randn(4, 7)
    for index, module in enumerate(load_modules(tmp_path / "w.safetensors")):
        torch.testing.assert_close(module(x), network.logits(x)[index])


def test_a_builder_that_has_changed_is_one_sentence(tmp_path):
    source = "from torch import nn\n\ndef build(classes):\n    return nn.Sequential("
    (tmp_path / "mine.py").write_text(f"{source}nn.Flatten(), nn.Linear(90, classes))\n")
    folder = str(tmp_path)
    mine = Architecture("mine:build", (3, 6, 5), 4, folder=folder)
    stack(mine).save(tmp_path / "w.safetensors")
    assert len(load_modules(tmp_path / "w.safetensors", folder)) == 3
    other = tmp_path / "changed"
    other.mkdir()
    changed = f"{source}nn.Flatten(), nn.Linear(90, 8), nn.Linear(8, classes))\n"
    (other / "mine.py").write_text(changed)
    with pytest.raises(DamagedFile, match="does not fit what its builder mine:build makes now"):
        load(tmp_path / "w.safetensors", str(other))
