"""Train one model, all its replicates: weights and history.

Settings: `dataset` and `model`, names; `recipe`, what `Recipe.from_dict` takes; `code`, the
fingerprint of this program; `builder`, that of the network's builder, unless it is fully connected;
`fits_at`, the training accuracy at which a replicate has fitted (1 if
left out). A job that is killed continues from its checkpoint when the same command is run again.
After SIGTERM it writes one and exits with status 143.
"""

import argparse
import logging
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from sensitivity.base import command, device
from sensitivity.datasets import Dataset
from sensitivity.files import provenance
from sensitivity.files.storage import canonical, digest, write_rows
from sensitivity.study.recipe import Recipe
from sensitivity.training.checkpoints import Checkpoint, Interrupted
from sensitivity.training.training import train

logger = logging.getLogger("sensitivity")
TERMINATED = 128 + signal.SIGTERM


def main(argv: Sequence[str] | None = None) -> None:
    arguments = _arguments(argv)
    interruption = _Interruption()
    settings = arguments.settings
    where = device.prepare(arguments.device, arguments.threads)
    recipe = Recipe.from_dict(settings["recipe"])
    dataset = Dataset.load(arguments.data, dataset=settings["dataset"])
    inputs = {"data": digest(arguments.data)}
    checkpoint = Checkpoint(
        arguments.checkpoint,
        canonical([settings, where.type, inputs]),
        arguments.checkpoint_seconds,
        device=device.title(where),
    )
    logger.info("training begins: %s on %s, %s", recipe.name, dataset.name, where)
    begin = time.perf_counter(), time.process_time()
    with tqdm(total=recipe.steps * recipe.replicates, unit="step", disable=None) as bar:
        try:
            result = train(
                recipe,
                dataset,
                device=where,
                checkpoint=checkpoint,
                progress=bar.update,
                poll=interruption.check,
                fits_at=settings.get("fits_at", 1.0),
                folder=str(arguments.builders),
            )
        except Interrupted:
            logger.warning("stopped by SIGTERM; the same command continues from the checkpoint")
            sys.exit(TERMINATED)
    spent = time.perf_counter() - begin[0], time.process_time() - begin[1]
    logger.info("training took %.3f s, and %.3f s of CPU time", *spent)
    devices = ", then ".join(checkpoint.devices)
    record = provenance.describe(settings, seeds=list(recipe.seeds), device=devices, inputs=inputs)
    result.network.save(arguments.weights, record)
    # The checksum file of the history changes with the weights: it is what later stages watch.
    record["weights"] = digest(arguments.weights)
    write_rows(arguments.history, result.history, record)
    checkpoint.remove()


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    command.device_argument(parser)
    command.builders_argument(parser)
    parser.add_argument("--data", type=Path, required=True, help="the data set, .npz")
    parser.add_argument("--weights", type=Path, required=True, help="to write, .safetensors")
    parser.add_argument("--history", type=Path, required=True, help="to write, .csv")
    parser.add_argument("--checkpoint", type=Path, required=True, help="kept until success")
    parser.add_argument(
        "--checkpoint-seconds",
        type=float,
        default=60.0,
        help="between checkpoints, at least (default 60)",
    )
    return command.parsed(parser, argv)


class _Interruption:
    """Remembers a SIGTERM until the training can stop."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True

    def check(self) -> None:
        if self.asked:
            raise Interrupted


if __name__ == "__main__":
    command.run(main)
