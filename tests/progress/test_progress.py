"""The line that stays while a study runs, and the sentence that ends a run that failed."""

import logging
from types import SimpleNamespace

import pytest
from snakemake.exceptions import IncompleteFilesException
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

import snakemake_logger_plugin_study as plugin
from snakemake_logger_plugin_study import errors, stages


def record(event, level=logging.INFO, message="", **fields):
    made = logging.LogRecord("snakemake", level, "", 0, message, None, None)
    made.__dict__.update(fields, **({"event": event} if event else {}))
    return made


@pytest.fixture
def handler():
    return plugin.LogHandler(SimpleNamespace(dryrun=False), None)


def test_snakemake_finds_it():
    registry = LoggerPluginRegistry()
    registry.collect_plugins()
    assert registry.get_plugin("study").log_handler is plugin.LogHandler


def test_a_line_a_stage_without_a_terminal(handler, capsys):
    handler.emit(record(LogEvent.RUN_INFO, stats={"train": 2, "figure_gap": 1, "total": 3}))
    for job, rule in enumerate(("train", "train", "figure_gap")):
        handler.emit(record(LogEvent.JOB_INFO, jobid=job, rule_name=rule, rule_msg="do it"))
        handler.emit(record(LogEvent.JOB_FINISHED, job_id=job))
    handler.close()
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in said] == [
        "trained 2 of 2 models",
        "drawn 1 of 1 figures",
    ]


def test_time_left_by_the_estimate(monkeypatch):
    monkeypatch.setitem(stages.expected, "train", 30.0)
    monkeypatch.setitem(stages.expected, "measures", 10.0)
    counted = stages.Stages()
    counted.begin({"train": 2, "measures": 2, "total": 4})
    assert counted.left() is None
    counted.finished("train", seconds=60)  # twice as long as expected
    assert counted.left() == pytest.approx(100)
    assert counted.line() == (
        "1.0 min, about 1.7 min left: trained 1 of 2 models, measured 0 of 2 jobs"
    )


def test_the_sentence_that_matters_comes_last(handler, capsys, tmp_path):
    log = tmp_path / "train.log"
    log.write_text(
        "2026-11-28 07:00:00,000 INFO train: begins\n"
        "2026-11-28 07:00:01,000 ERROR sensitivity: no space left; free some\n"
    )
    handler.emit(record(LogEvent.JOB_INFO, jobid=1, rule_name="train", rule_msg="train model 1"))
    failed = record(
        LogEvent.JOB_ERROR,
        logging.ERROR,
        jobid=1,
        rule_name="train",
        log=[f"{log} (check log file(s) for error details)"],
    )
    handler.emit(failed)
    handler.emit(record(None, logging.WARNING, "something else"))
    handler.close()
    said = capsys.readouterr().err.splitlines()
    assert said == ["something else", "Failed: train model 1: no space left; free some"]


def test_an_unexpected_error_points_at_its_log(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(
        "2026-11-28 07:00:01,000 ERROR sensitivity: unexpected error\nTraceback\nKeyError: 'x'\n"
    )
    assert errors.of_job("draw", [str(log)]) == f"Failed: draw: KeyError: 'x' (log: {log})"
    assert "left no log" in errors.of_job("draw", [str(tmp_path / "none.log")])


def test_a_mistake_in_the_configuration_is_one_sentence():
    message = (
        "WorkflowError in file Snakefile, line 3:\nconfiguration: devise is no key\n"
        '  File "workflow/rules/common.smk", line 45, in <module>'
    )
    assert errors.of_snakemake(message) == "configuration: devise is no key"


def test_every_stage_has_rules():
    assert stages.stage_of("figure_gap") == "drawn"
    assert stages.stage_of("networks") == "tabulated"
    assert stages.stage_of("table_factors") == "tabulated"
    assert stages.stage_of("fetch") is None


def test_what_only_says_that_there_was_an_error_is_left_out():
    empty = "At least one job did not complete successfully."
    command = "Command 'train' returned non-zero exit status 1."
    assert errors.that_matter([command, "Failed: no memory", empty]) == ["Failed: no memory"]
    assert errors.that_matter([command, empty]) == [command, empty]


def test_a_job_that_succeeds_after_all_has_not_failed(handler, capsys):
    handler.emit(record(LogEvent.RUN_INFO, stats={"train": 1, "total": 1}))
    handler.emit(record(LogEvent.JOB_INFO, jobid=1, rule_name="train", rule_msg="train model 1"))
    handler.emit(record(LogEvent.JOB_ERROR, jobid=1, rule_name="train", rule_msg=None, log=[]))
    handler.emit(record(LogEvent.JOB_FINISHED, job_id=1))
    handler.close()
    assert "Failed" not in capsys.readouterr().err


def test_the_executors_reason_is_told(tmp_path):
    log = tmp_path / "train.log"
    log.write_text("2026-11-28 07:00:00,000 INFO train: step 100\n")
    said = errors.of_job("train model 2", [str(log)], "SLURM status is: 'TIMEOUT'")
    assert said.startswith("Failed: train model 2: killed, or ended without an error of its own")
    assert "TIMEOUT" in said


def test_what_snakemake_explains_is_kept():
    message = str(IncompleteFilesException(["results/a", "results/b"]))
    said = errors.of_snakemake(f"IncompleteFilesException:\n{message}")
    assert "--rerun-incomplete" in said
    assert "results/b" in said
    assert "IncompleteFilesException" not in said


def test_a_record_that_nobody_expected_does_not_end_the_watch(handler, capsys, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    handler.emit(record(LogEvent.JOB_FINISHED))  # without the job's number
    handler.emit(record(None, logging.WARNING, "still here"))
    assert "still here" in capsys.readouterr().err


def test_a_terminal_has_one_line_that_ends_before_an_error(handler, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    handler.emit(record(LogEvent.RUN_INFO, stats={"train": 2, "total": 2}))
    handler.emit(record(LogEvent.JOB_INFO, jobid=1, rule_name="train", rule_msg="train model 1"))
    handler.emit(record(LogEvent.JOB_ERROR, jobid=1, rule_name="train", rule_msg=None, log=[]))
    said = capsys.readouterr().err
    assert "trained 0 of 2 models" in said
    assert said.endswith("\n")  # what others print comes below
    handler.close()
    assert capsys.readouterr().err.startswith("Failed: train model 1")
