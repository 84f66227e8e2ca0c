"""A made-up study in the project's file formats, with values such as the real one has."""

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest

from sensitivity.figures import FigureData, Record

MEASURES = (
    "jacobian_norm", "jacobian_norm_training", "jacobian_norm_noise", "transitions", "transitions_per_unit",
    "number_of_weights", "training_loss", "spectral_norm_product", "distance_from_initialization",
    "path_norm", "output_margin", "sharpness",
)  # fmt: skip
ACTIVATIONS = ("relu", "relu6", "hardtanh", "hardsigmoid")


def made_up_models(datasets=("mnist5k", "digits"), widths=(50, 200), depths=(2, 4), seed=0):
    """models.csv: every architecture with true and random labels, some that do not fit."""
    generator = np.random.default_rng(seed)
    rows = []
    for dataset, width, depth, activation, labels in itertools.product(
        datasets, widths, depths, ACTIVATIONS, ("true", "random")
    ):
        sensitivity = (
            0.05 * np.exp(0.5 * depth + generator.normal(0, 0.3)) * (1 + 20 * (labels == "random"))
        )
        sensitivity *= 1 + ACTIVATIONS.index(activation)
        gap = np.clip(0.04 + 0.03 * np.log1p(sensitivity) + generator.normal(0, 0.005), 0, 1)
        units = width * depth
        rows.append({
            "dataset": dataset, "model": f"w{width}-d{depth}-{activation}-{labels}", "surveys": "grid",
            "width": width, "depth": depth, "activation": activation, "optimizer": "momentum",
            "loss": "cross_entropy", "labels": labels, "augmentation": "none",
            "number_of_weights": 784 * width + (depth - 1) * width**2 + 10 * width, "number_of_units": units,
            "fits": not (activation == "hardsigmoid" and depth == max(depths)), "networks": 3,
            "generalization_gap": 0.9 if labels == "random" else gap,
            "jacobian_norm": sensitivity, "jacobian_norm_training": sensitivity / 3,
            "jacobian_norm_noise": sensitivity * 20, "transitions": 2.5 * units * sensitivity**0.1,
            "transitions_per_unit": 2.5 * sensitivity**0.1,
            "training_loss": 10 ** generator.uniform(-9, -3),
        })  # fmt: skip
    models = pd.DataFrame(rows)
    for measure in ("generalization_gap", "training_loss", *MEASURES[:5]):
        models[f"{measure}_standard_error"] = models[measure] * generator.uniform(
            0.02, 0.15, len(models)
        )
    return models


def made_up_correlations(datasets=("mnist5k", "digits"), seed=0):
    """correlations.csv for all measures."""
    generator = np.random.default_rng(seed)
    rows = []
    for dataset, (place, measure) in itertools.product(datasets, enumerate(MEASURES)):
        value = float(np.clip(0.75 - 0.11 * place + generator.normal(0, 0.05), -0.95, 0.95))
        for statistic, shift in (
            ("kendall_tau", 0),
            ("spearman_rho", 0.1),
            ("granulated_kendall_tau", -0.2),
        ):
            rows.append({
                "dataset": dataset, "measure": measure, "statistic": statistic, "value": value + shift,
                "low": value + shift - 0.2, "high": min(value + shift + 0.15, 1), "n": 14, "p": 0.01,
                "p_holm": 0.05, "rank": place + 1,
            })  # fmt: skip
    return pd.DataFrame(rows)


