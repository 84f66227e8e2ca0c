import dataclasses

import numpy as np
import pytest
from matplotlib.colors import to_hex

from sensitivity.figures import plotting, rivals
from sensitivity.tables.correlations import DIRECTIONS


def test_ranking_is_the_tables_in_the_measures_direction(study):
    table = rivals.ranking(study.correlations, "digits")
    rows = study.correlations[study.correlations["dataset"] == "digits"]
    rows = rows[rows["models"] == "common"]
    taus = rows[rows["statistic"] == "kendall_tau"].set_index("measure")
    assert list(table["measure"]) == list(taus.sort_values("rank").index)
    for _, row in table.iterrows():
        tau, sign = taus.loc[row["measure"]], DIRECTIONS[row["measure"]]
        assert row["kendall_tau_value"] == pytest.approx(sign * tau["value"])
        assert [row["kendall_tau_low"], row["kendall_tau_high"]] == pytest.approx(
            sorted([sign * tau["low"], sign * tau["high"]])
        )


def test_every_measure_has_three_values_with_their_intervals(study, settings):
    axes = rivals.draw(study, settings).axes[0]
    table = rivals.ranking(study.correlations, "mnist5k")
    spans = [line.get_xdata() for line in axes.lines[1:] if line.get_marker() == "None"]
    spans = [tuple(span) for span in spans if len(span) == 2]
    for statistic, (marker, *_) in rivals.STATISTICS.items():
        points = [line for line in axes.lines if line.get_marker() == marker]
        assert [line.get_xdata()[0] for line in points] == list(table[f"{statistic}_value"])
        assert [round(line.get_ydata()[0]) for line in points] == list(range(12))
        for ends in table[[f"{statistic}_low", f"{statistic}_high"]].itertuples(index=False):
            assert tuple(ends) in spans
    assert axes.yaxis_inverted()  # the best is on top
    assert axes.get_xlabel() == "Kendall τ with the gap\n(−): sign turned; n = 14"


def test_the_papers_metrics_have_their_colours_and_turned_ones_a_minus(study, settings):
    axes = rivals.draw(study, settings).axes[0]
    colours = {
        label.get_text(): to_hex(label.get_color()).upper() for label in axes.get_yticklabels()
    }
    assert colours["Jacobian norm"] == plotting.JACOBIAN
    assert colours["Transitions per unit"] == plotting.TRANSITIONS
    assert colours["Path norm"] == plotting.NEUTRAL
    assert {name for name in colours if name.endswith("(−)")} == {
        "Number of weights (−)",
        "Output margin (−)",
    }


def test_measures_without_a_value_are_left_out(study, settings):
    table = study.correlations.copy()
    table.loc[table["measure"] == "sharpness", "value"] = np.nan
    table.loc[table["dataset"] == "digits", "value"] = np.nan
    figure = rivals.draw(dataclasses.replace(study, correlations=table), settings)
    (first,) = figure.axes
    names = [label.get_text() for label in first.get_yticklabels()]
    assert len(names) == 11
    assert "Sharpness" not in names
    assert figure.get_supxlabel() == "No panel, for too few fitting models: Digits (8×8)."
