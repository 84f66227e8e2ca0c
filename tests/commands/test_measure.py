"""`python -m sensitivity measure`, as a user runs it from a folder of their own."""

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sensitivity.architectures import build
from sensitivity.base.errors import SensitivityError
from sensitivity.commands import command, table
from sensitivity.commands.points import load_points
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.regions import count_transitions, local_complexity
from sensitivity.regions.paths import translation_loop

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SOURCE = """
from torch import nn

def build():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(27, 4),
    )

def number():
    return 7

def wide(input_shape, classes, width=2, p=0.5):
    return nn.Sequential(
        nn.Conv2d(input_shape[0], width, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(p),
        nn.Linear(width * (input_shape[1] - 2) * (input_shape[2] - 2), classes),
    )

smooth = nn.Sequential(nn.Conv2d(1, 3, 3), nn.GELU(), nn.Flatten(), nn.Linear(48, 4))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with models, weights and images, as the current one."""
    (tmp_path / "a_models_file.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("a_models_file", None)
    torch.manual_seed(0)
    save_file(built().state_dict(), "weights.safetensors")
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (12, 6, 6), dtype=np.uint8)
    np.savez("images.npz", x_test=images, y_test=np.arange(12) % 4)
    return tmp_path


def built():
    namespace = {}
    exec(SOURCE, namespace)
    torch.manual_seed(3)
    return namespace["build"]().eval()


ARGUMENTS = (
    *("measure", "--module", "a_models_file:build", "--weights", "weights.safetensors"),
    *("--data", "images.npz", "--input-shape", "1,6,6", "--normalization", "image"),
)


def test_from_any_folder(folder):
    run = subprocess.run(
        [sys.executable, "-m", "sensitivity", *ARGUMENTS, "--loops", "3"],
        capture_output=True, text=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    rows = read(folder / "sensitivity.csv")
    module, x = built().double(), images(folder)
    norms = jacobian_norms(module, x)[0]
    np.testing.assert_allclose([float(row["jacobian_norm"]) for row in rows], norms, rtol=1e-9)
    counts = count_transitions(module, [translation_loop(i, "first") for i in x[:3]], (1, 6, 6))[0]
    assert [int(row["transitions"]) for row in rows[:3]] == counts.tolist()
    assert [row["transitions"] for row in rows[3:]] == [""] * 9
    correct = (module(x).argmax(1) == torch.arange(12) % 4).double()
    assert [int(row["correct"]) for row in rows] == correct.tolist()
    (line,) = (line for line in run.stdout.splitlines() if line.startswith("checked"))
    changes, gaps = (int(word) for word in line.split() if word.isdigit())
    assert changes >= gaps == 3 * 67  # 200 of all loops together, rounded up
    assert float(line.split()[-1]) < 1e-9
    (line,) = (line for line in run.stdout.splitlines() if line.startswith("jacobian_norm"))
    assert f"{float(norms.mean()):.4g}" in line.split()
    error = norms.std() / 12**0.5
    assert f"{float(error):.4g}" in line.split()


def images(folder):
    x = torch.from_numpy(np.load(folder / "images.npz")["x_test"]).double().view(12, 1, 6, 6)
    flat = x.flatten(1)
    return ((flat - flat.mean(1, keepdim=True)) / flat.std(1, correction=0, keepdim=True)).view_as(
        x
    )


def test_one_sentence_about_what_is_wrong(folder):
    run = subprocess.run(
        [sys.executable, "-m", "sensitivity", *ARGUMENTS, "--module", "a_models_file:smooth",
         "--weights", "none.safetensors"],
        capture_output=True, text=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
    )  # fmt: skip
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert "none.safetensors is missing" in run.stderr
    assert not (folder / "sensitivity.csv").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--module", "a_models_file"), "FILE:FUNCTION"),
        (("--module", "no_such_file:build"), r"no file no_such_file\.py"),
        (("--module", "a_models_file:other"), "has no function 'other'"),
        (("--module", "a_models_file:number"), "returns a int"),
        (("--module", "a_models_file:wide"), "needs classes; give it a value"),
        (("--module", "a_models_file:wide", "--arguments", "classes"), "is no key=value"),
        (("--arguments", "width=3"), "takes no width; leave it out"),
        (("--arguments", "p=3"), "takes no argument 'p'"),
        (("--input-shape", "2,6,6"), "can't be given the shape"),
        (("--input-shape", "one"), "is no shape"),
        (("--data", "absent.npz"), "absent.npz is missing"),
        (("--data", "."), "is missing or can't be read"),
        (("--weights", "images.npz"), "no safetensors file"),
        (("--radius", "0"), "is no distance; give one above 0"),
        (("--radius", "nan"), "is no distance; give one above 0"),
    ],
)
def test_what_is_refused(folder, more, message):
    with pytest.raises(SensitivityError, match=message):
        command.main([*ARGUMENTS, *more])


