"""Linear regions along curves and planes: exact transitions, and the paper's sampled estimate.

In: a network, or a module that torch.fx can trace, and a path. Out: where which unit changes its
linear piece. Uses `networks`.
"""

from sensitivity.base.on_demand import exports

__all__ = [
    "count_transitions",
    "local_complexity",
    "plane_regions",
    "sampled_transitions",
    "transitions",
    "values_at_breakpoints",
]
__getattr__ = exports(
    __name__,
    {
        "count_transitions": "counting",
        "local_complexity": "complexity",
        "plane_regions": "planes",
        "sampled_transitions": "sampling",
        "transitions": "counting",
        "values_at_breakpoints": "path_values",
    },
)
