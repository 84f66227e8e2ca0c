"""Figure A4: figure 1 on the other data sets."""

from sensitivity.figures import _selection
from sensitivity.figures._models import draw_capacity
from sensitivity.figures.style import styled


@styled
def draw(data, settings):
    """A row for each data set beside the main one.

    `data` needs `models` and `correlations`; `settings` the `main_dataset`, and may name the
    `datasets`.
    """
    names = _selection.others(settings, data.models)
    return draw_capacity(data, names) if names else _selection.no_other_dataset(settings)
