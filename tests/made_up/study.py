"""A made-up study for figures: tables and measurements as the workflow writes them."""

import itertools
from functools import partial

import numpy as np
import pandas as pd
import torch

from made_up.orthogonal import orthogonal_norm
from made_up.pairs import made_up_pairs
from made_up.records import made_up_images, made_up_sampling
from made_up.widths import made_up_widths
from sensitivity.figures import FigureData, Record
from sensitivity.measures.taken import boundaries
from sensitivity.networks.graph import graph_of
from sensitivity.networks.network import Network
from sensitivity.regions.slices import Plane
from sensitivity.study.recipe import Recipe
from sensitivity.tables.correlations import DIRECTIONS
from sensitivity.tables.networks import cells

ACTIVATIONS = ("relu", "relu6", "hardtanh", "hardsigmoid")
DATASETS = ("mnist5k", "digits")
METRICS = (
    "jacobian_norm",
    "jacobian_norm_training",
    "jacobian_norm_noise",
    "transitions",
    "transitions_per_unit",
)
FURTHER = (
    "number_of_weights",
    "training_loss",
    "spectral_norm_product",
    "distance_from_initialization",
    "path_norm",
    "output_margin",
    "sharpness",
)


def made_up_models(datasets=DATASETS, widths=(50, 200), depths=(2, 4), seed=0):
    """models.csv: architectures with true and random labels; deep HardSigmoid ones do not fit."""
    generator = np.random.default_rng(seed)
    rows = []
    recipes = [
        Recipe(width, depth, activation, labels=labels)
        for width, depth, activation in itertools.product(widths, depths, ACTIVATIONS)
        for labels in (0, 1)
    ]
    for dataset, recipe in itertools.product(datasets, recipes):
        width, depth, activation = recipe.width, recipe.depth, recipe.activation
        labels = recipe.labels
        norm = 0.05 * (1 + ACTIVATIONS.index(activation)) * np.exp(depth / 2)
        norm *= (20 if labels == 1 else 1) * np.exp(generator.normal(0, 0.3))
        units = width * depth
        values = {
            "generalization_gap": 0.04 + 0.03 * np.log1p(norm) + generator.normal(0, 0.005),
            "training_loss": 10 ** generator.uniform(-9, -3),
            "jacobian_norm": norm,
            "jacobian_norm_training": norm / 3,
            "jacobian_norm_noise": norm * 20,
            "transitions": 2.5 * units * norm**0.1,
            "transitions_per_unit": 2.5 * norm**0.1,
        }
        if labels == 1:
            values["generalization_gap"] = 0.9
        errors = {
            f"{name}_standard_error": value * generator.uniform(0.02, 0.15)
            for name, value in values.items()
        }
        fits = not (activation == "hardsigmoid" and depth == max(depths))
        sizes = {
            "number_of_weights": 784 * width + (depth - 1) * width**2 + 10 * width,
            "number_of_units": units,
            "networks": recipe.replicates,
        }
        about = {"dataset": dataset, "model": recipe.name, "surveys": "other"}
        about |= {"fits": fits, "diverged": False}
        rows.append(about | cells(recipe) | sizes | values | errors)
    return pd.DataFrame(rows)


def made_up_stages(dataset="digits"):
    """models.csv: shares of random labels, and steps, of two architectures; one does not fit."""
    rows = []
    shares = [{"labels": share} for share in (0.0, 0.25, 0.5, 1.0)]
    stages = [{"steps": steps} for steps in (50, 200, 800)]
    for width, change in itertools.product((50, 200), shares + stages):
        recipe = Recipe(width, 2, "relu", **{"steps": 1000, "replicates": 3, **change})
        share = recipe.labels
        values = {
            "generalization_gap": 0.05 + 0.8 * share,
            "training_loss": 1 / recipe.steps**2,
            "jacobian_norm": 0.1 * width * (1 + share) / recipe.steps**0.5,
            "transitions": width * (1.0 + share),
            "lipschitz_lower_bound": width * (1 + share - share**2),
        }
        errors = {f"{name}_standard_error": value / 10 for name, value in values.items()}
        before = {"untrained_jacobian_norm": 2.0, "untrained_transitions": 3.0 * width}
        about = {"dataset": dataset, "model": recipe.name, "surveys": "other"}
        about |= {"diverged": False}
        about |= {"fits": recipe.steps > 50}
        about |= {"number_of_weights": 64 * width, "networks": 3}
        rows.append(about | cells(recipe) | values | errors | before)
    return pd.DataFrame(rows)


