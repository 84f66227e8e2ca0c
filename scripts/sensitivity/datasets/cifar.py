"""CIFAR's batches: Python 2 pickles, read without Python's trust in pickles.

A pickle is a program that may call anything. Here it may call nothing: the operations are limited
to those that build bytes, strings, numbers, lists and dicts, and the three NumPy names by which a
pickle spells an array stand for inert place holders, from whose bytes the array is then read.
"""

import pickle
import pickletools
from io import BytesIO
from typing import Any, NoReturn

import numpy as np

from sensitivity.base.errors import DamagedFile
from sensitivity.datasets.rows import Row

FRAME = {"PROTO", "STOP", "MARK"}
VALUES = {"NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1"}
STRINGS = {"BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINUNICODE"}
TUPLES = {"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}
CONTAINERS = {"EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS"}
PUTS = {"BINPUT", "LONG_BINPUT"}
GETS = {"BINGET", "LONG_BINGET"}
ARRAYS = {"GLOBAL", "REDUCE", "BUILD"}
OPERATIONS = FRAME | VALUES | STRINGS | TUPLES | CONTAINERS | PUTS | GETS | ARRAYS


def read(row: Row, contents: dict[str, bytes]) -> tuple[np.ndarray, ...]:
    """Read batches whose checksums were verified.

    Returns:
        x_train, y_train, x_test, y_test: uint8 `[N, 32, 32, 3]` and int64 `[N]`, the fine labels.

    Raises:
        DamagedFile: a batch holds anything but images and labels.
    """
    arrays = []
    for files in (row.train, row.test):
        batches = [read_batch(contents[file.name], file.name, row.image_shape) for file in files]
        arrays.extend(np.concatenate(parts) for parts in zip(*batches, strict=True))
    return tuple(arrays)


def read_batch(
    content: bytes, name: str, image_shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Images `[N, h, w, c]` and labels `[N]` of one batch, which keeps pixels channel by channel.

    Raises:
        DamagedFile: as `read`.
    """
    height, width, channels = image_shape
    batch = load(content, name)
    if isinstance(batch, dict):
        batch = {k.decode("latin1") if isinstance(k, bytes) else k: v for k, v in batch.items()}
        data, labels = batch.get("data"), batch.get("labels", batch.get("fine_labels"))
        if isinstance(data, _Array) and isinstance(labels, list):
            pixels = data.read(name)
            if pixels.shape == (len(labels), height * width * channels) and all(
                type(label) is int and 0 <= label < 256 for label in labels
            ):
                images = pixels.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
                return np.ascontiguousarray(images), np.array(labels, dtype=np.int64)
    raise DamagedFile(f"{name} is no CIFAR batch: it lacks `data`, `labels`, or they do not agree")


def load(content: bytes, name: str) -> Any:
    """Unpickle what is made of numbers, strings, bytes, lists, dicts and place holders for arrays.

    Raises:
        DamagedFile: the pickle asks for anything else, or is torn.
    """
    try:
        indices = [0]
        for operation, argument, _ in pickletools.genops(content):
            if operation.name not in OPERATIONS:
                raise pickle.UnpicklingError(f"operation {operation.name} is not admitted")
            if operation.name in PUTS:
                indices.append(argument)
        # The memo is a table as long as its highest index, and picklers count without gaps: an
        # index far beyond the count is there to claim all memory.
        if max(indices) > 2 * len(indices):
            raise pickle.UnpicklingError(f"memo index {max(indices)} is out of order")
        return _Unpickler(BytesIO(content), encoding="latin1").load()
    except Exception as error:  # hostile bytes make unpicklers raise almost anything
        raise DamagedFile(f"{name} is refused, it is no plain pickle of arrays: {error}") from error


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> "_Word":
        if module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray"):
            word = {"_reconstruct": _Reconstruct, "dtype": _DtypeWord, "ndarray": _Word}.get(name)
            if word is not None:
                return word()
        if (module, name) == ("_codecs", "encode"):
            return _Encode()
        raise pickle.UnpicklingError(f"it asks for {module + '.' + name!a}")


class _Word:
    """A name that a pickle may speak. It does nothing, and cannot be changed."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> NoReturn:
        raise pickle.UnpicklingError("a name was given a state")


class _Reconstruct(_Word):
    """Stands for numpy's function that begins an array."""

    __slots__ = ()

    def __call__(self, *_: Any) -> "_Array":
        return _Array()


class _DtypeWord(_Word):
    """Stands for numpy.dtype."""

    __slots__ = ()

    def __call__(self, code: Any, *_: Any) -> "_Dtype":
        return _Dtype(code)


class _Encode(_Word):
    """Stands for _codecs.encode, by which Python 3 writes bytes into old pickles."""

    __slots__ = ()

    def __call__(self, text: Any, encoding: Any) -> bytes:
        if not isinstance(text, str) or encoding != "latin1":
            raise pickle.UnpicklingError("bytes are not written as latin1 text")
        return text.encode("latin1")


class _Dtype:
    """An element type; its state, byte order and alignment, says nothing for single bytes."""

    __slots__ = ("code",)

    def __init__(self, code: Any) -> None:
        self.code = code

    def __setstate__(self, state: Any) -> None:
        pass


class _Array:
    """An array's state as the pickle gives it: version, shape, type, column order, bytes."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def read(self, name: str) -> np.ndarray:
        """The array, which must be a row-major matrix of unsigned bytes."""
        match self.state:
            case (_, (int(rows), int(columns)), _Dtype(code="u1" | b"u1"), False | 0, raw):
                if isinstance(raw, str):
                    raw = raw.encode("latin1")  # Python 2 knew no bytes
                if isinstance(raw, bytes) and len(raw) == rows * columns and rows > 0:
                    return np.frombuffer(raw, np.uint8).reshape(rows, columns)
        raise DamagedFile(f"{name} holds an array that is no matrix of unsigned bytes")
