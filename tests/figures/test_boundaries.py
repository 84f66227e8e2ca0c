import dataclasses

import numpy as np
import pytest

from sensitivity.figures import boundaries


def test_mosaics_of_the_plane_before_and_after(study, settings):
    figure = boundaries.draw(study, settings)
    arrays = study.boundaries.arrays
    for axes, key in zip(figure.axes, ("before", "after")):
        (image,) = axes.get_images()
        assert image.get_array().shape == (128, 128, 3)
        assert image.get_extent() == [-1, 1, -1, 1]
        assert image.origin == "lower"
        assert axes.get_title(loc="left") == f"MNIST (5k), {key} training"
        assert f"{len(np.unique(arrays[key])):,} regions" in axes.get_xlabel()


def test_images_are_framed_insets_at_their_places(study, settings):
    figure = boundaries.draw(study, settings)
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert len(axes.child_axes) == 3
        for place, inset, image in zip(
            study.boundaries.arrays["triangle"], axes.child_axes, study.boundaries.arrays["images"]
        ):
            box = inset.get_window_extent()
            centre = axes.transData.inverted().transform(
                [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2]
            )
            assert centre == pytest.approx(place, abs=0.02)
            assert np.hypot(*centre) == pytest.approx(0.8, abs=0.02)
            assert (inset.get_images()[0].get_array() == image).all()
            corners = axes.transData.inverted().transform([(box.x0, box.y0), (box.x1, box.y1)])
            assert np.abs(corners).max() < 1  # inside the plane
            assert all(spine.get_visible() for spine in inset.spines.values())


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
    record = dataclasses.replace(
        study.boundaries, arrays=study.boundaries.arrays | {"images": images}
    )
    figure = boundaries.draw(dataclasses.replace(study, boundaries=record), settings)
    assert figure.axes[0].child_axes[0].get_images()[0].get_array().shape == (8, 8, 3)
