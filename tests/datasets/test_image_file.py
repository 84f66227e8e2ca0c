"""Image files of every kind: read without loss, or refused with the call that converts them."""

import numpy as np
import pytest
from PIL import Image

from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import image_file, own

generator = np.random.default_rng(4)
COLOUR = generator.integers(0, 256, (4, 5, 3), dtype=np.uint8)
GREY = COLOUR[..., 0]
OPAQUE = np.full((4, 5, 1), 255, np.uint8)


def saved(path, pixels, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


def refused(path):
    with pytest.raises(SensitivityError) as caught:
        image_file.read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_a_mask_without_transparency_is_left_out(tmp_path):
    masks = (np.concatenate([COLOUR, OPAQUE], -1), np.concatenate([GREY[..., None], OPAQUE], -1))
    for pixels, masked in zip((COLOUR, GREY), masks):
        found, done = image_file.read(saved(tmp_path / "a.png", masked))
        np.testing.assert_array_equal(found, pixels)
        assert "mask" in done


def test_transparent_pixels_are_refused(tmp_path):
    masked = np.concatenate([COLOUR, OPAQUE], -1)
    masked[2, 2, 3] = 254
    message = refused(saved(tmp_path / "a.png", masked))
    assert "transparent" in message
    call = message.split("as by ")[1].split(" after")[0]
    assert eval(call, {"Image": Image, "image": Image.open(tmp_path / "a.png")}).mode == "RGB"
    Image.fromarray(GREY).save(tmp_path / "b.png", transparency=int(GREY[0, 0]))
    assert "transparent" in refused(tmp_path / "b.png")
    unused = next(value for value in range(256) if value not in GREY)
    Image.fromarray(GREY).save(tmp_path / "b.png", transparency=unused)
    np.testing.assert_array_equal(image_file.read(tmp_path / "b.png")[0], GREY)


def png_of_16_bits(path, colour):
    """As other programs write them: Pillow writes no colour of 16 bits."""
    import struct
    import zlib

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", 5, 4, 16, 2 if colour else 0, 0, 0, 0)
    row = b"\0" + generator.bytes(5 * 2 * (3 if colour else 1))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * 4))
        + chunk(b"IEND", b"")
    )  # fmt: skip
    return path


@pytest.mark.parametrize("colour", [False, True])
def test_16_bits_are_refused_even_where_pillow_cuts_them_down(colour, tmp_path):
    path = png_of_16_bits(tmp_path / "a.png", colour)
    with Image.open(path) as image:
        assert (image.mode == "RGB") == colour, "Pillow reads this otherwise than it did"
    message = refused(path)
    assert "16 bits a channel; convert" in message
    call = message.split("as by ")[1].split(" after")[0]
    names = {"Image": Image, "np": np, "image": Image.open(path)}
    assert eval(call, names).mode == ("RGB" if colour else "L")


@pytest.mark.parametrize(("mode", "suffix"), [("P", ".png"), ("1", ".png"), ("CMYK", ".jpg")])
def test_other_colour_modes_are_refused_with_the_call(mode, suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(COLOUR).convert("L").convert(mode).save(path)
    message = refused(path)
    assert f"colour mode {mode}" in message
    call = message.split("as by ")[1].split(" after")[0]
    assert eval(call, {"image": Image.open(path)}).mode == "RGB"


@pytest.mark.filterwarnings("ignore:unclosed file")
def test_formats_we_do_not_read_are_refused_with_the_call(tmp_path):
    path = saved(tmp_path / "a.gif", GREY)
    message = refused(path)
    eval(message.split("convert it by ")[1], {"Image": Image, "path": path})
    assert image_file.read(tmp_path / "a.png")[0].shape == (4, 5, 3)


def test_several_images_in_one_file_are_refused(tmp_path):
    frames = [Image.fromarray(COLOUR), Image.fromarray(255 - COLOUR)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    assert "holds 2 images" in refused(tmp_path / "a.png")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_read_upright(orientation, tmp_path):
    """As every viewer shows them, torchvision's loader does not."""
    block = np.kron(COLOUR[:2, :2], np.ones((16, 16, 1), np.uint8))[:, :24]
    exif = Image.Exif()
    exif[image_file.ORIENTATION] = orientation
    path = saved(tmp_path / "a.jpg", block, exif=exif, quality=100)
    found, done = image_file.read(path)
    assert (done is None) == (orientation == 1)
    assert found.shape[:2] == ((32, 24) if orientation < 5 else (24, 32))
    stored = np.array(Image.open(path))
    turned = {
        1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1],
        5: stored.transpose(1, 0, 2), 6: stored.transpose(1, 0, 2)[:, ::-1],
        7: stored.transpose(1, 0, 2)[::-1, ::-1], 8: stored.transpose(1, 0, 2)[::-1],
    }  # fmt: skip
    np.testing.assert_array_equal(found, turned[orientation])


def test_broken_metadata_are_no_broken_image(tmp_path):
    exif = b"Exif\x00\x00II*\x00\xff\xff\xff\x7f" + bytes(8)
    path = saved(tmp_path / "a.jpg", COLOUR, exif=exif)
    assert image_file.read(path)[0].shape == (4, 5, 3)


def picture(path, value=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    return saved(path, generator.integers(0, 256, (4, 5, 3), dtype=np.uint8))


def test_hidden_folders_are_no_classes_and_deeper_folders_count(tmp_path):
    for part in ("train", "test"):
        for name in ("ant/1.png", "ant/more/2.png", "bee/1.png", ".ipynb_checkpoints/1.png"):
            picture(tmp_path / part / name)
        picture(tmp_path / part / "ant" / ".ipynb_checkpoints" / "1.png")
        (tmp_path / part / "ant" / "Thumbs.db").write_bytes(b"left behind")
        (tmp_path / part / "__MACOSX").mkdir()
    x_train, y_train, x_test, y_test = own.read(tmp_path)
    assert y_train.tolist() == y_test.tolist() == [0, 0, 1]
    assert x_train.shape == x_test.shape == (3, 4, 5, 3)


def test_a_test_folder_of_another_name_is_suggested(tmp_path):
    picture(tmp_path / "train/ant/1.png")
    picture(tmp_path / "val/ant/1.png")
    with pytest.raises(SensitivityError, match=r"test is missing.*there is train, val"):
        own.read(tmp_path)


def test_images_unlike_the_others_are_refused_with_the_call(tmp_path):
    picture(tmp_path / "train/ant/1.png")
    saved(tmp_path / "train/ant/2.png", GREY)
    picture(tmp_path / "test/ant/1.png")
    with pytest.raises(SensitivityError, match=r"2.png.*convert\('RGB'\)"):
        own.read(tmp_path)
    saved(tmp_path / "train/ant/2.png", np.zeros((8, 9, 3), np.uint8))
    with pytest.raises(SensitivityError, match=r"resize\(\(5, 4\)\)"):
        own.read(tmp_path)
