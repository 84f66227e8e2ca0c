import dataclasses

import numpy as np
import pytest
from matplotlib.collections import PathCollection, QuadMesh

from made_up.drawn import tuples
from sensitivity.figures import points
from sensitivity.figures._points import choose_networks


def drawn(axes):
    """The counts of the cells of right points, their edges, and the wrong points."""
    (cells,) = [c for c in axes.collections if isinstance(c, QuadMesh)]
    (dots,) = [c for c in axes.collections if isinstance(c, PathCollection)]
    corners = cells.get_coordinates()
    edges = corners[0, :, 0], corners[:, 0, 1]
    return cells.get_array(), edges, np.ma.getdata(dots.get_offsets())


@pytest.mark.parametrize(("row", "loss"), [(0, "cross_entropy"), (1, "squared")])
def test_every_point_of_five_networks_right_and_wrong_apart(row, loss, study, main):
    axes = points.draw(study, main).axes[row]
    chosen = choose_networks(study, "mnist5k", loss, 5, main["seed"])
    counts, edges, wrong = drawn(axes)
    correct = np.concatenate([one["correct"] for one in chosen])
    array = "cross_entropy" if loss == "cross_entropy" else "squared_loss"
    values = np.concatenate([np.stack([o[array], o["jacobian_norm"]], axis=1) for o in chosen])
    assert len(chosen) == 5
    assert tuples(wrong) == tuples(values[~correct])
    assert counts.sum() == correct.sum()
    # As many in each part of the panel as there are points.
    for column, (ends, of) in enumerate(zip(edges, (counts.T, counts), strict=True)):
        middle = len(ends) // 2
        below = (values[correct, column] < ends[middle] * (1 - 1e-9)).sum()
        assert of[:middle].sum() == below
    assert axes.get_xscale() == ("log" if (values[:, 0] > 0).all() else "symlog")  # which shows 0
    assert axes.get_yscale() == "log"


def test_more_points_are_darker(study, main):
    axes = points.draw(study, main).axes[0]
    (cells,) = [c for c in axes.collections if isinstance(c, QuadMesh)]
    greys = cells.cmap([0.0, 0.5, 1.0])[:, :3] @ [0.299, 0.587, 0.114]
    assert (np.diff(greys) < -0.1).all()
    assert greys[0] < 0.9  # a single point is seen


def test_choice_is_random_but_fixed_by_the_seed_and_fits(study):
    def chosen(seed, loss="cross_entropy", count=3):
        networks = choose_networks(study, "mnist5k", loss, count, seed)
        return [one["jacobian_norm"].sum() for one in networks]

    assert chosen(0) == chosen(0)
    assert any(chosen(seed) != chosen(0) for seed in range(1, 6))
    misfit = next(r for r in study.points if r.model.count("4") and r.dataset == "mnist5k")
    assert len(chosen(0, count=99)) == 5  # of 6: one does not fit
    assert misfit.arrays["jacobian_norm"][2].sum() not in chosen(0, count=99)


def test_order_of_the_files_does_not_matter(study):
    turned = dataclasses.replace(study, points=study.points[::-1])
    one, other = (
        [n["jacobian_norm"].sum() for n in choose_networks(s, "digits", "squared", 4, 3)]
        for s in (study, turned)
    )
    assert one == other


def test_networks_with_random_labels_or_augmentation_are_not_chosen(study, main):
    for change in ({"labels": 1.0}, {"augmentation": "heavy"}):
        data = dataclasses.replace(study, networks=study.networks.assign(**change))
        assert not choose_networks(data, "mnist5k", "cross_entropy", 5, 0)
        axes = points.draw(data, main).axes[0]
        assert "no fitting network" in axes.texts[0].get_text()


def test_crowd_is_rasterised(study, main):
    axes = points.draw(study, main).axes[0]
    (cells,) = [c for c in axes.collections if isinstance(c, QuadMesh)]
    assert cells.get_rasterized()


def test_losses_of_zero_are_counted(study, main):
    records = [
        dataclasses.replace(r, arrays=r.arrays | {"cross_entropy": r.arrays["cross_entropy"] * 0})
        for r in study.points
    ]
    axes = points.draw(dataclasses.replace(study, points=tuple(records)), main).axes[0]
    assert axes.get_xlabel() == "Cross-entropy loss (5000 points of 0 at the edge)"


def test_other_data_sets_have_a_row_each(study):
    figure = points.draw(study, {"datasets": ["digits", "mnist"]})
    axes = figure.axes
    titles = [one.get_title(loc="left").split("\n") for one in axes]
    assert titles[0] == ["Digits (8×8), 5 networks", "trained with cross-entropy"]
    assert titles[1] == ["Digits (8×8), 5 networks", "trained with squared loss"]
    assert len(axes) == 2
    assert figure.get_supxlabel().startswith(
        "No panel, for no fitting network with points recorded: "
    )
