# Tables. In: histories and measurements. Out: results/<study>/tables/: per data set networks.csv
# and models.csv; over all data sets the statistics and the verdict on every claim.


rule plan:
    output:
        f"results/{STUDY}/plan/{{dataset}}.json",
    log:
        f"results/{STUDY}/logs/plan/{{dataset}}.log",
    localrule: True
    conda:
        "../../envs/plots.yaml"
    params:
        scripts=scripts,
        settings=lambda wildcards: settings(
            "plan", **study_plan.settings(config, wildcards.dataset)
        ),
    message:
        "plan {wildcards.dataset}"
    shell:
        "python {params.scripts}/plan.py --settings {params.settings:q} --output {output:q} --log {log:q}"


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
    log:
        f"results/{STUDY}/logs/networks/{{dataset}}.log",
    benchmark:
        f"results/{STUDY}/benchmarks/networks/{{dataset}}.tsv"
    wildcard_constraints:
        dataset=one_of(WHOLE),
    conda:
        "../../envs/plots.yaml"
    params:
        scripts=scripts,
        settings=lambda wildcards: settings("networks", dataset=wildcards.dataset),
        models_folder=beside("results/models/{dataset}", f"{TABLES}/{{dataset}}/networks.csv"),
        measurements_folder=beside(
            f"{MEASUREMENTS}/{{dataset}}", f"{TABLES}/{{dataset}}/networks.csv"
        ),
    message:
        "tabulate the networks on {wildcards.dataset}"
    shell:
        "python {params.scripts}/networks.py --plan {input.plan:q} --data {input.data:q}"
        " --models-folder {params.models_folder:q}"
        " --measurements-folder {params.measurements_folder:q}"
        " --networks {output.networks:q} --models {output.models:q}"
        " --settings {params.settings:q} --log {log:q}"


# Of a data set with more models than `tables: most_models` a job tabulates a part, and one joins them.
# A part's job plans its part itself: were the whole plan its input, a change in one model would make
# every part anew, and with `ancient` none (Snakemake 9.27 then sees no change of their settings).
rule networks_part:
    input:
        unpack(table_inputs),
        data=ancient("results/data/{dataset}.npz"),
        data_seal="results/data/{dataset}.json",
    output:
        table=f"{TABLES}/{{dataset}}/parts/{{part}}.csv",
        seal=f"{TABLES}/{{dataset}}/parts/{{part}}.json",
    log:
        f"results/{STUDY}/logs/networks/{{dataset}}/{{part}}.log",
    benchmark:
        f"results/{STUDY}/benchmarks/networks/{{dataset}}/{{part}}.tsv"
    wildcard_constraints:
        dataset=one_of(PARTED),
        part=r"\d+of\d+",
    conda:
        "../../envs/plots.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        scripts=scripts,
        settings=part_settings,
        plan_settings=plan_settings,
        models_folder=beside("results/models/{dataset}", f"{TABLES}/{{dataset}}/parts/{{part}}.csv"),
        measurements_folder=beside(
            f"{MEASUREMENTS}/{{dataset}}", f"{TABLES}/{{dataset}}/parts/{{part}}.csv"
        ),
    message:
        "tabulate part {wildcards.part} of the networks on {wildcards.dataset}"
    shell:
        "python {params.scripts}/networks_part.py --plan-settings {params.plan_settings:q}"
        " --data {input.data:q} --models-folder {params.models_folder:q}"
        " --measurements-folder {params.measurements_folder:q}"
        " --output {output.table:q} --settings {params.settings:q} --log {log:q}"


rule networks_joined:
    input:
        unpack(joined_inputs),
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
    log:
        f"results/{STUDY}/logs/networks/{{dataset}}.log",
    benchmark:
        f"results/{STUDY}/benchmarks/networks/{{dataset}}.tsv"
    wildcard_constraints:
        dataset=one_of(PARTED),
    conda:
        "../../envs/plots.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        scripts=scripts,
        settings=lambda wildcards: settings("join_networks", dataset=wildcards.dataset),
    message:
        "tabulate the networks on {wildcards.dataset} from their parts"
    shell:
        "python {params.scripts}/join_networks.py --plan {input.plan:q} --parts {input.parts:q}"
        " --networks {output.networks:q} --models {output.models:q}"
        " --settings {params.settings:q} --log {log:q}"


