"""Builders that draw from anything, change what is global, or give what nobody expects."""

import random

import numpy as np
import pytest
import torch

from sensitivity.architectures.building import Architecture
from sensitivity.architectures.checks import check
from sensitivity.architectures.layout import Layout
from sensitivity.base.errors import SensitivityError

UNRULY = """
import random
import numpy as np
import torch
from dataclasses import dataclass
from torch import nn

@dataclass
class Sizes:
    hidden: "int" = 5

def drawing(classes):
    torch.set_default_dtype(torch.float64)
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(torch.get_num_threads() + 1)
    module = nn.Linear(64, classes)
    nn.init.constant_(module.weight, np.random.rand() + random.random())
    return nn.Sequential(nn.Flatten(), module)

def varying(classes):
    hidden = random.randint(5, 5000)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, hidden), nn.Linear(hidden, classes))

def leaving(classes):
    raise SystemExit(3)

class Complex(nn.Linear):
    def forward(self, x):
        return super().forward(x.flatten(1)).to(torch.complex64)

def complex_logits(classes):
    return Complex(64, classes)
"""


@pytest.fixture
def unruly(tmp_path):
    (tmp_path / "unruly_models.py").write_text(UNRULY)

    def of(name):
        return Architecture(f"unruly_models:{name}", (1, 8, 8), 4, folder=str(tmp_path))

    return of


def test_whatever_a_builder_draws_from_follows_the_seed_and_nothing_else_changes(unruly):
    def state():
        generators = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
        return generators, torch.get_num_threads(), torch.get_default_dtype()

    before = state()
    one, same, other = (unruly("drawing").build(seed)[1].weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert state() == before


def test_unruly_builders_are_one_sentence(unruly):
    varying = unruly("varying")
    with pytest.raises(SensitivityError, match="other sizes for other seeds"):
        Layout.of(varying.build(0)).rows([varying.build(1)])
    with pytest.raises(SensitivityError, match="failed: 3"):
        unruly("leaving").build(0)
    logits = unruly("complex_logits")
    with pytest.raises(SensitivityError, match="let it give real logits"):
        check(logits.build(0), logits)
