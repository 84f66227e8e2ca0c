"""`snakemake`: the command, run by a copy of a process that has loaded Snakemake once.

Loading takes longer than planning a tiny study, and these tests plan hundreds of them. A copy is
made for each command (a fork), so no command sees what another one did; jobs are processes of
their own as always. Where a terminal, a signal or the start itself is the matter, tests run
`python -m snakemake`.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import snakemake.cli

LOADED = multiprocessing.get_context("forkserver")
LOADED.set_forkserver_preload(["snakemake.cli"])


def snakemake_command(*words, folder, environment=None):
    """The finished process of `snakemake words` in `folder`: its status, and output with errors."""
    environment = dict(os.environ if environment is None else environment)
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "output"
        words = [str(word) for word in words]
        process = LOADED.Process(target=_run, args=(words, str(folder), environment, str(output)))
        process.start()
        process.join()
        text = output.read_text(encoding="utf-8") if output.exists() else ""
    return subprocess.CompletedProcess(["snakemake", *words], process.exitcode, text)


def _run(words, folder, environment, output):
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
    file = os.open(output, os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(file, stream)
    sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
    sys.argv = ["snakemake", *words]
    snakemake.cli.main()
