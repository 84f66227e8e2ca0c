# Tables. In: histories and measurements. Out: results/<study>/tables/: per data set networks.csv
# and models.csv; over all data sets the statistics and the verdict on every claim.

STATISTICS = config["statistics"]
STATISTICS_SEED = dict(seed=config["seed"])


def per_dataset(table):
    return [f"{TABLES}/{dataset}/{table}.csv" for dataset in DATASETS]


def table_inputs(wildcards):
    models = [model for model in MODELS.values() if model.dataset == wildcards.dataset]
    folders = [f"results/models/{model.dataset}/{model.name}" for model in models]
    return dict(
        histories=[f"{folder}/training.csv" for folder in folders],
        seals=[f"{folder}/training.json" for folder in folders],
        measurements=[
            f"{MEASUREMENTS}/{model.dataset}/{model.name}/{measure}.npz"
            for model in models
            for measure in grid.measures(model, config["rivals"]["surveys"])
        ],
    )


rule plan:
    localrule: True
    output:
        f"results/{STUDY}/plan/{{dataset}}.json",
    params:
        settings=lambda wildcards: settings(
            "plan",
            dataset=wildcards.dataset,
            **grid.restricted(config, wildcards.dataset),
            rivals=config["rivals"]["surveys"],
        ),
    log:
        f"results/{STUDY}/logs/plan/{{dataset}}.log",
    conda:
        "../../envs/plots.yaml"
    message:
        "plan {wildcards.dataset}"
    shell:
        "python {SCRIPTS}/plan.py --settings {params.settings:q} --output {output:q} --log {log:q}"


rule networks:
    input:
        unpack(table_inputs),
        data=ancient("results/data/{dataset}.npz"),
        data_seal="results/data/{dataset}.json",
        plan=f"results/{STUDY}/plan/{{dataset}}.json",
    output:
        networks=f"{TABLES}/{{dataset}}/networks.csv",
        networks_seal=f"{TABLES}/{{dataset}}/networks.json",
        models=report(
            f"{TABLES}/{{dataset}}/models.csv",
            caption="../report/models.rst",
            category="Tables",
            labels={"table": "models", "data set": "{dataset}"},
        ),
        models_seal=f"{TABLES}/{{dataset}}/models.json",
    params:
        settings=lambda wildcards: settings("networks", dataset=wildcards.dataset),
        models_folder="results/models/{dataset}",
        measurements_folder=f"{MEASUREMENTS}/{{dataset}}",
    log:
        f"results/{STUDY}/logs/networks/{{dataset}}.log",
    benchmark:
        f"results/{STUDY}/benchmarks/networks/{{dataset}}.tsv"
    conda:
        "../../envs/plots.yaml"
    message:
        "tabulate the networks on {wildcards.dataset}"
    shell:
        "python {SCRIPTS}/networks.py --plan {input.plan:q} --data {input.data:q}"
        " --models-folder {params.models_folder:q}"
        " --measurements-folder {params.measurements_folder:q}"
        " --networks {output.networks:q} --models {output.models:q}"
        " --settings {params.settings:q} --log {log:q}"


def statistics_tables():
    tables = ("correlations", "factors", "pairs", "points", "curves", "claims")
    return [f"{TABLES}/{table}.csv" for table in tables]
