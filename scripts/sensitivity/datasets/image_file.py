"""One image file as grey or colour pixels of 8 bits, if it holds them without loss."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from sensitivity.base.errors import SensitivityError

# Suffix and decoder; few, and none that is known for its complexity.
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".pgm": "PPM",
    ".ppm": "PPM",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
ORIENTATION = 0x0112  # the EXIF tag by which cameras say which way is up
BITS_PER_SAMPLE = 258  # the TIFF tag
PNG_DEPTH = 24  # the byte of a PNG file that holds its bits per channel

CONVERSIONS = {
    "deep": "Image.fromarray((np.asarray(image) // 257).astype(np.uint8)) for grey, and for colour "
    "image.convert('RGB')",
    "frames": "image.seek(0), then image.convert('RGB')",
    "transparent": "Image.alpha_composite(Image.new('RGBA', image.size, 'white'), "
    "image.convert('RGBA')).convert('RGB')",
    "grey": "image.convert('L')",
    "colour": "image.convert('RGB')",
}
"""What turns images that are refused into some that are read; `image` is `Image.open(path)`."""


def read(path: Path) -> tuple[np.ndarray, str | None]:
    """Read an image as a viewer shows it: upright, as its EXIF orientation says.

    Returns:
        uint8 `[h, w]` (grey) or `[h, w, 3]` (colour), and what was done to it, if anything.

    Raises:
        SensitivityError: it is no intact image of a format that is read, or not without loss; with
            the call that converts it.
    """
    decoder = FORMATS.get(path.suffix.lower())
    if decoder is None:
        raise SensitivityError(
            f"{path} is no image we read ({', '.join(FORMATS)}); if Pillow reads it, convert it by "
            "Image.open(path).convert('RGB').save(path.with_suffix('.png'))"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # such as that of a decompression bomb
            warnings.filterwarnings("ignore", "Corrupt EXIF data")  # says nothing of the pixels
            with Image.open(path, formats=[decoder]) as image:
                image.verify()  # checksums, where the format has any; it uses the object up
            with Image.open(path, formats=[decoder]) as image:
                bits = _bits(path, image)
                image.load()
                found = _read(path, image, bits)
    except SensitivityError:
        raise
    except Exception as error:  # hostile bytes make decoders raise almost anything
        raise SensitivityError(f"{path} is no intact {decoder} image ({error})") from error
    return found


def _read(path: Path, image: Image.Image, bits: int) -> tuple[np.ndarray, str | None]:
    mode = image.mode
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":  # a photo and its previews
        _refuse(path, f"holds {image.n_frames} images", "frames")
    if bits > 8 or mode in ("I", "F") or ";16" in mode:
        _refuse(path, f"has the colour mode {mode} of {max(bits, 16)} bits a channel", "deep")
    if mode not in ("L", "RGB", "LA", "RGBA"):
        _refuse(path, f"has the colour mode {mode}", "grey" if mode == "1" else "colour")
    done = None
    if mode.endswith("A") or "transparency" in image.info:
        masked = image.convert("LA" if mode in ("L", "LA") else "RGBA")
        if masked.getchannel("A").getextrema()[0] < 255:
            _refuse(path, "has transparent pixels", "transparent")
        image = masked.convert("L" if mode in ("L", "LA") else "RGB")
        done = "a mask without transparency left out"
    if _orientation(image) not in (0, 1):
        image = ImageOps.exif_transpose(image)
        done = "turned upright, as its EXIF orientation says"
    return np.array(image), done


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1, upright, where the metadata are missing or broken."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # broken metadata say nothing of the pixels
        return 1


def _bits(path: Path, image: Image.Image) -> int:
    """Bits per channel in the file; Pillow cuts some of 16 down to 8 without a word."""
    if image.format == "PNG":
        with path.open("rb") as file:
            return file.read(PNG_DEPTH + 1)[PNG_DEPTH]
    if image.format == "TIFF":
        return max(image.tag_v2.get(BITS_PER_SAMPLE, (1,)))
    if image.format == "PPM":
        numbers = np.ravel(image.tile[0][3]) if image.tile else ()
        largest = max((int(number) for number in numbers if str(number).isdigit()), default=255)
        return largest.bit_length()
    return 8


def _refuse(path: Path, what: str, call: str) -> None:
    raise SensitivityError(
        f"{path} {what}; convert it to 8-bit grey (L) or RGB, as by {CONVERSIONS[call]}"
    )
