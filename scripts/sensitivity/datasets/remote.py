"""A reader's own data from an address: downloaded once, and known by their checksum."""

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
from filelock import FileLock
from requests import RequestException

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.datasets import image_folder, own
from sensitivity.datasets.download import RETRIES, downloaded
from sensitivity.files import storage


def read(
    name: str, source: Mapping[str, str], downloads: Path, retries: int = RETRIES
) -> tuple[np.ndarray, ...]:
    """Read an `.npz` file, or an image folder in a zip archive.

    Args:
        name: of the data set.
        source: `url` and `sha256` of the file, as `registry.check_own` admits them.
        downloads: the folder that keeps the file, in a sub-folder `name`.
        retries: how often an address is asked again after a failed connection.

    Returns:
        As `own.read`.

    Raises:
        SensitivityError: the file is not to be had, has another checksum, or holds no such data.
    """
    url, sha256 = source["url"], source["sha256"].lower()
    path = _local(name, url, sha256, downloads / name, retries)
    try:
        if _is_npz(path):
            return own.read_npz(path)
        with TemporaryDirectory(dir=downloads / name, prefix=".unpacked-") as folder:
            try:
                shutil.unpack_archive(path, folder, "zip")  # no member is written outside of it
                return own.read_folder(_top(Path(folder)))
            except SensitivityError as error:  # which names files in a folder that will be gone
                raise SensitivityError(str(error).replace(f"{folder}/", "")) from error
            except Exception as error:  # torn archives raise almost anything
                raise SensitivityError(
                    f"the file is neither an .npz file nor a zip archive of images ({error})"
                ) from error
    except SensitivityError as error:
        raise SensitivityError(f"data set {name!r}, from {url}: {error}") from error


def _local(name: str, url: str, sha256: str, folder: Path, retries: int) -> Path:
    """The file with the right checksum, on this machine."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = urlsplit(url)
    if parts.scheme == "file":
        path = Path(url2pathname(parts.path))
        if not path.is_file():
            raise SensitivityError(f"data set {name!r}: {path} is no file; correct its `url`")
        _check(path, url, sha256)
        return path
    path = folder / sha256
    with FileLock(folder / ".lock"):  # for a data set and for its subset, at once
        if not path.is_file() or storage.digest(path) != sha256:
            try:
                with downloaded(url, path, retries) as partial:
                    _check(partial, url, sha256)
            except (RequestException, DamagedFile) as error:
                raise SensitivityError(
                    f"data set {name!r}: {url} could not be downloaded ({error}); run `snakemake "
                    "data` where there is a network, or fetch the file by other means and name it "
                    "as `url: file:///...`"
                ) from error
    return path


def _check(path: Path, url: str, sha256: str) -> None:
    found = storage.digest(path)
    if found != sha256:
        raise DamagedFile(
            f"{url} has another content: expected sha256 {sha256}, found {found}; correct `sha256` "
            "if the file is the one that is meant"
        )


def _is_npz(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _top(folder: Path) -> Path:
    """Where train/ and test/ are: at the top, or in the one folder that the archive holds."""
    while not (folder / "train").is_dir():
        inner = [
            p for p in folder.iterdir() if p.is_dir() and not image_folder.is_left_behind(p.name)
        ]
        if len(inner) != 1:
            break
        (folder,) = inner
    return folder
