import numpy as np
import pytest
import torch

from sensitivity.base.errors import SensitivityError
from sensitivity.training.augmentation import transform, transformation_table


def images_of(table, image):
    """All transformed versions of an image [h, w, c], as a set of byte strings."""
    flat = torch.as_tensor(image).reshape(-1)
    return {row.numpy().tobytes() for row in flat[table]}


def by_hand(image, kind):
    """The same set with NumPy, one image at a time."""
    found = set()
    for down in range(-4, 5):
        for right in range(-4, 5):
            shifted = np.roll(image, (down, right), (0, 1))
            for mirrored in (shifted, shifted[:, ::-1]):
                if kind == "shift_flip":
                    found.add(mirrored.tobytes())
                    continue
                for upended in (mirrored, mirrored[::-1]):
                    for turns in (-1, 0, 1):
                        found.add(np.rot90(upended, turns).tobytes())
    return found


@pytest.mark.parametrize("kind", ["shift_flip", "heavy"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_table_holds_exactly_the_transformations(kind, channels):
    image = np.random.default_rng(0).random((12, 12, channels), dtype=np.float32)
    assert images_of(transformation_table(kind, image.shape), image) == by_hand(image, kind)


def test_every_shift_and_flip_is_equally_likely():
    table = transformation_table("shift_flip", (9, 13, 1))
    assert table.shape == (9 * 9 * 2, 9 * 13)
    assert len(table.unique(dim=0)) == len(table)


def test_every_transformation_permutes_the_pixels():
    table = transformation_table("heavy", (10, 10, 3))
    assert table.shape == (81 * 2 * 2 * 3, 300)
    assert torch.equal(table.sort(1).values, torch.arange(300).expand(len(table), -1))


def test_a_quarter_turn_is_made_two_times_out_of_three():
    row = torch.arange(25).view(5, 5)  # its columns are no longer rows after a quarter turn
    table = transformation_table("heavy", (5, 5, 1))
    differences = table.view(-1, 5, 5).diff(dim=2).abs()
    turned = (differences % 5 == 0).all(2).all(1)
    assert row.diff(dim=1).abs().max() == 1
    assert turned.float().mean() == pytest.approx(2 / 3)


def test_each_image_is_transformed_in_its_own_way():
    table = transformation_table("shift_flip", (8, 8, 1))
    images = torch.randn(5, 64)
    choice = torch.tensor([0, 161, 7, 80, 7])
    out, buffer = torch.empty(5, 64), torch.empty(5, 64, dtype=torch.int64)
    transform(images, table, choice, out, buffer)
    for image, row, result in zip(images, choice, out):
        assert torch.equal(result, image[table[row]])


def test_no_augmentation_has_no_table():
    assert transformation_table("none", (8, 8, 1)) is None


def test_images_to_be_turned_must_be_square():
    with pytest.raises(SensitivityError, match="8 x 6 pixels"):
        transformation_table("heavy", (8, 6, 1))
    assert transformation_table("shift_flip", (8, 6, 1)).shape == (162, 48)


def test_shifts_by_a_number_of_pixels_and_nothing_else():
    table = transformation_table("shift2", (7, 6, 3))
    pixels = torch.arange(7 * 6 * 3).view(7, 6, 3)
    expected = [
        pixels.roll((down, right), (0, 1)).flatten()
        for down in range(-2, 3)
        for right in range(-2, 3)
    ]
    assert sorted(table.tolist()) == sorted(torch.stack(expected).tolist())
    with pytest.raises(SensitivityError, match=r"shift3.*7 x 6 pixels"):
        transformation_table("shift3", (7, 6, 3))
