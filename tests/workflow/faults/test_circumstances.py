"""Another place and other surroundings give the same bytes."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(1800)  # on a machine that has other things to do

NAME = "Quellen été 雪 'x' $HOME"
SURROUNDINGS = {
    "LC_ALL": "C",
    "TZ": "Asia/Kathmandu",
    "PYTHONHASHSEED": "12345",
    "COLUMNS": "20",
    "HOME": "/nonexistent",
}


@pytest.fixture
def read_only(source, tmp_path):
    """The source at a place with blanks and letters of all kinds, which nobody may write to."""
    folder = tmp_path / NAME
    folder.mkdir()
    if os.geteuid() != 0:
        shutil.copytree(source, folder, dirs_exist_ok=True)
        for path in [*folder.rglob("*"), folder]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield folder
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755)
        return
    bind = subprocess.run(["mount", "--bind", str(source), str(folder)], capture_output=True)
    if bind.returncode != 0:
        pytest.skip("root may write anywhere, and cannot mount here")
    subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_elsewhere(undisturbed, read_only, tmp_path):
    """A read-only source, odd names, another working directory, locale, time zone and umask."""
    with pytest.raises(OSError, match=r"Read-only|Permission"):
        (read_only / "new").write_text("")
    folder = tmp_path / "Ergebnisse ü 1"
    folder.mkdir()
    study = type(undisturbed)(folder, read_only)
    home = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    study.finish("tables", cwd=Path("/"), umask=0o077, **SURROUNDINGS, **home)
    ours, theirs = study.results(), undisturbed.results()
    assert ours == {name: theirs[name] for name in theirs if "/figures/" not in name}
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*.csv")} == {0o600}


CLOCK = """
import datetime, sys, time
real, shift = time.time, {shift}
time.time = lambda: real() + shift
time.time_ns = lambda: int(time.time() * 1e9)
sys.path.insert(0, sys.argv[1])
import figure
figure.main(sys.argv[2:])
"""


def test_another_time(undisturbed, study):
    """A figure drawn at another time, and from files of other dates, has the same bytes."""
    printed = study.finish(
        *("--forcerun", "figure_capacity", "--dry-run", "--printshellcmds"),
        *("--", "results/faults/figures/1_capacity.pdf"),
    )
    arguments = shlex.split(re.search(r"/figure\.py (capacity .*)", printed)[1])
    future = datetime(2042, 1, 1, tzinfo=UTC).timestamp()
    for path in study.path.rglob("results/**/*"):
        os.utime(path, (future, future))
    study.remove("faults/figures/*")
    shift = future - datetime.now(tz=UTC).timestamp()
    script, scripts = CLOCK.format(shift=shift), study.source / "scripts"
    subprocess.run([sys.executable, "-c", script, scripts, *arguments], cwd=study.path, check=True)
    assert study.results() == undisturbed.results()
