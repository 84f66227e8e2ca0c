"""What every script shares: its arguments, its log, and errors in one sentence."""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sensitivity.errors import SensitivityError


def standard_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that every script has."""
    parser.add_argument(
        "--settings",
        type=_mapping,
        default={},
        metavar="JSON",
        help="what this result depends on, as a JSON object; recorded in the result",
    )
    parser.add_argument("--log", type=Path, help="a file that receives the log")
    parser.add_argument("--threads", type=int, default=1, help="processor threads (default 1)")


def device_argument(parser: argparse.ArgumentParser) -> None:
    """Add the choice of a device, for the scripts that compute with PyTorch."""
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to compute; auto takes CUDA where there is a card (default auto)",
    )


def setup(arguments: argparse.Namespace) -> None:
    """Send the log to the standard error, and to the file of `--log` when there is one."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    handlers[0].setLevel(logging.WARNING)
    if arguments.log is not None:
        arguments.log.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(arguments.log, mode="w", encoding="utf-8"))
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=handlers,
        force=True,
    )


def run(main: Callable[[Sequence[str] | None], None]) -> None:
    """Run a script's `main`; an error that the user can mend is one sentence, and status 1."""
    try:
        main(None)
    except SensitivityError as error:
        logging.getLogger("sensitivity").error("%s", error)
        sys.exit(1)
    except KeyboardInterrupt:
        logging.getLogger("sensitivity").warning("interrupted")
        sys.exit(130)
    except Exception as error:
        if _is_out_of_memory(error):
            logging.getLogger("sensitivity").error(
                "not enough memory: %s; use a machine or a device with more, or smaller networks",
                " ".join(str(error).split()) or type(error).__name__,
            )
        else:
            logging.getLogger("sensitivity").exception("unexpected error")
        sys.exit(1)


def _is_out_of_memory(error: Exception) -> bool:
    """Whether an allocation failed; its message says how much was asked for.

    PyTorch is not imported for this, since scripts that make tables run without it.
    """
    name = type(error).__name__
    return (
        isinstance(error, MemoryError)
        or name == "OutOfMemoryError"
        or ("DefaultCPUAllocator" in str(error))
    )


def _mapping(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"no valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("a JSON object is needed")
    return value
