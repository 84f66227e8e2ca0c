"""What models share, drawn anew together: seeds and test points (crossed resampling).

The models of a data set are no independent measurements. Replicate r of every model starts from
the same seed, so that their gaps move together, and all are tested on the same points. A resample
of models alone keeps both fixed and says too little. Here seeds and test points are drawn as well,
once for all models (Owen 2007, "The pigeonhole bootstrap"). That seeds are shared is used, not
hidden: it pairs the models, and what a seed adds to all of them cancels in every comparison.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensitivity.tables.resampling import POINT_STREAM, SEED_STREAM, Bootstrap

NORM, GAP = "jacobian_norm", "generalization_gap"
Records = Mapping[str, Mapping[str, np.ndarray]]  # the arrays of points.npz by model


@dataclass(frozen=True)
class Crossed:
    """Resampled means of the models of one data set.

    `models` `[n]` are rows of models.csv; `networks` those of networks.csv, or None where only
    models are to be drawn; `records` the arrays of points.npz by model, used if every model has
    them (on the same points).
    """

    models: pd.DataFrame
    networks: pd.DataFrame | None
    records: Records
    bootstrap: Bootstrap

    @property
    def drawn(self) -> str:
        """What is drawn anew, in words."""
        parts = ["models"]
        parts += ["seeds"] if self.networks is not None else []
        return ", ".join(parts + (["test points"] if self.has_points else []))

    @property
    def has_points(self) -> bool:
        """Whether every model has records of the same single test points."""
        found = [self.records.get(name) for name in self.models["model"]]
        if not found or self.networks is None or any(record is None for record in found):
            return False
        return all(np.array_equal(record["index"], found[0]["index"]) for record in found)

    def values(self, measure: str) -> np.ndarray:
        """A measure's mean over replicates in every resample of what the models share: `[b, n]`."""
        plain = self.models[measure].to_numpy(dtype=float)
        if self.networks is None or measure not in self.networks:
            return np.broadcast_to(plain, (self.bootstrap.resamples, len(plain)))
        singles = by_seed(self.models, self.networks, measure)
        seeds = self.bootstrap.counts(singles.shape[1], SEED_STREAM)
        if self.has_points and measure in (NORM, GAP):
            return self._over_points(singles, seeds, plain, measure)
        return weighted_means(singles, seeds, plain)

    def _over_points(
        self, singles: np.ndarray, seeds: np.ndarray, plain: np.ndarray, measure: str
    ) -> np.ndarray:
        """Means over drawn seeds and points; each network's mean moves as its record does."""
        columns = _columns(self.networks)
        size = len(next(iter(self.records.values()))["index"])
        points = self.bootstrap.counts(size, POINT_STREAM)
        values = np.empty((len(seeds), len(plain)))
        for place, name in enumerate(self.models["model"]):
            record = self.records[name]
            array = record[NORM] if measure == NORM else ~record["correct"].astype(bool)
            moved = points @ array.T / size - array.mean(axis=1)  # [b, R]
            single = np.full((len(seeds), singles.shape[1]), np.nan)
            rows = self.networks[self.networks["model"] == name]
            for replicate, seed in zip(rows["replicate"], rows["seed"]):
                column = columns[seed]
                single[:, column] = singles[place, column] + moved[:, int(replicate)]
            known = ~np.isnan(single)
            weight = (seeds * known).sum(axis=1)
            total = (seeds * np.nan_to_num(single)).sum(axis=1)
            values[:, place] = np.where(weight > 0, total / np.maximum(weight, 1), plain[place])
        return values


def by_seed(models: pd.DataFrame, networks: pd.DataFrame, measure: str) -> np.ndarray:
    """A measure of single networks: `[models, seeds]`, NaN where a model has no such seed."""
    columns = _columns(networks)
    rows = {name: place for place, name in enumerate(models["model"])}
    values = np.full((len(models), len(columns)), np.nan)
    known = networks[networks["model"].isin(rows)]
    places = known["model"].map(rows).to_numpy(dtype=int)
    values[places, known["seed"].map(columns).to_numpy(dtype=int)] = known[measure]
    return values


def weighted_means(singles: np.ndarray, counts: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """Means `[b, n]` of values `[n, seeds]` by counts `[b, seeds]`.

    A model none of whose seeds were drawn keeps its `plain` value `[n]`.
    """
    known = ~np.isnan(singles)
    weight = counts @ known.T
    total = counts @ np.nan_to_num(singles).T
    return np.where(weight > 0, total / np.maximum(weight, 1), plain)


def _columns(networks: pd.DataFrame) -> dict[int, int]:
    return {seed: column for column, seed in enumerate(sorted(networks["seed"].unique()))}
