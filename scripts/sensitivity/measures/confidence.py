"""How sensitive a network would be at another confidence: its logits multiplied by one number.

J = s Λ(p(s f)) ∂f/∂x for the logits s f, so a network's norm hangs on how confident it is. Networks
can be compared at equal confidence, the mean over points of the largest probability, p_max: each is
rescaled to some levels of it, and tables interpolate between them.
"""

import math

import torch
from torch import Tensor

from sensitivity.architectures.modules import Modules
from sensitivity.base.known_state import known_state
from sensitivity.base.memory import budget
from sensitivity.jacobian.chains import MEMORY_BYTES
from sensitivity.jacobian.sources import Source, sources
from sensitivity.networks.network import Network
from sensitivity.networks.softmax import logit_contrasts, softmax_jacobian

# The doubts 1 - p_max shrink by a factor of 1.6 at a time: between them norms are interpolated.
LEVELS = (0.6, 0.75, 0.84, 0.9, 0.94, 0.96, 0.975, 0.984, 0.99, 0.994, 0.996, 0.9975)
LARGEST = 2**27  # numbers in the products of Jacobian rows: 1 GiB; beyond it nothing is measured
LOG_SCALES = range(-6, 16)  # where scales are looked for, of logits with a spread of 1, as log2
STEPS = 8  # of regula falsi between two of these: doubts are met to about 1e-4 and better


def at_confidence(network: Network | Modules, x_Pd: Tensor) -> dict[str, Tensor]:
    """Means over points [R]: `maximum_probability` and `jacobian_norm_at_confidence_<level>`.

    The norms are those of the probabilities when the logits are multiplied by the one number that
    brings the mean of p_max to the level. NaN where none does, and of many classes (`LARGEST`).
    """
    names = [f"jacobian_norm_at_confidence_{level:g}" for level in LEVELS]
    each = [network] if isinstance(network, Network) else network.of_points
    with known_state():
        found = [
            _of_source(*source) for one in each for source in sources(one, x_Pd, "probabilities")
        ]
    means_RS = torch.stack(found) if found else torch.empty(0, 1 + len(names))
    return dict(zip(("maximum_probability", *names), means_RS.unbind(1)))


def _of_source(source: Source, x_Pd: Tensor) -> Tensor:
    """Of one network its mean p_max, then the mean norms at `LEVELS`: [1 + S]."""
    rows = max(1, source.classes - 1)
    parts = []
    if len(x_Pd) * rows**2 > LARGEST:
        return torch.full((1 + len(LEVELS),), math.nan, dtype=torch.float64)
    for piece in source.pieces(x_Pd, rows, budget(source.device, MEMORY_BYTES)):
        logits_Pn = piece.logits.detach()
        contrasts_nm = logit_contrasts(logits_Pn)
        rows_Pmd = piece.rows(contrasts_nm.T.expand(len(logits_Pn), -1, -1)).detach()
        parts.append((logits_Pn, rows_Pmd @ rows_Pmd.mT))
    logits_Pn, products_Pmm = (torch.cat(part) for part in zip(*parts))
    scales = scales_of(logits_Pn, LEVELS)
    norms = [_mean_norm(scale, logits_Pn, products_Pmm, contrasts_nm) for scale in scales]
    return torch.stack([confidence(logits_Pn), *norms]).cpu()


def confidence(logits_Pn: Tensor) -> Tensor:
    """The mean over points of the largest probability."""
    return logits_Pn.softmax(1).amax(1).mean()


def scales_of(logits_Pn: Tensor, levels: tuple[float, ...]) -> Tensor:
    """The number for each level by which logits are multiplied to reach it; NaN if none does [S].

    Confidence grows with the number: the two powers of 2 are found between which it passes the
    level, and between these it is nearly linear in logarithms (regula falsi).
    """
    spread = (logits_Pn.amax(1) - logits_Pn.mean(1)).mean()
    scaled = logits_Pn / spread.where(spread > 0, 1.0)

    def log_doubt(log_scale: float) -> float:
        return math.log(max(1 - float(confidence(2**log_scale * scaled)), 1e-300))

    doubts = [log_doubt(each) for each in LOG_SCALES]
    found = []
    for level in levels:
        target = math.log(1 - level)
        place = sum(doubt > target for doubt in doubts)
        if place in (0, len(doubts)) or not math.isfinite(sum(doubts)):
            found.append(math.nan)
            continue
        low, high = LOG_SCALES[place - 1], LOG_SCALES[place]
        of_low, of_high = doubts[place - 1], doubts[place]
        for _ in range(STEPS):
            middle = low + (high - low) * (target - of_low) / (of_high - of_low)
            doubt = log_doubt(middle)
            if doubt > target:
                low, of_low = middle, doubt
            else:
                high, of_high = middle, doubt
        found.append(2**middle)
    return torch.tensor(found).to(logits_Pn) / spread


def _mean_norm(
    scale: Tensor, logits_Pn: Tensor, products_Pmm: Tensor, contrasts_nm: Tensor
) -> Tensor:
    """The mean of ||s Λ(p(s f)) F||, from F Fᵀ in the basis of the contrasts."""
    lambda_Pnm, log_size_P = softmax_jacobian(scale * logits_Pn, contrasts_nm)
    squares_P = ((lambda_Pnm @ products_Pmm) * lambda_Pnm).sum((1, 2))
    return scale * (log_size_P.exp() * squares_P.clamp_min(0).sqrt()).mean()
