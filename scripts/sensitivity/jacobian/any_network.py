"""Jacobian norms of stacks of fully connected networks and of modules, by one name.

What measures stacks alone imports `norms`: an edit to the reading of modules must not make a study
measure them again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sensitivity.jacobian import modules, norms
from sensitivity.networks.graph import read_graph
from sensitivity.networks.network import Network


def jacobian_norms(
    network: Network | nn.Module,
    x: Tensor | np.ndarray,
    of: str = "probabilities",
    memory: int = norms.MEMORY_BYTES,
    input_shape: Sequence[int] | None = None,
) -> Tensor:
    """Frobenius norms ||d softmax(f(x)) / dx|| or ||d f(x) / dx||.

    In closed form (`norms`) of a Network, and of a module that is such a chain of Linear layers; of
    every other module by backward passes, class by class, in float64 (`modules`). The softmax is
    ours: one at the end of a module is left out first. A single output f has the probability
    sigmoid(f). On the boundary of a region the slopes of the piece below the threshold count.

    Args:
        network: R replicates; or a module of what `networks.refusals.ACCEPTED` lists (R = 1), read
            as in evaluation mode.
        x: [P, d], or [R, P, d] for points of each replicate's own; for a module also
            [P, *input_shape].
        of: "probabilities" (the paper's metric) or "logits".
        memory: bytes that intermediate results may take.
        input_shape: of a module's points, such as (3, 32, 32), where x does not tell.

    Returns:
        Norms [R, P] in float64; how precise they are, `norms.jacobian_norms` says.

    Raises:
        SensitivityError: `of` is neither of the two; x does not fit the network or is not finite; a
            module can't be read, which names the operation and its place.
    """
    if isinstance(network, Network):
        return norms.jacobian_norms(network, x, of, memory)
    norms.check_output(of)
    chain = modules.chain_of(network)
    if chain is not None:
        return norms.jacobian_norms(chain, torch.as_tensor(x).flatten(1), of, memory)
    shape = tuple(x.shape[1:]) if input_shape is None and x.ndim > 2 else input_shape
    return modules.graph_jacobian_norms(read_graph(network, shape), x, of, memory)
