import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import data
from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import own, sources

generator = np.random.default_rng(11)
GOOD = {
    "x_train": generator.integers(0, 256, (8, 4, 5), dtype=np.uint8),
    "y_train": np.arange(8) % 3,
    "x_test": generator.integers(0, 256, (4, 4, 5), dtype=np.uint8),
    "y_test": np.arange(4) % 3,
}


def save(path, **changes):
    arrays = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    np.savez(path, **arrays)
    return path


def test_an_npz_is_read(tmp_path):
    dataset = sources.fetch("mine", tmp_path, source=save(tmp_path / "a file.npz"))
    assert dataset.name == "mine"
    assert dataset.classes == 3
    for key, value in GOOD.items():
        np.testing.assert_array_equal(getattr(dataset, key), value)


def test_subsets_colour_compression_and_small_label_types(tmp_path):
    colour = {"x_train": GOOD["x_train"][..., None].repeat(3, -1)}
    colour["x_test"] = np.asfortranarray(GOOD["x_test"][..., None].repeat(3, -1))
    path = tmp_path / "mine.npz"
    np.savez_compressed(path, **{**GOOD, **colour, "y_train": GOOD["y_train"].astype(np.uint8)})
    dataset = sources.fetch("mine:6", tmp_path, source=path)
    assert dataset.name == "mine:6"
    assert dataset.drawn(0).x_train.shape == (6, 4, 5, 3)
    assert np.bincount(dataset.drawn(0).y_train).tolist() == [2, 2, 2]
    assert dataset.y_train.dtype == np.int64
    np.testing.assert_array_equal(dataset.x_test, colour["x_test"])


def test_our_own_files_are_read_again(tmp_path):
    first = sources.fetch("digits", tmp_path)
    first.save(tmp_path / "digits.npz")
    again = sources.fetch("mine", tmp_path, source=tmp_path / "digits.npz")
    np.testing.assert_array_equal(again.x_train, first.x_train)


