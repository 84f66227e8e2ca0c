"""What exact counts ask of a GPU: region_launches.py [--loops 1000] [--share 50]

Kernels that are launched, and times that the processor waits for the GPU, counted on a pretended
one (tests/gpu), so that no GPU is needed. Both depend on the number of pieces alone: a 50th of
the loops, in pieces of a 50th of the nodes, takes as many as all of them in whole pieces would.
"""

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "gpu"))

from transitions import loops, trained

from pretended import pretend
from sensitivity.regions import count_transitions
from sensitivity.regions.walk import Walk

FREE = 75 * 2**30
"""Bytes that are free on the GPU: an H100's, or an A100's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loops", type=int, default=1000)
    parser.add_argument("--share", type=int, default=50)
    parser.add_argument("--replicates", type=int, default=8)
    parser.add_argument("--shapes", default="200x5", help="width x depth, with commas between")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| loops x networks | transitions | pieces | nodes to a piece | launches | waits |")
    print("|---|---|---|---|---|---|")
    for shape in arguments.shapes.split(","):
        width, depth = map(int, shape.split("x"))
        row(width, depth, arguments.loops, arguments.share, arguments.replicates)


def row(width: int, depth: int, many: int, share: int, replicates: int) -> None:
    network, paths = trained(depth, replicates, width), loops(many // share)
    sizes, work = [], Walk._walk

    def watched(self, piece, *rest):
        sizes.append(len(piece))
        return work(self, piece, *rest)

    Walk._walk = watched
    with pretend() as gpu:
        there = network.to("cuda:0")
        gpu.restart()
        counts = count_transitions(there, paths, memory=FREE // 2 // share)
        launches, waits = gpu.launches, gpu.waits
        found = int(counts.cpu().sum())
    Walk._walk = work
    print(
        f"| {many} x {replicates} of 784-{width}x{depth}-10 | {found * share / 1e6:.1f} M | "
        f"{len(sizes)} | at most {share * max(sizes):,} | {launches:,} | {waits:,} |"
    )


if __name__ == "__main__":
    main()
