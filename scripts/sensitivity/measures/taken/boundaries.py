"""Map the linear regions of a model's last hidden layer, before and after training (figure 3).

Settings: `resolution` (pixels along a side), `recipe` (from which the untrained network follows),
`seed`. The plane runs through three training images of different classes.
"""

import logging

from sensitivity.base.streams import stream
from sensitivity.measures.measuring import Arrays, Measurement
from sensitivity.measures.triples import choose_triples
from sensitivity.regions.slices import Plane, region_mosaic
from sensitivity.training.initialization import initial_network

logger = logging.getLogger(__name__)


def measure(measurement: Measurement) -> Arrays:
    """Region ids `before` and `after` [res, res] of the first replicate.

    Beside them: `images` [3, h, w(, c)], their `labels` [3] and places, `triangle` [3, 2].
    """
    data, recipe = measurement.dataset, measurement.recipe
    x, labels = data.inputs("train"), data.labels("train")
    (triple,) = choose_triples(labels, 1, False, stream(measurement.seed, "boundaries"))
    plane = Plane.through(*x[triple])
    after = measurement.network.replicate(0)
    before = initial_network(recipe, data.input_size, after.classes, recipe.seeds[:1])
    resolution = measurement.number("resolution", 1024)
    arrays = {
        "images": data.x_train[triple.numpy()],
        "labels": labels[triple],
        "triangle": plane.triangle(),
    }
    for name, network in (("before", before), ("after", after)):
        mosaic = region_mosaic(network.to(measurement.device), plane, resolution)
        arrays[name] = mosaic[0]
        logger.info("%s training: %d regions seen", name, len(mosaic.unique()))
    return arrays
