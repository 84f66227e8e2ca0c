import pytest
import torch

from sensitivity.base.errors import SensitivityError
from sensitivity.measures.taken.as_trained import fit_as_trained
from sensitivity.training import stochastic
from sensitivity.training.batches import Batches, learning_rate
from sensitivity.training.evaluation import evaluate, moments
from sensitivity.training.losses import pointwise_losses
from sensitivity.training.problem import Problem
from sensitivity.training.stacks import stack_size
from sensitivity.training.training import nothing, train, training_labels


def final_rows(training):
    return [row for row in training.history if row["final"]]


def test_the_same_call_twice_gives_the_same_bytes(data, recipe, assert_same_bytes):
    model = recipe(augmentation="shift_flip", labels=1)
    assert_same_bytes(train(model, data), train(model, data))


@pytest.mark.parametrize(("stack", "threads"), [(1, 1), (2, 1), (8, 1), (8, 2)])
def test_a_replicate_depends_neither_on_its_stack_nor_on_threads(
    data, recipe, monkeypatch, stack, threads
):
    model = recipe(augmentation="shift_flip", labels=1, replicates=8, steps=9)
    alone = train(model, data, seeds=[3])
    monkeypatch.setattr("sensitivity.training.training.stack_size", lambda *_: stack)
    torch.set_num_threads(threads)
    together = train(model, data)
    for single, weight in zip(alone.network.weights, together.network.weights):
        torch.testing.assert_close(weight[3], single[0], rtol=1e-4, atol=1e-5)
    rows = [row for row in together.history if row["seed"] == 3]
    assert [row["step"] for row in rows] == [row["step"] for row in alone.history]
    for ours, theirs in zip(rows, alone.history):
        assert ours["training_loss"] == pytest.approx(theirs["training_loss"], rel=1e-4)


def test_history_holds_whole_set_values_of_the_network(data, recipe):
    model = recipe(labels=1, augmentation="shift_flip")
    result = train(model, data)
    labels = {
        "training": training_labels(model, data, model.seeds),
        "test": data.labels("test").expand(3, -1),
    }
    assert [row["step"] for row in result.history if row["replicate"] == 0] == moments(30)
    assert [row["replicate"] for row in final_rows(result)] == [0, 1, 2]
    for part, split in (("training", "train"), ("test", "test")):
        logits = result.network.to(torch.float64).logits(data.inputs(split).double())
        for row, logits_Pn, labels_P in zip(final_rows(result), logits, labels[part]):
            loss = torch.nn.functional.cross_entropy(logits_Pn, labels_P).item()
            accuracy = (logits_Pn.argmax(1) == labels_P).double().mean().item()
            assert row[f"{part}_loss"] == pytest.approx(loss, rel=1e-5)
            assert row[f"{part}_accuracy"] == accuracy
            assert row["diverged_step"] is None


def test_evaluation_in_chunks_is_evaluation(data, recipe, monkeypatch):
    network = train(recipe(), data).network
    labels = data.labels("train").expand(3, -1)
    whole = evaluate(network, data.inputs("train"), labels, "squared", nothing)
    monkeypatch.setattr("sensitivity.training.evaluation.ACTIVATION_BYTES", 1)
    chunked = evaluate(network, data.inputs("train"), labels, "squared", nothing)
    torch.testing.assert_close(whole[0], chunked[0], rtol=1e-6, atol=0)
    assert torch.equal(whole[1], chunked[1])


def test_small_cross_entropies_keep_their_precision():
    margins = torch.tensor([1.0, 30.0, 300.0, -300.0], dtype=torch.float64)
    logits = torch.stack([margins, torch.zeros(4), torch.zeros(4)], 1)
    losses = pointwise_losses(logits, torch.zeros(4, dtype=torch.int64))
    exact = torch.log1p(2 * torch.exp(-margins))
    exact[3] = 300 + torch.tensor(2.0).double().log()
    torch.testing.assert_close(losses, exact, rtol=1e-14, atol=0)


def test_progress_adds_up_to_all_steps(data, recipe):
    done = []
    train(recipe(), data, progress=done.append)
    assert sum(done) == 30 * 3


@pytest.mark.usefixtures("one_stack")
def test_a_fitted_replicate_ends_and_the_others_go_on(data, recipe):
    slow = {"replicates": 6, "steps": 60, "learning_rate": 0.02}
    full = train(recipe(**slow), data)
    done = []
    early = train(recipe(**slow, stop_when_fitted=True), data, progress=done.append)
    assert len({row["step"] for row in final_rows(early)}) > 1  # they end at different moments
    assert sum(done) == 60 * 6
    for replicate in range(6):
        ours = [row for row in early.history if row["replicate"] == replicate]
        theirs = [row for row in full.history if row["replicate"] == replicate]
        assert all(row["training_accuracy"] < 1 for row in ours[:-1])
        assert ours[-1]["training_accuracy"] == 1
        assert ours[-1]["training_loss"] == pytest.approx(theirs[len(ours) - 1]["training_loss"])


@pytest.mark.parametrize("optimizer", ["momentum", "lbfgs"])
def test_a_replicate_ends_at_a_loss(data, recipe, optimizer):
    slow = {"replicates": 4, "steps": 400, "learning_rate": 0.02, "optimizer": optimizer}
    full, early = train(recipe(**slow), data), train(recipe(**slow, stop_at_loss=0.05), data)
    assert len({row["step"] for row in final_rows(early)}) > 1
    for ours, theirs in zip(final_rows(early), final_rows(full)):
        assert ours["training_accuracy"] == 1
        assert ours["training_loss"] <= 0.05
        assert optimizer == "lbfgs" or ours["training_loss"] > 0.05 / 2
        assert theirs["training_loss"] < 0.01
    for row in early.history:
        assert row["final"] or row["training_loss"] > 0.05 or row["training_accuracy"] < 1


