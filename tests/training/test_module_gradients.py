"""All replicates of a module at once, as on a GPU, against one after another; here on a CPU."""

import logging

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sensitivity.training import module_gradients
from sensitivity.training.checkpoints import Checkpoint, Interrupted
from sensitivity.training.model import model_of
from sensitivity.training.module_gradients import AllAtOnce, LossGradient, OneAfterAnother
from sensitivity.training.training import train

SHAPE = {"width": 3, "depth": 2}
ARCHITECTURES = {
    "convolutional": {"architecture": "convolutional", **SHAPE},
    "with batch norm": {
        "architecture": "convolutional",
        **SHAPE,
        "arguments": (("batch_norm", True),),
    },
    "residual": {"architecture": "residual", **SHAPE, "arguments": (("stages", 2),)},
}
LOSSES = ["cross_entropy", "squared", "squared_probabilities"]
OWN = """
import torch
from torch import nn

class Odd(nn.Module):
    def __init__(self, classes, kind):
        super().__init__()
        self.kind, self.head = kind, nn.Linear(64, classes)
        self.frozen = nn.Parameter(torch.full((), 2.0), requires_grad=False)
        self.unused = nn.Parameter(torch.ones(3))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        x = x.flatten(1) * self.frozen
        if self.training:
            self.seen = self.seen + len(x)
        if self.kind == "depends" and self.head.weight.sum() > 1e9:
            return self.head(-x)
        if self.kind == "draws":
            x = nn.functional.dropout(x, 0.5, self.training)
        return self.head(x)

def odd(classes, kind):
    return Odd(classes, kind)
"""


class Received:
    """Keeps the gradient."""

    def receive_all(self, gradient_RP):
        self.gradient_RP = gradient_RP.clone()


class Launches(TorchDispatchMode):
    """Counts the operations that would start a kernel, and those that would wait for the GPU."""

    def __init__(self):
        super().__init__()
        self.started = self.waited = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.started += not function.is_view
        self.waited += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


def networks_of(recipe, data, folder="."):
    model = model_of(recipe, data, folder)
    return model.network(*model.initial(recipe.seeds))


def batch(replicates):
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(replicates, 16, 64, generator=generator)
    return images, torch.randint(4, (replicates, 16), generator=generator)


def taken(gradients, images_labels, step=0):
    received = Received()
    with torch.no_grad():
        logits_RnB = gradients(*images_labels, received, step)
    return logits_RnB, received.gradient_RP


@pytest.fixture
def own(tmp_path):
    (tmp_path / "odd_models.py").write_text(OWN)

    def of(recipe, kind):
        nothing = dict.fromkeys(("width", "depth", "activation"))
        arguments = (("kind", kind),)
        return recipe(architecture="odd_models:odd", arguments=arguments, steps=8, **nothing)

    return of


def assert_same_step(recipe, data, folder="."):
    stacks = [networks_of(recipe, data, folder) for _ in range(2)]
    loss = LossGradient(recipe.loss, 4, 16, torch.device("cpu"))
    for step in range(2):  # statistics of the first are the second's beginning
        loop = taken(OneAfterAnother(stacks[0], loss, recipe.seeds), batch(3), step)
        once = taken(AllAtOnce(stacks[1], loss), batch(3), step)
        for ours, theirs in zip(once, loop):
            scale = max(1.0, float(theirs.abs().max()))
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6 * scale)
    for ours, theirs in zip(stacks[1].modules, stacks[0].modules):
        torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_and_statistics_are_those_of_the_loop(data, recipe, architecture, loss):
    assert_same_step(recipe(**ARCHITECTURES[architecture], loss=loss), data)


def test_frozen_and_unused_parameters_and_replaced_buffers(data, recipe, own, tmp_path):
    assert_same_step(own(recipe, "plain"), data, str(tmp_path))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_step_launches_as_much_for_eight_replicates_and_waits_for_nothing(
    data, recipe, architecture
):
    counted = []
    for replicates in (2, 8):
        changed = recipe(**ARCHITECTURES[architecture], replicates=replicates)
        loss = LossGradient("cross_entropy", 4, 16, torch.device("cpu"))
        gradients = AllAtOnce(networks_of(changed, data), loss)
        with Launches() as launches:
            taken(gradients, batch(replicates))
        assert launches.waited == 0
        counted.append(launches.started)
    assert counted[0] == counted[1] > 0


@pytest.mark.parametrize(("kind", "why"), [("draws", "random"), ("depends", "data-dependent")])
def test_what_cannot_go_at_once_goes_in_turns(data, recipe, own, tmp_path, kind, why):
    networks = networks_of(own(recipe, kind), data, str(tmp_path))
    before = networks.others_RB.clone()
    loss = LossGradient("cross_entropy", 4, 16, torch.device("cpu"))
    assert why in module_gradients.refusal(AllAtOnce(networks, loss))
    assert torch.equal(networks.others_RB, before)


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """Replicates go at once wherever they can, on the CPU too."""
    chosen = module_gradients.gradients_of

    def gradients_of(networks, loss, seeds):
        return chosen(networks, loss, seeds, at_once=True)

    monkeypatch.setattr("sensitivity.training.any_module.gradients_of", gradients_of)


@pytest.mark.usefixtures("one_stack")
@pytest.mark.parametrize("optimizer", ["momentum", "adam", "lbfgs"])
def test_a_training_at_once_is_that_in_turns(data, recipe, tmp_path, request, optimizer):
    model = recipe(
        **{**ARCHITECTURES["residual"], "optimizer": optimizer, "learning_rate": 0.003},
        steps=6,
        augmentation="none" if optimizer == "lbfgs" else "heavy",
        replicates=1 if optimizer == "lbfgs" else 3,
    )
    in_turns = train(model, data)
    request.getfixturevalue("as_on_a_gpu")
    at_once = train(model, data)
    for ours, theirs in zip(at_once.history, in_turns.history):
        assert ours["training_loss"] == pytest.approx(theirs["training_loss"], rel=1e-3)
    checkpoint, calls = Checkpoint(tmp_path / "c.safetensors", "this", seconds=1e9), []

    def poll():
        calls.append(1)
        if len(calls) == 9:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(model, data, checkpoint=checkpoint, poll=poll)
    resumed = train(model, data, checkpoint=checkpoint)
    assert torch.equal(resumed.network.weights_RP, at_once.network.weights_RP)
    assert torch.equal(resumed.network.others_RB, at_once.network.others_RB)


@pytest.mark.usefixtures("as_on_a_gpu")
def test_the_choice_is_said_once_a_stack(data, recipe, own, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    train(own(recipe, "draws"), data, seeds=[0], folder=str(tmp_path))
    said = [line for line in caplog.messages if "one after another" in line]
    assert len(said) == 1
    train(own(recipe, "plain"), data, seeds=[0], folder=str(tmp_path))
    assert len([line for line in caplog.messages if "one after another" in line]) == 1
