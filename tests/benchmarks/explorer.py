"""How soon explore.html shows its first picture: with few models and with 25,000 networks.

Run by hand: python tests/benchmarks/explorer.py [--networks 25000] [--tables FOLDER]
The tables of a finished study (default: the shipped one) are drawn from with replacement
until they have so many rows. Headless Chromium opens the page from disk; "first picture" is when
the parallel coordinates and the scatter have been painted, from the start of loading, "selected"
how long a new selection takes to be drawn. Median, minimum and maximum are printed.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import pandas as pd
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from sensitivity.explorer.assembly import page  # noqa: E402
from sensitivity.files.storage import read_table  # noqa: E402

PAINTED = """async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now();
}"""
SELECTED = """async () => {
  const before = performance.now();
  state.only.set("generalization_gap", {low: 0.01});
  apply();
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - before;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=25_000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--tables", type=Path, default=ROOT / "docs/reference/tables")
    arguments = parser.parse_args()
    models, networks = (
        pd.concat([read_table(path) for path in sorted(arguments.tables.glob(f"*/{name}.csv"))])
        for name in ("models", "networks")
    )
    claims = read_table(arguments.tables / "claims.csv")
    many = models.sample(arguments.networks // 8, replace=True, random_state=0)
    more = networks.sample(arguments.networks, replace=True, random_state=0)
    for title, tables, address in (
        ("the study itself", (models, networks), ""),
        (f"{len(many):,} models", (many, more), "#compared=0"),
        (f"{len(more):,} networks", (many, more), "#compared=0&rows=networks"),
    ):
        html = page("benchmark", *tables, claims, {}, {})
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "explore.html")
            file.write_text(html, encoding="utf-8")
            times = [opened(f"{file.as_uri()}{address}") for _ in range(arguments.repetitions)]
        print(f"{title}, {len(html) / 1e6:.1f} MB ({os.cpu_count()} cores)")
        for name, seconds in zip(("first picture", "selected"), zip(*times)):
            median = statistics.median(seconds)
            print(f"  {name:14} {median:.2f} s ({min(seconds):.2f} to {max(seconds):.2f})")


def opened(address: str) -> tuple[float, float]:
    """Seconds until the page's first picture, and until another selection is drawn."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        tab = browser.new_page(viewport={"width": 1600, "height": 1200})
        tab.goto(address)
        painted, selected = tab.evaluate(PAINTED) / 1000, tab.evaluate(SELECTED) / 1000
        browser.close()
    return painted, selected


if __name__ == "__main__":
    main()