def made_up_correlations(datasets=DATASETS, n=14, seed=0):
    """correlations.csv for all measures."""
    generator = np.random.default_rng(seed)
    shifts = {"kendall_tau": 0, "spearman_rho": 0.1, "granulated_kendall_tau": -0.2}
    rows = []
    shifts["stratified_kendall_tau"] = -0.3
    for dataset, (place, measure) in itertools.product(datasets, enumerate(METRICS + FURTHER)):
        value = DIRECTIONS[measure] * (0.75 - 0.11 * place + generator.normal(0, 0.05))
        for statistic, shift in shifts.items():
            interval = {"value": value + shift, "low": value + shift - 0.2, "high": value + 0.2}
            about = {"dataset": dataset, "measure": measure, "statistic": statistic}
            about |= interval | {"left_out": "none", "n": n, "p": 0.01}
            rows.append(about | {"models": "all"})
            rows.append(about | {"models": "common", "rank": place + 1})
    return pd.DataFrame(rows)


def made_up_points(datasets=DATASETS, count=1000, replicates=3, seed=0):
    """points.npz of two models for each loss and data set, and their rows of networks.csv.

    One network of each second model does not fit.
    """
    generator = np.random.default_rng(seed)
    records, networks = [], []
    for dataset, loss, copy in itertools.product(datasets, ("cross_entropy", "squared"), range(2)):
        labels = np.arange(count) % 10
        confidence = generator.gamma(3, 1.5, (1, count, 1))
        logits = confidence * generator.normal(0, 1, (replicates, count, 10))
        logits[:, np.arange(count), labels] += generator.gamma(6, 2, (replicates, count))
        logits -= logits.max(axis=-1, keepdims=True)
        p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
        true = p[:, np.arange(count), labels]
        error = p - (labels[:, None] == np.arange(10))
        logit_norm = np.exp(generator.normal(1, 0.4, (replicates, count)))
        others = np.where(labels[:, None] == np.arange(10), 0, p)
        rows = true * np.sqrt(others.sum(-1) ** 2 + (others**2).sum(-1))
        spread = np.exp(generator.normal(0, 0.2, (2, replicates, count))) * logit_norm / np.sqrt(10)
        arrays = {
            "jacobian_norm": spread[0] * orthogonal_norm(p),
            "true_class_jacobian_norm": spread[1] * rows,
            "logit_jacobian_norm": logit_norm,
            "cross_entropy": -np.log(true),
            "squared_loss": (error**2).sum(-1),
            "correct": p.argmax(-1) == labels,
            "maximum_probability": p.max(-1),
            "label": labels,
            "index": np.arange(count),
        }
        recipe = Recipe(width=200, depth=3 + copy, activation="relu", loss=loss)
        records.append(Record(dataset, recipe.name, arrays))
        about = {"dataset": dataset, "model": recipe.name, **cells(recipe)}
        for replicate in range(replicates):
            fits = not (copy == 1 and replicate == 2)
            state = {"share_of_random_labels": 0.0, "fits": fits, "diverged": False}
            networks.append(about | {"replicate": replicate} | state)
    return tuple(records), pd.DataFrame(networks)


