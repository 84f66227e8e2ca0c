"""Own arrays that are nearly right: converted without loss, or refused with the call that helps."""

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import conversion, own

generator = np.random.default_rng(3)
COLOUR = {
    "x_train": generator.integers(0, 256, (8, 6, 5, 3), dtype=np.uint8),
    "y_train": np.arange(8) % 3,
    "x_test": generator.integers(0, 256, (4, 6, 5, 3), dtype=np.uint8),
    "y_test": np.arange(4) % 3,
}
ORDER = ("x_train", "y_train", "x_test", "y_test")


def read(tmp_path, **changes):
    np.savez(tmp_path / "mine.npz", **{**COLOUR, **changes})
    return dict(zip(ORDER, own.read(tmp_path / "mine.npz")))


def refused(tmp_path, **changes):
    with pytest.raises(SensitivityError) as caught:
        read(tmp_path, **changes)
    message = str(caught.value)
    assert "\n" not in message
    assert str(tmp_path / "mine.npz") in message
    return message


def applied(message, name, array, **more):
    """What the call between back-quotes in a message makes of an array."""
    call = message.split("`")[1]
    return eval(call, {"np": np, name: array, **more})


def both(change):
    return {key: change(COLOUR[key]) for key in ("x_train", "x_test")}


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.astype(np.int64),
        lambda x: x.astype(np.uint16),
        lambda x: x.astype(np.float32),
        lambda x: x.astype(np.float16),
        lambda x: x / 255,
        lambda x: (x / 255).astype(np.float32),
        lambda x: x.astype(np.float32) / np.float32(255),
        lambda x: x.astype(np.float32) * np.float32(1 / 255),
    ],
)
def test_images_of_other_types_are_converted_without_loss(change, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        found = read(tmp_path, **both(change))
    for key in ("x_train", "x_test"):
        assert found[key].dtype == np.uint8
        np.testing.assert_array_equal(found[key], COLOUR[key])
    assert sum("converted to uint8" in text for text in caplog.messages) == 2


def test_both_parts_get_one_scale(tmp_path):
    """A black and white test set is no set of zeros and ones beside grey training images."""
    white = np.zeros((4, 6, 5, 3))
    white[:, :2] = 1.0
    white[:, 3, :, 0] = np.arange(4)[:, None] % 2
    white[:, 4, 0] = np.eye(4)[:, :3]
    found = read(tmp_path, x_train=COLOUR["x_train"] / 255, x_test=white)
    np.testing.assert_array_equal(found["x_test"], white * 255)
    found = read(tmp_path, x_train=COLOUR["x_train"].astype(float), x_test=white)
    np.testing.assert_array_equal(found["x_test"], white)


@given(arrays(np.uint8, (3, 2, 2)), st.sampled_from([np.float32, np.float64]))
def test_every_pixel_survives_the_way_to_tensors_and_back(x, dtype):
    (found,) = conversion.images("mine", {"x": (x / 255).astype(dtype)})
    expected = x if np.any((x != 0) & (x != 255)) else x // 255  # zeros and ones are whole already
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("x", "part"),
    [
        (COLOUR["x_train"] / 254.0, "values from 0"),
        (generator.normal(size=(8, 6, 5, 3)), "values from -"),
        (COLOUR["x_train"].astype(np.uint16) * 257, "to 65535"),
        (COLOUR["x_train"] + 0.25, "to 255.25"),
    ],
)
def test_images_that_would_lose_are_refused_with_the_call_that_rounds(x, part, tmp_path):
    message = refused(tmp_path, x_train=x)
    assert part in message
    rounded = applied(message, "x_train", x)
    assert rounded.dtype == np.uint8
    assert np.ptp(rounded) > 200


def test_numbers_that_are_none_are_refused(tmp_path):
    x = COLOUR["x_train"].astype(float)
    x[2, 1, 1] = np.nan
    assert "leave out images with NaN" in refused(tmp_path, x_train=x)
    assert "numbers" in refused(tmp_path, x_train=COLOUR["x_train"].astype(str))


