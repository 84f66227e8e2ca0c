"""From a recipe and a data set to a trained network: all replicates of a model as one stack.

In: a recipe, a data set, seeds. Out: a `Network` and its history; checkpoints on the way. Uses
`networks`, `datasets` and the recipe of `study`.
"""

from sensitivity.base.on_demand import exports

__all__ = ["train"]
__getattr__ = exports(__name__, {"train": "training"})
