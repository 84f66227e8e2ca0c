"""Figure A3: figure 6 on the other data sets."""

from sensitivity.figures import _selection
from sensitivity.figures._points import draw_panels
from sensitivity.figures.style import styled


@styled
def draw(data, settings):
    """A row for each data set beside the main one.

    `data` needs `networks` and `points`; `settings` the `main_dataset`, and may name the `datasets`
    and hold the `seed` of the choice of networks.
    """
    names = _selection.others(settings, data.networks)
    return draw_panels(data, settings, names) if names else _selection.no_other_dataset(settings)
