"""Checkpoints of a training: a row per checkpoint and point, a table, and a plot."""

import csv
import math
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import prune

from sensitivity.base.errors import SensitivityError
from sensitivity.commands import command, drawing
from sensitivity.commands.table import over_steps
from sensitivity.commands.weights import checkpoints, fill
from sensitivity.jacobian.norms import jacobian_norms

SOURCE = """
from torch import nn

def build():
    layers = nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4)
    return nn.Sequential(*layers)

smooth = nn.Sequential(nn.Flatten(), nn.Linear(36, 5), nn.Tanh(), nn.Linear(5, 4))
"""


def built(seed):
    namespace = {}
    exec(SOURCE, namespace)
    torch.manual_seed(seed)
    return namespace["build"]()


IMAGES = np.random.default_rng(0).normal(size=(5, 6, 6))
X = torch.from_numpy(IMAGES)[:, None]
ARGUMENTS = (
    *("measure", "--module", "a_trained_file:build", "--data", "data.npz"),
    *("--input-shape", "1,6,6"),
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a module, images, and three checkpoints."""
    (tmp_path / "a_trained_file.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("a_trained_file", None)
    np.savez("data.npz", x=IMAGES, y=np.arange(5) % 4)
    Path("run").mkdir()
    torch.save(built(10).state_dict(), "run/step_10.pt")
    torch.save(nn.DataParallel(built(9)).state_dict(), "run/step_9.pth")
    save_file(built(100).state_dict(), "run/step_100.safetensors")
    Path("run/notes.txt").write_text("no weights")
    return tmp_path


def read(path="sensitivity.csv"):
    with Path(path).open() as file:
        return list(csv.DictReader(file))


def test_a_folder_gives_a_row_a_checkpoint_and_point(folder, capsys):
    more = ("--weights", "run", "--loops", "2", "--radius", "0.1", "--plot", "over.png")
    command.main([*ARGUMENTS, *more])
    rows = read()
    assert [int(row["steps"]) for row in rows] == [9] * 5 + [10] * 5 + [100] * 5
    assert [row["point"] for row in rows] == list("01234") * 3
    found = np.array([float(row["jacobian_norm"]) for row in rows]).reshape(3, 5)
    expected = [jacobian_norms(built(seed), X)[0].numpy() for seed in (9, 10, 100)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert [bool(row["transitions"]) for row in rows] == ([True] * 2 + [False] * 3) * 3
    out = capsys.readouterr().out
    assert "begin with module. (a wrapper's), which was left out" in out
    (line,) = (line for line in out.splitlines() if line.startswith("run/step_100.safetensors"))
    assert f"{np.mean(expected[2]):.4g}" in line.split()
    width, height = mpl.image.imread("over.png").shape[1::-1]
    assert width > height > 100


def test_series_of_means(folder):
    rows = [
        {"checkpoint": "a", "steps": 1, "point": 0, "jacobian_norm": 1.0, "transitions": 4},
        {"checkpoint": "a", "steps": 1, "point": 1, "jacobian_norm": 3.0, "transitions": None},
        {"checkpoint": "b", "steps": 2, "point": 0, "jacobian_norm": 5.0, "transitions": None},
    ]
    first, second = over_steps(rows)
    assert (first["jacobian_norm"], first["jacobian_norm_standard_error"]) == (2.0, 1.0)
    assert first["transitions"] == 4.0
    assert second["jacobian_norm"] == 5.0
    assert math.isnan(second["jacobian_norm_standard_error"])
    assert second["transitions"] is None


def test_files_are_numbered_where_their_names_do_not_tell(tmp_path):
    for name in ("b.pt", "a10.pt", "a9.pt"):
        (tmp_path / name).touch()
    named = [tmp_path / "b.pt", tmp_path / "a9.pt"]
    assert [(c.path, c.steps) for c in checkpoints(named)] == list(zip(named, (1, 2), strict=True))
    in_folder = [(c.path.name, c.steps) for c in checkpoints([tmp_path])]
    assert in_folder == [("a9.pt", 1), ("a10.pt", 2), ("b.pt", 3)]
    numbered = [(c.path.name, c.steps) for c in checkpoints([tmp_path / "a10.pt", named[1]])]
    assert numbered == [("a9.pt", 9), ("a10.pt", 10)]


def test_one_network_is_drawn_by_its_points_and_along_a_loop(folder, monkeypatch):
    drawn = []
    monkeypatch.setattr(drawing, "_save", lambda path, draws: drawn.extend(draws))
    command.main([*ARGUMENTS, "--weights", "run/step_10.pt", "--plot", "one.pdf"])
    points, along = (mpl.figure.Figure().subplots() for _ in range(2))
    for draw, ax in zip(drawn, (points, along), strict=True):
        draw(ax)
    norms = jacobian_norms(built(10), X)[0]
    shown = np.concatenate([c.get_offsets() for c in points.collections])
    np.testing.assert_allclose(sorted(shown[:, 1]), sorted(norms), rtol=1e-9)
    assert along.get_xlabel() == "Place on the path"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--plot", "a.doc"), "no known ending"),
        (("--plot", "a.png", "--data", "flat.npz", "--loops", "0"), "nothing to draw"),
        (("--weights", "empty"), "empty holds no file of weights"),
        (("--weights", "run", "absent.pt"), "absent.pt is missing"),
        (("--weights", "text.pt"), "text.pt is no state dictionary"),
        (("--weights", "whole.pt"), "whole.pt is no state dictionary"),
        (("--weights", "nested.pt"), "holds a dict, no state dictionary; its entry model may be"),
        (("--weights", "number.pt"), "holds a int"),
        (("--weights", "pruned.pt"), r"In pruned.pt, 0.weight was saved pruned"),
        (("--weights", "run", "other.pt"), "other.pt does not fit the module"),
    ],
)
def test_what_is_refused_before_anything_is_measured(folder, monkeypatch, more, message):
    monkeypatch.setattr(command.table, "measured", None)
    Path("empty").mkdir()
    Path("text.pt").write_text("no weights")
    np.savez("flat.npz", x=IMAGES)
    torch.save(built(0), "whole.pt")
    torch.save({"model": built(0).state_dict(), "epoch": 3}, "nested.pt")
    torch.save(7, "number.pt")
    torch.save(nn.Linear(2, 2).state_dict(), "other.pt")
    pruned = built(0)
    prune.l1_unstructured(pruned[0], "weight", 0.5)
    torch.save(pruned.state_dict(), "pruned.pt")
    with pytest.raises(SensitivityError, match=message) as caught:
        command.main([*ARGUMENTS, *more])
    assert "\n" not in str(caught.value)


def test_a_smooth_module_without_labels_leaves_nothing_to_draw(folder):
    np.savez("bare.npz", x=IMAGES)
    arguments = ["--module", "a_trained_file:smooth", "--data", "bare.npz", "--plot", "a.png"]
    with pytest.raises(SensitivityError, match="nothing to draw in a"):
        command.main([*ARGUMENTS, *arguments])
    assert len(read()) == 5


def test_a_diverged_checkpoint_is_a_gap_in_the_series(folder):
    broken = built(0)
    nn.init.constant_(broken[0].weight, math.nan)
    torch.save(broken.state_dict(), "run/step_11.pt")
    command.main([*ARGUMENTS, "--weights", "run", "--loops", "1"])
    of_it = [row for row in read() if row["steps"] == "11"]
    assert [row["jacobian_norm"] for row in of_it] == ["nan"] * 5
    assert [row["transitions"] for row in of_it] == [""] * 5


def test_weights_fill_the_module(folder):
    module = built(0)
    assert fill(module, Path("run/step_9.pth")) == "module."
    torch.testing.assert_close(module(X.float()), built(9)(X.float()))


def test_a_device_that_is_not_there_is_refused(folder):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(SensitivityError, match="no CUDA device"):
        command.main([*ARGUMENTS, "--device", "cuda"])
