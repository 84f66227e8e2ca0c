"""scripts/verify.py --remove-orphans: it deletes what is this study's alone, and nothing else."""

import pytest

import verify
from sensitivity.base.errors import SensitivityError

ORPHANS = (
    "models/digits/old/weights.safetensors",
    "models/digits/old/training.csv",
    "mine/figures/9_old.png",
    "checkpoints/digits/old.safetensors",
)
KEPT = "models/digits/current/weights.safetensors"


@pytest.fixture
def orphans(tmp_path):
    for name in (*ORPHANS, KEPT):
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return [tmp_path / "results" / name for name in ORPHANS]


def left(folder):
    return {path.relative_to(folder / "results").as_posix() for path in folder.rglob("*.*")}


def test_orphans_go_and_checkpoints_stay(tmp_path, orphans):
    assert verify.removed(orphans, tmp_path, "mine") == "removed 3 of these files"
    assert left(tmp_path) == {KEPT, "checkpoints/digits/old.safetensors"}
    assert not (tmp_path / "results/models/digits/old").exists()
    assert (tmp_path / "results/mine").is_dir()


def test_what_another_study_may_use_stays(tmp_path, orphans):
    (tmp_path / "results/theirs").mkdir()
    told = verify.removed(orphans, tmp_path, "mine")
    assert told == "removed 1 of these files; files that theirs may use were kept"
    assert left(tmp_path) == {KEPT, *ORPHANS} - {"mine/figures/9_old.png"}


def test_nothing_goes_while_snakemake_runs(tmp_path, orphans):
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").touch()
    with pytest.raises(SensitivityError, match="nothing was removed"):
        verify.removed(orphans, tmp_path, "mine")
    assert all(path.exists() for path in orphans)
