"""Networks of `torchvision.models`, for images of any number of channels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.base.spelling import closest
from sensitivity.base.torchvision_door import torchvision_module

HOME = "torchvision.models"


class Colours(nn.Module):
    """Grey images [P, 1, h, w] repeated to three channels."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x, x], 1)


def build(
    name: str, input_shape: tuple[int, int, int], classes: int, **arguments: Any
) -> nn.Module:
    """`torchvision.models.get_model(name, weights=None, num_classes=classes, **arguments)`."""
    try:
        models = torchvision_module("torchvision.models")
    except ImportError as error:
        raise SensitivityError(
            f"{HOME}:{name} needs torchvision; install it: pip install torchvision"
        ) from error
    known = models.list_models()
    if name not in known:
        near = closest(name, known)
        hint = f"; did you mean {near!r}?" if near else ""
        raise SensitivityError(f"torchvision.models has no model {name!r}{hint}")
    model = models.get_model(name, weights=None, num_classes=classes, **arguments)
    return nn.Sequential(Colours(), model) if input_shape[0] == 1 else model
