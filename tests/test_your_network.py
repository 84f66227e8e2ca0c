"""The Python lines of docs/your_network.md run as they stand, one after the other."""

import re
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest
import torch
from matplotlib import pyplot
from torch import nn

from sensitivity import paths
from sensitivity.networks.network import Network

DOCUMENT = Path(__file__).parents[1] / "docs/your_network.md"


@pytest.fixture
def _no_screen():
    before = mpl.get_backend()
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")
    pyplot.switch_backend(before)


def given():
    """What the document's lines take as given, small."""
    generator = torch.Generator().manual_seed(0)
    layers = nn.Conv2d(3, 2, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(98, 4)
    module = nn.Sequential(*layers)
    x = torch.randn(3, 3, 32, 32, generator=generator)
    path = paths.Segment(x[0].flatten(), x[1].flatten())
    u, v = torch.eye(2, 3072, dtype=torch.float64)
    weights = [torch.randn(1, o, i, generator=generator) for i, o in ((6, 5), (5, 3))]
    batches = [(x, torch.tensor([0, 1, 2]))] * 500
    return {
        "torch": torch, "module": module, "x": x, "path": path, "many_paths": [path],
        "network": Network(weights, "relu"), "origin": 0 * u, "u": u, "v": v, "losses": [0.1] * 3,
        "series": pd.DataFrame({"steps": [1, 10], "jacobian_norm": [2.0, 1.0]}),
        "x_test": x, "y_test": torch.tensor([0, 1, 2]), "batches": batches,
        "optimizer": torch.optim.SGD(module.parameters(), lr=1e-3),
    }  # fmt: skip


@pytest.mark.usefixtures("_no_screen")
def test_the_lines_of_the_document_run_as_they_stand():
    names = given()
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        exec(compile(block, str(DOCUMENT), "exec"), names)
    assert names["tracker"].series["steps"].tolist() == [0, 500]
    assert names["norms"].shape == (1, 3)
    assert names["counts"].item() == names["changes"].counts().item()
