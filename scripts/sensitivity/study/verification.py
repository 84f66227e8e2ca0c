"""Whether a result is intact and what the current code and configuration would make.

A result says itself what it was made by: its settings (the code's fingerprint among them) and the
digests of what it was made from. Nothing here asks Snakemake's own records.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.files import storage

LENGTH_BYTES = 8  # of the header that begins a safetensors file


def problems(
    path: Path, expected: Mapping[tuple[str, ...], tuple[Mapping[str, Any], Mapping[str, str]]]
) -> list[str]:
    """What is wrong with one file; empty if nothing is.

    Args:
        path: the file.
        expected: the settings that it must have been made with, as its job is given them now, and
            by the names it records the SHA-256 of the files that it must have been made from. Of a
            file of measurements by model and measure, of any other by ().
    """
    if not path.is_file():
        return ["it is missing"]
    try:
        record = recorded(path)
    except SensitivityError as error:
        return [str(error)]
    found = []
    several = len({part[:1] for part in expected}) > 1  # else the path says which model it is
    for part, (settings, inputs) in expected.items() if record is not None else ():
        of = record
        for key in ("models", *part) if part else ():
            of = of.get(key, {})
        missing = f"it is missing; the file holds the models {', '.join(record.get('models', {}))}"
        faults = _faults(of, settings, inputs) if of else [missing]
        found += [": ".join((*(part if several else part[1:]), text)) for text in faults]
    return found


def recorded(path: Path) -> dict[str, Any] | None:
    """What a file says of its origin, once it has proved intact; None if it cannot say.

    Raises:
        SensitivityError: the file is damaged.
    """
    match path.suffix:
        case ".npz":
            return storage.read_arrays(path)[1]
        case ".csv":
            return storage.read_verified(path)[1]
        case ".safetensors":
            return _of_weights(path)
        case ".png":
            return _of_png(path)
        case ".pdf":
            return _of_pdf(path)
        case ".json":
            _check_checksum(path)
    return None


def orphans(folder: Path, wanted: Iterable[Path], study: str, shared: Iterable[str]) -> list[Path]:
    """The files of this study, and in the folders that all studies share, that no job makes.

    Originals that were downloaded are kept for other subsets, so they are none.
    """
    known = {path.resolve() for path in wanted}
    found = (path for top in (study, *shared) for path in (folder / top).rglob("*"))
    downloads = folder / "data" / "originals"
    return sorted(
        path
        for path in found
        if path.is_file() and path.resolve() not in known and downloads not in path.parents
    )


def _faults(
    record: Mapping[str, Any], settings: Mapping[str, Any], inputs: Mapping[str, str]
) -> list[str]:
    made_from = record.get("inputs", {})
    return [
        *(f"its {key} {_difference(record, settings, key)}" for key in _unequal(record, settings)),
        *(f"it was made from another {key} file" for key in _unequal(made_from, inputs)),
    ]


def _unequal(record: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    return [key for key in sorted(expected) if record.get(key) != expected[key]]


def _difference(record: Mapping[str, Any], settings: Mapping[str, Any], key: str) -> str:
    if key not in record:
        return "is not recorded"
    return f"is {record[key]!r}, and would now be {settings[key]!r}"


def _of_weights(path: Path) -> dict[str, Any]:
    """Read the metadata of a safetensors file without a tensor library.

    Its tensors are verified by the digest beside the training's history.
    """
    try:
        with path.open("rb") as file:
            header = file.read(int.from_bytes(file.read(LENGTH_BYTES), "little"))
        return json.loads(json.loads(header)["__metadata__"]["provenance"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise DamagedFile(f"it is damaged: its header cannot be read ({error})") from error


def _of_png(path: Path) -> dict[str, Any]:
    try:
        with Image.open(path) as image:
            image.verify()  # the checksums of its parts; the image cannot be used afterwards
        with Image.open(path) as image:
            return json.loads(image.text["Provenance"])
    except (OSError, ValueError, KeyError, SyntaxError, AttributeError) as error:
        raise DamagedFile(f"it is damaged: {error}") from error


def _of_pdf(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    found = re.search(rb"/Keywords \(((?:\\.|[^\\)])*)\)", content)
    if found is None or not content.rstrip().endswith(b"%%EOF"):
        raise DamagedFile("it is damaged: it does not end as a PDF, or has no keywords")
    return json.loads(re.sub(rb"\\(.)", rb"\1", found[1]))


def _check_checksum(path: Path) -> None:
    """A checksum must be that of the file beside it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["sha256"]
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedFile(f"it is damaged: {error}") from error
    beside = [other for other in path.parent.glob(f"{path.stem}.*") if other != path]
    if found not in map(storage.digest, beside):
        raise DamagedFile("it is not the checksum of the file beside it")
