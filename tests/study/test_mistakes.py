"""Mistakes in a configuration are named with their place, in one sentence."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from made_up.configurations import (
    configurations,
    generated,
    nodes,
    refusal,
    replaced,
    small,
    value_at,
)
from sensitivity.datasets import registry
from sensitivity.study.recipe import CHOICES


def misspelt(data, word):
    """The word with two neighbouring letters exchanged or one letter doubled."""
    place = data.draw(st.integers(0, len(word) - 2))
    swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return swapped if swapped != word else word[: place + 1] + word[place:]


def unknown_key(raw, data):
    mappings = [(), *(path for path in nodes(raw) if isinstance(value_at(raw, path), dict))]
    path = data.draw(
        st.sampled_from([p for p in mappings if p not in (("datasets",), ("surveys",))])
    )
    part = value_at(raw, path)
    assume(part)
    key = misspelt(data, data.draw(st.sampled_from(sorted(part))))
    return replaced(raw, (*path, key), 1), [repr(key), "did you mean"]


def misspelt_choice(raw, data):
    key = data.draw(st.sampled_from(sorted(CHOICES)))
    value = misspelt(data, data.draw(st.sampled_from(CHOICES[key])))
    survey = data.draw(st.sampled_from(sorted(raw["surveys"])))
    several = data.draw(st.booleans())
    given_value = [value] if several else value
    return replaced(raw, ("surveys", survey, key), given_value), [key, repr(value), "did you mean"]


def misspelt_dataset(raw, data):
    name = misspelt(data, data.draw(st.sampled_from(sorted(registry.REGISTRY))))
    survey = data.draw(st.sampled_from(sorted(raw["surveys"])))
    return replaced(raw, ("surveys", survey, "datasets"), [name]), [name, survey, "did you mean"]


def misspelt_survey(raw, data):
    section = data.draw(st.sampled_from(["generalization_measures", "points"]))
    name = max(raw["surveys"], key=len) + "x"
    return {**raw, section: {"surveys": [name]}}, [section, repr(name), *raw["surveys"]]


def wrong_number(raw, data):
    """Negative, zero, not a number, too large or of the wrong type."""
    key = data.draw(st.sampled_from(["width", "depth", "batch_size", "steps", "decay_epochs"]))
    value = data.draw(
        st.sampled_from(
            [0, -1, -(10**20), 10**20, 1.5, "64 ", "1.5", None, True, math.nan, math.inf]
        )
    )
    survey = data.draw(st.sampled_from(sorted(raw["surveys"])))
    shown = "1.5" if value == "1.5" else repr(value)  # text that spells a number is that number
    return replaced(raw, ("surveys", survey, key), value), [survey, key, shown]


def wrong_rate(raw, data):
    key = data.draw(st.sampled_from(["learning_rate", "initial_scale", "decay_factor"]))
    value = data.draw(st.sampled_from([0, -0.1, "0.1x", "nan", None, False, math.nan, math.inf]))
    survey = data.draw(st.sampled_from(sorted(raw["surveys"])))
    return replaced(raw, ("surveys", survey, key), value), [survey, key, repr(value)]


def empty_list(raw, data):
    survey = data.draw(st.sampled_from(sorted(raw["surveys"])))
    key = data.draw(st.sampled_from(["width", "depth", "activation", "datasets", "learning_rate"]))
    return replaced(raw, ("surveys", survey, key), []), [survey, key, "empty"]


def duplicate_value(raw, data):
    survey = data.draw(st.sampled_from(sorted(raw["surveys"])))
    key, value = data.draw(
        st.sampled_from(
            [("width", 8), ("activation", "relu"), ("datasets", "digits"), ("learning_rate", 0.1)]
        )
    )
    twice = [value, value]
    return replaced(raw, ("surveys", survey, key), twice), [survey, key, repr(twice), "twice"]


def missing_key(raw, data):
    key = data.draw(st.sampled_from(["study", "surveys", "figures"]))
    return {k: v for k, v in raw.items() if k != key}, [repr(key)]


def too_deep(raw, data):
    survey = data.draw(st.sampled_from(sorted(raw["surveys"])))
    depth = data.draw(st.sampled_from([10**8, 10**9]))
    changed = replaced(raw, ("surveys", survey, "depth"), depth)
    changed["surveys"][survey].pop("loss", None)  # a name may not get too long by so deep a network
    return changed, [repr(survey), "depth", str(depth), "GB", "memory_limit_gb"]


def unused_main_dataset(raw, data):
    return {**raw, "figures": {"main_dataset": "unused"}}, ["figures.main_dataset", "'unused'"]


MISTAKES = [
    unknown_key, misspelt_choice, misspelt_dataset, misspelt_survey, wrong_number, wrong_rate,
    empty_list, duplicate_value, missing_key, too_deep, unused_main_dataset,
]  # fmt: skip


@generated(200)
@given(configurations(), st.data())
def test_mistakes_are_named_with_their_place(raw, data):
    assume(small(raw))
    for mistake in MISTAKES:
        changed, parts = mistake(raw, data)
        message = refusal(changed)
        for part in parts:
            assert part in message, f"{part} is not in: {message}"


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        (("study",), "a b", ["study", "'a b'", "letters"]),
        (("study",), "a\n", ["study", "letters"]),
        (("study",), "../up", ["study", "'../up'", "letters"]),
        (("study",), 202301, ["study", "202301", "in quotes"]),  # --config study=2023_01
        (("study",), "models", ["study", "'models'", "folder"]),
        (("study",), "x" * 300, ["study", "100"]),
        (("device",), "gpu", ["device", "'gpu'", "auto", "cpu", "cuda"]),
        (("seed",), -1, ["seed", "-1", "minimum"]),
        (("seed",), 1.5, ["seed", "1.5", "integer"]),
        (("memory_limit_gb",), math.nan, ["memory_limit_gb", "nan"]),
        (("statistics",), {"confidence": math.nan}, ["statistics.confidence", "nan"]),
        (("statistics",), {"resamples": 100.5}, ["statistics.resamples", "100.5", "integer"]),
        (("boundaries",), {"resolution": 10**6}, ["boundaries.resolution", "1000000", "8192"]),
        (("datasets",), {"digits": "a.npz"}, ["'digits'", "built in"]),
        (("datasets",), {"a b": "a.npz"}, ["datasets", "'a b'", "letters"]),
        (("surveys",), {}, ["surveys", "empty"]),
        (("surveys",), None, ["surveys", "None", "give a mapping"]),
        (("surveys",), {1: {}}, ["surveys", "1"]),
        (("surveys", "a", "labels"), True, ["surveys.a", "labels: 0 instead of True"]),
        (("surveys", "a", "activation"), "ReLU", ["survey 'a'", "'ReLU'", "did you mean 'relu'"]),
        (("surveys", "a", "activation"), ["relu", "HARDTANH"], ["did you mean 'hardtanh'"]),
        (("surveys", "a", "optimizer"), "SGD", ["'SGD'", "did you mean 'sgd'"]),
        (("surveys", "a", "datasets"), ["MNIST"], ["'MNIST'", "did you mean 'mnist'"]),
        (("surveys", "a", "datasets"), ["Fashion-MNIST"], ["did you mean 'fashion_mnist'"]),
        (("surveys", "a", "datasets"), ["CIFAR100:500"], ["did you mean 'cifar100'"]),
        (("surveys", "a", "Width"), 4, ["'Width'", "did you mean 'width'"]),
        (
            ("generalization_measures",),
            {"surveys": ["A"]},
            ["generalization_measures", "'A'", "did you mean 'a'"],
        ),
        (("figures",), {"main_dataset": "Digits"}, ["'Digits'", "did you mean 'digits'"]),
        (("surveys", "a", "labels"), 1.5, ["survey 'a'", "labels", "1.5", "from 0 to 1"]),
        (("surveys", "a", "labels"), [0.5, "tru"], ["surveys.a.labels", "'tru'", "number"]),
        (("surveys", "a", "labels"), "random", ["surveys.a", "labels: 1 instead of 'random'"]),
        (("surveys", "a", "labels"), [0.5, "true"], ["labels: 0 instead of 'true'"]),
        (("recipe",), {"tf32": True}, ["recipe", "'tf32'", "gone", "delete"]),
        (("rivals",), {}, ["'rivals'", "now called 'generalization_measures'"]),
        (("trajectories",), {}, ["'trajectories'", "now called 'curves'"]),
        (("tables",), {"most_models": 4}, ["'tables'", "gone", "delete"]),
        (("surveys", "a", "widht"), 4, ["surveys.a", "'widht'", "did you mean 'width'"]),
        (("surveys", "a", "datasets"), ["digits:9999"], ["'a'", "digits:9999", "1437"]),
        (
            ("surveys", "a", "datasets"),
            ["digits", "digits:500"],
            ["'a'", "8 disjoint draws", "1437", "for 2"],
        ),
        (("surveys", "a", "datasets"), "digits", ["surveys.a.datasets", "'digits'", "give a list"]),
        (("surveys", "a", "width"), [4, [5]], ["surveys.a.width", "[5]"]),
        (("curves",), {"survey": "b"}, ["curves", "'b'", "a"]),
        (("curves",), {"surveys": ["a"]}, ["curves", "'surveys'", "'survey'"]),
    ],
)
def test_messages(path, value, parts):
    raw = {
        "study": "s",
        "surveys": {"a": {"datasets": ["digits"], "width": 4, "depth": 1, "activation": "relu"}},
        "figures": {"main_dataset": "digits"},
    }
    message = refusal(replaced(raw, path, value))
    for part in parts:
        assert part in message, f"{part} is not in: {message}"
