"""Fetch a data set and write it as arrays: results/data/<dataset>.npz.

Settings: `dataset`, its name; `data_folder`, a folder with original files, or null; `source`, the
path of the reader's own data, or null. What has to be downloaded is kept in `originals/` beside the
output, for the subsets of the same data set.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from sensitivity import command, provenance
from sensitivity.datasets import sources
from sensitivity.errors import SensitivityError

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    command.standard_arguments(parser)
    parser.add_argument("--output", type=Path, required=True, help="the .npz file to write")
    arguments = parser.parse_args(argv)
    command.setup(arguments)
    settings = arguments.settings
    if "dataset" not in settings:
        raise SensitivityError('--settings lacks the name of a data set: {"dataset": "mnist5k"}')
    dataset = sources.fetch(
        settings["dataset"],
        downloads=arguments.output.parent / "originals",
        source=_path(settings.get("source")),
        data_folder=_path(settings.get("data_folder")),
    )
    dataset.save(arguments.output, provenance.describe(settings))
    logger.info(
        "%s: %d training and %d test images, %d classes",
        dataset.name,
        len(dataset.x_train),
        len(dataset.x_test),
        dataset.classes,
    )


def _path(text: "str | None") -> "Path | None":
    return Path(text).expanduser() if text else None


if __name__ == "__main__":
    command.run(main)
