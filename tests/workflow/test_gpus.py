"""GPU jobs at once: one on each GPU, more where they fit on one together, unless it is said."""

import os
import re
from pathlib import Path

import pytest

from workflow.loaded import snakemake_command

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("visible", "free", "options", "at_once"),
    [
        ("0,1", "[N/A]", [], 2),
        ("3", "[N/A]", [], 1),
        (None, "[N/A]", [], 4),
        ("", "24000", [], None),
        ("0", "24000", ["gpu=7"], 7),
        ("0", "24000", [], 4),
        ("0,1", "24000", [], 5),
        ("0", "2000", [], 2),
    ],
)
def test_gpu_jobs_at_once(tmp_path, visible, free, options, at_once):
    """On a machine whose driver lists four GPUs, with so many free megabytes on each."""
    tool = tmp_path / "nvidia-smi"
    line = f'"{free}, Default, [N/A]"'
    tool.write_text(
        f'#!/bin/sh\nfor i in 0 1 2 3; do [ "$1" = -L ] && echo GPU $i: A || echo {line}; done\n'
    )
    tool.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    words = ["--cores", "2", "estimate", "--snakefile", ROOT / "Snakefile"]
    words += ["--configfile", ROOT / "tests/config/tiny.yaml", "--config", "device=auto"]
    words += ["--resources", *options] if options else []
    said = snakemake_command(*words, folder=tmp_path, environment=environment).stdout
    found = re.search(r'Provided resources: .*gpu=(?:Resource\("gpu", )?(\d+)', said)
    assert (int(found[1]) if found else None) == at_once, said
