"""Untrained networks that models of a job share are measured once, with the same results."""

import json
from dataclasses import replace

import pytest

import measure
from made_up.measured import RECIPE
from sensitivity.files import measurements
from sensitivity.measures import untrained
from sensitivity.networks.network import Network

NUMBERS = {
    "jacobian": {"test_points": 5, "training_points": 5, "noise_points": 5},
    "transitions": {"test_points": 2},
}
FAST, SCALED = replace(RECIPE, learning_rate=0.1), replace(RECIPE, initial_scale=2.0)


@pytest.fixture(autouse=True)
def _trained(study):
    """Three models with weights of their own."""
    for factor, recipe in enumerate((RECIPE, FAST, SCALED), start=1):
        network = Network([factor * w for w in study.network.weights], "hardtanh")
        path = study.folder / f"{recipe.name}.safetensors"
        network.save(path, {"dataset": "squares", "model": recipe.name})


@pytest.fixture
def measured(monkeypatch):
    """The keys of the controls that are measured, in order."""
    keys, key_of = [], untrained.key

    def noting(measurement, initial):
        found = key_of(measurement, initial)
        if found not in measurement.controls:
            keys.append(found)
        return found

    monkeypatch.setattr(untrained, "key", noting)
    return keys


def take(study, recipes):
    """The measures of some models, taken in one job."""
    models = [{"recipe": r.specification(), "measures": list(NUMBERS)} for r in recipes]
    settings = {"dataset": "squares", "seed": 0, "measures": NUMBERS, "models": models}
    output = study.folder / f"{len(recipes)}-{recipes[0].name}.npz"
    arguments = ["--data", study.folder / "data.npz", "--settings", json.dumps(settings)]
    arguments += ["--output", output, "--device", "cpu", "--weights"]
    arguments += [study.folder / f"{recipe.name}.safetensors" for recipe in recipes]
    measure.main(list(map(str, arguments)))
    return measurements.read(output, dataset="squares")


def test_models_that_began_alike_share_their_controls(study, measured):
    parts = take(study, [RECIPE, FAST, SCALED])
    assert len(measured) == len(set(measured)) == 2 * len(NUMBERS)  # SCALED began otherwise
    first, fast, scaled = (parts[r.name]["jacobian"].arrays for r in (RECIPE, FAST, SCALED))
    control = "untrained_jacobian_norm"
    assert first[control].tolist() == fast[control].tolist()
    assert first[control].tolist() != scaled[control].tolist()
    assert first["jacobian_norm"].tolist() != fast["jacobian_norm"].tolist()


def test_a_model_measured_alone_has_the_same_numbers(study):
    together = take(study, [RECIPE, FAST, SCALED])
    for recipe in (RECIPE, FAST, SCALED):
        alone = take(study, [recipe])[recipe.name]
        for name, part in together[recipe.name].items():
            assert part.arrays.keys() == alone[name].arrays.keys()
            for key, values in part.arrays.items():
                assert values.tobytes() == alone[name].arrays[key].tobytes(), key