def made_up_pairs(datasets=("mnist5k", "digits"), count=9, seed=0):
    """pairs.csv and factors.csv."""
    generator = np.random.default_rng(seed)
    typical = {"generalization_gap": 0.08, "jacobian_norm": 0.3, "transitions": 900}
    ratio = {"random_labels": 9, "augmentation": 0.4, "activation": 1.8, "full_batch": 1.4}
    pairs, factors = [], []
    for dataset, factor, metric in itertools.product(datasets, ratio, typical):
        base = typical[metric] * np.exp(
            generator.normal(0, 0.2 if metric == "generalization_gap" else 0.8, count)
        )
        changed = (
            base
            * ratio[factor] ** (0.3 if metric == "transitions" else 1)
            * np.exp(generator.normal(0, 0.2, count))
        )
        levels = ["relu6", "hardtanh", "hardsigmoid"] if factor == "activation" else [factor]
        for index in range(count):
            pairs.append({
                "dataset": dataset, "factor": factor, "metric": metric, "reference_model": f"a{index}",
                "changed_model": f"b{index}", "level": levels[index % len(levels)],
                "reference": base[index], "reference_standard_error": base[index] / 12,
                "changed": changed[index], "changed_standard_error": changed[index] / 10,
            })  # fmt: skip
        median = float(np.median(changed / base))
        factors.append({
            "dataset": dataset, "factor": factor, "metric": metric, "n": count, "median_ratio": median,
            "low": median * 0.8, "high": median * 1.3, "share_agreeing": 0.9, "expected_direction": "up",
            "p": 0.01, "p_holm": 0.04,
        })  # fmt: skip
    return pd.DataFrame(pairs), pd.DataFrame(factors)


def made_up_points(datasets=("mnist5k", "digits"), count=1000, replicates=3, seed=0):
    """points.npz records of two models a data set, one for each loss, and their rows of networks.csv."""
    generator = np.random.default_rng(seed)
    records, networks = [], []
    for dataset, loss, copy in itertools.product(datasets, ("cross_entropy", "squared"), range(2)):
        model = f"w200-d{3 + copy}-{loss}"
        logits = generator.normal(0, 1, (replicates, count, 10)) * generator.gamma(
            3, 2, (1, count, 1)
        )
        labels = generator.integers(0, 10, count)
        logits[:, np.arange(count), labels] += generator.gamma(4, 3, (replicates, count))
        shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
        p = shifted / shifted.sum(axis=-1, keepdims=True)
        true = p[:, np.arange(count), labels]
        wrong = 1 - true
        logit_norm = np.exp(generator.normal(1, 0.4, (replicates, count)))
        size = (p**2).sum(-1) - 2 * (p**3).sum(-1) + (p**2).sum(-1) ** 2
        residual = p.copy()
        residual[:, np.arange(count), labels] -= 1
        records.append(Record(dataset, model, {
            "jacobian_norm": logit_norm / np.sqrt(10) * np.sqrt(np.maximum(size, 1e-18)) * np.exp(generator.normal(0, 0.2, wrong.shape)),
            "logit_jacobian_norm": logit_norm, "cross_entropy": -np.log(np.maximum(true, 1e-300)),
            "squared_loss": (residual**2).sum(-1), "correct": p.argmax(-1) == labels,
            "maximum_probability": p.max(-1), "label": labels, "index": np.arange(count),
        }))  # fmt: skip
        networks += [
            {"dataset": dataset, "model": model, "replicate": replicate, "loss": loss, "labels": "true",
             "augmentation": "none", "fits": not (copy == 1 and replicate == 2)}
            for replicate in range(replicates)
        ]  # fmt: skip
    return tuple(records), pd.DataFrame(networks)


def made_up_curves(dataset="mnist5k", replicates=24, bins=64, seed=0):
    """curves.npz with two curves of each kind, low near the training points, and its contrasts."""
    generator = np.random.default_rng(seed)
    theta = 2 * np.pi * (np.arange(bins) + 0.5) / bins
    kinds = ["random", "same class", "different classes"] * 2
    depths = {"random": 0.0, "same class": 4.0, "different classes": 9.0}
    near = sum(np.exp(-((theta - t) ** 2) / 0.12) for t in (np.pi / 3, np.pi, 5 * np.pi / 3))
    level = generator.normal(0, 0.8, (replicates, 1, 1))
    dip = np.stack([1.5 - depths[kind] * near for kind in kinds])
    noise = generator.normal(0, 0.4, (replicates, len(kinds), bins))
    counts = np.stack(
        [
            {"random": 140, "same class": 52, "different classes": 110}[k] - 4.0 * depths[k] * near
            for k in kinds
        ]
    )
    arrays = {
        "kind": np.array(kinds), "theta": theta, "jacobian_norm": np.exp(level + dip + noise),
        "transitions": counts + generator.normal(0, 12, (replicates, len(kinds), bins)),
    }  # fmt: skip
    contrasts = pd.DataFrame([
        {"dataset": dataset, "model": "w200-d20", "kind": kind, "networks": replicates,
         **{f"{name}_near_over_far{end}": value * (1 - depths[kind] / 12) for name in ("norm", "density")
            for end, value in (("", 1.0), ("_low", 0.8), ("_high", 1.2), ("_p", 0.01))}}
        for kind in depths
    ])  # fmt: skip
    return (Record(dataset, "w200-d20", arrays),), contrasts


