"""A measuring job takes anew what is stale, keeps the rest, and drops what nobody asks for."""

import json

import pytest

import measure
from made_up.measured import RECIPE
from sensitivity.files.storage import digest
from sensitivity.measures import measuring

THREE = {
    "jacobian": {"test_points": 5, "training_points": 5, "noise_points": 5, "code": "a"},
    "transitions": {"test_points": 2, "code": "b"},
    "points": {"test_points": 9, "code": "c"},
}


@pytest.fixture
def counted(monkeypatch):
    """The names of the measures that are taken, in order."""
    names, function = [], measuring.measure_function

    def counting(name):
        names.append(name)
        return function(name)

    monkeypatch.setattr(measuring, "measure_function", counting)
    return names


def test_only_what_is_stale_is_taken_anew(study, counted, capsys):
    """Settings, code, weights and data of each measure are its own; the rest is kept, bytes too."""
    output = study.folder / "records.npz"
    study.take(dict(THREE), output, "--checksum")
    first = output.read_bytes()
    assert counted == list(THREE)
    assert json.loads(output.with_suffix(".json").read_text())["sha256"] == digest(output)

    def taken(**changes):
        counted.clear()
        study.take({**THREE, **changes}, output, "--list-stale")
        assert counted == []
        listed = json.loads(capsys.readouterr().out).get(RECIPE.name, [])
        study.take({**THREE, **changes}, output)
        assert counted == listed
        return listed

    assert taken() == []
    assert output.read_bytes() == first
    assert taken(transitions={"test_points": 3, "code": "b"}) == ["transitions"]
    assert taken() == ["transitions"]
    assert output.read_bytes() == first, "whatever came between, equal settings give equal bytes"
    assert taken(points={"test_points": 9, "code": "edited"}) == ["points"]
    study.network.weights[0] *= 2
    study.save()
    assert taken() == list(THREE)
    assert output.read_bytes() != first
    output.write_bytes(output.read_bytes()[:-100])
    assert taken() == list(THREE), "a damaged file is made anew"


def test_a_measure_that_is_not_asked_for_is_dropped(study):
    output = study.folder / "measures.npz"
    study.take(dict(THREE), output)
    parts = study.take({"points": THREE["points"]}, output)
    assert list(parts) == ["points"]


def test_other_versions_of_the_libraries_make_all_stale(study, counted, monkeypatch):
    output = study.folder / "measures.npz"
    study.take({"points": THREE["points"]}, output)
    monkeypatch.setattr(measure, "environment", lambda: {"torch": "0.1"})
    study.take({"points": THREE["points"]}, output)
    assert counted == ["points", "points"]
