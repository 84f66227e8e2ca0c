"""Record single test points of a model: Jacobian norms, losses, right or wrong, confidence.

Settings: `test_points` (how many; 0 takes all), `seed`.
"""

from sensitivity.measures.measuring import Arrays, Measurement
from sensitivity.measures.points import point_records


def measure(measurement: Measurement) -> Arrays:
    """Arrays [R, P] by name, and `label` and `index` [P] of the test points."""
    data, device = measurement.dataset, measurement.device
    index = measurement.chosen("test", "test_points", 1000)
    x, labels = data.inputs("test")[index], data.labels("test")[index]
    records = point_records(measurement.network, x.to(device), labels.to(device))
    return {**records, "label": labels, "index": index}
