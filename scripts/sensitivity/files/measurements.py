"""Files of measurements: what was measured of some models of one data set, in one `.npz`.

Every measure of every model brings its own sources: the settings, the code, the weights and the
data, the environment and the device that it was made with. So a job that finds such a file knows
which of its measures still hold. Arrays are named `<model>/<measure>/<array>`.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.files import storage

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """One measure of one model.

    Attributes:
        arrays: its numbers, by name.
        sources: its settings, `inputs` (SHA-256 of data and weights), `environment` and `device`.
    """

    arrays: Mapping[str, np.ndarray]
    sources: Mapping[str, Any]

    def holds_for(self, sources: Mapping[str, Any]) -> bool:
        """Whether it would be made of the same sources now; the device may be another."""
        return all(self.sources.get(key) == value for key, value in sources.items())


Parts = dict[str, dict[str, Part]]
"""By model, then by measure."""


def write(path: "str | Path", dataset: str, parts: Mapping[str, Mapping[str, Part]]) -> None:
    """Write the measures of some models, by model and measure."""
    arrays = {
        f"{model}/{measure}/{name}": values
        for model, measures in parts.items()
        for measure, part in measures.items()
        for name, values in part.arrays.items()
    }
    sources = {
        model: {measure: dict(part.sources) for measure, part in measures.items()}
        for model, measures in parts.items()
    }
    storage.write_arrays(path, arrays, {"dataset": dataset, "models": sources})


def read(path: "str | Path", dataset: str | None = None) -> Parts:
    """All that a file holds, by model and measure.

    Raises:
        DamagedFile: the file is truncated or altered, or is not about the data set.
    """
    return _read(path, **({} if dataset is None else {"dataset": dataset}))[1]


def _read(path: "str | Path", **expected: Any) -> tuple[str, Parts]:
    arrays, provenance = storage.read_arrays(path, **expected)
    dataset, sources = provenance.get("dataset"), provenance.get("models")
    if dataset is None or not _by_model_and_measure(sources):
        raise DamagedFile(
            f"{path} is damaged: it is no file of measurements; delete it and run the same command "
            "again"
        )
    members: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    for key, values in arrays.items():
        model, _, rest = key.partition("/")
        measure, _, name = rest.partition("/")
        members.setdefault((model, measure), {})[name] = values
    return dataset, {
        model: {name: Part(members.get((model, name), {}), of) for name, of in measures.items()}
        for model, measures in sources.items()
    }


def _by_model_and_measure(sources: Any) -> bool:
    return isinstance(sources, dict) and all(
        isinstance(measures, dict) and all(isinstance(of, dict) for of in measures.values())
        for measures in sources.values()
    )


def of_model(path: "str | Path", parts: Parts, model: str) -> dict[str, Part]:
    """One model's measures among those that were read from a file."""
    if model not in parts:
        raise DamagedFile(
            f"{path} is damaged: it holds nothing about the model {model}, but about "
            f"{', '.join(parts)}; delete it and run the same command again"
        )
    return parts[model]


def read_measure(path: "str | Path", measure: str) -> tuple[str, str, dict[str, np.ndarray]]:
    """One measure of the file's one model: (data set, model, arrays).

    Raises:
        DamagedFile: the file is truncated or altered, or does not hold the measure of one model.
    """
    dataset, of_models = _read(path)
    found = [(model, parts[measure]) for model, parts in of_models.items() if measure in parts]
    if len(found) != 1:
        raise DamagedFile(
            f"{path} is damaged: it holds {measure} of {len(found)} models, and not of one; delete "
            "it and run the same command again"
        )
    ((model, part),) = found
    return dataset, model, dict(part.arrays)


def kept(
    path: "str | Path", dataset: str, sources: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> Parts:
    """The measures of an earlier file that still hold; none if there is no such file.

    Args:
        path: the file that is to be written anew.
        dataset: what it is about.
        sources: by model and measure, what it would be made of now.
    """
    found: Parts = {}
    if Path(path).exists():
        try:
            found = read(path, dataset)
        except SensitivityError as error:
            logger.warning("measured anew: %s", error)
    return {
        model: {
            measure: part
            for measure, part in found.get(model, {}).items()
            if measure in measures and part.holds_for(measures[measure])
        }
        for model, measures in sources.items()
    }
