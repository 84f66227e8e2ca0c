import re
import subprocess
import sys

import pytest

from sensitivity.base.errors import SensitivityError
from sensitivity.base.torchvision_door import torchvision_module
from sensitivity.datasets import registry
from sensitivity.datasets.registry import REGISTRY


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("cifar10", ("cifar10", None, None)),
        ("cifar10:5000", ("cifar10", 5000, None)),
        ("my-data_2.b:1", ("my-data_2.b", 1, None)),
        ("cifar10@24", ("cifar10", None, 24)),
        ("cifar10@24:5000", ("cifar10", 5000, 24)),
    ],
)
def test_a_name_is_a_base_a_size_and_a_side(name, parts):
    assert registry.parse(name) == parts


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a:",
        "a:0",
        "a:05",
        "a:-1",
        "a:1:2",
        "a/b",
        "../a",
        ".a",
        "a b",
        "a\n",
        "a:1e3",
        "ä",
        "a@",
        "a@0",
        "a:5@2",
        "@2",
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(SensitivityError, match="is no valid name; write NAME"):
        registry.parse(name)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(SensitivityError, match="did you mean 'fashion_mnist'"):
        registry.check_name("fashion-mnist")
    with pytest.raises(SensitivityError, match=r"not known: there are .*mnist5k.*`datasets:`"):
        registry.check_name("qqqq")
    with pytest.raises(SensitivityError, match="did you mean 'leaves'"):
        registry.check_name("leafs", own=["leaves"])


def test_known_names_and_subsets_pass():
    for name in REGISTRY:
        registry.check_name(name)
    registry.check_name("cifar100:50000")
    registry.check_name("leaves:20", own=["leaves"])


def test_a_subset_larger_than_the_set_is_refused():
    with pytest.raises(SensitivityError, match="mnist5k has 4000 training images"):
        registry.check_name("mnist5k:4001")


@pytest.mark.parametrize("name", ["mnist", "mine:20", "a/b"])
def test_own_names_that_cannot_be_are_refused(name):
    with pytest.raises(SensitivityError):
        registry.check_own_name(name)
    registry.check_own_name("leaves")


def test_every_checksum_is_well_formed():
    lengths = {"md5": 32, "sha256": 64}
    for row in REGISTRY.values():
        for original in row.originals:
            algorithm, _, value = original.checksum.partition(":")
            assert re.fullmatch(f"[0-9a-f]{{{lengths[algorithm]}}}", value)


def test_names_and_checksums_are_those_of_torchvision():
    data_sets = torchvision_module("torchvision.datasets")
    for name in ("cifar10", "cifar100"):
        row = REGISTRY[name]
        source = getattr(data_sets, name.upper())
        ours = [
            [[original.name, original.checksum.removeprefix("md5:")] for original in part]
            for part in (row.train, row.test)
        ]
        assert ours == [source.train_list, source.test_list]
        assert row.archive == source.filename
        assert row.folders[0] == source.base_folder
        assert f"{row.mirrors[0]}{row.archive}" == source.url
    for name, class_name in (("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")):
        row = REGISTRY[name]
        source = getattr(data_sets, class_name)
        assert row.mirrors[0] in source.mirrors
        files = {original.name for original in row.originals}
        assert files == {file.removesuffix(".gz") for file, _ in source.resources}
        assert row.folders[0] == f"{source.__name__}/raw"


def test_names_are_checked_and_embedded_data_are_read_without_torch():
    code = (
        "import sys; from pathlib import Path\n"
        "from sensitivity.datasets import registry, sources\n"
        "registry.check_name('mnist')\n"
        "sources.fetch('digits', downloads=Path('nowhere'))\n"
        "heavy = {'torch', 'torchvision', 'sklearn', 'mlxtend', 'pandas', 'scipy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd="scripts")


def test_crops():
    registry.check_name("cifar10@24")
    with pytest.raises(SensitivityError, match="cifar10 has images of 32 x 32 pixels"):
        registry.check_name("cifar10@33")
    with pytest.raises(SensitivityError, match="under `datasets:`"):
        registry.check_own_name("mine@24")


SHA = "0123456789abcdef" * 4


@pytest.mark.parametrize("url", ["https://a.org/x.npz", "http://a/x", "file:///x.zip"])
def test_own_data_have_a_path_or_an_address(url):
    registry.check_own("leaves", "leaves.npz")
    registry.check_own("leaves", {"url": url, "sha256": SHA.upper()})


@pytest.mark.parametrize(
    ("url", "sha256", "message"),
    [
        ("leaves.zip", SHA, "datasets.leaves.url: 'leaves.zip' is no address; it begins with"),
        ("ftp://a.org/x.npz", SHA, "is no address"),
        ("https://a.org/x.npz", SHA[1:], "datasets.leaves.sha256: .* is no SHA-256"),
        ("https://a.org/x.npz", f"sha256:{SHA}", "is no SHA-256, 64 digits .* `sha256sum FILE`"),
    ],
)
def test_other_addresses_are_refused(url, sha256, message):
    with pytest.raises(SensitivityError, match=message):
        registry.check_own("leaves", {"url": url, "sha256": sha256})


def test_paths_may_hold_variables(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    for text in ("~/x", "$HOME/x", "${HOME}/x", "/home/me/x"):
        assert str(registry.local_path(text)) == "/home/me/x"
