"""A row of the table of known data sets, and the files that it names."""

from dataclasses import dataclass

Sizes = tuple[int, int]
KINDS = ("images-idx3", "labels-idx1")  # of MNIST's files


@dataclass(frozen=True)
class Original:
    """One file as its publisher made it: its unpacked name and its checksum.

    Attributes:
        name: of the unpacked file.
        checksum: `algorithm:hexdigest` of the unpacked content.
    """

    name: str
    checksum: str


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
        archive: name of the `.tar.gz` that holds the files, if they come in one.
        folders: where the files lie below a data folder, besides the folder itself.
        installed: folders outside the data folder that may hold the files; a first part of the form
            `package:` stands for the folder of an installed Python package.
        mirrors: addresses of the folders that they are downloaded from, tried one after another.
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
    mirrors: tuple[str, ...] = ()

    @property
    def originals(self) -> tuple[Original, ...]:
        """All files, training part first."""
        return self.train + self.test


def mnist_files(*checksums: str) -> dict[str, tuple[Original, ...]]:
    """MNIST's four files: training images and labels, then those of the test set."""
    names = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in KINDS]
    files = tuple(Original(name, of) for name, of in zip(names, checksums, strict=True))
    return {"train": files[:2], "test": files[2:]}
