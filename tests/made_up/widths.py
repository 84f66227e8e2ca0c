"""networks.csv and interpolation.csv of a made-up survey `widths`, as figure A12 shows them."""

import itertools

import numpy as np
import pandas as pd

from sensitivity.study.recipe import Recipe
from sensitivity.tables.interpolation import interpolation
from sensitivity.tables.networks import cells

WIDTHS = (2, 4, 8, 16, 32, 64, 128, 1000)
SHARES = (0.1, 0.2, 0.5)


def made_up_widths(datasets, seeds=4):
    """The test error peaks where networks start to fit, the norm at twice that width.

    Of the last seed, the norm peaks there, too.
    """
    rows = []
    for dataset, width, labels in itertools.product(datasets, WIDTHS, SHARES):
        recipe = Recipe(width, 1, "relu", labels=labels, replicates=seeds)
        threshold = 16 if labels < 0.5 else 32
        for seed in range(seeds):
            above = np.log2(width / threshold)
            later = above - (seed < seeds - 1)
            values = {
                "test_accuracy": 0.9 - 1 / width - labels * np.exp(-(above**2)),
                "jacobian_norm": 2.0 ** -abs(later) * (1 + labels),
                "transitions": 10.0 * width + seed,
                "generalization_gap": 0.1 + labels * np.exp(-(above**2)) + seed / 1e3,
            }
            about = {"dataset": dataset, "model": recipe.name, "surveys": "widths"}
            about |= {"replicate": seed, "seed": seed, "fits": width >= threshold}
            rows.append(about | {"diverged": False} | cells(recipe) | values)
    networks = pd.DataFrame(rows)
    return networks, interpolation(networks)
