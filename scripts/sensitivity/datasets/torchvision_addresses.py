"""Where torchvision's data sets are downloaded from."""

from types import ModuleType

from sensitivity.base.torchvision_door import torchvision_module


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
    return torchvision_module("torchvision.datasets")
