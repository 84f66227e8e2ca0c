"""Downloads, by pooch: no file takes its name in part, or with another content than is promised."""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pooch
from filelock import FileLock
from requests import RequestException, Response

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.datasets import originals
from sensitivity.datasets.rows import Original, Row

HEADERS = {
    "User-Agent": "Mozilla/5.0 (compatible; sensitivity-and-generalization)",  # some refuse Python
    "Accept-Encoding": "identity",  # or a .gz may arrive unpacked
}
SILENCE = 30  # seconds that a server may say nothing
RETRIES = 3  # after pauses of 1, 2 and 3 seconds
CHUNK = 1 << 16

logger = logging.getLogger(__name__)
pooch.get_logger().handlers.clear()  # what it says goes into the job's log instead
pooch.get_logger().parent = logger


def download(
    name: str, row: Row, missing: Sequence[Original], folder: Path, retries: int = RETRIES
) -> dict[str, bytes]:
    """Download what is `missing` of a data set; keep the verified files, as they came, in `folder`.

    Returns:
        Verified content by file name.

    Raises:
        SensitivityError: no address gave the right content; the message says why, for each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Two jobs may want the same originals at once, for a data set and for its subset.
    with FileLock(folder / ".lock"):
        contents = originals.find(row, [folder])
        for original in missing:
            if original.name not in contents:
                file = row.archive or f"{original.name}.gz"
                wanted = missing if row.archive else [original]
                contents |= _from_any_address(name, file, wanted, row.mirrors, folder, retries)
    return contents


def _from_any_address(
    name: str,
    file: str,
    wanted: Sequence[Original],
    addresses: Sequence[str],
    folder: Path,
    retries: int,
) -> dict[str, bytes]:
    """The originals in `file`, from the first address that has them."""
    failures = []
    for address in addresses:
        url = address + file
        try:
            with downloaded(url, folder / file, retries) as path:
                contents = originals.verified(path, wanted, source=url)
                lacking = [original.name for original in wanted if original.name not in contents]
                if lacking:
                    raise DamagedFile(f"{url} lacks {', '.join(lacking)}")
            return contents
        except (RequestException, DamagedFile) as error:
            logger.warning("%s: %s", url, error)
            failures.append(f"{url}: {error}")
    raise SensitivityError(
        f"data set {name!r}: {file} could not be downloaded ({'; '.join(failures)}); run "
        "`snakemake data` where there is a network, or put the file into a folder and name that "
        "folder as `data_folder` in the configuration"
    )


@contextmanager
def downloaded(url: str, path: Path, retries: int = RETRIES) -> Iterator[Path]:
    """A file from an address, to be checked: it takes its place at `path` if nothing is raised.

    Raises:
        RequestException: the server cannot be reached, or does not give the file.
        SensitivityError: the file cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)  # of a run that was killed
    store = pooch.create(
        partial.parent,
        base_url="",
        registry={partial.name: None},  # what it must be is for the caller to check
        urls={partial.name: url},
        retry_if_failed=retries,
    )
    bar = sys.stderr.isatty()
    hooks = {"response": _close_if_refused}
    http = pooch.HTTPDownloader(bar, CHUNK, headers=HEADERS, timeout=SILENCE, hooks=hooks)
    try:
        store.fetch(partial.name, downloader=http)
        yield partial
        partial.replace(path)
    except RequestException:
        raise
    except OSError as error:
        raise SensitivityError(
            f"cannot write {path}: {error.strerror or error}; free some space or check the "
            "permissions, then run the same command again"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _close_if_refused(response: Response, **_: object) -> None:
    """Close the connection of an answer such as 404, which pooch leaves open."""
    if not response.ok:
        response.close()
