"""Checkpoints: the state of a training in one file, by which a killed job continues.

A checkpoint is written whole or not at all, and read back only if it is undamaged and was written
by the same training; otherwise it is left aside with a warning, and the training starts afresh.
"""

import json
import logging
import os
import time
import zlib
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from sensitivity.base.errors import DamagedFile, SensitivityError

logger = logging.getLogger(__name__)

Tensors = dict[str, torch.Tensor]


class Interrupted(Exception):
    """The training is asked to stop, between two pieces of work."""


class Checkpoint:
    """The file at `path`, due again `seconds` after it was last written, or later.

    Writing takes at most the `share` of the time: after one that took a second it is due again in
    1 / share seconds (with `seconds` = 0, at once). `identity` says which training it belongs to:
    it must differ between trainings that compute different things (the caller's code among them).
    `device` is the name of what this part of the training is computed on; `devices` are all so far,
    in order.
    """

    def __init__(
        self,
        path: "str | Path",
        identity: str,
        seconds: float = 60.0,
        share: float = 0.05,
        device: str = "cpu",
    ) -> None:
        self.path = Path(path)
        self.identity = identity
        self.seconds = seconds
        self.share = share
        self.devices = [device]
        self._written = time.monotonic()
        self._took = 0.0

    def due(self) -> bool:
        """Whether it is time to write."""
        pause = max(self.seconds, self._took / self.share) if self.seconds else 0.0
        return time.monotonic() - self._written >= pause

    @property
    def _partial(self) -> Path:
        """Where the next one is written: a name that is known, so that a kill leaves no litter."""
        return self.path.with_name(f"{self.path.name}.partial")

    def write(self, tensors: Tensors, record: dict[str, Any]) -> None:
        """Replace the file by this state: tensors, and numbers that JSON can hold.

        Where that is impossible (the disk is full) there is a warning, and the training goes on.
        """
        begin = time.monotonic()
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        record = {"devices": self.devices, "training": record}
        header = {"identity": self.identity, "checksum": _checksum(tensors, record)}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save_file(tensors, self._partial, {**header, "record": json.dumps(record)})
            with self._partial.open("rb+") as file:
                os.fsync(file.fileno())
            self._partial.replace(self.path)
        except (SafetensorError, OSError) as error:
            logger.warning("the checkpoint %s cannot be written: %s", self.path, error)
        self._written = time.monotonic()
        self._took = self._written - begin

    def read(self) -> tuple[Tensors, dict[str, Any]] | None:
        """The state last written, or None where there is none that can be used."""
        if not self.path.exists():
            return None
        try:
            return self._read()
        except (SensitivityError, SafetensorError, OSError, KeyError, ValueError) as error:
            logger.warning(
                "the checkpoint %s is ignored, training starts afresh: %s", self.path, error
            )
            return None

    def _read(self) -> tuple[Tensors, dict[str, Any]]:
        with safe_open(self.path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("identity") != self.identity:
                raise SensitivityError("it belongs to another training or to other code")
            # Cloned, because memory from a file is aligned differently, and sums round by that.
            tensors = {name: file.get_tensor(name).clone() for name in sorted(file.keys())}
        record = json.loads(header["record"])
        if header["checksum"] != _checksum(tensors, record):
            raise DamagedFile("its content does not match its checksum")
        self._continue_on(record["devices"])
        return tensors, record["training"]

    def _continue_on(self, before: list[str]) -> None:
        """Remember where a training was before, and say so if that was somewhere else."""
        here = self.devices[-1]
        if before[-1] != here:
            logger.warning(
                "the training was on %s and continues on %s: its result is as good as on either "
                "alone, but not the same to the last digits",
                before[-1],
                here,
            )
        self.devices = before if before[-1] == here else [*before, here]

    def remove(self) -> None:
        """Delete the file: the training has ended."""
        self.path.unlink(missing_ok=True)
        self._partial.unlink(missing_ok=True)


def _checksum(tensors: Tensors, record: dict[str, Any]) -> str:
    value = zlib.crc32(json.dumps(record).encode())
    for name in sorted(tensors):
        value = zlib.crc32(f"{name} {list(tensors[name].shape)}".encode(), value)
        value = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy(), value)
    return f"{value:08x}"
