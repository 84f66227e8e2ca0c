import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from made_up.drawn import bars, curves, entries, faces, note, scattered, tuples
from sensitivity.figures import factors
from sensitivity.figures.style import GAP, JACOBIAN, TRANSITIONS

METRICS = {"generalization_gap": GAP, "jacobian_norm": JACOBIAN, "transitions": TRANSITIONS}
ROWS = ("random_labels", "augmentation", "activation", "full_batch")


@pytest.fixture
def panels(study, settings):
    axes = factors.draw(study, settings).axes
    places = [(factor, metric) for factor in ROWS for metric in METRICS]
    return dict(zip(places, axes, strict=True))


def test_points_are_the_pairs_in_the_metrics_colour(panels, study):
    for (factor, metric), axes in panels.items():
        rows = study.pairs[(study.pairs["factor"] == factor) & (study.pairs["metric"] == metric)]
        expected = rows[["reference", "changed"]].to_numpy()
        assert tuples(scattered(axes)) == tuples(expected)
        if factor != "activation":
            assert {to_hex(face) for face in faces(axes)} == {METRICS[metric].lower()}
        scale = "linear" if metric == "generalization_gap" else "log"
        assert (axes.get_xscale(), axes.get_yscale()) == (scale, scale)


def test_diagonal_at_45_degrees_and_error_bars_both_ways(panels, study):
    for (factor, metric), axes in panels.items():
        assert axes.get_xlim() == axes.get_ylim()
        assert axes.get_box_aspect() == 1
        (diagonal,) = curves(axes, 2)
        assert diagonal.get_transform() == axes.transAxes
        rows = study.pairs[(study.pairs["factor"] == factor) & (study.pairs["metric"] == metric)]
        errors = rows[["reference_standard_error", "changed_standard_error"]].to_numpy()
        assert np.sort(bars(axes).max(axis=1)) == pytest.approx(np.sort(2 * errors.ravel()))


def printed(line):
    """The numbers of a line: estimate, low, high, and n where it has one."""
    text = line.replace("−", "-").replace("\u00a0", " ")
    return [float(number) for number in re.findall(r"[-+]?\d+\.?\d*", text)]


@pytest.mark.parametrize("factor", ROWS)
@pytest.mark.parametrize("metric", METRICS)
def test_effects_are_the_tables(panels, study, factor, metric):
    axes = panels[factor, metric]
    column = "difference" if metric == "generalization_gap" else "ratio"
    rows = study.factors[study.factors["recipe"] == "momentum"]
    rows = rows[(rows["factor"] == factor) & (rows["metric"] == metric)]
    if factor == "activation":
        rows = rows[rows["partner"] != "all"]
    lines = re.split(r"\n(?=[●■n])", note(axes))
    for line, (_, row) in zip(lines, rows.iterrows(), strict=factor != "activation"):
        assert line[0] == {"mnist5k": "●", "digits": "■"}[row["dataset"]]
        if factor == "activation":
            assert {"relu6": "ReLU6", "hardtanh": "HardTanh"}.get(row["partner"], "Hard") in line
            line = line.replace("ReLU6", "")
        expected = row[[column, "low", "high"]].tolist()
        tolerance = {"abs": 0.051} if column == "difference" else {"rel": 5e-3}
        assert printed(line)[:3] == pytest.approx(expected, **tolerance)
        if factor != "activation":
            assert printed(line)[3] == row["n"]
    if factor == "activation":
        assert printed(lines[-1]) == rows["n"].tolist()


def test_rows_and_columns_are_named(panels):
    assert panels["random_labels", "jacobian_norm"].get_title(loc="left") == "Jacobian norm"
    labels = {f: (panels[f, "transitions"].get_xlabel(), panels[f, "transitions"].get_ylabel())
              for f in ROWS}  # fmt: skip
    assert labels == {
        "random_labels": ("true labels", "random labels"),
        "augmentation": ("no augmentation", "augmentation"),
        "activation": ("ReLU", "other non-linearity"),
        "full_batch": ("mini-batch", "full-batch L-BFGS"),
    }


def test_non_linearities_differ_in_lightness_and_data_sets_in_shape(panels):
    axes = panels["activation", "transitions"]
    grey = np.unique(faces(axes)[:, :3] @ [0.299, 0.587, 0.114])
    assert len(grey) == 3
    assert np.diff(grey).min() > 0.08  # apart in a grey print
    (dots,) = [c for c in axes.collections if hasattr(c, "get_sizes")]
    assert len({path.vertices.tobytes() for path in dots.get_paths()}) == 2


def test_pairs_trained_to_different_degrees_are_hollow(study, settings):
    pairs = study.pairs.copy()
    unfair = pairs.index[(pairs["factor"] == "augmentation") & (pairs["dataset"] == "digits")]
    pairs.loc[unfair, "comparable"] = False
    figure = factors.draw(dataclasses.replace(study, pairs=pairs), settings)
    for axes in figure.axes[3:6]:
        assert sum(to_hex(face) == "#ffffff" for face in faces(axes)) == 9
    assert "trained to different degrees" in entries(figure)["Pairs"]


def test_pairs_and_effects_are_of_the_recipe_with_the_most_sets(study, settings):
    pairs, table = study.pairs.copy(), study.factors
    few = (pairs["factor"] == "activation") & (pairs["matched_set"] >= 6)
    pairs.loc[few, "recipe"] = "adam"
    others = table[(table["factor"] == "activation") & (table["recipe"] == "momentum")]
    others = others.assign(recipe="adam", n=3, ratio=7.0)
    data = dataclasses.replace(study, pairs=pairs, factors=pd.concat([table, others]))
    axes = factors.draw(data, settings).axes[7]
    assert len(scattered(axes)) == 2 * 6
    assert "7.00" not in note(axes)


def test_legend_names_no_marker_for_a_kind_of_pairs(study, settings):
    """A circle stands for a data set; a non-linearity is a colour in any shape."""
    kinds = factors.draw(study, settings).legends[1]
    assert not kinds.get_lines()
    assert len(kinds.get_patches()) == 3


def test_a_missing_factor_says_so_beside_the_others(study, settings):
    some = study.pairs[study.pairs["factor"] != "augmentation"]
    axes = factors.draw(dataclasses.replace(study, pairs=some), settings).axes
    assert axes[3].texts[0].get_text() == "no such pair\nin this study"
    assert axes[3].get_xlabel() == "no augmentation"
    assert len(scattered(axes[6])) > 0


def test_values_that_a_log_axis_lacks_are_left_out(study, settings):
    pairs = study.pairs.copy()
    chosen = (pairs["metric"] == "jacobian_norm") & (pairs["factor"] == "activation")
    pairs.loc[pairs.index[chosen][:2], "changed"] = [0.0, np.nan]
    axes = factors.draw(dataclasses.replace(study, pairs=pairs), settings).axes[7]
    assert len(scattered(axes)) == chosen.sum() - 2


def test_a_study_with_one_non_linearity(study, settings):
    pairs = study.pairs[study.pairs["factor"] != "activation"]
    pairs = pairs.assign(level=np.full(len(pairs), np.nan))  # as an empty column is read
    figure = factors.draw(dataclasses.replace(study, pairs=pairs), settings)
    assert "against ReLU" not in "".join(entries(figure))
