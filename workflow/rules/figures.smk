# Figures. In: tables and measurements. Out: results/<study>/figures/<id>_<name>.pdf and .png.
# A figure has a rule, a caption in workflow/report/, and a module of sensitivity.figures that draws it.

from sensitivity.explorer.parts import title_of

MAIN = config["figures"]["main_dataset"]
MODELS_TABLES = dict(models=per_dataset("models"))
CORRELATIONS = dict(correlations=[f"{TABLES}/correlations.csv"])
PEAKS = [f"{TABLES}/interpolation.csv"] if INTERPOLATION else []
MAIN_POINTS = dict(
    points=measured("points", config["points"]["surveys"], MAIN),
    networks=[f"{TABLES}/{MAIN}/networks.csv"],
)

# figure: the files it needs, by the option of scripts/figure.py that takes them
FIGURES = {
    "1_capacity": dict(models=[f"{TABLES}/{MAIN}/models.csv"]) | CORRELATIONS,
    "2_trajectories": dict(
        curves=CURVES,
        curves_table=[f"{TABLES}/curves.csv"],
        networks=per_dataset("networks"),
    ),
    "3_boundaries": dict(boundaries=measured("boundaries", named_survey("boundaries"))[:1]),
    "4_factors": dict(pairs=[f"{TABLES}/pairs.csv"], factors=[f"{TABLES}/factors.csv"]),
    "5_gap": MODELS_TABLES | CORRELATIONS,
    "6_points": MAIN_POINTS,
    "A1_loop": dict(data=[f"results/data/{MAIN}.npz"]),
    "A2_transitions": MODELS_TABLES | CORRELATIONS,
    "A3_points_all": dict(points=POINTS, networks=per_dataset("networks")),
    "A4_capacity_all": MODELS_TABLES | CORRELATIONS,
    "A5_arch": MAIN_POINTS,
    "A6_on_off_manifold": MODELS_TABLES | CORRELATIONS,
    "A7_sampling": dict(sampling=measured("sampling", named_survey("sampling"))[:1]),
    "A8_measures": CORRELATIONS,
    "A9_label_noise": MODELS_TABLES,
    "A10_during_training": MODELS_TABLES,
    "A11_decomposition": dict(factors=[f"{TABLES}/factors.csv"]),
    "A12_interpolation": dict(networks=per_dataset("networks"), interpolation=PEAKS),
}
# The module, where it is not called like the figure because several share it.
DRAWN_BY = dict(
    capacity="against_gap",
    capacity_all="against_gap",
    points_all="points",
    gap="against_gap",
    transitions="against_gap",
    on_off_manifold="against_gap",
    label_noise="series",
    during_training="series",
)
FIRST = 100  # A1 needs only the data: it is drawn before the first training
# The data sets of a figure that does not show them all. Where one joins, it changes only the others.
OF_MAIN = ("1_capacity", "6_points", "A1_loop", "A5_arch")
OF_OTHERS = ("A3_points_all", "A4_capacity_all")
OF_FILES = ("2_trajectories", "3_boundaries", "A1_loop", "A7_sampling")  # whatever is in its files
# The surveys of a figure that does not show them all.
OF_SURVEYS = {
    "2_trajectories": named_survey("curves"),
    "3_boundaries": named_survey("boundaries"),
    "6_points": config["points"]["surveys"],
    "A3_points_all": config["points"]["surveys"],
    "A5_arch": config["points"]["surveys"],
    "A7_sampling": named_survey("sampling"),
    "A12_interpolation": named_survey("interpolation"),
}
# What else figures are told. A12's survey has a figure of its own, so A9 leaves it out.
FURTHER_SETTINGS = {"A9_label_noise": INTERPOLATION, "A12_interpolation": INTERPOLATION}
FIGURE_SETTINGS = dict(
    seed=config["seed"],
    dots_per_inch=config["figures"]["dots_per_inch"],
)


def values_of(key, *, of_series=False):
    """The most values that the models of one data set have of a recipe's key.

    `of_series`: models that differ in nothing else, those that only figure A12 shows left out.
    """
    apart = {key, "replicates", "first_seed"}
    models = [model for model in MODELS.values() if model.surveys != tuple(INTERPOLATION.values())]
    found = {}
    for model in models if of_series else MODELS.values():
        recipe = vars(model.recipe)
        others = (value for name, value in recipe.items() if name not in apart)
        same = (model.dataset, *(others if of_series else ()))
        found.setdefault(same, set()).add(recipe[key])
    return max(map(len, found.values()), default=0)


