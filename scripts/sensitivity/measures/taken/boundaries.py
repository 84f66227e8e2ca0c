"""Map the linear regions of a model's last hidden layer, before and after training (figure 3).

Settings: `resolution` (pixels along a side, where there are too many regions for exact ones),
`recipe` (from which the untrained network follows), `seed`. The plane runs through three training
images of different classes; of a subset, of the first replicate's draw.
"""

import logging

from torch import Tensor

from sensitivity.base.streams import stream
from sensitivity.measures.boundary_shares import AREA, pixel_share, share
from sensitivity.measures.measuring import Arrays, Measurement
from sensitivity.measures.triples import choose_triples
from sensitivity.networks.network import Network
from sensitivity.regions.planes import TooManyPolygons, plane_regions
from sensitivity.regions.slices import Plane, region_ids, region_mosaic
from sensitivity.training.initialization import initial_network

POLYGONS = 2**19
"""Of all layers together: up to so many regions are exact, about half a minute of a CPU."""

VALUES = 2**27
"""Values of a layer's units at the polygons' corners, at most: 1 GB. Wide layers end earlier."""

CHUNK = 1024

logger = logging.getLogger(__name__)


def measure(measurement: Measurement) -> Arrays:
    """Of the first replicate, `before` and `after` training, each name behind "before_", "after_":

    `corners` [C, 2] of the regions' outlines, ring after ring; `starts` [rings + 1] of the rings;
    `region` [rings] that each belongs to; `ids` [regions], equal for equal codes: or, if there are
    too many regions, `mosaic` [res, res], the id of every pixel. `count`: of the regions, or of
    the ids seen. `share_near`: of the boundaries' length, that within `boundary_shares.NEAR` of one
    of the points. `accuracy`: on the training images as they are.

    Beside them: `images` [3, h, w(, c)], their `labels` [3] and places, `triangle` [3, 2]; and
    `area_near`, the share of the area that is near them.
    """
    recipe = measurement.recipe
    data = measurement.dataset.drawn(recipe.seeds[0])
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
        "area_near": AREA,
    }
    for name, network in (("before", before), ("after", after)):
        network = network.to(measurement.device)
        found = {"accuracy": _accuracy(network, x, labels), **_drawn(network, plane, resolution)}
        logger.info("%s training: %d regions", name, found["count"])
        arrays |= {f"{name}_{key}": values for key, values in found.items()}
    return arrays


def _drawn(network: Network, plane: Plane, resolution: int) -> Arrays:
    try:
        return as_polygons(network, plane)
    except TooManyPolygons as error:
        logger.info("%s Drawn are pixels.", error)
        return as_pixels(network, plane, resolution)


def as_polygons(network: Network, plane: Plane) -> Arrays:
    """Exact regions; raises TooManyPolygons where they would take too long, or too much memory."""
    most = min(POLYGONS, VALUES // max(weight.shape[1] for weight in network.weights[:-1]))
    regions = plane_regions(network, plane.origin, plane.first, plane.second, most=most)
    corners, starts, region = regions.rings
    return {
        "corners": regions.vertices[corners].float(),
        "starts": starts,
        "region": region,
        "ids": region_ids(regions.codes),
        "count": len(regions),
        "share_near": share(regions.vertices[regions.boundaries], plane.triangle()),
    }


def as_pixels(network: Network, plane: Plane, resolution: int) -> Arrays:
    """Regions as far as pixels see them."""
    (mosaic,) = region_mosaic(network, plane, resolution)
    near = pixel_share(mosaic, plane.triangle())
    return {"mosaic": mosaic, "count": len(mosaic.unique()), "share_near": near}


def _accuracy(network: Network, x_Pd: Tensor, labels_P: Tensor) -> float:
    parts = zip(x_Pd.to(network.device).split(CHUNK), labels_P.to(network.device).split(CHUNK))
    right = sum(int((network.logits(x)[0].argmax(1) == y).sum()) for x, y in parts)
    return right / len(labels_P)
