"""Which verdicts a study could reach, from its models alone, before anything is trained.

As if every network fitted: the pairs of a factor, the models that agree in a kind of
hyper-parameter, and the draws of the images (one for each seed, on a subset such as `mnist:1000`)
bound the least p-value (`attainable`). C1 and C7 hang on numbers of curves and points, and are not
looked at.
"""

from collections.abc import Iterable, Iterator
from math import factorial

import numpy as np
import pandas as pd

from sensitivity.claims.attainable import attainable, largest_that_passes, needed
from sensitivity.datasets import registry
from sensitivity.study.grid import Model
from sensitivity.tables.networks import cells, number_of_weights
from sensitivity.tables.pairs import METRICS, pairs
from sensitivity.tables.selection import explaining_the_gap
from sensitivity.tables.strata import Strata, varying_kinds

FACTORS = {"C3": "random_labels", "C4": "full_batch", "C5": "augmentation", "C6": "activation"}
RANKED = {"C2": "jacobian_norm", "C8": "number_of_weights"}


def warnings(models: Iterable[Model], significance: float = 0.05) -> list[str]:
    """A sentence for each data set and claim that no outcome could decide, though it has data."""
    frame = _fitting(models)
    found = []
    for dataset, of in frame.groupby("dataset", sort=False):
        claims = {claim: numbers for claim, *numbers in (*_of_factors(of), *_of_ranks(of))}
        draws = int(of["replicates"].max()) if registry.parse(dataset).size else 1
        of_draws = 2.0 ** (1 - draws) if draws > 1 else 0.0  # one draw is no sample to test over
        least_p = np.array([max(least, of_draws) for least, *_ in claims.values()])
        able = attainable(least_p, significance)
        for place, (claim, (least, unit, n, strata)) in enumerate(claims.items()):
            if able[place]:
                continue
            threshold = largest_that_passes(least_p, place, significance)
            if least <= threshold:
                unit, n, strata = "networks", draws, 0
            enough = needed(unit, strata, threshold)
            what = "draws of the images" if unit == "networks" else unit
            found.append(
                f"On {dataset} no outcome can decide claim {claim}: {n} {what} at most, {enough} "
                "are needed."
            )
    return found


def _fitting(models: Iterable[Model]) -> pd.DataFrame:
    """Rows as of models.csv of models that all fit, and equally well."""
    rows = [
        {
            **cells(model.recipe),
            **{"dataset": model.dataset, "model": model.name, "fits": True, "diverged": False},
            "number_of_weights": number_of_weights(model.recipe, 1, 1),
            **{"training_accuracy": 1.0, "training_loss": 1.0},
        }
        for model in models
    ]
    metrics = {name: 1.0 for metric in METRICS for name in (metric, f"{metric}_standard_error")}
    return pd.DataFrame(rows).assign(**metrics)


def _of_factors(models: pd.DataFrame) -> Iterator[tuple[str, float, str, int, int]]:
    """Claim, least p, unit, n and strata of each factor that has pairs: its largest part."""
    found = pairs(models)
    for claim, factor in FACTORS.items():
        of = found[found["factor"] == factor]
        parts = ["recipe", "level"] if claim == "C6" else ["recipe"]
        n = of.groupby(parts)["matched_set"].nunique().max()
        if n > 0:
            yield claim, 2.0 ** (1 - n), "matched sets", int(n), 0


def _of_ranks(models: pd.DataFrame) -> Iterator[tuple[str, float, str, int, int]]:
    """The same of each measure: the kind of hyper-parameter within which fewest models agree."""
    models = explaining_the_gap(models)
    for claim, measure in RANKED.items():
        strata = [Strata.of(models, of) for of in varying_kinds(models, measure).values()]
        strata = [of for of in strata if len(of.members)]
        if strata:
            least = [_least_p(of) for of in strata]
            place = int(np.argmax(least))
            n = len(strata[place].members)
            yield claim, least[place], "models", n, strata[place].shared


def _least_p(strata: Strata) -> float:
    """Of the extreme order in every stratum, twice; without ties."""
    sizes = np.unique(strata.labels[strata.members], return_counts=True)[1]
    return 2 * float(np.prod([1 / factorial(int(size)) for size in sizes]))
