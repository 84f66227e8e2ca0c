"""How long machines take for some work: a few published or measured numbers for each.

Nothing heavy is imported here: the Snakefile reads this module, once in every cluster job.
"""

from dataclasses import dataclass

from sensitivity.study.costs import Work


@dataclass(frozen=True)
class Machine:
    """Peak rates in operations a second, the share of them that is reached, the time of a call.

    Attributes:
        title: as it is printed.
        single, double: peak rates of 32-bit (TF32 off) and 64-bit floats, matrix units included.
        bandwidth: peak rate of its memory, in bytes a second.
        efficiency: share of these peaks that is reached.
        call: seconds that a call takes which has nearly nothing to do.
        stacks: whether all replicates are trained in the same calls.
        startup: seconds from a job's first command to its first operation.
    """

    title: str
    single: float
    double: float
    bandwidth: float
    efficiency: float
    call: float
    stacks: bool
    startup: float

    def seconds(self, work: Work) -> float:
        """Expected seconds of a job's work, its start left out."""
        peak = work.single / self.single + work.double / self.double + work.moved / self.bandwidth
        calls = work.calls * (1 if self.stacks else work.replicates)
        return peak / self.efficiency + calls * self.call


# Peak rates: the makers' data sheets (SXM boards where there are several). The share that is
# reached, and the time of a call inside a CUDA graph, are assumed.
GPUS = {
    "v100": Machine("NVIDIA V100", 15.7e12, 7.8e12, 0.9e12, 0.6, 5e-6, True, 15.0),
    "a100": Machine("NVIDIA A100", 19.5e12, 19.5e12, 2.0e12, 0.6, 4e-6, True, 15.0),
    "h100": Machine("NVIDIA H100", 66.9e12, 66.9e12, 3.35e12, 0.6, 3e-6, True, 15.0),
}
# Rates that were reached in the jobs of the default study, one thread each (docs/performance.md).
CORE = Machine("a CPU core", 100e9, 42e9, 10e9, 1.0, 6e-6, False, 2.0)

CAUTIOUS_GPU = GPUS["v100"]
CAUTIOUS_CORE = Machine("a slow core", 30e9, 12e9, 3e9, 1.0, 2e-5, False, 20.0)
BRIEF_SECONDS = 1200.0


def is_brief(work: Work, machine: Machine = CAUTIOUS_GPU) -> bool:
    """Whether a job is so short, even on a slow machine, that it shares a submission."""
    return machine.seconds(work) <= BRIEF_SECONDS
