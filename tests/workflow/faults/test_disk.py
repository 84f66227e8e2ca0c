"""A disk that is full while weights, tables and figures are written: only root can make one."""

import os
import re
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.timeout(1800)  # on a machine that has other things to do

FIGURE = "results/faults/figures/1_capacity.pdf"
MODEL = "models/digits:100/depth1-width32-relu-learning_rate0.05-batch_size50-steps300-replicates2"
# what is written: the folder that is on the full disk, what is asked for, the free bytes
STAGES = {
    "weights": (MODEL, f"results/{MODEL}/weights.safetensors", 8192),
    "tables": ("faults/tables", "results/faults/tables/digits:100/networks.csv", 0),
    "figures": ("faults/figures", FIGURE, 4096),
}


@pytest.fixture
def small_disk():
    """Puts a disk of 256 KiB in a folder's place."""
    mounted = []

    def mount(folder):
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("only root can mount a small disk")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder, free):
    """Leave so many bytes of the disk."""
    filler = folder / "filler"
    filler.write_bytes(b"x" * (shutil.disk_usage(folder).free - free))
    return filler


@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk(stage, undisturbed, study, small_disk):
    place, target, free = STAGES[stage]
    folder = study.path / "results" / place
    shutil.rmtree(folder)
    small_disk(folder)
    filler = fill(folder, free)
    status, text = study.run("--", target)
    assert status == 1
    assert re.search(r"cannot write .*: No space left on device; free some space", text), text
    assert "unexpected error" not in text
    assert [path for path in folder.rglob("*") if path.is_file()] == [filler]
    filler.unlink()
    study.finish("--", target)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        name = path.relative_to(study.path)
        assert path.read_bytes() == (undisturbed.path / name).read_bytes(), name
