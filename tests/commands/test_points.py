"""Files of points: the study's layouts and checks, and what only the reader can decide."""

import numpy as np
import pytest
import torch
from torch import nn

from sensitivity.base.errors import SensitivityError
from sensitivity.commands import command
from sensitivity.commands.points import load_points
from sensitivity.datasets import Dataset
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.regions import count_transitions
from sensitivity.regions.paths import translation_loop

generator = np.random.default_rng(0)
COLOUR = generator.integers(0, 256, (9, 6, 5, 3), dtype=np.uint8)  # as in a study's file
FIRST = np.moveaxis(COLOUR, -1, 1)
LABELS = np.arange(9) % 4


def saved(tmp_path, x, y=LABELS, **more):
    np.savez(tmp_path / "mine.npz", x_test=x, y_test=y, **more)
    return tmp_path / "mine.npz"


def read(path, shape=None, channels=None, count=0):
    return load_points(path, count, shape, channels, "unit")


def refused(path, *arguments):
    with pytest.raises(SensitivityError) as caught:
        read(path, *arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("shape", [None, (3, 6, 5)])
@pytest.mark.parametrize("x", [COLOUR, FIRST])
def test_channels_go_where_the_module_takes_them(x, shape, tmp_path):
    points = read(saved(tmp_path, x), shape)
    np.testing.assert_array_equal(points.x, FIRST / 255)
    assert points.channels == "first"
    moved = "given to the module as [3, 6, 5]" in points.reading
    assert moved == (x is COLOUR)


@pytest.mark.parametrize("x", [COLOUR, FIRST])
def test_a_module_may_take_channels_last(x, tmp_path):
    points = read(saved(tmp_path, x), (6, 5, 3))
    np.testing.assert_array_equal(points.x, COLOUR / 255)
    assert points.channels == "last"
    loop = translation_loop(points.x[0], points.channels).vertices
    assert loop.shape == (5, 90)
    np.testing.assert_array_equal(loop[1].view(6, 5, 3), np.roll(COLOUR[0] / 255, 1, axis=1))


def test_flat_points(tmp_path):
    flat = read(saved(tmp_path, COLOUR), (90,))  # as the study's networks take them: h, w, c
    np.testing.assert_array_equal(flat.x, COLOUR.reshape(9, -1) / 255)
    path = saved(tmp_path, COLOUR.reshape(9, -1))
    assert "--channels first or --channels last" in refused(path, (3, 6, 5))
    np.testing.assert_array_equal(read(path, (3, 6, 5), "last").x, FIRST / 255)
    as_first = read(path, (3, 6, 5), "first").x
    np.testing.assert_array_equal(as_first, COLOUR.reshape(9, 3, 6, 5) / 255)
    grey = saved(tmp_path, COLOUR[..., 0].reshape(9, -1))
    np.testing.assert_array_equal(read(grey, (1, 6, 5)).x[:, 0], COLOUR[..., 0] / 255)


@pytest.mark.parametrize("shape", [(6, 5), (1, 6, 5), (6, 5, 1), (30,)])
@pytest.mark.parametrize("x", [COLOUR[..., 0], COLOUR[..., :1], FIRST[:, :1]])
def test_grey_images_in_every_shape(x, shape, tmp_path):
    points = read(saved(tmp_path, x), shape)
    np.testing.assert_array_equal(points.x, COLOUR[..., 0].reshape(9, *shape) / 255)


def test_an_ambiguous_shape_is_refused_with_the_option(tmp_path):
    cube = generator.integers(0, 256, (9, 6, 6, 6), dtype=np.uint8)
    path = saved(tmp_path, cube)
    for shape in (None, (6, 6, 6)):
        assert "say which: --channels first or --channels last" in refused(path, shape)
        np.testing.assert_array_equal(read(path, shape, "first").x, cube / 255)
        np.testing.assert_array_equal(read(path, shape, "last").x, np.moveaxis(cube, -1, 1) / 255)
    many = generator.integers(0, 256, (9, 6, 5, 9), dtype=np.uint8)
    path = saved(tmp_path, many)
    assert "say which" in refused(path)
    np.testing.assert_array_equal(read(path, (9, 6, 5)).x, np.moveaxis(many, -1, 1) / 255)


@pytest.mark.parametrize("shape", [(3, 5, 6), (2, 6, 5), (15, 6), (10, 9), (3, 6, 5, 1, 2)])
def test_impossible_shapes_are_refused(shape, tmp_path):
    path = saved(tmp_path, COLOUR)
    assert "[6, 5, 3] can't be given the shape" in refused(path, shape)


def test_a_channels_option_that_contradicts_the_shape_is_refused(tmp_path):
    assert "can't be given" in refused(saved(tmp_path, COLOUR), (3, 6, 5), "first")


LABELLED = [
    (LABELS + 0.9, "whole numbers 0, 1, 2"),
    (np.where(LABELS == 2, np.nan, LABELS), "whole numbers 0, 1, 2"),
    (LABELS.astype(str), "np.unique(y_test, return_inverse=True)"),
    (np.eye(4)[LABELS], "np.argmax(y_test, axis=1)"),
    (LABELS[:7], "one for each image"),
    (LABELS + 0j, "only numbers and text are read"),
    (LABELS.astype(object), "Python objects"),
]


@pytest.mark.parametrize(("y", "message"), LABELLED)
def test_labels_are_held_to_the_checks_of_the_study(y, message, tmp_path):
    assert message in refused(saved(tmp_path, COLOUR, y))


@pytest.mark.parametrize("dtype", [float, ">f4", ">i8", np.uint8, ">u2"])
def test_whole_labels_of_every_type_are_read(dtype, tmp_path):
    points = read(saved(tmp_path, COLOUR, LABELS.astype(dtype)[:, None]))
    assert points.labels.tolist() == LABELS.tolist()
    assert points.labels.dtype == torch.int64


@pytest.mark.parametrize("dtype", [">f8", ">f4", ">i4", ">u2", np.float16, np.longdouble])
def test_points_of_every_byte_order_and_size_are_read(dtype, tmp_path):
    points = read(saved(tmp_path, COLOUR.astype(dtype)))
    np.testing.assert_array_equal(points.x, FIRST / 255)
    assert points.x.dtype == torch.float64


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (COLOUR.astype(str), "points must be real numbers"),
        (COLOUR + 0j, "only numbers and text are read"),
        (np.where(COLOUR == 7, np.nan, COLOUR), "values that are no numbers"),
        (np.moveaxis(COLOUR, 0, -1), "the number of images last"),
        (COLOUR[:0], "holds no points"),
    ],
)
def test_points_that_are_none_are_refused(x, message, tmp_path):
    assert message in refused(saved(tmp_path, x))


