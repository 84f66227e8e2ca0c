"""What every script shares: settings, a log, and errors in one sentence."""

import argparse
import gc
import importlib
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from sensitivity.base import command
from sensitivity.base.errors import DamagedFile, SensitivityError

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))
FOR_READERS = ("verify", "compare", "page", "rule_graph")  # not run by a rule, so without settings


@pytest.fixture(autouse=True)
def own_logging():
    """`setup` configures the logging of the whole process; give it back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:], root.level = handlers, level


def parse(*argv):
    parser = argparse.ArgumentParser()
    command.standard_arguments(parser)
    return parser.parse_args(argv)


def test_arguments():
    arguments = parse("--settings", '{"a": [1, null]}', "--log", "x/y.log", "--threads", "3")
    assert arguments.settings == {"a": [1, None]}
    assert arguments.log == Path("x/y.log")
    assert arguments.threads == 3


def test_defaults():
    arguments = parse()
    assert (arguments.settings, arguments.log, arguments.threads) == ({}, None, 1)


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "'a'"])
def test_settings_must_be_an_object(text, capsys):
    with pytest.raises(SystemExit):
        parse("--settings", text)
    assert "JSON" in capsys.readouterr().err


def test_the_log_holds_all_and_the_terminal_only_warnings(tmp_path, capsys):
    path = tmp_path / "new folder" / "a.log"
    command.setup(parse("--log", str(path)))
    logging.getLogger("sensitivity.x").info("so far")
    logging.getLogger("sensitivity.x").warning("beware")
    assert "beware" in capsys.readouterr().err
    log = path.read_text(encoding="utf-8")
    assert "INFO sensitivity.x: so far" in log
    assert "WARNING sensitivity.x: beware" in log


def test_a_second_run_begins_its_log_anew(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("old")
    command.setup(parse("--log", str(path)))
    assert path.read_text() == ""


@pytest.mark.parametrize("kind", [SensitivityError, DamagedFile])
def test_an_error_that_can_be_mended_is_one_sentence(tmp_path, capsys, kind):
    path = tmp_path / "a.log"

    def main(argv):
        assert argv is None
        command.setup(parse("--log", str(path)))
        raise kind("mend it")

    with pytest.raises(SystemExit) as caught:
        command.run(main)
    assert caught.value.code == 1
    for text in (capsys.readouterr().err, path.read_text()):
        assert "mend it" in text
        assert "Traceback" not in text
        assert text.count("\n") == 1


def test_an_unexpected_error_shows_its_traceback_in_the_log(tmp_path):
    path = tmp_path / "a.log"

    def main(argv):
        command.setup(parse("--log", str(path)))
        raise ZeroDivisionError("by zero")

    with pytest.raises(SystemExit) as caught:
        command.run(main)
    assert caught.value.code == 1
    assert "Traceback" in path.read_text()
    assert "ZeroDivisionError: by zero" in path.read_text()


@pytest.mark.parametrize("failing", [False, True])
def test_nothing_is_searched_for_garbage_at_the_end(failing):
    """A third of the time that it takes to load PyTorch goes into that search otherwise."""

    def main(argv):
        if failing:
            raise SensitivityError("no")

    gc.unfreeze()
    try:
        if failing:
            with pytest.raises(SystemExit):
                command.run(main)
        else:
            command.run(main)
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_success_returns():
    command.run(lambda argv: None)


@pytest.mark.parametrize("name", [p.stem for p in SCRIPTS if p.stem not in FOR_READERS])
def test_every_script_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as caught:
        importlib.import_module(name).main(["--help"])
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert "--settings" in printed
    assert "--log" in printed


def test_a_script_says_in_one_sentence_what_is_wrong(tmp_path):
    output = tmp_path / "digit.npz"
    command = [sys.executable, ROOT / "scripts/data.py", "--settings", '{"dataset": "digit"}']
    result = subprocess.run([*command, "--output", output], capture_output=True, text=True)
    assert result.returncode == 1
    assert "did you mean 'digits'?" in result.stderr
    assert "Traceback" not in result.stderr
    assert not output.exists()
