"""Granulated τ and the worst environment on grids small enough to count by hand."""

import numpy as np
import pytest

from sensitivity.study.recipe import Recipe
from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.single_changes import granulated_kendall, single_changes, worst_sign_error

QUICK = Bootstrap(resamples=300)


@pytest.fixture(scope="module")
def grid(models_table, recipes):
    def make(**axes):
        chosen = recipes(**axes)
        return models_table("digits", chosen, {}), chosen

    return make


def test_pairs_of_a_grid_are_counted(grid):
    table, _ = grid(width=[10, 20, 30], depth=[2, 4])
    changes = single_changes(table)
    assert len(changes) == 2 * 3 + 3 * 1  # widths at each depth, depths at each width
    assert len(set(changes["group"])) == 2 + 3
    assert set(changes["environment"]) == {
        "width 10 -> 20", "width 10 -> 30", "width 20 -> 30", "depth 2 -> 4",
    }  # fmt: skip


def test_seeds_are_no_hyper_parameter_and_full_batch_is_no_single_change(models_table):
    chosen = [
        Recipe(10, 2, "relu", replicates=3),
        Recipe(20, 2, "relu", replicates=5),
        Recipe(10, 2, "relu", optimizer="lbfgs", replicates=3),
        Recipe(20, 2, "relu", optimizer="lbfgs", replicates=3),
    ]
    changes = single_changes(models_table("digits", chosen, {}))
    assert sorted(zip(changes["first"], changes["second"])) == [(0, 1), (2, 3)]


def test_networks_without_a_width_are_compared_as_all_others(models_table):
    """Two of them differ in the optimizer and in the rate: no single change."""
    resnet = {"architecture": "torchvision.models:resnet18"}
    chosen = [
        Recipe(10, 2, "relu"),
        Recipe(20, 2, "relu"),
        Recipe(**resnet, learning_rate=0.1),
        Recipe(**resnet, optimizer="adam", learning_rate=0.01),
        Recipe(**resnet, optimizer="adam", learning_rate=0.1),
    ]
    changes = single_changes(models_table("digits", chosen, {}))
    assert sorted(zip(changes["first"], changes["second"])) == [(0, 1), (3, 4), (4, 2)]


def test_a_correlation_carried_by_one_hyper_parameter_is_seen(grid):
    """Width moves measure and gap together; depth moves them against each other."""
    table, chosen = grid(width=[10, 100, 1000], depth=[2, 4])
    width = np.log10([recipe.width for recipe in chosen])
    depth = np.array([recipe.depth for recipe in chosen])
    measure, gap = width + 0.1 * depth, width - 0.1 * depth
    changes = single_changes(table)
    # Axis width: two groups with τ = 1; axis depth: three groups with τ = -1.
    assert granulated_kendall(changes, measure, gap, QUICK).value == pytest.approx(0.0)
    assert granulated_kendall(changes, width, gap, QUICK).value == pytest.approx(0.5)
    assert granulated_kendall(changes, gap, gap, QUICK).value == pytest.approx(1.0)
    assert worst_sign_error(changes, measure, gap, QUICK, minimum_pairs=2).value == 1.0
    assert worst_sign_error(changes, width, gap, QUICK, minimum_pairs=2).value == 0.5
    assert worst_sign_error(changes, gap, gap, QUICK, minimum_pairs=2).value == 0.0


def test_granulated_kendall_averages_groups_before_axes(grid):
    table, _ = grid(width=[10, 20, 30], depth=[2, 4])
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2, 6))
    sign = np.sign
    axes = []
    for groups in ([[0, 2, 4], [1, 3, 5]], [[0, 1], [2, 3], [4, 5]]):
        taus = []
        for members in groups:
            pairs = [(i, j) for i in members for j in members if i < j]
            taus.append(np.mean([sign(x[i] - x[j]) * sign(y[i] - y[j]) for i, j in pairs]))
        axes.append(np.mean(taus))
    estimate = granulated_kendall(single_changes(table), x, y, QUICK)
    assert estimate.value == pytest.approx(np.mean(axes))
    assert estimate.n == 6


def test_coverage_of_the_granulated_kendall(grid):
    table, _ = grid(width=[10, 20, 30, 40], depth=[2, 3, 4, 5], activation=["relu", "relu6"])
    changes = single_changes(table)
    truth, hits = 2 / np.pi * np.arcsin(0.6), 0
    for trial in range(200):
        generator = np.random.default_rng(trial)
        x, noise = generator.normal(size=(2, 32))
        estimate = granulated_kendall(changes, x, 0.6 * x + 0.8 * noise, Bootstrap(resamples=200))
        hits += estimate.low <= truth <= estimate.high
    assert 0.9 <= hits / 200 <= 1.0


def test_missing_values_leave_their_pairs_out(grid):
    table, _ = grid(width=[10, 20, 30])
    changes = single_changes(table)
    x = np.array([1.0, np.nan, 2.0])
    estimate = granulated_kendall(changes, x, np.array([1.0, 5.0, 2.0]), QUICK)
    assert (estimate.value, estimate.n) == (1.0, 2)


@pytest.mark.parametrize("n", [0, 1])
def test_without_pairs_the_statistics_are_undefined(grid, n):
    table, _ = grid(width=[10])
    changes = single_changes(table.head(n))
    for statistic in (granulated_kendall, worst_sign_error):
        assert np.isnan(statistic(changes, np.ones(n), np.ones(n), QUICK).value)
