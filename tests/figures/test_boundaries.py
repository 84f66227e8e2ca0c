import dataclasses

import numpy as np
import pytest

from sensitivity.figures import boundaries
from sensitivity.measures.boundary_shares import NEAR


def with_boundaries(study, **arrays):
    record = dataclasses.replace(study.boundaries, arrays={**study.boundaries.arrays, **arrays})
    return dataclasses.replace(study, boundaries=record)


def test_polygons_of_the_plane_before_and_after(study, settings):
    figure = boundaries.draw(study, settings)
    arrays = study.boundaries.arrays
    accuracies = {"before": "10 %", "after": "99.8 %"}
    for axes, key in zip(figure.axes, ("before", "after")):
        (regions,) = axes.collections
        assert len(regions.get_paths()) == arrays[f"{key}_count"] == len(regions.get_facecolors())
        title = axes.get_title(loc="left")
        assert title == f"MNIST (5k), {key} training"
        assert f"training accuracy {accuracies[key]}" in axes.get_xlabel()
        assert f"{arrays[f'{key}_count']:,} regions" in axes.get_xlabel()
        assert f"{100 * arrays[f'{key}_share_near']:.2g} % of the boundaries" in axes.get_xlabel()
        assert "9.4 % of the area" in axes.get_xlabel()
        circles = {(tuple(circle.center), circle.radius) for circle in axes.patches}
        assert circles == {(tuple(point), NEAR) for point in arrays["triangle"]}


def test_the_regions_cover_the_plane_in_the_colours_of_their_ids(study, settings):
    arrays = study.boundaries.arrays
    (regions,) = boundaries.draw(study, settings).axes[0].collections
    colours = boundaries.region_colours(arrays["before_ids"], 0) / 255
    assert np.allclose(regions.get_facecolors()[:, :3], colours)
    area = sum(signed_area(ring) for p in regions.get_paths() for ring in p.to_polygons())
    assert area == pytest.approx(4, abs=1e-4)


def signed_area(ring):
    (x0, y0), (x1, y1) = ring.T, np.roll(ring, -1, axis=0).T
    return (x0 * y1 - x1 * y0).sum() / 2


def test_holes_are_left_out():
    square = np.array([[0, 0], [4, 0], [4, 4], [0, 4]], float)
    hole = np.array([[1, 1], [1, 2], [2, 2], [2, 1]], float)
    paths = boundaries.outlines(
        np.concatenate([square, hole, hole[::-1]]), np.array([0, 4, 8, 12]), np.array([0, 0, 1])
    )
    assert len(paths) == 2
    areas = [[signed_area(ring) for ring in path.to_polygons()] for path in paths]
    assert areas == [[16, -1], [1]]  # What winds the other way is not filled.


def test_pixels_where_there_are_no_polygons(study, settings, make_boundaries):
    record = make_boundaries(pixels=True)
    figure = boundaries.draw(dataclasses.replace(study, boundaries=record), settings)
    (image,) = figure.axes[0].get_images()
    assert image.get_array().shape == (128, 128, 3)
    assert image.get_extent() == [-1, 1, -1, 1]
    assert image.origin == "lower"
    count = len(np.unique(record.arrays["before_mosaic"]))
    assert f"{count:,} regions seen at pixels" in figure.axes[0].get_xlabel()


def test_images_are_framed_beside_the_planes(study, settings):
    figure = boundaries.draw(study, settings)
    figure.draw_without_rendering()
    *planes, column = figure.axes[:3]
    arrays = study.boundaries.arrays
    assert len(column.child_axes) == 3
    right = max(axes.get_window_extent().x1 for axes in planes)
    for number, inset in enumerate(column.child_axes):
        assert inset.get_window_extent().x0 > right
        assert (inset.get_images()[0].get_array() == arrays["images"][number]).all()
        assert inset.get_title(loc="left") == f"{number + 1}: class {arrays['labels'][number]}"
        assert all(spine.get_visible() for spine in inset.spines.values())
    for axes in planes:
        (marks,) = axes.get_lines()
        assert np.allclose(marks.get_xydata(), arrays["triangle"])
        assert [text.get_text() for text in axes.texts] == ["1", "2", "3"]


def test_colours_follow_the_regions_alone():
    rng = np.random.default_rng(0)
    mosaic = rng.integers(-(2**63), 2**63 - 1, 3000)[rng.integers(0, 3000, (64, 64))]
    colours = boundaries.region_colours(mosaic, 0)
    whole = colours.reshape(-1, 3) @ [65536, 256, 1]
    for region in np.unique(mosaic)[:50]:
        assert len(set(whole[mosaic.ravel() == region])) == 1
    assert len(set(whole)) <= 252  # the PDF needs one byte for a pixel
    part = boundaries.region_colours(mosaic[:5], 0)
    assert (part == colours[:5]).all()
    assert (boundaries.region_colours(mosaic, 1) != colours).any()


@pytest.mark.parametrize("ids", [np.arange(5000), np.arange(5000) * 2**40, -np.arange(5000) * 256])
def test_regular_ids_get_irregular_colours(ids):
    colours = boundaries.region_colours(ids.reshape(50, 100), 0).reshape(-1, 3) @ [65536, 256, 1]
    counts = np.unique(colours, return_counts=True)[1]
    assert len(counts) > 230
    assert counts.max() < 80  # 20 on average
    assert (colours[1:] == colours[:-1]).mean() < 0.02


def test_neighbours_differ_in_grey(study):
    grey = boundaries.region_colours(np.arange(1000)[None], 0)[0] @ [0.299, 0.587, 0.114]
    assert grey.std() > 30


def test_colour_images(study, settings):
    images = np.zeros((3, 8, 8, 3), np.uint8)
    figure = boundaries.draw(with_boundaries(study, images=images), settings)
    assert figure.axes[2].child_axes[0].get_images()[0].get_array().shape == (8, 8, 3)
