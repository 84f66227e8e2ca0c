"""Stacks of fully connected networks of one shape: the replicates of a model, evaluated at once.

Shapes: R replicates, P points, d input size, n classes, L hidden layers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.files.storage import atomic
from sensitivity.networks import activations
from sensitivity.networks.activations import Activation


class Network:
    """R networks x -> W_L phi(... phi(W_0 x + b_0) ...) + b_L of one shape.

    weights: L + 1 tensors [R, fan_out, fan_in]; biases: none, or L + 1 tensors [R, fan_out];
    activation: a name of `activations.ACTIVATIONS` or an `Activation`.
    """

    def __init__(
        self,
        weights: Sequence[Tensor],
        activation: str | Activation,
        biases: Sequence[Tensor] | None = None,
    ) -> None:
        self.weights = list(weights)
        self.activation = activations.get(activation)
        self.biases = None if biases is None else list(biases)
        self._check_shapes()

    def _check_shapes(self) -> None:
        if len(self.weights) < 2:
            raise SensitivityError("A network needs at least one hidden layer: two weight tensors.")
        if any(w.dim() != 3 for w in self.weights):
            raise SensitivityError("Weights must have the shape [replicates, fan_out, fan_in].")
        for layer, (w, following) in enumerate(zip(self.weights, self.weights[1:], strict=False)):
            if following.shape[0] != w.shape[0] or following.shape[2] != w.shape[1]:
                raise SensitivityError(
                    f"The weights of layer {layer + 1}, {tuple(following.shape)}, do not follow "
                    f"those of layer {layer}, {tuple(w.shape)}."
                )
        one_dtype([*self.weights, *(self.biases or [])])
        if self.biases is not None and [tuple(b.shape) for b in self.biases] != [
            tuple(w.shape[:2]) for w in self.weights
        ]:
            raise SensitivityError(
                "Biases must be given for every layer, with the shape [replicates, fan_out]."
            )

    @property
    def replicates(self) -> int:
        return self.weights[0].shape[0]

    @property
    def depth(self) -> int:
        """The number of hidden layers, L."""
        return len(self.weights) - 1

    @property
    def layer_names(self) -> tuple[str, ...]:
        """As of a module's layers, by which transitions are listed."""
        return tuple(f"hidden layer {i} ({self.activation.name})" for i in range(self.depth))

    @property
    def input_size(self) -> int:
        return self.weights[0].shape[2]

    @property
    def classes(self) -> int:
        return self.weights[-1].shape[1]

    @property
    def number_of_units(self) -> int:
        """Hidden units of one replicate."""
        return sum(w.shape[1] for w in self.weights[:-1])

    @property
    def largest_layer(self) -> int:
        """The most values that a point has in one layer."""
        return max(w.shape[1] for w in self.weights)

    @property
    def number_of_weights(self) -> int:
        """Trainable numbers of one replicate, biases included."""
        return sum(t[0].numel() for t in [*self.weights, *(self.biases or [])])

    @property
    def dtype(self) -> torch.dtype:
        return self.weights[0].dtype

    @property
    def device(self) -> torch.device:
        return self.weights[0].device

    def to(self, *args, **kwargs) -> Network:
        """The network on another device or in another dtype, as `Tensor.to`."""
        return self._map(lambda t: t.to(*args, **kwargs))

    def replicate(self, index: int) -> Network:
        """The stack that holds one replicate alone (R = 1)."""
        return self.select([index])

    def select(self, indices: Iterable[int]) -> Network:
        """The stack of these replicates, in this order."""
        indices = list(indices)
        return self._map(lambda t: t[indices])

    def _map(self, change) -> Network:
        biases = None if self.biases is None else [change(b) for b in self.biases]
        return Network([change(w) for w in self.weights], self.activation, biases)

    def layer(self, index: int, x: Tensor) -> Tensor:
        """W x + b of one layer, for x [P, fan_in] or [R, P, fan_in]: [R, P, fan_out]."""
        z = torch.matmul(x, self.weights[index].mT)
        return z if self.biases is None else z + self.biases[index].unsqueeze(1)

    def logits(self, x: Tensor) -> Tensor:
        """f(x) for inputs [P, d], shared by the replicates, or [R, P, d]: [R, P, n]."""
        self._check_input(x)
        for index in range(self.depth):
            x = self.activation(self.layer(index, x))
        return self.layer(self.depth, x)

    def probabilities(self, x: Tensor) -> Tensor:
        """softmax(f(x)), [R, P, n]; of a single output sigmoid(f(x))."""
        logits = self.logits(x)
        return logits.sigmoid() if self.classes == 1 else logits.softmax(dim=-1)

    def preactivations(self, x: Tensor) -> list[Tensor]:
        """The hidden units before the non-linearity: L tensors [R, P, width]."""
        self._check_input(x)
        values = []
        for index in range(self.depth):
            values.append(self.layer(index, x))
            x = self.activation(values[-1])
        return values

    def _check_input(self, x: Tensor) -> None:
        if x.dim() not in (2, 3) or x.shape[-1] != self.input_size:
            raise SensitivityError(
                f"Inputs must have the shape [points, {self.input_size}] or "
                f"[replicates, points, {self.input_size}], not {list(x.shape)}."
            )

    @classmethod
    def from_module(cls, module: torch.nn.Module) -> Network:
        """The stack of one network (R = 1) that computes what a module computes.

        The module must be a chain of Linear layers with one activation between them, as
        `chains.read_chain` says. Weights are copied. Raises SensitivityError otherwise.
        """
        # Only who reads a module waits for torch.fx.
        from sensitivity.networks.chains import read_chain

        return cls(*read_chain(module))

    def save(self, path: str | Path, provenance: dict | None = None) -> None:
        """Write network and `provenance` (JSON values) to a safetensors file, whole or not at all.

        The same network and provenance always give the same bytes: there is one metadata key
        alone, because safetensors keeps several in no fixed order.
        """
        named = {f"weights.{i}": w for i, w in enumerate(self.weights)}
        named |= {f"biases.{i}": b for i, b in enumerate(self.biases or [])}
        record = {
            **(provenance or {}),
            "activation": self.activation.name,
            "pieces": {
                field: list(getattr(self.activation, field))
                for field in ("thresholds", "slopes", "offsets")
            },
        }
        save_tensors(path, named, record)

    @classmethod
    def load(cls, path: str | Path, **expected) -> Network:
        """Read a network and check its bytes, and that its provenance holds what is expected.

        Raises DamagedFile, naming the file, when it is missing, cut short or altered, or when
        its provenance differs (`Network.load(path, dataset="mnist")`).
        """
        tensors, record = read_tensors(path, **expected)
        layers = sum(name.startswith("weights.") for name in tensors)
        weights = [tensors[f"weights.{i}"] for i in range(layers)]
        biases = [tensors[f"biases.{i}"] for i in range(layers)] if "biases.0" in tensors else None
        return cls(weights, Activation(record["activation"], **record["pieces"]), biases)


