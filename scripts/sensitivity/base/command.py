"""What every script shares: its arguments, its log, and errors in one sentence."""

import argparse
import errno
import gc
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sensitivity.base.errors import SensitivityError, is_out_of_memory

# PyTorch and matplotlib are hundreds of thousands of objects that stay. Every script imports this
# module before them, so that they are not searched for garbage at every 700 new ones.
gc.set_threshold(100_000, 20, 100)


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
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")


def parsed(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command line with the arguments that every script has, and begin the log."""
    standard_arguments(parser)
    arguments = parser.parse_args(argv)
    setup(arguments)
    return arguments


def device_argument(parser: argparse.ArgumentParser) -> None:
    """Add the choice of a device, for the scripts that compute with PyTorch."""
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to compute; auto takes CUDA where there is a GPU (default auto)",
    )


def builders_argument(parser: argparse.ArgumentParser) -> None:
    """Add where builders of architectures are found, for the scripts that build networks."""
    parser.add_argument(
        "--builders",
        type=Path,
        default=Path(),
        help="the folder with your own builders of networks (default: the current one)",
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
    """Run a script's `main`; an error that the user can mend is one sentence, and status 1.

    At the end nothing is searched for garbage any more, which in a process that has loaded PyTorch
    takes as long as a third of loading it.
    """
    try:
        main(None)
    except SensitivityError as error:
        logging.getLogger("sensitivity").error("%s", error)
        sys.exit(1)
    except KeyboardInterrupt:
        logging.getLogger("sensitivity").warning("interrupted")
        sys.exit(130)
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            logging.getLogger("sensitivity").exception("unexpected error")
        else:
            logging.getLogger("sensitivity").error("%s", sentence)
        sys.exit(1)
    finally:
        gc.freeze()


def _sentence(error: Exception) -> str | None:
    """What the user can mend about an error of a library, or None if it is a fault of ours.

    Libraries hide that the disk is full: safetensors behind an error of its own, Matplotlib behind
    a second one, of the file that it then cannot close. What fails to be allocated is said by how
    much.
    """
    earlier: BaseException | None = error
    while earlier is not None:
        if os.strerror(errno.ENOSPC) in str(earlier):
            return (
                f"cannot write a result: {os.strerror(errno.ENOSPC)}; free some space, then run "
                "the same command again"
            )
        earlier = earlier.__cause__ or earlier.__context__
    text = " ".join(str(error).split()) or type(error).__name__
    if is_out_of_memory(error):
        return (
            f"not enough memory: {text}; use a machine or a device with more, or smaller networks"
        )
    return None


def _mapping(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"no valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("a JSON object is needed")
    return value
