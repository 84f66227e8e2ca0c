"""L-BFGS against torch.optim.LBFGS, in float64, where both round alike."""

from dataclasses import replace

import pytest
import torch

from sensitivity.training import fullbatch
from sensitivity.training.fully_connected import no_others
from sensitivity.training.initialization import initial_network
from sensitivity.training.lbfgs import FullBatchRun
from sensitivity.training.parameters import flatten
from sensitivity.training.problem import Problem
from sensitivity.training.training import nothing, train


def in_float64(problem):
    double = {name: getattr(problem, name).double() for name in ("images_Nd", "test_images_Pd")}
    return replace(problem, **double)


def by_pytorch(problem, start, labels, iterations):
    """Weights and number of iterations of torch.optim.LBFGS with one network."""
    weights = [weight[0].clone().requires_grad_() for weight in start]
    optimizer = torch.optim.LBFGS(
        weights,
        max_iter=iterations,
        max_eval=100 * iterations,
        history_size=100,
        line_search_fn="strong_wolfe",
    )

    def closure():
        optimizer.zero_grad()
        values = problem.images_Nd
        for weight in weights[:-1]:
            values = torch.relu(values @ weight.T)
        logits = values @ weights[-1].T
        if problem.recipe.loss.startswith("squared"):
            targets = torch.nn.functional.one_hot(labels, logits.shape[1])
            outputs = logits if problem.recipe.loss == "squared" else logits.softmax(1)
            loss = (outputs - targets).square().sum(1).mean()
        else:
            loss = torch.nn.functional.cross_entropy(logits, labels)
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights, optimizer.state[weights[0]]["n_iter"]


@pytest.mark.parametrize("loss", ["cross_entropy", "squared", "squared_probabilities"])
@pytest.mark.parametrize("images", [4096, 64])
def test_it_agrees_with_pytorch(data, recipe, monkeypatch, loss, images):
    monkeypatch.setattr(fullbatch, "IMAGES", images)  # pieces of the full batch
    model = recipe(optimizer="lbfgs", loss=loss, labels=1)
    problem = in_float64(Problem.of(model, data, torch.device("cpu")))
    network = initial_network(model, data.input_size, data.classes, [4]).to(torch.float64)
    run = FullBatchRun(problem, [4], flatten(network), no_others(1))
    for iterations in (1, 2, 10, 20):
        with torch.no_grad():
            while run.step < iterations:
                run.advance(nothing)
        theirs, _ = by_pytorch(problem, network.weights, problem.labels([4])[0], iterations)
        for ours, weight in zip(problem.model.layers(run.weights_RP), theirs):
            torch.testing.assert_close(ours[0], weight, rtol=1e-6, atol=1e-8)


def test_it_finishes_when_pytorch_does(data, recipe):
    model = recipe(optimizer="lbfgs", steps=500)
    problem = in_float64(Problem.of(model, data, torch.device("cpu")))
    network = initial_network(model, data.input_size, data.classes, [0]).to(torch.float64)
    run = FullBatchRun(problem, [0], flatten(network), no_others(1))
    with torch.no_grad():
        while not run.finished:
            run.advance(nothing)
    _, iterations = by_pytorch(problem, network.weights, problem.labels([0])[0], 500)
    assert abs(run.step - iterations) <= 1  # PyTorch also counts an iteration that it gives up
    logits = problem.model.network(run.weights_RP, run.others_RB).logits(problem.images_Nd)
    assert torch.equal(logits[0].argmax(1), problem.labels_N)


def test_a_training_that_finishes_early_says_when(data, recipe):
    done = []
    model = recipe(optimizer="lbfgs", steps=500)
    result = train(model, data, progress=done.append)
    final = [row for row in result.history if row["final"]]
    assert len(final) == 3
    assert all(row["step"] < 500 and row["training_accuracy"] == 1 for row in final)
    assert sum(done) == 3 * 500
    steps = [(row["replicate"], row["step"]) for row in result.history]
    assert len(set(steps)) == len(steps)
