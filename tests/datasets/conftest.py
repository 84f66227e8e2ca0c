"""Small data sets in the original formats, and rows of the registry that know them."""

import gzip
import io
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from sensitivity.datasets.originals import digest
from sensitivity.datasets.registry import REGISTRY
from sensitivity.datasets.rows import Original, Row


class Tiny:
    """A small data set: its arrays, its files in the original format, and its row.

    Attributes:
        name: under which the registry knows it during the test.
        arrays: x_train, y_train, x_test, y_test.
        files: unpacked content by file name.
    """

    def __init__(self, name: str, arrays: tuple[np.ndarray, ...], files: dict[str, bytes]) -> None:
        self.name = name
        self.arrays = arrays
        self.files = files

    def batch(self, images: np.ndarray, labels: np.ndarray, label_key: str = "labels") -> bytes:
        """A batch in CIFAR's format."""
        return python2_batch(images, labels, label_key)

    def row(self, like: str, train_files: int, **changes: object) -> Row:
        """A row as that of `like`, but for these files."""
        originals = tuple(Original(n, digest(c, "sha256")) for n, c in self.files.items())
        return replace(
            REGISTRY[like],
            train=originals[:train_files],
            test=originals[train_files:],
            image_shape=self.arrays[0].shape[1:],
            classes=int(self.arrays[1].max()) + 1,
            sizes=(len(self.arrays[0]), len(self.arrays[2])),
            installed=(),
            mirrors=(),
            **changes,
        )


def idx_file(array: np.ndarray) -> bytes:
    """An idx file of unsigned bytes."""
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def python2_batch(images: np.ndarray, labels: np.ndarray, label_key: str = "labels") -> bytes:
    """A CIFAR batch as Python 2's cPickle wrote it: protocol 2, byte strings, numpy.core names."""
    memo = iter(range(1, 10**6))

    def put() -> bytes:
        index = next(memo)
        return b"q" + bytes([index]) if index < 256 else b"r" + struct.pack("<I", index)

    def string(text: bytes) -> bytes:
        if len(text) < 256:
            return b"U" + bytes([len(text)]) + text + put()
        return b"T" + struct.pack("<I", len(text)) + text + put()

    def integer(value: int) -> bytes:
        if 0 <= value < 256:
            return b"K" + bytes([value])
        return b"M" + struct.pack("<H", value) if value < 65536 else b"J" + struct.pack("<i", value)

    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    shape = integer(rows.shape[0]) + integer(rows.shape[1]) + b"\x86" + put()
    array = b"cnumpy.core.multiarray\n_reconstruct\n" + put() + b"cnumpy\nndarray\n" + put()
    array += b"K\x00\x85" + put() + string(b"b") + b"\x87" + put() + b"R" + put()
    array += b"(K\x01" + shape + b"cnumpy\ndtype\n" + put() + string(b"u1") + b"K\x00K\x01\x87"
    array += put() + b"R" + put() + b"(K\x03" + string(b"|") + b"NNN" + b"J\xff\xff\xff\xff" * 2
    array += b"K\x00t" + put() + b"b\x89" + string(rows.tobytes()) + b"t" + put() + b"b"
    numbers = b"]" + put() + b"(" + b"".join(integer(int(label)) for label in labels) + b"e"
    return (
        b"\x80\x02}"
        + put()
        + b"("
        + string(b"batch_label")
        + string(b"a batch of the tests")
        + string(label_key.encode())
        + numbers
        + string(b"data")
        + array
        + b"u."
    )


def tar_gz(files: dict[str, bytes], folder: str) -> bytes:
    """An archive that holds `files` in `folder`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def images_and_labels(
    sizes: tuple[int, int], image_shape: tuple[int, ...], classes: int = 3
) -> tuple[np.ndarray, ...]:
    """Random images and labels that use every class."""
    generator = np.random.default_rng(5)
    parts = []
    for size in sizes:
        parts.append(generator.integers(0, 256, (size, *image_shape), dtype=np.uint8))
        parts.append(np.arange(size) % classes)
    return tuple(parts)


@pytest.fixture
def tiny_idx(monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """A data set `tiny_idx` in the format of MNIST: 12 and 6 images of 4 × 5."""
    arrays = images_and_labels((12, 6), (4, 5))
    names = [original.name for original in REGISTRY["mnist"].originals]
    tiny = Tiny("tiny_idx", arrays, dict(zip(names, map(idx_file, arrays), strict=True)))
    monkeypatch.setitem(REGISTRY, tiny.name, tiny.row("mnist", 2))
    return tiny


@pytest.fixture
def tiny_cifar(monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """A data set `tiny_cifar` in the format of CIFAR-10: 12 (in two batches) and 6 of 4 × 4 × 3."""
    arrays = images_and_labels((12, 6), (4, 4, 3))
    x_train, y_train, x_test, y_test = arrays
    files = {
        "data_batch_1": python2_batch(x_train[:6], y_train[:6]),
        "data_batch_2": python2_batch(x_train[6:], y_train[6:]),
        "test_batch": python2_batch(x_test, y_test),
    }
    tiny = Tiny("tiny_cifar", arrays, files)
    monkeypatch.setitem(REGISTRY, tiny.name, tiny.row("cifar10", 2))
    return tiny


@pytest.fixture
def write() -> Callable[[Path, dict[str, bytes]], Path]:
    """Writes files below a folder and returns the folder."""

    def _write(folder: Path, files: dict[str, bytes]) -> Path:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    return _write


@pytest.fixture
def archive() -> Callable[[dict[str, bytes]], bytes]:
    """Packs files as CIFAR-10's archive does."""
    return lambda files: tar_gz(files, "cifar-10-batches-py")


@pytest.fixture
def zipped() -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    """Gzips every file of a mapping."""
    return lambda files: {f"{name}.gz": gzip.compress(content) for name, content in files.items()}


class Server(ThreadingHTTPServer):
    """A server on this machine that plays good and bad mirrors.

    Attributes:
        files: content by path.
        faults: what to do at the next requests, first first: an HTTP state, "short" (break off
            half-way) or "silent" (say nothing).
        requests_seen: the paths asked for.
    """

    daemon_threads = False  # all are waited for at the end

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: list[int | str] = []
        self.requests_seen: list[str] = []
        self.released = threading.Event()

    def address(self, folder: str = "") -> str:
        return f"http://127.0.0.1:{self.server_port}/{folder}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests_seen.append(self.path)
        content = self.server.files.get(self.path.lstrip("/"))
        fault = self.server.faults.pop(0) if self.server.faults else None
        if fault == "silent":
            self.server.released.wait(20)
            return
        if isinstance(fault, int) or content is None:
            self.send_error(fault if isinstance(fault, int) else 404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if fault == "short" else content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A running server."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.released.set()
        running.shutdown()
        thread.join()
