"""The report of the finished tiny study: complete, readable offline, shown by a browser."""

import base64
import io
import json
import os
import re
import shutil
import subprocess
import zipfile

import numpy as np
import pytest
from PIL import Image

LARGEST = 20e6  # bytes
CHROMIUM = shutil.which("chromium")
LOADED = re.compile(r"""(?:<script[^>]*\ssrc|<link[^>]*\shref|<img[^>]*\ssrc)=["']?https?:""")
TABLES = ("models.csv", "correlations.csv", "factors.csv", "points.csv", "curves.csv")
CLAIMS = ("claims.csv", "claims.md")
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
    assert len(drawn) == 14
    assert figures.keys() == drawn.keys()
    for name, figure in figures.items():
        assert (report / figure["data_uri"]).read_bytes() == drawn[name].read_bytes()
        (title,) = TITLE.findall(figure["caption"])
        assert name.startswith(f"{title}_")
        assert len(figure["caption"]) > 200
        assert set(figure["labels"]) == {"figure", "data set", "surveys"}


def test_tables_and_claims_are_in_it_with_captions(report, results, finished):
    for name in (*TABLES, *CLAIMS):
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
    assert set(categories) == {"Figures", "Tables", "Claims"}
    assert len(categories["Figures"]["Of the paper"]) == 6
    assert len(categories["Figures"]["Appendix"]) == 8
    graph = json.dumps(embedded(page, "rulegraph_spec"))
    timed = json.dumps(embedded(page, "runtimes_spec"))
    for rule in ("train", "jacobian", "claims_table", "figure_gap"):
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


@pytest.mark.skipif(CHROMIUM is None, reason="needs the browser chromium")
def test_a_browser_shows_every_figure(report, results, drawn, tmp_path):
    """The page as it opens, and each figure as the page links to it, without a network."""
    opened = screenshot(report / "report.html", tmp_path)
    assert "Sensitivity and generalization in neural networks" in text_of(report, tmp_path)
    assert opened.std() > 10
    for one in results.values():
        if one["name"] in drawn:
            shown = screenshot(report / one["data_uri"], tmp_path)
            assert holds(shown, drawn[one["name"]]), one["name"]


def holds(screen, path):
    """Does the middle of the screen show the figure? Compared are grey levels, scaled to fit."""
    figure = Image.open(path).convert("L")
    box = figure.size
    height, width = screen.shape
    left, top = (width - box[0]) // 2, (height - box[1]) // 2
    part = screen[top : top + box[1], left : left + box[0]].astype(float)
    return np.abs(part - np.asarray(figure, dtype=float)).mean() < 3


def browse(path, folder, *arguments):
    flags = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *("--hide-scrollbars", "--window-size=1600,1200", "--virtual-time-budget=10000"),
        *("--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}"),
    )
    command = [CHROMIUM, *flags, *arguments, path.as_uri()]
    return subprocess.run(
        command,
        capture_output=True,
        check=True,
        timeout=300,
        env={**os.environ, "HOME": str(folder)},
    ).stdout


def screenshot(path, folder):
    """What the browser shows of a file: grey levels [height, width]."""
    target = folder / "screen.png"
    target.unlink(missing_ok=True)
    browse(path, folder, f"--screenshot={target}")
    return np.asarray(Image.open(io.BytesIO(target.read_bytes())).convert("L"))


def text_of(report, folder):
    """The page after its scripts have run."""
    return browse(report / "report.html", folder, "--dump-dom").decode("utf-8")
