"""Take the measures of some models of one data set, and keep those that still hold.

Settings: `dataset`, which the files must then be about; `seed`; under `measures` the numbers of
each, by its name: {"jacobian": {"test_points": 100}}; and `models`, a list of
{"recipe": {...}, "measures": [names]}, one for each file of weights. If the output is there
already, a measure in it is kept whose sources (settings, fingerprint of its code, digests of data
and weights, versions of the libraries) are what they would be now. What is not asked for any
longer is dropped.
"""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sensitivity.base import command
from sensitivity.base.errors import SensitivityError
from sensitivity.files import measurements, storage
from sensitivity.files.provenance import environment
from sensitivity.study import measuring_jobs

logger = logging.getLogger("measure")

Sources = dict[str, dict[str, dict[str, Any]]]  # by model and measure


def main(argv: Sequence[str] | None = None) -> None:
    """Write the file of measurements, and its checksum if `--checksum` is given."""
    arguments = _arguments(argv)
    dataset, sources = arguments.settings["dataset"], sources_now(arguments)
    kept = measurements.kept(arguments.output, dataset, sources)
    stale = {
        model: [name for name in wanted if name not in kept[model]]
        for model, wanted in sources.items()
    }
    stale = {model: names for model, names in stale.items() if names}
    if arguments.list_stale:
        print(json.dumps(stale))
        return
    for model in sources:
        said = [", ".join(names) or "none" for names in (stale.get(model, ()), kept[model])]
        logger.info("%s: measured: %s; kept: %s", model, *said)
    taken = _taken(arguments, sources, stale) if stale else {}
    parts = {
        model: {name: taken.get(model, {}).get(name) or kept[model][name] for name in wanted}
        for model, wanted in sources.items()
    }
    measurements.write(arguments.output, dataset, parts)
    if arguments.checksum:
        storage.write_checksum(arguments.output, {"dataset": dataset})


def sources_now(arguments: argparse.Namespace) -> Sources:
    """By model and measure, what it would be made of now."""
    found = measuring_jobs.sources(arguments.settings)
    if len(found) != len(arguments.weights):
        raise SensitivityError(
            f"the settings name {len(found)} models, but --weights gives {len(arguments.weights)} "
            "files; give one for each, in the same order"
        )
    libraries, data = environment(), storage.digest(arguments.data)
    sources: Sources = {}
    for (model, wanted), weights in zip(found.items(), arguments.weights, strict=True):
        # Of weights that are yet to be trained nothing holds.
        made_of = {"data": data, "weights": storage.digest(weights) if weights.exists() else None}
        more = {"environment": libraries, "inputs": made_of}
        sources[model] = {name: {**of, **more} for name, of in wanted.items()}
    return sources


def _taken(
    arguments: argparse.Namespace, sources: Sources, stale: dict[str, list[str]]
) -> measurements.Parts:
    # PyTorch is loaded only where there is something to compute.
    from sensitivity.measures.measuring import Measuring, measure_function

    measuring = Measuring(arguments)
    weights = dict(zip(sources, arguments.weights, strict=True))
    taken = {}
    for number, (model, names) in enumerate(stale.items(), start=1):
        logger.info("model %d of %d: %s", number, len(stale), model)
        functions = {name: measure_function(name) for name in names}
        taken[model] = measuring.take(weights[model], model, sources[model], functions)
    return taken


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--weights", type=Path, nargs="+", required=True, help="of the trained models, .safetensors"
    )
    parser.add_argument("--data", type=Path, required=True, help="the data set, .npz")
    parser.add_argument("--output", type=Path, required=True, help="the .npz file to write")
    parser.add_argument("--checksum", action="store_true", help="write a checksum beside it")
    parser.add_argument(
        "--list-stale", action="store_true", help="only print which measures would be taken anew"
    )
    command.device_argument(parser)
    command.builders_argument(parser)
    return command.parsed(parser, argv)


if __name__ == "__main__":
    command.run(main)
