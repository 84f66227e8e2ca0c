"""Memory stays within its budget, measured as the growth of a fresh process's largest size."""

import subprocess
import sys
from pathlib import Path

import pytest

BEGINNING = """
import resource, torch
from sensitivity.base import device
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.networks.network import Network
from sensitivity.regions.paths import Polygon, random_ellipse
from sensitivity.regions.counting import count_transitions

device.prepare("cpu")
generator = torch.Generator().manual_seed(0)

def normal(*shape):
    return torch.randn(*shape, generator=generator)

def network(*sizes):
    weights = [normal(1, o, i) * (2 / i) ** 0.5 for i, o in zip(sizes, sizes[1:])]
    return Network(weights, "relu")

def largest():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
"""

# What is run, each of which takes far more than 20 MiB where one of the precautions is left out.
CASES = {
    # 40,000 vertices: 300 MiB for each of the layers' values.
    "a long polygon": """
subject, path = network(50, 1000, 1000, 10), Polygon(1 + normal(40_000, 50).cumsum(0) / 10_000)
def work(): count_transitions(subject, [path], memory=20 * 2**20)
small = Polygon(path.vertices[:3])
count_transitions(subject, [small], memory=20 * 2**20)
""",
    # In float64 its weights would take 126 MiB.
    "a large network": """
subject, path = network(50, *[2000] * 5, 10), Polygon(1 + normal(3, 50) / 10_000)
def work(): count_transitions(subject, [path], memory=20 * 2**20)
count_transitions(network(50, 20, 10), [path])
""",
    # Breakpoints by the thousand, each with 1,500 values a layer: 104-110 MiB, measured, where
    # pieces are as long as the processor likes them, or are all made at once.
    "a deep network": """
subject, path = network(50, *[1500] * 6, 10), Polygon(normal(2, 50))
def work(): count_transitions(subject, [path], memory=20 * 2**20)
count_transitions(network(50, 20, 10), [path])
""",
    # 20,000 slopes and values of 1,000 units: 230 MiB.
    "Jacobian norms": """
subject, points = network(300, *[200] * 5, 10), normal(20_000, 300)
def work(): jacobian_norms(subject, points, memory=20 * 2**20)
jacobian_norms(subject, points[:10])
""",
    # What 2,000 points' backward passes need: 1,500 MiB.
    "Jacobian norms of a module": """
nn = torch.nn
body = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.GELU(), nn.Conv2d(32, 32, 3), nn.GELU())
subject = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 4))
points = normal(2000, 3, 16, 16)
def work(): jacobian_norms(subject, points, memory=20 * 2**20)
jacobian_norms(subject, points[:1])
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_memory_stays_near_its_budget(case):
    """20 MiB, and as much again for libraries and one block of weights."""
    code = f"{BEGINNING}{CASES[case]}before = largest(); work(); print(largest() - before)"
    scripts = Path(__file__).resolve().parents[2] / "scripts"
    growth = subprocess.check_output([sys.executable, "-c", code], cwd=scripts, text=True)
    assert float(growth) < 60
