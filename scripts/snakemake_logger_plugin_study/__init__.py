"""Snakemake's logger plugin `study`: one line that stays, in place of Snakemake's own 2,000.

`snakemake --logger study`, as `make` calls it. Snakemake finds the plugin by its name; its own log
stays in its file. Where no terminal is attached, there is a line a stage. The sentence that
matters about an error comes last, after whatever Snakemake or a job printed.
"""

import logging
import os
import sys
import time

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from tqdm import tqdm

from snakemake_logger_plugin_study.errors import of_job, of_snakemake, that_matter
from snakemake_logger_plugin_study.stages import Stages

MOST = 3  # sentences at the end: where everything fails, one says as much as a hundred
SILENT_SECONDS = 600.0  # without a terminal, at most so long


class LogHandler(LogHandlerBase):
    """Shows how far a study is, and what went wrong."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self.stages = Stages()
        self.rules: dict[int, str] = {}
        self.messages: dict[int, str | None] = {}
        self.failed: dict[int | str, str] = {}  # by job: one that succeeds after all is forgotten
        self.started = self.said = time.monotonic()
        self.line: tqdm | None = None
        os.environ["TQDM_DELAY"] = "1e9"  # jobs' own bars would write over the line: never show

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises: the thread that calls it would end, and nothing more be shown."""
        try:
            self._take(record)
        except Exception:
            self.handleError(record)

    def _take(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO:
            self._begin(record)
        elif event == LogEvent.JOB_INFO:
            self.rules[record.jobid] = record.rule_name
            self.messages[record.jobid] = record.rule_msg
        elif event == LogEvent.JOB_FINISHED:
            self.failed.pop(record.job_id, None)
            self._finished(self.rules.get(record.job_id, ""))
        elif event == LogEvent.JOB_ERROR:
            job = self.messages.get(record.jobid) or record.rule_name
            reason = getattr(record, "rule_msg", None)
            self.failed[record.jobid] = of_job(job, record.log, None if reason == job else reason)
            self._end_the_line()
        elif event == LogEvent.ERROR:
            sentence = of_snakemake(record.getMessage())
            self.failed[sentence] = sentence
            self._end_the_line()
        elif event is None and record.levelno >= logging.WARNING:
            self._say(record.getMessage())
        elif event is None and record.getMessage().startswith("Nothing to be done"):
            self._say("Nothing to be done: everything is up to date.")

    def _begin(self, record: logging.LogRecord) -> None:
        if self.stages.total:
            return  # a dry run says it twice
        self.stages.begin(record.stats)
        if self.common_settings.dryrun:
            self._say(
                f"{record.getMessage()}\nA dry run. Leave out --logger study to see each job."
            )
        else:
            self._show()

    def _finished(self, rule: str) -> None:
        stage = self.stages.finished(rule, time.monotonic() - self.started)
        self._show()
        if self.line is None:
            if stage is not None:
                self._say(stage)
            elif time.monotonic() - self.said > SILENT_SECONDS:
                self._say(self.stages.line())
        if self.stages.complete:
            self._end_the_line()

    def _show(self) -> None:
        """Write the line anew, where there is a terminal."""
        if self.line is None and sys.stderr.isatty():
            self.line = tqdm(bar_format="{desc}", file=sys.stderr, dynamic_ncols=True)
        if self.line is not None:
            self.line.set_description_str(self.stages.line())

    def _end_the_line(self) -> None:
        """It is left standing; what is said later comes below it."""
        if self.line is not None:
            self.line.close()
            self.line = None

    def _say(self, text: str) -> None:
        self.said = time.monotonic()
        tqdm.write(text, file=sys.stderr)

    def close(self) -> None:
        """The end of the run: the sentences come last."""
        self._end_the_line()
        sentences = that_matter(self.failed.values())
        if len(sentences) > MOST:
            self._say(f"{len(sentences) - MOST} more failed; the log in .snakemake/log has all.")
        for sentence in sentences[-MOST:]:
            self._say(sentence)
        self.failed.clear()
        super().close()
