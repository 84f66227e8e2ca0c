"""scripts/verify.py on the finished study: silent when all is well, loud when something is not."""

import os
import shutil
import subprocess
import sys

import pytest


def verify(study, *arguments):
    command = [sys.executable, "scripts/verify.py", "--configfile", "tests/config/tiny.yaml"]
    return subprocess.run(
        [*command, *arguments],
        cwd=study.folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )


def line_about(text, path):
    lines = [line for line in text.splitlines() if line.strip().startswith(f"{path}:")]
    return "\n".join(lines)


def test_a_finished_study_is_as_it_should_be(finished):
    result = verify(finished)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 not" in result.stdout
    assert "no job of this study makes" not in result.stdout


def flip(path, position=-200):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def test_every_kind_of_damage_is_named(study):
    """One fault in each kind of file; every other file stays as it should be."""
    top = study.folder

    def one(pattern):
        return study.files(f"results/{pattern}")[0]

    faults = {
        one("models/digits/*/weights.safetensors").with_name("training.csv"): "weights",
        one("models/digits:200/*/training.csv"): "does not match the digest",
        one("tiny/measurements/digits/*/measures.npz"): "damaged",
        one("tiny/measurements/digits/*/records.npz"): "model",
        one("tiny/figures/5_gap.png"): "damaged",
        one("tiny/figures/5_gap.pdf"): "damaged",
        one("tiny/tables/claims.json"): "is not the checksum of the file beside it",
        one("tiny/tables/claims.md"): "missing",
    }
    weights, history, jacobian, points, png, pdf, checksum, text = faults
    flip(weights.with_name("weights.safetensors"))
    flip(history, 20)
    flip(jacobian, len(jacobian.read_bytes()) // 2)
    shutil.copy(study.files("results/tiny/measurements/digits/*/records.npz")[1], points)
    png.write_bytes(png.read_bytes()[:-30])
    pdf.write_bytes(pdf.read_bytes()[:-30])
    shutil.copy(checksum.with_name("factors.json"), checksum)
    text.unlink()
    result = verify(study)
    assert result.returncode == 1
    for path, problem in faults.items():
        assert problem in line_about(result.stdout, path.relative_to(top))


@pytest.mark.slow
@pytest.mark.parametrize("directory", [False, True])
def test_changed_code_and_orphans(study, tmp_path, directory):
    """Results stay where they are; the code, the configuration or the folder is another."""
    study.append("scripts/sensitivity/regions/counting.py", "EDITED = True")

    def forget(configuration):
        del configuration["surveys"]["full_batch"]

    study.configure(forget)
    where = ()
    if directory:
        (study.folder / "results").rename(tmp_path / "results")
        where = ("--directory", str(tmp_path))
    result = verify(study, *where)
    assert result.returncode == 1
    told = result.stdout.splitlines()
    assert sum(": transitions: its code is" in line for line in told) == 16
    assert not any(": jacobian: " in line for line in told)
    orphans = [line for line in told if "-lbfgs-" in line]
    assert any(line.strip().startswith("results/models/digits/") for line in orphans)
    assert "files that no job of this study makes" in result.stdout
    assert "removed " in verify(study, *where, "--remove-orphans").stdout
    assert "no job of this study makes" not in verify(study, *where).stdout


def test_a_study_that_cannot_be_planned(study):
    study.configure(lambda configuration: configuration.update(devise="cpu"))
    result = verify(study)
    assert result.returncode == 1
    assert "did you mean 'device'" in result.stderr
    assert "Traceback" not in result.stderr
