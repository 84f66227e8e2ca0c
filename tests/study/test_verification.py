"""What a result says of its origin, read from every kind of file that carries it."""

import json

import numpy as np
import pytest
from matplotlib.figure import Figure

from sensitivity.base.errors import DamagedFile
from sensitivity.figures import style
from sensitivity.files import measurements, storage
from sensitivity.files.measurements import Part
from sensitivity.study import verification

SETTINGS = {"code": "abc", "seed": 0, "text": 'brackets (and \\ "quotes")'}


@pytest.fixture
def figure(tmp_path):
    paths = tmp_path / "a.pdf", tmp_path / "a.png"
    style.save(Figure(figsize=(1, 1)), *paths, {**SETTINGS, "figure": "a"})
    return paths


def test_figures_say_where_they_came_from(figure):
    for path in figure:
        assert verification.recorded(path) == {**SETTINGS, "figure": "a"}
        assert verification.problems(path, {(): (SETTINGS, {})}) == []


def test_every_truncation_of_a_figure_is_noticed(figure):
    for path in figure:
        content = path.read_bytes()
        for length in range(0, len(content) - 1, 7):
            path.write_bytes(content[:length])
            with pytest.raises(DamagedFile):
                verification.recorded(path)


def test_weights_are_read_without_a_tensor_library(tmp_path):
    path = tmp_path / "weights.safetensors"
    header = json.dumps({"__metadata__": {"provenance": json.dumps(SETTINGS)}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    assert verification.recorded(path) == SETTINGS
    for length in range(8 + len(header)):
        path.write_bytes((len(header).to_bytes(8, "little") + header)[:length])
        with pytest.raises(DamagedFile):
            verification.recorded(path)


def test_what_differs_is_named(tmp_path):
    path = tmp_path / "a.npz"
    storage.write_arrays(path, {"x": np.arange(2)}, {**SETTINGS, "inputs": {"data": "1"}})
    now = {**SETTINGS, "code": "def", "dataset": "digits"}
    assert verification.problems(path, {(): (now, {"data": "2"})}) == [
        "its code is 'abc', and would now be 'def'",
        "its dataset is not recorded",
        "it was made from another data file",
    ]
    assert verification.problems(path, {(): (SETTINGS, {"data": "1"})}) == []
    assert verification.problems(tmp_path / "b.npz", {(): (SETTINGS, {})}) == ["it is missing"]


def test_each_measure_is_held_to_its_own_sources(tmp_path):
    path = tmp_path / "measures.npz"
    part = Part({"norms": np.arange(2)}, {**SETTINGS, "inputs": {"weights": "1"}})
    measurements.write(path, "digits", {"m": {"jacobian": part}})
    found = verification.problems(
        path,
        {
            ("m", "jacobian"): ({**SETTINGS, "seed": 1}, {"weights": "2"}),
            ("m", "points"): (SETTINGS, {}),
            ("other", "jacobian"): (SETTINGS, {}),
        },
    )
    assert found == [
        "m: jacobian: its seed is 0, and would now be 1",
        "m: jacobian: it was made from another weights file",
        "m: points: it is missing; the file holds the models m",
        "other: jacobian: it is missing; the file holds the models m",
    ]


def test_checksums_must_fit(tmp_path):
    path = tmp_path / "a.npz"
    storage.write_arrays(path, {"x": np.arange(2)}, SETTINGS)
    storage.write_checksum(path, SETTINGS)
    assert verification.problems(tmp_path / "a.json", {}) == []
    storage.write_arrays(path, {"x": np.arange(3)}, SETTINGS)
    assert verification.problems(tmp_path / "a.json", {}) == [
        "it is not the checksum of the file beside it"
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}"])
def test_other_json_is_no_result(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    assert len(verification.problems(path, {})) == 1


def test_orphans(tmp_path):
    files = (
        "data/digits.npz", "data/originals/train-images", "models/digits/old/weights.safetensors",
        "tiny/figures/5_gap.png", "tiny/figures/5_gap.svg", "another/figures/5_gap.png",
    )  # fmt: skip
    for file in files:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    wanted = [tmp_path / "data/digits.npz", tmp_path / "tiny/figures/5_gap.png"]
    found = verification.orphans(tmp_path, wanted, "tiny", ("data", "models", "logs"))
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "models/digits/old/weights.safetensors",
        "tiny/figures/5_gap.svg",
    ]
