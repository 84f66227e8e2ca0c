"""A replicate that diverges is a result, and no business of its neighbours'."""

import math

import pytest
import torch

from sensitivity.training import fully_connected, lbfgs, stochastic
from sensitivity.training.initialization import initial_network
from sensitivity.training.training import train


def final_rows(training):
    return [row for row in training.history if row["final"]]


@pytest.mark.usefixtures("one_stack")
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "rmsprop"])
def test_a_diverged_replicate_leaves_its_neighbours_untouched(data, recipe, monkeypatch, optimizer):
    model = recipe(optimizer=optimizer, learning_rate=0.001)
    sound = train(model, data)
    work = stochastic.MiniBatchRun._work

    def overflow(run):
        work(run)
        if run.step == 7:  # the eighth step
            run.weights_RP[1] *= 1e38

    monkeypatch.setattr(stochastic.MiniBatchRun, "_work", overflow)
    result = train(model, data)
    assert [row["diverged_step"] for row in final_rows(result)] == [None, 9, None]
    assert [row["step"] for row in final_rows(result)] == [30, 6, 30]  # 6: evaluated last
    for ours, theirs in zip(result.network.weights, sound.network.weights):
        assert ours[1].isfinite().all()
        assert torch.equal(ours[::2], theirs[::2])


@pytest.mark.parametrize("activation", ["relu", "hardtanh"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "rmsprop"])
def test_a_learning_rate_too_large_is_a_result(data, recipe, activation, optimizer):
    model = recipe(activation=activation, optimizer=optimizer, learning_rate=1e37, loss="squared")
    result = train(model, data)
    for row in final_rows(result):
        assert 1 <= row["diverged_step"] <= 30
        assert math.isfinite(row["training_loss"])
    assert all(weight.isfinite().all() for weight in result.network.weights)


def test_a_replicate_that_is_infinite_from_the_start_diverged_at_step_0(data, recipe, monkeypatch):
    def large(*arguments):
        network = initial_network(*arguments)
        for weight in network.weights:
            weight *= 1e30
        return network

    monkeypatch.setattr(fully_connected, "initial_network", large)
    rows = train(recipe(replicates=1), data).history
    assert [(row["step"], row["diverged_step"], row["final"]) for row in rows] == [(0, 0, True)]


def test_an_iteration_of_lbfgs_that_is_not_finite_is_not_taken(data, recipe, monkeypatch):
    model = recipe(optimizer="lbfgs", steps=10, replicates=2)
    search = lbfgs._strong_wolfe
    calls = []

    def failing(*arguments):
        loss, gradient, length, evaluations = search(*arguments)
        calls.append(length)
        return (math.nan if len(calls) == 5 else loss), gradient, length, evaluations

    monkeypatch.setattr(lbfgs, "_strong_wolfe", failing)
    result = train(model, data)
    assert [row["diverged_step"] for row in final_rows(result)] == [5, None]
    assert [row["step"] for row in final_rows(result)] == [4, 10]
    assert all(weight.isfinite().all() for weight in result.network.weights)
