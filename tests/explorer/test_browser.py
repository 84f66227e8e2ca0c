"""The page in a browser: selecting, comparing, sorting, its address, its looks."""

import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import kendalltau

from explorer.conftest import made_up_networks, settle, write_page
from made_up.study import made_up_models
from sensitivity.tables.selection import explaining_the_gap

# Where the axis of the gap begins, and how long it is.
WHERE = """() => {
  const axis = parallelOptions.chart.getModel().queryComponents({mainType: "parallelAxis"})
    .find((one) => drawn.axes[one.get("dim")] === "generalization_gap");
  const box = document.getElementById("parallel").getBoundingClientRect();
  const [x, y] = parallelOptions.chart.getModel().getComponent("parallel").coordinateSystem
    .getAxisLayout(`dim${axis.get("dim")}`).position;
  return {x: box.x + x, y: box.y + y, length: Math.max(...axis.axis.getExtent())};
}"""
COLOURS = """() => {
  const {color, backgroundColor} = getComputedStyle(document.body);
  return [color, backgroundColor];
}"""


def counted(tab):
    return int(re.match(r"(\d+) of", tab.inner_text("#count"))[1])


def tau(tab):
    return float(re.search(r"selection: (-?[\d.]+)", tab.inner_text("#tau"))[1])


def column(tab, name):
    """The list's column of this name, as text."""
    heads = tab.query_selector_all("#table th button")
    place = [button.get_attribute("data-sort") for button in heads].index(name) + 1
    cells = tab.query_selector_all(f"#table tbody td:nth-child({place})")
    return [cell.inner_text() for cell in cells]


@pytest.fixture(scope="module")
def compared(made_up):
    return explaining_the_gap(made_up.models)


def test_what_it_shows_first(made_up, compared, opened):
    tab = opened(made_up.address)
    assert counted(tab) == len(compared)
    expected = kendalltau(compared["jacobian_norm"], compared["generalization_gap"]).statistic
    assert tau(tab) == pytest.approx(expected, abs=5e-4)
    for dataset, part in compared.groupby("dataset"):
        within = kendalltau(part["jacobian_norm"], part["generalization_gap"]).statistic
        z, half = np.arctanh(within), 1.96 * (0.437 / (len(part) - 4)) ** 0.5
        ends = ", ".join(f"{np.tanh(z + side * half):.2f}" for side in (-1, 1))
        assert f"{dataset} {within:.3f} [{ends}] (n = {len(part)})" in tab.inner_text("#tau")


def test_columns_are_chosen_from_groups(made_up, opened):
    tab = opened(made_up.address)
    labels = "() => [...document.querySelectorAll('#x optgroup')].map((group) => group.label)"
    assert {"Recipe", "Accuracy and loss", "Sensitivity at test points"} <= set(
        tab.evaluate(labels)
    )
    of = "() => document.querySelector('#x option[value=training_loss]').parentElement.label"
    assert tab.evaluate(of) == "Accuracy and loss"


@pytest.mark.parametrize("ties", [2, 50])
def test_tau_with_ties(made_up, opened, ties):
    generator = np.random.default_rng(ties)
    x, y = generator.integers(0, ties, (2, 301))
    found = opened(made_up.address).evaluate("([x, y]) => kendall(x, y)", [x.tolist(), y.tolist()])
    assert found == pytest.approx(kendalltau(x, y).statistic, abs=1e-12)


def test_a_field_selects(made_up, compared, opened):
    tab = opened(made_up.address)
    tab.fill("input[data-column=width][data-end=low]", "100")
    tab.press("input[data-column=width][data-end=low]", "Enter")
    tab.uncheck("input[data-column=activation][data-level=relu6]")
    settle(tab)
    chosen = compared[(compared["width"] >= 100) & (compared["activation"] != "relu6")]
    assert counted(tab) == len(chosen)
    expected = kendalltau(chosen["jacobian_norm"], chosen["generalization_gap"]).statistic
    assert tau(tab) == pytest.approx(expected, abs=5e-4)


