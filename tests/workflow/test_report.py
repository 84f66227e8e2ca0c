"""The report of the finished tiny study: complete, readable offline, shown by a browser."""

import base64
import json
import re
import shutil
import subprocess
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image, ImageOps

pytestmark = pytest.mark.slow

LARGEST = 20e6  # bytes
CHROMIUM = shutil.which("chromium")
LOADED = re.compile(r"""(?:<script[^>]*\ssrc|<link[^>]*\shref|<img[^>]*\ssrc)=["']?https?:""")
TABLES = ("models.csv", "correlations.csv", "factors.csv", "points.csv", "curves.csv")
CLAIMS = ("claims.csv", "claims.md")
PAGE = "explore.html"
TITLE = re.compile(r"<strong>Figure (\w+)\.")


@pytest.fixture(scope="module")
def report(finished, tmp_path_factory):
    """The unpacked folder of `--report report.zip`."""
    folder = tmp_path_factory.mktemp("report")
    packed = folder / "report.zip"
    finished.run("--report", packed)
    assert packed.stat().st_size < LARGEST
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    return folder / "report"


@pytest.fixture(scope="module")
def page(report):
    return (report / "report.html").read_text(encoding="utf-8")


def embedded(page, name):
    """The JSON that the page assigns to one of its variables."""
    for found in re.finditer(rf"\bvar {name} ?= ?(?=\{{)", page):
        value, _ = json.JSONDecoder().raw_decode(page, found.end())
        return value
    raise AssertionError(f"the page has no variable {name}")


@pytest.fixture(scope="module")
def results(page):
    return embedded(page, "results")


@pytest.fixture(scope="module")
def drawn(finished):
    return {path.name: path for path in finished.files("results/tiny/figures/*.png")}


def test_every_figure_is_in_it_with_its_caption(report, results, drawn):
    figures = {one["name"]: one for one in results.values() if one["name"].endswith(".png")}
    assert len(drawn) == 16
    assert figures.keys() == drawn.keys()
    for name, figure in figures.items():
        assert (report / figure["data_uri"]).read_bytes() == drawn[name].read_bytes()
        (title,) = TITLE.findall(figure["caption"])
        assert name.startswith(f"{title}_")
        assert len(figure["caption"]) > 200
        assert set(figure["labels"]) == {"figure", "data set", "surveys"}


def test_tables_and_claims_are_in_it_with_captions(report, results, finished):
    for name in (*TABLES, *CLAIMS, PAGE):
        found = {path: one for path, one in results.items() if one["name"] == name}
        assert found, name
        for path, one in found.items():
            assert (report / one["data_uri"]).read_bytes() == (finished.folder / path).read_bytes()
            assert len(one["caption"]) > 80


def test_captions_have_no_gaps(page, results):
    for one in results.values():
        for sign in ("{{", "{%", "Undefined", "system-message", "problematic"):
            assert sign not in one["caption"], one["name"]
    assert "This is the study <strong>tiny</strong>" in page.replace('\\"', '"')


def test_categories_workflow_and_run_times(page):
    categories = embedded(page, "categories")
    assert set(categories) == {"Figures", "Tables", "Claims", "Explore"}
    assert len(categories["Figures"]["Of the paper"]) == 6
    assert len(categories["Figures"]["Appendix"]) == 10
    graph = json.dumps(embedded(page, "rulegraph_spec"))
    timed = json.dumps(embedded(page, "runtimes_spec"))
    for rule in ("train", "measures", "claims_table", "figure_gap"):
        assert f'"rule": "{rule}"' in graph
        assert f'"rule": "{rule}"' in timed


def test_nothing_is_loaded_from_a_network(page):
    assert not LOADED.search(page)


def test_one_file_holds_the_same_bytes(finished, drawn, tmp_path):
    single = tmp_path / "report.html"
    finished.run("--report", single)
    assert single.stat().st_size < LARGEST
    results = embedded(single.read_text(encoding="utf-8"), "results")
    for one in results.values():
        if one["name"] in drawn:
            _, encoded = one["data_uri"].split("base64,")
            assert base64.b64decode(encoded) == drawn[one["name"]].read_bytes()


