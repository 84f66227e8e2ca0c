"""GPU jobs at once: one on each GPU, more where they fit on one together, unless it is said."""

import os
import re
from pathlib import Path

import pytest

from workflow.loaded import snakemake_command

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("visible", "options", "at_once"),
    [("0,1", [], 2), (None, [], 4), ("", [], None), ("0", ["gpu=7"], 7)],
)
def test_gpu_jobs_at_once(tmp_path, visible, options, at_once):
    """On a machine whose driver lists four GPUs."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nfor i in 0 1 2 3; do echo GPU $i: A; done\n")
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
