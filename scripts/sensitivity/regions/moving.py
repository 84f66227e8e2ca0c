"""Units that stay on one constant piece along a range of nodes: about half of all.

No product needs them. Left out on a processor alone, whose work is half the less for it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sensitivity.networks.activations import Activation
from sensitivity.regions.crossings import Crossings

MOST = 0.9
"""With more than this share of the units moving, all are kept: to leave out costs something."""


def moving_units(
    found: Crossings, activation: Activation, joint: Tensor | None, low: int, high: int
) -> tuple[Tensor | None, Tensor | None]:
    """The units not constant after the non-linearity at nodes low to high - 1; others' values.

    found: a layer's crossings in one network; joint [N]: where no arc starts, if not at the last
    node alone. Returns the units' numbers, or None for (nearly) all; the constants [h], 0 for the
    others, or None if there is none but 0.
    """
    if all(activation.slopes):
        return None, None
    above, unit = found.above.numpy(), found.unit.numpy()
    # Within a line a code changes at crossings alone; between lines it may differ.
    codes = above[:, :, low].sum(0)
    moving = np.array([bool(slope) for slope in activation.slopes])[codes]
    if low > 0 or high < above.shape[2]:
        arc = found.arc.numpy()
        unit = unit[(arc >= low) & (arc < high)]
    moving[unit] = True
    if joint is not None:
        starts = low + 1 + joint.numpy()[low:high][:-1].nonzero()[0]
        moving |= (above[:, :, starts].sum(0) != codes[:, None]).any(1)
    units = moving.nonzero()[0]
    if len(units) > MOST * len(moving):
        return None, None
    if not any(activation.offsets):
        return torch.from_numpy(units), None
    constant = np.where(moving, 0, np.array(activation.offsets)[codes])
    return torch.from_numpy(units), torch.from_numpy(constant).to(found.place.dtype)
