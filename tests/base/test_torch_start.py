"""PyTorch started without its compiler's part computes the same, and no more is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
START = "from sensitivity.base import command, torch_start\n"  # as every script begins
LOADED = "import torch\nprint(torch_start.PART in sys.modules)\n"

TRAINED = """
import hashlib
import numpy as np
import torch
from sensitivity.base import device
from sensitivity.datasets import Dataset
from sensitivity.jacobian import jacobian_norms
from sensitivity.paths import translation_loop
from sensitivity.regions import transitions
from sensitivity.study.recipe import Recipe
from sensitivity.training import train

device.prepare("cpu", 1)
random = np.random.default_rng(0)
images = random.integers(0, 256, (80, 6, 6), dtype=np.uint8)
labels = random.integers(0, 4, 80)
data = Dataset("small", images[:60], labels[:60], images[60:], labels[60:])
x = torch.from_numpy(images[60:].reshape(20, 36) / 255.0)
seen = hashlib.sha256()
for changes in (
    dict(optimizer="sgd", labels=1, activation="relu6"),
    dict(optimizer="momentum", augmentation="heavy"),
    dict(optimizer="adam", loss="squared", activation="hardtanh"),
    dict(optimizer="rmsprop", loss="squared_probabilities", activation="hardsigmoid"),
    dict(optimizer="lbfgs", stop_when_fitted=True),
):
    common = dict(width=12, depth=2, batch_size=20, steps=20, replicates=2, learning_rate=0.01)
    recipe = Recipe(**{"activation": "relu", **common, **changes})
    result = train(recipe, data, device=torch.device("cpu"))
    network = result.network
    found = [*network.weights, jacobian_norms(network, x)]
    if recipe.activation != "hardsigmoid":
        found.append(transitions(network, translation_loop(x[0].reshape(6, 6))).position)
    for tensor in found:
        seen.update(torch.as_tensor(tensor).numpy().tobytes())
    seen.update(repr(result.history).encode())
print(seen.hexdigest(), "torch._meta_registrations" in sys.modules)
"""


def run(program, warnings="error"):
    """The words that a program prints in a process of its own, in which warnings are errors."""
    command = [sys.executable, "-W", warnings, "-c", "import sys\n" + program]
    surroundings = {"PYTHONPATH": str(SCRIPTS), "CUDA_VISIBLE_DEVICES": "", "PATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=surroundings, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_trainings_and_measures_are_the_same_to_the_last_bit():
    whole, quick = run("import torch\n" + TRAINED), run(START + TRAINED)
    assert whole[0] == quick[0]
    assert (whole[1], quick[1]) == ("True", "False")  # if not: is this start still of any use?


@pytest.mark.parametrize(
    "asking",
    [
        "vmap(jacrev(torch.tanh))(torch.ones(3, 2))",
        "torch.func.jvp(torch.tanh, (torch.ones(2),), (torch.ones(2),))",
        "torch.optim.SGD([parameter], 0.1).step()",
        "torch.use_deterministic_algorithms(True)",
        "torch.compile(torch.tanh, backend='eager')(torch.ones(2))",
        "importlib.import_module('torch._dynamo')",
        "importlib.import_module('torch._decomp')",
        "importlib.import_module('torch._decomp.decompositions')",
        "importlib.import_module('torch._meta_registrations')",
    ],
)
def test_who_needs_the_part_gets_it(asking):
    """Each in a process of its own, then operations on meta tensors and drawing as before."""
    program = START + (
        "import importlib, torch\n"
        "from torch.func import jacrev, vmap\n"
        "print(torch_start.PART in sys.modules)\n"
        "parameter = torch.nn.Parameter(torch.ones(2))\n"
        "parameter.grad = torch.ones(2)\n"
        "one = torch.Generator().manual_seed(3)\n"
        f"{asking}\n"
        "other = torch.Generator().manual_seed(3)\n"
        "print(torch.equal(torch.rand(9, generator=one), torch.rand(9, generator=other)))\n"
        "print(torch_start.PART in sys.modules)\n"
        "a, b = torch.ones(5, 3, device='meta'), torch.ones(4, 3, device='meta')\n"
        "print(*torch.cdist(a, b).shape)\n"
        "print(type(sys.modules['torch._decomp'].__spec__.loader).__name__)\n"
        "print(any(type(f).__module__ == torch_start.__name__ for f in sys.meta_path))\n"
    )
    expected = ["False", "True", "True", "5", "4", "SourceFileLoader", "False"]
    assert run(program, warnings="default") == expected


@pytest.mark.parametrize(
    "otherwise",
    [
        "import torch\n",  # is there already
        "from sensitivity.base import cards\ncards.visible_cards = lambda: 1\n",
        "import importlib.metadata as m\nreal = m.version\n"
        "m.version = lambda name: '2.14.0' if name == 'torch' else real(name)\n",
        "from sensitivity.base import torch_start\ntorch_start._can_draw = lambda torch: False\n",
    ],
    ids=["loaded", "a card", "a version not tried", "cannot draw"],
)
def test_elsewhere_pytorch_is_loaded_whole(otherwise):
    assert run(otherwise + START + LOADED) == ["True"]


def test_a_generator_that_cannot_be_made_is_noticed():
    """As in a version whose generators need something else."""
    program = START + (
        "import torch\n"
        "print(torch_start._can_draw(torch))\n"
        "torch._C._set_generator_metaclass = None\n"
        "print(torch_start._can_draw(torch))\n"
    )
    assert run(program) == ["True", "False"]


def test_nothing_is_left_of_the_empty_module():
    program = START + (
        "import torch\nprint(hasattr(torch, '_meta_registrations'))\n"
        "print(*(type(f).__name__ for f in sys.meta_path if 'torch_start' in type(f).__module__))\n"
        "print(type(torch.__spec__.loader).__name__, type(torch.__loader__).__name__)\n"
    )
    assert run(program) == ["False", "_Rest", "SourceFileLoader", "SourceFileLoader"]


def test_a_failing_import_leaves_nothing_behind(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('broken')\n", encoding="utf-8")
    program = (
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        + START
        + (
            "try:\n    import torch\nexcept ImportError as error:\n    print(error)\n"
            "print(any(type(f).__module__ == torch_start.__name__ for f in sys.meta_path))\n"
            "print('torch' in sys.modules)\n"
        )
    )
    assert run(program) == ["broken", "False", "False"]
