"""The names that readers see, of data sets, measures and non-linearities, and their looks."""

from sensitivity.figures.plotting import GAP, JACOBIAN, MARKERS, NEUTRAL, TRANSITIONS, marker_handle

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
}

ACTIVATIONS = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "hardtanh": "HardTanh",
    "hardsigmoid": "HardSigmoid",
}


def dataset_name(name):
    """`cifar10:5000` -> `CIFAR-10 (5,000)`; a name of the reader's own stays, shortened if long."""
    base, _, size = name.partition(":")
    shown = DATASETS.get(base, base)
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


def activation_name(name):
    """The reader's name of a non-linearity."""
    return ACTIVATIONS.get(name, name)


def activation_markers(names):
    """A marker for each non-linearity that occurs, the same in every figure -> {name: marker}."""
    present, known = set(names), list(ACTIVATIONS)
    order = [*known, *sorted(present - set(known))]
    return {name: MARKERS[i % len(MARKERS)] for i, name in enumerate(order) if name in present}


def activation_handles(markers, colour=NEUTRAL):
    """The legend of `activation_markers`."""
    return [
        marker_handle(marker, activation_name(name), colour) for name, marker in markers.items()
    ]
