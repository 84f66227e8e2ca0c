"""The names that readers see, of data sets, measures and non-linearities, and their looks."""

from sensitivity.figures.plotting import (
    FILLS,
    GAP,
    JACOBIAN,
    MARKERS,
    NEUTRAL,
    TRANSITIONS,
    marker_handle,
)

DATASETS = {
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "kmnist": "KMNIST",
    "emnist_balanced": "EMNIST (balanced)",
    "emnist_letters": "EMNIST (letters)",
    "emnist_digits": "EMNIST (digits)",
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
    "jacobian_spectral_norm": "Largest singular value of J",
    "geometric_complexity": "Geometric complexity",
    "lipschitz_lower_bound": "Lipschitz constant, at least",
    "output_change_under_noise": "Output change under noise",
}

ACTIVATIONS = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "hardtanh": "HardTanh",
    "hardsigmoid": "HardSigmoid",
}

OPTIMIZERS = {
    "momentum": "SGD with momentum",
    "lbfgs": "L-BFGS, full batch",
    "sgd": "SGD",
    "adam": "Adam",
    "rmsprop": "RMSProp",
    "rmsprop_tensorflow": "RMSProp (TensorFlow)",
}

# A filling in a reader's words, one of plotting.FILLS.
FILLINGS = {
    "full": "filled",
    "none": "hollow",
    "left": "left half",
    "top": "upper half",
    "right": "right half",
}


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


def activation_name(name):
    """The reader's name of a non-linearity."""
    return ACTIVATIONS.get(name, name)


def model_name(row):
    """`ReLU 3×100`: a model's non-linearity, depth and width, for a note in a panel."""
    return f"{activation_name(row['activation'])} {row['depth']}×{row['width']}"


def activation_markers(names):
    """A marker for each non-linearity that occurs, the same in every figure -> {name: marker}."""
    present, known = set(names), list(ACTIVATIONS)
    order = [*known, *sorted(present - set(known))]
    return {name: MARKERS[i % len(MARKERS)] for i, name in enumerate(order) if name in present}


def optimizer_fills(names):
    """A filling for each optimizer that occurs, the same in every figure -> {name: filling}."""
    present, known = set(names), list(OPTIMIZERS)
    order = [*known, *sorted(present - set(known))]
    return {name: FILLS[i % len(FILLS)] for i, name in enumerate(order) if name in present}


def model_looks(models):
    """How the models of a panel are told apart -> [(which models [n], marker and filling)]."""
    markers = activation_markers(models["activation"])
    return [
        (chosen, {"marker": marker, "fill": fill})
        for activation, marker in markers.items()
        for optimizer, fill in optimizer_fills(models["optimizer"]).items()
        if (chosen := _both(models, activation, optimizer)).any()
    ]


def model_handles(models, colour=NEUTRAL):
    """The legend of `model_looks`: non-linearities, and optimizers if there are several."""
    handles = [
        marker_handle(marker, activation_name(name), colour)
        for name, marker in activation_markers(models["activation"]).items()
    ]
    fills = optimizer_fills(models["optimizer"])
    if len(fills) > 1:
        handles += [
            marker_handle("o", f"{FILLINGS[fill]}: {OPTIMIZERS.get(name, name)}", colour, fill=fill)
            for name, fill in fills.items()
        ]
    return handles


def _both(models, activation, optimizer):
    chosen = (models["activation"] == activation) & (models["optimizer"] == optimizer)
    return chosen.to_numpy()
