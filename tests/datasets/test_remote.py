"""Own data from an address: fetched once, held to their checksum, unpacked nowhere else.

A server on this machine gives the files.
"""

import gzip
import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import data
from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import sources
from sensitivity.study import configuration

generator = np.random.default_rng(8)
ARRAYS = {
    "x_train": generator.integers(0, 256, (6, 4, 5), dtype=np.uint8),
    "y_train": np.array([0, 0, 0, 1, 1, 1]),
    "x_test": generator.integers(0, 256, (4, 4, 5), dtype=np.uint8),
    "y_test": np.array([0, 0, 1, 1]),
}


def npz():
    buffer = io.BytesIO()
    np.savez(buffer, **ARRAYS)
    return buffer.getvalue()


def images(top=""):
    """The same images as files of an image folder, in a folder `top`."""
    files = {f"{top}.hidden/x": b"left behind", f"{top}readme.txt": b"not an image"}
    for part in ("train", "test"):
        for n, (image, label) in enumerate(zip(ARRAYS[f"x_{part}"], ARRAYS[f"y_{part}"])):
            buffer = io.BytesIO()
            Image.fromarray(image).save(buffer, "png")
            files[f"{top}{part}/{'ab'[label]}/{n}.png"] = buffer.getvalue()
    return files


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def source(url, content):
    return {"url": url, "sha256": hashlib.sha256(content).hexdigest()}


def fetch(tmp_path, where, retries=0):
    return sources.fetch("mine", tmp_path / "originals", source=where, retries=retries)


def assert_same(dataset):
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(getattr(dataset, name), array)


KINDS = {
    "mine.npz": npz,
    "mine.zip": lambda: zipped(images()),
    "in a folder.zip": lambda: zipped(images("flowers-1.0/")),
    "download?id=12": lambda: zipped(images()),  # an address need not say what it gives
}


@pytest.mark.parametrize("name", KINDS)
def test_data_are_downloaded_once_and_read(name, server, tmp_path):
    content = KINDS[name]()
    server.files = {name.replace(" ", "%20"): content}
    where = source(server.address(name.replace(" ", "%20")), content)
    for _ in range(2):
        assert_same(fetch(tmp_path, where))
    assert len(server.requests_seen) == 1
    kept = {path.name for path in (tmp_path / "originals" / "mine").iterdir()}
    assert kept == {".lock", where["sha256"]}


@pytest.mark.parametrize("name", ["mine.npz", "mine.zip"])
def test_a_file_address_needs_no_network(name, tmp_path):
    path = tmp_path / "a b" / name
    path.parent.mkdir()
    path.write_bytes(KINDS[name]())
    assert_same(fetch(tmp_path, source(path.as_uri(), path.read_bytes())))
    missing = source((tmp_path / "none.npz").as_uri(), b"")
    with pytest.raises(SensitivityError, match=r"'mine': .*none.npz is no file; correct its `url`"):
        fetch(tmp_path, missing)


def test_another_content_is_refused_and_not_kept(server, tmp_path):
    content = npz()
    server.files = {"mine.npz": content + b"x"}
    where = source(server.address("mine.npz"), content)
    with pytest.raises(SensitivityError) as caught:
        fetch(tmp_path, where)
    message = str(caught.value)
    found = hashlib.sha256(content + b"x").hexdigest()
    assert f"expected sha256 {where['sha256']}, found {found}; correct `sha256`" in message
    assert [path.name for path in (tmp_path / "originals" / "mine").iterdir()] == [".lock"]
    server.files = {"mine.npz": content}
    assert_same(fetch(tmp_path, where))


def test_a_kept_file_that_was_altered_is_fetched_again(server, tmp_path):
    content = npz()
    server.files = {"mine.npz": content}
    where = source(server.address("mine.npz"), content)
    fetch(tmp_path, where)
    (tmp_path / "originals" / "mine" / where["sha256"]).write_bytes(content[:-1])
    assert_same(fetch(tmp_path, where))
    assert len(server.requests_seen) == 2


@pytest.mark.parametrize("fault", [404, "short"])
def test_what_cannot_be_had_is_said_with_the_way_out(fault, server, tmp_path):
    content = npz()
    server.files, server.faults = {"mine.npz": content}, [fault]
    with pytest.raises(SensitivityError) as caught:
        fetch(tmp_path, source(server.address("mine.npz"), content))
    message = str(caught.value)
    assert "\n" not in message
    assert "mine.npz could not be downloaded" in message
    assert "`url: file:///...`" in message


def test_nothing_is_written_outside(tmp_path):
    """Members that point out of the folder that they are unpacked into are left out."""
    place = tmp_path / "written"
    content = zipped({**images(), f"../../../{place.name}": b"x", str(place): b"x"})
    (tmp_path / "mine.zip").write_bytes(content)
    assert_same(fetch(tmp_path, source((tmp_path / "mine.zip").as_uri(), content)))
    assert not list(tmp_path.rglob("written"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>please log in</html>", "neither an .npz file nor a zip archive"),
        (zipped({"a.txt": b"x"}), "train is missing"),
        (zipped(images())[200:], "neither an .npz file nor a zip archive"),
        (gzip.compress(b"no archive"), "neither an .npz file nor"),
        (zipped({"mine/x_train.npy": b"x"}), "is no intact .npz file"),
    ],
    ids=["page", "folder", "torn zip", "gzip", "npz"],
)
def test_what_is_no_data_is_refused(content, message, tmp_path):
    (tmp_path / "mine").write_bytes(content)
    where = source((tmp_path / "mine").as_uri(), content)
    with pytest.raises(SensitivityError, match=message) as caught:
        fetch(tmp_path, where)
    assert "\n" not in str(caught.value)
    assert where["url"] in str(caught.value)
    assert ".unpacked-" not in str(caught.value)


def test_another_address_of_the_same_file_changes_nothing(server, tmp_path):
    """So that no network counts as out of date when a file moves."""
    content = npz()
    server.files = {"a.npz": content, "b.npz": content}
    outputs = []
    for name in ("a.npz", "b.npz"):
        outputs.append(tmp_path / name / "mine.npz")
        settings = {"dataset": "mine", "source": source(server.address(name), content)}
        data.main(["--settings", json.dumps(settings), "--output", str(outputs[-1])])
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


SCHEMA = Path(__file__).parents[2] / "workflow/schemas/config.schema.yaml"
SHA = "0123456789abcdef" * 4


def checked(**address):
    survey = {"datasets": ["mine"], "width": 8, "depth": 1, "activation": "relu"}
    return configuration.check(
        {
            "study": "a",
            "datasets": {"mine": address},
            "surveys": {"a": survey},
            "figures": {"main_dataset": "mine"},
        },
        configuration.load_schema(SCHEMA),
    )


def test_an_address_in_the_configuration():
    address = {"url": "https://a.org/mine.npz", "sha256": SHA}
    assert checked(**address)["datasets"]["mine"] == address
    for wrong, message in (
        ({"url": "https://a.org/mine.npz"}, "datasets.mine lacks the key 'sha256'; add it"),
        ({**address, "md5": "0"}, "unknown key 'md5' in datasets.mine"),
        ({**address, "url": "a.npz"}, "datasets.mine.url: 'a.npz' is no address"),
        ({**address, "sha256": 12}, "datasets.mine.sha256: 12 has the wrong type"),
    ):
        with pytest.raises(SensitivityError, match=message):
            checked(**wrong)