def test_a_brush_selects_and_the_address_keeps_it(made_up, compared, opened):
    tab = opened(made_up.address)
    place = tab.evaluate(WHERE)
    tab.mouse.move(place["x"], place["y"] - 0.45 * place["length"])
    tab.mouse.down()
    tab.mouse.move(place["x"], place["y"] - 0.7 * place["length"], steps=4)
    tab.mouse.move(place["x"], place["y"] - 0.95 * place["length"], steps=4)
    tab.mouse.up()
    settle(tab)
    (low, high) = tab.evaluate(
        "() => { const {low, high} = state.only.get('generalization_gap'); return [low, high]; }"
    )
    expected = compared["generalization_gap"].between(low, high).sum()
    assert 0 < expected < len(compared)
    assert counted(tab) == expected
    assert float(tab.input_value("input[data-column=generalization_gap][data-end=low]")) == low
    again = opened(tab.url)
    assert counted(again) == expected
    assert again.evaluate("() => readBrushes().get('generalization_gap').low") == low


def test_a_brush_leaves_other_filters_alone(made_up, opened):
    tab = opened(f"{made_up.address}#only.activation=relu6|hardtanh&only.width=100..")
    before = tab.evaluate("() => [state.only.get('activation').names, state.only.get('width')]")
    place = tab.evaluate(WHERE)
    tab.mouse.move(place["x"], place["y"] - 0.3 * place["length"])
    tab.mouse.down()
    tab.mouse.move(place["x"], place["y"] - 0.8 * place["length"], steps=4)
    tab.mouse.up()
    settle(tab)
    assert tab.evaluate("() => state.only.has('generalization_gap')")
    after = tab.evaluate("() => [state.only.get('activation').names, state.only.get('width')]")
    assert after == before


def test_starting_over_leaves_the_fields_alive(made_up, compared, opened):
    tab = opened(f"{made_up.address}#only.width=100..")
    tab.click("#reset")
    settle(tab)
    assert counted(tab) == len(compared)
    tab.uncheck("input[data-column=activation][data-level=relu6]")
    settle(tab)
    assert counted(tab) == (compared["activation"] != "relu6").sum()


def test_an_address_with_nonsense_shows_the_usual(made_up, compared, opened):
    tab = opened(f"{made_up.address}#rows=toString&toString=1&x=nothing")
    assert counted(tab) == len(compared)


def test_the_address_holds_everything(made_up, opened):
    address = (
        "#rows=networks&compared=0&search=digits&axes=width,depth,transitions&x=transitions"
        "&y=training_loss&xlog=0&ylog=1&colour=transitions&marker=labels&sort=-transitions"
        "&only.depth=4..&only.labels=1"
    )
    tab = opened(made_up.address + address)
    networks = made_up.networks
    chosen = networks.query("dataset == 'digits' and depth >= 4 and labels == 1")
    assert counted(tab) == len(chosen)
    written = column(tab, "transitions")
    expected = chosen["transitions"].sort_values(ascending=False).head(50)
    np.testing.assert_allclose([float(text) for text in written], expected, rtol=1e-6)
    assert tab.evaluate("() => writeAddress(readAddress(location.hash)) === writeAddress(state)")
    tab.select_option("#marker", "activation")
    settle(tab)
    assert "marker" not in tab.url  # the usual one
    assert "only.labels=1" in tab.url
    tab.click("#reset")
    settle(tab)
    assert tab.url.endswith("explore.html#")


