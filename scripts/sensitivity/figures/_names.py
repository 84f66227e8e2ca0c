"""The names that readers see, of data sets, measures and non-linearities, and their looks."""

import pandas as pd
import seaborn as sns
from matplotlib.ticker import EngFormatter, MaxNLocator

from sensitivity.figures import _numbers
from sensitivity.figures.style import GAP, JACOBIAN, MARKERS, NEUTRAL, TRANSITIONS

DATASETS = {
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "mnist5k": "MNIST (5k)",
    "digits": "Digits (8×8)",
}

LONGEST = 20  # letters of a data set's name that fit above a panel

MEASURES = {
    "jacobian_norm_training": "Jacobian norm, training points",
    "jacobian_norm_noise": "Jacobian norm, Gaussian noise",
    "logit_jacobian_norm": "Logit Jacobian norm",
    "spectral_norm_product": "Product of spectral norms",
    "softmax_jacobian_norm": "Confidence: ‖diag(p) − pp'‖",
    "jacobian_alignment": "Alignment of both factors",
    "alignment": "Alignment of both factors",
    "maximum_probability": "Confidence: mean of p_max",
    "jacobian_norm_at_matched_confidence": "Jacobian norm at matched confidence",
    "jacobian_norm_at_20_percent_less_doubt": "Jacobian norm at 20 % less doubt",
    "jacobian_norm_at_20_percent_more_doubt": "Jacobian norm at 20 % more doubt",
    "jacobian_spectral_norm": "Largest singular value of J",
    "geometric_complexity": "Geometric complexity",
    "lipschitz_lower_bound": "Lipschitz constant, at least",
    "output_change_under_noise": "Output change under noise",
}

# What stands on an axis, where that is not the measure's name.
AXES = {
    "training_loss": "Final training loss",
    "jacobian_norm_training": "Jacobian norm\nat training points",
    "jacobian_norm_noise": "Jacobian norm\nat Gaussian noise",
    "transitions": "Transitions per loop",
    "transitions_per_unit": "Transitions per loop and unit",
    "lipschitz_lower_bound": "Lipschitz constant of the\nlogits, at least",
}
LINEAR = ("generalization_gap", "test_error")  # every other measure stands on a log axis

ACTIVATIONS = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "hardtanh": "HardTanh",
    "hardsigmoid": "HardSigmoid",
}

FULLY_CONNECTED = "fully_connected"  # the architecture that names leave out

OPTIMIZERS = {
    "momentum": "SGD with momentum",
    "lbfgs": "L-BFGS, full batch",
    "sgd": "SGD",
    "adam": "Adam",
    "rmsprop": "RMSProp",
    "rmsprop_tensorflow": "RMSProp (TensorFlow)",
}

# Columns that seaborn maps to looks, and titles of their blocks in legends.
ACTIVATION = "Non-linearity"
OPTIMIZER = "Optimizer"
TINTS = (0.55, 0.3, 0.8, 0.42, 0.68)  # of optimizers after the first two, far ones first


def dataset_name(name):
    """`cifar10:5000` -> `CIFAR-10 (5,000)`; a name of the reader's own stays, shortened if long."""
    whole, _, size = name.partition(":")
    base, _, side = whole.partition("@")
    shown = DATASETS.get(base, base)
    shown = f"{shown} {side}×{side}" if side else shown
    shown = shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"
    if not size:
        return shown
    # a name that ends in brackets takes the size into them
    return f"{shown[:-1]}, {int(size):,})" if shown.endswith(")") else f"{shown} ({int(size):,})"


def measure_name(name):
    """The reader's name of a column of the tables."""
    return MEASURES.get(name, name.replace("_", " ").capitalize())


def measure_colour(name):
    """Gap blue, Jacobian norms red, transitions green, everything else grey."""
    if name == "generalization_gap":
        return GAP
    if "jacobian" in name:
        return JACOBIAN
    return TRANSITIONS if name.startswith("transitions") else NEUTRAL


def measure_scale(axis, name, values=()):
    """Scale and ticks of an axis (`axes.xaxis`, ...) for a column of the tables.

    Where some of the `values` are 0, a log axis is linear between 0 and the least other one.
    """
    if name in LINEAR:
        axis.set_major_locator(MaxNLocator(5, steps=_numbers.ROUND))
    else:
        text = EngFormatter(sep="") if name == "number_of_weights" else None
        _numbers.log_axis(axis, _numbers.smallest_beside_zero(values), text)


def measure_axis(axis, name, values):
    """`measure_scale`, and the axis's label in the measure's colour."""
    measure_scale(axis, name, values)
    axis.set_label_text(AXES.get(name, measure_name(name)))
    if measure_colour(name) != NEUTRAL:
        axis.label.set_color(measure_colour(name))


def activation_name(name):
    """The reader's name of a non-linearity; a builder that takes none has its own."""
    return "its own" if pd.isna(name) else ACTIVATIONS.get(name, name)


def model_name(row):
    """`ReLU 3×100`: a model's look, its depth and width where it has them, and its arguments."""
    sizes = [row[key] for key in ("depth", "width") if pd.notna(row[key])]
    words = [look_name(row), "×".join(f"{size:.0f}" for size in sizes)]
    words += [row["arguments"]] if row["arguments"] != "none" else []
    return " ".join(filter(None, words))


def look_name(row):
    """`ReLU`, or `ReLU, convolutional`: what a model's marker stands for."""
    names = [activation_name(row["activation"])] if pd.notna(row["activation"]) else []
    architecture = row["architecture"]
    return ", ".join([*names, *([] if architecture == FULLY_CONNECTED else [architecture])])


def with_names(models):
    """The models with the columns `ACTIVATION` and `OPTIMIZER`, as readers know them.

    Another architecture's non-linearities are others, so that markers tell architectures apart.
    """
    optimizers = models["optimizer"].map(lambda name: OPTIMIZERS.get(name, name))
    activations = [look_name(row) for row in models.to_dict("records")]
    return models.assign(**{ACTIVATION: activations, OPTIMIZER: optimizers})


def activation_markers(names):
    """A marker for each non-linearity that occurs, the same in every figure -> {its name: marker}.

    `names` are those of the recipe or of the reader.
    """
    present, known = {activation_name(name) for name in names}, list(ACTIVATIONS.values())
    order = [*known, *sorted(present - set(known))]
    return {name: MARKERS[i % len(MARKERS)] for i, name in enumerate(order) if name in present}


def optimizer_faces(names, colour):
    """A face for each optimizer that occurs, the same in every figure -> {its name: colour}.

    Full, white, and tints between: filled and hollow markers, which a grey print tells apart, too.
    """
    present, known = set(names), list(OPTIMIZERS.values())
    order = [*known, *sorted(present - set(known))]
    faces = [colour, "white", *map(sns.light_palette(colour, as_cmap=True), TINTS)]
    return {name: faces[i % len(faces)] for i, name in enumerate(order) if name in present}


def model_looks(models, colour):
    """How models are told apart: seaborn's mappings, for `with_names(models)`."""
    markers = activation_markers(models[ACTIVATION])
    faces = optimizer_faces(models[OPTIMIZER], colour)
    by_shape = {"style": ACTIVATION, "markers": markers, "style_order": list(markers)}
    return by_shape | {"hue": OPTIMIZER, "palette": faces, "hue_order": list(faces)}
