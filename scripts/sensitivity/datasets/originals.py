"""Original files as their publishers made them: found, unpacked, checked before they are read."""

import gzip
import hashlib
import importlib.util
import logging
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from sensitivity.datasets.registry import REGISTRY, Original, Row
from sensitivity.errors import DamagedFile

LARGEST = 1 << 28  # bytes; no original comes near it, a decompression bomb goes beyond
MOST_MEMBERS = 64  # of an archive; CIFAR's have 8

logger = logging.getLogger(__name__)


def find(row: Row, data_folder: "Path | None") -> dict[str, bytes]:
    """Collect the originals of a data set from the data folder and then from installed packages.

    Returns:
        Unpacked and verified content by file name; files that are nowhere are left out.

    Raises:
        DamagedFile: a file of the right name is torn or has another content.
    """
    found: dict[str, bytes] = {}
    for folder in [*_below(row, data_folder), *_installed(row)]:
        wanted = [original for original in row.originals if original.name not in found]
        if wanted and folder.is_dir():
            found |= read_folder(folder, row, wanted)
    return found


def read_folder(folder: Path, row: Row, wanted: Iterable[Original]) -> dict[str, bytes]:
    """Read those of the `wanted` originals that lie in `folder`, plain, gzipped or in the archive.

    Raises:
        DamagedFile: as `find`.
    """
    found = {}
    for original in wanted:
        for path in (folder / original.name, folder / f"{original.name}.gz"):
            if path.is_file() and original.name not in found:
                content = _unpack(path)
                if _verify(content, original, path):
                    found[original.name] = content
    missing = {original.name: original for original in wanted if original.name not in found}
    if missing and row.archive and (folder / row.archive).is_file():
        found |= _read_archive(folder / row.archive, missing)
    for name in found:
        logger.info("%s: read from %s, checksum matches", name, folder)
    return found


def digest(content: bytes, algorithm: str) -> str:
    """`algorithm:hexdigest`, in the registry's form."""
    return f"{algorithm}:{hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()}"


def _below(row: Row, data_folder: "Path | None") -> list[Path]:
    if data_folder is None:
        return []
    return [*(data_folder / folder for folder in row.folders), data_folder]


def _installed(row: Row) -> Iterator[Path]:
    for place in row.installed:
        package, colon, folder = place.partition(":")
        if not colon:
            yield Path(place)
            continue
        specification = importlib.util.find_spec(package)  # the package is not imported
        if specification is not None and specification.origin is not None:
            yield Path(specification.origin).parent / folder


def _verify(content: bytes, original: Original, path: "Path | str") -> bool:
    """Whether `content` is the original; a sibling's file of the same name is passed over."""
    expected = original.checksum
    found = digest(content, expected.partition(":")[0])
    if found == expected:
        return True
    # MNIST and Fashion-MNIST use the same names: a flat folder of one says nothing of the other.
    siblings = (other for row in REGISTRY.values() for other in row.originals)
    if any(found == other.checksum for other in siblings):
        logger.info("%s belongs to another data set; passed over", path)
        return False
    raise DamagedFile(
        f"{path} is not the original {original.name}: expected {expected}, found {found}; replace "
        "or remove it"
    )


def _unpack(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedFile(
            f"{path} is torn or cannot be read ({error}); replace or remove it"
        ) from error
    if len(content) > LARGEST:
        raise DamagedFile(f"{path} unpacks to more than {LARGEST} bytes; replace or remove it")
    return content


def _read_archive(path: Path, wanted: dict[str, Original]) -> dict[str, bytes]:
    """Read members by their last name; nothing is ever written, whatever paths they claim."""
    found = {}
    try:
        # As a stream, so that a forged size cannot send the reader backwards for ever.
        with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for count, member in enumerate(archive):
                if count >= MOST_MEMBERS or member.size > LARGEST:
                    raise DamagedFile(
                        f"{path} holds more or larger members than the original archive; replace it"
                    )
                original = wanted.get(Path(member.name).name)
                if original is not None and member.isreg() and original.name not in found:
                    content = archive.extractfile(member).read()
                    if _verify(content, original, f"{member.name} in {path}"):
                        found[original.name] = content
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise DamagedFile(
            f"{path} is torn or cannot be read ({error}); replace or remove it"
        ) from error
    return found
