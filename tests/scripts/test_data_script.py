"""The script that fetches data: one file with its checksum, and one sentence when it cannot."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import data
from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import Dataset, originals
from sensitivity.datasets.registry import REGISTRY
from sensitivity.files.storage import read_arrays

SCRIPT = Path(data.__file__)


def fetch(folder, **settings):
    output = folder / f"{settings['dataset']}.npz"
    data.main(["--settings", json.dumps(settings), "--output", str(output)])
    return output


def test_it_writes_a_data_set_and_its_checksum(tmp_path):
    output = fetch(tmp_path, dataset="digits:100", code="a", data_folder=None, source=None)
    dataset = Dataset.load(output, dataset="digits:100")
    assert (dataset.training_images, len(dataset.x_test), dataset.classes) == (100, 360, 10)
    assert dataset.draws.shape == (14, 100)
    _, provenance = read_arrays(output)
    assert provenance["originals"] == {"digits.csv": REGISTRY["digits"].train[0].checksum}
    checksum = json.loads((tmp_path / "digits:100.json").read_text())
    assert f"sha256:{checksum['sha256']}" == originals.digest(output.read_bytes(), "sha256")


def test_the_file_depends_on_the_images_alone(tmp_path):
    one = fetch(tmp_path / "one", dataset="digits", code="a")
    other = fetch(tmp_path / "other", dataset="digits", code="b", data_folder=str(tmp_path))
    assert one.read_bytes() == other.read_bytes()
    assert one.with_suffix(".json").read_bytes() == other.with_suffix(".json").read_bytes()


def test_own_data_are_named_in_the_provenance(tmp_path):
    source = tmp_path / "my data.npz"
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (6, 3, 3), dtype=np.uint8)
    y = np.arange(6) % 2
    np.savez(source, x_train=x[:4], y_train=y[:4], x_test=x[4:], y_test=y[4:])
    output = fetch(tmp_path, dataset="mine", source=str(source))
    _, provenance = read_arrays(output)
    assert provenance == {"dataset": "mine", "source": str(source)}


def test_more_draws_than_there_are_images_for_are_refused_before_anything_is_written(tmp_path):
    source, output = tmp_path / "mine.npz", tmp_path / "mine:4.npz"
    x = np.random.default_rng(0).integers(0, 256, (12, 3, 3), dtype=np.uint8)
    np.savez(source, x_train=x[:10], y_train=np.arange(10) % 2, x_test=x[10:], y_test=[0, 1])
    settings = json.dumps({"dataset": "mine:4", "source": str(source)})
    argv = ["--settings", settings, "--output", str(output), "--draws"]
    with pytest.raises(SensitivityError, match="seed 2 has no training images of its own, since"):
        data.main([*argv, "3"])
    assert not output.exists()
    data.main([*argv, "2"])
    assert Dataset.load(output).draws.shape == (2, 4)


def test_settings_without_a_data_set_are_refused(tmp_path):
    with pytest.raises(SensitivityError, match="lacks the name"):
        data.main(["--settings", "{}", "--output", str(tmp_path / "x.npz")])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dataset": "digit"}, "did you mean 'digits'"),
        ({"dataset": "digits", "data_folder": "/no/such/folder"}, "/no/such/folder is no folder"),
        ({"dataset": "mine", "source": "/no/such.npz"}, "/no/such.npz is neither"),
    ],
)
def test_an_error_is_one_sentence_and_no_file(settings, message, tmp_path):
    output = tmp_path / "x.npz"
    arguments = ["--settings", json.dumps(settings), "--output", output]
    run = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True)
    assert run.returncode == 1
    assert message in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_wrong_original_never_reaches_the_results(tmp_path, monkeypatch):
    monkeypatch.setitem(REGISTRY, "mnist", replace(REGISTRY["mnist"], mirrors=()))
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x01\0\0\0\x01\x05")
    with pytest.raises(SensitivityError, match="does not hold the original") as caught:
        fetch(tmp_path / "results", dataset="mnist", data_folder=str(folder))
    assert REGISTRY["mnist"].train[0].checksum in str(caught.value)
    assert not list((tmp_path / "results").rglob("*.npz"))


@pytest.mark.slow
@pytest.mark.skipif(
    not originals.find(REGISTRY["fashion_mnist"], []),
    reason="the package dataset-fashion-mnist is not installed",
)
def test_all_of_fashion_mnist_from_debian(tmp_path):
    dataset = Dataset.load(fetch(tmp_path, dataset="fashion_mnist"), dataset="fashion_mnist")
    assert dataset.x_train.shape == (60000, 28, 28)
    assert dataset.x_test.shape == (10000, 28, 28)
    part = Dataset.load(fetch(tmp_path, dataset="fashion_mnist:10000"))
    assert np.bincount(part.drawn(5).y_train).tolist() == [1000] * 10
    assert np.array_equal(part.x_test, dataset.x_test)
