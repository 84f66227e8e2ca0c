import dataclasses

import numpy as np
import pytest

from sensitivity.figures import Record, loop


def test_every_vertex_is_an_image_and_a_point(study, settings):
    ring, plane = loop.draw(study, settings).axes
    image = study.images.arrays["x_test"][0]
    shown = [drawn.get_array() for drawn in ring.get_images()]
    assert len(shown) == 29  # the loop, and the image itself in the middle
    for pixels in range(28):
        assert (shown[pixels] == np.roll(image, pixels, axis=1)).all()
    assert (shown[28] == image).all()
    polygon = plane.lines[0].get_xydata()
    assert polygon.shape == (29, 2)
    assert (polygon[0] == polygon[-1]).all()  # closed
    assert "28 vertices" in ring.get_title(loc="left")


def test_thumbnails_do_not_overlap(study, settings):
    extents = [image.get_extent() for image in loop.draw(study, settings).axes[0].get_images()]
    for place, one in enumerate(extents):
        for other in extents[:place]:
            apart = one[0] >= other[1] or other[0] >= one[1] or one[2] >= other[3]
            assert apart or other[2] >= one[3]


def test_polygon_is_that_of_the_transitions(study):
    """The vertices are those along which sensitivity.regions.paths moves, up to the projection."""
    pytest.importorskip("torch")
    from sensitivity.datasets import normalize
    from sensitivity.regions.paths import translation_loop

    image = study.images.arrays["x_test"][:1]
    vertices = translation_loop(normalize(image).reshape(28, 28)).vertices.double().numpy()
    shifts = np.stack([np.roll(image[0], pixels, axis=1) for pixels in range(28)])
    points, _ = loop.project(shifts)
    centred = vertices - vertices.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    assert np.hypot(*points.T) == pytest.approx(np.hypot(*(left * singular)[:, :2].T), rel=1e-3)


def test_projection_keeps_most_of_the_variance_and_is_centred(study):
    shifts = np.stack([np.roll(study.images.arrays["x_test"][0], k, axis=1) for k in range(28)])
    points, shares = loop.project(shifts)
    assert points.mean(axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert 0 < shares[1] <= shares[0] + 1e-9
    assert shares.sum() <= 1
    assert (points[0] >= -1e-9).all()


def test_image_is_chosen_by_the_settings_and_colour_is_drawn(study, settings):
    images = np.random.default_rng(0).integers(0, 255, (4, 8, 8, 3), dtype=np.uint8)
    data = dataclasses.replace(study, images=Record("cifar10", "", {"x_test": images}))
    ring, _ = loop.draw(data, settings | {"image": 3}).axes
    assert (ring.get_images()[0].get_array() == images[3]).all()
    assert len(ring.get_images()) == 9


def test_constant_image_is_drawn(study, settings):
    data = dataclasses.replace(
        study, images=Record("own", "", {"x_test": np.full((1, 8, 8), 7, np.uint8)})
    )
    figure = loop.draw(data, settings)
    figure.draw_without_rendering()
    assert np.isfinite(figure.axes[1].lines[0].get_xydata()).all()


def test_no_two_labels_at_one_place():
    angle = 2 * 2 * np.pi * np.arange(28) / 28  # winds twice: vertex 14 lies on vertex 0
    labels = loop._labels(np.stack([np.cos(angle), np.sin(angle)], axis=1))
    assert labels[0] == "0"
    places = [pixels % 14 for pixels, label in enumerate(labels) if label]
    assert len(set(places)) == len(places) > 3
