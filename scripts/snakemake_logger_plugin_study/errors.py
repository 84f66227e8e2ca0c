"""The one sentence that matters about an error."""

import re
from collections.abc import Iterable
from pathlib import Path

ERROR = re.compile(r"^\S+ \S+ ERROR \S+: (.+)$", re.MULTILINE)  # as base/command.py writes it
EMPTY = re.compile(r"^At least one job did not complete|^Exiting because|returned non-zero exit")


def of_job(job: str, logs: Iterable[str]) -> str:
    """What the job's own log says last about an error, and where the log is."""
    for log in map(str, logs):
        path = Path(log.removesuffix(" (check log file(s) for error details)"))
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found = ERROR.findall(text)
        if found and found[-1] != "unexpected error":
            return f"Failed: {job}: {found[-1]}"
        lines = text.strip().splitlines()
        if lines:
            return f"Failed: {job}: {lines[-1]} (log: {path})"
    return f"Failed: {job}; it left no log: it was killed, or could not start"


def of_snakemake(message: str) -> str:
    """What Snakemake says, in its last line that is no place in the code."""
    lines = [line.strip() for line in message.strip().splitlines()]
    lines = [line for line in lines if line and not line.startswith('File "')]
    return lines[-1] if lines else "Snakemake failed without a word; its log is in .snakemake/log"


def that_matter(sentences: Iterable[str]) -> list[str]:
    """Each once, without those that only say that something failed, unless there are no others."""
    different = list(dict.fromkeys(sentences))
    return [sentence for sentence in different if not EMPTY.search(sentence)] or different
