"""Figure A2: transitions against the generalization gap, raw and for each unit of the network."""

from sensitivity.figures._models import draw_against_gap
from sensitivity.figures.style import styled


@styled
def draw(data, settings):
    """Figure 5 with the second metric; counts of networks of different size compare only per unit.

    `data` needs `models` and `correlations`; `settings` may name the `datasets` to show.
    """
    return draw_against_gap(data, settings, ["transitions", "transitions_per_unit"])
