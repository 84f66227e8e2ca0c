"""Networks that diverge, surveys where none fits, memory that does not suffice, bad configurations.

The study completes and says so, or one sentence says what to mend.
"""

import json
import re
import resource
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from sensitivity.base import command

pytestmark = pytest.mark.timeout(1800)  # on a machine that has other things to do

HERE = Path(__file__).parent
SCRIPTS = HERE.parents[2] / "scripts"
TABLES = "results/faults/tables"
FIGURES = ["results/faults/figures/1_capacity.pdf", "results/faults/figures/5_gap.pdf"]
GIBIBYTE = 2**30


def test_nothing_fits_and_one_model_diverges(undisturbed, tmp_path):
    study = type(undisturbed)(tmp_path, undisturbed.source)
    text = study.finish("tables", *FIGURES, "--printshellcmds", config=HERE / "trouble.yaml")
    networks = pd.read_csv(tmp_path / TABLES / "digits:100/networks.csv")
    assert len(networks) == 4
    assert not networks["fits"].any()
    diverging = networks["surveys"] == "diverging"
    assert (networks["diverged"] == diverging).all()
    assert (networks["diverged_step"].notna() == diverging).all()
    claims = pd.read_csv(tmp_path / TABLES / "claims.csv")
    assert set(claims["verdict"]) == {"undecided"}
    assert (
        "models did not fit (training accuracies" in (tmp_path / TABLES / "claims.md").read_text()
    )
    for name in ("capacity", "gap"):
        assert "no model fits" in words_of_figure(text, name, tmp_path)


# scripts/figure.py, which prints the words in its figure too.
WORDS = """
import importlib, sys
import figure
from matplotlib.text import Text

module = importlib.import_module(f"sensitivity.figures.{sys.argv[3]}")  # behind --module
draw = module.draw

def spoken(*arguments):
    drawn = draw(*arguments)
    print(*(text.get_text() for text in drawn.findobj(Text)), sep="\\n")
    return drawn

module.draw = spoken
figure.main(sys.argv[1:])
"""


def words_of_figure(output, name, folder):
    """All texts in a figure, drawn once more by the command that Snakemake printed."""
    arguments = shlex.split(re.search(rf"/figure\.py ({name} .*)", output)[1])
    result = subprocess.run(
        [sys.executable, "-c", WORDS, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(SCRIPTS), "MPLBACKEND": "agg"},
        check=True,
        capture_output=True,
        text=True,
    )
    return result.stdout.lower()


def test_training_that_no_memory_holds_says_how_much_it_needs(undisturbed, tmp_path):
    """A real limit: the process may not have more than 6 GiB of addresses."""
    recipe = {"width": 40000, "depth": 2, "activation": "relu", "replicates": 2, "steps": 3}
    arguments = [
        *("--settings", json.dumps({"dataset": "digits:100", "recipe": recipe})),
        *("--data", undisturbed.path / "results/data/digits:100.npz"),
        *("--weights", tmp_path / "weights.safetensors"),
        *("--history", tmp_path / "training.csv"),
        *("--checkpoint", tmp_path / "checkpoint"),
        *("--device", "cpu"),
    ]
    result = subprocess.run(
        [sys.executable, SCRIPTS / "train.py", *arguments],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (6 * GIBIBYTE, 6 * GIBIBYTE)),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert re.search(r"needs at least \d+ GB|tried to allocate \d+ bytes", result.stderr)
    assert list(tmp_path.glob("*.safetensors")) == []


class OutOfMemoryError(RuntimeError):
    """Known by its name alone, as scripts without PyTorch must know it."""


@pytest.mark.parametrize(
    "error",
    [
        OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        MemoryError("Unable to allocate 7.45 GiB for an array"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    ],
)
def test_measuring_without_memory_is_one_sentence(error, capsys, monkeypatch):
    def main(argv):
        raise error

    with pytest.raises(SystemExit) as caught:
        command.run(main)
    assert caught.value.code == 1
    printed = capsys.readouterr().err
    assert "Traceback" not in printed


MISTAKES = {
    "an unknown key": (["recipe", "learning_rat"], 0.1, "did you mean 'learning_rate'"),
    "a wrong type": (["recipe", "steps"], "many", "recipe.steps"),
    "an empty grid": (["surveys", "small", "width"], [], "surveys.small.width is empty"),
    "a negative width": (["surveys", "small", "width"], -3, "-3"),
    "a value twice": (["surveys", "small", "width"], [8, 8], "[8, 8] holds a value twice"),
    "a misspelt data set": (["surveys", "small", "datasets"], ["digit"], "did you mean 'digits'"),
    "a misspelt activation": (["surveys", "small", "activation"], "rleu", "did you mean 'relu'"),
    "a depth that no memory holds": (["surveys", "small", "depth"], 10**9, "memory_limit_gb"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_configuration(mistake, source, undisturbed, tmp_path):
    """One message, before anything runs."""
    keys, value, sentence = MISTAKES[mistake]
    configuration = part = yaml.safe_load((HERE / "study.yaml").read_text(encoding="utf-8"))
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    path = tmp_path / "mistaken.yaml"
    path.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    status, text = type(undisturbed)(tmp_path, source).run("tables", config=path)
    assert status == 1
    assert text.count("configuration: ") == 1
    assert sentence in text
    assert "Traceback" not in text
    assert not (tmp_path / "results").exists()
