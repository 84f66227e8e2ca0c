"""Links in the documents lead somewhere: to a file here, a heading in it, or https."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *(path for folder in ("config", "docs") for path in sorted(ROOT.glob(f"{folder}/**/*.md"))),
]
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def links(path):
    return LINK.findall(FENCE.sub("", path.read_text(encoding="utf-8")))


def anchors(path):
    """The names that GitHub gives to headings: lower case, no punctuation, hyphens for spaces."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in HEADING.findall(text)
    }


def leads_nowhere(path, link):
    """Why a link is wrong, or nothing."""
    if link.startswith(("https://", "mailto:")):
        return ""
    name, _, anchor = link.partition("#")
    target = (path.parent / name).resolve() if name else path
    if not target.is_relative_to(ROOT) or not target.exists():
        return "no such file"
    if anchor and anchor not in anchors(target):
        return "no such heading"
    return ""


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links(path):
    wrong = {link: why for link in links(path) if (why := leads_nowhere(path, link))}
    assert not wrong


def test_a_wrong_link_is_seen(tmp_path):
    page = ROOT / "README.md"
    assert leads_nowhere(page, "docs/nothing.md") == "no such file"
    assert leads_nowhere(page, "docs/cluster.md#nothing") == "no such heading"
    assert leads_nowhere(page, "docs/cluster.md#slurm") == ""


def test_every_page_can_be_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        for link in links(page):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_file() and target not in reached:
                waiting.append(target)
    pages = {path for path in DOCUMENTS if path.name != "CHANGELOG.md"}
    assert pages <= reached
