"""What the scripts that measure a trained model share: their arguments, inputs and results."""

import argparse
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sensitivity.base import command
from sensitivity.base.device import prepare, title
from sensitivity.base.errors import SensitivityError
from sensitivity.base.streams import stream
from sensitivity.datasets import Dataset
from sensitivity.files import storage
from sensitivity.files.provenance import describe
from sensitivity.networks.network import Network
from sensitivity.study.recipe import Recipe

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measurement:
    """A trained model and its data, ready to be measured.

    Attributes:
        network: all replicates, on the device, in the dtype that they were trained in.
        dataset: the data the model was trained on.
        settings: the numbers of this measurement, and which dataset, model and recipe it is about.
        device: where to compute.
        output: the file that receives the result.
        inputs: SHA-256 of the files that data and weights were read from.
    """

    network: Network
    dataset: Dataset
    settings: Mapping[str, Any]
    device: torch.device
    output: Path
    inputs: Mapping[str, str]

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
        size = len(self.dataset.labels(split))
        return choose(size, self.number(name, default), self.seed, split)

    def write(self, arrays: Mapping[str, "np.ndarray | Tensor | Sequence"], sealed: bool) -> None:
        """Write the result, with a seal beside it if it may be large."""
        owner = {"dataset": self.dataset.name, "model": self.settings.get("model")}
        plain = {key: _plain(values) for key, values in arrays.items()}
        made = {"device": title(self.device), "inputs": dict(self.inputs)}
        storage.write_arrays(self.output, plain, describe({**self.settings, **owner}, **made))
        if sealed:
            storage.seal(self.output, owner)
        logger.info("wrote %s", self.output)


def choose(size: int, count: int, seed: int, purpose: str) -> Tensor:
    """`count` of the indices below `size` (0 or too many: all), in a fixed random order.

    The first ones stay the same when more are asked for.
    """
    order = torch.randperm(size, generator=stream(seed, f"order of {purpose}"))
    return order[: count or size]


def begin(description: str, argv: Sequence[str] | None) -> Measurement:
    """Read a measuring script's arguments and what they name; set up its log and its device.

    Raises:
        SensitivityError: a file is missing or damaged, or is not about the dataset and the model
            that the settings name, or network and data do not fit together.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--weights", type=Path, required=True, help="the trained model")
    parser.add_argument("--data", type=Path, required=True, help="the data set, .npz")
    parser.add_argument("--output", type=Path, required=True, help="the .npz file to write")
    command.device_argument(parser)
    command.standard_arguments(parser)
    arguments = parser.parse_args(argv)
    command.setup(arguments)
    settings = arguments.settings
    owner = {key: settings[key] for key in ("dataset", "model") if key in settings}
    dataset = Dataset.load(arguments.data, **{k: owner[k] for k in owner if k == "dataset"})
    network = Network.load(arguments.weights, **owner)
    if network.input_size != dataset.input_size:
        raise SensitivityError(
            f"{arguments.weights} takes {network.input_size} inputs, but the images of "
            f"{arguments.data} have {dataset.input_size} pixels; give files that belong together"
        )
    device = prepare(arguments.device, arguments.threads)
    inputs = {key: storage.digest(getattr(arguments, key)) for key in ("data", "weights")}
    return Measurement(network.to(device), dataset, settings, device, arguments.output, inputs)


def finite_replicates(network: Network) -> list[int]:
    """The replicates whose weights are all finite: the others have nothing to measure."""
    finite = torch.stack([torch.isfinite(w).flatten(1).all(1) for w in network.weights]).all(0)
    if not finite.all():
        logger.warning("%d replicates have weights that are not finite", int((~finite).sum()))
    return finite.nonzero().flatten().tolist()


def of_all_replicates(network: Network, replicates: Sequence[int], values: Tensor) -> Tensor:
    """Values of some replicates in a float64 tensor of all; NaN for those left out."""
    shape = (network.replicates, *values.shape[1:])
    result = torch.full(shape, torch.nan, dtype=torch.float64, device=values.device)
    result[replicates] = values.double()
    return result


def _plain(values: "np.ndarray | Tensor | Sequence") -> np.ndarray:
    return values.cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
