import gzip
import io
import os
import pickle
import tarfile
import warnings
from dataclasses import replace

import numpy as np
import pytest

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.datasets import cifar, sources
from sensitivity.datasets.originals import digest
from sensitivity.datasets.registry import REGISTRY
from sensitivity.datasets.rows import Original

SHAPE = (4, 4, 3)


def python3_batch(protocol, **changes):
    batch = {
        "data": np.arange(96, dtype=np.uint8).reshape(2, 48),
        "labels": [0, 1],
        "batch_label": "a",
        **changes,
    }
    return pickle.dumps(batch, protocol=protocol)


def test_python_unpickles_our_test_files_to_the_same(tiny_cifar):
    # The writer in conftest.py speaks cPickle's dialect: Python's own unpickler is the witness.
    x_train, y_train, _, _ = tiny_cifar.arrays
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy.core is an old name
        batch = pickle.loads(tiny_cifar.files["data_batch_1"], encoding="latin1")
    pixels = batch["data"].reshape(6, 3, 4, 4).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(pixels, x_train[:6])
    assert batch["labels"] == y_train[:6].tolist()


def test_torchvision_reads_our_test_files_to_the_same(tiny_cifar, write, monkeypatch, tmp_path):
    from sensitivity.base.torchvision_door import torchvision_module

    x_train, y_train, _, _ = tiny_cifar.arrays
    # torchvision knows but one image size, so these images are 32 × 32
    images = np.tile(x_train, (1, 8, 8, 1))
    content = tiny_cifar.batch(images, y_train)
    meta = pickle.dumps({"label_names": []})
    write(tmp_path / "cifar-10-batches-py", {"data_batch_1": content, "batches.meta": meta})
    source = torchvision_module("torchvision.datasets").CIFAR10
    monkeypatch.setattr(source, "train_list", [["data_batch_1", digest(content, "md5")[4:]]])
    monkeypatch.setattr(source, "test_list", [])
    monkeypatch.setattr(source, "meta", {**source.meta, "md5": digest(meta, "md5")[4:]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        witness = source(tmp_path)
    ours, labels = cifar.read_batch(content, "data_batch_1", (32, 32, 3))
    np.testing.assert_array_equal(ours, witness.data)
    assert labels.tolist() == witness.targets


@pytest.mark.parametrize("protocol", [2, 3])
def test_batches_pickled_again_by_python_3_are_read(protocol):
    images, labels = cifar.read_batch(python3_batch(protocol), "batch", SHAPE)
    assert images.shape == (2, *SHAPE)
    assert images[1, 2, 3].tolist() == [48 + 11, 48 + 16 + 11, 48 + 32 + 11]
    assert labels.tolist() == [0, 1]


def test_fine_labels_of_cifar100_are_taken(tiny_cifar):
    x_train, y_train, _, _ = tiny_cifar.arrays
    content = tiny_cifar.batch(x_train, y_train, "fine_labels")
    _, labels = cifar.read_batch(content, "train", SHAPE)
    np.testing.assert_array_equal(labels, y_train)


class Runs:
    """An object whose unpickling runs a command."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def shell(path):
    return Runs(os.system, f"touch {path}")


def hostile_pickles(path):
    yield "a command", pickle.dumps(shell(path), protocol=2)
    yield "a command among the data", python3_batch(2, extra=shell(path))
    yield "a command in a list", python3_batch(2, labels=[shell(path), 0])
    yield "open", pickle.dumps(Runs(open, str(path), "w"), protocol=2)
    yield "eval", pickle.dumps(Runs(eval, f"open({str(path)!r}, 'w')"), protocol=2)
    yield "protocol 4", pickle.dumps(shell(path), protocol=4)
    yield "protocol 0", f"cos\nsystem\n(S'touch {path}'\ntR.".encode()
    yield "INST", f"(S'touch {path}'\nios\nsystem\n.".encode()
    yield "OBJ", f"(cos\nsystem\nS'touch {path}'\no.".encode()
    yield "numpy's own loader", b"cnumpy\nload\n(U" + _short(str(path)) + b"tR."
    yield "numpy.memmap", b"cnumpy\nmemmap\n(U" + _short(str(path)) + b"U\x02u1U\x02w+tR."
    yield "a state for a name", b"cnumpy\nndarray\n}U\x01aK\x01sb."
    yield "a call of a name", b"cnumpy\nndarray\n(tR."
    yield "an extension", b"\x80\x02\x82\x01."
    yield "a persistent name", b"\x80\x02U\x01aQ."
    yield "object arrays", python3_batch(2, data=np.array([[shell(path)]], dtype=object))


def _short(text):
    return bytes([len(text)]) + text.encode()


def test_hostile_pickles_are_refused_and_run_nothing(tmp_path):
    marker = tmp_path / "executed"
    for what, content in hostile_pickles(marker):
        with pytest.raises(DamagedFile):
            cifar.read_batch(content, what, SHAPE)
        assert not marker.exists(), what


def test_the_hostile_pickles_are_hostile(tmp_path):
    marker = tmp_path / "executed"
    contents = dict(hostile_pickles(marker))
    for what in ("a command", "a command among the data", "protocol 4", "INST", "OBJ"):
        pickle.loads(contents[what])
        assert marker.exists(), what
        marker.unlink()


def test_even_with_the_right_checksum_a_hostile_pickle_runs_nothing(
    tiny_cifar, write, archive, monkeypatch, tmp_path
):
    marker = tmp_path / "executed"
    bad = python3_batch(2, extra=shell(marker))
    files = {**tiny_cifar.files, "test_batch": bad}
    row = REGISTRY["tiny_cifar"]
    monkeypatch.setitem(
        REGISTRY, "tiny_cifar", _with_test(row, Original("test_batch", digest(bad, "sha256")))
    )
    write(tmp_path, {"cifar-10-python.tar.gz": archive(files)})
    with pytest.raises(DamagedFile, match=r"test_batch is refused.*system"):
        sources.fetch("tiny_cifar", tmp_path, data_folder=tmp_path)
    assert not marker.exists()


def _with_test(row, original):
    return replace(row, test=(original,))


def test_without_the_checksum_nothing_is_unpickled(
    tiny_cifar, write, archive, monkeypatch, tmp_path
):
    monkeypatch.setattr(cifar, "_Unpickler", lambda *_: pytest.fail("before the checksum"))
    files = {**tiny_cifar.files, "test_batch": python3_batch(2)}
    write(tmp_path, {"cifar-10-python.tar.gz": archive(files)})
    with pytest.raises(SensitivityError, match=r"tar.gz does not hold the original test_batch"):
        sources.fetch("tiny_cifar", tmp_path, data_folder=tmp_path)


@pytest.mark.parametrize("prefix", ["/", "../../", "a/../../../"])
def test_archives_with_foreign_paths_write_nothing(tiny_cifar, write, tmp_path, prefix):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        link = tarfile.TarInfo("cifar-10-batches-py")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "outside")
        archive.addfile(link)
        for name, content in tiny_cifar.files.items():
            member = tarfile.TarInfo(f"{prefix}{tmp_path}/outside/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    write(tmp_path / "data", {"cifar-10-python.tar.gz": gzip.compress(buffer.getvalue())})
    # The content has the right checksums, so it is read; where it claims to belong plays no part.
    dataset = sources.fetch("tiny_cifar", tmp_path, data_folder=tmp_path / "data")
    np.testing.assert_array_equal(dataset.x_train, tiny_cifar.arrays[0])
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    "changes",
    [
        {"data": np.zeros((2, 47), np.uint8)},
        {"data": np.zeros((3, 48), np.uint8)},
        {"data": np.zeros((2, 48), np.int8)},
        {"data": np.zeros((2, 48), np.float32)},
        {"data": b"0" * 96},
        {"data": None},
        {"labels": None},
    ],
)
def test_batches_of_another_kind_are_refused(changes):
    with pytest.raises(DamagedFile):
        cifar.read_batch(python3_batch(2, **changes), "batch", SHAPE)


@pytest.mark.parametrize("content", [b"", b".", b"\x80\x02", b"\x80\x02].", b"not a pickle"])
def test_what_is_no_pickle_is_refused(content):
    with pytest.raises(DamagedFile):
        cifar.read_batch(content, "batch", SHAPE)
