"""Write which models the tables of one data set cover: results/<study>/plan/<dataset>.json.

Settings: `dataset`; `recipe` and `surveys`, that data set's part of the configuration; and the
configuration's section of every measure.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sensitivity.base import command
from sensitivity.files import storage
from sensitivity.study.plan import plan


def main(argv: Sequence[str] | None = None) -> None:
    """Expand the surveys and write the plan as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="the .json file to write")
    arguments = command.parsed(parser, argv)
    planned = plan(arguments.settings)
    with storage.atomic(arguments.output) as temporary:
        temporary.write_text(json.dumps(planned, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    command.run(main)
