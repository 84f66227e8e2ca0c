"""The transitions that were found along a path, and what follows from their places.

R replicates, L layers, n transitions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.graph import Graph
from sensitivity.networks.network import Network
from sensitivity.regions.checking import Checked, check
from sensitivity.regions.paths import Path


@dataclass(frozen=True)
class Transitions:
    """All transitions of R networks along one path, ordered by replicate and position, [n] each.

    position: in [0, 1), or up to 1 at the stop of a segment; replicate, layer, unit: which unit
    changed, of modules the flat index in the input of the layer's operation; change: +1 or -1, of
    its code; names: the layers', in the order of execution; network: what was counted, as it was
    read, for `check`; copies by pickle lack it.
    """

    path: Path
    replicates: int
    depth: int
    position: Tensor
    replicate: Tensor
    layer: Tensor
    unit: Tensor
    change: Tensor
    names: tuple[str, ...] = ()
    network: Network | Graph | None = field(default=None, repr=False, compare=False)

    def __getstate__(self) -> dict:
        return {**self.__dict__, "network": None}  # A module's graph holds functions.

    def __len__(self) -> int:
        return len(self.position)

    def counts(self) -> Tensor:
        """t of every network, [R]."""
        return self.layer_counts().sum(1)

    def places(self) -> Tensor:
        """At how many places (1e-12 of the parameter apart) a network's units change, [R].

        Where several units change at once, as in layers that repeat each other, that is one place.
        """
        apart = torch.ones_like(self.position, dtype=torch.bool)
        apart[1:] = (self.position.diff() > 1e-12) | (self.replicate.diff() != 0)
        return self.replicate[apart].bincount(minlength=self.replicates)

    def layer_counts(self) -> Tensor:
        """The transitions of every layer, [R, L]."""
        index = self.replicate * self.depth + self.layer
        counts = index.bincount(minlength=self.replicates * self.depth)
        return counts.view(self.replicates, self.depth)

    def histogram(self, bins: int) -> Tensor:
        """Transitions in each of `bins` equal parts of the path's parameter, [R, bins]."""
        index = self.replicate * bins + (self.position * bins).long().clamp(max=bins - 1)
        return index.bincount(minlength=self.replicates * bins).view(-1, bins)

    def region_lengths(self, replicate: int) -> Tensor:
        """Lengths in input space of the regions that one network's path runs through, in order.

        The first is the one in which a closed path ends and begins; transitions that coincide (to
        1e-12 of the parameter) leave no region between them. The lengths add up to the path's.
        """
        if not 0 <= replicate < self.replicates:
            raise SensitivityError(
                f"There is no replicate {replicate}; give one of 0 to {self.replicates - 1}."
            )
        whole = self.path.arc_length(torch.ones(1))
        position = self.position[self.replicate == replicate].to(whole.device)
        if not len(position):
            return whole
        apart = torch.cat([position.new_ones(1), position.diff()]) > 1e-12
        ends = self.path.arc_length(position[apart])
        if not self.path.closed:
            return torch.cat([ends, whole]).diff(prepend=0 * whole)
        return torch.cat([whole - ends[-1:] + ends[:1], ends.diff()])

    def check(
        self, samples: int = 200, *, every: bool = False, generator: torch.Generator | None = None
    ) -> Checked:
        """Look at transitions again, by plain forward passes of the network in float64.

        At breakpoints, codes just before and behind must differ by the named units and no others,
        and these must be at their thresholds. Between neighbouring breakpoints codes must not
        change; on straight parts of a path the places that are looked at prove this for the whole
        gap. A unit that rounding cannot tell from its threshold may be on either piece.

        Args:
            samples: how many breakpoints and how many gaps, of all networks together; corners of
                the path, and eighths of an ellipse, count as breakpoints.
            every: look at all of them.
            generator: which draws them; without one they are the same each time.

        Returns:
            Checked: how many `transitions` and `gaps` were looked at, and the largest `deviation`
            of a named unit from its threshold, in the units of what goes into its layer.

        Raises:
            SensitivityError: something is wrong, and where; or the transitions were counted in
                float32, or come out of a file.

        >>> import torch
        >>> from sensitivity import paths, regions
        >>> _ = torch.manual_seed(0)
        >>> layers = [torch.nn.Linear(2, 9), torch.nn.ReLU(), torch.nn.Linear(9, 3)]
        >>> path = paths.Polygon(torch.randn(5, 2))
        >>> found = regions.transitions(torch.nn.Sequential(*layers), path)
        >>> checked = found.check(every=True)
        >>> checked.transitions == len(found), checked.deviation < 1e-12
        (True, True)
        """
        if generator is None:
            generator = torch.Generator().manual_seed(0)
        return check(self, samples, every, generator)
