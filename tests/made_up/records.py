"""Made-up records of one file each: errors of sampling, a data set's images."""

import numpy as np

from sensitivity.figures import Record


def made_up_sampling(seed=0):
    """sampling.npz: undercounts at few samples, flickers in float32 on ellipses at many."""
    generator = np.random.default_rng(seed)
    samples = 2 ** np.arange(8, 21)
    curve = np.array(["translation loop"] * 4 + ["ellipse"] * 4)
    exact = generator.integers(3000, 9000, 8)
    scale = generator.uniform(800, 4000, 8)
    found = exact * (1 - np.exp(-((samples[:, None] / scale) ** 0.7)))
    flicker = 0.02 * (samples[:, None] / 2**20) ** 0.8 * (curve == "ellipse")
    arrays = {
        "samples": samples,
        "sampled_float32": np.round(found * (1 + flicker)),
        "sampled_float64": np.round(found),
        "exact": exact,
        "curve": curve,
    }
    return Record("mnist5k", "w200-d5", arrays)


def made_up_images():
    """A data set's arrays: ten 28 x 28 test images of a slanted stroke."""
    rows, columns = np.mgrid[:28, :28]
    stroke = np.exp(-(((columns - 14 + 0.4 * (rows - 14)) / 2.5) ** 2)) * (np.abs(rows - 14) < 10)
    images = np.repeat((255 * stroke)[None].astype(np.uint8), 10, axis=0)
    return Record("mnist5k", "", {"x_test": images, "y_test": np.arange(10)})
