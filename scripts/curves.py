"""Follow a model along ellipses: its Jacobian norm and its transitions in 64 bins each.

Settings: `curves` (how many of each kind), `points_per_bin`, `seed`, and `dataset` and `model`,
which the files must then be about. All replicates, and all models of a data set, get the same
curves.
"""

import logging
from collections.abc import Sequence

import torch
from tqdm import tqdm

from sensitivity.base.command import run
from sensitivity.base.streams import stream
from sensitivity.measures.curves import bin_centres, norms_along, transitions_along
from sensitivity.measures.measuring import begin, finite_replicates, of_all_replicates
from sensitivity.measures.triples import KINDS, ellipses

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Write `kind` [C], `theta` [64], `jacobian_norm` and `transitions` [R, C, 64]."""
    measurement = begin(__doc__, argv)
    data, count = measurement.dataset, measurement.number("curves", 8)
    x, labels = data.inputs("train"), data.labels("train")
    curves = [
        curve
        for kind in KINDS
        for curve in ellipses(kind, count, x, labels, stream(measurement.seed, f"{kind} curves"))
    ]
    replicates = finite_replicates(measurement.network)
    network = measurement.network.select(replicates)
    norms = norms_along(network, curves, measurement.number("points_per_bin", 4))
    progress = tqdm(curves, "curves", disable=None)
    counts = torch.cat([transitions_along(network, [curve]) for curve in progress], dim=1)
    arrays = {
        "kind": [kind for kind in KINDS for _ in range(count)],
        "theta": bin_centres(),
        "jacobian_norm": of_all_replicates(measurement.network, replicates, norms),
        "transitions": of_all_replicates(measurement.network, replicates, counts),
    }
    logger.info("%d curves, %d networks", len(curves), len(replicates))
    measurement.write(arrays, sealed=True)


if __name__ == "__main__":
    run(main)
