"""Modules of any architecture are trained as the fully connected stack is, whatever the recipe."""

import itertools

import pytest
import torch
from torch import nn

from sensitivity.base.errors import SensitivityError
from sensitivity.training.checkpoints import Checkpoint, Interrupted
from sensitivity.training.training import train

CNN = {"architecture": "convolutional", "width": 3, "depth": 2, "learning_rate": 0.01}
NORMED = {**CNN, "arguments": (("batch_norm", True),)}
OPTIMIZERS = ["sgd", "momentum", "adam", "rmsprop", "rmsprop_tensorflow"]
LOSSES = ["cross_entropy", "squared", "squared_probabilities"]


def interrupted_at(call):
    counter = itertools.count(1)

    def poll():
        if next(counter) == call:
            raise Interrupted

    return poll


def resumed(model, data, path, call=9, **more):
    """Train until the `call`-th poll, and go on in what is like another process."""
    checkpoint = Checkpoint(path / "c.safetensors", "this training", seconds=1e9)
    with pytest.raises(Interrupted):
        train(model, data, checkpoint=checkpoint, poll=interrupted_at(call), **more)
    assert checkpoint.path.exists()
    return train(model, data, checkpoint=checkpoint, **more)


def assert_same(one, other):
    assert torch.equal(one.network.weights_RP, other.network.weights_RP)
    assert torch.equal(one.network.others_RB, other.network.others_RB)
    assert one.history == other.history


@pytest.mark.parametrize("augmentation", ["none", "shift1", "heavy"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_killed_training_continues_to_the_same_bytes(
    data, recipe, tmp_path, optimizer, loss, augmentation
):
    changes = {"optimizer": optimizer, "loss": loss, "augmentation": augmentation}
    changes["learning_rate"] = 0.001
    model = recipe(**{**NORMED, **changes}, steps=6, replicates=2)
    whole = train(model, data)
    assert_same(resumed(model, data, tmp_path), whole)


@pytest.mark.parametrize("loss", LOSSES)
def test_lbfgs_continues_to_the_same_bytes(data, recipe, tmp_path, monkeypatch, loss):
    monkeypatch.setattr("sensitivity.training.fullbatch.IMAGES", 64)
    model = recipe(**NORMED, optimizer="lbfgs", loss=loss, steps=6, replicates=2)
    whole = train(model, data)
    assert_same(resumed(model, data, tmp_path, call=40), whole)


def idiomatic(model, data, start, seed, steps):
    """One replicate as anyone would train it: a module, autograd, torch.optim."""
    from sensitivity.training.batches import Batches

    network = start.modules[0].train()
    for parameter in network.parameters():
        parameter.data, parameter.grad = parameter.data.clone(), None
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}
    optimizer = kinds[model.optimizer](network.parameters(), lr=model.learning_rate)
    images, labels = data.inputs("train").view(-1, 1, 8, 8), data.labels("train")
    batches = Batches.of(model, len(labels))
    for step in range(steps):
        epoch, index = divmod(step, batches.per_epoch)
        drawn = batches.epoch([seed], epoch)[index, 0]
        logits = network(images[drawn])
        targets = nn.functional.one_hot(labels[drawn], 4)
        outputs = logits.softmax(1) if model.loss == "squared_probabilities" else logits
        loss = (outputs - targets).square().sum(1).mean()
        if model.loss == "cross_entropy":
            loss = nn.functional.cross_entropy(logits, labels[drawn])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize("loss", LOSSES)
def test_it_agrees_with_idiomatic_pytorch(data, recipe, optimizer, loss):
    rate = 0.05 if optimizer == "sgd" else 0.003
    model = recipe(**{**NORMED, "learning_rate": rate}, optimizer=optimizer, loss=loss)
    trained = train(model, data, seeds=[3]).network
    start = train(recipe(**NORMED, steps=1, optimizer="sgd"), data, seeds=[3]).network
    begun = start.architecture.build(3)
    start.modules[0].load_state_dict(begun.state_dict())
    by_hand = idiomatic(model, data, start, 3, model.steps)
    found = trained.modules[0].state_dict()
    for name, tensor in by_hand.state_dict().items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-4)


@pytest.mark.usefixtures("one_stack")
def test_replicates_in_a_stack_are_those_alone(data, recipe):
    model = recipe(**NORMED, stop_when_fitted=True, steps=40)
    together = train(model, data)
    for replicate, seed in enumerate(model.seeds):
        alone = train(model, data, seeds=[seed]).network
        one = together.network.replicate(replicate)
        torch.testing.assert_close(one.weights_RP, alone.weights_RP)
        assert one.modules[0].state_dict().keys() == alone.modules[0].state_dict().keys()


