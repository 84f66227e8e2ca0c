# Resources. In: a job's model or file. Out: the memory, run time and threads it asks for, from its own
# count of operations, and more on each attempt; and which small jobs share a submission on a cluster.
from functools import cache
from math import ceil

DEVICE = config["device"]
GPUS = 0 if DEVICE == "cpu" else 1
# The slowest machine that the run times must suffice for.
SLOWEST = machines.CAUTIOUS_CORE if DEVICE == "cpu" else machines.CAUTIOUS_GPU
SAFETY = 2  # asked for over expected
STARTUP_MINUTES = 5  # of a job of its own: a cold file system, starting Python, loading the data
NEXT_MINUTES = 2  # of one more job in a submission
BASE_MEGABYTES = 1500 if DEVICE == "cpu" else 4000  # Python, PyTorch and its device context


# On this machine as many GPU jobs run at once as there are GPUs, unless `--resources gpu=N` says how
# many. A cluster hands out its own; there, Snakemake is told how many jobs to submit, not of cores.
if GPUS and workflow.resource_settings.nodes is None and "gpu" not in workflow.global_resources:
    at_once = visible_gpus()
    if at_once:
        workflow.global_resources["gpu"] = at_once


@cache
def training_work(dataset, model):
    """The work of a training; cached, since resources and group are asked for repeatedly."""
    return costs.training_work(MODELS[dataset, model].recipe, costs.sizes_of(dataset), {})


@cache
def measuring_work(job):
    return job.work(config)


def work_of(name, wildcards):
    """The work of one job of the rule with that name."""
    if name == "train":
        return training_work(wildcards.dataset, wildcards.model)
    return measuring_work(measuring_job(name, wildcards))


def minutes_of(rule):
    """Run time to ask for: the expected one with room, and the job's start."""

    def of(wildcards, attempt):
        work = work_of(rule, wildcards)
        start = NEXT_MINUTES if machines.is_brief(work, SLOWEST) else STARTUP_MINUTES
        return ceil((start + SAFETY * SLOWEST.seconds(work) / 60) * attempt)

    return of


def group_of(rule):
    """The group of brief jobs; a longer one is submitted alone.

    How many share a submission is said in slurm/config.yaml. They run one after another, which
    `in_turn` tells Snakemake, so that it adds up their run times and nothing else. Jobs of
    different rules must not share a group: Snakemake would start two measures of one model side
    by side on one GPU.
    """

    def of(wildcards):
        work = work_of(rule, wildcards)
        return f"{rule}_brief" if machines.is_brief(work, SLOWEST) else None

    return of


def megabytes(size, attempt):
    return ceil((BASE_MEGABYTES + 1.5 * size / 1e6) * attempt)


def training_threads(wildcards):
    """One thread for small networks, which gain nothing from more, up to eight for large ones.

    On a GPU the CPU only feeds the device.
    """
    if DEVICE == "cuda":
        return 1
    recipe = model_of(wildcards).recipe
    operations = training_work(wildcards.dataset, wildcards.model).operations
    return max(1, min(8, int(operations / recipe.steps / 4e9)))


def training_memory(wildcards, attempt):
    needed = memory.training_host_memory if DEVICE == "cuda" else memory.training_memory
    recipe = model_of(wildcards).recipe
    return megabytes(needed(recipe, costs.sizes_of(wildcards.dataset)), attempt)


def measuring_memory(file):
    """For the largest of its models: they are loaded one after another."""

    def of(wildcards, attempt):
        sizes = costs.sizes_of(wildcards.dataset)
        models = [model for model, _ in measuring_job(file, wildcards).models]
        needed = max(memory.host_memory(model.recipe, sizes) for model in models)
        chunks = 0 if DEVICE == "cuda" else 2e9  # what the measures hold at a time, elsewhere
        return megabytes(needed + chunks, attempt)

    return of


def estimate_settings(wildcards):
    """The configuration, and what it leaves to this workflow: jobs that do not compute, groups."""
    profile = configuration.load_schema(SOURCE / "slurm/config.yaml")
    pairs = (entry.split("=") for entry in profile["group-components"])
    named = [rule.name for rule in workflow.rules if rule.name.startswith(("figure_", "table_"))]
    return storage.canonical(
        {
            **config,
            **({"counted": traced.COUNTED} if traced.COUNTED else {}),
            "sharing": {group: int(count) for group, count in pairs},
            # fetch, networks; claims, page
            "other_jobs": 2 * len(DATASETS) + len(named) + 2,
        }
    )
