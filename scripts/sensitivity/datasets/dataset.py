"""The data set that training and measuring see: four arrays and a name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.datasets.normalization import normalize
from sensitivity.files.storage import read_arrays, write_arrays

if TYPE_CHECKING:
    import torch

Split = Literal["train", "test"]
ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels of a classification task.

    Attributes:
        name: the name under which the configuration and the file names know it.
        x_train, x_test: uint8 images `[N, h, w]` or `[N, h, w, c]`.
        y_train, y_test: int64 labels `[N]` in 0 … classes − 1.

    Raises:
        SensitivityError: on construction, if the arrays do not have these shapes and types.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    def __post_init__(self) -> None:
        for split, x, y in (
            ("train", self.x_train, self.y_train),
            ("test", self.x_test, self.y_test),
        ):
            if x.dtype != np.uint8 or x.ndim not in (3, 4) or 0 in x.shape:
                self._refuse(
                    f"x_{split} is {x.dtype} {list(x.shape)}; it must be uint8 [N, h, w] or "
                    "[N, h, w, c] with at least one image"
                )
            if y.dtype != np.int64 or y.shape != x.shape[:1]:
                self._refuse(
                    f"y_{split} is {y.dtype} {list(y.shape)}; it must be int64 [{len(x)}], a label "
                    f"for each image of x_{split}"
                )
            if y.min() < 0:
                self._refuse(f"y_{split} holds the label {y.min()}; labels count from 0")
        if self.x_train.shape[1:] != self.x_test.shape[1:]:
            self._refuse(
                f"training images are {list(self.x_train.shape[1:])} and test images "
                f"{list(self.x_test.shape[1:])}; they must have one size"
            )

    def _refuse(self, reason: str) -> None:
        raise SensitivityError(f"data set {self.name!r}: {reason}")

    @property
    def classes(self) -> int:
        """The number of classes n."""
        return int(max(self.y_train.max(), self.y_test.max())) + 1

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(h, w, c), with c = 1 for images without a channel axis."""
        height, width, *channels = self.x_train.shape[1:]
        return height, width, channels[0] if channels else 1

    @property
    def input_size(self) -> int:
        """The input dimension d = h·w·c."""
        height, width, channels = self.image_shape
        return height * width * channels

    def inputs(self, split: Split) -> "torch.Tensor":
        """Network inputs: float32 `[N, d]`, every image normalised, pixels in h, w, c order."""
        import torch

        return torch.from_numpy(normalize(self._part("x", split)))

    def labels(self, split: Split) -> "torch.Tensor":
        """Labels: int64 `[N]`."""
        import torch

        return torch.from_numpy(self._part("y", split).copy())

    def _part(self, letter: str, split: Split) -> np.ndarray:
        if split not in ("train", "test"):
            raise ValueError(f"split is 'train' or 'test', not {split!r}")
        return getattr(self, f"{letter}_{split}")

    def save(self, path: "str | Path", provenance: Mapping[str, Any] | None = None) -> None:
        """Write `results/data/<name>.npz`: the four arrays and where they came from."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        write_arrays(path, arrays, {**(provenance or {}), "dataset": self.name})

    @classmethod
    def load(cls, path: "str | Path", **expected: Any) -> "Dataset":
        """Read a file of `save`; its provenance must hold what is `expected`.

        Raises:
            DamagedFile: the file is truncated, altered, or not a data set.
        """
        arrays, provenance = read_arrays(path, **expected)
        if set(arrays) != set(ARRAYS) or "dataset" not in provenance:
            raise DamagedFile(f"{path} is no data set file: delete it and run again")
        return cls(provenance["dataset"], **arrays)
