"""Figure 5: the Jacobian norm against the generalization gap, one panel for each data set."""

from sensitivity.figures._models import draw_against_gap
from sensitivity.figures.style import styled


@styled
def draw(data, settings):
    """A point is a model that fits: mean and standard error over replicates (Novak et al., fig. 5).

    `data` needs `models` and `correlations`; `settings` may name the `datasets` to show. Printed is
    the table's Kendall tau with its bootstrap interval over models.
    """
    return draw_against_gap(data, settings, ["jacobian_norm"])
