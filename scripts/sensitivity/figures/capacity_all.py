"""Figure A4: figure 1 on the other data sets."""

from sensitivity.figures import _names, _selection, plotting
from sensitivity.figures._capacity import draw_rows


@plotting.styled
def draw(data, settings):
    """A row for each data set beside the main one.

    `data` needs `models` and `correlations`; `settings` the `main_dataset`, and may name the
    `datasets`.
    """
    names = _selection.others(settings, data.models)
    if names:
        return draw_rows(data, names)
    main = _names.dataset_name(settings["main_dataset"])
    return plotting.empty_figure(f"not in this study: {main} is its only data set")
