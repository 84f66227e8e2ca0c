import math

import pytest
import torch

from sensitivity.base.errors import SensitivityError
from sensitivity.regions.paths import (
    Ellipse,
    Polygon,
    ellipse_through,
    random_ellipse,
    translation_loop,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def dense_length(path, t, steps=200_001):
    """The path's length up to t, by summing many chords."""
    points = path.points(torch.linspace(0, 1, steps, dtype=torch.float64)[:-1] * t)
    return (points.diff(dim=0)).norm(dim=1).sum()


def test_polygon_gives_every_edge_the_same_share():
    square = Polygon(torch.tensor([[0.0, 0], [4, 0], [4, 1], [0, 1]]))
    t = torch.tensor([0, 0.125, 0.25, 0.5, 0.875], dtype=torch.float64)
    expected = torch.tensor([[0.0, 0], [2, 0], [4, 0], [4, 1], [0, 0.5]], dtype=torch.float64)
    torch.testing.assert_close(square.points(t), expected)
    torch.testing.assert_close(
        square.arc_length(torch.tensor([0, 0.125, 0.25, 0.5, 1.0])),
        torch.tensor([0, 2, 4, 5, 10], dtype=torch.float64),
    )


def test_points_follow_the_parameter_dtype():
    path = random_ellipse(5, generator())
    assert path.points(torch.zeros(3)).dtype == torch.float32
    assert path.points(torch.zeros(3, dtype=torch.float64)).dtype == torch.float64


def test_translation_loop_is_the_image_rolled():
    image = torch.randn(3, 5, 2, generator=generator())
    loop = translation_loop(image, "last")
    assert loop.vertices.shape == (5, 30)
    for s in range(5):
        for column in range(5):
            moved = loop.vertices[s].view(3, 5, 2)[:, (column + s) % 5]
            assert torch.equal(moved, image[:, column])
    assert torch.equal(translation_loop(image[..., 0].numpy()).vertices[0], image[..., 0].flatten())
    first = translation_loop(image.movedim(-1, 0), "first").vertices.view(5, 2, 3, 5)
    assert torch.equal(first.movedim(1, -1).flatten(1), loop.vertices)


def test_where_channels_are_is_told_or_asked_for():
    image = torch.randn(3, 12, 12, generator=generator())
    for given, layout in ((image, "first"), (image.movedim(0, -1), "last")):
        found = translation_loop(given).vertices
        assert torch.equal(found, translation_loop(given, layout).vertices)
        assert len(found) == 12
    for shape in ((3, 5, 2), (12, 12, 12)):
        with pytest.raises(SensitivityError, match='say channels="first" or channels="last"'):
            translation_loop(torch.zeros(shape))


def test_ellipse_meets_its_three_points():
    x = torch.randn(3, 11, dtype=torch.float64, generator=generator())
    t = torch.tensor([1 / 6, 1 / 2, 5 / 6], dtype=torch.float64)
    torch.testing.assert_close(ellipse_through(*x).points(t), x)


def test_random_ellipse_depends_on_its_generator_alone():
    first, second = random_ellipse(7, generator(3)), random_ellipse(7, generator(3))
    assert torch.equal(first.cosine_axis, second.cosine_axis)
    assert not torch.equal(first.cosine_axis, first.sine_axis)
    assert not first.center.any()


@pytest.mark.parametrize("seed", range(4))
def test_ellipse_arc_length_is_that_of_many_chords(seed):
    x = torch.randn(3, 2, dtype=torch.float64, generator=generator(seed))
    path = Ellipse(*x)
    for t in (0.1, 0.37, 0.8, 1.0):
        length = path.arc_length(torch.tensor([t]))[0]
        torch.testing.assert_close(length, dense_length(path, t), rtol=3e-5, atol=0)


def test_arc_length_of_circles_and_segments():
    zero = torch.zeros(2)
    unit = torch.eye(2, dtype=torch.float64)
    t = torch.tensor([0.25, 1.0], dtype=torch.float64)
    circle = Ellipse(zero, *unit).arc_length(t)
    torch.testing.assert_close(circle, 2 * math.pi * t)
    there_and_back = Ellipse(zero, unit[0], 0 * unit[0]).arc_length(t)
    torch.testing.assert_close(there_and_back, 4 * t)
    assert Ellipse(zero, zero, zero).arc_length(t).tolist() == [0, 0]


def test_refuses_shapes_that_are_no_path():
    with pytest.raises(SensitivityError, match="two vertices"):
        Polygon(torch.zeros(1, 4))
    with pytest.raises(SensitivityError, match="same size"):
        Ellipse(torch.zeros(3), torch.zeros(3), torch.zeros(2))
    with pytest.raises(SensitivityError, match="h, w"):
        translation_loop(torch.zeros(9))
