"""Record single test points of a model: Jacobian norms, losses, right or wrong, confidence.

Settings: `test_points` (how many; 0 takes all), `seed`, and `dataset` and `model`, which the files
must then be about.
"""

from collections.abc import Sequence

from sensitivity.base.command import run
from sensitivity.measures.measuring import begin
from sensitivity.measures.points import point_records


def main(argv: Sequence[str] | None = None) -> None:
    """Write `points.npz`: arrays [R, P] by name, and `label` and `index` [P] of the test points."""
    measurement = begin(__doc__, argv)
    data, device = measurement.dataset, measurement.device
    index = measurement.chosen("test", "test_points", 1000)
    x, labels = data.inputs("test")[index], data.labels("test")[index]
    records = point_records(measurement.network, x.to(device), labels.to(device))
    measurement.write({**records, "label": labels, "index": index}, sealed=True)


if __name__ == "__main__":
    run(main)
