"""Count a model's linear-region transitions, exactly, along the translation loops of test images.

The metric t of Novak et al. 2018, section 3.2, in the limit of infinitely many samples.

Settings: `test_points` (how many images; 0 takes all), `recipe` (from which the untrained networks
follow), `seed`.
"""

import logging
from functools import partial

import torch
from torch import Tensor
from tqdm import tqdm

from sensitivity.architectures.modules import Modules
from sensitivity.measures.counts import counts_on, units_of
from sensitivity.measures.measuring import Arrays, Measurement, finite_replicates, of_all_replicates
from sensitivity.measures.path_lengths import softmax_path_lengths
from sensitivity.measures.untrained import with_controls
from sensitivity.networks.network import Network
from sensitivity.regions.counting import count_transitions, transitions
from sensitivity.regions.paths import translation_loop

logger = logging.getLogger(__name__)

LOOPS_WITH_LENGTHS = 8  # of which the probabilities' path is measured, too
PATHS_AT_ONCE = 16  # on a CPU: few enough for a progress bar that moves; a GPU takes all


def measure(measurement: Measurement) -> Arrays:
    """t(x), averaged over images, for every replicate; `untrained_` of the untrained networks.

    On the first few loops also the length of the path of the class probabilities.
    """
    network, data = measurement.network, measurement.dataset
    chosen = measurement.chosen("test", "test_points", 100)
    images = data.inputs("test")[chosen].view(-1, *data.image_shape)
    logger.info("%d loops, %d networks", len(images), network.replicates)
    arrays = {
        "replicate": torch.arange(network.replicates),
        "transitions_points": torch.full((network.replicates,), len(images)),
        **with_controls(measurement, partial(_counts, images)),
    }
    if isinstance(network, Modules):  # of a stack the tables know it from the recipe
        arrays["number_of_units"] = torch.full((network.replicates,), units_of(network))
    return arrays


def _counts(images: Tensor, network: Network | Modules) -> dict[str, Tensor]:
    replicates = finite_replicates(network)
    finite = network.select(replicates)
    if isinstance(finite, Modules):
        return _of_modules(images, network, replicates, finite)
    counts, lengths = [], []
    first = LOOPS_WITH_LENGTHS if replicates else 0
    for image in images[:first]:
        found = transitions(finite, translation_loop(image, "last"))
        counts.append(found.counts().unsqueeze(1))
        lengths.append(softmax_path_lengths(finite, found))
    at_once = PATHS_AT_ONCE if network.device.type == "cpu" else len(images)
    rest = images[first:].split(at_once)
    for some in tqdm(rest, "transitions", disable=None):
        counts.append(
            count_transitions(finite, [translation_loop(image, "last") for image in some])
        )
    counts_RP = of_all_replicates(network, replicates, torch.cat(counts, dim=1))
    mean = counts_RP.mean(1)
    lengths_R = torch.stack(lengths).mean(0) if lengths else mean[:0]
    return {
        "softmax_path_length": of_all_replicates(network, replicates, lengths_R),
        "transitions": mean,
        "transitions_standard_error": counts_RP.std(1) / len(images) ** 0.5,
        "transitions_per_unit": mean / network.number_of_units,
    }


def _of_modules(
    images: Tensor, network: Modules, replicates: list[int], finite: Modules
) -> dict[str, Tensor]:
    """As `_counts`, without what is known of stacks alone."""
    paths = [translation_loop(image) for image in images]
    counts_RP = of_all_replicates(network, replicates, counts_on(finite, paths))
    return {
        "transitions": counts_RP.mean(1),
        "transitions_standard_error": counts_RP.std(1) / len(images) ** 0.5,
        "transitions_per_unit": counts_RP.mean(1) / units_of(finite),
    }
