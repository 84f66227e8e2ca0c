"""GPU jobs at once: as many as there are cards, unless it is said."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("visible", "options", "at_once"),
    [("0,1", [], 2), ("3", [], 1), (None, [], 4), ("", [], None), ("0", ["gpu=7"], 7)],
)
def test_gpu_jobs_at_once(tmp_path, visible, options, at_once):
    """On a machine whose driver lists four cards."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nfor i in 0 1 2 3; do echo GPU $i: A; done\n")
    tool.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "estimate"]
    command += ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    command += ["--configfile", str(ROOT / "tests/config/tiny.yaml"), "--config", "device=auto"]
    command += ["--resources", *options] if options else []
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    found = re.search(r'Provided resources: .*gpu=(?:Resource\("gpu", )?(\d+)', result.stderr)
    assert (int(found[1]) if found else None) == at_once, result.stderr
