"""Original files as their publishers made them: found, unpacked, checked before they are read."""

import gzip
import hashlib
import importlib.util
import logging
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

from sensitivity.base.errors import DamagedFile
from sensitivity.datasets.registry import REGISTRY
from sensitivity.datasets.rows import Original, Row

LARGEST = 1 << 28  # bytes; no original comes near it, a decompression bomb goes beyond
CHUNK = 1 << 20

logger = logging.getLogger(__name__)


def find(
    row: Row, data_folders: Sequence[Path], notes: "list[str] | None" = None
) -> dict[str, bytes]:
    """Collect the originals of a data set from the data folders and then from installed packages.

    The first of `data_folders` is looked through with all its sub-folders, where a namesake of
    another content is noted and passed over: names such as `train` are common.

    Args:
        row: what is looked for.
        data_folders: where to look, at the top and in the usual sub-folders.
        notes: receives a sentence for each file that was passed over.

    Returns:
        Unpacked and verified content by file name; files that are nowhere are left out.

    Raises:
        DamagedFile: a file of the right name, in a usual place, is torn or has another content.
    """
    found: dict[str, bytes] = {}
    notes = [] if notes is None else notes
    usual = [*_below(row, data_folders), *_installed(row)]
    for folder in usual:
        for path in _candidates(row, folder, found):
            wanted = [other for other in row.originals if other.name not in found]
            found |= _read_verified(path, wanted, notes)
    for folder in _deeper(data_folders[:1], usual) if len(found) < len(row.originals) else ():
        for path in _candidates(row, folder, found):
            wanted = [other for other in row.originals if other.name not in found]
            try:
                found |= _read_verified(path, wanted, notes)
            except DamagedFile as error:
                logger.warning("passed over: %s", error)
                notes.append(str(error))
    return found


def _candidates(row: Row, folder: Path, found: Mapping[str, bytes]) -> Iterator[Path]:
    """Files in a folder whose names promise an original that is not yet found."""
    for original in row.originals:
        for name in (*spellings(original.name), row.archive):
            if original.name not in found and name and (folder / name).is_file():
                yield folder / name


def spellings(name: str) -> tuple[str, ...]:
    """The names under which an original lies about: packed or not, with a dot as Kaggle has it."""
    dotted = name.replace("-idx", ".idx")
    plain = (name, dotted) if dotted != name else (name,)
    return tuple(f"{name}{ending}" for name in plain for ending in ("", ".gz"))


def _deeper(data_folders: Sequence[Path], seen: Sequence[Path]) -> Iterator[Path]:
    """All visible sub-folders of the data folders but those already seen."""
    known = {folder.resolve() for folder in seen}
    for top in data_folders:
        for place, folders, _ in os.walk(top):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            if Path(place).resolve() not in known:
                yield Path(place)


def _read_verified(path: Path, wanted: Sequence[Original], notes: list[str]) -> dict[str, bytes]:
    if path.suffix == ".zip":
        return _of_zip(path, wanted, notes)
    return verified(_read(path), path, wanted, notes)


def _of_zip(
    source: "Path | BytesIO", wanted: Sequence[Original], notes: list[str], label: object = None
) -> dict[str, bytes]:
    """The originals that are packed files in a zip archive, by their last names."""
    label = label or source
    packed = {f"{original.name}.gz" for original in wanted}
    kept: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(source) as archive:
            for member in archive.infolist():
                name = Path(member.filename).name
                if name in packed and name.removesuffix(".gz") not in kept:
                    if member.file_size > LARGEST:
                        raise ValueError(f"{name} unpacks to more than {LARGEST} bytes")
                    kept |= verified(archive.read(member), f"{label}/{name}", wanted, notes)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, ValueError, RuntimeError) as error:
        raise DamagedFile(f"{label} is torn or no such file ({error}); replace it") from error
    return kept


def verified(
    content: bytes,
    source: "Path | str",
    wanted: Sequence[Original],
    notes: "list[str] | None" = None,
) -> dict[str, bytes]:
    """Unpack a file and keep what is an original.

    Args:
        content: of a plain file, a `.gz`, a `.tar.gz` or a `.zip`, as the name in `source` tells.
        source: path or address, for the messages too.
        wanted: the originals looked for.
        notes: receives a sentence for each file that was passed over.

    Returns:
        Content by name, each with the checksum of the registry.

    Raises:
        DamagedFile: the file is torn, or what bears an original's name has another content.
    """
    notes = [] if notes is None else notes
    name = Path(source).name
    wanted_by_name = {original.name: original for original in wanted}
    plain = name.removesuffix(".gz").replace(".idx", "-idx")
    packed = b""
    try:
        if name.endswith(".zip"):
            return _of_zip(BytesIO(content), wanted, notes, source)
        if name.endswith(".tar.gz"):
            files = _members(_gunzip(content), set(wanted_by_name))
        elif name.endswith(".gz"):
            files, packed = {plain: _gunzip(content)}, content
        else:
            files = {plain: content}
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, RecursionError) as error:
        expected = wanted_by_name.get(plain)
        promise = f" instead of unpacking to {expected.digests[0]}" if expected else ""
        raise DamagedFile(
            f"{source} is torn or no such file{promise} ({error}); replace or remove it"
        ) from error
    kept = {
        name: content
        for name, content in files.items()
        if name in wanted_by_name
        and _is_original(content, packed, wanted_by_name[name], source, notes)
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


def _is_original(
    content: bytes, packed: bytes, original: Original, source: "Path | str", notes: list[str]
) -> bool:
    """Whether `content`, packed as `packed`, is the original.

    What belongs to another data set, or cannot be told, is passed over with a note: MNIST,
    Fashion-MNIST and KMNIST use the same names, so a flat folder of one says nothing of the other.
    """
    forms = (content, packed)
    if _matches(original, *forms):
        return True
    others = (other for row in REGISTRY.values() for other in row.originals)
    if any(_matches(other, *forms) for other in others):
        notes.append(f"{source} belongs to another data set")
        logger.info("%s", notes[-1])
        return False
    if not original.checksum and not packed:
        notes.append(
            f"{source} is unpacked, and only the checksum of {original.name}.gz is published: "
            "put the .gz beside it"
        )
        logger.info("%s", notes[-1])
        return False
    expected = original.digests[0]
    found = digest(content if original.checksum else packed, expected.partition(":")[0])
    raise DamagedFile(
        f"{source} does not hold the original {original.name}: expected {expected}, found {found}; "
        "replace or remove it"
    )


def _matches(original: Original, content: bytes, packed: bytes) -> bool:
    return any(
        expected and form and digest(form, expected.partition(":")[0]) == expected
        for expected, form in ((original.checksum, content), (original.packed, packed))
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
