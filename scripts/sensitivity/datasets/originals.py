"""Original files as their publishers made them: found, unpacked, checked before they are read."""

import gzip
import hashlib
import importlib.util
import logging
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

from sensitivity.base.errors import DamagedFile
from sensitivity.datasets.rows import Original, Row

LARGEST = 1 << 28  # bytes; no original comes near it, a decompression bomb goes beyond
# RecursionError, of tar headers, is a RuntimeError.
TORN = (OSError, EOFError, ValueError, RuntimeError, zlib.error, tarfile.TarError)

logger = logging.getLogger(__name__)


def find(
    row: Row, data_folders: Sequence[Path], notes: "list[str] | None" = None
) -> dict[str, bytes]:
    """Collect the originals of a data set from the data folders and from installed packages.

    The first of `data_folders` is looked through with all its sub-folders. A file of the right name
    that is torn, or has another content, is passed over: MNIST's names are Fashion-MNIST's too.

    Args:
        row: what is looked for.
        data_folders: where to look, at the top and in the usual sub-folders.
        notes: receives a sentence for each file that was passed over.

    Returns:
        Unpacked and verified content by file name; files that are nowhere are left out.
    """
    found: dict[str, bytes] = {}
    for folder in _places(row, data_folders):
        for path in _candidates(row, folder, found):
            try:
                found |= verified(path, [o for o in row.originals if o.name not in found])
            except DamagedFile as error:
                logger.warning("passed over: %s", error)
                if notes is not None:
                    notes.append(str(error))
        if len(found) == len(row.originals):
            break
    return found


def _places(row: Row, data_folders: Sequence[Path]) -> Iterator[Path]:
    """All folders to look into, the usual ones first, each once."""
    usual = [folder / below for folder in data_folders for below in (*row.folders, ".")]
    usual.extend(_installed(row))
    yield from usual
    yield from (folder for folder in _folders_below(data_folders[:1]) if folder not in usual)


def _candidates(row: Row, folder: Path, found: Mapping[str, bytes]) -> Iterator[Path]:
    """Files in a folder whose names promise an original that is not yet found."""
    for original in row.originals:
        for name in (*spellings(original.name), row.archive):
            if original.name not in found and name and (folder / name).is_file():
                yield folder / name


def spellings(name: str) -> tuple[str, ...]:
    """The names under which an original lies about: packed or not, with a dot as Kaggle has it."""
    plain = dict.fromkeys((name, name.replace("-idx", ".idx")))
    return tuple(f"{name}{ending}" for name in plain for ending in ("", ".gz"))


def _installed(row: Row) -> Iterator[Path]:
    for place in row.installed:
        package, colon, folder = place.partition(":")
        if not colon:
            yield Path(place)
            continue
        specification = importlib.util.find_spec(package)  # the package is not imported
        if specification is not None and specification.origin is not None:
            yield Path(specification.origin).parent / folder


def _folders_below(tops: Sequence[Path]) -> Iterator[Path]:
    """Folders and all visible ones below them, links followed, each real folder once."""
    seen: set[str] = set()
    for top in tops:
        for place, folders, _ in os.walk(top, followlinks=True):
            real = os.path.realpath(place)
            if real in seen:
                folders.clear()  # what is below was seen as well; a link may lead up again
                continue
            seen.add(real)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield Path(place)


def verified(path: Path, wanted: Sequence[Original], source: str = "") -> dict[str, bytes]:
    """Unpack a file and keep what is an original.

    Args:
        path: of a plain file, a `.gz` or a `.tar.gz`.
        wanted: the originals looked for.
        source: the address that the file comes from, whose name then says what kind it is.

    Returns:
        Content by name, each with the checksum of the registry.

    Raises:
        DamagedFile: the file is torn, or what bears an original's name has another content.
    """
    place = source or str(path)
    by_name = {original.name: original for original in wanted}
    kept: dict[str, bytes] = {}
    try:
        for name, content in _unpacked(path, Path(place).name, set(by_name)):
            if name in by_name and name not in kept:
                _check(content, by_name[name], place)
                logger.info("%s: from %s, checksum matches", name, place)
                kept[name] = content
    except TORN as error:
        expected = by_name.get(_plain_name(place))
        promise = f" instead of unpacking to {expected.checksum}" if expected else ""
        raise DamagedFile(
            f"{place} is torn or no such file{promise} ({error}); replace or remove it"
        ) from error
    return kept


def _unpacked(path: Path, file: str, names: set[str]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file within.

    Whatever paths an archive claims, only last names count, and nothing is written.
    """
    _check_size(path.stat().st_size)
    content = path.read_bytes()
    if not file.endswith(".tar.gz"):
        yield _plain_name(file), _gunzip(content) if file.endswith(".gz") else content
        return
    # As a stream, because a forged size cannot send a stream backwards, to be read for ever.
    with tarfile.open(fileobj=BytesIO(_gunzip(content)), mode="r|") as archive:
        for member in archive:
            if Path(member.name).name in names and member.isreg():
                yield Path(member.name).name, archive.extractfile(member).read()


def _plain_name(place: str) -> str:
    return Path(place).name.removesuffix(".gz").replace(".idx", "-idx")


def _check_size(size: int) -> None:
    if size > LARGEST:
        raise ValueError(f"it has more than {LARGEST} bytes, and no original has")


def _gunzip(content: bytes) -> bytes:
    with gzip.open(BytesIO(content)) as file:
        unpacked = file.read(LARGEST + 1)
    _check_size(len(unpacked))
    return unpacked


def digest(content: bytes, algorithm: str) -> str:
    """`algorithm:hexdigest`, in the registry's form."""
    return f"{algorithm}:{hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()}"


def _check(content: bytes, original: Original, place: str) -> None:
    found = digest(content, original.checksum.partition(":")[0])
    if found != original.checksum:
        raise DamagedFile(
            f"{place} does not hold the original {original.name}: expected {original.checksum}, "
            f"found {found}; replace or remove it"
        )
