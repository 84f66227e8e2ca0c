"""The one door to torchvision."""

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

# Kept alive: the operators are forgotten with the object that defined them.
_libraries: list[object] = []


def torchvision_module(name: str) -> ModuleType:
    """Import a part of torchvision, also where torch and it were built for other devices.

    A torchvision built for CUDA cannot load its operators into a torch for CPUs, and then
    stops its own import at `operator torchvision::nms does not exist`. Data sets and networks for
    classification need no operator, so in this case, and in no other, the two names are declared,
    without a body.

    Raises:
        ImportError: torchvision is not installed.
    """
    import torch

    specification = importlib.util.find_spec("torchvision")
    if specification is None or specification.origin is None:
        raise ImportError("torchvision is not installed")
    for library in Path(specification.origin).parent.glob("_C*.so"):
        try:
            torch.ops.load_library(library)
        except OSError:
            if not _libraries:
                declared = torch.library.Library("torchvision", "DEF")
                for operator in ("nms", "qnms"):
                    declared.define(
                        f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
                    )
                _libraries.append(declared)
    return importlib.import_module(name)
