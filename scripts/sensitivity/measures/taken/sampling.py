"""Count transitions with ever more samples in two precisions, beside the exact count (figure A7).

Settings: `curves` (translation loops of test images, and as many ellipses through training images
of different classes), `largest_exponent` (samples go from 2^8 to 2 to this power), `recipe`
(which says on which draw of a subset it was trained), `seed`. The first replicate is measured.
"""

import itertools
import logging

import torch
from tqdm import tqdm

from sensitivity.architectures.modules import Modules
from sensitivity.base.streams import stream
from sensitivity.measures.measuring import Arrays, Measurement
from sensitivity.measures.triples import ellipses
from sensitivity.regions.counting import count_transitions
from sensitivity.regions.paths import Ellipse, Polygon, translation_loop
from sensitivity.regions.sampling import sampled_transitions

logger = logging.getLogger(__name__)

SMALLEST_EXPONENT = 8


def measure(measurement: Measurement) -> Arrays:
    """`samples` [K], `sampled_float32`, `sampled_float64` [K, C], `exact` and `curve` [C]."""
    network = measurement.network.replicate(0)
    if isinstance(network, Modules):
        (network,) = network.in_double
    kinds, paths = zip(*_paths(measurement))
    exponents = range(SMALLEST_EXPONENT, measurement.number("largest_exponent", 20) + 1)
    samples = [2**exponent for exponent in exponents]
    arrays = {"samples": samples, "curve": kinds, "exact": count_transitions(network, paths)[0]}
    for dtype in (torch.float32, torch.float64):
        name = str(dtype).removeprefix("torch.")
        work = tqdm(list(itertools.product(samples, paths)), name, disable=None)
        counts = [sampled_transitions(network, path, count, dtype)[0] for count, path in work]
        arrays[f"sampled_{name}"] = torch.stack(counts).view(len(samples), len(paths))
        logger.info("%s: up to %d samples on %d curves", name, samples[-1], len(paths))
    return arrays


def _paths(measurement: Measurement) -> list[tuple[str, Polygon | Ellipse]]:
    data = measurement.dataset.drawn(measurement.recipe.seeds[0])
    index = measurement.chosen("test", "curves", 4)
    images = data.inputs("test")[index].view(-1, *data.image_shape)
    ellipses_found = ellipses(
        "different classes",
        len(index),
        data.inputs("train"),
        data.labels("train"),
        stream(measurement.seed, "sampling"),
    )
    loops = [("translation loop", translation_loop(image, "last")) for image in images]
    return loops + [("ellipse", ellipse) for ellipse in ellipses_found]
