"""A made-up study's page, written once, and a browser that opens it."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from made_up.study import made_up_models
from sensitivity.claims.hypotheses import CLAIMS
from sensitivity.explorer.assembly import page

CHROMIUM = shutil.which("chromium")
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8ffff3f0005fe02fea7d6059b0000000049454e44ae426082"
)


def made_up_networks(models, replicates=3, seed=0):
    """networks.csv: each model's numbers with some noise, a row a replicate."""
    generator = np.random.default_rng(seed)
    rows = models.loc[models.index.repeat(replicates)].reset_index(drop=True)
    numbers = ["jacobian_norm", "generalization_gap", "transitions", "training_loss"]
    rows[numbers] *= np.exp(generator.normal(0, 0.05, (len(rows), len(numbers))))
    kept = [name for name in rows if not name.endswith("_standard_error")]
    return rows[kept].assign(replicate=np.arange(len(rows)) % replicates)


def made_up_claims():
    """claims.csv: every claim with another verdict and interval, on one data set and over all."""
    verdicts = ("supported", "undecided", "contradicted", "no effect larger than delta")
    rows = []
    for number, claim in enumerate(CLAIMS):
        verdict = verdicts[number % 4]
        statistic = np.nan if verdict == "undecided" else 0.1 * (number + 1)
        for dataset in ("digits", "all"):
            rows.append(
                {
                    **{"claim": claim.id, "dataset": dataset, "statistic": statistic},
                    **{"low": statistic - 0.05, "high": statistic + 0.05, "n": 10 + number},
                    **{"p": 0.01, "p_holm": 0.03, "verdict": verdict, "figure": claim.figure},
                    **{"of": claim.id, "beside": False, "datasets": 1, "detectable": 0.25},
                    **{"lacking": "", "needed": np.nan, "unit": "models"},
                    "quantity": f"the quantity of {claim.id} & <others>",
                }
            )
    return pd.DataFrame(rows)


def write_page(folder, models, networks, study="made up"):
    """The page of a study; returns its address."""
    figures = {claim.figure: PIXEL for claim in CLAIMS}
    titles = {"5_gap": "5. The Jacobian norm against the generalization gap"}
    path = Path(folder, "results", "made_up", "explore.html")
    path.parent.mkdir(parents=True)
    path.write_text(page(study, models, networks, made_up_claims(), figures, titles), "utf-8")
    return path.as_uri()


@pytest.fixture(scope="session")
def made_up(tmp_path_factory):
    """The study's tables and its page's address."""
    models = made_up_models(widths=(50, 100, 200), depths=(2, 4))
    networks = made_up_networks(models)
    address = write_page(tmp_path_factory.mktemp("page"), models, networks)
    return SimpleNamespace(models=models, networks=networks, address=address)


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("needs the browser chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def opened(browser):
    """A function that opens an address in a tab; whatever the console says fails the test."""
    contexts, said = [], []

    def open_tab(address, width=1920, scheme="light"):
        context = browser.new_context(
            viewport={"width": width, "height": 1000}, color_scheme=scheme,
            permissions=["clipboard-read", "clipboard-write"],
        )  # fmt: skip
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(120_000)
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: said.append(request.url) if asks(request) else None)
        tab.goto(address)
        settle(tab)
        return tab

    yield open_tab
    for context in contexts:
        context.close()
    assert not said


def asks(request):
    """Whether a request leaves the file."""
    return not request.url.startswith(("file:", "data:", "blob:"))


def settle(tab):
    """Waits until what has changed is drawn."""
    for _ in range(3):
        tab.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
