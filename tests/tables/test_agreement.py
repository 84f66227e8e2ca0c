"""Two studies held against each other: equal, alike, different, and not comparable."""

import importlib
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sensitivity.base.errors import SensitivityError
from sensitivity.files import storage
from sensitivity.tables.agreement import agreement, side_by_side

compare = importlib.import_module("compare")


def networks(seed=0, models=20, replicates=4, dataset="digits"):
    generator = np.random.default_rng(seed)
    rows = models * replicates
    return pd.DataFrame(
        {
            "dataset": dataset,
            "model": np.repeat([f"model{i}" for i in range(models)], replicates),
            "replicate": np.tile(np.arange(replicates), models),
            "training_accuracy": 1.0,
            "test_accuracy": generator.normal(0.9, 0.01, rows),
            "jacobian_norm": generator.lognormal(-1, 0.3, rows),
            "transitions": generator.normal(200, 10, rows),
        }
    )


def claims(verdict):
    rows = {"claim": ["C1", "C1 lbfgs"], "dataset": "all", "statistic": 0.5, "verdict": verdict}
    rows["beside"] = [False, True]
    return pd.DataFrame(rows)


def test_a_study_agrees_with_itself_in_any_order():
    table = agreement(networks(), networks().sample(frac=1, random_state=0))
    assert len(table) == 20 * 4
    assert table["identical"].all()
    assert not table["differs"].any()


def test_p_is_welchs_on_logarithms_where_values_are_positive():
    here, there = networks(1), networks(2)
    table = agreement(here, there).set_index(["model", "measure"])
    one, other = (t.loc[t["model"] == "model3", "jacobian_norm"] for t in (here, there))
    expected = stats.ttest_ind(np.log(one), np.log(other), equal_var=False).pvalue
    assert table.loc[("model3", "jacobian_norm"), "p"] == pytest.approx(expected, rel=1e-12)
    assert table.loc[("model3", "training_accuracy"), "identical"]


@pytest.mark.slow
def test_other_draws_rarely_differ_and_another_norm_always():
    found = [agreement(networks(2 * i), networks(2 * i + 1))["differs"].any() for i in range(100)]
    assert sum(found) <= 12  # 5 of 100 expected, and 13 or more once in 700 times
    changed = networks(1)
    changed.loc[changed["model"] == "model7", "jacobian_norm"] *= 20
    table = agreement(networks(0), changed)
    assert table.loc[table["differs"], "model"].tolist() == ["model7"]
    assert table.loc[table["differs"], "measure"].tolist() == ["jacobian_norm"]


def test_one_network_has_no_spread_and_one_sided_models_are_left_out():
    single = networks(0, replicates=1)
    table = agreement(single, networks(1, models=5, replicates=1))
    assert set(table["model"]) == {f"model{i}" for i in range(5)}
    judged = table["p"].notna()
    assert (judged == table["identical"]).all()
    assert not table["differs"].any()


def test_a_constant_that_changed_differs():
    changed = networks(0)
    changed.loc[changed["model"] == "model1", "training_accuracy"] = 0.5
    table = agreement(networks(0), changed)
    assert table.loc[table["differs"], ["model", "measure"]].values.tolist() == [
        ["model1", "training_accuracy"]
    ]


def test_opposed_claims_only_are_opposed():
    verdicts = ["supported", "undecided", "contradicted", "no effect larger than delta"]
    found = {
        (a, b): side_by_side(claims(a), claims(b))["opposed"].any()
        for a in verdicts
        for b in verdicts
    }
    assert {pair for pair, value in found.items() if value} == {
        ("supported", "contradicted"),
        ("contradicted", "supported"),
    }


def write(folder, table, verdict="supported"):
    (folder / "tables/digits").mkdir(parents=True)
    storage.write_table(folder / "tables/digits/networks.csv", table, {})
    storage.write_table(folder / "tables/claims.csv", claims(verdict), {})
    return str(folder)


def test_the_script_says_what_both_have_and_its_status_whether_they_agree(tmp_path, capsys):
    one = write(tmp_path / "one", networks(0))
    compare.main([one, one])
    said = capsys.readouterr().out
    assert "20 models in both, of 20 here and 20 there." in said
    assert "80 comparisons: 80 identical, 0 beyond" in said
    assert "C1 lbfgs" not in said

    changed = networks(0).assign(jacobian_norm=lambda t: 100 * t["jacobian_norm"])
    other = write(tmp_path / "other", changed)
    with pytest.raises(SystemExit) as status:
        compare.main([one, other, "--output", str(tmp_path / "all.csv")])
    assert status.value.code == 1
    assert "20 beyond" in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "all.csv")) == 80

    opposite = write(tmp_path / "opposite", networks(0), "contradicted")
    with pytest.raises(SystemExit):
        compare.main([one, opposite])


def test_what_cannot_be_compared_is_one_sentence(tmp_path):
    one = write(tmp_path / "one", networks(0))
    with pytest.raises(SensitivityError, match="give the folder of a finished study"):
        compare.main([one, str(tmp_path)])
    with pytest.raises(SensitivityError, match="no model in common"):
        compare.main([one, write(tmp_path / "other", networks(0).assign(dataset="mnist5k"))])
    checksum = tmp_path / "one/tables/digits/networks.json"
    checksum.write_text(json.dumps(json.loads(checksum.read_text()) | {"sha256": "0"}))
    with pytest.raises(SensitivityError, match="damaged"):
        compare.main([one, one])
