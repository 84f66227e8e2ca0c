"""Mutated files of every format that is read: no crash, no hang, no wrong acceptance.

Whatever a file holds, a reader either returns exactly what the intact file holds (a mutation may
hit bytes that mean nothing, such as a date) or raises our own error, in one sentence.
"""

import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import Dataset, own, sources

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
EXTREMES = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f")
SCALE = int(os.environ.get("FUZZ", "1"))  # FUZZ=10 mutates ten times as many files


def mutations(content: bytes, count: int, seed: int):
    """Mutated copies: bits flipped, bytes set, cut, inserted, repeated, moved; the file torn."""
    generator = np.random.default_rng(seed)

    def place(size: int) -> int:
        # headers lie at the ends, so these are hit as often as the middle
        near = int(generator.integers(min(size, 256)))
        return int(generator.choice([near, generator.integers(size), size - 1 - near]))

    for _ in range(count):
        data = bytearray(content)
        for _ in range(int(generator.integers(1, 4))):
            if not data:
                break
            at, length = place(len(data)), int(generator.integers(1, 40))
            kind = generator.integers(8)
            if kind == 0:
                data[at] ^= 1 << int(generator.integers(8))
            elif kind == 1:
                data[at] = int(generator.integers(256))
            elif kind == 2:
                data[at : at + 4] = EXTREMES[generator.integers(len(EXTREMES))]
            elif kind == 3:
                del data[at : at + length]
            elif kind == 4:
                data[at:at] = generator.bytes(length)
            elif kind == 5:
                data[at:at] = data[at : at + length]
            elif kind == 6:
                data[at : at + length] = data[at : at + length][::-1]
            else:
                del data[at:]
        yield bytes(data)


def check(
    read: Callable[[bytes], Any], same: Callable[[Any], bool], content: bytes, count: int, seed: int
) -> None:
    """Read mutated copies: each gives what the intact file holds, or our own error."""
    assert same(read(content))
    messages = []
    for number, mutated in enumerate(mutations(content, count * SCALE, seed)):
        try:
            result = read(mutated)
        except SensitivityError as error:
            messages.append(str(error))
        except BaseException as error:
            pytest.fail(f"mutation {number} of seed {seed} ended in {error!r}")
        else:
            assert same(result), f"mutation {number} of seed {seed} was accepted"
    assert len(messages) > count * SCALE / 2
    assert all(message.isprintable() for message in messages)


def reads(name: str, folder: Path, file: str) -> Callable[[bytes], Dataset]:
    """Reads a data set of the registry from a data folder, with `file` replaced."""

    def read(content: bytes) -> Dataset:
        (folder / file).write_bytes(content)
        return sources.fetch(name, folder / "downloads", data_folder=folder)

    return read


def holds(arrays: tuple[np.ndarray, ...]) -> Callable[[Any], bool]:
    def same(dataset: Any) -> bool:
        if isinstance(dataset, Dataset):
            dataset = (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test)
        return all(np.array_equal(a, b) for a, b in zip(dataset, arrays, strict=True))

    return same


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("packed", [False, True])
def test_idx_files(tiny_idx, write, zipped, tmp_path, packed, number):
    files = zipped(tiny_idx.files) if packed else tiny_idx.files
    write(tmp_path, files)
    file = list(files)[number]
    read = reads("tiny_idx", tmp_path, file)
    check(read, holds(tiny_idx.arrays), files[file], 500, number)


def test_cifar_archives(tiny_cifar, archive, tmp_path):
    read = reads("tiny_cifar", tmp_path, "cifar-10-python.tar.gz")
    check(read, holds(tiny_cifar.arrays), archive(tiny_cifar.files), 1000, 10)


def test_cifar_archives_packed_after_the_mutation(tiny_cifar, archive, tmp_path):
    tar = gzip.decompress(archive(tiny_cifar.files))
    read = reads("tiny_cifar", tmp_path, "cifar-10-python.tar.gz")
    check(lambda c: read(gzip.compress(c, 1)), holds(tiny_cifar.arrays), tar, 1500, 11)


@pytest.fixture
def own_arrays():
    generator = np.random.default_rng(1)
    x = generator.integers(0, 256, (12, 4, 4), dtype=np.uint8)
    y = np.arange(12) % 3
    return x[:8], y[:8], x[8:], y[8:]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_files(own_arrays, tmp_path, save):
    path = tmp_path / "mine.npz"
    buffer = io.BytesIO()
    save(buffer, **dict(zip(("x_train", "y_train", "x_test", "y_test"), own_arrays, strict=True)))

    def read(content: bytes) -> tuple[np.ndarray, ...]:
        path.write_bytes(content)
        return own.read(path)

    check(read, holds(own_arrays), buffer.getvalue(), 1500, 30)


def test_image_folders(own_arrays, tmp_path):
    x_train, y_train, x_test, y_test = own_arrays
    order = np.argsort(y_train, kind="stable"), np.argsort(y_test, kind="stable")
    for part, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        for number, (image, label) in enumerate(zip(x, y, strict=True)):
            path = tmp_path / part / str(label) / f"{number:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    expected = (x_train[order[0]], y_train[order[0]], x_test[order[1]], y_test[order[1]])
    path = tmp_path / "train" / "1" / "01.png"

    def read(content: bytes) -> tuple[np.ndarray, ...]:
        path.write_bytes(content)
        return own.read(tmp_path)

    check(read, holds(expected), path.read_bytes(), 1500, 40)


def test_our_own_files(own_arrays, tmp_path):
    path = tmp_path / "mine.npz"
    Dataset("mine", *own_arrays).save(path)
    content = path.read_bytes()

    def read(mutated: bytes) -> Dataset:
        path.write_bytes(mutated)
        return Dataset.load(path, dataset="mine")

    check(read, holds(own_arrays), content, 1500, 50)
