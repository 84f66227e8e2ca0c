"""Where the processor time of one Python process goes: what `study.py` puts before each of them.

`study.py` writes a `sitecustomize.py` that calls `watch` into a folder of its own, and puts that
folder at the head of PYTHONPATH: every Python process of a study, Snakemake's included, is watched
from its first module to its last. Nothing in the workflow knows of it.

A job's seconds are told apart like this: what passed before this module and while a module was
loaded is imports; what passed in the functions of `STORAGE` (reading, writing, digests, provenance,
the device) is other; what is left is computing.
"""

import atexit
import functools
import importlib._bootstrap as bootstrap
import json
import os
import resource
import sys
import time

# module: the functions (or Class.method) that read, write and describe rather than compute
STORAGE = {
    "sensitivity.base.command": ("setup", "standard_arguments"),
    "sensitivity.base.device": ("prepare", "title"),
    "sensitivity.files.storage": (
        "digest",
        "write_checksum",
        "write_arrays",
        "read_arrays",
        "write_rows",
    ),
    "sensitivity.files.provenance": ("describe", "environment"),
    "sensitivity.datasets.dataset": ("Dataset.load", "Dataset.save"),
    "sensitivity.networks.network": ("Network.load", "Network.save"),
}


class Stopwatch:
    """Processor seconds of this process in calls that it wraps, nested ones counted once."""

    def __init__(self):
        self.seconds = {"imports": 0.0, "storage": 0.0}
        self.running = None  # what the clock counts for now
        self.since = 0.0

    def wrap(self, function, kind):
        @functools.wraps(function)
        def timed(*arguments, **named):
            outer = self._switch(kind)
            try:
                return function(*arguments, **named)
            finally:
                self._switch(outer)

        return timed

    def _switch(self, kind):
        now = time.process_time()
        if self.running is not None:
            self.seconds[self.running] += now - self.since
        outer, self.running, self.since = self.running, kind, now
        return outer


def watch(folder):
    """From now on: at the end of this process, its seconds go to a file of `folder`, as JSON."""
    started, watches = time.process_time(), Stopwatch()
    load = bootstrap._find_and_load

    def load_and_wrap(name, *rest):
        module = load(name, *rest)
        for path in STORAGE.get(name, ()) if name not in wrapped else ():
            *owner, attribute = path.split(".")
            holder = getattr(module, owner[0]) if owner else module
            plain = vars(holder)[attribute]
            method = isinstance(plain, classmethod)
            timed = watches.wrap(plain.__func__ if method else plain, "storage")
            setattr(holder, attribute, classmethod(timed) if method else timed)
        wrapped.add(name)
        return module

    wrapped: set = set()
    bootstrap._find_and_load = watches.wrap(load_and_wrap, "imports")

    def record():
        used = resource.getrusage(resource.RUSAGE_SELF)
        line = {
            "program": os.path.basename(sys.argv[0] if sys.argv else ""),
            "arguments": sys.argv[1:],
            "start": started,
            **watches.seconds,
            "total": used.ru_utime + used.ru_stime,
        }
        with open(os.path.join(folder, f"{os.getpid()}-{time.time_ns()}.json"), "w") as file:
            json.dump(line, file)

    atexit.register(record)
