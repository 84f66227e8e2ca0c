"""The site is built strictly; in a browser every page opens, leads on and fits a phone."""

import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urldefrag

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (
    "*.md",
    "mkdocs.yml",
    "LICENSE",
    "CITATION.cff",
    "config",
    "docs",
    "notebooks",
    "scripts",
)
CHROMIUM = shutil.which("chromium")
WIDER_THAN_THE_WINDOW = "document.documentElement.scrollWidth - window.innerWidth"
LINKS = "[...document.querySelectorAll('a[href]')].map((link) => link.href)"

pytestmark = pytest.mark.slow


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


def copy_of_the_sources(folder):
    for pattern in SOURCES:
        for path in ROOT.glob(pattern):
            if path.is_dir():
                hidden = shutil.ignore_patterns("__pycache__")
                shutil.copytree(path, folder / path.name, ignore=hidden)
            else:
                shutil.copy(path, folder)
    return folder


def build(folder):
    command = [sys.executable, "docs/site/build.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = copy_of_the_sources(tmp_path_factory.mktemp("site"))
    done = build(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build/site"


@pytest.fixture(scope="module")
def address(built):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=built))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def pages():
    """Addresses of the pages in the navigation."""
    entries = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    for entry in entries:
        ((_, source),) = entry.items()
        yield source.removesuffix("README.md").replace(".md", "/")


def test_a_wrong_link_fails_the_build(tmp_path):
    folder = copy_of_the_sources(tmp_path)
    with (folder / "docs/cluster.md").open("a", encoding="utf-8") as page:
        page.write("\n[nowhere](nothing.md)\n")
    assert build(folder).returncode != 0


def test_every_document_is_in_the_navigation():
    documents = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md")}
    entries = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert documents <= {source for entry in entries for source in entry.values()}


@pytest.mark.skipif(CHROMIUM is None, reason="needs the browser chromium")
def test_pages_in_a_browser(address):
    from playwright.sync_api import sync_playwright

    elsewhere, failed, wide, links = [], [], [], set()

    def requested(request):
        if not request.url.startswith((address, "data:", "blob:")):
            elsewhere.append(request.url)

    def answered(response):
        if response.status >= 400:
            failed.append(response.url)

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for width in (360, 1440):
            tab = browser.new_page(viewport={"width": width, "height": 800})
            tab.on("request", requested)
            tab.on("response", answered)
            for page in pages():
                tab.goto(address + page)
                assert tab.inner_text("h1").strip()
                if (extra := tab.evaluate(WIDER_THAN_THE_WINDOW)) > 0:
                    wide.append((page, width, extra))
                links |= {urldefrag(link).url for link in tab.evaluate(LINKS)}
        for link in sorted(link for link in links if link.startswith(address)):
            if not tab.request.get(link).ok:
                failed.append(link)
        browser.close()
    assert (failed, wide, elsewhere) == ([], [], [])
    assert len([link for link in links if link.startswith(address)]) > 20  # links are followed
