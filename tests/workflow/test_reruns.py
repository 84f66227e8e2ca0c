"""What reruns after an edit: the table of docs/reruns.md, job by job.

Every case edits a copy of a finished study and compares the jobs of a dry run with those expected.
Jobs are known by their messages; `*` stands for any text. `test_taken_anew.py` tells what a planned
measuring job recomputes.
"""

import os
import random
from fnmatch import fnmatchcase

import pytest

NOTHING = ()
TABLES = ("tabulate *", "decide the claims")
# Figures by what they are drawn from.
OF_MODELS = tuple(f"draw {figure}_*" for figure in ["1", "5", "A2", "A4", "A6", "A9", "A10"])
OF_PAIRS = ("draw 4_*", "draw A11_*")
OF_POINTS = ("draw 6_*", "draw A3_*", "draw A5_*")
OF_CURVES = ("draw 2_*",)
OF_MEASURES = ("draw A8_*",)
OF_SLICES = ("draw 3_*",)
OF_SAMPLES = ("draw A7_*",)
OF_IMAGES = ("draw A1_*",)
OF_MAIN = ("draw 6_*", "draw A5_*")  # show one data set
OF_STATISTICS = tuple(f"draw {f}_*" for f in ["1", "2", "4", "5", "A2", "A4", "A6", "A8", "A11"])
FROM_TABLES = (*OF_MODELS, *OF_PAIRS, *OF_POINTS, *OF_CURVES, *OF_MEASURES)
FIGURES = ("draw *",)
FROM_STATISTICS = (
    *(f"tabulate {table}" for table in ("correlations", "factors", "points", "curves")),
    "decide the claims",
    *OF_STATISTICS,
)
SHOWN = (*TABLES, *FIGURES)
PAGE = "gather the page to explore"  # follows whenever a table or a figure is made anew
MEASURED = ("measures *", "records *", "boundaries *", "sampling *")  # jobs that measure
RETRAINED = ("train *", *MEASURED, *TABLES, *FIGURES)


def touch_everything(study):
    """In random order, so that results become older than what they were made from."""
    paths = [p for pattern in ("*", "results/**/*") for p in study.folder.glob(pattern)]
    paths += [p for name in ("scripts", "workflow", "envs") for p in study.files(f"{name}/**/*")]
    random.Random(0).shuffle(paths)
    for date, path in enumerate(paths, start=1_500_000_000):
        os.utime(path, (date, date))


