"""Fetch a data set and write it as arrays: results/data/<dataset>.npz, and its checksum.

Settings: `dataset`, its name; `data_folder`, a folder with original files, or null; `source`, the
path of the reader's own data, or their `url` and `sha256`, or null. What has to be downloaded is
kept in `originals/` beside the output, for the subsets of the same data set.
"""

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sensitivity.base import command
from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import registry, sources
from sensitivity.files import storage

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="the .npz file to write")
    parser.add_argument(
        "--draws", type=int, default=1, help="of a subset: how many the study needs (default 1)"
    )
    arguments = command.parsed(parser, argv)
    settings = arguments.settings
    if "dataset" not in settings:
        raise SensitivityError('--settings lacks the name of a data set: {"dataset": "mnist5k"}')
    dataset = sources.fetch(
        settings["dataset"],
        downloads=arguments.output.parent / "originals",
        source=_place(settings.get("source")),
        data_folder=_place(settings.get("data_folder")),
    )
    dataset.check_seeds(range(arguments.draws))
    dataset.save(arguments.output, _origin(settings))
    storage.write_checksum(arguments.output, {"dataset": dataset.name})
    logger.info(
        "%s: %d training and %d test images, %d classes",
        dataset.name,
        dataset.training_images,
        len(dataset.x_test),
        dataset.classes,
    )


def _place(value: "str | Mapping[str, str] | None") -> "Path | Mapping[str, str] | None":
    """A path as this machine knows it; an address as it is."""
    return registry.local_path(value) if isinstance(value, str) else value


def _origin(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Where the images come from, and nothing of the code that fetched them.

    Images are known by their checksums. Were the code recorded too, then an edited downloader would
    change the file, and with it every network trained on it would count as out of date.
    """
    source = settings.get("source")
    if source:  # of an address only the checksum, so that a file may move to another address
        return {"source": source if isinstance(source, str) else f"sha256:{source['sha256']}"}
    row = registry.REGISTRY[registry.parse(settings["dataset"]).base]
    return {
        "citation": row.citation,
        "licence": row.licence,
        "originals": {original.name: original.checksum for original in row.originals},
    }


if __name__ == "__main__":
    command.run(main)
