"""The files that every page is joined from, and the names of figures; light, for the rules, too."""

import hashlib
import re
from pathlib import Path

PAGE = Path(__file__).parent / "page"
CAPTION = re.compile(r"\*\*Figure (?P<number>\w+)\.\s+(?P<title>.+?)\.?\*\*", re.DOTALL)


def part(name: str) -> str:
    """A file of the page as text."""
    return (PAGE / name).read_text(encoding="utf-8")


def digest_of_parts() -> str:
    """A digest of all files of the page. They are no Python, which the rules would know."""
    files = sorted(path for path in PAGE.rglob("*") if path.suffix in (".html", ".css", ".js"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]


def title_of(caption: str) -> str:
    """`5. The Jacobian norm against the generalization gap`: how a figure's caption begins."""
    found = CAPTION.search(caption)
    return f"{found['number']}. {' '.join(found['title'].split())}" if found else ""
