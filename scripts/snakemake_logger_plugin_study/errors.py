"""The one sentence that matters about an error."""

import re
from collections.abc import Iterable
from pathlib import Path

ERROR = re.compile(r"^\S+ \S+ ERROR \S+: (.+)$", re.MULTILINE)  # as base/command.py writes it
EMPTY = re.compile(
    r"^At least one job did not complete|^Exiting because|returned non-zero exit|died with"
    r"|without an error of its own|left no log"
)
HEADING = re.compile(r"^\w*(Error|Exception)\b.*:$")
NO_FILE = re.compile(r"^(?:FileNotFound|IsADirectory)Error: .*: ('.*')$", re.MULTILINE)
LONGEST = 8  # lines of what Snakemake says


def of_job(job: str, logs: Iterable[str], reason: str | None = None) -> str:
    """What the job's own log says last about an error, and where the log is.

    `reason`: what the executor said, such as a cluster's status.
    """
    why = f" ({reason.strip()})" if reason and reason.strip() else ""
    for log in map(str, logs):
        path = Path(log.removesuffix(" (check log file(s) for error details)"))
        text = _text(path)
        found = ERROR.findall(text)
        if found and found[-1] != "unexpected error":
            return f"Failed: {job}: {found[-1]}"
        lines = text.strip().splitlines()
        if found:
            return f"Failed: {job}: {lines[-1]} (log: {path})"
        if lines:
            return (
                f"Failed: {job}: killed, or ended without an error of its own{why}; "
                f"{path} ends: {lines[-1]}"
            )
    return f"Failed: {job}; it was killed or could not start, and left no log{why}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def of_snakemake(message: str) -> str:
    """What Snakemake says, without the name of its error's class and places in the code."""
    if "load_configfile" in message and (missing := NO_FILE.search(message)):
        return (
            f"There is no configuration file {missing[1]}. If it is a target, put it before"
            " --configfile, which takes every later word for a file."
        )
    lines = [line.strip() for line in message.strip().splitlines()]
    lines = [line for line in lines if line and not line.startswith('File "')]
    lines = [line for line in lines if not HEADING.match(line)] or lines
    empty = "Snakemake failed without a word; its log is in .snakemake/log"
    return "\n".join(lines[-LONGEST:]) or empty


def that_matter(sentences: Iterable[str]) -> list[str]:
    """Each once, without those that only say that something failed, unless there are no others."""
    different = list(dict.fromkeys(sentences))
    return [sentence for sentence in different if not EMPTY.search(sentence)] or different
