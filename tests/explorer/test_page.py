"""The page's parts without a browser: what is packed, written and joined."""

import base64
import hashlib
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

import explore
from explorer.conftest import PIXEL, made_up_claims, made_up_networks
from made_up.study import made_up_models
from sensitivity.base.errors import SensitivityError
from sensitivity.explorer.assembly import SCRIPTS, page
from sensitivity.explorer.columns import packed, table
from sensitivity.explorer.parts import PAGE, digest_of_parts, title_of
from sensitivity.explorer.sections import claims_html
from sensitivity.files.storage import write_table
from sensitivity.tables.selection import explaining_the_gap

NODE = shutil.which("node")
LARGEST = 6e6  # bytes, of the default study


def unpacked(column):
    if "numbers" in column:
        return np.frombuffer(base64.b64decode(column["numbers"]), "<f4")
    codes = np.frombuffer(base64.b64decode(column["codes"]), "<i4")
    return [None if code < 0 else column["levels"][code] for code in codes]


def test_columns_keep_their_values():
    frame = pd.DataFrame(
        {
            "number": [1.5, np.nan, -1e30],
            "count": [3, 1, 2],
            "name": ["b", None, "a"],
            "flag": [True, False, True],
            "empty": [np.nan] * 3,
        }
    )
    columns = table(frame)["columns"]
    assert set(columns) == {"number", "count", "name", "flag"}
    np.testing.assert_array_equal(
        unpacked(columns["number"]), np.array([1.5, np.nan, -1e30], np.float32)
    )
    assert columns["number"]["ends"] == [float(np.float32(-1e30)), 1.5]
    assert (columns["number"]["whole"], columns["count"]["whole"]) == (False, True)
    assert unpacked(columns["name"]) == ["b", None, "a"]
    assert unpacked(columns["flag"]) == ["True", "False", "True"]


def test_what_is_compared_is_what_the_statements_about_the_gap_use():
    models = made_up_models()
    tables = packed(models, made_up_networks(models))
    flags = unpacked(tables["models"]["columns"]["compared"])
    chosen = explaining_the_gap(models)
    assert 0 < len(chosen) < len(models)
    assert [flag == "True" for flag in flags] == models.index.isin(chosen.index).tolist()
    of_networks = unpacked(tables["networks"]["columns"]["compared"])
    assert of_networks == [flag for flag in flags for _ in range(3)]


def test_titles_come_from_captions():
    assert title_of("**Figure A2. Two\nlines**, then more") == "A2. Two lines"
    assert title_of("no caption") == ""


def test_the_script_writes_the_whole_page(tmp_path):
    models = made_up_models()
    for name, frame in (
        ("models", models),
        ("networks", made_up_networks(models)),
        ("claims", made_up_claims()),
    ):
        write_table(tmp_path / f"{name}.csv", frame, {})
    figure = tmp_path / "5_gap.png"
    output = tmp_path / "new" / "explore.html"
    command = ["--output", str(output), "--settings", '{"study": "<A>"}', "--figures", str(figure)]
    for name in ("models", "networks", "claims"):
        command += [f"--{name}", str(tmp_path / f"{name}.csv")]
    with pytest.raises(SensitivityError, match=r"cannot read the figure .*5_gap\.png"):
        explore.main(command)
    figure.write_bytes(PIXEL)
    explore.main(command)
    text = output.read_text(encoding="utf-8")
    assert "<title>&lt;A&gt;: explore</title>" in text
    assert base64.b64encode(PIXEL).decode() in text
    assert f"{len(models)} models" in text
    assert len(text) < LARGEST / 3
    assert not re.search(r"""(?:src|href)=["']?https?:""", text)


def test_claims_are_told_without_a_script():
    models = made_up_models()
    text = page("a", models, made_up_networks(models), made_up_claims(), {"5_gap": PIXEL}, {})
    assert text.count('<article class="claim"') == 8
    assert "the quantity of C1 &amp; &lt;others&gt;: <b>0.1 [0.05, 0.15]</b>, n = 10" in text
    assert 'href="#figure-5_gap"' in text
    assert 'id="figure-5_gap"' in text
    assert set(re.findall('href="#figure-(.*?)"', text)) == {
        "5_gap"
    }  # no link to what is not drawn
    assert '<span class="verdict undecided">undecided</span>' in text


def test_names_end_no_script():
    models = made_up_models(datasets=("</script><b>",))
    text = page("a", models, made_up_networks(models), made_up_claims(), {}, {})
    assert "</script><b>" not in text


def test_what_draws_is_unchanged():
    readme = (PAGE / "vendor/README.md").read_text(encoding="utf-8")
    (promised,) = re.findall(r"\b[0-9a-f]{64}\b", readme)
    library = (PAGE / "vendor/echarts.min.js").read_bytes()
    assert hashlib.sha256(library).hexdigest() == promised
    (version,) = re.findall(r"Apache ECharts\]\(.*?\) ([\d.]+)", readme)
    assert f'version="{version}"' in library.decode("utf-8")
    assert "Apache License" in (PAGE / "vendor/LICENSE").read_text(encoding="utf-8")


def test_every_script_is_used_and_readable():
    files = sorted(PAGE.glob("*.js"))
    assert sorted(SCRIPTS) == [path.stem for path in files]
    assert max(len(path.read_text(encoding="utf-8").splitlines()) for path in files) <= 200
    assert len(digest_of_parts()) == 16


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_the_scripts_joined_are_valid(tmp_path):
    """Strict, and no name declared twice."""
    joined = tmp_path / "joined.js"
    parts = [(PAGE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    joined.write_text('"use strict";\n' + "\n".join(parts), encoding="utf-8")
    subprocess.run([NODE, "--check", joined], check=True)


def test_what_a_claim_lacks_is_not_made_up():
    claims = made_up_claims()
    claims.loc[claims["claim"] == "C1", ["low", "high"]] = np.nan
    claims.loc[claims["claim"] == "C2", "n"] = 1_000_000
    claims.loc[claims["claim"] == "C3", "n"] = np.nan
    html = claims_html(claims[claims["claim"] != "C4"], {})
    assert "nan" not in html
    assert "n = 1,000,000" in html
    assert "n = none" in html
    assert 'id="claim-C4"' not in html
    assert "all (rests on 1)" in html
