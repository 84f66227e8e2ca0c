"""Where a study's processor time goes: python tests/benchmarks/study.py [--configfile FILE]

Runs a whole study (the default one, or that of --configfile) in a folder that is thrown away, on
--cores cores (2), and prints as Markdown for docs/performance.md: the time that passed, and
processor seconds of arithmetic (training steps and measures), of imports (with Python's start), of
Snakemake's own process, and of all else (reading and writing, tables, drawing, shells). --source
measures another checkout of this repository, for a comparison side by side. Every process is
watched in the same way: see `processor_time.py`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOOK = "import sys; sys.path.insert(0, {here!r}); import processor_time; sys.path.pop(0)\n"
MEASURES = (
    *("jacobian", "transitions", "as_trained", "generalization_measures"),
    *("points", "curves", "boundaries", "sampling"),
)
COMPUTING = ("train.py", "measure.py", *(f"{name}.py" for name in MEASURES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configfile", type=Path, help="the study (default config/config.yaml)")
    parser.add_argument("--source", type=Path, default=HERE.parents[1], help="the checkout")
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        passed, total, records = run(arguments, Path(folder))
    report(passed, total, records)


def run(arguments: argparse.Namespace, folder: Path) -> tuple[float, float, list[dict]]:
    """Run the study in `folder`: seconds that passed, processor seconds, and each process's own."""
    watch = folder / "watch"
    watch.mkdir()
    hook = HOOK.format(here=str(HERE)) + f"processor_time.watch({str(watch)!r})\n"
    (watch / "sitecustomize.py").write_text(hook, encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--cores", str(arguments.cores), "--quiet", "all"]
    command += ["--snakefile", str(arguments.source.resolve() / "Snakefile")]
    command += ["--directory", str(folder / "study")]
    if arguments.configfile:
        command += ["--configfile", str(arguments.configfile.resolve())]
    begin, before = time.perf_counter(), processor_seconds()
    surroundings = {**os.environ, "PYTHONPATH": str(watch), "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, env=surroundings)
    passed, used = time.perf_counter() - begin, processor_seconds() - before
    return passed, used, [json.loads(path.read_text()) for path in watch.glob("*.json")]


def processor_seconds() -> float:
    """Of all processes below this one that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(passed: float, total: float, records: list[dict]) -> None:
    """Print the split, and the seconds of each program."""
    snakemake = [r for r in records if not r["program"].endswith(".py") or "main" in r["program"]]
    jobs = [r for r in records if r not in snakemake]
    computing = [r for r in jobs if r["program"] in COMPUTING]
    arithmetic = sum(r["total"] - r["start"] - r["imports"] - r["storage"] for r in computing)
    split = {
        "arithmetic": arithmetic,
        "imports": sum(r["start"] + r["imports"] for r in jobs),
        "Snakemake": sum(r["total"] for r in snakemake),
    }
    split["other"] = total - sum(split.values())
    print("| | processor, s | share |\n|---|---|---|")
    for name, seconds in split.items():
        print(f"| {name} | {seconds:.1f} | {seconds / total:.0%} |")
    print(f"| all, in {passed:.0f} s | {total:.1f} | {len(jobs)} jobs |")
    programs: dict[str, list[dict]] = defaultdict(list)
    for record in jobs:
        programs[record["program"]].append(record)
    print("\n| program | runs | processor, s | imports | reading, writing |\n|---|---|---|---|---|")
    for name, runs in sorted(programs.items()):
        sums = [sum(r["total"] for r in runs), sum(r["start"] + r["imports"] for r in runs)]
        sums.append(sum(r["storage"] for r in runs))
        print(f"| {name} | {len(runs)} | " + " | ".join(f"{s:.1f}" for s in sums) + " |")


if __name__ == "__main__":
    main()
