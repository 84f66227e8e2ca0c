"""scripts/train.py as a rule runs it, and as a scheduler kills it."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import train
from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import Dataset
from sensitivity.files.storage import read_table
from sensitivity.networks.network import Network

SCRIPT = Path(train.__file__)
RECIPE = {
    "width": 30,
    "depth": 2,
    "activation": "relu",
    "learning_rate": 0.001,
    "batch_size": 32,
    "steps": 40,
    "replicates": 2,
}
OUTPUTS = ("weights.safetensors", "training.csv", "training.json")


@pytest.fixture(autouse=True)
def _restored():
    """main() settles PyTorch, the log and SIGTERM for a process of its own."""
    threads, handlers = torch.get_num_threads(), logging.getLogger().handlers[:]
    action = signal.getsignal(signal.SIGTERM)
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("default")
    for handler in logging.getLogger().handlers[:]:
        if handler not in handlers:
            logging.getLogger().removeHandler(handler)
            handler.close()
    logging.getLogger().handlers[:] = handlers
    signal.signal(signal.SIGTERM, action)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (260, 6, 6), dtype=np.uint8)
    y = random.integers(0, 3, 260)
    path = tmp_path_factory.mktemp("data") / "noise.npz"
    Dataset("noise", x[:200], y[:200], x[200:], y[200:]).save(path)
    return path


def arguments(data, folder, seconds=1e9, **recipe):
    settings = {"code": "f00d", "dataset": "noise", "model": "m", "recipe": {**RECIPE, **recipe}}
    return [
        *("--data", str(data)),
        *("--settings", json.dumps(settings, sort_keys=True)),
        *("--weights", str(folder / "weights.safetensors")),
        *("--history", str(folder / "training.csv")),
        *("--checkpoint", str(folder / "checkpoints" / "c.safetensors")),
        *("--checkpoint-seconds", str(seconds)),
        *("--log", str(folder / "log")),
        *("--device", "cpu"),
    ]


def contents(folder):
    return {name: (folder / name).read_bytes() for name in OUTPUTS}


def start(argv):
    """The script in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, str(SCRIPT), *argv], env=environment)


def wait_for(condition, process):
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, "the job ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_writes_weights_history_and_where_they_came_from(data, tmp_path):
    train.main(arguments(data, tmp_path, labels=1.0))
    network = Network.load(tmp_path / "weights.safetensors", dataset="noise", model="m")
    assert [tuple(weight.shape) for weight in network.weights] == [
        (2, 30, 36),
        (2, 30, 30),
        (2, 3, 30),
    ]
    frame = read_table(tmp_path / "training.csv", dataset="noise", model="m")
    assert list(frame.columns) == [
        "replicate",
        "seed",
        "step",
        "training_loss",
        "training_accuracy",
        "test_loss",
        "test_accuracy",
        "final",
        "diverged_step",
    ]
    final = frame[frame["final"]]
    assert list(final["step"]) == [40, 40]
    assert final["diverged_step"].isna().all()
    record = json.loads((tmp_path / "training.json").read_text())["provenance"]
    assert record["device"] == "cpu"
    assert record["seeds"] == [0, 1]
    assert record["recipe"]["labels"] == 1
    assert record["environment"]["torch"] == torch.__version__
    assert not (tmp_path / "checkpoints" / "c.safetensors").exists()
    assert "training took" in (tmp_path / "log").read_text()


def test_the_same_command_twice_gives_the_same_bytes(data, tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        train.main(arguments(data, folder, augmentation="shift_flip"))
    assert contents(folders[0]) == contents(folders[1])


def test_a_diverged_replicate_is_in_the_table(data, tmp_path):
    train.main(arguments(data, tmp_path, learning_rate=1e37, loss="squared"))
    frame = pd.read_csv(tmp_path / "training.csv")
    final = frame[frame["final"]]
    assert len(final) == 2
    assert final["diverged_step"].between(1, 40).all()
    assert np.isfinite(final["training_loss"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "rmsprop", "lbfgs"])
def test_killed_at_any_instant_it_continues_to_the_same_bytes(data, tmp_path, optimizer):
    recipe = {"optimizer": optimizer, "steps": 400, "labels": 1.0}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train.main(arguments(data, whole, **recipe))
    checkpoint, log = killed / "checkpoints" / "c.safetensors", killed / "log"
    for sign in ("checkpoint at step 1", "continued from a checkpoint"):
        # A checkpoint at every step: the job spends its time in writing them, and is killed there.
        process = start(arguments(data, killed, seconds=0.0, **recipe))
        wait_for(lambda sign=sign: log.exists() and sign in log.read_text(), process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert checkpoint.exists()
        assert not (killed / "weights.safetensors").exists()
    train.main(arguments(data, killed, **recipe))
    assert "continued from a checkpoint" in (killed / "log").read_text()
    assert contents(whole) == contents(killed)
    assert not checkpoint.exists()


def test_sigterm_writes_a_checkpoint_and_leaves_with_143(data, tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    argv = arguments(data, stopped, steps=10**6)
    process = start(argv)
    log = stopped / "log"
    wait_for(lambda: log.exists() and "training begins" in log.read_text(), process)
    process.terminate()
    assert process.wait(timeout=120) == 143
    assert (stopped / "checkpoints" / "c.safetensors").exists()
    assert not (stopped / "weights.safetensors").exists()
    train.main(arguments(data, whole))  # and a shorter training is another one
    train.main(arguments(data, stopped))
    assert "ignored" in log.read_text()
    assert contents(whole) == contents(stopped)


def test_cuda_on_a_machine_without_is_an_error_at_once(data, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SensitivityError, match="no CUDA device"):
        train.main([*arguments(data, tmp_path), "--device", "cuda"])


def test_a_job_does_not_load_the_compiler_of_pytorch(data, tmp_path):
    """It would take longer to load than many a training takes."""
    code = "import sys, train; train.main(sys.argv[1:]); assert 'torch._dynamo' not in sys.modules"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(SCRIPT.parent)}
    argv = arguments(data, tmp_path, steps=3)
    subprocess.run([sys.executable, "-c", code, *argv], check=True, env=environment)


def test_data_of_another_name_are_refused(data, tmp_path):
    argv = arguments(data, tmp_path)
    argv[3] = argv[3].replace("noise", "mnist")
    with pytest.raises(SensitivityError, match="noise"):
        train.main(argv)
