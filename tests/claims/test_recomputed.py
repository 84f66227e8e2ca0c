"""The verdicts on the shipped reference study, recomputed with pandas and scipy, without our code.

C2 to C6 and C8 from the rows of single networks; C1 and C7, of which single curves and points are
not shipped, from their statistics. Intervals are taken as they are: they are resampled.
"""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

TABLES = Path(__file__).resolve().parents[2] / "docs/reference/tables"
DATASETS = ("mnist:1000", "fashion_mnist:1000")
NAMES = ["dataset", "model", "surveys", "replicate", "seed", "replicates", "first_seed"]
SIZE, GAP, NORM = ["width", "depth"], "generalization_gap", "jacobian_norm"
# Claim: the value without an effect, the side claimed, and δ as a distance from there.
CLAIMS = {
    "C1": (1.0, -1, np.log(1.05)),
    "C2": (0.0, 1, 0.2),
    "C3": (1.0, 1, np.log(1.05)),
    "C4": (1.0, 1, np.log(1.05)),
    "C5": (1.0, -1, np.log(1.05)),
    "C6": (1.0, 1, np.log(1.05)),
    "C7": (0.5, 1, 0.1),
    "C8": (0.0, -1, 0.2),
}


def read(name):
    return pd.read_csv(TABLES / f"{name}.csv", float_precision="round_trip")


@pytest.fixture(scope="module", params=DATASETS)
def study(request):
    networks = read(f"{request.param}/networks")
    columns = list(networks.columns)
    recipe = columns[columns.index("width") : columns.index("number_of_weights")]
    recipe = [name for name in recipe if name not in NAMES]
    claims = read("claims")
    claims = claims[(claims["dataset"] == request.param) & ~claims["beside"]]
    return networks, recipe, claims.set_index("claim")


def models_of(networks, recipe):
    """Means over replicates; each recipe once, and of stages of one training the last."""
    models = networks.groupby("model", sort=False).mean(numeric_only=True)
    first = networks.groupby("model", sort=False).first()
    models = first[recipe].join(models.drop(columns=recipe, errors="ignore"))
    models["fits"] = networks.groupby("model")["fits"].all()
    models["diverged"] = networks.groupby("model")["diverged"].any()
    models["replicates"] = networks.groupby("model").size()
    models = models.sort_values(["replicates"], ascending=False).drop_duplicates(recipe)
    others = [name for name in recipe if name != "steps"]
    models = models.sort_values("steps", ascending=False, kind="stable")
    models = models[~models["diverged"]].drop_duplicates(others).sort_index()
    return models.assign(**{GAP: models[GAP].round(12)})


def tau(models, measure, same):
    """τ-b over the pairs of models that agree, and its p over permutations of the gaps."""
    parts = [part for _, part in models.groupby(["optimizer", *same], dropna=False)]
    x = [part[measure].to_numpy() for part in parts]
    y = [part[GAP].to_numpy() for part in parts]

    def counted(y):
        signs = [
            (np.sign(a[i] - a[j]), np.sign(b[i] - b[j]))
            for a, b in zip(x, y)
            for i, j in combinations(range(len(a)), 2)
        ]
        return np.array(signs).T

    a, b = counted(y)
    value = (a * b).sum() / np.sqrt(np.abs(a).sum() * np.abs(b).sum())
    generator, draws = np.random.default_rng(1), 400
    scores = [
        np.prod(counted([generator.permutation(v) for v in y]), axis=0).sum() for _ in range(draws)
    ]
    return value, (1 + (np.abs(scores) >= abs((a * b).sum())).sum()) / (1 + draws)


def near(p, other, draws=400):
    """Whether two p-values agree but for three Monte-Carlo errors, of the smaller sample."""
    mean = max((p + other) / 2, 2 / draws)
    return abs(p - other) <= 3 * np.sqrt(2 * mean / draws)


@pytest.mark.parametrize("claim", ["C2", "C8"])
def test_rank_correlations(study, claim):
    networks, recipe, claims = study
    models = models_of(networks, recipe)
    plain = (models["loss"] == "cross_entropy") & (models["labels"] == 0)
    models = models[plain & (models["augmentation"] == "none") & models["fits"]]
    apart = [name for name in recipe if name not in (*SIZE, "activation", "optimizer")]
    kinds = {"size": SIZE, "non-linearity": ["activation"], "recipe": apart}
    measure = NORM
    if claim == "C8":
        kinds, measure = {"non-linearity and recipe": ["activation", *apart]}, "number_of_weights"
    row = claims.loc[claim]
    within = row["part"].removeprefix("among models that agree in ")
    value, p = tau(models, measure, kinds[within])
    assert row["statistic"] == pytest.approx(value)
    assert near(row["p"], p)
    for kind, same in kinds.items():  # none speaks less for the claim
        other, other_p = tau(models, measure, same)
        assert kind == within or other_p <= p + 0.02
        assert np.sign(other) == np.sign(value)
    groups = models.groupby(["optimizer", *kinds[within]], dropna=False)["width"]
    assert row["n"] == (groups.transform("size") > 1).sum()


