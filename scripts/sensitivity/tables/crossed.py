"""What models share, drawn anew together: training subsets or seeds (crossed resampling).

The models of a data set are no independent measurements. Replicate r of every model starts from
the same seed and, where the study draws subsets (column `draw`), is trained on the same draw of
images. So a claim has two samples, models and *units*: a resample draws both anew, the units once
for all models (Owen 2007, "The pigeonhole bootstrap"). That units are shared is used, not hidden:
what one adds to both sides of a comparison cancels.

Draws are samples of images, and a statement must hold over them as well as over models: p is the
larger of the two. Seeds alone are no such sample: then models decide, for this training set.
"""

import numpy as np
import pandas as pd

from sensitivity.tables.networks import entering, exact
from sensitivity.tables.resampling import MODEL_STREAM, UNIT_STREAM, Bootstrap, weighted_mean
from sensitivity.tables.statistics import Estimate, sign_flip, undefined
from sensitivity.tables.strata import Strata, pair_kendall

NORM, GAP = "jacobian_norm", "generalization_gap"


class Units:
    """Single networks of one data set by unit and model.

    Units are draws of the training images where there are several (column `draw`), and otherwise
    replicates. Of models with draws, the networks that stand for them have values (`entering`).
    """

    def __init__(self, networks: pd.DataFrame) -> None:
        self.draws = networks["draw"].nunique() if "draw" in networks else 1
        if self.draws > 1:
            networks = networks[entering(networks)]
        self._networks = networks
        unit = networks["draw"] if self.draws > 1 else networks["replicate"]
        self._row, units = pd.factorize(unit, sort=True)
        self._column, self._models = pd.factorize(networks["model"])
        self._shape = len(units), len(self._models)
        self._kept: dict[str, pd.DataFrame] = {}

    def names_of(self, prefix: str) -> list[str]:
        """The measures whose names begin so."""
        return [name for name in self._networks if name.startswith(prefix)]

    def values(self, measure: str, models: pd.Series) -> np.ndarray:
        """A measure `[units, models]`, NaN where a model has no such unit or none was taken."""
        if measure not in self._kept:
            values = np.full(self._shape, np.nan)
            if measure in self._networks:
                values[self._row, self._column] = self._networks[measure]
            self._kept[measure] = pd.DataFrame(_tied(measure, values), columns=self._models)
        return self._kept[measure].reindex(columns=models).to_numpy()


def crossed_mean(values_US: np.ndarray, bootstrap: Bootstrap, draws: int) -> Estimate:
    """The mean over matched sets S of their means over units U, from a table `[U, S]`.

    NaN marks what was not measured; `n` counts sets. p: of the signs of the sets' means, and where
    units are several `draws` of the training images the larger of that and of the signs of the
    draws' means.
    """
    known = ~np.isnan(values_US)
    values_US = values_US[known.any(axis=1)][:, known.any(axis=0)]
    units, sets = values_US.shape
    if not sets:
        return undefined(0)
    by_set = np.nanmean(values_US, axis=0)
    p, least_p = sign_flip(by_set)
    if draws > 1:
        over_draws = sign_flip(np.nanmean(values_US, axis=1))
        p, least_p = map(max, zip((p, least_p), over_draws))
    of_units = bootstrap.counts(units, UNIT_STREAM)
    of_sets = bootstrap.counts(sets, MODEL_STREAM)
    distribution = weighted_mean(weighted_means(values_US.T, of_units), of_sets, axis=1)
    low, high = bootstrap.interval(distribution, sets)
    return Estimate(float(by_set.mean()), low, high, sets, p, distribution, least_p)


def weighted_means(values_NU: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Means over units `[b, N]` of values `[N, U]` by counts `[b, U]`; NaN where none was drawn."""
    known = ~np.isnan(values_NU)
    weight = counts @ known.T
    total = counts @ np.nan_to_num(values_NU).T
    return np.divide(total, weight, out=np.full(weight.shape, np.nan), where=weight > 0)


class Crossed:
    """The models of one data set, with everything that is drawn anew once for all measures.

    `models` are rows of models.csv, `networks` those of networks.csv, or None where only models are
    to be drawn. Row 0 of every array `[1 + b, …]` is the study itself, the others are resamples.
    """

    def __init__(
        self, models: pd.DataFrame, networks: pd.DataFrame | None, bootstrap: Bootstrap
    ) -> None:
        self.models, self.bootstrap = models, bootstrap
        self.units = None if networks is None else Units(networks)
        self.draws = 1 if self.units is None else self.units.draws
        self._kept: dict[str, np.ndarray] = {}

    def among(self, chosen: pd.Series) -> "Crossed":
        """The same of some of the models, of which those are `chosen`."""
        part = Crossed(self.models[chosen], None, self.bootstrap)
        part.units, part.draws = self.units, self.draws
        return part

    def plain(self, measure: str) -> np.ndarray:
        """The measure's mean over replicates `[n]`; gaps so that equal ones are equal."""
        return _tied(measure, self.models[measure].to_numpy(dtype=float))

    def values(self, measure: str) -> np.ndarray:
        """The same of the models and of every resample of their units: `[1 + b, n]`."""
        if measure not in self._kept:
            plain = self.plain(measure)
            drawn = np.broadcast_to(plain, (self.bootstrap.resamples, len(plain)))
            if self.units is not None:
                singles = self._singles(measure)
                counts = self.bootstrap.counts(len(singles), UNIT_STREAM)
                drawn = _tied(measure, weighted_means(singles.T, counts))
                drawn = np.where(np.isnan(drawn), plain, drawn)  # none of its units was drawn
            self._kept[measure] = np.vstack([plain, drawn])
        return self._kept[measure]

    def known(self, *measures: str) -> np.ndarray:
        """Which models have all of these measures: `[n]`."""
        return ~np.isnan([self.plain(measure) for measure in measures]).any(axis=0)

    def kendall(self, measure: str, strata: Strata, counts: np.ndarray) -> np.ndarray:
        """τ-b with the gap over the pairs of `strata`, of the study and of resamples `[1 + b]`.

        `counts` `[1 + b, n]` say how often each model is drawn.
        """
        return pair_kendall(strata, self.values(measure), self.values(GAP), counts)

    def kendall_by_draw(self, measure: str, strata: Strata, counts: np.ndarray) -> np.ndarray:
        """The same in each draw by itself: `[draws, 1 + b]`, NaN where a draw has no pairs."""
        measured, gaps = self._singles(measure), self._singles(GAP)
        rows = []
        for x, y in zip(measured, gaps):
            within = strata.among(~(np.isnan(x) | np.isnan(y)))
            x, y = (np.broadcast_to(values, counts.shape) for values in (x, y))
            rows.append(pair_kendall(within, x, y, counts))
        return np.array(rows)

    def _singles(self, measure: str) -> np.ndarray:
        """The measure in each unit of these models: `[units, n]`."""
        present = ~np.isnan(self.units.values(GAP, self.models["model"])).all(axis=1)
        return self.units.values(measure, self.models["model"])[present]


def _tied(measure: str, values: np.ndarray) -> np.ndarray:
    """Gaps so that those that are equal as counts of images are equal as numbers."""
    return exact(values) if measure == GAP else values
