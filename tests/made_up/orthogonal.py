"""The norm of the softmax's Jacobian, by which Jacobians with orthogonal rows of one size grow."""

import numpy as np


def orthogonal_norm(p):
    """||diag(p) - p p^T|| of probabilities [..., n]."""
    p = np.asarray(p, dtype=np.float64)
    matrices = p[..., :, None] * (np.eye(p.shape[-1]) - p[..., None, :])
    return np.linalg.norm(matrices, axis=(-2, -1))