def test_other_files_are_refused(tmp_path):
    np.save(tmp_path / "plain.npy", COLOUR)
    assert "np.savez(path, x=" in refused(tmp_path / "plain.npy")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    assert "np.savez(path, x=" in refused(tmp_path / "objects.npy")
    (tmp_path / "text.npz").write_text("no zip")
    assert "text.npz is no intact .npz file" in refused(tmp_path / "text.npz")


def test_other_arrays_of_a_file_are_left_alone(tmp_path):
    path = saved(tmp_path, COLOUR, notes=np.array([{}], dtype=object))
    assert len(read(path, count=4).x) == 4


def test_a_file_of_the_study_gives_what_torch_gives(tmp_path, monkeypatch, capsys):
    """A convolutional module, measured from channels-last images as from its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    source = (
        "import torch\nfrom torch import nn\ndef build():\n    torch.manual_seed(0)\n    return nn."
        "Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4))\n"
    )
    (tmp_path / "a_colour_model.py").write_text(source)
    Dataset("mine", COLOUR, LABELS, COLOUR, LABELS).save(tmp_path / "study.npz")
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4)).double()
    words = "measure --module a_colour_model:build --data study.npz --loops 3 --normalization unit"
    command.main(words.split())
    assert "given to the module as [3, 6, 5]" in capsys.readouterr().out
    rows = np.genfromtxt("sensitivity.csv", delimiter=",", names=True)
    x = torch.from_numpy(FIRST / 255)
    np.testing.assert_allclose(rows["jacobian_norm"], jacobian_norms(module, x)[0], rtol=1e-9)
    loops = [translation_loop(image, "first") for image in x[:3]]
    counts = count_transitions(module, loops, (3, 6, 5))[0]
    assert rows["transitions"][:3].tolist() == counts.tolist()
    assert rows["correct"].tolist() == (module(x).argmax(1).numpy() == LABELS).tolist()
