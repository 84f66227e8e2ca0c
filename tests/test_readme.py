"""The README's lines for a reader's own network run; its verdicts are the reference study's."""

import csv
import re
from pathlib import Path

import torch

README = Path(__file__).parents[1] / "README.md"


def test_a_network_of_ones_own():
    generator = torch.Generator().manual_seed(0)
    layers = [torch.nn.Linear(64, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10)]
    module = torch.nn.Sequential(torch.nn.Flatten(), *layers)
    x = torch.randn(5, 64, generator=generator)
    names = {"module": module, "x": x, "image": torch.randn(8, 8, generator=generator)}
    lines, _ = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(lines, str(README), "exec"), names)

    def probabilities(point):
        return module(point[None])[0].softmax(0)

    expected = [torch.func.jacrev(probabilities)(point).norm() for point in x]
    torch.testing.assert_close(
        names["norms"][0].float(), torch.stack(expected).detach(), rtol=1e-4, atol=0
    )
    fine = names["loop"].points(torch.arange(200_000, dtype=torch.float64) / 200_000)
    code = module[:2](fine.float()).detach() > 0
    flips = (code != code.roll(1, 0)).sum()
    assert names["changes"].counts().tolist() == [flips]


def test_the_verdicts_are_those_of_the_reference_studies():
    first = verdicts("docs/reference")
    second = verdicts("docs/reference/second")
    lines = re.findall(r"^\| C\d .*$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert [line[2:4] for line in lines] == [f"C{number}" for number in range(1, 9)]
    for line in lines:
        claim, _, *cells = line.strip("| ").split(" | ")
        rows = [second[claim[:2], "mnist:1000"]]
        rows += [first[claim[:2], dataset] for dataset in ("mnist:1000", "fashion_mnist:1000")]
        for cell, row in zip(cells, rows, strict=True):
            why = ", no comparable pairs" if row["lacking"] else ""
            size = f", {float(row['statistic']):.3g}" if row["statistic"] else why
            assert cell == short(row["verdict"]) + size, line


def verdicts(study):
    with (README.parent / study / "tables/claims.csv").open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["beside"] == "False"]
    return {(row["claim"], row["dataset"]): row for row in rows}


def short(verdict):
    return verdict.removesuffix(" larger than delta")


def test_it_is_read_in_a_minute():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 120