def drawn_figures():
    """The figures that the configuration has something for; others only on demand, by their names."""
    factors = ("activation", "augmentation", "labels", "optimizer")
    pairs = any(values_of(key) > 1 for key in factors)
    something = {
        "2_trajectories": CURVES,
        "3_boundaries": FIGURES["3_boundaries"]["boundaries"],
        "4_factors": pairs,
        "6_points": MAIN_POINTS["points"],
        "A3_points_all": set(POINTS) - set(MAIN_POINTS["points"]),
        "A4_capacity_all": len(DATASETS) > 1,
        "A5_arch": MAIN_POINTS["points"],
        "A7_sampling": FIGURES["A7_sampling"]["sampling"],
        "A9_label_noise": values_of("labels", of_series=True) > 2,
        "A10_during_training": values_of("steps", of_series=True) > 2,
        "A11_decomposition": pairs,
        "A12_interpolation": INTERPOLATION,
    }
    return [figure for figure in FIGURES if something.get(figure, True)]


DRAWN = drawn_figures()


def figure_files():
    folder = f"results/{STUDY}/figures"
    return [f"{folder}/{figure}.{suffix}" for figure in DRAWN for suffix in ("pdf", "png")]


def figure_titles():
    """How the caption of each figure begins."""
    captions = {figure: f"workflow/report/{figure.partition('_')[2]}.rst" for figure in DRAWN}
    return {
        figure: title_of((SOURCE / caption).read_text(encoding="utf-8"))
        for figure, caption in captions.items()
    }


def shown_datasets(figure):
    """The data sets that a figure shows, where it has something of them."""
    if figure in OF_MAIN:
        return [MAIN]
    return [dataset for dataset in DATASETS if not (figure in OF_OTHERS and dataset == MAIN)]


def figure_labels(figure):
    """What the report's menu says of a figure: its name, its data sets, its surveys."""
    surveys = OF_SURVEYS.get(figure)
    models = MODELS.values() if surveys is None else grid.of_surveys(MODELS, surveys)
    present = {model.dataset for model in models}
    shown = shown_datasets(figure)
    datasets = shown if figure in OF_MAIN else [name for name in shown if name in present]
    return {
        "figure": figure.replace("_", " "),
        "data set": ", ".join(datasets) or "none",
        "surveys": "all" if surveys is None else ", ".join(surveys) or "none",
    }


def figure_settings(figure, drawn_by):
    """A figure depends on the code of its module, which scripts/figure.py imports by name."""
    code = f"sensitivity.figures.{drawn_by}"
    shown = {} if figure in OF_FILES else dict(datasets=shown_datasets(figure))
    shown |= FURTHER_SETTINGS.get(figure, {})
    return lambda wildcards: settings("figure", code, **FIGURE_SETTINGS, **shown)


# A shell command is formatted when its job runs, after this loop: names come in as params.
for figure, files in FIGURES.items():
    name = figure.partition("_")[2]
    drawn_by = DRAWN_BY.get(name, name)
    given = {option: paths for option, paths in files.items() if paths}

    rule:
        name:
            f"figure_{name}"
        input:
            **with_checksums(**given),
        output:
            pdf=f"results/{STUDY}/figures/{figure}.pdf",
            png=report(
                f"results/{STUDY}/figures/{figure}.png",
                caption=f"../report/{name}.rst",
                category="Figures",
                subcategory="Of the paper" if figure[0].isdigit() else "Appendix",
                labels=figure_labels(figure),
            ),
        log:
            f"results/{STUDY}/logs/figures/{name}.log",
        benchmark:
            f"results/{STUDY}/benchmarks/figures/{name}.tsv"
        priority: FIRST if figure == "A1_loop" else 0
        group:
            "figures"
        conda:
            "../../envs/plots.yaml"
        resources:
            in_turn=1,
            mem_mb=4000,
            runtime=15,
        params:
            scripts=scripts,
            settings=figure_settings(figure, drawn_by),
            name=name,
            drawn_by=drawn_by,
            files=lambda wildcards, input: options(input),
        message:
            f"draw {figure}"
        shell:
            "python {params.scripts}/figure.py {params.name} --module {params.drawn_by} --settings {params.settings:q}"
            " {params.files} --pdf {output.pdf:q} --png {output.png:q} --log {log:q}"