def made_up_boundaries(resolution=128, cells=400, seed=0):
    """boundaries.npz: an even mosaic before, a coarse one around the three points after."""
    generator = np.random.default_rng(seed)
    axis = (np.arange(resolution) + 0.5) / resolution * 2 - 1
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    angles = np.pi / 2 + 2 * np.pi * np.arange(3) / 3
    triangle = 0.8 * np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def cut(lines, keep_off):
        normal = generator.normal(size=(lines, 2))
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        offset = generator.uniform(-1.4, 1.4, lines)
        if keep_off:
            distance = np.abs(triangle @ normal.T - offset).min(axis=0)
            normal, offset = normal[distance > 0.25], offset[distance > 0.25]
        sides = points @ normal.T > offset
        weights = generator.integers(-(2**62), 2**62, sides.shape[1])
        return (sides.astype(np.int64) @ weights).reshape(resolution, resolution)

    rows, columns = np.mgrid[:28, :28]
    images = np.stack([255 * (np.hypot(rows - 14, columns - 14) < radius) for radius in (4, 7, 10)])
    return Record("mnist5k", "w300-d15-relu6", {
        "before": cut(cells // 10, False), "after": cut(cells, True), "images": images.astype(np.uint8),
        "labels": np.array([3, 5, 8]), "triangle": triangle,
    })  # fmt: skip


def made_up_sampling(seed=0):
    """sampling.npz: undercounts at few samples, flickers in float32 on ellipses at many."""
    generator = np.random.default_rng(seed)
    samples = 2 ** np.arange(8, 21)
    curve = np.array(["translation loop"] * 4 + ["ellipse"] * 4)
    exact = generator.integers(3000, 9000, 8)
    found = exact * (1 - np.exp(-((samples[:, None] / generator.uniform(800, 4000, 8)) ** 0.7)))
    flicker = np.where(curve == "ellipse", 1 + 0.02 * (samples[:, None] / 2**20) ** 0.8, 1)
    return Record("mnist5k", "w200-d5", {
        "samples": samples, "sampled_float64": np.round(found), "sampled_float32": np.round(found * flicker),
        "exact": exact, "curve": curve,
    })  # fmt: skip


def made_up_images(seed=0):
    """A data set's arrays: ten 28 x 28 test images of a slanted stroke."""
    rows, columns = np.mgrid[:28, :28]
    stroke = (
        255 * np.exp(-(((columns - 14 + 0.4 * (rows - 14)) / 2.5) ** 2)) * (np.abs(rows - 14) < 10)
    )
    images = np.repeat(stroke[None].astype(np.uint8), 10, axis=0)
    return Record("mnist5k", "", {"x_test": images, "y_test": np.arange(10)})


def made_up_study(datasets=("mnist5k", "digits"), **sizes):
    """Everything above as one `FigureData`."""
    pairs, factors = made_up_pairs(datasets)
    points, networks = made_up_points(datasets, **sizes)
    curves, contrasts = made_up_curves()
    return FigureData(
        networks=networks, models=made_up_models(datasets), correlations=made_up_correlations(datasets),
        pairs=pairs, factors=factors, points=points, curves=curves, curve_contrasts=contrasts,
        boundaries=made_up_boundaries(), sampling=made_up_sampling(), images=made_up_images(),
    )  # fmt: skip


@pytest.fixture
def study():
    return made_up_study()


@pytest.fixture
def settings():
    return {"datasets": ["mnist5k", "digits"], "main_dataset": "mnist5k", "seed": 0}


@pytest.fixture
def replaced():
    """`replaced(study, models=...)`: the study with some of its parts exchanged."""
    return dataclasses.replace