def made_up_curves(dataset="mnist5k", replicates=24, bins=64, seed=0):
    """curves.npz with two curves of each kind, low near the training points.

    Beside it curves.csv and the networks.csv rows: the last network does not fit.
    """
    generator = np.random.default_rng(seed)
    theta = 2 * np.pi * (np.arange(bins) + 0.5) / bins
    near = sum(np.exp(-((theta - t) ** 2) / 0.12) for t in (np.pi / 3, np.pi, 5 * np.pi / 3))
    depths = {"random": 0.0, "same class": 4.0, "different classes": 9.0}
    density = {"random": 140, "same class": 52, "different classes": 110}
    kinds = list(depths) * 2
    dip = np.stack([depths[kind] * near for kind in kinds])
    level = generator.normal(0, 0.8, (replicates, 1, 1))
    noise = generator.normal(0, 1, (2, replicates, len(kinds), bins))
    arrays = {
        "kind": np.array(kinds),
        "theta": theta,
        "jacobian_norm": np.exp(1.5 + level - dip + 0.4 * noise[0]),
        "transitions": np.array([density[k] for k in kinds])[:, None] - 4 * dip + 12 * noise[1],
    }
    for name in ("jacobian_norm", "transitions"):
        arrays[f"untrained_{name}"] = arrays[name].mean(axis=2, keepdims=True) + 0 * arrays[name]
    about = {"dataset": dataset, "model": "w200-d20"}
    contrasts = []
    for (kind, depth), of in itertools.product(depths.items(), ("trained", "untrained")):
        depth = depth if of == "trained" else depth / 10
        row = about | {"kind": kind, "of": of, "against": "nothing", "networks": replicates}
        for name in ("norm", "density"):
            for end, value in (("", 1.0), ("_low", 0.8), ("_high", 1.2), ("_p", 0.01)):
                row[f"{name}_near_over_far{end}"] = value * (1 - depth / 12)
        contrasts.append(row)
    recipe = cells(Recipe(width=200, depth=20, activation="relu"))
    networks = [
        about | recipe | {"replicate": r, "fits": r < replicates - 1, "diverged": False}
        for r in range(replicates)
    ]
    return (Record(dataset, "w200-d20", arrays),), pd.DataFrame(contrasts), pd.DataFrame(networks)


def made_up_boundaries(pixels=False, seed=0):
    """boundaries: of random networks on a plane, as polygons or as pixels."""
    generator = torch.Generator().manual_seed(seed)
    plane = Plane(*torch.randn(3, 8, generator=generator).double())
    rows, columns = np.mgrid[:28, :28]
    distance = np.hypot(rows - 14, columns - 14)
    arrays = {
        "images": np.stack([255 * (distance < r) for r in (4, 7, 10)]).astype(np.uint8),
        "labels": np.array([3, 5, 8]),
        "triangle": plane.triangle().numpy(),
        "area_near": 0.094,
    }
    for name in ("before", "after"):
        sizes = itertools.pairwise((8, 40, 40, 3))
        weights = [torch.randn(1, o, i, generator=generator) for i, o in sizes]
        found = partial(boundaries.as_pixels, resolution=128) if pixels else boundaries.as_polygons
        drawn = found(graph_of(Network(weights, "relu")), plane)
        arrays |= {f"{name}_{key}": np.asarray(values) for key, values in drawn.items()}
        arrays[f"{name}_accuracy"] = {"before": 0.1, "after": 0.998}[name]
    return Record("mnist5k", "w300-d15-relu6", arrays)


def made_up_study(datasets=DATASETS, **sizes):
    """Everything above as one `FigureData`; `sizes` are those of the single points."""
    pairs, factors = made_up_pairs(datasets)
    points, networks = made_up_points(datasets, **sizes)
    curves, contrasts, curve_networks = made_up_curves()
    others = pd.concat([networks, curve_networks]).assign(surveys="other")
    widths, peaks = made_up_widths(datasets[:2])
    return FigureData(
        networks=pd.concat([others, widths], ignore_index=True),
        models=made_up_models(datasets),
        correlations=made_up_correlations(datasets),
        pairs=pairs,
        factors=factors,
        curves_table=contrasts,
        interpolation=peaks,
        points=points,
        curves=curves,
        boundaries=made_up_boundaries(),
        sampling=made_up_sampling(),
        images=made_up_images(),
    )
