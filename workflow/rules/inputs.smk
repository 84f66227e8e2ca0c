# Inputs and settings of the rules about data, training and tables. In: wildcards. Out: files, or JSON.


def data_settings(wildcards):
    source = config["datasets"].get(registry.parse(wildcards.dataset).base)
    where = {"source": source} if source else {"data_folder": config["data_folder"]}
    return settings("data", dataset=wildcards.dataset, **where)


def draws_needed(wildcards, output):
    """How many draws of a subset the study trains on; whatever their number, the file holds all."""
    return max(m.recipe.seeds.stop for m in MODELS.values() if m.dataset == wildcards.dataset)


def own_data(wildcards):
    """A reader's own files, one by one, so that an edit of any is seen.

    They stay where they are, whatever `prefix:` an importing workflow gives to ours.
    """
    source = config["datasets"].get(registry.parse(wildcards.dataset).base)
    if not isinstance(source, str):  # what comes from an address is known by its checksum
        return []
    place = registry.local_path(source)
    files = sorted(p for p in place.rglob("*") if p.is_file()) if place.is_dir() else [place]
    return [local(str(path)) for path in files]


MODEL_NUMBERS = {key: number for number, key in enumerate(MODELS, start=1)}


def training_settings(wildcards):
    """What a model's weights depend on: its recipe, and when a network fits."""
    model = model_of(wildcards)
    return settings(
        "train",
        dataset=model.dataset,
        model=model.name,
        recipe=model.recipe.specification(),
        fits_at=grid.fits_at(model.dataset),
        **built_by(model.recipe.architecture),
    )


def position(wildcards, output):
    """Which of how many models a job is about, for its message."""
    return f"{MODEL_NUMBERS[wildcards.dataset, wildcards.model]} of {len(MODELS)}"


def per_dataset(table):
    return [f"{TABLES}/{dataset}/{table}.csv" for dataset in DATASETS]


@cache
def tabulated_files():
    """By data set: the files of measurements that its table of networks is made from."""
    found = {dataset: [] for dataset in DATASETS}
    for job in MEASURING.values():
        if job.is_tabulated:
            found[job.dataset].append((f"{MEASUREMENTS}/{job.path}", measures.FILES[job.file]))
    return found


def table_inputs(wildcards):
    """A data set, and the records of its models."""
    dataset = wildcards.dataset
    files = tabulated_files()[dataset]
    histories = [f"results/models/{of}/{name}/training.csv" for of, name in MODELS if of == dataset]
    return dict(
        small_measurements=[path for path, large in files if not large],
        **with_checksums(
            data=f"results/data/{dataset}.npz",
            histories=histories,
            large_measurements=[path for path, large in files if large],
        ),
    )


def study_of_dataset(wildcards, output):
    """What a table is planned from; a job reruns for the plan, not for what else is in this."""
    return storage.canonical(study_plan.settings(config, wildcards.dataset))


def networks_settings(wildcards):
    """A table depends on which models it covers, in which order, and on where their measures are."""
    dataset = wildcards.dataset
    plan = study_plan.of_models(dataset, MODELS.values(), MEASURING.values())
    return settings("networks", dataset=dataset, plan=study_plan.digest(plan))


BOOTSTRAP = dict(
    resamples=config["statistics"]["resamples"],
    confidence=config["statistics"]["confidence"],
    seed=config["seed"],
)
POINTS = measured("points", config["points"]["surveys"])
CURVES = measured("curves", named_survey("curves"))

# table: its inputs by option; sensitivity.tables has a module for each
STATISTICS = {
    "correlations": dict(models=per_dataset("models"), networks=per_dataset("networks")),
    "factors": dict(models=per_dataset("models"), networks=per_dataset("networks")),
    "points": dict(points=POINTS, networks=per_dataset("networks")),
    "curves": dict(curves=CURVES, networks=per_dataset("networks")),
}
EVIDENCE = {table: f"{TABLES}/{table}.csv" for table in STATISTICS}  # of the claims
# The survey of figure A12, for the jobs that ask for it.
INTERPOLATION = {"survey": name for name in named_survey("interpolation")}
if INTERPOLATION:
    STATISTICS["interpolation"] = dict(networks=per_dataset("networks"))
# What the job of a table writes besides.
BESIDE = {"factors": ["pairs"], "curves": ["curve_ratios"]}
STUDY_TABLES = (*STATISTICS, "pairs", "curve_ratios", "claims", "thresholds")


def statistics_tables():
    return [f"{TABLES}/{table}.csv" for table in STUDY_TABLES]


def table_settings(table):
    values = INTERPOLATION if table == "interpolation" else BOOTSTRAP
    return lambda wildcards: settings("table", f"sensitivity.tables.{table}", **values)
