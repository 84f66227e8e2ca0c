"""A small trained model on files, and the scripts that measure it."""

import json

import numpy as np

import measure
from sensitivity.datasets import Dataset
from sensitivity.files import measurements
from sensitivity.files.storage import digest
from sensitivity.study.recipe import Recipe
from sensitivity.training.initialization import initial_network

RECIPE = Recipe(width=12, depth=2, activation="hardtanh", replicates=2)


class Study:
    """A folder with a data set and a model, and the means to measure it."""

    def __init__(self, folder):
        self.folder = folder
        random = np.random.default_rng(0)
        self.dataset = Dataset(
            "squares",
            *(random.integers(0, 256, (40, 5, 5), dtype=np.uint8), np.arange(40) % 3),
            *(random.integers(0, 256, (30, 5, 5), dtype=np.uint8), np.arange(30) % 3),
        )
        self.dataset.save(folder / "data.npz")
        self.network = initial_network(RECIPE, 25, 3, [7, 8])
        self.save()

    def save(self):
        owner = {"dataset": "squares", "model": RECIPE.name}
        self.network.save(self.folder / "weights.safetensors", owner)

    def measure(self, name, **numbers):
        """Take one measure and read its result."""
        part = self.take({name: numbers}, self.folder / f"{name}.npz")[name]
        assert "torch" in part.sources["environment"]
        assert part.sources["device"] == "cpu"
        inputs = {"data": "data.npz", "weights": "weights.safetensors"}
        digests = {key: digest(self.folder / file) for key, file in inputs.items()}
        assert part.sources["inputs"] == digests
        return part.arrays

    def take(self, measures, output, *flags):
        """Run the script's main and read its result."""
        recipe = measures.pop("recipe", RECIPE).specification()
        settings = {
            "dataset": measures.pop("dataset", "squares"),
            "seed": 0,
            "measures": measures,
            "models": [{"recipe": recipe, "measures": list(measures)}],
        }
        arguments = {
            "weights": self.folder / "weights.safetensors",
            "data": self.folder / "data.npz",
            "settings": json.dumps(settings),
            "output": output,
            "device": "cpu",
            "log": self.folder / "log.txt",
        }
        argv = [text for key, value in arguments.items() for text in (f"--{key}", str(value))]
        measure.main([*argv, *flags])
        listing = "--list-stale" in flags
        return {} if listing else measurements.read(output, dataset="squares")[RECIPE.name]
