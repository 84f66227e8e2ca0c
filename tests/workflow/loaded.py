"""Snakemake as a command, run by a copy of a process that has loaded it once.

Loading takes as long as planning a tiny study, and these tests plan hundreds of them. A copy is
made for each command (a fork), so that none sees what another one did; jobs are processes of their
own as always. Where the order of sets matters (`PYTHONHASHSEED`, one for all copies of a worker), a
signal, or the start itself, tests run `python -m snakemake`.
"""

import atexit
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

LOADED = multiprocessing.get_context("forkserver")
LOADED.set_forkserver_preload(["snakemake.cli"])


def snakemake_command(*words, folder, environment=None):
    """The finished process of `snakemake words` in `folder`: its status, and output with errors."""
    words = [str(word) for word in words]
    environment = dict(os.environ if environment is None else environment)
    if sys.platform == "darwin":  # whose libraries do not like a fork
        return subprocess.run(
            [sys.executable, "-m", "snakemake", *words],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "output"
        given = (words, str(folder), environment, _path(), str(output))
        process = LOADED.Process(target=_run, args=given)
        process.start()
        try:
            process.join()
        finally:
            process.kill()  # of a test that has timed out
            process.join()
        text = output.read_text(encoding="utf-8") if output.exists() else ""
    return subprocess.CompletedProcess(["snakemake", *words], process.exitcode, text)


@cache
def _path():
    """Where Python looks for modules if it is started outside of tests, but for its first place."""
    command = [sys.executable, "-c", "import json, sys; print(json.dumps(sys.path))"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)[1:]


def _run(words, folder, environment, path, output):
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = [folder, *path]
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
    sys.argv = ["snakemake", *words]
    file = os.open(output, os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(file, stream)
    from snakemake.cli import main  # loaded before the copy was made

    try:
        main()
    finally:
        atexit._run_exitfuncs()  # which the end of a copy leaves out: Snakemake deletes folders
