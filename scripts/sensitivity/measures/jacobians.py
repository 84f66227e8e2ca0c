"""Sizes of Jacobians of stacks of fully connected networks and of `Modules` alike.

Apart from `counts`, so that an edit of how transitions are counted measures no Jacobian anew.
"""

import torch
from torch import Tensor

from sensitivity.architectures.modules import Modules
from sensitivity.jacobian import sizes
from sensitivity.jacobian.sizes import JacobianSizes
from sensitivity.networks.network import Network


def jacobian_sizes(network: Network | Modules, x: Tensor, spectral: bool = True) -> JacobianSizes:
    """All sizes of the Jacobians at points [P, d] or [R, P, d], as `jacobian.sizes`."""
    if isinstance(network, Network):
        return sizes.jacobian_sizes(network, x, spectral=spectral)
    if not network.replicates:
        return sizes.no_sizes(x.shape[-2], network.classes, spectral)
    x_RPd = x.expand(network.replicates, *x.shape[-2:])
    of_each = [
        sizes.jacobian_sizes(module, x_Pd, spectral=spectral)
        for module, x_Pd in zip(network.of_points, x_RPd)
    ]
    return JacobianSizes(
        *(
            None if part[0] is None else torch.cat(part)
            for part in zip(*(vars(found).values() for found in of_each))
        )
    )
