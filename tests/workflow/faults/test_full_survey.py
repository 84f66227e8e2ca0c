"""The full survey: two minutes of planning, which `make test` does for one of its data sets."""

import re

import pytest

from workflow.loaded import snakemake_command

pytestmark = pytest.mark.timeout(1800)


def test_everything_is_planned(clone):
    result = snakemake_command(
        *("-n", "--cores", "1", "--quiet", "all", "--configfile", "config/paper.yaml"),
        folder=clone.folder,
    )
    assert result.returncode == 0, result.stdout[-3000:]
    counts = {
        name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", result.stdout, re.M)
    }
    assert counts["train"] > 7_000
    assert counts["networks"] == 6
    assert counts["claims_table"] == 1