@pytest.mark.parametrize("name", ["a_models_file:wide", "a_models_file.py:wide", "convolutional"])
def test_a_builder_is_called_as_in_a_study(folder, name):
    given = ["classes=4", "width=3"]
    given += ["depth=2", "activation=relu"] if name == "convolutional" else ["p=0.25"]
    command.main([*ARGUMENTS[:1], "--module", name, *ARGUMENTS[5:], "--arguments", *given])
    keys = dict(text.split("=") for text in given)
    module = build(
        name.replace(".py", ""),
        (1, 6, 6),
        4,
        3,
        2 if "depth" in keys else None,
        keys.get("activation"),
        {"p": 0.25} if "p" in keys else {},
        folder=str(folder),
    )
    norms = jacobian_norms(module.eval().double(), images(folder))[0]
    found = [float(row["jacobian_norm"]) for row in read("sensitivity.csv")]
    np.testing.assert_allclose(found, norms, rtol=1e-6)


def test_of_a_smooth_module_transitions_are_empty_and_a_sentence_says_why(folder, capsys):
    command.main([*ARGUMENTS[:1], "--module", "a_models_file:smooth", *ARGUMENTS[5:]])
    (line,) = (s for s in capsys.readouterr().out.splitlines() if "left empty" in s)
    assert "GELU" in line
    rows = read("sensitivity.csv")
    assert {row["transitions"] + row["places"] for row in rows} == {""}
    from a_models_file import smooth

    smooth, x = smooth.double().eval(), images(folder)

    def probabilities(point):
        return smooth(point[None]).softmax(1)[0]

    expected = [torch.func.jacrev(probabilities)(point).norm().item() for point in x]
    found = [float(row["jacobian_norm"]) for row in rows]
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    losses = nn.functional.cross_entropy(smooth(x), torch.arange(12) % 4, reduction="none")
    found = [float(row["cross_entropy"]) for row in rows]
    np.testing.assert_allclose(found, losses.detach(), rtol=1e-10)


def test_of_a_smooth_module_a_softmax_at_its_end_is_left_out(folder):
    from a_models_file import smooth

    ended = nn.Sequential(smooth, nn.Softmax(1))
    np.savez("few.npz", x=images(folder)[:3].numpy(), y=np.arange(3))
    points = load_points(Path("few.npz"), 0, (1, 6, 6), None, "none")
    assert table.measured(ended, points, 0)[0] == table.measured(smooth, points, 0)[0]


def test_radius_adds_local_complexity(folder, capsys):
    command.main([*ARGUMENTS, "--loops", "0", "--radius", "0.3"])
    rows = read("sensitivity.csv")
    assert "transitions" not in rows[0]
    expected = local_complexity(built(), images(folder), 0.3)
    found = [float(row["local_complexity"]) for row in rows]
    np.testing.assert_allclose(found, expected.density[0], rtol=1e-9)
    found = [float(row["local_complexity_standard_error"]) for row in rows]
    np.testing.assert_allclose(found, expected.standard_error[0], rtol=1e-9)
    lines = [s for s in capsys.readouterr().out.splitlines() if s.startswith("local_complexity")]
    assert len(lines) == 1  # the mean over points, and its own standard error


def test_of_a_smooth_module_local_complexity_is_empty_too(folder, capsys):
    smooth = (*ARGUMENTS[:1], "--module", "a_models_file:smooth", *ARGUMENTS[5:])
    command.main([*smooth, "--radius", "0.3"])
    assert "transitions and local complexity are left empty: " in capsys.readouterr().out
    assert {row["local_complexity"] for row in read("sensitivity.csv")} == {""}


def test_a_count_that_is_wrong_is_not_reported(folder, monkeypatch, capsys):
    """Half of the transitions are lost: forward passes see it."""

    def halved(graph, path):
        found = count(graph, path)
        columns = "position", "replicate", "layer", "unit", "change"
        return replace(found, **{name: getattr(found, name)[::2] for name in columns})

    count = table.transitions
    monkeypatch.setattr(table, "transitions", halved)
    command.main(ARGUMENTS)
    assert "report this as a fault" in capsys.readouterr().out
    assert {row["transitions"] for row in read("sensitivity.csv")} == {""}


def read(path):
    with Path(path).open() as file:
        return list(csv.DictReader(file))


def test_whole_numbers_need_a_normalization(folder):
    with pytest.raises(SensitivityError, match="--normalization"):
        command.main(ARGUMENTS[:-2])


def test_weights_of_another_module(folder):
    save_file(nn.Linear(2, 2).state_dict(), "weights.safetensors")
    with pytest.raises(SensitivityError, match="does not fit the module"):
        command.main(ARGUMENTS)


def test_points_without_labels_and_a_single_output(folder):
    np.savez("flat.npz", x=np.random.default_rng(0).normal(size=(5, 3)))
    np.savez("labelled.npz", x=np.zeros((5, 3)) + 1.0, y=np.arange(5) % 2)
    Path("a_models_file.py").write_text(
        "from torch import nn\nnet = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))\n"
    )
    sys.modules.pop("a_models_file", None)
    command.main(["measure", "--module", "a_models_file:net", "--data", "flat.npz"])
    assert Path("sensitivity.csv").read_text().splitlines()[0] == (
        "point,jacobian_norm,logit_jacobian_norm"
    )
    command.main(["measure", "--module", "a_models_file:net", "--data", "labelled.npz"])
    assert {row["predicted"] for row in read("sensitivity.csv")} <= {"0", "1"}
