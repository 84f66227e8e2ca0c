"""Jacobian norms of modules that are no chain of Linear layers: backward passes, class by class.

Row i of J = Lambda(p) df/dx is the gradient of the logits weighted with Lambda's row i. Such a
cotangent goes back through the linear pieces that the forward pass has recorded: convolutions and
all other affine operations transposed. With many points a pass takes one class at all points of a
chunk; with few it takes many classes at once, so that each operation still works on enough numbers.

Everything is in float64. Lambda is divided by its size, as in `norms`, so that tiny norms keep
their precision.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.graph import Graph
from sensitivity.networks.network import Network
from sensitivity.networks.softmax import softmax_jacobian

ROWS = 32
"""Cotangents that keep a processor busy: with fewer points than this, several classes a pass.

Two convolutions on 3 x 32 x 32 and 10 classes, in processor time: at a single point 8.0 ms for all
classes at once and 9.0 class by class; at 64 points 783 and 391.
"""

HALVES = (torch.float16, torch.bfloat16)


def chain_of(module: nn.Module) -> Network | None:
    """The network that a Sequential of Linear layers and one activation is, or None.

    Left out are Dropout, Identity, and a softmax at the end, or a sigmoid behind a single output.
    Parameters of float16 and bfloat16 become float32 ones.
    """
    if type(module) is not nn.Sequential:
        return None
    layers = [x for x in _flat(module) if type(x) not in (nn.Identity, nn.Dropout)]
    hooked = any(x._forward_hooks or x._forward_pre_hooks for x in (module, *layers))
    if len(layers) < 2 or hooked:
        return None
    if _ends(layers[-1], layers[-2]):
        layers.pop()
    if any(p.dtype in HALVES for layer in layers for p in layer.parameters()):
        layers = [copy.deepcopy(layer).float() for layer in layers]
    try:
        return Network.from_module(nn.Sequential(*layers))
    except SensitivityError:
        return None


def _flat(module: nn.Sequential) -> Iterator[nn.Module]:
    for layer in module:
        if type(layer) is nn.Sequential:
            yield from _flat(layer)
        else:
            yield layer


def _ends(layer: nn.Module, before: nn.Module) -> bool:
    """Whether a layer turns the logits of the one before into probabilities."""
    if type(layer) in (nn.Softmax, nn.LogSoftmax):
        return layer.dim in (1, -1)
    return type(layer) is nn.Sigmoid and getattr(before, "out_features", 0) == 1


def graph_jacobian_norms(graph: Graph, x: Tensor | np.ndarray, of: str, memory: int) -> Tensor:
    """`any_network.jacobian_norms` of a graph, at points [P, d] or [P, *input_shape]: [1, P]."""
    parts = [_norms(graph, part, of, rows) for part, rows in _chunks(graph, x, memory)]
    return torch.cat(parts)[None]


def _chunks(graph: Graph, x: Tensor | np.ndarray, memory: int) -> Iterator[tuple[Tensor, int]]:
    """Some points, and at how many classes a pass, such that all that is under way fits in."""
    points = graph.points(x)
    forward, backward = bytes_per_point(graph)
    most = max(1, memory // (forward + backward))
    for part in points.split(most):
        affordable = (memory - len(part) * forward) // (len(part) * backward)
        yield part, max(1, min(affordable, ROWS // max(1, len(part)), graph.classes))


def bytes_per_point(graph: Graph) -> tuple[int, int]:
    """What a point's values take forwards, all kept; and backwards, with one cotangent.

    Beside a value stands what its derivative needs, such as the winner in a window; backwards a
    few of the largest are live together, one of them laid out for a matrix product.
    """
    sizes = [graph.input_size, *(operation.size for operation in graph.operations)]
    return 8 * (2 * sum(sizes) + 3 * graph.classes**2), 8 * (4 * max(sizes) + graph.input_size)


def _norms(graph: Graph, points: Tensor, of: str, rows: int) -> Tensor:
    """Norms [P], with `rows` classes a pass."""
    points = points.detach().requires_grad_()
    with torch.enable_grad():
        logits_Pn = graph.logits(points)
    cotangents_Pnn, log_size_P = _cotangents(graph, logits_Pn.detach(), of)
    norms = torch.zeros_like(log_size_P)
    for some_mPn in cotangents_Pnn.transpose(0, 1).split(rows):
        together = len(some_mPn) > 1
        (row,) = torch.autograd.grad(
            logits_Pn,
            points,
            some_mPn if together else some_mPn[0],
            retain_graph=True,
            is_grads_batched=together,
        )
        rows_mPd = row.reshape(len(some_mPn), len(points), -1)
        norms = torch.hypot(norms, torch.linalg.vector_norm(rows_mPd, dim=(0, 2)))
    return log_size_P.exp() * norms


def _cotangents(graph: Graph, logits_Pn: Tensor, of: str) -> tuple[Tensor, Tensor]:
    """By which the logits' rows are multiplied, [P, n, n], divided by their size; its log [P]."""
    identity_nn = torch.eye(graph.classes).to(logits_Pn)
    if of == "logits":
        none = logits_Pn.new_zeros(len(logits_Pn))
        return identity_nn.expand(len(logits_Pn), -1, -1), none
    return softmax_jacobian(logits_Pn, identity_nn)