def test_channels_first_are_refused(tmp_path):
    """Translations and augmentation would move them along the wrong axis, in silence."""
    x = np.moveaxis(COLOUR["x_train"], -1, 1)
    message = refused(tmp_path, x_train=x)
    assert "channels first" in message
    np.testing.assert_array_equal(applied(message, "x_train", x), COLOUR["x_train"])
    assert "channels first" in refused(tmp_path, **both(lambda x: x[:, None, :, :, 0]))


def test_the_number_of_images_last_is_refused(tmp_path):
    """MATLAB's order, in which SVHN comes."""
    for change in (lambda x: x, lambda x: x[..., 0]):
        x = np.moveaxis(change(COLOUR["x_train"]), 0, -1)
        message = refused(tmp_path, x_train=x)
        assert "last" in message
        np.testing.assert_array_equal(applied(message, "x_train", x), change(COLOUR["x_train"]))


def test_flat_images_are_refused(tmp_path):
    message = refused(tmp_path, x_train=np.zeros((8, 784), np.uint8))
    assert "(8, 784)" in message
    assert "x_train.reshape(" in message


def test_the_layout_is_said(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        read(tmp_path)
    assert "8 images, 6 pixels high and 5 wide, with 3 channels" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO):
        read(tmp_path, **both(lambda x: x[..., 0]))
    assert "6 pixels high and 5 wide, with no channel axis" in caplog.text
    caplog.clear()
    read(tmp_path, **both(lambda x: np.repeat(x, 3, -1)))  # spectra, say: allowed, but said aloud
    assert "with 9 channels" in caplog.text
    assert {record.levelname for record in caplog.records} == {"WARNING"}


@pytest.mark.parametrize(
    "change",
    [
        lambda y: y.astype(float),
        lambda y: y.astype(np.float16),
        lambda y: y[:, None],
        lambda y: y[None, :],
        lambda y: y[:, None].astype(np.uint8),
    ],
)
def test_labels_of_other_forms_are_converted(change, tmp_path, caplog):
    changes = {key: change(COLOUR[key]) for key in ("y_train", "y_test")}
    with caplog.at_level(logging.INFO):
        found = read(tmp_path, **changes)
    for key in ("y_train", "y_test"):
        assert found[key].dtype == np.int64
        np.testing.assert_array_equal(found[key], COLOUR[key])
    assert sum("converted to integers" in text for text in caplog.messages) == 2


def test_truth_values_are_two_classes(tmp_path):
    found = read(tmp_path, y_train=COLOUR["y_train"] > 0, y_test=COLOUR["y_test"] > 0)
    np.testing.assert_array_equal(found["y_train"], COLOUR["y_train"] > 0)


WORDS = np.array(["ant", "bee", "cow"])


@pytest.mark.parametrize(
    ("labels", "what", "meant"),
    [
        (WORDS[COLOUR["y_train"]], "has the type <U3", COLOUR["y_train"]),
        (COLOUR["y_train"].astype(str), "has the type <U", COLOUR["y_train"]),
        (COLOUR["y_train"] + 1, "no training image of class 0", COLOUR["y_train"]),
        (COLOUR["y_train"] * 5 - 5, "holds the label -5", COLOUR["y_train"]),
    ],
)
def test_other_labels_are_refused_with_the_call_that_numbers_them(labels, what, meant, tmp_path):
    message = refused(tmp_path, y_train=labels)
    assert what in message
    found = applied(message, "y_train", labels, y=labels)
    np.testing.assert_array_equal(found, meant)


def test_one_hot_rows_are_refused_with_the_call(tmp_path):
    rows = np.eye(3)[COLOUR["y_train"]]
    call = refused(tmp_path, y_train=rows).split("`")[3]
    np.testing.assert_array_equal(eval(call, {"np": np, "y_train": rows}), COLOUR["y_train"])


def test_measurements_are_no_labels(tmp_path):
    for odd in (0.5, np.nan):
        labels = COLOUR["y_train"].astype(float)
        labels[2] = odd
        assert "whole numbers 0, 1, 2" in refused(tmp_path, y_train=labels)
