"""Values on arcs as functions a x^2 + b x + c of the place, with their roots and peaks.

And the largest of several, along stretches of arcs on which they are smooth: who wins from where to
where. Tensor names as in `winners`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Curves:
    """Functions of the place x on arcs: the values, times 1 + T^2 x^2 on curved arcs.

    The factor is positive, so that signs, roots and comparisons on one arc are the values' own.
    """

    a: Tensor
    b: Tensor
    c: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return (self.a * x + self.b) * x + self.c

    def slope(self, x: Tensor) -> Tensor:
        return 2 * self.a * x + self.b

    def minus(self, level: float | Tensor, tangent: Tensor) -> Curves:
        """Of values less a level; on curved arcs, of this T, a constant is level (1 + T^2 x^2)."""
        return Curves(self.a - level * tangent**2, self.b, self.c - level)

    def peak(self, low: Tensor, high: Tensor) -> Tensor:
        """The largest value between two places."""
        largest = torch.maximum(self(low), self(high))
        if not self.a.any():
            return largest
        # Where it bends down, its vertex, if that is between.
        vertex = torch.where(self.a < 0, -self.b / (2 * self.a), low)
        vertex = torch.minimum(torch.maximum(vertex, low), high)
        return torch.maximum(largest, self(vertex))

    def rising_root(self) -> Tensor:
        """The root at which it goes from below 0 to above, without cancellation; else NaN or inf.

        Of two roots the one with the slope +sqrt(b^2 - 4 a c).
        """
        root = (self.b * self.b - 4 * self.a * self.c).clamp(min=0).sqrt()
        return torch.where(
            self.b >= 0, -2 * self.c / (self.b + root), (root - self.b) / (2 * self.a)
        )


def curves(z: Tensor, arc: Tensor, unit: Tensor, tangent: Tensor | None) -> Curves:
    """Of the units of values z [N, m, D] on arcs, in the (broadcast) shape of `arc` and `unit`."""
    points, size = z.shape[1:]
    flat, index = z.reshape(-1), arc * (points * size) + unit
    start, end = flat.take(index), flat.take(index + points * size)
    if tangent is None:
        return Curves(torch.zeros_like(start), end - start, start)
    stretch = 1 + tangent.take(arc) ** 2
    start, half, end = start * stretch, flat.take(index + size), end * stretch
    return Curves((start + end) / 2 - half, (end - start) / 2, half)


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
