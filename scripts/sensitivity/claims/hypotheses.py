"""The paper's eight claims and the quantities that decide them (Novak et al. 2018, section 1).

Statements are in our own words. Every quantity was chosen before any result: the Jacobian norm
decides where the paper speaks of sensitivity, transitions are reported beside it.
"""

from dataclasses import dataclass

from sensitivity.claims.evidence import Quantity
from sensitivity.claims.quantities import (
    AUROC,
    AUROC_DIFFERENCE,
    CORRELATION,
    curve_ratio,
    factor_ratio,
    point_statistic,
    with_gap,
)
from sensitivity.tables.correlations import ACTIVATIONS, MATCHED, WITHIN

NORM, TRANSITIONS = "Jacobian norm", "transitions"
AREA, RHO = f"AUROC of the {NORM}", f"Spearman's ρ of the {NORM}"  # at single test points


@dataclass(frozen=True)
class Claim:
    """A claim: supported if all `deciding` quantities are; `further` ones are reported only.

    A deciding quantity must hold in every recipe, loss or stratification that the study has.
    """

    id: str
    statement: str
    figure: str
    deciding: tuple[Quantity, ...]
    further: tuple[Quantity, ...] = ()


def _factor_claim(
    id: str, statement: str, factor: str, change: str, direction: int, transitions: int
) -> Claim:
    return Claim(
        id,
        statement,
        "4_factors",
        (factor_ratio(factor, "jacobian_norm", NORM, change, direction),),
        (factor_ratio(factor, "transitions", TRANSITIONS, change, transitions),),
    )


CLAIMS = (
    Claim(
        "C1",
        "Trained networks are less sensitive near the training data than away from it: along a "
        "curve, the Jacobian norm and the density of transitions drop near the training points.",
        "2_trajectories",
        (
            curve_ratio("norm_near_over_far", NORM, "random"),
            curve_ratio("norm_near_over_far", NORM, "untrained"),
            curve_ratio("density_near_over_far", "transition density", "random"),
            curve_ratio("density_near_over_far", "transition density", "untrained"),
        ),
    ),
    Claim(
        "C2",
        "The Jacobian norm at test points correlates with the generalization gap, on every data "
        "set.",
        "5_gap",
        (with_gap("jacobian_norm", NORM, 1),),
        (
            with_gap("jacobian_norm", NORM, 1, "kendall_tau"),
            with_gap("jacobian_norm", NORM, 1, WITHIN["optimizer"]),
            with_gap("jacobian_norm", NORM, 1, MATCHED),
            *(with_gap("jacobian_norm", NORM, 1, left_out=a) for a in ACTIVATIONS),
            with_gap("transitions", TRANSITIONS, 1),
        ),
    ),
    _factor_claim(
        "C3",
        "Random labels give higher sensitivity than true labels.",
        "random_labels",
        "random over true labels",
        1,
        1,
    ),
    _factor_claim(
        "C4",
        "Full-batch training gives higher sensitivity than mini-batch training. (The paper found "
        "this in the Jacobian norm and not in the transitions.)",
        "full_batch",
        "full-batch L-BFGS over mini-batch",
        1,
        -1,  # what the paper says of transitions here: they do not follow
    ),
    _factor_claim(
        "C5",
        "Data augmentation gives lower sensitivity.",
        "augmentation",
        "with over without augmentation",
        -1,
        -1,
    ),
    _factor_claim(
        "C6",
        "ReLU gives lower sensitivity than saturating non-linearities.",
        "activation",
        "another non-linearity over ReLU",
        1,
        1,
    ),
    Claim(
        "C7",
        "At single test points the Jacobian norm predicts the loss and misclassification.",
        "6_points",
        (
            point_statistic("auroc_jacobian_norm", f"{AREA} for misclassified points", AUROC),
            point_statistic("spearman_loss", f"{RHO} with the training loss", CORRELATION),
        ),
        (
            point_statistic("auroc_added", f"{AREA} added to 1 − p_max", AUROC_DIFFERENCE),
            point_statistic("auroc_lead", f"{AREA} minus that of 1 − p_max", AUROC_DIFFERENCE),
            point_statistic(
                "spearman_loss_right", f"{RHO} with the loss among right points", CORRELATION
            ),
            point_statistic(
                "spearman_loss_wrong", f"{RHO} with the loss among wrong points", CORRELATION
            ),
        ),
    ),
    Claim(
        "C8",
        "Larger networks generalize better, although they have the capacity to overfit.",
        "1_capacity",
        (with_gap("number_of_weights", "number of weights", -1),),
        (
            with_gap("number_of_weights", "number of weights", -1, "kendall_tau"),
            with_gap("width", "width", -1),
            with_gap("depth", "depth", -1),
        ),
    ),
)
