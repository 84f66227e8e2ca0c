import logging

import pytest
import torch

from sensitivity.training import checkpoints
from sensitivity.training.checkpoints import Checkpoint

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(7), "c": torch.empty(0)}
RECORD = {"step": 12, "losses": [0.1, 1e-300], "none": None}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "c.safetensors"


def assert_ignored(path, caplog, reason, identity="mine"):
    with caplog.at_level(logging.WARNING):
        assert Checkpoint(path, identity).read() is None
    assert reason in caplog.text
    assert "ignored" in caplog.text


def test_what_is_written_is_read_back(path):
    Checkpoint(path, "mine").write(TENSORS, RECORD)
    tensors, record = Checkpoint(path, "mine").read()
    assert record == RECORD
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert tensors["b"].dtype == torch.int64


def test_where_there_is_none_nothing_is_read_and_nobody_is_warned(path, caplog):
    assert Checkpoint(path, "mine").read() is None
    assert not caplog.records


def test_a_checkpoint_of_another_training_is_ignored(path, caplog):
    Checkpoint(path, "mine").write(TENSORS, RECORD)
    assert_ignored(path, caplog, "belongs to another training", identity="yours")


def test_every_torn_checkpoint_is_ignored(path, caplog):
    Checkpoint(path, "mine").write(TENSORS, RECORD)
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert Checkpoint(path, "mine").read() is None
    assert "ignored" in caplog.text


def test_an_altered_byte_is_noticed_wherever_it_is(path, caplog):
    Checkpoint(path, "mine").write(TENSORS, RECORD)
    content = path.read_bytes()
    for position in range(len(content)):
        altered = bytearray(content)
        altered[position] ^= 1
        path.write_bytes(altered)
        found = Checkpoint(path, "mine").read()
        assert found is None, f"byte {position}"


def test_other_files_are_ignored(path, caplog):
    path.parent.mkdir()
    path.write_bytes(b"something else entirely, and long enough to hold a header")
    assert_ignored(path, caplog, str(path))


def test_it_is_due_by_time(path):
    assert Checkpoint(path, "mine", seconds=0).due()
    checkpoint = Checkpoint(path, "mine", seconds=1e6)
    assert not checkpoint.due()


def test_writing_takes_at_most_a_twentieth_of_the_time(path, monkeypatch):
    """A clock that stands still but while a checkpoint is written."""
    now = [0.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])

    def slow(*_):
        now[0] += 10.0

    monkeypatch.setattr(checkpoints, "save_file", slow)
    monkeypatch.setattr(checkpoints.os, "fsync", lambda _: None)
    path.parent.mkdir()
    path.with_name(f"{path.name}.partial").touch()
    checkpoint = Checkpoint(path, "mine", seconds=60)
    now[0] = 60.0
    assert checkpoint.due()
    checkpoint.write(TENSORS, RECORD)
    for seconds, due in ((60, False), (199, False), (200, True)):
        now[0] = 70.0 + seconds
        assert checkpoint.due() is due


def test_where_a_training_has_been_is_kept_and_said(path, caplog):
    for device, said in (("A100", ""), ("A100", ""), ("H100", "was on A100 and continues on H100")):
        checkpoint = Checkpoint(path, "mine", device=device)
        caplog.clear()
        checkpoint.read()
        assert said in caplog.text
        assert bool(caplog.text) is bool(said)
        checkpoint.write(TENSORS, RECORD)
    again = Checkpoint(path, "mine", device="H100")
    again.read()
    assert again.devices == ["A100", "H100"]


def test_writing_leaves_one_file_and_removing_none(path):
    checkpoint = Checkpoint(path, "mine")
    for _ in range(2):
        checkpoint.write(TENSORS, RECORD)
    assert list(path.parent.iterdir()) == [path]
    path.with_name(f"{path.name}.partial").write_bytes(b"left by a kill")
    checkpoint.remove()
    checkpoint.remove()
    assert list(path.parent.iterdir()) == []


def test_a_full_disk_is_a_warning(tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    Checkpoint(blocked / "c.safetensors", "mine").write(TENSORS, RECORD)
    assert "cannot be written" in caplog.text
