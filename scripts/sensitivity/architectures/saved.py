"""Trained models read back from their files: of any architecture, or as modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from sensitivity.architectures.building import Architecture
from sensitivity.architectures.layers import activation_module
from sensitivity.architectures.layout import Layout
from sensitivity.architectures.modules import Modules
from sensitivity.base.errors import DamagedFile
from sensitivity.networks.network import Network, read_tensors


def load(path: str | Path, folder: str = ".", **expected: Any) -> Network | Modules:
    """The replicates of a trained model: a `Network` if it is fully connected, else `Modules`.

    Args:
        path: of a `weights.safetensors`.
        folder: where a builder's own file lies.
        expected: what the file's provenance must say (`dataset="mnist"`).

    Raises:
        DamagedFile: the file is missing or altered, or its provenance differs.
        SensitivityError: the builder is not found, or makes another network than it did.
    """
    tensors, record = read_tensors(Path(path), **expected)
    if "built" not in record:
        return Network.load(path, **expected)
    built = record["built"] | {"input_shape": tuple(record["built"]["input_shape"])}
    architecture = Architecture(**built, folder=folder)
    skeleton = architecture.build(seed=0)
    layout = Layout.of(skeleton)
    shapes = {name: place.shape for name, place in (layout.weights | layout.others).items()}
    if {name: tensor.shape[1:] for name, tensor in tensors.items()} != shapes:
        raise DamagedFile(
            f"{path} does not fit what its builder {architecture.name} makes now; undo the change, "
            "or train the model again"
        )
    replicates = len(next(iter(tensors.values())))
    weights_RP = torch.zeros(replicates, layout.number_of_weights)
    others_RB = torch.zeros(replicates, layout.bytes_of_others, dtype=torch.uint8)
    for name, view in layout.views(weights_RP, others_RB).items():
        view.copy_(tensors[name])
    return Modules(architecture, skeleton, weights_RP, others_RB)


def load_modules(path: str | Path, folder: str = ".") -> list[nn.Module]:
    """The replicates of a trained model as modules in evaluation mode, which take images.

    Those of a fully connected model take points [P, d], all others [P, channels, height, width].
    Raises as `load`.
    """
    stack = load(path, folder)
    if isinstance(stack, Modules):
        return stack.modules
    return [_chain(stack, index) for index in range(stack.replicates)]


def _chain(network: Network, replicate: int) -> nn.Sequential:
    """One fully connected network as a module."""
    layers: list[nn.Module] = []
    for number, weight_Roi in enumerate(network.weights):
        fan_out, fan_in = weight_Roi.shape[1:]
        linear = nn.Linear(fan_in, fan_out, bias=network.biases is not None, dtype=network.dtype)
        linear.weight.data = weight_Roi[replicate]
        if network.biases is not None:
            linear.bias.data = network.biases[number][replicate]
        layers += [linear, activation_module(network.activation)]
    return nn.Sequential(*layers[:-1]).eval()
