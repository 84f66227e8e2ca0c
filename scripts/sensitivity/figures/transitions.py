"""Figure A2: transitions against the generalization gap, raw and for each unit of the network."""

from sensitivity.figures._against_gap import draw_grid
from sensitivity.figures.plotting import styled


@styled
def draw(data, settings):
    """Figure 5 with the second metric; counts of networks of different size compare only per unit.

    `data` needs `models` and `correlations`; `settings` may name the `datasets` to show.
    """
    labels = {
        "transitions": "Transitions per loop",
        "transitions_per_unit": "Transitions per loop and unit",
    }
    return draw_grid(data, settings, labels)
