"""Builders of networks of any architecture, and stacks of the modules that they make.

In: the name of a builder and its arguments, or a file of weights. Out: a `torch.nn.Module`; or the
replicates of a model as modules. Knows nothing of studies or training. Uses `base`, `files` and
`networks`.
"""

from sensitivity.base.on_demand import exports

__all__ = ["Modules", "build", "load_modules"]
__getattr__ = exports(
    __name__, {"Modules": "modules", "build": "building", "load_modules": "saved"}
)
