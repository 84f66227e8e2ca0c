import pytest
import torch
from torch import nn

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.networks.activations import leaky_relu
from sensitivity.networks.network import Network


def random_network(activation="relu", replicates=3, sizes=(7, 5, 6, 4), biases=True, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = list(zip(sizes[1:], sizes, strict=False))
    weights = [torch.randn(replicates, *shape, generator=generator) for shape in shapes]
    offsets = [torch.randn(replicates, shape[0], generator=generator) for shape in shapes]
    return Network(weights, activation, offsets if biases else None)


def test_sizes():
    network = random_network()
    assert (network.replicates, network.depth) == (3, 2)
    assert (network.input_size, network.classes) == (7, 4)
    assert network.number_of_units == 11
    assert network.number_of_weights == 5 * 8 + 6 * 6 + 4 * 7
    assert random_network(biases=False).number_of_weights == 35 + 30 + 24
    assert network.to(torch.float64).dtype == torch.float64


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("activation", ["relu", "relu6", "hardtanh", "hardsigmoid"])
def test_values_are_those_of_single_networks(activation, biases):
    network = random_network(activation, biases=biases).to(torch.float64)
    x = torch.randn(9, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    logits, hidden = network.logits(x), network.preactivations(x)
    assert logits.shape == (3, 9, 4)
    assert [z.shape for z in hidden] == [(3, 9, 5), (3, 9, 6)]
    for r in range(3):
        h = x
        for i in range(3):
            z = h @ network.weights[i][r].T + (network.biases[i][r] if biases else 0)
            if i < 2:
                torch.testing.assert_close(hidden[i][r], z)
            h = network.activation(z)
        torch.testing.assert_close(logits[r], z)
        torch.testing.assert_close(network.replicate(r).logits(x)[0], z)
    torch.testing.assert_close(network.probabilities(x), logits.softmax(-1))
    torch.testing.assert_close(network.logits(x.expand(3, -1, -1)), logits)
    torch.testing.assert_close(network.select([2, 0]).logits(x), logits[[2, 0]])


MODULES = {
    "relu": nn.ReLU(),
    "relu6": nn.ReLU6(),
    "hardtanh": nn.Hardtanh(),
    "hardtanh_-2_3": nn.Hardtanh(-2, 3),
    "torch_hardsigmoid": nn.Hardsigmoid(),
    "leaky_relu_0.1": nn.LeakyReLU(0.1),
}


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("name", MODULES)
def test_from_module_computes_what_the_module_computes(name, biases):
    torch.manual_seed(0)
    layers = [nn.Linear(12, 8, bias=biases), MODULES[name], nn.Linear(8, 6), MODULES[name]]
    module = nn.Sequential(nn.Flatten(), nn.Sequential(*layers), nn.Linear(6, 3, bias=biases))
    network = Network.from_module(module)
    assert network.activation.name == name
    x = 4 * torch.randn(20, 3, 4)
    torch.testing.assert_close(network.logits(x.flatten(1))[0], module(x))
    module[-1].weight.data.zero_()
    assert network.weights[-1].abs().sum() > 0


def test_from_module_reads_parametrized_layers():
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(12, 8))
    module, x = nn.Sequential(normed, nn.ReLU(), nn.Linear(8, 3)), torch.randn(20, 12)
    torch.testing.assert_close(Network.from_module(module).logits(x)[0], module(x))


def test_from_module_without_biases_has_none():
    module = nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Linear(4, 2, bias=False))
    assert Network.from_module(module).biases is None


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Linear(3, 2), "at least one hidden layer"),
        ("module", "not a str"),
        (nn.Sequential(nn.Linear(3, 2)), "at least one hidden layer"),
        (nn.Sequential(nn.Linear(3, 2), nn.ReLU()), "at least one hidden layer"),
        (nn.Sequential(nn.ReLU(), nn.Linear(3, 2)), "must alternate"),
        (nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2)), "must alternate"),
        (
            nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 2)),
            r"Tanh \(in 1\) can't be measured",
        ),
        (
            nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU6(), nn.Linear(2, 2)),
            "share one activation",
        ),
        (nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.LazyLinear(2)), "call the module once"),
        (nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2).double()), "all float32 or"),
        (nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2)).half(), "not torch.float16"),
        (nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2), nn.Softmax(1)), "leave a soft"),
        (Residual(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3)), "must alternate"),
        (nn.Sequential(Doubled(3, 3), nn.ReLU(), nn.Linear(3, 3)), "must alternate"),
    ],
)
def test_from_module_refuses_clearly(module, message):
    with pytest.raises(SensitivityError, match=message):
        Network.from_module(module)


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("activation", ["hardtanh", leaky_relu(0.3)])
def test_file_round_trip_and_equal_bytes(tmp_path, activation, biases):
    network = random_network(activation, biases=biases)
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    network.save(first, {"model": "m", "dataset": "digits"})
    network.save(second, {"dataset": "digits", "model": "m"})
    assert first.read_bytes() == second.read_bytes()
    loaded = Network.load(first, dataset="digits", activation=network.activation.name)
    assert loaded.activation == network.activation
    assert (loaded.biases is None) == (not biases)
    for a, b in zip(loaded.weights, network.weights, strict=True):
        assert torch.equal(a, b)


def test_load_names_the_file_that_is_damaged(tmp_path):
    path = tmp_path / "weights.safetensors"
    random_network().save(path, {"dataset": "mnist"})
    content = path.read_bytes()
    with pytest.raises(DamagedFile, match=r"weights\.safetensors.*'mnist' and not 'cifar10'"):
        Network.load(path, dataset="cifar10")
    altered = bytearray(content)
    altered[-1] ^= 1
    path.write_bytes(altered)
    with pytest.raises(DamagedFile, match=r"weights\.safetensors was altered"):
        Network.load(path)
    for damaged in (content[: len(content) // 2], b"", b"no weights"):
        path.write_bytes(damaged)
        with pytest.raises(DamagedFile, match=r"weights\.safetensors"):
            Network.load(path)
    with pytest.raises(DamagedFile, match="missing"):
        Network.load(tmp_path / "missing.safetensors")


def test_refuses_shapes_that_do_not_fit():
    w = [torch.zeros(2, 4, 3), torch.zeros(2, 5, 4)]
    with pytest.raises(SensitivityError, match="at least one hidden layer"):
        Network(w[:1], "relu")
    with pytest.raises(SensitivityError, match="do not follow"):
        Network([w[0], torch.zeros(2, 5, 3)], "relu")
    with pytest.raises(SensitivityError, match="replicates, fan_out, fan_in"):
        Network([w[0][0], w[1][0]], "relu")
    with pytest.raises(SensitivityError, match="Biases"):
        Network(w, "relu", [torch.zeros(2, 4)])
    with pytest.raises(SensitivityError, match="Inputs must"):
        Network(w, "relu").logits(torch.zeros(5, 4))
