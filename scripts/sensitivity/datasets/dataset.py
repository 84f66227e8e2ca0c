"""The data set that training and measuring see: images, labels and a name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
        draws: of a subset such as `mnist:1000`, int64 `[D, n]`: row s holds the places in `x_train`
            of the images that networks of seed s are trained on. Rows are disjoint. None of a
            complete data set, on which all networks are trained.

    Raises:
        SensitivityError: on construction, if the arrays do not have these shapes and types.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    draws: np.ndarray | None = None

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

        if self.draws is not None and (self.draws.dtype != np.int64 or self.draws.ndim != 2):
            self._refuse(f"draws are {self.draws.dtype} {list(self.draws.shape)}, not int64 [D, n]")

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

    @property
    def training_images(self) -> int:
        """The number of images that a network is trained on."""
        return len(self.x_train) if self.draws is None else self.draws.shape[1]

    def check_seeds(self, seeds: Sequence[int]) -> None:
        """Refuse seeds that have no draw of their own.

        Raises:
            SensitivityError: says how many there are.
        """
        if self.draws is not None and seeds and max(seeds) >= len(self.draws):
            self._refuse(
                f"seed {max(seeds)} has no training images of its own, since there are "
                f"{len(self.draws)} disjoint draws of {self.training_images}, for the seeds from "
                "0 on; ask for fewer replicates, or for fewer images"
            )

    def drawn(self, seed: int) -> "Dataset":
        """What a network of this seed is trained on, as a complete data set."""
        if self.draws is None:
            return self
        self.check_seeds([seed])
        places = self.draws[seed]
        return replace(self, x_train=self.x_train[places], y_train=self.y_train[places], draws=None)

    def training_set(self, seeds: Sequence[int]) -> "tuple[torch.Tensor, torch.Tensor]":
        """Inputs and labels that networks of these seeds are trained on.

        Returns:
            Of a subset float32 `[R, n, d]` and int64 `[R, n]`, the draw of each seed; of a complete
            data set `[N, d]` and `[N]`, for all of them.

        Raises:
            SensitivityError: a seed has no draw.
        """
        import torch

        if self.draws is None:
            return self.inputs("train"), self.labels("train")
        self.check_seeds(seeds)
        places_Rn = self.draws[list(seeds)]
        inputs = normalize(self.x_train[places_Rn.ravel()])
        shape = *places_Rn.shape, self.input_size
        return torch.from_numpy(inputs).view(shape), torch.from_numpy(self.y_train[places_Rn])

    def inputs(self, split: Split) -> "torch.Tensor":
        """Network inputs: float32 `[N, d]`, every image normalised, pixels in h, w, c order.

        Of a subset those of all training images there are, whatever the draw.
        """
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
        """Write `results/data/<name>.npz`: the arrays and where they came from."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        arrays |= {} if self.draws is None else {"draws": self.draws}
        write_arrays(path, arrays, {**(provenance or {}), "dataset": self.name})

    @classmethod
    def load(cls, path: "str | Path", **expected: Any) -> "Dataset":
        """Read a file of `save`; its provenance must hold what is `expected`.

        Raises:
            DamagedFile: the file is truncated, altered, or not a data set.
        """
        arrays, provenance = read_arrays(path, **expected)
        if set(arrays) - {"draws"} != set(ARRAYS) or "dataset" not in provenance:
            raise DamagedFile(f"{path} is no data set file: delete it and run again")
        return cls(provenance["dataset"], **arrays)
