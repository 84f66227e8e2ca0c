"""Download of original files: mirrors, retries with back-off, time limits, a progress bar."""

import http.client
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)
from tqdm import tqdm

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.datasets import originals
from sensitivity.datasets.rows import Original, Row
from sensitivity.datasets.torchvision_addresses import base_addresses
from sensitivity.files.storage import atomic

AGENT = "Mozilla/5.0 (compatible; sensitivity-and-generalization)"  # some mirrors refuse Python's
CHUNK = 1 << 16
LARGEST = 1 << 30  # bytes; EMNIST's archive has half as many
PASSING = (408, 425, 429, 500, 502, 503, 504)  # HTTP states that a retry may mend

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How long to try at each address.

    Attributes:
        attempts: how often.
        longest_pause: the longest pause between attempts, in seconds; pauses grow up to it.
        silence: the longest silence of a server, in seconds.
        total: the longest time of all attempts together, in seconds.
    """

    attempts: int = 4
    longest_pause: float = 30.0
    silence: float = 30.0
    total: float = 3600.0


def download(
    name: str, row: Row, missing: Sequence[Original], folder: Path, patience: Patience
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
                contents |= _from_any_address(name, file, wanted, _addresses(row), folder, patience)
    return contents


def _addresses(row: Row) -> list[str]:
    addresses: list[str] = []
    if row.torchvision is not None:
        try:
            addresses.extend(base_addresses(row.torchvision))
        except ImportError as error:
            logger.warning("%s: only our own mirrors are tried", error)
    return [*addresses, *row.mirrors]


def _from_any_address(
    name: str,
    file: str,
    wanted: Sequence[Original],
    addresses: Sequence[str],
    folder: Path,
    patience: Patience,
) -> dict[str, bytes]:
    """The originals in `file`, from the first address that has them."""
    failures = []
    for address in addresses:
        url = address + file
        try:
            content = _retried(url, patience)
            contents = originals.verified(content, url, wanted)
            lacking = [original.name for original in wanted if original.name not in contents]
            if lacking:
                raise DamagedFile(f"{url} lacks {', '.join(lacking)}")
        except (OSError, http.client.HTTPException, DamagedFile) as error:
            logger.warning("%s: %s", url, error)
            failures.append(f"{url}: {error}")
            continue
        with atomic(folder / file) as temporary:
            temporary.write_bytes(content)
        return contents
    raise SensitivityError(
        f"data set {name!r}: {file} could not be downloaded ({'; '.join(failures)}); run "
        "`snakemake data` where there is a network, or put the file into a folder and name that "
        "folder as `data_folder` in the configuration"
    )


def _retried(url: str, patience: Patience) -> bytes:
    retrying = Retrying(
        stop=stop_after_attempt(patience.attempts) | stop_after_delay(patience.total),
        wait=wait_random_exponential(max=patience.longest_pause),
        retry=retry_if_exception(_may_pass),
        reraise=True,
        before_sleep=lambda state: logger.warning(
            "%s: %s; trying again", url, state.outcome.exception()
        ),
    )
    return retrying(_get, url, patience.silence, time.monotonic() + patience.total)


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code in PASSING
    return isinstance(error, OSError | http.client.HTTPException)


def _get(url: str, silence: float, end: float) -> bytes:
    """One attempt at one address, until the time `end`."""
    content = bytearray()
    request = urllib.request.Request(url, headers={"User-Agent": AGENT})
    try:
        response = urllib.request.urlopen(request, timeout=silence)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise
    with response:
        length = response.length
        # disable=None: no bar where the output is not a terminal
        with tqdm(total=length, unit="B", unit_scale=True, desc=url, disable=None) as bar:
            while chunk := response.read1(CHUNK):
                content += chunk
                bar.update(len(chunk))
                if time.monotonic() > end:
                    raise TimeoutError(f"only {len(content)} bytes came within the time limit")
                if len(content) > LARGEST:
                    raise DamagedFile(f"{url} is larger than any original")
    if length is not None and len(content) != length:
        raise ConnectionError(f"it broke off after {len(content)} of {length} bytes")
    return bytes(content)
