import dataclasses

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from made_up.drawn import entries, scattered, tuples
from sensitivity.figures import measures, style
from sensitivity.tables.correlations import DIRECTIONS


def test_ranking_is_the_tables_in_the_measures_direction(study):
    table = measures.ranking(study.correlations, "digits")
    rows = study.correlations[study.correlations["dataset"] == "digits"]
    rows = rows[rows["models"] == "common"]
    taus = rows[rows["statistic"] == "kendall_tau"].set_index("measure")
    assert set(table["statistic"]) == set(measures.STATISTICS)
    table = table[table["statistic"] == "kendall_tau"]
    assert list(table["measure"]) == list(taus.sort_values("rank").index)
    for _, row in table.iterrows():
        tau, sign = taus.loc[row["measure"]], DIRECTIONS[row["measure"]]
        assert row["value"] == pytest.approx(sign * tau["value"])
        assert [row["low"], row["high"]] == pytest.approx(
            sorted([sign * tau["low"], sign * tau["high"]])
        )


def test_every_measure_has_three_values_with_their_intervals(study, settings):
    figure = measures.draw(study, settings)
    axes = figure.axes[0]
    table = measures.ranking(study.correlations, "mnist5k")
    (spans,) = [c for c in axes.collections if type(c) is LineCollection]
    drawn = [(*segment[:, 0], segment[0, 1]) for segment in spans.get_segments()]
    shift = table["statistic"].map({key: shift for key, (*_, shift) in measures.STATISTICS.items()})
    place = table["place"] + shift
    assert tuples(scattered(axes)) == tuples(np.stack([table["value"], place], axis=1))
    assert tuples(drawn) == tuples(np.stack([table["low"], table["high"], place], axis=1))
    assert len(table) == 3 * 12
    assert list(table["place"].unique()) == list(range(12))
    assert len(entries(figure)["Kendall τ with the gap"]) == 3
    assert axes.yaxis_inverted()  # the best is on top
    assert axes.get_xlabel() == "Kendall τ with the gap\n(−): sign turned; n = 14"


def test_the_papers_metrics_have_their_colours_and_turned_ones_a_minus(study, settings):
    axes = measures.draw(study, settings).axes[0]
    colours = {
        label.get_text(): to_hex(label.get_color()).upper() for label in axes.get_yticklabels()
    }
    assert colours["Jacobian norm"] == style.JACOBIAN
    assert colours["Transitions per unit"] == style.TRANSITIONS
    assert colours["Path norm"] == style.NEUTRAL
    assert {name for name in colours if name.endswith("(−)")} == {
        "Number of weights (−)",
        "Output margin (−)",
    }


def test_measures_without_a_value_are_left_out(study, settings):
    table = study.correlations.copy()
    table.loc[table["measure"] == "sharpness", "value"] = np.nan
    table.loc[table["dataset"] == "digits", "value"] = np.nan
    figure = measures.draw(dataclasses.replace(study, correlations=table), settings)
    (first,) = figure.axes
    names = [label.get_text() for label in first.get_yticklabels()]
    assert len(names) == 11
    assert "Sharpness" not in names
    assert figure.get_supxlabel() == "No panel, for too few fitting models: Digits (8×8)."
