"""One image file as grey or colour pixels of 8 bits, if it holds them without loss."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from sensitivity.base.errors import SensitivityError

# Suffix and decoder; few, and none that is known for its complexity.
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP"}
ORIENTATION = 0x0112  # the EXIF tag by which cameras say which way is up
PNG_DEPTH = 24  # the byte of a PNG file that holds its bits per channel
RGB = "image.convert('RGB')"


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
                bits = path.read_bytes()[PNG_DEPTH] if decoder == "PNG" else 8
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
        _refuse(path, f"holds {image.n_frames} images")
    if bits > 8:  # Pillow cuts some down to 8 without a word
        deep = "Image.fromarray((np.asarray(image) // 257).astype(np.uint8))"
        _refuse(path, f"has {bits} bits a channel", deep if mode[0] == "I" else RGB)
    if mode not in ("L", "RGB", "LA", "RGBA"):
        _refuse(path, f"has the colour mode {mode}")
    done = None
    if mode.endswith("A") or "transparency" in image.info:
        masked = image.convert("LA" if mode in ("L", "LA") else "RGBA")
        if masked.getchannel("A").getextrema()[0] < 255:
            _refuse(path, "has transparent pixels")
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


def _refuse(path: Path, what: str, call: str = RGB) -> None:
    raise SensitivityError(
        f"{path} {what}; convert it to 8-bit grey (L) or RGB, as by {call} after "
        "image = Image.open(path)"
    )
