"""Stretches of arcs on which the inputs of a maximum are smooth, and the winners along each.

Tensor names as in `winners`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sensitivity.regions.curves import Curves


@dataclass
class Stretches:
    """S parts of arcs on which a window's inputs are smooth, with the winners at both ends."""

    arc: Tensor
    window: Tensor
    low: Tensor
    high: Tensor
    first: Tensor
    last: Tensor

    def __getitem__(self, chosen: Tensor) -> Stretches:
        return Stretches(*(field[chosen] for field in vars(self).values()))

    @staticmethod
    def join(a: Stretches, b: Stretches) -> Stretches:
        return Stretches(*(torch.cat([x, y]) for x, y in zip(vars(a).values(), vars(b).values())))


def follow(
    inputs: Curves, low: Tensor, high: Tensor, first: Tensor, last: Tensor, margin: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The changes of winners among K inputs along S stretches.

    inputs: [S, K]; low, high, first, last, margin: [S], the ends, who wins there, and by how much
    another must be larger to be so. Returns the stretch, the place, and the numbers of the old and
    of the new winner of every change, each [n].
    """
    changes: list[tuple[Tensor, ...]] = []
    row, place, now = torch.arange(len(low), device=low.device), low, first
    done: list[tuple[Tensor, Tensor]] = []
    while len(row):
        chosen = now[:, None]
        lead = Curves(*(v - v.gather(1, chosen) for v in vars(inputs).values()))
        end = high[row][:, None].expand_as(lead.c)
        within = margin[row][:, None]
        beats = lead.peak(place[:, None].expand_as(lead.c), end) > within
        root = torch.maximum(lead.rising_root().nan_to_num(nan=-torch.inf), place[:, None])
        root = torch.where(beats, torch.minimum(root, end), torch.inf)
        at = root.amin(1)
        goes = beats.any(1)
        done.append((row[~goes], now[~goes]))
        row, place, now = row[goes], at[goes], now[goes]
        lead, root, beats = (
            Curves(*(v[goes] for v in vars(lead).values())),
            root[goes],
            beats[goes],
        )
        inputs = Curves(*(v[goes] for v in vars(inputs).values()))
        # Of those that draw level here the steepest wins, and of equally steep ones the first.
        level = beats & (lead(place[:, None]) >= -within[goes])
        level |= root == place[:, None]
        slope = lead.slope(place[:, None]).masked_fill(~level, -torch.inf)
        behind = (slope.amax(1, keepdim=True) - slope) * (high[row] - place)[:, None]
        new = (level & (behind <= within[goes])).to(torch.uint8).argmax(1)
        changes.append((row, place, now, new))
        now = new
    if done:
        row, now = (torch.cat(column) for column in zip(*done))
        # What is level at the end, as inputs that all become 0, is decided by their order.
        late = now != last[row]
        row, now = row[late], now[late]
        changes.append((row, high[row], now, last[row]))
    if not changes:
        none = first.new_zeros(0)
        return none, low.new_zeros(0), none, none
    rows, places, olds, news = (torch.cat(column) for column in zip(*changes))
    return rows, places, olds, news
