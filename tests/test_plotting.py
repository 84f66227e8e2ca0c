"""The front door `sensitivity.plotting`: its examples run, and what is drawn was measured."""

import doctest

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot
from matplotlib.colors import to_hex

from made_up.drawn import curves, faces, scattered, tuples
from sensitivity import paths, plotting
from sensitivity.base.errors import SensitivityError
from sensitivity.figures import style
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.networks.network import Network
from sensitivity.regions.any_network import count_transitions

NAMES = ("along", "plane", "points", "over_training")


@pytest.fixture(autouse=True)
def figures():
    """pyplot without a screen, and its figures closed."""
    before = mpl.get_backend()
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")
    pyplot.switch_backend(before)


@pytest.mark.parametrize("name", NAMES)
def test_the_example_runs_as_it_stands(name):
    (example,) = doctest.DocTestFinder().find(getattr(plotting, name), name)
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


def test_along_a_path_stand_norms_and_all_transitions():
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(3, o, i, generator=generator) / i**0.5 for i, o in ((16, 12), (12, 4))]
    network = Network(weights, "relu")
    path = paths.random_ellipse(16, generator)
    ax = plotting.along(path, network, bins=32)
    norm, transitions = (panel for panel in ax.figure.axes)
    places = (np.arange(32) + 0.5) / 32
    expected = jacobian_norms(network, path.points(torch.from_numpy(places))).mean(0)
    np.testing.assert_allclose(curves(norm)[0].get_ydata(), expected, rtol=1e-9)
    total = 32 * np.mean(curves(transitions)[0].get_ydata())
    assert total == pytest.approx(count_transitions(network, [path]).double().mean().item())
    assert to_hex(norm.yaxis.label.get_color()) == style.JACOBIAN.lower()
    assert to_hex(transitions.yaxis.label.get_color()) == style.TRANSITIONS.lower()


def test_points_are_those_given_on_the_axes_given():
    axes = pyplot.figure().subplots()
    generator = np.random.default_rng(0)
    norms, losses = generator.lognormal(size=(2, 3, 50))
    assert plotting.points(norms, losses, losses < 1, axes) is axes
    expected = np.stack([losses.ravel(), norms.ravel()], axis=1)
    assert tuples(scattered(axes)) == tuples(expected)
    assert len(np.unique(faces(axes), axis=0)) == 3


def test_a_series_is_hollow_where_it_does_not_fit():
    series = pd.DataFrame(
        {"steps": [0, 10, 100], "transitions": [5.0, 4.0, 3.0], "fits": [False, False, True]}
    )
    ax = plotting.over_training(series, "transitions")
    assert tuples(scattered(ax)) == tuples(series[["steps", "transitions"]])
    hollow = [to_hex(face) == "#ffffff" for face in faces(ax)]
    assert hollow == [True, True, False]


def test_the_readers_settings_stay():
    before = dict(mpl.rcParams)
    plotting.points([1.0, 2.0], [0.1, 0.2])
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: plotting.points([1.0], [1.0, 2.0]), "one shape"),
        (lambda: plotting.points(np.ones((6, 2)), np.ones((6, 2))), "give five"),
        (lambda: plotting.over_training(pd.DataFrame({"steps": [1]})), "jacobian_norm"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(wrong, said):
    with pytest.raises(SensitivityError, match=said):
        wrong()