WRONG = [
    (
        {"y_test": None},
        "has the keys 'x_test', 'x_train', 'y_train'; it must have x_train, y_train",
    ),
    ({"extra": np.zeros(3)}, "has the keys 'extra', "),
    ({"x_train": GOOD["x_train"].reshape(8, 20)}, r"x_train .* has the shape \(8, 20\)"),
    ({"x_train": GOOD["x_train"][:0], "y_train": GOOD["y_train"][:0]}, r"shape \(0, 4, 5\)"),
    ({"x_test": GOOD["x_test"][:, :3]}, r"\(4, 5\), x_test of \(3, 5\)"),
    ({"y_train": GOOD["y_train"][:7]}, r"y_train .* the shape \(7,\); labels are \(8,\)"),
    ({"y_train": np.ones((8, 8), int)}, r"y_train .* the shape \(8, 8\)"),
    ({"y_train": GOOD["y_train"] - 1}, "y_train .* holds the label -1"),
    ({"y_test": GOOD["y_test"] + 2**40}, "y_test .* holds the label 10995116277"),
    ({"y_train": np.array([0, 1, 3, 0, 1, 3, 0, 1])}, "no training image of class 2"),
    ({"y_test": np.array([0, 1, 2, 3])}, "no training image of class 3"),
    ({"y_train": np.zeros(8, int), "y_test": np.zeros(4, int)}, "one class only"),
    (
        {"x_test": GOOD["x_train"][4:]},
        r"4 test images are training images too \(the first is x_test\[0\], which is x_train\[4\]",
    ),
    (
        {"y_train": np.array(list("01201201"))},
        "y_train .* has the type <U1 .* `np.unique",
    ),
    ({"y_train": np.array([None] * 8)}, "y_train holds Python objects, which are refused"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_what_is_wrong_is_said_in_one_sentence(changes, message, tmp_path):
    path = save(tmp_path / "mine.npz", **changes)
    with pytest.raises(SensitivityError, match=message) as caught:
        own.read(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["mnist", "nothing.npz", "text.npz", "data.csv", "empty folder"])
def test_what_is_no_data_is_refused(name, tmp_path):
    (tmp_path / "text.npz").write_text("no zip")
    (tmp_path / "data.csv").write_text("1,2")
    (tmp_path / "empty folder").mkdir()
    with pytest.raises(SensitivityError):
        sources.fetch("mine", tmp_path, source=tmp_path / name)


def test_built_in_names_are_taken(tmp_path):
    with pytest.raises(SensitivityError, match="taken"):
        sources.fetch("digits", tmp_path, source=save(tmp_path / "mine.npz"))


class Runs:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_hostile_object_arrays_are_refused_and_run_nothing(tmp_path):
    marker = tmp_path / "executed"
    path = save(tmp_path / "mine.npz", y_train=np.array([Runs(marker)] * 8, dtype=object))
    with pytest.raises(SensitivityError, match="Python objects"):
        own.read(path)
    assert not marker.exists()
    np.load(path, allow_pickle=True)["y_train"]
    assert marker.exists(), "the file was not hostile"


def test_a_pickle_named_npz_runs_nothing(tmp_path):
    marker = tmp_path / "executed"
    for what, content in (
        ("file", pickle.dumps(Runs(marker))),
        ("member", _zip({f"{key}.npy": pickle.dumps(Runs(marker)) for key in GOOD})),
    ):
        (tmp_path / f"{what}.npz").write_bytes(content)
        with pytest.raises(SensitivityError):
            own.read(tmp_path / f"{what}.npz")
    assert not marker.exists()


def _zip(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize("prefix", ["/", "/tmp/", "../", "a/"])
def test_zips_with_foreign_paths_are_refused_and_write_nothing(prefix, tmp_path):
    folder = tmp_path / "inside"
    folder.mkdir()
    members = {f"{prefix}{key}.npy": _npy(value) for key, value in GOOD.items()}
    (folder / "mine.npz").write_bytes(_zip(members))
    with pytest.raises(SensitivityError, match="has the keys"):
        own.read(folder / "mine.npz")
    assert [path.name for path in tmp_path.rglob("*")] == ["inside", "mine.npz"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "mine.npz", "w") as archive:
        for key in (*GOOD, "y_test"):
            archive.writestr(f"{key}.npy", _npy(GOOD[key]))
    with pytest.raises(SensitivityError, match="two of its arrays have one name"):
        own.read(tmp_path / "mine.npz")


def test_headers_that_claim_too_much_are_refused(tmp_path):
    members = {f"{key}.npy": _npy(value) for key, value in GOOD.items()}
    for claim in (b"(9, 4, 5)", b"(7, 4, 5)", b"(99999999999999999999, 4, 5)", b"(-8, 4, 5)"):
        content = members["x_train.npy"].replace(b"(8, 4, 5)", claim)
        content = content.replace(b" " * (len(claim) - 9), b"", 1)
        (tmp_path / "mine.npz").write_bytes(_zip({**members, "x_train.npy": content}))
        with pytest.raises(SensitivityError):
            own.read(tmp_path / "mine.npz")


def picture_folder(folder, mode="L", suffix=".png"):
    """An image folder with two classes, 3 training and 2 test images each."""
    expected = {"train": [], "test": []}
    images = np.random.default_rng(2).integers(0, 256, (10, 4, 5, 3), dtype=np.uint8)
    if mode == "L":
        images = images[..., 0]
    names = [("train", c, n) for c in ("b cat", "a dog") for n in "123"]
    names += [("test", c, n) for c in ("b cat", "a dog") for n in "45"]
    for image, (part, label, name) in zip(images, names, strict=True):
        path = folder / part / label / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        expected[part].append((label, name, image))
    return {
        part: [image for *_, image in sorted(rows, key=lambda r: r[:2])]
        for part, rows in expected.items()
    }


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("L", ".png"), ("RGB", ".PNG"), ("RGB", ".bmp")],
)
def test_image_folders_are_read_as_torchvision_reads_them(mode, suffix, tmp_path):
    from sensitivity.base.torchvision_door import torchvision_module

    expected = picture_folder(tmp_path / "mine", mode, suffix)
    (tmp_path / "mine/train/a dog/.DS_Store").write_bytes(b"left behind")
    dataset = sources.fetch("mine", tmp_path, source=tmp_path / "mine")
    np.testing.assert_array_equal(dataset.x_train, expected["train"])
    np.testing.assert_array_equal(dataset.x_test, expected["test"])
    assert dataset.y_train.tolist() == [0, 0, 0, 1, 1, 1]
    witness = torchvision_module("torchvision.datasets").ImageFolder(tmp_path / "mine" / "train")
    assert witness.targets == dataset.y_train.tolist()
    shown = [np.array(image) for image, _ in witness]
    assert len(shown) == 6
    ours = dataset.x_train if mode == "RGB" else dataset.x_train[..., None].repeat(3, -1)
    np.testing.assert_array_equal(shown, ours)


def test_jpeg_is_read(tmp_path):
    picture_folder(tmp_path / "mine", "RGB", ".jpg")
    assert sources.fetch("mine", tmp_path, source=tmp_path / "mine").x_test.shape == (4, 4, 5, 3)


def test_image_folders_that_are_not_in_order(tmp_path):
    def refused(message):
        with pytest.raises(SensitivityError, match=message) as caught:
            own.read(tmp_path)
        assert "\n" not in str(caught.value)

    refused("train is missing")
    picture_folder(tmp_path)
    stranger = tmp_path / "test" / "eel"
    stranger.mkdir()
    refused("test/eel: this class has no folder below")
    (tmp_path / "train" / "eel").mkdir()
    refused("train/eel holds no image")
    stranger.rmdir()
    (tmp_path / "train" / "eel").rmdir()
    first = tmp_path / "train" / "a dog" / "1.png"
    good = first.read_bytes()
    first.rename(first.with_suffix(".gif"))
    refused(r"1.gif is no image we read \(.png")
    first.with_suffix(".gif").unlink()
    first.write_bytes(good[:-20])
    refused("1.png is no intact PNG image")
    Image.new("I;16", (5, 4)).save(first)
    refused("1.png has 16 bits a channel; convert")
    for mode in ("P", "1"):
        Image.new(mode, (5, 4)).save(first)
        refused(f"1.png has the colour mode {mode}.*; convert")
    Image.new("L", (6, 4)).save(first)
    refused(r"2.png is an image of shape \(4, 5\); those before are \(4, 6\)")
    first.write_bytes(good)
    (tmp_path / "test" / "a dog" / "copy.png").write_bytes(good)
    refused("test images are training images too")


def test_an_image_of_absurd_size_is_refused(tmp_path):
    picture_folder(tmp_path)
    first = tmp_path / "train" / "a dog" / "1.png"
    Image.new("1", (20000, 20000)).save(first)
    with pytest.raises(SensitivityError, match=r"1.png is no intact PNG image"):
        own.read(tmp_path)


def test_the_example_of_the_documentation(tmp_path, monkeypatch):
    page = Path(__file__).parents[2] / "docs/your_data.md"
    example = page.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "docs/your_data.md", "exec"), {})
    (path,) = tmp_path.glob("*.npz")
    settings = {"dataset": "stripes", "source": path.name}
    data.main(["--settings", json.dumps(settings), "--output", "results/data/stripes.npz"])
    assert (tmp_path / "results/data/stripes.npz").exists()