def ratios(networks, models, recipe, column, reference, ignored=(), waived=False):
    """Log ratios of norms by set of models that agree in all else: one row a fair pair."""
    degree = {name: models[name] for name in ("training_accuracy", "training_loss")}
    augmented = models["augmentation"] != "none"
    for name, values in degree.items():
        models[f"degree_{name}"] = values.mask(augmented, models[f"{name}_as_trained"])
    key = [name for name in recipe if name not in (column, *ignored)]
    side = models[column] == reference
    enters = models["fits"] | (waived & ~side)
    one, other = models[enters & side].reset_index(), models[enters & ~side].reset_index()
    pairs = one.merge(other, on=key, suffixes=("_one", "_other"))
    accuracy, loss = (
        [pairs[f"degree_{name}_{side}"] for side in ("one", "other")]
        for name in ("training_accuracy", "training_loss")
    )
    apart = (accuracy[0] - accuracy[1]).abs() > 0.01 + 1e-9
    pairs = pairs[~apart & ~(np.log(loss[0] / loss[1]).abs() > np.log(3))]
    norms = networks.set_index(["model", "replicate"])[NORM]
    pairs["effect"] = [
        np.log(norms[b] / norms[a]).mean() for a, b in zip(pairs["model_one"], pairs["model_other"])
    ]
    return pairs


def agrees(row, pairs, by):
    """Whether a row of claims.csv has the mean over sets, and the p of their signs."""
    effects = pairs.groupby(by)["effect"].mean().to_numpy()
    assert row["n"] == len(effects)
    if not len(effects):
        assert np.isnan(row["statistic"])
        return
    assert row["statistic"] == pytest.approx(np.exp(effects.mean()))
    test = stats.permutation_test((effects,), np.mean, permutation_type="samples", n_resamples=1e5)
    assert row["p"] == pytest.approx(test.pvalue)


def test_factors(study):
    networks, recipe, claims = study
    models = models_of(networks, recipe)
    whole = models[models["labels"].isin((0, 1))].copy()
    agrees(claims.loc["C3"], ratios(networks, whole, recipe, "labels", 0), "model_one")
    augmented = ratios(networks, whole, recipe, "augmentation", "none", waived=True)
    agrees(claims.loc["C5"], augmented, "model_one")
    ignored = (
        "learning_rate",
        "batch_size",
        "decay_factor",
        "decay_epochs",
        "steps",
        "stop_when_fitted",
    )
    full = ratios(networks, whole, recipe, "optimizer", "lbfgs", ignored)
    rate = claims.loc["C4", "part"].split("learning rate ")[1].split(",")[0]
    of_rate = full[full["learning_rate_other"] == float(rate)]
    of_rate = of_rate.assign(effect=-of_rate["effect"])  # L-BFGS is the changed side
    agrees(claims.loc["C4"], of_rate, "model_one")
    partner, *shared = claims.loc["C6", "part"].split(", ")
    pairs = ratios(networks, whole, recipe, "activation", "relu")
    plain = (pairs["augmentation"] == "none") & (pairs["labels"] == 0)
    plain &= (pairs["loss"] == "cross_entropy") & (pairs["activation_other"] == partner)
    assert len(shared) == 1
    agrees(claims.loc["C6"], pairs[plain & (pairs["optimizer"] == shared[0])], "model_one")


def test_curves_and_points(study):
    _, _, claims = study
    dataset = claims["dataset"].iloc[0]
    curves = read("curves")
    curves = curves[(curves["dataset"] == dataset) & (curves["model"] == "all")]
    curves = curves[(curves["kind"] == "different classes") & (curves["against"] != "nothing")]
    p = pd.concat([curves[f"{name}_near_over_far_p"] for name in ("norm", "density")])
    assert len(p) == 4
    assert claims.loc["C1", "p"] == p.max()
    points = read("points")
    points = points[points["dataset"] == dataset]
    single = points[points["replicate"] != "pooled"].groupby("loss")
    points = points[points["model"] == "all"].set_index("loss")
    for name in ("auroc_jacobian_norm", "spearman_loss"):
        np.testing.assert_allclose(points[name], single[name].mean()[points.index])
    np.testing.assert_array_equal(points["networks"], single.size()[points.index])
    np.testing.assert_array_equal(points["n"], single["n"].max()[points.index])
    assert claims.loc["C7", "n"] == points["n"].max()
    weakest = {"AUROC": "auroc_jacobian_norm", "Spearman": "spearman_loss"}
    name = weakest[claims.loc["C7", "quantity"].split()[0].split("'")[0]]
    assert points[name].isin([claims.loc["C7", "statistic"]]).any()
    assert claims.loc["C7", "p"] == points[["auroc_jacobian_norm_p", "spearman_loss_p"]].max(
        axis=None
    )


def test_verdicts(study):
    """Holm's correction over the claims that could pass it, and the rule."""
    _, _, claims = study
    known = claims[claims["p_holm"].notna()].sort_values("p", kind="stable")
    corrected = np.minimum(1, np.maximum.accumulate(known["p"] * np.arange(len(known), 0, -1)))
    np.testing.assert_allclose(known["p_holm"], corrected)
    for claim, (null, direction, delta) in CLAIMS.items():
        row = claims.loc[claim]
        ends = row[["low", "high"]].to_numpy(float)
        away = np.log(ends) if null == 1 else ends - null
        if np.isnan(row["p_holm"]):
            expected = "undecided"
        elif row["parts"] == 1 and (np.abs(away) <= delta).all():  # of several, all must be
            expected = "no effect larger than delta"
        elif row["p_holm"] > 0.05 or away[0] <= 0 <= away[1]:
            expected = "undecided"
        else:
            expected = "supported" if np.sign(away[0]) == direction else "contradicted"
        assert row["verdict"] == expected, claim
