"""Curves in input space, by the name that users import; `sensitivity.regions.paths` holds them."""

from sensitivity.regions.paths import (
    Ellipse,
    Polygon,
    Segment,
    ellipse_through,
    random_ellipse,
    translation_loop,
)

__all__ = ["Ellipse", "Polygon", "Segment", "ellipse_through", "random_ellipse", "translation_loop"]
