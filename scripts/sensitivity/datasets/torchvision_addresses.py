"""The one door to torchvision: where its data sets are downloaded from."""

import importlib.util
from pathlib import Path
from types import ModuleType

# Kept alive: the operators are forgotten with the object that defined them.
_libraries: list[object] = []


def base_addresses(class_name: str) -> tuple[str, ...]:
    """The addresses of the folders from which torchvision.datasets.<class_name> fetches its files.

    Raises:
        ImportError: torchvision is not installed.
    """
    data_class = getattr(_import_datasets(), class_name)
    if "url" not in vars(data_class):  # EMNIST has its own, and inherits MNIST's mirrors
        return tuple(data_class.mirrors)
    folder, _, _ = data_class.url.rpartition("/")
    return (f"{folder}/",)


def _import_datasets() -> ModuleType:
    """Import torchvision.datasets, also where torch and torchvision were built for other devices.

    A torchvision built for CUDA cannot load its operators into a torch for processors, and then
    stops its own import at `operator torchvision::nms does not exist`. The data sets need no
    operator, so in this case, and in no other, the two names are declared, without a body.
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
                for name in ("nms", "qnms"):
                    declared.define(
                        f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
                    )
                _libraries.append(declared)
    return importlib.import_module("torchvision.datasets")
