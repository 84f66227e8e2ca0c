"""Draw the steps of counting transitions for docs/transitions.md: python docs/site/drawings.py

A network of 2 inputs, 3 and 2 hidden ReLU units, and a triangle as the path. Fine points show the
curves; the breakpoints are computed as the page says, from values at nodes alone.
"""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "drawings"
CORNERS = np.array([[-1.0, -0.8], [1.2, -0.4], [0.1, 1.1]])
FIRST = np.array([[1.0, 0.4], [-0.7, 0.9], [0.5, -1.0]])
SECOND = np.array([[0.9, -0.8, 0.6], [-1.0, 0.7, 0.5]])
OFFSETS = (np.array([0.1, -0.2, 0.05]), np.array([-0.25, 0.1]))
COLOURS = ("#0072b2", "#d55e00", "#009e73")
PLAIN = {"svg.hashsalt": "drawings", "svg.fonttype": "none", "axes.spines.top": False,
         "axes.spines.right": False, "font.size": 11}  # fmt: skip


def points(t):
    """Where the path is at t in [0, 1]: each edge takes a third."""
    edge = np.minimum((3 * t).astype(int), 2)
    part = (3 * t - edge)[:, None]
    return (1 - part) * CORNERS[edge] + part * CORNERS[(edge + 1) % 3]


def crossings(nodes, values):
    """Places at which a value that is linear between nodes passes 0, with the unit."""
    found = []
    for unit, column in enumerate(values.T):
        for i in np.flatnonzero((column[:-1] > 0) != (column[1:] > 0)):
            x = column[i] / (column[i] - column[i + 1])
            found.append((nodes[i] + x * (nodes[i + 1] - nodes[i]), unit))
    return sorted(found)


def lines(axes, t, values, names):
    for unit, column in enumerate(values.T):
        axes.plot(t, column, color=COLOURS[unit], label=names[unit])
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlabel="place t along the path", ylabel="pre-activation", xlim=(0, 1))
    axes.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.2))


def marks(axes, found):
    for place, unit in found:
        axes.plot(place, 0, "o", color=COLOURS[unit], markersize=7)


def save(figure, name):
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)


def main():
    plt.rcParams.update(PLAIN)
    fine = np.linspace(0, 1, 6001)
    corners = np.arange(4) / 3
    first = [points(t) @ FIRST.T + OFFSETS[0] for t in (fine, corners)]
    breaks = crossings(corners, first[1])
    nodes = np.unique([*corners, *(place for place, _ in breaks)])
    # Step 4: only values at nodes; in between every value is a chord.
    at_nodes = np.maximum(points(nodes) @ FIRST.T + OFFSETS[0], 0) @ SECOND.T + OFFSETS[1]
    later = crossings(nodes, at_nodes)

    figure, axes = plt.subplots(figsize=(4, 3.4))
    axes.plot(*points(fine).T, color="black")
    axes.plot(*CORNERS.T, "s", color="black")
    for number, corner in enumerate(CORNERS):
        axes.annotate(
            f"t = {number}/3" if number else "t = 0",
            corner,
            (10, 8 if number else -16),
            textcoords="offset points",
        )
    axes.set(xlabel="input 1", ylabel="input 2", xlim=(-1.2, 1.8), ylim=(-1, 1.4))
    save(figure, "1_path")

    figure, axes = plt.subplots(figsize=(6.4, 3))
    lines(axes, fine, first[0], ["unit 1", "unit 2", "unit 3"])
    axes.plot(np.repeat(corners, 3), first[1].ravel(), "s", color="black", markersize=4)
    save(figure, "2_first_layer")

    figure, axes = plt.subplots(figsize=(6.4, 3))
    lines(axes, fine, first[0], ["unit 1", "unit 2", "unit 3"])
    marks(axes, breaks)
    save(figure, "3_crossings")

    figure, axes = plt.subplots(figsize=(6.4, 3))
    lines(axes, nodes, at_nodes, ["unit 1 of layer 2", "unit 2 of layer 2"])
    axes.plot(np.repeat(nodes, 2), at_nodes.ravel(), "s", color="black", markersize=4)
    marks(axes, later)
    save(figure, "4_second_layer")

    figure, axes = plt.subplots(figsize=(6.4, 1.6))
    for layer, found in enumerate((breaks, later)):
        axes.vlines([place for place, _ in found], layer - 0.3, layer + 0.3, color=COLOURS[layer])
    axes.set(
        xlabel="place t along the path",
        xlim=(0, 1),
        yticks=[0, 1],
        yticklabels=["layer 1", "layer 2"],
    )
    axes.set_title(f"{len(breaks)} + {len(later)} = {len(breaks) + len(later)} transitions")
    save(figure, "5_transitions")

    hidden = np.maximum(points(fine) @ FIRST.T + OFFSETS[0], 0)
    codes = np.hstack([first[0] > 0, hidden @ SECOND.T + OFFSETS[1] > 0])
    flips = int((codes != np.roll(codes, 1, 0)).sum())
    print(f"{len(breaks)} + {len(later)} transitions; 6,001 samples see {flips}")


if __name__ == "__main__":
    main()
