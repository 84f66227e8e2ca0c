"""Numbers on a page come from the tables, one each, or not at all."""

import importlib

import pandas as pd
import pytest

from sensitivity.base.errors import SensitivityError
from sensitivity.files import storage
from sensitivity.tables.page import Numbers

page = importlib.import_module("page")


@pytest.fixture
def study(tmp_path):
    networks = pd.DataFrame(
        {
            "dataset": "digits",
            "model": ["a", "a", "b", "b"],
            "surveys": ["one;two", "one;two", "two", "two"],
            "activation": ["relu", "relu", "hardtanh", "hardtanh"],
            "test_accuracy": [0.91, 0.93, 0.5, 0.7],
        }
    )
    tables = tmp_path / "tables"
    storage.write_table(tables / "digits/networks.csv", networks, {})
    storage.write_table(tables / "digits/models.csv", networks.iloc[[0, 2]], {})
    claims = {
        "claim": ["C1", "C2"],
        "dataset": "all",
        "verdict": ["supported", "undecided"],
        "statistic": [0.512345, None],
        "low": [0.4, None],
        "high": [0.6, None],
        "n": [12, 0],
        "p_holm": [0.0004, None],
    }
    storage.write_table(tables / "claims.csv", pd.DataFrame(claims), {})
    return tmp_path


def test_what_a_page_can_name(study):
    numbers = Numbers(study)
    assert numbers.count("networks", survey="one") == 2
    assert numbers.count("models", survey="two", activation=["relu", "hardtanh"]) == 2
    assert numbers.mean("test_accuracy", activation="relu") == "0.92"
    assert numbers.range("test_accuracy", of="networks") == "0.5 to 0.93"
    assert numbers.range("test_accuracy", activation="relu") == "0.91"
    assert numbers.verdict("C1") == "supported"
    assert numbers.evidence("C1", "all") == "0.512 [0.4, 0.6], n = 12, p < 0.001"
    assert numbers.evidence("C2", "all") == "no value"
    assert numbers.value("claims", column="statistic", claim="C1") == "0.512 [0.4, 0.6]"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("study.verdict('C9')", "0 rows"),
        ("study.mean('test_accuracy', activation='relu6')", "no networks"),
        ("study.mean('test_accuracy', activations='relu')", "no column 'activations'"),
        ("study.table('factors')", "does not exist"),
        ("studi.verdict('C1')", "'studi' is undefined"),
    ],
)
def test_what_is_not_there_is_an_error(study, tmp_path, name, said):
    template = tmp_path / "page.md.jinja"
    template.write_text("{{ " + name + " }}", encoding="utf-8")
    with pytest.raises(SensitivityError, match=said):
        page.filled(study, template)


def test_the_script_writes_the_page(study, tmp_path):
    template, output = tmp_path / "page.md.jinja", tmp_path / "page.md"
    template.write_text("C1 is {{ study.verdict('C1') }}.\n", encoding="utf-8")
    page.main([str(study), str(template), "--output", str(output)])
    assert output.read_text(encoding="utf-8") == "C1 is supported.\n"
