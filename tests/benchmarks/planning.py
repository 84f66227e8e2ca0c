"""How long Snakemake takes to plan the full survey, beside a bare Snakefile; and to parse ours.

Run by hand: python tests/benchmarks/planning.py [--repetitions 5] [--configuration FILE]
The bare Snakefile has as many rules, jobs, inputs, outputs, logs and benchmarks, and nothing else:
its file names come from a list. Contestants take turns; median, minimum and maximum are printed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from sensitivity.study import configuration, grid, measures  # noqa: E402
from sensitivity.study.measuring_jobs import measuring_jobs  # noqa: E402

BARE = """
import json
MODELS = json.load(open("models.json"))  # dataset: [models]
FILES = json.load(open("files.json"))  # dataset: file: folder: [models]
rule all:
    input: expand("t/{dataset}/networks.csv", dataset=MODELS)
rule fetch:
    output: "d/{dataset}.npz", "d/{dataset}.json"
    log: "l/fetch/{dataset}.log"
    benchmark: "b/fetch/{dataset}.tsv"
    shell: "x"
rule train:
    input: "d/{dataset}.npz", "d/{dataset}.json"
    output: "m/{dataset}/{model}/weights.safetensors", "m/{dataset}/{model}/training.csv",
        "m/{dataset}/{model}/training.json"
    log: "l/train/{dataset}/{model}.log"
    benchmark: "b/train/{dataset}/{model}.tsv"
    shell: "x"
for file in {files!r}:
    rule:
        name: file
        input: "d/{dataset}.npz", "d/{dataset}.json",
            lambda w, file=file: [f"m/{w.dataset}/{model}/{made}"
                for model in FILES[w.dataset][file][w.folder]
                for made in ("weights.safetensors", "training.json")]
        output: f"s/{{dataset}}/{{folder}}/{file}.npz"
        log: f"l/{file}/{{dataset}}/{{folder}}.log"
        benchmark: f"b/{file}/{{dataset}}/{{folder}}.tsv"
        shell: "x"
def files(wildcards):
    for model in MODELS[wildcards.dataset]:
        yield f"m/{wildcards.dataset}/{model}/training.csv"
        yield f"m/{wildcards.dataset}/{model}/training.json"
    for file, folders in FILES[wildcards.dataset].items():
        for folder in folders:
            yield f"s/{wildcards.dataset}/{folder}/{file}.npz"
rule networks:
    input: lambda wildcards: list(files(wildcards)), "d/{dataset}.npz", "d/{dataset}.json"
    output: "t/{dataset}/networks.csv", "t/{dataset}/networks.json", "t/{dataset}/models.csv",
        "t/{dataset}/models.json"
    log: "l/networks/{dataset}.log"
    benchmark: "b/networks/{dataset}.tsv"
    shell: "x"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--configuration", type=Path, default=ROOT / "config/paper.yaml")
    arguments = parser.parse_args()
    path = arguments.configuration.resolve()
    ours = ["--snakefile", ROOT / "Snakefile", "--configfile", path]
    plan = ["--dry-run", "--quiet", "all"]
    with tempfile.TemporaryDirectory() as folder:
        targets = write_bare(Path(folder), path)
        contestants = {
            "plan, bare": [*plan, "--snakefile", "bare.smk"],
            "plan, ours, the same jobs": [*plan, *ours, "--", *targets],
            "plan, ours, everything": [*plan, *ours],
            "parse (--list-rules)": ["--list-rules", *ours],
            "--version": ["--version"],
        }
        runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in contestants}
        for _ in range(arguments.repetitions):
            for name, options in contestants.items():
                runs[name].append(measured(options, folder))
    print("| what | wall, s: median (min-max) | processor, s: median | memory, MB |")
    print("|---|---|---|---|")
    for name, results in runs.items():
        wall, processor, memory = (sorted(column) for column in zip(*results))
        print(
            f"| {name} | {statistics.median(wall):.2f} ({wall[0]:.2f}-{wall[-1]:.2f}) "
            f"| {statistics.median(processor):.2f} | {memory[-1]:.0f} |"
        )


def write_bare(folder: Path, path: Path) -> list[str]:
    """Write the bare Snakefile and its list of models; the targets that ask ours for as much."""
    schema = configuration.load_schema(ROOT / "workflow/schemas/config.schema.yaml")
    settings = configuration.check(yaml.safe_load(path.read_text()), schema)
    planned = grid.expand(settings).values()
    models: dict[str, list[str]] = {}
    for model in planned:
        models.setdefault(model.dataset, []).append(model.name)
    files: dict[str, dict[str, dict[str, list[str]]]] = {}
    for job in measuring_jobs(planned, settings).values():
        if job.is_tabulated:
            folders = files.setdefault(job.dataset, {}).setdefault(job.file, {})
            folders[job.folder] = [model.name for model, _ in job.models]
    (folder / "files.json").write_text(json.dumps(files))
    (folder / "bare.smk").write_text(BARE.replace("{files!r}", repr(list(measures.FILES))))
    (folder / "models.json").write_text(json.dumps(models))
    return [f"results/{settings['study']}/tables/{dataset}/networks.csv" for dataset in models]


def measured(options: list, folder: str) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and megabytes of one run of Snakemake."""
    command = [sys.executable, "-m", "snakemake", *map(str, options)]
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    seconds = time.perf_counter() - begin
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


if __name__ == "__main__":
    main()
