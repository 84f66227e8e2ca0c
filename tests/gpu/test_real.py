"""The program for a real GPU runs, here with the CPU on both sides."""

import pytest

import real


@pytest.fixture(autouse=True)
def few(monkeypatch):
    chosen = [real.TRAININGS[1], real.TRAININGS[7]]
    assert "architecture" in chosen[1]
    monkeypatch.setattr(real, "TRAININGS", chosen)


def test_it_runs_and_finds_the_cpu_equal_to_itself(capsys):
    assert real.main(["--device", "cpu", "--steps", "5"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("| True |") == len(real.TRAININGS)
    assert printed.count("| 0.0e+00 | True | 0.0e+00 | 0.0e+00 |") == len(real.TRAININGS)


def test_it_sees_what_is_apart(monkeypatch, capsys):
    measured = real.norms_of
    monkeypatch.setattr(
        real, "norms_of", lambda *about: measured(*about) * (1.01 if about[2] == "cpu" else 1)
    )
    assert real.main(["--device", "cpu", "--steps", "2"]) == 1
    assert "0 of 2 rows" in capsys.readouterr().out
