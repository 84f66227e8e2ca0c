import pytest
import torch
from torch.nn import functional

from sensitivity.base.errors import SensitivityError
from sensitivity.networks import activations
from sensitivity.networks.activations import ACTIVATIONS, Activation

REFERENCES = {
    "relu": functional.relu,
    "relu6": functional.relu6,
    "hardtanh": functional.hardtanh,
    "hardsigmoid": lambda z: torch.clamp(z + 0.5, 0, 1),
    "torch_hardsigmoid": functional.hardsigmoid,
    "absolute": torch.abs,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_codes_and_derivatives(name):
    activation = activations.get(name)
    # No point of this grid is a threshold of any of the functions.
    z = torch.linspace(-10.003, 10.001, 4001, dtype=torch.float64, requires_grad=True)
    y = REFERENCES[name](z)
    torch.testing.assert_close(activation(z), y, rtol=0, atol=1e-14)
    (slope,) = torch.autograd.grad(y.sum(), z)
    torch.testing.assert_close(activation.derivatives(z), slope)
    codes = activation.codes(z)
    assert codes.dtype == torch.int64
    assert codes.unique().tolist() == list(range(len(activation.slopes)))
    assert (codes.diff() >= 0).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_unit_at_a_threshold_is_on_the_lower_piece(name):
    activation = activations.get(name)
    z = torch.tensor(activation.thresholds, dtype=torch.float64)
    assert activation.codes(z).tolist() == list(range(len(z)))
    assert activation.derivatives(z).tolist() == list(activation.slopes[:-1])


def test_leaky_relu_is_data_like_the_others():
    leaky = activations.leaky_relu(0.2)
    z = torch.randn(100, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(leaky(z), functional.leaky_relu(z, 0.2))
    assert activations.get(leaky) is leaky


def test_autograd_follows_the_pieces():
    activation = activations.leaky_relu(0.2)
    z = torch.tensor([-1.0, 2.0], requires_grad=True)
    activation(z).sum().backward()
    torch.testing.assert_close(z.grad, torch.tensor([0.2, 1.0]))


@pytest.mark.parametrize(
    ("thresholds", "slopes", "offsets", "message"),
    [
        ((), (1,), (0,), "at least one threshold"),
        ((0,), (0, 1, 2), (0, 0), "one slope"),
        ((1, 0), (0, 1, 0), (0, 0, 1), "must increase"),
        ((0,), (0, 1), (0, 1), "jumps"),
    ],
)
def test_refuses_what_is_no_continuous_function(thresholds, slopes, offsets, message):
    with pytest.raises(SensitivityError, match=message):
        Activation("mine", thresholds, slopes, offsets)


def test_names_the_choices():
    with pytest.raises(SensitivityError, match="relu6"):
        activations.get("tanh")
