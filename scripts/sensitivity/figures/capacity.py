"""Figure 1: the generalization gap against the number of weights and the final training loss."""

from sensitivity.figures._models import draw_capacity
from sensitivity.figures.style import styled


@styled
def draw(data, settings):
    """Every surveyed model of the main data set that fits (Novak et al. 2018, figure 1).

    `data` needs `models`, and may have `correlations`, for notes; `settings` the `main_dataset`.
    """
    return draw_capacity(data, [settings["main_dataset"]])
