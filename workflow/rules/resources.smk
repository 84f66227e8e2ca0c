# What a job asks for, from its count of operations, and more on each attempt.
from math import ceil

DEVICE = config["device"]
GPUS = 0 if DEVICE == "cpu" else 1
STARTUP_MINUTES = 5  # of a job: starting Python, loading data, moving them to the device
OPERATIONS_PER_MINUTE = 60 * 1e9 * (20 if DEVICE == "cpu" else 2000)  # a cautious share of the peak
BASE_MEGABYTES = 1500  # Python, PyTorch and its device context


def minutes(operations, attempt):
    return ceil((STARTUP_MINUTES + 2 * operations / OPERATIONS_PER_MINUTE) * attempt)


def megabytes(size, attempt):
    return ceil((BASE_MEGABYTES + 1.5 * size / 1e6) * attempt)


def training_threads(wildcards):
    """One thread for small networks, which gain nothing from more, up to eight for large ones."""
    recipe = model_of(wildcards).recipe
    per_step = costs.training_operations(recipe, costs.sizes_of(wildcards.dataset)) / recipe.steps
    return max(1, min(8, int(per_step / 4e9)))


def training_memory(wildcards, attempt):
    sizes = costs.sizes_of(wildcards.dataset)
    return megabytes(costs.training_memory(model_of(wildcards).recipe, sizes), attempt)


def training_minutes(wildcards, attempt):
    sizes = costs.sizes_of(wildcards.dataset)
    return minutes(costs.training_operations(model_of(wildcards).recipe, sizes), attempt)


def measuring_memory(wildcards, attempt):
    sizes = costs.sizes_of(wildcards.dataset)
    recipe = model_of(wildcards).recipe
    held = 3 * costs.BYTES * recipe.replicates * costs.number_of_weights(recipe, sizes)
    return megabytes(held + 2e9, attempt)  # the measures' own chunks stay below 2 GB


def jacobian_minutes(section):
    points = sum(n or 10_000 for key, n in config[section].items() if key.endswith("_points"))

    def of(wildcards, attempt):
        sizes = costs.sizes_of(wildcards.dataset)
        recipe = model_of(wildcards).recipe
        return minutes(costs.jacobian_operations(recipe, sizes, points), attempt)

    return of


def transitions_minutes(wildcards, attempt):
    sizes = costs.sizes_of(wildcards.dataset)
    points = config["transitions"]["test_points"] or sizes.test_images
    recipe = model_of(wildcards).recipe
    return minutes(costs.transitions_operations(recipe, sizes, points), attempt)


def sampling_minutes(wildcards, attempt):
    sizes = costs.sizes_of(wildcards.dataset)
    recipe = model_of(wildcards).recipe
    samples = 4 * config["sampling"]["curves"] * 2 ** config["sampling"]["largest_exponent"]
    return minutes(2 * samples * costs.number_of_weights(recipe, sizes), attempt)
