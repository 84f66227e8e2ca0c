"""Files that appear whole or not at all, carry their provenance, and notice damage when read.

Two formats: arrays (`.npz`, whose zip container holds a checksum of every member) and tables (plain
`.csv` for any reader). Tables, and whatever may grow large, have a checksum: a `.json` beside the
file with its SHA-256 and its provenance. Equal contents give equal bytes.
"""

import csv
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.files import npz


@contextmanager
def atomic(path: "str | Path") -> Iterator[Path]:
    """A temporary path beside `path` that takes its place on success and vanishes on failure.

    Raises:
        SensitivityError: the file cannot be written (disk full, no permission).
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.stem[:64]}-", suffix=path.suffix
        )
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SensitivityError(
            f"cannot write {path}: {reason}; free some space or check the permissions, then run "
            "the same command again"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def canonical(value: Any) -> str:
    """JSON in one fixed form: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def write_arrays(
    path: "str | Path", arrays: Mapping[str, np.ndarray], provenance: Mapping[str, Any]
) -> None:
    """Write named arrays and their provenance as one `.npz`, without pickles."""
    for name, array in arrays.items():
        if np.asarray(array).dtype.hasobject:
            raise SensitivityError(f"array {name!r} for {path} holds Python objects")
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays, provenance=np.array(canonical(provenance)))
    with atomic(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def read_arrays(
    path: "str | Path", **expected: Any
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read a file of `write_arrays`: (arrays by name, provenance).

    Raises:
        DamagedFile: the file is truncated or altered, or its provenance lacks what is `expected`.
    """
    try:
        arrays = npz.read(path)
        provenance = _mapping(json.loads(str(arrays.pop("provenance"))))
    except FileNotFoundError:
        raise SensitivityError(f"{path} does not exist") from None
    except (DamagedFile, OSError, ValueError, KeyError) as error:
        raise _damaged(path, f"it cannot be read ({error.__cause__ or error})") from error
    _check(path, provenance, expected)
    return arrays, provenance


def _sidecar(path: "str | Path") -> Path:
    return Path(path).with_suffix(".json")


def digest(path: "str | Path") -> str:
    """The SHA-256 of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_checksum(path: "str | Path", provenance: Mapping[str, Any]) -> None:
    """Write the digest and the provenance of a finished file as JSON beside it.

    Snakemake compares files of up to a megabyte by content and larger ones by date; its checksum is
    small and changes exactly when it does, so rules watch that.
    """
    record = {"provenance": dict(provenance), "sha256": digest(path)}
    with atomic(_sidecar(path)) as temporary:
        temporary.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def write_table(path: "str | Path", frame: Any, provenance: Mapping[str, Any]) -> None:
    """Write a pandas data frame as plain CSV, with its checksum."""
    with atomic(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")
    write_checksum(path, provenance)


def write_rows(
    path: "str | Path", rows: Sequence[Mapping[str, Any]], provenance: Mapping[str, Any]
) -> None:
    """Write rows of equal columns as `write_table` does, without the time that pandas takes."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_checksum(path, provenance)


def read_table(path: "str | Path", **expected: Any) -> Any:
    """Read a table of `write_table` as a pandas data frame.

    Raises:
        DamagedFile: the table or its sidecar is missing, truncated or altered, or its provenance
            lacks what is `expected`.
    """
    import pandas as pd

    content, _ = read_verified(path, **expected)
    return pd.read_csv(BytesIO(content), float_precision="round_trip")


def read_verified(path: "str | Path", **expected: Any) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a table of `write_table`, once their digest matches, and its provenance."""
    try:
        content = Path(path).read_bytes()
        record = json.loads(_sidecar(path).read_text(encoding="utf-8"))
        promised, provenance = record["sha256"], _mapping(record["provenance"])
    except FileNotFoundError as error:
        raise SensitivityError(f"{error.filename} does not exist") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"its sidecar cannot be read ({error})") from error
    if hashlib.sha256(content).hexdigest() != promised:
        raise _damaged(path, "its content does not match the digest written with it")
    _check(path, provenance, expected)
    return content, provenance


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("its provenance is no JSON object")
    return value


def _check(path: "str | Path", provenance: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    for key, value in expected.items():
        if provenance.get(key) != value:
            raise _damaged(path, f"its {key} is {provenance.get(key)!r}, expected was {value!r}")


def _damaged(path: "str | Path", reason: str) -> DamagedFile:
    return DamagedFile(f"{path} is damaged: {reason}; delete it and run the same command again")
