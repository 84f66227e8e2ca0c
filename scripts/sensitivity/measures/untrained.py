"""Untrained controls: the same measure of the networks that training started from.

What an untrained network shows already is the geometry of the data and of the architecture, and
no trace of training. (Novak et al. 2018 show untrained networks in figure 3 alone.)
"""

from collections.abc import Callable
from typing import TypeVar

from sensitivity.measures.measuring import Measurement
from sensitivity.networks.network import Network
from sensitivity.training.initialization import initial_network

PREFIX = "untrained_"
"""Of the names of what was measured of untrained networks."""

Values = TypeVar("Values")


def untrained(measurement: Measurement) -> Network:
    """The networks that training started from, replicate by replicate, on the device.

    Raises:
        SensitivityError: the settings do not say how the model was trained.
    """
    recipe, data = measurement.recipe, measurement.dataset
    initial = initial_network(recipe, data.input_size, data.classes, recipe.seeds)
    return initial.to(measurement.device)


def with_controls(
    measurement: Measurement, measure: Callable[[Network], dict[str, Values]]
) -> dict[str, Values]:
    """What `measure` makes of the trained networks, and of the untrained ones with a prefix."""
    controls = measure(untrained(measurement))
    trained = measure(measurement.network)
    return trained | {f"{PREFIX}{name}": values for name, values in controls.items()}
