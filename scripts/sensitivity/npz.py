"""Reading of `.npz` files that somebody else made: nothing is unpickled, nothing is extracted."""

import warnings
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np

from sensitivity.errors import SensitivityError

LARGEST = 1 << 33  # bytes of one array; a decompression bomb goes beyond
HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read(path: Path, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Read the arrays named `keys`; a `provenance`, as our own files have, may stand beside them.

    Raises:
        SensitivityError: the file is torn, has other keys, or holds anything but plain numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            found = sorted(name.removesuffix(".npy") for name in members)
            if found not in (sorted(keys), sorted((*keys, "provenance"))):
                raise SensitivityError(
                    f"{path} has the keys {', '.join(found) or '(none)'}; it must have "
                    f"{', '.join(keys)} and no other"
                )
            return {key: _array(_member(archive, f"{key}.npy"), f"{key} of {path}") for key in keys}
    except SensitivityError:
        raise
    except Exception as error:  # hostile bytes make zipfile raise almost anything
        raise SensitivityError(f"{path} is no intact .npz file ({error})") from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > LARGEST:
        raise ValueError(f"{name} unpacks to more than {LARGEST} bytes")
    return archive.read(name)  # to its end, for only there is the checksum compared


def _array(content: bytes, name: str) -> np.ndarray:
    """Parse the `.npy` format; the header is a literal, never run."""
    file = BytesIO(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a header that calls for a warning is no good header
        shape, fortran, dtype = HEADER_READERS[np.lib.format.read_magic(file)](file)
    if dtype.hasobject:
        raise SensitivityError(
            f"{name} holds Python objects, which are refused; save plain numbers"
        )
    if dtype.kind not in "uif":
        raise SensitivityError(f"{name} has the type {dtype}; numbers are needed")
    return np.frombuffer(content, dtype, offset=file.tell()).reshape(
        shape, order="F" if fortran else "C"
    )
