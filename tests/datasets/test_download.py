import gzip
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import download as download_module
from sensitivity.datasets import originals, sources
from sensitivity.datasets.download import Patience
from sensitivity.datasets.registry import REGISTRY

QUICK = Patience(attempts=3, longest_pause=0.01, silence=1.0, total=5.0)


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
        if fault == "drip":
            for byte in content:
                if self.server.released.wait(0.05):
                    return
                self.wfile.write(bytes([byte]))
        else:
            self.wfile.write(content[: len(content) // 2] if fault == "short" else content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.released.set()
        running.shutdown()
        thread.join()


def set_mirrors(monkeypatch, name, *addresses, **changes):
    monkeypatch.setitem(REGISTRY, name, replace(REGISTRY[name], mirrors=addresses, **changes))


def test_idx_files_are_downloaded_and_kept(tiny_idx, server, zipped, monkeypatch, tmp_path):
    server.files = zipped(tiny_idx.files)
    set_mirrors(monkeypatch, "tiny_idx", server.address())
    for _ in range(2):
        dataset = sources.fetch("tiny_idx", tmp_path, patience=QUICK)
        np.testing.assert_array_equal(dataset.x_train, tiny_idx.arrays[0])
        np.testing.assert_array_equal(dataset.y_test, tiny_idx.arrays[3])
    assert len(server.requests_seen) == 4
    kept = {path.name for path in (tmp_path / "tiny_idx").iterdir() if path.suffix == ".gz"}
    assert kept == set(server.files)


def test_a_cifar_archive_is_downloaded(tiny_cifar, server, archive, monkeypatch, tmp_path):
    server.files = {"kriz/cifar-10-python.tar.gz": archive(tiny_cifar.files)}
    set_mirrors(monkeypatch, "tiny_cifar", server.address("kriz/"))
    dataset = sources.fetch("tiny_cifar", tmp_path, patience=QUICK)
    np.testing.assert_array_equal(dataset.x_train, tiny_cifar.arrays[0])
    assert len(server.requests_seen) == 1


def test_torchvisions_addresses_come_first(tiny_cifar, server, archive, monkeypatch, tmp_path):
    from sensitivity.datasets.torchvision_addresses import _import_datasets

    url = server.address("of-torchvision/cifar-10-python.tar.gz")
    monkeypatch.setattr(_import_datasets().CIFAR10, "url", url)
    server.files = {"of-torchvision/cifar-10-python.tar.gz": archive(tiny_cifar.files)}
    set_mirrors(monkeypatch, "tiny_cifar", server.address("ours/"), torchvision="CIFAR10")
    sources.fetch("tiny_cifar", tmp_path, patience=QUICK)
    assert server.requests_seen == ["/of-torchvision/cifar-10-python.tar.gz"]


def test_only_what_the_data_folder_lacks_is_downloaded(
    tiny_idx, server, write, zipped, monkeypatch, tmp_path
):
    server.files = zipped(tiny_idx.files)
    set_mirrors(monkeypatch, "tiny_idx", server.address())
    local = {name: c for name, c in tiny_idx.files.items() if name != "t10k-labels-idx1-ubyte"}
    folder = write(tmp_path / "data", local)
    sources.fetch("tiny_idx", tmp_path / "downloads", data_folder=folder, patience=QUICK)
    assert server.requests_seen == ["/t10k-labels-idx1-ubyte.gz"]
    assert {path.name for path in folder.iterdir()} == set(local)


@pytest.mark.parametrize("fault", [503, 429, "short", "silent"])
def test_passing_faults_are_tried_again(tiny_cifar, server, archive, monkeypatch, tmp_path, fault):
    server.files = {"cifar-10-python.tar.gz": archive(tiny_cifar.files)}
    server.faults = [fault, fault] if fault != "silent" else [fault]
    set_mirrors(monkeypatch, "tiny_cifar", server.address())
    sources.fetch("tiny_cifar", tmp_path, patience=replace(QUICK, silence=0.3))
    assert len(server.requests_seen) == (2 if fault == "silent" else 3)


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
    sources.fetch("tiny_cifar", tmp_path, patience=QUICK)
    # what cannot pass is asked for once
    assert server.requests_seen == [f"/{folder}cifar-10-python.tar.gz" for folder in folders]


def test_wrong_content_is_never_kept(tiny_idx, server, zipped, monkeypatch, tmp_path):
    altered = {name: content + b"x" for name, content in tiny_idx.files.items()}
    server.files = zipped(altered)
    set_mirrors(monkeypatch, "tiny_idx", server.address(), "http://127.0.0.1:9/")
    with pytest.raises(SensitivityError) as caught:
        sources.fetch("tiny_idx", tmp_path, patience=QUICK)
    message = str(caught.value)
    first = next(iter(altered.values()))
    assert REGISTRY["tiny_idx"].train[0].checksum in message
    assert originals.digest(first, "sha256") in message
    assert "Connection refused" in message
    assert "data_folder" in message
    assert not [p for p in (tmp_path / "tiny_idx").iterdir() if p.name != ".lock"]


def test_a_server_that_drips_is_given_up(tiny_cifar, server, archive, monkeypatch, tmp_path):
    server.files = {"cifar-10-python.tar.gz": archive(tiny_cifar.files)}
    server.faults = ["drip"] * 9
    set_mirrors(monkeypatch, "tiny_cifar", server.address())
    with pytest.raises(SensitivityError, match="within the time limit"):
        sources.fetch("tiny_cifar", tmp_path, patience=replace(QUICK, total=0.5))
    assert len(server.requests_seen) < 3


def test_an_endless_file_is_given_up(tiny_idx, server, monkeypatch, tmp_path):
    monkeypatch.setattr(download_module, "LARGEST", 10_000)
    server.files = {"train-images-idx3-ubyte.gz": gzip.compress(os.urandom(100_000))}
    set_mirrors(monkeypatch, "tiny_idx", server.address())
    with pytest.raises(SensitivityError, match="larger than any original"):
        sources.fetch("tiny_idx", tmp_path, patience=QUICK)


def test_two_jobs_download_once(tiny_cifar, server, archive, monkeypatch, tmp_path):
    server.files = {"cifar-10-python.tar.gz": archive(tiny_cifar.files)}
    set_mirrors(monkeypatch, "tiny_cifar", server.address())
    with ThreadPoolExecutor(4) as pool:
        names = ["tiny_cifar", "tiny_cifar:6", "tiny_cifar:9"]
        jobs = [pool.submit(sources.fetch, name, tmp_path, patience=QUICK) for name in names]
        assert [job.result().name for job in jobs] == names
    assert len(server.requests_seen) == 1


def test_without_torchvision_our_mirrors_are_left(
    tiny_cifar, server, archive, monkeypatch, tmp_path
):
    def missing(_):
        raise ImportError("torchvision is not installed")

    monkeypatch.setattr(download_module, "base_addresses", missing)
    server.files = {"cifar-10-python.tar.gz": archive(tiny_cifar.files)}
    set_mirrors(monkeypatch, "tiny_cifar", server.address(), torchvision="CIFAR10")
    sources.fetch("tiny_cifar", tmp_path, patience=QUICK)
