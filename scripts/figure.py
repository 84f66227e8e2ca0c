"""Draw one figure from tables and measurements, as PDF and as PNG."""

import argparse
import importlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sensitivity.base.command import parsed, run
from sensitivity.figures import FigureData, Record
from sensitivity.figures.style import save
from sensitivity.files.measurements import read_measure
from sensitivity.files.provenance import describe
from sensitivity.files.storage import atomic, read_arrays, read_table

TABLES = {
    "networks": "networks.csv files",
    "models": "models.csv files",
    "correlations": "correlations.csv",
    "pairs": "pairs.csv",
    "factors": "factors.csv",
    "curves_table": "curves.csv",
    "interpolation": "interpolation.csv",
}
RECORDS = {"points": "files that hold points", "curves": "files that hold curves"}
SINGLE_RECORDS = {
    "boundaries": "a file that holds boundaries",
    "sampling": "a file that holds samplings",
    "data": "a data set, results/data/<dataset>.npz",
}

logger = logging.getLogger("figure")


def main(argv: Sequence[str] | None = None) -> None:
    """Settings: what the figure's module asks for, and `dots_per_inch` of the PNG (200)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="of the figure, such as gap")
    parser.add_argument("--module", help="of sensitivity.figures; if none is given, the name's own")
    for option, content in {**TABLES, **RECORDS, **SINGLE_RECORDS}.items():
        several = {"nargs": "+", "default": []} if option not in SINGLE_RECORDS else {}
        flag = f"--{option.replace('_', '-')}"
        parser.add_argument(flag, type=Path, metavar="FILE", help=content, **several)
    parser.add_argument("--pdf", type=Path, required=True, help="the figure to print, written")
    parser.add_argument("--png", type=Path, required=True, help="the figure to look at, written")
    arguments = parsed(parser, argv)

    settings = arguments.settings
    module = importlib.import_module(f"sensitivity.figures.{arguments.module or arguments.name}")
    figure = module.draw(read(arguments), {**settings, "figure": arguments.name})
    provenance = describe(settings, figure=arguments.name)
    dots = {key: settings[key] for key in ("dots_per_inch",) if key in settings}
    with atomic(arguments.pdf) as pdf, atomic(arguments.png) as png:
        save(figure, pdf, png, provenance, **dots)
    logger.info("drew %s: %s", arguments.name, json.dumps(provenance, sort_keys=True))


def read(arguments: argparse.Namespace) -> FigureData:
    """Everything that the command line names, verified.

    Raises:
        DamagedFile: a file is truncated or altered.
    """
    given = vars(arguments)
    tables = {
        option: pd.concat([read_table(path) for path in given[option]], ignore_index=True)
        for option in TABLES
        if given[option]
    }
    records = {name: tuple(_record(path, name) for path in given[name]) for name in RECORDS}
    single = {name: _record(given[name], name) for name in SINGLE_RECORDS if given[name]}
    single = {{"data": "images"}.get(name, name): record for name, record in single.items()}
    return FigureData(**tables, **records, **single)


def _record(path: Path, name: str) -> Record:
    if name == "data":
        return Record(path.stem, "", read_arrays(path)[0])
    return Record(*read_measure(path, name))


if __name__ == "__main__":
    run(main)
