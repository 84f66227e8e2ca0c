import dataclasses

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


def test_diagonal_and_error_bars_both_ways(panels, study):
    for (factor, metric), axes in panels.items():
        (diagonal,) = curves(axes, 2)
        assert axes.get_xlim() == axes.get_ylim() == tuple(diagonal.get_xdata())
        assert (diagonal.get_xdata() == diagonal.get_ydata()).all()
        rows = study.pairs[(study.pairs["factor"] == factor) & (study.pairs["metric"] == metric)]
        errors = rows[["reference_standard_error", "changed_standard_error"]].to_numpy()
        assert np.sort(bars(axes).max(axis=1)) == pytest.approx(np.sort(2 * errors.ravel()))


def test_effects_are_the_tables(panels, study):
    table = study.factors.set_index(["factor", "metric", "dataset"])
    for (factor, metric), axes in panels.items():
        lines = note(axes).replace("\nn =", " n =").split("\n")  # long ones broken
        for line, symbol, dataset in zip(lines, "●■", ("mnist5k", "digits"), strict=True):
            row = table.loc[factor, metric, dataset]
            if metric == "generalization_gap":
                points = f"{row['difference']:+.1f}".replace("-", "−")
                assert line.startswith(f"{symbol} {points} [")
                assert f"] pp, n = {row['n']:.0f}" in line
                continue
            ratio, low, high = (float(f"{row[key]:.2g}") for key in ("ratio", "low", "high"))
            assert line.startswith(f"{symbol} ×")
            numbers = line.split("×")[1].replace("[", "").replace("]", "").replace(",", "")
            assert [float(x) for x in numbers.split(" n = ")[0].split()] == [ratio, low, high]
            assert line.endswith(f"n = {row['n']:.0f}")


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


def test_non_linearities_under_random_labels_have_a_row_of_their_own(study, settings):
    pairs, table = study.pairs.copy(), study.factors
    chosen = (pairs["factor"] == "activation") & (pairs["matched_set"] >= 6)
    pairs.loc[chosen, ["recipe", "labels"]] = ["momentum, random labels", 1.0]
    of = table[table["factor"] == "activation"]
    apart = [
        of.assign(recipe=name, n=n) for name, n in (("momentum", 6), ("momentum, random labels", 3))
    ]
    data = dataclasses.replace(study, pairs=pairs, factors=pd.concat([table, *apart]))
    figure = factors.draw(data, settings)
    assert len(figure.axes) == 15
    for place, n in ((6, 6), (9, 3)):
        axes = figure.axes[place]
        assert len(scattered(axes)) == 2 * n
        assert all(line.endswith(f"n = {n}") for line in note(axes).split("\n"))
    assert figure.axes[9].get_xlabel() == "ReLU,\nrandom labels"


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
