import re
from pathlib import Path

import pytest

from sensitivity.base.errors import SensitivityError
from sensitivity.study import strict_yaml

ROOT = Path(__file__).resolve().parents[2]


def refused(text, tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SensitivityError) as caught:
        strict_yaml.check(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("text", "key", "first", "second"),
    [
        ("seed: 1\nstudy: a\nseed: 2\n", "seed", 1, 3),
        ("surveys:\n  a: {width: 1}\n  b: {width: 2}\n  a: {width: 3}\n", "a", 2, 4),
        ("surveys:\n  a:\n    width: 1\n    depth: 1\n    width: 2\n", "width", 3, 5),
        ('seed: 1\n"seed": 1\n', "seed", 1, 2),
        ("lists:\n  - {a: 1, a: 2}\n", "a", 2, 2),
        ('{"seed": 1,\n "seed": 2}\n', "seed", 1, 2),  # JSON is YAML
    ],
)
def test_a_key_given_twice_is_refused_with_both_lines(text, key, first, second, tmp_path):
    message = refused(text, tmp_path)
    assert f"line {second}: the key {key!r} was given before, in line {first}" in message


@pytest.mark.parametrize(("text", "read_as"), [("010", 8), ("-012", -10), ("1:30", 90), ("0_7", 7)])
def test_numbers_that_yaml_reads_otherwise_are_refused(text, read_as, tmp_path):
    message = refused(f"recipe:\n  steps: {text}\n", tmp_path)
    assert re.search(rf"line 2: YAML reads {text} as the number {read_as};", message)


def test_what_is_no_yaml_is_refused_in_one_sentence(tmp_path):
    refused("a: [1, 2\nb: }\n", tmp_path)


def test_what_is_said_once_passes(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(
        "shared: &shared {width: 1, steps: 0}\n"
        "a: {<<: *shared, width: 2}\n"  # a merged key may be given again
        "b: {<<: *shared, rate: 1_000, factor: 0.5, text: '010', set: 'digits:200'}\n"
        "c: &loop [*loop]\n",
        encoding="utf-8",
    )
    strict_yaml.check(path)
    path.write_text("", encoding="utf-8")
    strict_yaml.check(path)


@pytest.mark.parametrize("path", sorted(ROOT.glob("**/config/*.yaml")), ids=lambda path: path.stem)
def test_our_studies_say_nothing_twice(path):
    strict_yaml.check(path)
