"""Simulated studies with a known truth: models on a grid, their seeds, gaps and norms."""

from itertools import product

import numpy as np
import pandas as pd

from sensitivity.study.recipe import Recipe
from sensitivity.tables.networks import cells

GRID = {"width": (40, 100, 200), "depth": (2, 3), "activation": ("relu", "hardtanh")}
RATES = (0.015, 0.05, 0.1)


def recipes(grid=None, rates=RATES, **further):
    """Every recipe of a crossed grid (36 models by default)."""
    grid = {**GRID, **(grid or {}), "learning_rate": rates}
    base = {"replicates": 3, "steps": 1500, **further}
    return [Recipe(**dict(zip(grid, values)), **base) for values in product(*grid.values())]


def models_of(chosen, gap, log_norm, dataset="simulated", **columns):
    """Rows as of models.csv, all fitting, from a gap and a log-norm for each recipe."""
    table = pd.DataFrame([cells(recipe) for recipe in chosen])
    table.insert(0, "dataset", dataset)
    table.insert(1, "model", [recipe.name for recipe in chosen])
    table["number_of_weights"] = (
        table["width"] * (64 + 10) + (table["depth"] - 1) * table["width"] ** 2
    )
    metrics = {
        "generalization_gap": gap,
        "jacobian_norm": np.exp(log_norm),
        "transitions": np.exp(log_norm),
        "training_accuracy": np.ones(len(chosen)),
        "training_loss": np.full(len(chosen), 1e-3),
    }
    for name, values in {**metrics, **columns}.items():
        table[name] = values
        table[f"{name}_standard_error"] = 0.01
    return table.assign(fits=True, diverged=False)


def networks_of(models, seed_effect, generator, noise=0.003):
    """Rows as of networks.csv: every model's replicates, moved by what their seeds share."""
    rows = []
    for row in models.to_dict("records"):
        own = noise * generator.normal(size=row["replicates"])
        moved = seed_effect[: row["replicates"]] + own - (seed_effect + own).mean()
        for replicate, move in enumerate(moved):
            rows.append(
                row
                | {"replicate": replicate, "seed": row["first_seed"] + replicate}
                | {"generalization_gap": row["generalization_gap"] + move}
            )
    return pd.DataFrame(rows)


def carried_by(column, generator, chosen=None):
    """A study in which one hyper-parameter alone shifts norm and gap, and nothing else relates."""
    chosen = chosen or recipes()
    values = [getattr(recipe, column) for recipe in chosen]
    places = np.unique(values, return_inverse=True)[1]
    gap = 0.05 + 0.02 * places + 0.01 * generator.normal(size=len(chosen))
    return models_of(chosen, gap, 1.5 * places + generator.normal(size=len(chosen)))


def related(strength, generator, chosen=None):
    """A study in which the gap follows the norm, whatever moves it."""
    chosen = chosen or recipes()
    log_norm = generator.normal(size=len(chosen))
    gap = 0.05 + 0.01 * (strength * log_norm + generator.normal(size=len(chosen)))
    return models_of(chosen, gap, log_norm)
