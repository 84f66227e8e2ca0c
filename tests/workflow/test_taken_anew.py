"""What a measuring job recomputes that runs after an edit, the other half of docs/reruns.md.

One job takes all measures of some models, and keeps those that still hold. Which it would
take anew is asked of every measuring job of a dry run: `scripts/measure.py --list-stale`.
"""

import json
import re
import shlex
from pathlib import Path

import pytest

import measure

pytestmark = pytest.mark.slow

EVERYTHING = {
    "jacobian", "transitions", "as_trained", "generalization_measures",
    "points", "curves", "boundaries", "sampling",
}  # fmt: skip
NOTHING = set()


def code(module):
    """A change of code that changes no result, which no tool can know."""
    return lambda study: study.append(f"scripts/sensitivity/{module}.py", "EDITED = True")


def configured(part, **values):
    """Other values in a section of the configuration, or in a survey."""

    def change(configuration):
        section = configuration.get(part, configuration["surveys"].get(part))
        section.update(values)

    return lambda study: study.configure(change)


# the edit, and what is recomputed of models that have been measured before
CASES = {
    "nothing": (lambda study: None, NOTHING),
    "regions/counting.py": (code("regions/counting"), {"transitions", "curves", "sampling"}),
    "jacobian/sizes.py": (code("jacobian/sizes"), {"jacobian", "points", "curves"}),
    # Networks are trained anew. Where they come out the same, what was measured of them holds.
    "training/training.py": (code("training/training"), NOTHING),
    "training/optimizers.py": (code("training/optimizers"), NOTHING),
    "one measure's module": (code("measures/taken/points"), {"points"}),
    "one figure's module": (code("figures/gap"), NOTHING),
    "test points of transitions": (configured("transitions", test_points=11), {"transitions"}),
    "confidence of intervals": (configured("statistics", confidence=0.9), NOTHING),
    "learning rate of one survey": (configured("random_labels", learning_rate=0.02), NOTHING),
    "a width added to a grid": (configured("architecture", width=[32, 48, 64]), NOTHING),
    "a model more in a job": (configured("stages", steps=[50, 100, 150, 400]), NOTHING),
    "a survey left out": (lambda study: study.configure(without("full_batch")), NOTHING),
}


def without(survey):
    return lambda configuration: configuration["surveys"].pop(survey)


def taken_anew(study, monkeypatch, capsys):
    """What the planned measuring jobs would recompute, by their own word, by model.

    Of models that have been measured before: new ones may join a job.
    """
    dry_run = study.snakemake("--dry-run", "--printshellcmds")
    assert dry_run.returncode == 0, dry_run.stdout
    monkeypatch.chdir(study.folder)
    found = {}
    for command in re.findall(r"python .*/scripts/measure\.py (--data .*)", dry_run.stdout):
        arguments = [word for word in shlex.split(command) if word != "--checksum"]
        output = Path(arguments[arguments.index("--output") + 1])
        if output.exists():
            capsys.readouterr()
            measure.main([*arguments[: arguments.index("--log")], "--list-stale"])
            stale = json.loads(capsys.readouterr().out)
            for model in measure.measurements.read(output):
                found[model] = found.get(model, set()) | set(stale.get(model, ()))
    return found


def united(found):
    return set().union(*found.values())


@pytest.mark.parametrize("case", CASES)
def test_edits(study, case, monkeypatch, capsys):
    edit, expected = CASES[case]
    edit(study)
    assert united(taken_anew(study, monkeypatch, capsys)) == expected


def test_other_weights_make_all_measures_of_their_model_stale(study, monkeypatch, capsys):
    (weights,) = study.files("results/models/*/*loss_squared*/weights.safetensors")
    (other,) = {p.parent for p in study.files("results/models/*/depth1-width64-hardtanh*/*")}
    for name in ("weights.safetensors", "training.csv", "training.json"):
        (weights.parent / name).write_bytes((other / name).read_bytes())
    assert taken_anew(study, monkeypatch, capsys) == {
        weights.parent.name: EVERYTHING - {"generalization_measures", "boundaries"}
    }


def test_a_run_does_what_was_foretold(study):
    """For real, of one measure in three models: the others keep every byte of their numbers."""
    study.configure(lambda c: c["transitions"].update(test_points=11))
    path = study.folder / "results/tiny/measurements/digits:200/depth2-width128/measures.npz"
    name = path.relative_to(study.folder)
    before = measure.measurements.read(path)
    study.run(name)
    after = measure.measurements.read(path)
    assert len(after) == 3
    for model, parts in after.items():
        assert {part: parts[part].sources == before[model][part].sources for part in parts} == {
            "jacobian": True, "transitions": False, "as_trained": True
        }  # fmt: skip
        assert parts["transitions"].sources["test_points"] == 11
