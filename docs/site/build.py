"""Build the site into build/site, strictly: python docs/site/build.py

The documents link to each other as files of this repository. So they are copied into build/pages in
the same layout, together with the files that they link to, and no link has to be rewritten. The
reference gets the help of the command line.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "build/pages"
GATHERED = ("*.md", "LICENSE", "CITATION.cff", "config/*", "docs/**/*", "notebooks/*")
HELP = "<!-- the output of python -m sensitivity measure --help -->"
NOT_SHOWN = (".py", ".json")


def gather() -> None:
    shutil.rmtree(PAGES, ignore_errors=True)
    for pattern in GATHERED:
        for path in ROOT.glob(pattern):
            if path.is_file() and path.suffix not in NOT_SHOWN:
                copy = PAGES / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)


def add_command_line() -> None:
    command = [sys.executable, "-m", "sensitivity", "measure", "--help"]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT / "scripts"), "COLUMNS": "90"}
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True)
    page = PAGES / "docs/site/reference.md"
    text = page.read_text(encoding="utf-8")
    if HELP not in text:
        sys.exit(f"{page} has no line {HELP}")
    page.write_text(text.replace(HELP, f"```text\n{done.stdout}```"), encoding="utf-8")


def main() -> None:
    gather()
    add_command_line()
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    sys.exit(subprocess.run(command, cwd=ROOT).returncode)


if __name__ == "__main__":
    main()
