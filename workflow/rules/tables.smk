# Tables. In: histories and measurements. Out: results/<study>/tables/: per data set networks.csv
# and models.csv; over all data sets the statistics and the verdict on every claim.


rule networks:
    input:
        unpack(table_inputs),
    output:
        networks=f"{TABLES}/{{dataset}}/networks.csv",
        networks_checksum=f"{TABLES}/{{dataset}}/networks.json",
        models=report(
            f"{TABLES}/{{dataset}}/models.csv",
            caption="../report/models.rst",
            category="Tables",
            labels={"table": "models", "data set": "{dataset}"},
        ),
        models_checksum=f"{TABLES}/{{dataset}}/models.json",
    log:
        f"results/{STUDY}/logs/networks/{{dataset}}.log",
    benchmark:
        f"results/{STUDY}/benchmarks/networks/{{dataset}}.tsv"
    conda:
        "../../envs/plots.yaml"
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        scripts=scripts,
        settings=networks_settings,
        study=study_of_dataset,
        models_folder=beside("results/models/{dataset}", f"{TABLES}/{{dataset}}/networks.csv"),
        measurements_folder=beside(
            f"{MEASUREMENTS}/{{dataset}}", f"{TABLES}/{{dataset}}/networks.csv"
        ),
    message:
        "tabulate the networks on {wildcards.dataset}"
    shell:
        "python {params.scripts}/networks.py --study {params.study:q} --data {input.data:q}"
        " --models-folder {params.models_folder:q}"
        " --measurements-folder {params.measurements_folder:q}"
        " --networks {output.networks:q} --models {output.models:q}"
        " --settings {params.settings:q} --log {log:q}"


# A shell command is formatted when its job runs, after this loop: names come in as params.
for table, files in STATISTICS.items():
    others = BESIDE.get(table, [])

    rule:
        name:
            f"table_{table}"
        input:
            **with_checksums(**{option: paths for option, paths in files.items() if paths}),
        output:
            table=report(
                f"{TABLES}/{table}.csv",
                caption=f"../report/table_{table}.rst",
                category="Tables",
                labels={"table": table, "data set": "all"},
            ),
            others=[f"{TABLES}/{other}.csv" for other in others],
            checksums=[f"{TABLES}/{each}.json" for each in (table, *others)],
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
            settings=table_settings(table),
            name=table,
            files=lambda wildcards, input: options(input),
        message:
            f"tabulate {table}"
        shell:
            "python {params.scripts}/table.py {params.name} {params.files} --settings {params.settings:q}"
            " --output {output.table:q} {output.others:q} --log {log:q}"


rule claims_table:
    input:
        **with_checksums(networks=per_dataset("networks"), **EVIDENCE),
    output:
        claims=report(
            f"{TABLES}/claims.csv",
            caption="../report/table_claims.rst",
            category="Claims",
            labels={"table": "claims", "data set": "all"},
        ),
        thresholds=f"{TABLES}/thresholds.csv",
        checksums=[f"{TABLES}/claims.json", f"{TABLES}/thresholds.json"],
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
            **BOOTSTRAP,
        ),
        files=lambda wildcards, input: options(input),
    message:
        "decide the claims"
    shell:
        "python {params.scripts}/claims.py {params.files} --settings {params.settings:q}"
        " --output {output.claims:q} --thresholds {output.thresholds:q} --text {output.text:q}"
        " --log {log:q}"
