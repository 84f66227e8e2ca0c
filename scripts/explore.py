"""Gather a study's tables, claims and figures in one page to explore them."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sensitivity.base.command import parsed, run
from sensitivity.base.errors import SensitivityError
from sensitivity.explorer.assembly import page
from sensitivity.files.storage import atomic, read_table


def main(argv: Sequence[str] | None = None) -> None:
    """Settings: `study`, its name; `titles`, of figures by their names, such as `5_gap`."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("models", "networks", "figures"):
        parser.add_argument(f"--{option}", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument("--claims", type=Path, required=True, help="claims.csv")
    parser.add_argument("--output", type=Path, required=True, help="explore.html, written")
    arguments = parsed(parser, argv)

    html = page(
        arguments.settings.get("study", "unnamed"),
        *(
            pd.concat([read_table(path) for path in paths], ignore_index=True)
            for paths in (arguments.models, arguments.networks)
        ),
        read_table(arguments.claims),
        {path.stem: _png(path) for path in arguments.figures},
        arguments.settings.get("titles", {}),
    )
    with atomic(arguments.output) as temporary:
        temporary.write_text(html, encoding="utf-8")


def _png(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SensitivityError(f"cannot read the figure {path}: {error.strerror}") from None


if __name__ == "__main__":
    run(main)
