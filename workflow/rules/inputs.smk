# What the rules about data and tables are given: inputs and settings, one function each.


def data_settings(wildcards):
    base, _ = registry.parse(wildcards.dataset)
    source = config["datasets"].get(base)
    where = {"source": source} if source else {"data_folder": config["data_folder"]}
    return settings("data", dataset=wildcards.dataset, **where)


def own_data(wildcards):
    """A reader's own files, one by one, so that an edit of any is seen.

    They stay where they are, whatever `prefix:` an importing workflow gives to ours.
    """
    base, _ = registry.parse(wildcards.dataset)
    source = config["datasets"].get(base)
    if source is None or not Path(source).is_dir():
        return [local(source)] if source else []
    return [local(str(p)) for p in sorted(Path(source).rglob("*")) if p.is_file()]


def per_dataset(table):
    return [f"{TABLES}/{dataset}/{table}.csv" for dataset in DATASETS]


PARTED = [dataset for dataset, parts in PARTS.items() if "1of1" not in parts]
WHOLE = [dataset for dataset in DATASETS if dataset not in PARTED]


@cache
def tabulated_jobs():
    """By data set and model: the measuring jobs whose files a table of networks is made from."""
    found = {key: [] for key in MODELS}
    for job in MEASURING.values():
        for model, names in job.models if job.is_tabulated else ():
            found[model.dataset, model.name].append(job)
    return found


@cache
def planned(dataset):
    """The plan that the data set's tables follow, its models in the order that jobs give them.

    Jobs are told the settings as JSON with sorted keys.
    """
    told = json.loads(storage.canonical(study_plan.settings(config, dataset)))
    return study_plan.plan(told)


def plan_settings(wildcards, output):
    """What a part's job makes its plan from. It does not rerun for it, but for its part of the plan."""
    return storage.canonical(study_plan.settings(config, wildcards.dataset))


def part_settings(wildcards):
    """A part reruns when its models are planned otherwise, and not when others are."""
    part = table_plan.part(planned(wildcards.dataset), wildcards.part)
    digest = table_plan.digest(part)
    return settings("networks_part", dataset=wildcards.dataset, part=wildcards.part, plan=digest)


def joined_inputs(wildcards):
    folder = f"{TABLES}/{wildcards.dataset}/parts"
    tables = [f"{folder}/{part}.csv" for part in PARTS[wildcards.dataset]]
    return dict(parts=sealed(tables), part_seals=seals(tables))


def table_inputs(wildcards):
    """The records of a data set's models, or of one part of them."""
    label = wildcards.get("part", "1of1")
    names = PARTS[wildcards.dataset].get(label)
    if names is None:
        raise WorkflowError(
            f"study {STUDY!r} has no part {label} of the models on {wildcards.dataset}"
        )
    folders = [f"results/models/{wildcards.dataset}/{name}" for name in names]
    jobs = (job for name in names for job in tabulated_jobs()[wildcards.dataset, name])
    files = dict.fromkeys((f"{MEASUREMENTS}/{job.path}", measures.FILES[job.file]) for job in jobs)
    return dict(
        histories=[f"{folder}/training.csv" for folder in folders],
        seals=[f"{folder}/training.json" for folder in folders],
        measurements=[ancient(path) if large else path for path, large in files],
        measurement_seals=seals(path for path, large in files if large),
    )


BOOTSTRAP = dict(
    resamples=config["statistics"]["resamples"],
    confidence=config["statistics"]["confidence"],
    seed=config["seed"],
)
POINTS = measured("points", config["points"]["surveys"])
CURVES = measured("curves", named_survey("trajectories"))

# table: its script, the option that names it there, and its inputs by option
STATISTICS = {
    "correlations": (
        "correlations",
        dict(models=per_dataset("models"), networks=per_dataset("networks")),
    ),
    "points": ("points", dict(points=POINTS, networks=per_dataset("networks"))),
    "curves": ("curves", dict(curves=CURVES, networks=per_dataset("networks"))),
}


def statistics_tables():
    return [f"{TABLES}/{table}.csv" for table in (*STATISTICS, "factors", "pairs", "claims")]


def table_settings(script):
    return lambda wildcards: settings(script, **BOOTSTRAP)
