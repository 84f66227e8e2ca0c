"""What the loss at a point says about its Jacobian norm: an arch (Novak et al. 2018, appendix).

With p the class probabilities, J = Lambda(p) F, F the logits' Jacobian. If F's n rows are
orthogonal with the same squared norm M, then ||J||^2 = M ||Lambda(p)||^2. At a cross-entropy of l
the label's probability is q = exp(-l), and the other classes share r = 1 - q. How they do bounds
the label's row of J. Both ends of the arch are small: l -> 0 is confidently right, l -> infinity
confidently wrong.

Everything here is in units of sqrt(M), on numpy arrays, and without torch.
"""

import numpy as np


def row_bounds(loss: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bound of the norm of J's row of the label, over sqrt(M), at `loss`.

    M n/(n-1) q^2 r^2 <= ||J_y||^2 <= 2 M q^2 r^2. The lower one is reached when the other classes
    share r evenly, the upper one when a single class has all of it. Being a row's, the lower one
    also bounds the whole ||J||.
    """
    product = np.exp(-loss) * -np.expm1(-loss)
    return np.sqrt(classes / (classes - 1)) * product, np.sqrt(2) * product


def shared_norm(loss: np.ndarray, others: int) -> np.ndarray:
    """||J|| / sqrt(M) for orthogonal rows when `others` wrong classes share r evenly.

    One other class gives 2 q r; all n - 1 give the norm at the lower bound of the row.
    """
    q, r = np.exp(-loss), -np.expm1(-loss)
    share = r / others
    remainder = q + (others - 1) * share  # 1 - share, without cancellation
    diagonal = (q * r) ** 2 + others * (share * remainder) ** 2
    mixed = 2 * others * (q * share) ** 2 + others * (others - 1) * share**4
    return np.sqrt(diagonal + mixed)