# The browser takes its picture when the page has loaded, which an image of the test's own server
# holds up until the page has shown what it should.
HELD = """<img src="SERVER/held" alt=""><script>
async function until(condition) {
  for (let value = condition(); ; value = condition()) {
    if (value) return value;
    await new Promise(done => setTimeout(done, 20));
  }
}
document.addEventListener("DOMContentLoaded", async () => {
  await until(() => app && document.querySelector("#app nav"));
  await show();
  await fetch("SERVER/shown", {mode: "no-cors"});
});
</script>"""
OPENED = "<script>async function show() {}</script>"
# Opens one figure after the other in the page, as its buttons do, and lays out what the page shows
# for each, in square cells.
SHEET = """<script>
async function show() {
  const sheet = document.createElement("div");
  sheet.style = "position:fixed;inset:0;width:1600px;background:white;z-index:99";
  document.body.append(sheet);
  for (const [number, path] of PATHS.entries()) {
    const source = results[path].data_uri;
    app.setView({content: "img", contentPath: source, resultPath: path});
    const shown = await until(() => [...document.querySelectorAll("#app img")].find(
      image => image.getAttribute("src") === source && image.naturalWidth > 0));
    const copy = new Image();
    copy.src = shown.src;
    copy.style = "position:absolute;object-fit:contain;max-width:none;width:400px;height:400px;" +
      `left:${number % 4 * 400}px;top:${Math.floor(number / 4) * 400}px`;
    sheet.append(copy);
    await copy.decode();
  }
}
</script>"""
CELL, COLUMNS = 400, 4


class Holding(BaseHTTPRequestHandler):
    """Answers /held after /shown was asked for."""

    def do_GET(self):
        if self.path == "/shown":
            self.server.shown.set()
        elif self.path == "/held":
            self.server.shown.wait(120)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Nothing: the test's output is not a web server's."""


@pytest.fixture
def server():
    """The address of a running server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Holding) as holding:
        holding.shown = threading.Event()
        threading.Thread(target=holding.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{holding.server_port}"
        holding.shown.set()
        holding.shutdown()


@pytest.mark.skipif(CHROMIUM is None, reason="needs the browser chromium")
def test_a_browser_opens_it(report, page, server, tmp_path):
    text = browse(report, page, server, OPENED, tmp_path, "--dump-dom").decode("utf-8")
    shown = text[text.rindex('id="app"') :]
    assert "<strong>tiny</strong>" in shown
    for entry in ("Workflow", "Statistics", "Claims", "Explore", "Figures", "Tables"):
        assert f">{entry}<" in shown


@pytest.mark.skipif(CHROMIUM is None, reason="needs the browser chromium")
def test_a_screenshot_shows_every_figure(report, page, results, drawn, server, tmp_path):
    paths = [path for path, one in results.items() if one["name"] in drawn]
    sheet = SHEET.replace("PATHS", json.dumps(paths))
    target = tmp_path / "screen.png"
    browse(report, page, server, sheet, tmp_path, f"--screenshot={target}")
    screen = Image.open(target).convert("L")
    expected = np.stack([coarse(fitted(drawn[results[path]["name"]])) for path in paths])
    for number, path in enumerate(paths):
        left, top = number % COLUMNS * CELL, number // COLUMNS * CELL
        cell = coarse(screen.crop((left, top, left + CELL, top + CELL)))
        assert cell.min() < 255, f"{path} is not shown"
        likeness = np.corrcoef(cell, expected)[0, 1:]
        assert likeness[number] > 0.9, path
        assert np.argmax(likeness) == number, path


def coarse(cell):
    """Grey levels of a cell, in blocks: every browser scales images in its own way."""
    return np.asarray(cell.reduce(8), dtype=float).ravel()


def fitted(path):
    """A figure in the middle of a white cell."""
    figure = ImageOps.contain(Image.open(path).convert("L"), (CELL, CELL))
    cell = Image.new("L", (CELL, CELL), "white")
    cell.paste(figure, tuple((CELL - side) // 2 for side in figure.size))
    return cell


def browse(report, page, server, script, folder, *arguments):
    """Open the page with a script in a browser that has no network; returns what it prints."""
    end = page.rindex("</body>")
    opened = report / "opened.html"
    added = script + HELD.replace("SERVER", server)
    opened.write_text(page[:end] + added + page[end:], encoding="utf-8")
    flags = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *("--hide-scrollbars", "--window-size=1600,1600", "--timeout=120000"),
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        f"--user-data-dir={folder / 'profile'}",
    )
    command = [CHROMIUM, *flags, *arguments, opened.as_uri()]
    return subprocess.run(command, capture_output=True, check=True, timeout=300).stdout
