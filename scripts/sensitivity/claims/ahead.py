"""Which verdicts a study could reach, from its models alone, before anything is trained.

As if every network fitted: the pairs of a factor, the models that agree in a kind of
hyper-parameter, and the draws of the images (one for each seed, on a subset such as `mnist:1000`)
bound the least p-value (`attainable`). C1 and C7 hang on numbers of curves and points, and are not
looked at.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import factorial

import numpy as np
import pandas as pd

from sensitivity.claims.evidence import Evidence
from sensitivity.claims.hypotheses import CLAIMS
from sensitivity.claims.rule import decided
from sensitivity.datasets import registry
from sensitivity.study.grid import Model
from sensitivity.tables.networks import cells, number_of_weights
from sensitivity.tables.pairs import METRICS, pairs
from sensitivity.tables.selection import explaining_the_gap
from sensitivity.tables.statistics import Estimate
from sensitivity.tables.strata import Strata, varying_kinds

FACTORS = {"C3": "random_labels", "C4": "full_batch", "C5": "augmentation", "C6": "activation"}
RANKED = {"C2": "jacobian_norm", "C8": "number_of_weights"}


def warnings(models: Iterable[Model], significance: float = 0.05) -> list[str]:
    """A sentence for each data set and claim that no outcome could decide, though it has data."""
    quantities = {claim.id: claim.deciding[0] for claim in CLAIMS}
    found = []
    for dataset, of in _fitting(models).groupby("dataset", sort=False):
        draws = int(of["replicates"].max()) if registry.parse(dataset).size else 1
        of_draws = 2.0 ** (1 - draws) if draws > 1 else 0.0  # one draw is no sample to test over
        family = {}
        for claim, least_p, n, strata in (*_of_factors(of), *_of_ranks(of)):
            quantity = quantities[claim]
            if of_draws > least_p:
                quantity = replace(quantity, unit="networks")
                least_p, n, strata = of_draws, draws, 0
            extreme = Estimate(1.0, np.nan, np.nan, n, least_p, least_p=least_p)
            family[claim] = Evidence(quantity, "", extreme, strata)
        for claim, decision in decided(family, significance, confidence=0.95).items():
            if decision.able:
                continue
            unit, n = decision.evidence.quantity.unit, decision.evidence.estimate.n
            what = "draws of the images" if unit == "networks" else unit
            found.append(
                f"On {dataset} no outcome can decide claim {claim}: it has at most {n} {what}, and "
                f"needs {decision.needed}."
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


def _of_factors(models: pd.DataFrame) -> Iterator[tuple[str, float, int, int]]:
    """Claim, least p, n and strata of each factor that has pairs: of its largest part."""
    found = pairs(models)
    for claim, factor in FACTORS.items():
        of = found[found["factor"] == factor]
        parts = ["recipe", "level"] if claim == "C6" else ["recipe"]
        n = of.groupby(parts)["matched_set"].nunique().max()
        if n > 0:
            yield claim, 2.0 ** (1 - n), int(n), 0


def _of_ranks(models: pd.DataFrame) -> Iterator[tuple[str, float, int, int]]:
    """The same of each measure: the kind of hyper-parameter within which fewest models agree."""
    models = explaining_the_gap(models)
    for claim, measure in RANKED.items():
        strata = [Strata.of(models, of) for of in varying_kinds(models, measure).values()]
        strata = [of for of in strata if len(of.members)]
        if strata:
            of = max(strata, key=_least_p)
            yield claim, _least_p(of), len(of.members), of.shared


def _least_p(strata: Strata) -> float:
    """Of the extreme order in every stratum, twice; without ties."""
    sizes = np.unique(strata.labels[strata.members], return_counts=True)[1]
    return 2 * float(np.prod([1 / factorial(int(size)) for size in sizes]))
