"""Figure A3: figure 6 on the other data sets."""

from sensitivity.figures import _names, _selection, plotting
from sensitivity.figures._points import draw_panels


@plotting.styled
def draw(data, settings):
    """A row for each data set beside the main one.

    `data` needs `networks` and `points`; `settings` the `main_dataset`, and may name the `datasets`
    and hold the `seed` of the choice of networks.
    """
    names = _selection.others(settings, data.networks)
    if names:
        return draw_panels(data, settings, names)
    main = _names.dataset_name(settings["main_dataset"])
    return plotting.empty_figure(f"not in this study: {main} is its only data set")
