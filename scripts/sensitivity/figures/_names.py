"""The names that readers see, of data sets, measures, factors and non-linearities."""

from sensitivity.plotting import GAP, JACOBIAN, MARKERS, NEUTRAL, TRANSITIONS

DATASETS = {
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "mnist5k": "MNIST (5k)",
    "digits": "Digits (8×8)",
}

MEASURES = {
    "generalization_gap": "Generalization gap",
    "jacobian_norm": "Jacobian norm",
    "jacobian_norm_training": "Jacobian norm, training points",
    "jacobian_norm_noise": "Jacobian norm, Gaussian noise",
    "logit_jacobian_norm": "Logit Jacobian norm",
    "logit_jacobian_norm_training": "Logit Jacobian norm, training points",
    "logit_jacobian_norm_noise": "Logit Jacobian norm, Gaussian noise",
    "transitions": "Transitions",
    "transitions_per_unit": "Transitions per unit",
    "number_of_weights": "Number of weights",
    "number_of_units": "Number of units",
    "training_loss": "Training loss",
    "spectral_norm_product": "Product of spectral norms",
    "distance_from_initialization": "Distance from initialization",
    "path_norm": "Path norm",
    "output_margin": "Output margin",
    "sharpness": "Sharpness",
}

ACTIVATIONS = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "hardtanh": "HardTanh",
    "hardsigmoid": "HardSigmoid",
}


def dataset_name(name):
    """`cifar10:5000` -> `CIFAR-10 (5,000)`; a name of the reader's own stays as it is."""
    base, colon, size = name.partition(":")
    shown = DATASETS.get(base, base)
    return f"{shown} ({int(size):,})" if colon and size.isdigit() else DATASETS.get(name, name)


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


def activation_name(name):
    """The reader's name of a non-linearity."""
    return ACTIVATIONS.get(name, name)


def activation_markers(names):
    """A marker for each non-linearity, the same in every figure -> {name: marker}, in a fixed order."""
    known = list(ACTIVATIONS)
    order = [name for name in known if name in set(names)]
    order += sorted(set(names) - set(known))
    spare = iter(MARKERS[len(known) :] * (len(order) + 1))
    return {name: MARKERS[known.index(name)] if name in known else next(spare) for name in order}