def test_sorting_and_copying(made_up, compared, opened):
    tab = opened(made_up.address)
    for expected in (True, False):
        tab.click("#table button[data-sort=jacobian_norm]")
        settle(tab)
        shown = [float(text) for text in column(tab, "jacobian_norm")]
        np.testing.assert_allclose(
            shown, compared["jacobian_norm"].sort_values(ascending=expected).head(50), rtol=1e-6
        )
    head = "#table th:has(button[data-sort=jacobian_norm])"
    assert tab.get_attribute(head, "aria-sort") == "descending"
    tab.check("#whole")
    tab.click("#copy")
    tab.wait_for_function("() => document.getElementById('copy').textContent.startsWith('Copied')")
    copied = pd.read_csv(io.StringIO(tab.evaluate("() => navigator.clipboard.readText()")))
    expected = compared.sort_values("jacobian_norm", ascending=False, kind="stable")
    assert copied["model"].tolist() == expected["model"].tolist()
    for name in ("jacobian_norm", "generalization_gap", "jacobian_norm_standard_error"):
        np.testing.assert_allclose(copied[name], expected[name], rtol=1e-6)


def test_hovering_names_the_model_and_its_folder(made_up, compared, opened):
    tab = opened(made_up.address)
    model = compared.sort_values("generalization_gap").iloc[-1]
    tab.evaluate("() => document.getElementById('scatter').scrollIntoView()")
    x, y = tab.evaluate(
        """(point) => {
      const box = document.getElementById("scatter").getBoundingClientRect();
      const [x, y] = scatterOptions.chart.convertToPixel({xAxisIndex: 0, yAxisIndex: 0}, point);
      return [x + box.x, y + box.y];
    }""",
        [float(model["jacobian_norm"]), float(model["generalization_gap"])],
    )
    tab.mouse.move(x - 40, y)
    tab.mouse.move(x, y, steps=5)
    told = "(name) => document.getElementById('scatter').innerText.includes(name)"
    tab.wait_for_function(told, arg=model["model"])
    said = tab.inner_text("#scatter")
    assert f"../models/{model['dataset']}/{model['model']}/" in said
    assert "±" in said


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1920])
def test_readable(made_up, opened, width, scheme):
    tab = opened(made_up.address, width, scheme)
    assert tab.evaluate("() => document.documentElement.scrollWidth") <= width
    assert contrast(*tab.evaluate(COLOURS)) > 7
    for chart in ("#parallel", "#scatter"):
        tab.locator(chart).scroll_into_view_if_needed()
        settle(tab)
        image = Image.open(io.BytesIO(tab.locator(chart).screenshot())).convert("RGB")
        pixels = np.asarray(image).reshape(-1, 3)
        assert len(np.unique(pixels, axis=0)) > 50, f"{chart} is empty"
        dark = np.median(pixels.mean(axis=1)) < 128
        assert dark == (scheme == "dark")


def contrast(*colours):
    """WCAG's contrast ratio of two CSS colours."""
    bright = []
    for colour in colours:
        levels = np.array([int(part) for part in re.findall(r"\d+", colour)[:3]]) / 255
        linear = np.where(levels <= 0.03928, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
        bright.append(linear @ [0.2126, 0.7152, 0.0722])
    return (max(bright) + 0.05) / (min(bright) + 0.05)


def test_a_dark_room_is_noticed_while_it_is_open(made_up, opened):
    tab = opened(made_up.address)
    tab.emulate_media(color_scheme="dark")
    settle(tab)
    assert tab.evaluate("() => inks().paper ?? inks().ink") == "#e8eaed"


@pytest.mark.slow
def test_25000_networks(opened, tmp_path):
    """It works; tests/benchmarks/explorer.py tells how fast."""
    models = made_up_models()
    networks = made_up_networks(models).sample(25_000, replace=True, random_state=0)
    address = write_page(tmp_path, models, networks)
    tab = opened(f"{address}#rows=networks&compared=0")
    assert counted(tab) == 25_000
    expected = kendalltau(networks["jacobian_norm"], networks["generalization_gap"]).statistic
    assert tau(tab) == pytest.approx(expected, abs=5e-4)
    assert "3000 of 25000 lines are drawn" in tab.inner_text("#lines")