def one_dtype(tensors: Iterable[Tensor]) -> torch.dtype:
    """Of all weights and biases; raises SensitivityError where it is not float32 or float64."""
    dtypes = {tensor.dtype for tensor in tensors}
    if len(dtypes) != 1 or not dtypes <= {torch.float32, torch.float64}:
        names = ", ".join(sorted(map(str, dtypes))) or "nothing"
        raise SensitivityError(
            f"Weights and biases must be all float32 or all float64, not {names}; convert them."
        )
    return dtypes.pop()


def save_tensors(path: str | Path, tensors: dict[str, Tensor], record: dict) -> None:
    """Write tensors and a record (JSON values) to a safetensors file, whole or not at all."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    record = {**record, "sha256": _digest(tensors)}
    with atomic(path) as temporary:
        save_file(tensors, temporary, {"provenance": json.dumps(record, sort_keys=True)})


def read_tensors(path: str | Path, **expected) -> tuple[dict[str, Tensor], dict]:
    """The tensors and the record of a file of `save_tensors`; raises as `Network.load`."""
    try:
        with safe_open(path, framework="pt") as file:
            record = json.loads(file.metadata()["provenance"])
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DamagedFile(f"{path} is missing or no network's weights; make it again.") from error
    if record.get("sha256") != _digest(tensors):
        raise DamagedFile(f"{path} was altered after it was written; delete it and make it again.")
    for key, value in expected.items():
        if record.get(key) != value:
            raise DamagedFile(
                f"{path} was made for {key} {record.get(key)!r} and not {value!r}; "
                "delete it and make it again."
            )
    return tensors, record


def _digest(tensors: dict[str, Tensor]) -> str:
    """SHA-256 over the tensors' names, types, shapes and bytes, in the names' order."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
