"""Figure A11: the parts of each factor's effect on the norm, as the table has them."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from made_up.drawn import bars, faces, scattered
from sensitivity.figures import FigureData, decomposition, style
from sensitivity.tables.factors import ALIGNMENT, PARTS

SHOWN = (*PARTS, ALIGNMENT, "jacobian_norm", "jacobian_norm_at_matched_confidence")


def shown(study, dataset):
    rows = study.factors[study.factors["dataset"] == dataset]
    rows = rows[(rows["recipe"] == "momentum") & rows["metric"].isin(SHOWN)]
    return rows[(rows["factor"] != "activation") | (rows["partner"] != "all")]


def test_effects_and_intervals_are_the_tables(study, settings):
    figure = decomposition.draw(study, settings)
    assert len(figure.axes) == 2
    for axes, dataset in zip(figure.axes, settings["datasets"], strict=True):
        rows = shown(study, dataset)
        assert len(rows) == 6 * len(SHOWN)  # three partners of ReLU, three other factors
        np.testing.assert_allclose(np.sort(scattered(axes)[:, 0]), np.sort(rows["ratio"]))
        spans = np.sort([span for span, _ in bars(axes) if span > 0])
        band = 6  # from 20 % less to 20 % more doubt
        assert len(spans) == len(rows) + band
        missing = set(np.round(rows["high"] - rows["low"], 9)) - set(np.round(spans, 9))
        assert not missing


def test_factors_and_partners_have_rows_of_their_own(study, settings):
    axes = decomposition.draw(study, settings).axes[0]
    names = [label.get_text().split("\n")[0] for label in axes.get_yticklabels()]
    partners = ["ReLU6", "HardTanh", "HardSigmoid"]
    assert sorted(names) == sorted(
        ["random labels", "augmentation", *partners, "full-batch L-BFGS"]
    )
    assert all(label.get_text().endswith("n = 9") for label in axes.get_yticklabels())
    places = {name: place for place, name in enumerate(names)}
    red = scattered(axes)[[to_hex(face) == style.JACOBIAN.lower() for face in faces(axes)]]
    (norm,) = red[red[:, 1].round() == places["augmentation"]]
    table = shown(study, "mnist5k").set_index("factor").loc["augmentation"]
    expected = table.loc[table["metric"] == "jacobian_norm", "ratio"].item()
    assert norm[0] == pytest.approx(expected)


def test_a_study_without_norms_at_matched_confidence(study, settings):
    factors = study.factors[~study.factors["metric"].str.contains("_at_")]
    axes = decomposition.draw(FigureData(factors=factors), settings).axes[0]
    assert len(scattered(axes)) == 6 * 4
