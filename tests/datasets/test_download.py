import errno
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pooch
import pytest

from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import download as download_module
from sensitivity.datasets import originals, sources
from sensitivity.datasets.registry import REGISTRY


def set_mirrors(monkeypatch, name, *addresses, **changes):
    monkeypatch.setitem(REGISTRY, name, replace(REGISTRY[name], mirrors=addresses, **changes))


def test_idx_files_are_downloaded_and_kept(tiny_idx, server, zipped, monkeypatch, tmp_path):
    server.files = zipped(tiny_idx.files)
    set_mirrors(monkeypatch, "tiny_idx", server.address())
    for _ in range(2):
        dataset = sources.fetch("tiny_idx", tmp_path, retries=0)
        np.testing.assert_array_equal(dataset.x_train, tiny_idx.arrays[0])
        np.testing.assert_array_equal(dataset.y_test, tiny_idx.arrays[3])
    assert len(server.requests_seen) == 4
    kept = {path.name for path in (tmp_path / "tiny_idx").iterdir() if path.suffix == ".gz"}
    assert kept == set(server.files)


def test_a_cifar_archive_is_downloaded(tiny_cifar, server, archive, monkeypatch, tmp_path):
    server.files = {"kriz/cifar-10-python.tar.gz": archive(tiny_cifar.files)}
    set_mirrors(monkeypatch, "tiny_cifar", server.address("kriz/"))
    dataset = sources.fetch("tiny_cifar", tmp_path, retries=0)
    np.testing.assert_array_equal(dataset.x_train, tiny_cifar.arrays[0])
    assert len(server.requests_seen) == 1


def test_only_what_the_data_folder_lacks_is_downloaded(
    tiny_idx, server, write, zipped, monkeypatch, tmp_path
):
    server.files = zipped(tiny_idx.files)
    set_mirrors(monkeypatch, "tiny_idx", server.address())
    local = {name: c for name, c in tiny_idx.files.items() if name != "t10k-labels-idx1-ubyte"}
    folder = write(tmp_path / "data", local)
    sources.fetch("tiny_idx", tmp_path / "downloads", data_folder=folder, retries=0)
    assert server.requests_seen == ["/t10k-labels-idx1-ubyte.gz"]
    assert {path.name for path in folder.iterdir()} == set(local)


@pytest.mark.parametrize("fault", [503, "short", "silent"])
def test_passing_faults_are_tried_again(tiny_cifar, server, archive, monkeypatch, tmp_path, fault):
    monkeypatch.setattr(download_module, "SILENCE", 0.3)
    server.files = {"cifar-10-python.tar.gz": archive(tiny_cifar.files)}
    server.faults = [fault]
    set_mirrors(monkeypatch, "tiny_cifar", server.address())
    sources.fetch("tiny_cifar", tmp_path, retries=1)
    assert len(server.requests_seen) == 2


def test_the_next_mirror_is_tried(tiny_cifar, server, archive, monkeypatch, tmp_path):
    good = archive(tiny_cifar.files)
    server.files = {
        "altered/cifar-10-python.tar.gz": archive({**tiny_cifar.files, "test_batch": b"x"}),
        "torn/cifar-10-python.tar.gz": good[:-100],
        "lacking/cifar-10-python.tar.gz": archive({"test_batch": tiny_cifar.files["test_batch"]}),
        "page/cifar-10-python.tar.gz": b"<html>please log in</html>",
        "good/cifar-10-python.tar.gz": good,
    }
    folders = ("missing/", "altered/", "torn/", "lacking/", "page/", "good/")
    dead = "http://127.0.0.1:9/"  # the discard port: nobody listens
    set_mirrors(monkeypatch, "tiny_cifar", dead, *map(server.address, folders))
    sources.fetch("tiny_cifar", tmp_path, retries=0)
    assert server.requests_seen == [f"/{folder}cifar-10-python.tar.gz" for folder in folders]


def test_wrong_content_is_never_kept(tiny_idx, server, zipped, monkeypatch, tmp_path):
    altered = {name: content + b"x" for name, content in tiny_idx.files.items()}
    server.files = zipped(altered)
    set_mirrors(monkeypatch, "tiny_idx", server.address(), "http://127.0.0.1:9/")
    with pytest.raises(SensitivityError) as caught:
        sources.fetch("tiny_idx", tmp_path, retries=0)
    message = str(caught.value)
    first = next(iter(altered.values()))
    assert REGISTRY["tiny_idx"].train[0].checksum in message
    assert originals.digest(first, "sha256") in message
    assert "Connection refused" in message
    assert "data_folder" in message
    assert not [p for p in (tmp_path / "tiny_idx").iterdir() if p.name != ".lock"]


def test_what_a_killed_run_left_is_no_file(tiny_cifar, server, archive, monkeypatch, tmp_path):
    good = archive(tiny_cifar.files)
    folder = tmp_path / "tiny_cifar"
    folder.mkdir()
    (folder / "cifar-10-python.tar.gz.partial").write_bytes(good[:-100])
    server.files = {"cifar-10-python.tar.gz": good}
    set_mirrors(monkeypatch, "tiny_cifar", server.address())
    sources.fetch("tiny_cifar", tmp_path, retries=0)
    assert {path.name for path in folder.iterdir()} == {".lock", "cifar-10-python.tar.gz"}


def test_a_full_disk_is_no_fault_of_the_network(tiny_cifar, server, archive, monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    server.files = {"cifar-10-python.tar.gz": archive(tiny_cifar.files)}
    set_mirrors(monkeypatch, "tiny_cifar", server.address(), server.address())
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", full)
    with pytest.raises(SensitivityError, match=r"cannot write .*: No space left on device; free"):
        sources.fetch("tiny_cifar", tmp_path)
    assert [path.name for path in (tmp_path / "tiny_cifar").iterdir()] == [".lock"]


def test_two_jobs_download_once(tiny_cifar, server, archive, monkeypatch, tmp_path):
    server.files = {"cifar-10-python.tar.gz": archive(tiny_cifar.files)}
    set_mirrors(monkeypatch, "tiny_cifar", server.address())
    with ThreadPoolExecutor(4) as pool:
        names = ["tiny_cifar", "tiny_cifar:6", "tiny_cifar:9"]
        jobs = [pool.submit(sources.fetch, name, tmp_path, retries=0) for name in names]
        assert [job.result().name for job in jobs] == names
    assert len(server.requests_seen) == 1
