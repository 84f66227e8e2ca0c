"""The number of GPUs by CUDA_VISIBLE_DEVICES, and how much of them processes may share."""

import pytest

from sensitivity.base import gpus


@pytest.fixture
def four_gpus(monkeypatch, tmp_path):
    for number in range(4):
        (tmp_path / f"0000:0{number}:00.0").mkdir()
    monkeypatch.setattr(gpus, "DRIVER", tmp_path)


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (None, 4),
        ("0", 1),
        ("2,3", 2),
        ("3, 1, 0", 3),
        ("", 0),
        ("-1", 0),
        ("0,-1,1", 1),
        ("0,7,1", 1),
        ("NoDevFiles", 0),
        ("GPU-8932f937-d72c,GPU-1", 2),
        ("MIG-4f9a,0", 2),
    ],
)
def test_visible_gpus(four_gpus, chosen, count):
    environment = {} if chosen is None else {"CUDA_VISIBLE_DEVICES": chosen}
    assert gpus.visible_gpus(environment) == count


def test_without_a_driver_there_is_none(monkeypatch, tmp_path):
    monkeypatch.setattr(gpus, "DRIVER", tmp_path / "missing")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.visible_gpus({"CUDA_VISIBLE_DEVICES": "0"}) == 0


def test_without_its_folder_the_driver_is_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(gpus, "DRIVER", tmp_path / "missing")
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: A (UUID: GPU-1)'\necho 'GPU 1: B (UUID: GPU-2)'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert gpus.visible_gpus({}) == 2
