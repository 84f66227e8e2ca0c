"""Files of measurements: what was measured of one model, several measures in one `.npz`.

Every measure brings its own stamp: the settings, the code, the weights and the data, the
environment and the device that it was made with. So a job that finds such a file knows which of its
measures still hold. Arrays are named `<measure>/<array>`.
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
        stamp: its settings, `inputs` (SHA-256 of data and weights), `environment` and `device`.
    """

    arrays: Mapping[str, np.ndarray]
    stamp: Mapping[str, Any]

    def holds_for(self, expected: Mapping[str, Any]) -> bool:
        """Whether it was made with what is expected; the device may be another."""
        return all(self.stamp.get(key) == value for key, value in expected.items())


def write(path: "str | Path", owner: Mapping[str, Any], parts: Mapping[str, Part]) -> None:
    """Write the measures of a model; `owner` names its `dataset` and `model`."""
    arrays = {
        f"{measure}/{name}": values
        for measure, part in parts.items()
        for name, values in part.arrays.items()
    }
    stamps = {measure: dict(part.stamp) for measure, part in parts.items()}
    storage.write_arrays(path, arrays, {**owner, "measures": stamps})


def read(path: "str | Path", **owner: Any) -> dict[str, Part]:
    """All measures of a file, by name.

    Raises:
        DamagedFile: the file is truncated or altered, or is not the `owner`'s.
    """
    arrays, provenance = storage.read_arrays(path, **owner)
    return _parts(path, arrays, provenance)


def read_measure(path: "str | Path", measure: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """One measure's arrays, and which `dataset` and `model` it is of.

    Raises:
        DamagedFile: the file is truncated or altered, or lacks the measure.
    """
    arrays, provenance = storage.read_arrays(path)
    part = _parts(path, arrays, provenance).get(measure)
    if part is None:
        raise DamagedFile(
            f"{path} is damaged: it holds no {measure}; delete it and run the same command again"
        )
    return dict(part.arrays), {key: provenance.get(key) for key in ("dataset", "model")}


def kept(
    path: "str | Path", owner: Mapping[str, Any], expected: Mapping[str, Mapping[str, Any]]
) -> dict[str, Part]:
    """The measures of an earlier file that still hold, by name; none if there is no such file.

    Args:
        path: the file that is to be written anew.
        owner: its `dataset` and `model`.
        expected: by measure, what its stamp must say.
    """
    if not Path(path).exists():
        return {}
    try:
        found = read(path, **owner)
    except SensitivityError as error:
        logger.warning("measured anew: %s", error)
        return {}
    return {
        measure: found[measure]
        for measure, stamp in expected.items()
        if measure in found and found[measure].holds_for(stamp)
    }


def _parts(
    path: "str | Path", arrays: Mapping[str, np.ndarray], provenance: Mapping[str, Any]
) -> dict[str, Part]:
    stamps = provenance.get("measures")
    if not isinstance(stamps, dict) or not all(isinstance(s, dict) for s in stamps.values()):
        raise DamagedFile(
            f"{path} is damaged: it is no file of measurements; delete it and run the same command "
            "again"
        )
    members: dict[str, dict[str, np.ndarray]] = {measure: {} for measure in stamps}
    for key, values in arrays.items():
        measure, _, name = key.partition("/")
        members.setdefault(measure, {})[name] = values
    return {measure: Part(members[measure], stamp) for measure, stamp in stamps.items()}
