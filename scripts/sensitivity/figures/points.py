"""Figure 6: the Jacobian norm of single test points against their loss, main data set."""

from sensitivity.figures._points import draw_panels
from sensitivity.figures.style import styled


@styled
def draw(data, settings):
    """Five random networks that fit, a colour each (Novak et al. 2018, figure 6).

    `data` needs `networks` and `points`; `settings` the `main_dataset`, and may hold the `seed` of
    the choice of networks.
    """
    return draw_panels(data, settings, [settings["main_dataset"]])