def test_the_history_is_of_the_network_in_evaluation_mode(data, recipe):
    result = train(recipe(**NORMED), data)
    module = result.network.modules[1]
    assert not module.training
    x, labels = data.inputs("test").view(-1, 1, 8, 8), data.labels("test")
    with torch.no_grad():
        loss = nn.functional.cross_entropy(module(x).double(), labels).item()
    (row,) = (r for r in result.history if r["replicate"] == 1 and r["final"])
    assert row["test_loss"] == pytest.approx(loss, rel=1e-5)
    statistics = dict(module.named_buffers())
    assert all(statistics[n] == 30 for n in statistics if n.endswith("num_batches_tracked"))


@pytest.mark.usefixtures("one_stack")
def test_a_stack_that_exceeds_the_memory_goes_on_in_halves(data, recipe, monkeypatch, caplog):
    from sensitivity.training.module_gradients import OneAfterAnother

    model = recipe(**NORMED)
    expected = train(model, data)
    whole = OneAfterAnother._one

    def hungry(gradients, replicate, images, labels, step):
        logits = whole(gradients, replicate, images, labels, step)  # statistics have moved on
        if replicate > 0 and step == 12:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return logits

    monkeypatch.setattr(OneAfterAnother, "_one", hungry)
    found = train(model, data)
    assert "halved" in caplog.text
    torch.testing.assert_close(found.network.weights_RP, expected.network.weights_RP)
    for ours, theirs in zip(found.network.modules, expected.network.modules):
        torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


OWN = """
import torch
from torch import nn

def dropping(input_shape, classes, p):
    size = input_shape[0] * input_shape[1] * input_shape[2]
    return nn.Sequential(nn.Flatten(), nn.Dropout(p), nn.Linear(size, 16), nn.GELU(),
                         nn.LayerNorm(16), nn.Linear(16, classes))

class Counting(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.head = nn.LazyLinear(classes)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
    def forward(self, x):
        if self.training:
            self.seen = self.seen + len(x)
        return self.head(x.flatten(1))

def counting(classes):
    return Counting(classes)
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own_models.py").write_text(OWN)
    return {"folder": str(tmp_path)}


def of_own(recipe, name, **changes):
    common = {
        "width": None,
        "depth": None,
        "activation": None,
        "architecture": f"own_models:{name}",
    }
    return recipe(**common, **{"steps": 8, "learning_rate": 0.01, **changes})


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_dropout_draws_from_the_replicates_seed_and_the_step(
    data, recipe, tmp_path, own, optimizer
):
    model = of_own(recipe, "dropping", arguments=(("p", 0.3),), optimizer=optimizer)
    before = torch.random.get_rng_state()
    whole = train(model, data, **own)
    torch.manual_seed(5)
    again = resumed(model, data, tmp_path, call=12, **own)
    assert_same(again, whole)
    torch.random.set_rng_state(before)
    other = train(of_own(recipe, "dropping", arguments=(("p", 0.0),)), data, **own)
    assert not torch.equal(other.network.weights_RP, whole.network.weights_RP)


def test_training_leaves_the_callers_generator_alone(data, recipe, own):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    train(of_own(recipe, "dropping", arguments=(("p", 0.3),)), data, **own)
    assert torch.equal(torch.rand(3), expected)


def test_a_buffer_that_is_replaced_is_kept(data, recipe, own):
    network = train(of_own(recipe, "counting"), data, **own).network
    assert [int(module.seen) for module in network.modules] == [8 * 32] * 3


def test_initial_scale_scales_matrices_and_kernels(data, recipe):
    one, four = (
        train(recipe(**{**NORMED, "learning_rate": 1e-30}, initial_scale=s, steps=1), data).network
        for s in (1, 4)
    )
    ours, theirs = (network.modules[0].state_dict() for network in (one, four))
    for name, tensor in ours.items():
        factor = 4 if tensor.dim() > 1 else 1
        if tensor.is_floating_point() and "running" not in name:
            torch.testing.assert_close(theirs[name], factor * tensor)


def test_a_divergence_is_a_result(data, recipe):
    model = recipe(**{**CNN, "learning_rate": 1e37}, loss="squared")
    final = [row for row in train(model, data).history if row["final"]]
    assert all(row["diverged_step"] >= 1 for row in final)


def test_an_architecture_that_cannot_be_trained_is_one_sentence(data, recipe, own):
    with pytest.raises(SensitivityError, match=r"own_models\.py has no function 'nothing'"):
        train(of_own(recipe, "nothing"), data, **own)
