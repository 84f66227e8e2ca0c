"""A row of the table of known data sets, and the files that it names."""

from collections.abc import Sequence
from dataclasses import dataclass

Sizes = tuple[int, int]
KINDS = ("images-idx3", "labels-idx1")  # of MNIST's files


@dataclass(frozen=True)
class Original:
    """One file as its publisher made it: its unpacked name and its checksum.

    Attributes:
        name: of the unpacked file.
        checksum: `algorithm:hexdigest` of the unpacked content, or of the file as it is packed.
        packed: whether only the checksum of the `.gz` is published.
    """

    name: str
    checksum: str
    packed: bool = False


@dataclass(frozen=True)
class Row:
    """What is known of one data set.

    Attributes:
        format: the reader of `sources.READERS` that understands the files.
        train, test: the files of each part; without `test`, `training_images` images are drawn from
            `train` (stratified, fixed seed) and the rest is the test set.
        image_shape: (h, w) or (h, w, c).
        classes: number of classes.
        sizes: (training images, test images).
        licence, citation: terms of use and source.
        archive: name of the `.tar.gz` or `.zip` that holds the files, if they come in one.
        folders: where the files lie below a data folder, besides the folder itself.
        installed: folders outside the data folder that may hold the files; a first part of the form
            `package:` stands for the folder of an installed Python package.
        torchvision: the class of torchvision.datasets that names the download addresses.
        mirrors: further base addresses.
    """

    format: str
    train: tuple[Original, ...]
    test: tuple[Original, ...]
    image_shape: tuple[int, ...]
    classes: int
    sizes: Sizes
    licence: str
    citation: str
    archive: str | None = None
    folders: tuple[str, ...] = ()
    installed: tuple[str, ...] = ()
    torchvision: str | None = None
    mirrors: tuple[str, ...] = ()

    @property
    def originals(self) -> tuple[Original, ...]:
        """All files, training part first."""
        return self.train + self.test


def mnist_files(
    *checksums: str, packed: bool = False, prefix: str = "", test: str = "t10k"
) -> dict[str, tuple[Original, ...]]:
    """MNIST's four files: training images and labels, then those of the test set."""
    names = [f"{prefix}{part}-{kind}-ubyte" for part in ("train", test) for kind in KINDS]
    files = tuple(Original(name, of, packed) for name, of in zip(names, checksums, strict=True))
    return {"train": files[:2], "test": files[2:]}


def emnist(split: str, digests: Sequence[str], classes: int, sizes: Sizes) -> Row:
    """A split of EMNIST, whose files are in one archive; MD5 as several projects publish them."""
    md5 = [f"md5:{digest}" for digest in digests]
    return Row(
        format="emnist",
        **mnist_files(*md5, packed=True, prefix=f"emnist-{split}-", test="test"),
        image_shape=(28, 28),
        classes=classes,
        sizes=sizes,
        licence="none stated; from NIST Special Database 19, a work of the US government",
        citation="Cohen, Afshar, Tapson, van Schaik 2017, EMNIST: an extension of MNIST to "
        "handwritten letters (arXiv 1702.05373)",
        archive="gzip.zip",
        folders=("EMNIST/raw", "emnist"),
        torchvision="EMNIST",
    )
