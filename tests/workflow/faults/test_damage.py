"""Results that are torn, altered or exchanged are named by the next stage that reads them."""

import importlib
import logging
import re
import shlex
import signal

import pytest
import torch

from sensitivity.base.errors import DamagedFile

# a result, and the scripts that read it next
READERS = {
    "models/*/depth1-width32-*/weights.safetensors": ("measure",),
    "models/*/depth1-width32-*/training.csv": ("networks",),
    "faults/measurements/*/depth1-width32/measures.npz": ("networks",),
    "faults/tables/*/networks.csv": ("table",),
    "faults/tables/*/models.csv": ("table", "figure"),
    "faults/tables/correlations.csv": ("claims",),
}


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 3] ^= 1
    path.write_bytes(content)


def another(path):
    """The file of the other model in its place; of a table, the other table."""
    if "width32" in str(path):
        (other,) = path.parents[1].glob(f"depth1-width8*/{path.name}")
    else:
        swapped = {"networks": "models", "models": "networks", "correlations": "factors"}
        other = path.with_stem(swapped[path.stem])
    path.write_bytes(other.read_bytes())
    other_checksum, checksum = other.with_suffix(".json"), path.with_suffix(".json")
    if "width32" in str(path) and path.suffix == ".csv":
        checksum.write_bytes(other_checksum.read_bytes())  # intact, and yet not what belongs here


@pytest.fixture(scope="module")
def commands(undisturbed):
    """Every job's command line as Snakemake gives it, by script and text."""
    text = undisturbed.finish("tables", "--dry-run", "--forceall", "--printshellcmds")
    text += undisturbed.finish(
        "--dry-run", "--forceall", "--printshellcmds", "--", "results/faults/figures/1_capacity.pdf"
    )
    lines = re.findall(r"python .*/scripts/(\w+\.py .*)", text)
    return [(shlex.split(line)[0].removesuffix(".py"), shlex.split(line)[1:]) for line in lines]


@pytest.fixture
def _restored():
    """A script settles PyTorch, the log and signals for a process of its own."""
    threads, handlers = torch.get_num_threads(), logging.getLogger().handlers[:]
    action = signal.getsignal(signal.SIGTERM)
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("default")
    for handler in set(logging.getLogger().handlers) - set(handlers):
        handler.close()
    logging.getLogger().handlers[:] = handlers
    signal.signal(signal.SIGTERM, action)


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize("damage", [truncated, flipped, another])
@pytest.mark.parametrize("result", READERS)
def test_the_next_stage_names_it(result, damage, study, commands, monkeypatch):
    path = study.file(result)
    damage(path)
    name = str(path.relative_to(study.path))
    monkeypatch.chdir(study.path)
    for script in READERS[result]:
        arguments = next(a for s, a in commands if s == script and reads(a, name))
        before = study.results()
        with pytest.raises(DamagedFile, match=re.escape(name)):
            importlib.import_module(script).main(arguments)
        assert study.results() == before


def reads(arguments, name):
    """Whether a command reads a file: by its name, or as part of all models' folders."""
    return name in arguments or "--models-folder" in arguments


def test_snakemake_stops_at_it(study):
    """Through the workflow: the job that reads it fails, and nothing follows from it."""
    weights = study.file("models/*/depth1-width32-*/weights.safetensors")
    another(weights)
    study.remove("faults/measurements/*/*/measures.npz", "faults/tables/*", "faults/tables/*/*")
    status, text = study.run("tables", "--keep-going")
    assert status == 1
    assert f"{weights.relative_to(study.path)} was made for model" in text
    assert "Traceback" not in text
    assert not list(study.path.glob("results/faults/tables/**/*.csv"))
    assert len(list(study.path.glob("results/faults/measurements/*/*/measures.npz"))) == 1
