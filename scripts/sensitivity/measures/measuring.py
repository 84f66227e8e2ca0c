"""What the scripts that measure a trained model share: a model and its data, loaded once."""

import argparse
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sensitivity.architectures import saved
from sensitivity.architectures.modules import Modules
from sensitivity.base.device import prepare, title
from sensitivity.base.errors import SensitivityError
from sensitivity.base.streams import stream
from sensitivity.datasets import Dataset
from sensitivity.files.measurements import Part
from sensitivity.networks.network import Network
from sensitivity.study.recipe import Recipe

logger = logging.getLogger(__name__)

TAKEN = "sensitivity.measures.taken"

Arrays = Mapping[str, "np.ndarray | Tensor | Sequence"]
"""What a measure returns: its numbers, by name."""


@dataclass(frozen=True)
class Measurement:
    """A trained model and its data, ready to be measured.

    Attributes:
        network: all replicates, on the device, in the dtype that they were trained in.
        dataset: the data the model was trained on.
        settings: the numbers of this measure, and which dataset, model and recipe it is about.
        device: where to compute.
        controls: what this measure has made of untrained networks so far, by `untrained.key`.
    """

    network: Network | Modules
    dataset: Dataset
    settings: Mapping[str, Any]
    device: torch.device
    controls: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        """What every random choice of this measurement starts from."""
        return self.number("seed", 0)

    @property
    def recipe(self) -> Recipe:
        """How the model was trained.

        Raises:
            SensitivityError: the settings do not say.
        """
        if "recipe" not in self.settings:
            raise SensitivityError(
                "this measurement needs the model's recipe: --settings '{\"recipe\": {...}}'"
            )
        return Recipe.from_dict(self.settings["recipe"])

    def number(self, name: str, default: int) -> int:
        """A setting, or its default for a script that is run by hand."""
        return int(self.settings.get(name, default))

    def chosen(self, split: str, name: str, default: int) -> Tensor:
        """Which images of a split to measure at: as many as the setting `name` says, 0 for all."""
        data = self.dataset
        size = data.training_images if split == "train" else len(data.x_test)
        return choose(size, self.number(name, default), self.seed, split)


def choose(size: int, count: int, seed: int, purpose: str) -> Tensor:
    """`count` of the indices below `size` (0 or too many: all), in a fixed random order.

    The first ones stay the same when more are asked for.
    """
    order = torch.randperm(size, generator=stream(seed, f"order of {purpose}"))
    return order[: count or size]


def measure_function(name: str) -> Callable[[Measurement], Arrays]:
    """The function that takes a measure; only its own module is loaded."""
    return import_module(f"{TAKEN}.{name}").measure


class Measuring:
    """A data set on a device, and models that are measured on it, one after another.

    arguments: of the measuring script: `data`, `settings` with its `dataset`, `device`, `threads`.

    Raises:
        SensitivityError: the file is missing or damaged, or is not about that data set; the device
            is not there.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._path, name = arguments.data, arguments.settings["dataset"]
        self._dataset = Dataset.load(self._path, dataset=name)
        self._folder = str(getattr(arguments, "builders", "."))
        self._device = prepare(arguments.device, arguments.threads)
        self._controls: dict[str, dict[str, Mapping[str, Any]]] = {}

    def take(
        self,
        weights: Path,
        model: str,
        sources: Mapping[str, Mapping[str, Any]],
        functions: Mapping[str, Callable[[Measurement], Arrays]],
    ) -> dict[str, Part]:
        """Load a model and take some measures of it.

        Args:
            weights: its file.
            model: its name, which the file must bear.
            sources: by measure, what its result depends on, settings and inputs.
            functions: the measures.

        Raises:
            SensitivityError: the file is missing or damaged, or is another model's, or network and
                data do not fit together.
        """
        network = saved.load(weights, self._folder, dataset=self._dataset.name, model=model)
        if network.input_size != self._dataset.input_size:
            raise SensitivityError(
                f"{weights} takes {network.input_size} inputs, but the images of {self._path} have "
                f"{self._dataset.input_size} pixels; give files that belong together"
            )
        network = network.to(self._device)
        parts = {}
        for name, function in functions.items():
            begin = time.process_time()
            controls = self._controls.setdefault(name, {})
            about = sources[name], self._device, controls
            measurement = Measurement(network, self._dataset, *about)
            plain = {key: _plain(values) for key, values in function(measurement).items()}
            parts[name] = Part(plain, {**sources[name], "device": title(self._device)})
            logger.info("%s took %.3f s of CPU time", name, time.process_time() - begin)
        return parts


def finite_replicates(network: Network | Modules) -> list[int]:
    """The replicates whose weights are all finite: the others have nothing to measure."""
    weights = [network.weights_RP] if isinstance(network, Modules) else network.weights
    finite = torch.stack([torch.isfinite(w).flatten(1).all(1) for w in weights]).all(0)
    if not finite.all():
        logger.warning("%d replicates have weights that are not finite", int((~finite).sum()))
    return finite.nonzero().flatten().tolist()


def of_all_replicates(
    network: Network | Modules, replicates: Sequence[int], values: Tensor
) -> Tensor:
    """Values of some replicates in a float64 tensor of all; NaN for those left out."""
    shape = (network.replicates, *values.shape[1:])
    result = torch.full(shape, torch.nan, dtype=torch.float64, device=values.device)
    result[replicates] = values.double()
    return result


def _plain(values: "np.ndarray | Tensor | Sequence") -> np.ndarray:
    return values.cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
