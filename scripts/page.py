"""Fill a page's numbers from the tables of a study.

    python scripts/page.py docs/reference docs/results.md.jinja --output docs/results.md

The template is Markdown with Jinja's `{{ ... }}`; `sensitivity.tables.page` says what it can name.
So what a page says of a study cannot fall behind the study's tables.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined, TemplateError

from sensitivity.base.command import run
from sensitivity.base.errors import SensitivityError
from sensitivity.files.storage import atomic
from sensitivity.tables.page import Numbers


def main(argv: Sequence[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path, help="the folder of a study, which has tables/")
    parser.add_argument("template", type=Path, help="the page, with names instead of numbers")
    parser.add_argument("--output", type=Path, required=True, help="the page, written")
    arguments = parser.parse_args(argv)
    text = filled(arguments.study, arguments.template)
    with atomic(arguments.output) as temporary:
        temporary.write_text(text, encoding="utf-8")


def filled(study: Path, template: Path) -> str:
    """The text of the page.

    Raises:
        SensitivityError: there is no such template, or it names what the study does not have.
    """
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    try:
        page = environment.from_string(template.read_text(encoding="utf-8"))
        return page.render(study=Numbers(study))
    except OSError as error:
        raise SensitivityError(f"cannot read {template}: {error.strerror}") from error
    except TemplateError as error:
        raise SensitivityError(f"{template}: {error}") from error


if __name__ == "__main__":
    run(main)
