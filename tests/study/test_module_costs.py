"""What networks of other architectures cost: counted once, kept by their builder's code."""

import json

import pytest

from sensitivity.base.errors import SensitivityError
from sensitivity.study import costs, memory, traced
from sensitivity.study.recipe import Recipe

SIZES = costs.Sizes(64, 8, 10, 200, 100)
CNN = Recipe(4, 2, "relu", architecture="convolutional", steps=100, batch_size=50, replicates=2)


@pytest.fixture
def counted(monkeypatch):
    monkeypatch.setattr(traced, "COUNTED", {})
    return traced.COUNTED


def prepare(folder, recipe=CNN):
    file = folder / "architectures.json"
    asked = [(recipe, SIZES.input_shape, SIZES.classes)]
    traced.prepare(asked, str(folder), str(file))
    return file


def test_an_architecture_is_counted_once(tmp_path, counted, monkeypatch):
    file = prepare(tmp_path)
    network = traced.counts(CNN, SIZES.input_shape, SIZES.classes)
    assert network.weights == 4 * 9 + 4 * 4 * 9 + 4 * 10
    assert costs.network(CNN, SIZES).weights == network.weights
    # 8 x 8 outputs of 9 products each, 4 x 4 of 36, four channels; then the linear layer
    assert network.operations == 2 * (4 * 64 * 9 + 4 * 16 * 36 + 4 * 10)
    work = costs.training_work(CNN, SIZES, {})
    assert work.single == 2 * network.operations * (3 * 50 * 100 + 16 * 300)
    assert (work.calls, work.replicates) == (100 * (2.5 * network.calls + 20), 2)
    planes = costs.boundaries_work(CNN, SIZES, {"resolution": 1})
    assert planes.moved == costs.POLYGONS * network.operations * 8
    before = file.read_text()
    counted.clear()
    monkeypatch.setattr("subprocess.run", None)
    prepare(tmp_path)
    assert file.read_text() == before
    assert len(counted) == 1


def test_a_changed_builder_is_counted_again(tmp_path, counted):
    source = "from torch import nn\n\ndef build(classes):\n    return nn.Sequential("
    recipe = Recipe(architecture="mine:build")
    for units in (5, 6):
        body = f"{source}nn.Flatten(), nn.Linear(64, {units}), nn.Linear({units}, classes))\n"
        (tmp_path / "mine.py").write_text(body)
        file = prepare(tmp_path, recipe)
        assert costs.network(recipe, SIZES).weights == 75 * units + 10
    assert len(json.loads(file.read_text())) == 2


def test_a_network_that_cannot_be_trained_is_refused_beforehand(tmp_path, counted):
    (tmp_path / "wrong.py").write_text("from torch import nn\n\ndef build(): return nn.Flatten()\n")
    with pytest.raises(SensitivityError, match="the network of wrong:build has no parameters"):
        prepare(tmp_path, Recipe(architecture="wrong:build"))


def test_what_was_not_counted_is_taken_for_large(counted):
    assert memory.training_memory(CNN, SIZES) > 1e9
    assert memory.training_memory(Recipe(4, 2, "relu"), SIZES) < 1e9