# A shell command is formatted when its job runs, after this loop: names come in as params.
for table, (script, files) in STATISTICS.items():

    rule:
        name:
            f"table_{table}"
        input:
            **{option: sealed(paths) for option, paths in files.items() if paths},
            seals=[seal for paths in files.values() for seal in seals(paths)],
        output:
            table=report(
                f"{TABLES}/{table}.csv",
                caption=f"../report/table_{table}.rst",
                category="Tables",
                labels={"table": table, "data set": "all"},
            ),
            seal=f"{TABLES}/{table}.json",
        log:
            f"results/{STUDY}/logs/tables/{table}.log",
        benchmark:
            f"results/{STUDY}/benchmarks/tables/{table}.tsv"
        conda:
            "../../envs/plots.yaml"
        resources:
            mem_mb=4000,
            runtime=120,
        params:
            scripts=scripts,
            settings=table_settings(script),
            script=f"{script}.py",
            files=lambda wildcards, input: options(input),
        message:
            f"tabulate {table}"
        shell:
            "python {params.scripts}/{params.script} {params.files} --settings {params.settings:q}"
            " --output {output.table:q} --log {log:q}"


rule table_factors:
    input:
        models=sealed(per_dataset("models")),
        networks=sealed(per_dataset("networks")),
        seals=seals(per_dataset("models") + per_dataset("networks")),
    output:
        factors=report(
            f"{TABLES}/factors.csv",
            caption="../report/table_factors.rst",
            category="Tables",
            labels={"table": "factors", "data set": "all"},
        ),
        pairs=f"{TABLES}/pairs.csv",
        seals=[f"{TABLES}/factors.json", f"{TABLES}/pairs.json"],
    log:
        f"results/{STUDY}/logs/tables/factors.log",
    benchmark:
        f"results/{STUDY}/benchmarks/tables/factors.tsv"
    conda:
        "../../envs/plots.yaml"
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        scripts=scripts,
        settings=table_settings("factors"),
    message:
        "tabulate factors"
    shell:
        "python {params.scripts}/factors.py --models {input.models:q} --networks {input.networks:q}"
        " --settings {params.settings:q} --output {output.factors:q} --pairs {output.pairs:q}"
        " --log {log:q}"


EVIDENCE = {table: f"{TABLES}/{table}.csv" for table in (*STATISTICS, "factors")}


rule claims_table:
    input:
        **{table: ancient(path) for table, path in EVIDENCE.items()},
        models=sealed(per_dataset("models")),
        seals=seals(EVIDENCE.values()) + seals(per_dataset("models")),
    output:
        claims=report(
            f"{TABLES}/claims.csv",
            caption="../report/table_claims.rst",
            category="Claims",
            labels={"table": "claims", "data set": "all"},
        ),
        seal=f"{TABLES}/claims.json",
        text=report(
            f"{TABLES}/claims.md",
            caption="../report/table_claims.rst",
            category="Claims",
            labels={"table": "claims in words", "data set": "all"},
        ),
    log:
        f"results/{STUDY}/logs/tables/claims.log",
    benchmark:
        f"results/{STUDY}/benchmarks/tables/claims.tsv"
    conda:
        "../../envs/plots.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        scripts=scripts,
        settings=lambda wildcards: settings(
            "claims",
            significance=config["statistics"]["significance"],
            confidence=config["statistics"]["confidence"],
        ),
        files=lambda wildcards, input: options(input),
    message:
        "decide the claims"
    shell:
        "python {params.scripts}/claims.py {params.files} --settings {params.settings:q}"
        " --output {output.claims:q} --text {output.text:q} --log {log:q}"
