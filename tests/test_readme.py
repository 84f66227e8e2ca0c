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


def test_the_verdicts_are_those_of_the_reference_study():
    table = README.parent / "docs/reference/tables/claims.csv"
    with table.open(encoding="utf-8") as lines:
        found = {(row["claim"], row["dataset"]): row for row in csv.DictReader(lines)}
    shown = re.findall(r"^\| (C\d) .*$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert shown == [f"C{number}" for number in range(1, 9)]
    for line in re.findall(r"^\| C\d .*$", README.read_text(encoding="utf-8"), re.MULTILINE):
        claim, _, mnist, fashion, overall = line.strip("| ").split(" | ")
        for dataset, cell in (("mnist:1000", mnist), ("fashion_mnist:1000", fashion)):
            row = found[claim[:2], dataset]
            why = ", no comparable pairs" if row["lacking"] else ""
            size = f", {float(row['statistic']):.3g}" if row["statistic"] else why
            assert cell == short(row["verdict"]) + size, (claim, dataset)
        assert overall == short(found[claim[:2], "all"]["verdict"]), claim


def short(verdict):
    return verdict.removesuffix(" larger than delta")


def test_it_is_read_in_a_minute():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 120