def comments_and_docstrings(study):
    for path in study.files("scripts/**/*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith('"""'), path
        path.write_text(f'"""Edited. {text[3:]}\n# A new comment.\n', encoding="utf-8")
    for path in [study.folder / "Snakefile", *study.files("workflow/rules/*.smk")]:
        text = path.read_text(encoding="utf-8")
        path.write_text(f"# A new comment.\n{text}\n# Another.\n", encoding="utf-8")


def code(*modules):
    """A change of code that changes no result, which no tool can know."""

    def edit(study):
        for module in modules:
            study.append(f"scripts/{module}.py", "EDITED = True")

    return edit


def new_keys_with_defaults(study):
    study.edit(
        "scripts/sensitivity/study/recipe.py",
        ("    first_seed: int = 0\n", "    first_seed: int = 0\n    dropout: float = 0.0\n"),
    )
    study.edit(
        "workflow/schemas/config.schema.yaml",
        ("  seed: {type: integer", "  mood: {type: string, default: calm}\n  seed: {type: integer"),
        (
            "      stop_when_fitted: {type: boolean}\n",
            "      stop_when_fitted: {type: boolean}\n      dropout: {type: number}\n",
        ),
    )


def configured(change):
    return lambda study: study.configure(change)


def survey(name, **values):
    return configured(lambda configuration: configuration["surveys"][name].update(values))


def section(name, **values):
    return configured(lambda configuration: configuration[name].update(values))


def without_survey(configuration):
    """Nobody asks for its models any longer; they stay where they are."""
    del configuration["surveys"]["full_batch"]


def another_study(configuration):
    configuration["study"] = "another"


def the_page_to_explore(study):
    study.append("scripts/sensitivity/explorer/page/main.js", "// Edited.")


# the edit: what it does, the jobs that rerun, those among them that do not
CASES = {
    "nothing": (lambda study: None, NOTHING, NOTHING),
    "touch of every file": (touch_everything, NOTHING, NOTHING),
    "comments and docstrings everywhere": (comments_and_docstrings, NOTHING, NOTHING),
    "new keys with defaults": (new_keys_with_defaults, NOTHING, NOTHING),
    "regions/counting.py": (
        code("sensitivity/regions/counting"),
        ("measures *", "records *", "sampling *", *TABLES, *FIGURES),
        (*OF_SLICES, *OF_IMAGES),
    ),
    "jacobian/sizes.py": (
        code("sensitivity/jacobian/sizes"),
        ("measures *", "records *", *TABLES, *FIGURES),
        (*OF_SLICES, *OF_IMAGES, *OF_SAMPLES),
    ),
    "measures/confidence.py": (
        code("sensitivity/measures/confidence"),
        ("measures *", "records *", *TABLES, *FIGURES),
        (*OF_SLICES, *OF_IMAGES, *OF_SAMPLES),
    ),
    "module_gradients.py": (code("sensitivity/training/module_gradients"), RETRAINED, OF_IMAGES),
    "training/training.py": (code("sensitivity/training/training"), RETRAINED, OF_IMAGES),
    "training/optimizers.py": (code("sensitivity/training/optimizers"), RETRAINED, OF_IMAGES),
    "regions/__init__.py": (
        code("sensitivity/regions/__init__"),
        (*MEASURED, *TABLES, *FIGURES),
        OF_IMAGES,
    ),
    "one figure's module": (code("sensitivity/figures/loop"), ("draw A1_loop",), NOTHING),
    "the plot style": (code("sensitivity/figures/style"), FIGURES, NOTHING),
    "tables/statistics.py": (code("sensitivity/tables/statistics"), FROM_STATISTICS, NOTHING),
    "scripts/table.py": (code("table"), FROM_STATISTICS, NOTHING),
    "the page to explore": (the_page_to_explore, (PAGE,), NOTHING),
    "claims.py": (code("claims"), ("decide the claims",), NOTHING),
    "test points of transitions": (
        section("transitions", test_points=11),
        ("measures *", "records *", *TABLES, *FROM_TABLES),
        NOTHING,
    ),
    "confidence of intervals": (section("statistics", confidence=0.9), FROM_STATISTICS, NOTHING),
    "learning rate of one survey": (
        survey("random_labels", learning_rate=0.02),
        ("train digits:200 *", "measures digits:200 *", *TABLES, *FROM_TABLES),
        ("tabulate the networks on digits", *OF_MAIN),
    ),
    "a width added to a grid": (
        survey("architecture", width=[32, 48, 64]),
        ("* depth?-width48-*", *TABLES, *FROM_TABLES),
        ("tabulate the networks on digits:200",),
    ),
    "a model added of a shape that is there": (
        survey("stages", steps=[50, 100, 150, 400]),
        ("train digits *-steps100-*", "measures digits depth1-width32", *TABLES,
         *FROM_TABLES),
        ("tabulate the networks on digits:200",),
    ),
    "one more replicate": (
        section("recipe", replicates=3),
        ("train *", *MEASURED, *TABLES, *FIGURES),
        OF_IMAGES,
    ),
    "more seeds on a subset, so more of its draws": (
        configured(lambda of: of["surveys"].update(
            more={**of["surveys"]["random_labels"], "labels": 0, "replicates": 5})),
        ("train digits:200 *-replicates5", "measures digits:200 *", *TABLES,
         *FROM_TABLES),
        ("tabulate the networks on digits", *OF_MAIN),
    ),
    "a data set added": (
        survey("full_batch", datasets=["digits", "digits:500"]),
        ("* digits:500", "* digits:500 *", *TABLES, *FROM_TABLES),
        ("tabulate the networks on digits", "tabulate the networks on digits:200", *OF_MAIN),
    ),
    "a survey left out": (
        configured(without_survey),
        ("measures digits depth2-width64", *TABLES, *FROM_TABLES),
        ("tabulate the networks on digits:200",),
    ),
    "another study with the same models": (
        configured(another_study),
        (*MEASURED, *TABLES, *FIGURES),
        NOTHING,
    ),
}  # fmt: skip


NEW_MODELS = {
    "a width added to a grid",
    "a model added of a shape that is there",
    "one more replicate",
    "more seeds on a subset, so more of its draws",
    "a data set added",
    "learning rate of one survey",
    "a survey left out",
}


def matching(jobs, patterns):
    return {job for job in jobs if any(fnmatchcase(job, pattern) for pattern in patterns)}


def assert_planned(study, expected, *arguments, **options):
    planned = study.planned(*arguments, **options)
    assert {"too many": planned - expected, "missing": expected - planned} == {
        "too many": set(), "missing": set()
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_edits(study, all_jobs, case):
    edit, reruns, spared = CASES[case]
    edit(study)
    jobs = study.planned("--forceall") if case in NEW_MODELS else all_jobs
    expected = matching(jobs, reruns) - matching(jobs, spared)
    assert_planned(study, expected | ({PAGE} if matching(expected, SHOWN) else set()))


def test_a_fresh_clone_with_results_copied_in(finished, tmp_path):
    """Files get new dates in any order, at another place, with a space in its path."""
    assert_planned(finished.copy(tmp_path / "a clone", dates=False), set())


def weights_of(study, part_of_name):
    (weights,) = study.files(f"results/models/*/*{part_of_name}*/weights.safetensors")
    return weights


def test_deleted_weights(study):
    """Results stand without them. Made again when asked for, they are the same: nothing follows."""
    weights = weights_of(study, "loss_squared")
    before = weights.read_bytes()
    weights.unlink()
    assert_planned(study, set())
    trained = study.run(weights.relative_to(study.folder))
    assert trained == {"train digits " + weights.parent.name}
    assert weights.read_bytes() == before
    assert_planned(study, set())


def test_an_edited_reader_of_data(study):
    """Images that come out the same retrain nothing, once they have been read again."""
    study.append("scripts/sensitivity/datasets/embedded.py", "EDITED = True")
    assert study.run("data") == {"fetch digits", "fetch digits:200"}
    assert_planned(study, set())


def test_other_weights_are_seen(study):
    """Weights that differ come with another checksum, and what follows from them reruns."""
    weights = weights_of(study, "loss_squared")
    model = weights.parent.name
    other = weights_of(study, "depth1-width64-hardtanh").parent
    for name in ("weights.safetensors", "training.csv", "training.json"):
        (weights.parent / name).write_bytes((other / name).read_bytes())
    planned = study.planned()
    assert matching(planned, MEASURED) == {
        f"records digits {model}",
        f"sampling digits {model}",
    }
    assert not matching(planned, ["train *"])


CONDA = """#!/bin/sh
case "$*" in
    "info --json") echo '{"conda_prefix": "/opt/conda", "platform": "linux-64"}' ;;
    "--version") echo "conda 24.11.0" ;;
    "config --get channel_priority --json") echo '{"get": {"channel_priority": "strict"}}' ;;
esac
"""


@pytest.fixture
def conda(tmp_path):
    """Arguments and environment for `--sdm conda`: a stand-in answers what a dry run asks."""
    program = tmp_path / "bin" / "conda"
    program.parent.mkdir()
    program.write_text(CONDA)
    program.chmod(0o755)
    return {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.slow
def test_an_edited_environment(study, conda, all_jobs):
    """Under --sdm conda, the tables' and figures' environment; training has its own."""
    study.run("--sdm", "conda", "--touch", "--forceall", **conda)
    assert_planned(study, set(), "--sdm", "conda", **conda)
    study.append("envs/plots.yaml", "  - tqdm=4.67.1")
    expected = matching(all_jobs, [*TABLES, *FIGURES, PAGE])
    assert_planned(study, expected, "--sdm", "conda", **conda)
