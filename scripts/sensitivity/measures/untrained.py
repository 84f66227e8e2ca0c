"""Untrained controls: the same measure of the networks that training started from.

What an untrained network shows already is the geometry of the data and of the architecture, and
no trace of training. (Novak et al. 2018 show untrained networks in figure 3 alone.)
"""

import hashlib
from collections.abc import Callable
from typing import TypeVar

from sensitivity.architectures.modules import Modules
from sensitivity.files.storage import canonical
from sensitivity.measures.measuring import Measurement
from sensitivity.networks.network import Network
from sensitivity.training.initialization import initial_network

PREFIX = "untrained_"
"""Of the names of what was measured of untrained networks."""

Values = TypeVar("Values")


def untrained(measurement: Measurement) -> Network | Modules:
    """The networks that training started from, replicate by replicate, on the device.

    Raises:
        SensitivityError: the settings do not say how the model was trained.
    """
    recipe, data = measurement.recipe, measurement.dataset
    if isinstance(measurement.network, Modules):
        initial = measurement.network.untrained(recipe.seeds, recipe.initial_scale)
        return initial.to(measurement.device)
    initial = initial_network(recipe, data.input_size, data.classes, recipe.seeds)
    return initial.to(measurement.device)


def with_controls(
    measurement: Measurement, measure: Callable[[Network | Modules], dict[str, Values]]
) -> dict[str, Values]:
    """What `measure` makes of the trained networks, and of the untrained ones with a prefix.

    Models that differ in how they were trained alone began as the same networks: of those that a
    job measures, these are measured once.
    """
    initial = untrained(measurement)
    which = key(measurement, initial)
    if which not in measurement.controls:
        measurement.controls[which] = measure(initial)
    controls = measurement.controls[which]
    trained = measure(measurement.network)
    return trained | {f"{PREFIX}{name}": values for name, values in controls.items()}


def key(measurement: Measurement, initial: Network | Modules) -> str:
    """What a measure of untrained networks depends on: these, and its own settings."""
    about_the_model = ("model", "recipe", "inputs")
    settings = {k: v for k, v in measurement.settings.items() if k not in about_the_model}
    if isinstance(initial, Modules):
        kind, tensors = initial.architecture.record(), (initial.weights_RP, initial.others_RB)
    else:
        kind, tensors = initial.activation.name, (*initial.weights, *(initial.biases or ()))
    seeds = list(measurement.recipe.seeds)  # on a subset they decide where it is taken
    digest = hashlib.sha256(canonical([settings, kind, seeds]).encode())
    for weight in tensors:
        digest.update(str(tuple(weight.shape)).encode())
        digest.update(weight.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
