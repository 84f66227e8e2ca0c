"""A row of the table of known data sets, and the files that it names."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Original:
    """One file as its publisher made it: its unpacked name and its digests.

    Attributes:
        name: of the unpacked file.
        checksum: `algorithm:hexdigest` of the unpacked content; empty where only that of the packed
            file is published.
        packed: the same of the `.gz` as it is published, where that is what is known.
    """

    name: str
    checksum: str = ""
    packed: str = ""

    @property
    def digests(self) -> tuple[str, ...]:
        """The checksums that are known."""
        return tuple(filter(None, (self.checksum, self.packed)))


@dataclass(frozen=True)
class Row:
    """What is known of one data set.

    Attributes:
        title: as it is written in figures.
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

    title: str
    format: str
    train: tuple[Original, ...]
    test: tuple[Original, ...]
    image_shape: tuple[int, ...]
    classes: int
    sizes: tuple[int, int]
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


def emnist(
    split: str, title: str, digests: tuple[str, str, str, str], classes: int, sizes: tuple[int, int]
) -> Row:
    """A split of EMNIST, whose files are in one archive; MD5 as several projects publish them."""
    names = [
        f"emnist-{split}-{part}-{what}-idx{axes}-ubyte"
        for part in ("train", "test")
        for what, axes in (("images", 3), ("labels", 1))
    ]
    originals = [Original(name, packed=f"md5:{md5}") for name, md5 in zip(names, digests)]
    return Row(
        title=title,
        format="emnist",
        train=tuple(originals[:2]),
        test=tuple(originals[2:]),
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
