"""An interrupted training continues to the same bytes. (With SIGKILL: test_train_script.py.)"""

import pytest

from sensitivity.training.checkpoints import Checkpoint, Interrupted
from sensitivity.training.training import train

OPTIMIZERS = ["sgd", "momentum", "adam", "rmsprop", "lbfgs"]


def interrupting(calls):
    """A poll that raises at these calls."""
    count = 0

    def poll():
        nonlocal count
        count += 1
        if count in calls:
            raise Interrupted

    return poll


def with_interruptions(model, data, checkpoint, every):
    """Train, stopped at every `every`-th poll of each attempt; the number of attempts, too."""
    for attempt in range(1, 10_000):
        try:
            return train(model, data, checkpoint=checkpoint, poll=interrupting({every})), attempt
        except Interrupted:
            assert checkpoint.path.exists()
    raise AssertionError("never ends")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("stack", [1, 2])
def test_every_optimizer(data, recipe, tmp_path, monkeypatch, assert_same_bytes, optimizer, stack):
    if optimizer != "lbfgs":
        monkeypatch.setattr("sensitivity.training.training.stack_size", lambda *_: stack)
    model = recipe(optimizer=optimizer, learning_rate=0.004, steps=25)
    whole = train(model, data)
    checkpoint = Checkpoint(tmp_path / "c.safetensors", "this training", seconds=1e9)
    continued, attempts = with_interruptions(model, data, checkpoint, every=9)
    assert attempts > 3
    assert_same_bytes(whole, continued)


@pytest.mark.usefixtures("one_stack")
@pytest.mark.parametrize(
    "changes",
    [
        {"augmentation": "heavy", "labels": 1, "decay_epochs": 2},
        {"stop_when_fitted": True, "learning_rate": 0.02, "steps": 60},
        {"stop_at_loss": 0.1, "learning_rate": 0.02, "steps": 60},
        {"loss": "squared", "learning_rate": 10.0, "initial_scale": 2.0},
    ],
    ids=["augmented", "fitted", "at a loss", "diverging"],
)
def test_every_event(data, recipe, tmp_path, assert_same_bytes, changes):
    model = recipe(**changes)
    whole = train(model, data)
    checkpoint = Checkpoint(tmp_path / "c.safetensors", "this training", seconds=1e9)
    continued, _ = with_interruptions(model, data, checkpoint, every=8)
    assert_same_bytes(whole, continued)


def test_checkpoints_at_every_step_change_nothing(data, recipe, tmp_path, assert_same_bytes):
    checkpoint = Checkpoint(tmp_path / "c.safetensors", "this training", seconds=0)
    assert_same_bytes(train(recipe(), data), train(recipe(), data, checkpoint=checkpoint))


def test_progress_counts_what_a_checkpoint_holds(data, recipe, tmp_path):
    checkpoint = Checkpoint(tmp_path / "c.safetensors", "this training", seconds=1e9)
    with pytest.raises(Interrupted):
        train(recipe(), data, checkpoint=checkpoint, poll=interrupting({40}))
    done = []
    train(recipe(), data, checkpoint=checkpoint, progress=done.append)
    assert done[0] > 1
    assert sum(done) == 30 * 3


def test_a_foreign_checkpoint_is_ignored(data, recipe, tmp_path, assert_same_bytes, caplog):
    path = tmp_path / "c.safetensors"
    with pytest.raises(Interrupted):
        train(recipe(), data, checkpoint=Checkpoint(path, "one"), poll=interrupting({30}))
    other = recipe(learning_rate=0.01)
    result = train(other, data, checkpoint=Checkpoint(path, "another"))
    assert "belongs to another training" in caplog.text
    assert_same_bytes(result, train(other, data))
