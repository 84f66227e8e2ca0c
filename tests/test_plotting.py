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
from sensitivity.regions import count_transitions

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


def small():
    torch.manual_seed(0)
    layers = torch.nn.Linear(5, 9), torch.nn.ReLU(), torch.nn.Linear(9, 3)
    return torch.nn.Sequential(*layers), torch.randn(3, 5, requires_grad=True)


def drawn():
    """All numbers of the lines and dots that are drawn, of every function that takes tensors."""
    module, x = small()
    yield plotting.along(paths.Polygon(x), module).figure
    norms = jacobian_norms(module, x, create_graph=True)
    losses = module(x).logsumexp(1)[None] + 5
    yield plotting.points(norms, losses.bfloat16(), losses > 5).figure


def test_tensors_that_need_gradients_are_drawn():
    for figure in drawn():
        for ax in figure.axes:
            assert curves(ax) or len(scattered(ax))


def test_what_is_on_a_gpu_is_drawn(pretend):
    module, x = small()
    network, x = Network.from_module(module), x.detach()
    path, norms = paths.Polygon(x), jacobian_norms(network, x)
    expected = [curves(ax)[0].get_ydata() for ax in plotting.along(path, network).figure.axes]
    with pretend():
        there = paths.Polygon(x.to("cuda:0"))
        figure = plotting.along(there, network.to("cuda:0")).figure
        for ax, values in zip(figure.axes, expected, strict=True):
            np.testing.assert_allclose(curves(ax)[0].get_ydata(), values, rtol=1e-9)
        ax = plotting.points(norms.to("cuda:0"), norms.to("cuda:0"), norms.to("cuda:0") > 0)
        norms = norms[0].numpy()
        assert tuples(scattered(ax)) == tuples(np.stack([norms, norms], 1))


def test_points_are_those_given_on_the_axes_given():
    axes = pyplot.figure().subplots()
    generator = np.random.default_rng(0)
    norms, losses = generator.lognormal(size=(2, 3, 50))
    assert plotting.points(norms, losses, losses < 1, axes) is axes
    expected = np.stack([losses.ravel(), norms.ravel()], axis=1)
    assert tuples(scattered(axes)) == tuples(expected)
    assert len(np.unique(faces(axes), axis=0)) == 2  # right and wrong


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
        (lambda: plotting.over_training(pd.DataFrame({"steps": [1]})), "jacobian_norm"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(wrong, said):
    with pytest.raises(SensitivityError, match=said):
        wrong()
