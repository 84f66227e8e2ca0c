"""Normalisation of images: the one place that turns pixels into network inputs."""

from math import prod

import numpy as np

CHUNK = 4096  # images at a time, so that the float64 copy stays small


def normalize(images: np.ndarray) -> np.ndarray:
    """Bring every image to zero mean and unit variance over its own pixels.

    Each image then lies on the sphere of radius √d around the origin (Novak et al. 2018).
    A constant image has no direction to scale: it becomes the zero vector.

    Args:
        images: `[N, h, w]`, `[N, h, w, c]` or `[N, d]`, any real dtype and scale.

    Returns:
        float32 `[N, d]`, pixels in h, w, c order.
    """
    images = np.asarray(images)
    flat = images.reshape(len(images), prod(images.shape[1:]))
    normalized = np.empty(flat.shape, dtype=np.float32)
    for start in range(0, len(flat), CHUNK):
        chunk = flat[start : start + CHUNK].astype(np.float64)
        constant = np.ptp(chunk, axis=1, keepdims=True) == 0  # a rounded mean would leave residues
        chunk -= chunk.mean(axis=1, keepdims=True)
        deviation = np.sqrt(np.mean(chunk**2, axis=1, keepdims=True))
        chunk /= np.where(constant, 1.0, deviation)
        normalized[start : start + CHUNK] = np.where(constant, 0.0, chunk)
    return normalized
