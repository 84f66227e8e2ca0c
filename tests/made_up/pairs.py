"""pairs.csv and factors.csv of a made-up study."""

import itertools

import numpy as np
import pandas as pd

PARTNERS = ("relu6", "hardtanh", "hardsigmoid")
PARTS_OF_THE_NORM = {  # as powers of the effect on the norm
    "jacobian_norm": 1,
    "logit_jacobian_norm": 0.5,
    "softmax_jacobian_norm": 0.3,
    "alignment": 0.2,
    "jacobian_norm_at_matched_confidence": 0.7,
    "jacobian_norm_at_20_percent_less_doubt": 0.6,
    "jacobian_norm_at_20_percent_more_doubt": 0.8,
}


def made_up_pairs(datasets, count=9, seed=0):
    """pairs.csv and factors.csv."""
    generator = np.random.default_rng(seed)
    typical = {"generalization_gap": 0.08, "jacobian_norm": 0.3, "transitions": 900}
    effects = {"random_labels": 9, "augmentation": 0.4, "activation": 1.8, "full_batch": 1.4}
    pairs, factors = [], []
    for dataset, factor, metric in itertools.product(datasets, effects, typical):
        spread = 0.2 if metric == "generalization_gap" else 0.8
        reference = typical[metric] * np.exp(generator.normal(0, spread, count))
        effect = effects[factor] ** (0.3 if metric == "transitions" else 1)
        changed = reference * effect * np.exp(generator.normal(0, 0.2, count))
        levels = PARTNERS if factor == "activation" else (factor,)
        about = {"dataset": dataset, "factor": factor, "metric": metric}
        for index in range(count):
            pairs.append(
                about
                | {
                    "reference_model": f"a{index}",
                    "changed_model": f"b{index}",
                    "level": levels[index % len(levels)],
                    "reference": reference[index],
                    "reference_standard_error": reference[index] / 12,
                    "changed": changed[index],
                    "changed_standard_error": changed[index] / 10,
                    "matched_set": index,
                    "recipe": "momentum",
                    "labels": 0.0,
                    "comparable": True,
                }
            )
        ratio = float(np.median(changed / reference))
        interval = {"ratio": ratio, "low": 0.8 * ratio, "high": 1.3 * ratio}
        if metric == "generalization_gap":
            points = 100 * float(np.median(changed - reference))
            ends = sorted((0.8 * points, 1.3 * points))
            interval = {"difference": points, "low": ends[0], "high": ends[1]}
        about |= {"n": count, "p": 0.01, "pairs": count, "unfair_pairs": 0}
        powers = PARTS_OF_THE_NORM if metric == "jacobian_norm" else {metric: 1}
        partners = ("all", *levels) if factor == "activation" else ("all",)
        for recipe, partner, part in itertools.product(("all", "momentum"), partners, powers):
            values = {name: value ** powers[part] for name, value in interval.items()}
            which = {"metric": part, "recipe": recipe, "partner": partner}
            factors.append(about | which | values)
    return pd.DataFrame(pairs), pd.DataFrame(factors)
