import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensitivity.base.spelling import closest, number, whole


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("MNIST", "mnist"),
        ("ReLU", "relu"),
        ("HardTanh", "hardtanh"),
        ("FashionMNIST", "fashion_mnist"),
        ("L-BFGS", "lbfgs"),
    ],
)
def test_case_is_no_difference(word, known):
    names = ["mnist", "mnist5k", "fashion_mnist", "relu", "relu6", "hardtanh", "lbfgs", "sgd"]
    assert closest(word, names) == known


def test_the_known_name_keeps_its_case():
    assert closest("FLOWERS", ["Flowers", "leaves"]) == "Flowers"
    assert closest("stones", ["Flowers", "leaves"]) is None


@given(st.integers(-(10**30), 10**30))
def test_integers(value):
    assert number(str(value)) == value
    assert type(number(str(value))) is int


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats(value):
    assert number(repr(value)) == value


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 0.001), ("1E2", 100.0), (".5", 0.5), ("5.", 5)]
)
def test_other_ways_to_write_a_number(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "1_000", "nan", "inf", "-", "e5", "1e", "0x10", "1,5", "one", "9" * 50]
)
def test_what_spells_no_number(text):
    assert number(text) is None


def test_whole_floats_are_integers():
    assert type(whole(50.0)) is int
    assert whole(50.5) == 50.5
    assert type(whole(1e300)) is float  # beyond what a float counts
