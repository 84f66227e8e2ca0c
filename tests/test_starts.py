"""What a script does not need it does not load: starts are a large part of a small study."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
FIGURES = [p.stem for p in (SCRIPTS / "sensitivity/figures").glob("[a-z]*.py")]
MEASURES = [p.stem for p in (SCRIPTS / "sensitivity/measures/taken").glob("[a-z]*.py")]
PLOTTING = ("matplotlib", "seaborn", "pandas", "scipy.stats")


@pytest.mark.parametrize(
    ("modules", "left_out"),
    [
        (["train"], (*PLOTTING, "scipy")),
        (
            ["measure", *(f"sensitivity.measures.taken.{name}" for name in MEASURES)],
            (*PLOTTING, "scipy.special"),
        ),
        (
            ["figure", *(f"sensitivity.figures.{name}" for name in FIGURES)],
            ("torch",),  # seaborn loads scipy.stats
        ),
        (["claims"], ("torch", "matplotlib", "scipy.stats")),
        (["networks"], ("torch", "matplotlib", "scipy")),
        (["data"], ("torch", "pandas", "scipy", "mlxtend", "sklearn", "torchvision")),
    ],
    ids=["train", "measure", "figure", "claims", "networks", "data"],
)
def test_loading(modules, left_out):
    program = (
        f"import {', '.join(modules)}, sys; print(*(n for n in {left_out} if n in sys.modules))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, capture_output=True, text=True, env={"PYTHONPATH": str(SCRIPTS), "PATH": ""}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
