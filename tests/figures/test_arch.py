import dataclasses

import numpy as np
import pytest

from made_up.drawn import curves, scattered
from sensitivity.figures import arch
from sensitivity.measures.bounds import shared_norm


def test_a_thousand_points_of_one_network(make_study, main):
    figure = arch.draw(make_study(("mnist5k",), count=1500), main)
    for axes in figure.axes:
        assert len(scattered(axes)) == 1000
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        assert axes.get_xlabel() == "Cross-entropy loss"
    assert "1,000 points" in figure.axes[0].get_title(loc="left")


def test_curves_hold_for_orthogonal_rows(study, main):
    """Points that obey the assumptions exactly lie on the curve and between the bounds."""
    loss = np.geomspace(1e-8, 20, 1000)
    for others in (1, 9):
        arrays = {
            "cross_entropy": loss,
            "jacobian_norm": 3.0 * shared_norm(loss, others),
            "true_class_jacobian_norm": 3.0
            * np.exp(-loss)
            * -np.expm1(-loss)
            * np.sqrt(1 + 1 / others),
            "logit_jacobian_norm": np.full(1000, 3.0 * np.sqrt(10)),
            "correct": loss < 0.5,
        }
        records = tuple(
            dataclasses.replace(
                r, arrays=r.arrays | {k: np.tile(v, (3, 1)) for k, v in arrays.items()}
            )
            for r in study.points
        )
        left, right = arch.draw(dataclasses.replace(study, points=records), main).axes
        curve = curves(left, 100)[0 if others == 1 else 1]
        points = scattered(left)
        interpolated = np.exp(np.interp(np.log(points[:, 0]), *np.log(curve.get_data())))
        assert points[:, 1] == pytest.approx(interpolated, rel=0.02)
        row = scattered(right)[:, 1]
        lower, upper = (line.get_ydata()[0] for line in curves(right, 2))
        assert row == pytest.approx(np.full(len(row), upper if others == 1 else lower))


def test_row_factors_are_the_bounds_of_the_study():
    assert arch.row_factors(10) == pytest.approx((np.sqrt(10 / 9), np.sqrt(2)))


def test_points_that_a_log_plot_lacks_are_left_out(study, main):
    records = []
    for record in study.points:
        loss = record.arrays["cross_entropy"].copy()
        loss[:, :300] = 0.0
        records.append(dataclasses.replace(record, arrays=record.arrays | {"cross_entropy": loss}))
    figure = arch.draw(dataclasses.replace(study, points=tuple(records)), main)
    assert len(scattered(figure.axes[0])) <= 700