def test_augmented_images_have_the_loss_too(data, recipe):
    # "shift1" is learnt more slowly than the images as they are.
    slow = {"replicates": 2, "steps": 3000, "learning_rate": 0.02, "augmentation": "shift1"}
    model = recipe(**slow, stop_at_loss=0.05)
    found = train(model, data)
    for final, replicate in zip(final_rows(found), (0, 1)):
        assert final["step"] < 3000
        assert final["training_accuracy"] == 1
        seen = fit_as_trained(
            found.network.select([replicate]),
            data.inputs("train"),
            data.labels("train")[None],
            "shift1",
            data.image_shape,
            "cross_entropy",
            seed=1,
        )
        assert float(seen["training_loss_as_trained"]) < 0.1  # another draw of shifts


def test_an_epoch_shows_every_image_at_most_once_and_drops_the_rest(recipe):
    batches = Batches.of(recipe(), 150)
    order = batches.epoch([0, 1], epoch=4)
    assert order.shape == (150 // 32, 2, 32)
    assert all(len(order[:, replicate].unique()) == 128 for replicate in (0, 1))
    assert torch.equal(order[:, 1:], batches.epoch([1], epoch=4))
    assert not torch.equal(order, batches.epoch([0, 1], epoch=5))


def test_labels_are_drawn_once_per_replicate(data, recipe):
    labels = training_labels(recipe(labels=1), data, [0, 1])
    assert torch.equal(labels[1], training_labels(recipe(labels=1), data, [1])[0])
    assert not torch.equal(labels[0], labels[1])
    assert (labels.flatten().bincount(minlength=4) / 300 - 0.25).abs().max() < 0.1
    true = training_labels(recipe(), data, [0, 1])
    assert torch.equal(true[1], data.labels("train"))


def test_a_share_of_random_labels_adds_to_a_smaller_one(data, recipe):
    seeds = [0, 1]
    true = training_labels(recipe(), data, seeds)
    random = training_labels(recipe(labels=1), data, seeds)
    before = torch.zeros_like(true, dtype=torch.bool)
    for share in (0.2, 0.5, 0.9):
        labels = training_labels(recipe(labels=share), data, seeds)
        noisy = labels != true
        assert (labels[noisy] == random[noisy]).all()
        assert (noisy | ~before).all(), "a larger share leaves random what was random"
        # of four classes a random label is another one in three of four cases
        assert (noisy.float().mean(1) - 0.75 * share).abs().max() < 0.1
        before = noisy
    assert torch.equal(training_labels(recipe(labels=1.0), data, seeds), random)


def test_the_rate_decays_by_epochs(recipe):
    model = recipe(learning_rate=0.1, decay_epochs=3, decay_factor=0.1)
    rates = [learning_rate(model, epoch) for epoch in (0, 2, 3, 6)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.001])


def test_moments_are_few_and_reach_from_start_to_end():
    for steps in (1, 7, 30, 3000, 2**18):
        found = moments(steps)
        assert found[0] == 0
        assert found[-1] == steps
        assert len(found) <= 16
        assert found == sorted(set(found))


class TestMemory:
    @pytest.mark.usefixtures("one_stack")
    def test_a_stack_that_exceeds_the_memory_is_halved(self, data, recipe, monkeypatch, caplog):
        expected = train(recipe(), data)
        work = stochastic.MiniBatchRun._work

        def hungry(run):
            if len(run.seeds) > 1 and run.step == 12:
                raise torch.OutOfMemoryError("CUDA out of memory")
            work(run)

        monkeypatch.setattr(stochastic.MiniBatchRun, "_work", hungry)
        result = train(recipe(), data)
        assert "halved" in caplog.text
        for ours, theirs in zip(result.network.weights, expected.network.weights):
            torch.testing.assert_close(ours, theirs)

    @pytest.mark.usefixtures("one_stack")
    def test_a_stack_that_cannot_even_be_built_is_halved(self, data, recipe, monkeypatch, caplog):
        expected = train(recipe(), data)
        build = stochastic.MiniBatchRun.__init__

        def hungry(run, problem, seeds, *rest):
            if len(seeds) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory")
            build(run, problem, seeds, *rest)

        monkeypatch.setattr(stochastic.MiniBatchRun, "__init__", hungry)
        result = train(recipe(), data)
        assert "halved" in caplog.text
        for ours, theirs in zip(result.network.weights, expected.network.weights):
            torch.testing.assert_close(ours, theirs)

    def test_one_replicate_that_exceeds_the_memory_is_one_sentence(self, data, recipe, monkeypatch):
        def hungry(run):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

        monkeypatch.setattr(stochastic.MiniBatchRun, "_work", hungry)
        with pytest.raises(SensitivityError, match=r"needs at least .* GB, more than is free"):
            train(recipe(), data)

    def test_other_errors_are_not_taken_for_it(self, data, recipe, monkeypatch):
        def broken(run):
            raise RuntimeError("shapes do not match")

        monkeypatch.setattr(stochastic.MiniBatchRun, "_work", broken)
        with pytest.raises(RuntimeError, match="shapes"):
            train(recipe(), data)

    def test_a_stack_on_a_cpu_is_as_large_as_its_cache(self, data, recipe):
        def size(replicates=8, **changes):
            problem = Problem.of(recipe(**changes), data, torch.device("cpu"))
            return stack_size(problem, replicates)

        assert size() == 8  # 32 images of 64 + 20 + 20 + 4 numbers: 14 kB a replicate
        assert size(batch_size=150, width=200) == 3
        assert size(width=3000, depth=20) == 1
        assert size(optimizer="lbfgs") == 1
