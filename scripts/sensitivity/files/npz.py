"""Strict reading of `.npz` files: nothing is unpickled, nothing extracted, no damage goes unseen.

`numpy.load` stops reading a member where its header says that the array ends, and the checksum of
a zip member is compared at the member's own end: an altered header can hide from it. Here every
member is read whole, and must hold its array and nothing else.
"""

import math
import warnings
import zipfile
from collections.abc import Container
from io import BytesIO
from pathlib import Path

import numpy as np

from sensitivity.base.errors import DamagedFile

LARGEST = 1 << 33  # bytes of one array; a decompression bomb goes beyond
HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read(path: "str | Path", wanted: Container[str] | None = None) -> dict[str, np.ndarray]:
    """Read all arrays of a file by their names, or those of the `wanted` names that are there.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedFile: the file is torn or altered, or holds anything but arrays of numbers and text.
    """
    with Path(path).open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                names = [member.filename.removesuffix(".npy") for member in members]
                if len(set(names)) < len(names):
                    raise ValueError("two of its arrays have one name")
                return {
                    name: _array(name, _content(archive, member))
                    for name, member in zip(names, members)
                    if wanted is None or name in wanted
                }
        except Exception as error:  # hostile bytes make zipfile raise almost anything
            raise DamagedFile(f"{path} is no intact .npz file: {error}") from error


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.file_size > LARGEST:
        raise ValueError(f"{member.filename} unpacks to more than {LARGEST} bytes")
    return archive.read(member)


def _array(name: str, content: bytes) -> np.ndarray:
    """Parse the `.npy` format; its header is a literal, never run."""
    file = BytesIO(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a header that calls for a warning is no good header
        shape, fortran, dtype = HEADER_READERS[np.lib.format.read_magic(file)](file)
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects, which are refused; save plain numbers")
    if dtype.kind not in "biufU":
        raise ValueError(f"{name} has the type {dtype}; only numbers and text are read")
    items = math.prod(shape)
    if min(shape, default=0) < 0 or file.tell() + items * dtype.itemsize != len(content):
        raise ValueError(f"{name} announces the shape {shape}, which does not fit its bytes")
    if items == 0 or dtype.itemsize == 0:
        return np.zeros(shape, dtype)
    values = np.frombuffer(content, dtype, offset=file.tell())
    return values.reshape(shape, order="F" if fortran else "C").copy(order="K")
