"""Every recipe against plain PyTorch: one network, autograd, torch.optim."""

import pytest
import torch

from sensitivity.networks.activations import Activation
from sensitivity.training.augmentation import transformation_table
from sensitivity.training.backpropagation import Backpropagation
from sensitivity.training.batches import Batches
from sensitivity.training.initialization import initial_network
from sensitivity.training.training import train, training_labels


def squared(logits, labels):
    targets = torch.nn.functional.one_hot(labels, logits.shape[1])
    return (logits - targets).square().sum(1).mean()


def squared_probabilities(logits, labels):
    return squared(logits.softmax(1), labels)


class TensorFlowRMSProp(torch.optim.Optimizer):
    """As TensorFlow 1 documents `tf.train.RMSPropOptimizer`, weight by weight."""

    def __init__(self, weights, lr):
        super().__init__(weights, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                before = state.get("mean_square", torch.ones_like(weight))
                state["mean_square"] = 0.9 * before + 0.1 * weight.grad**2
                weight -= group["lr"] * weight.grad / torch.sqrt(state["mean_square"] + 1e-10)


LOSSES = {
    "cross_entropy": torch.nn.functional.cross_entropy,
    "squared": squared,
    "squared_probabilities": squared_probabilities,
}
FUNCTIONS = {
    "relu": torch.nn.functional.relu,
    "relu6": torch.nn.functional.relu6,
    "hardtanh": torch.nn.functional.hardtanh,
    "hardsigmoid": lambda z: (z + 0.5).clamp(0, 1),
}
OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "momentum": lambda weights, lr: torch.optim.SGD(weights, lr, momentum=0.9),
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
    "rmsprop_tensorflow": TensorFlowRMSProp,
}


def logits_of(weights, images, activation):
    for weight in weights[:-1]:
        images = FUNCTIONS[activation](images @ weight.T)
    return images @ weights[-1].T


def plain_training(recipe, dataset, seed):
    """The weights of one network trained by autograd and torch.optim, float32."""
    images, labels = dataset.inputs("train"), training_labels(recipe, dataset, [seed])[0]
    start = initial_network(recipe, dataset.input_size, dataset.classes, [seed])
    weights = [weight[0].clone().requires_grad_() for weight in start.weights]
    optimizer = OPTIMIZERS[recipe.optimizer](weights, lr=recipe.learning_rate)
    table = transformation_table(recipe.augmentation, dataset.image_shape)
    batches = Batches.of(recipe, len(images), 1 if table is None else len(table))
    decay = torch.optim.lr_scheduler.StepLR(optimizer, recipe.decay_epochs, recipe.decay_factor)
    for step in range(recipe.steps):
        epoch, index = divmod(step, batches.per_epoch)
        if step and index == 0:
            decay.step()
        drawn = batches.epoch([seed], epoch)[index, 0]
        batch = images[drawn]
        if table is not None:
            choices = batches.epoch_transformations([seed], epoch)[index, 0]
            batch = batch.gather(1, table[choices])
        optimizer.zero_grad()
        logits = logits_of(weights, batch, recipe.activation)
        LOSSES[recipe.loss](logits, labels[drawn]).backward()
        optimizer.step()
    return [weight.detach() for weight in weights]


RECIPES = [
    {"optimizer": "sgd"},
    {"optimizer": "momentum"},
    {"optimizer": "adam", "learning_rate": 0.002},
    {"optimizer": "rmsprop", "learning_rate": 0.002},
    {"optimizer": "rmsprop_tensorflow", "learning_rate": 0.002},
    {"loss": "squared", "learning_rate": 0.005},
    {"loss": "squared_probabilities", "optimizer": "sgd"},
    {"loss": "squared_probabilities"},
    {"loss": "squared_probabilities", "optimizer": "adam", "learning_rate": 0.002},
    {"loss": "squared_probabilities", "optimizer": "rmsprop", "learning_rate": 0.002},
    {"width": 1, "depth": 3},
    {"augmentation": "shift2"},
    {"activation": "relu6", "initial_scale": 4.0, "learning_rate": 0.01},
    {"activation": "hardtanh"},
    {"activation": "hardsigmoid", "depth": 4},
    {"labels": 1},
    {"augmentation": "shift_flip"},
    {"augmentation": "heavy", "optimizer": "sgd"},
    {"decay_epochs": 2, "decay_factor": 0.5},
    {"batch_size": 1000},
    {"depth": 1, "optimizer": "adam"},
]


@pytest.mark.parametrize(
    "changes", RECIPES, ids=lambda changes: "-".join(map(str, changes.values()))
)
def test_every_recipe_agrees_with_plain_pytorch(changes, data, recipe):
    model = recipe(**changes)
    network = train(model, data).network
    for replicate, seed in enumerate(model.seeds):
        for ours, theirs in zip(network.weights, plain_training(model, data, seed)):
            torch.testing.assert_close(ours[replicate], theirs, rtol=1e-4, atol=2e-5)


def test_any_piecewise_linear_activation_can_be_trained(monkeypatch):
    """A leaky ReLU through the table passes, against autograd."""
    leaky = Activation("leaky", (0.0,), (0.1, 1.0), (0.0, 0.0))
    weights = [torch.randn(2, 5, 7), torch.randn(2, 5, 5), torch.randn(2, 3, 5)]
    images, labels = torch.randn(2, 11, 7), torch.randint(3, (2, 11))
    gradients = {}

    class Receiver:
        def receive(self, layer, delta, inputs):
            gradients[layer] = delta @ inputs

    Backpropagation(weights, leaky, "cross_entropy", 11, 11)(images, labels, Receiver())
    monkeypatch.setitem(FUNCTIONS, "leaky", lambda z: torch.nn.functional.leaky_relu(z, 0.1))
    for replicate in range(2):
        alone = [weight[replicate].clone().requires_grad_() for weight in weights]
        logits = logits_of(alone, images[replicate], "leaky")
        LOSSES["cross_entropy"](logits, labels[replicate]).backward()
        for layer, weight in enumerate(alone):
            torch.testing.assert_close(gradients[layer][replicate], weight.grad)
