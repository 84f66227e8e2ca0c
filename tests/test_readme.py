"""The README's lines for a reader's own network do what they say."""

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
