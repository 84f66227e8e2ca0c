# One page to explore the study. In: models.csv, networks.csv, claims.csv, all figures. Out:
# results/<study>/explore.html, whole in one file.
from sensitivity.explorer.parts import digest_of_parts


rule explore:
    input:
        **with_checksums(
            models=per_dataset("models"),
            networks=per_dataset("networks"),
            claims=f"{TABLES}/claims.csv",
        ),
        figures=[path for path in figure_files() if path.endswith(".png")],
    output:
        report(
            f"results/{STUDY}/explore.html",
            caption="../report/explore.rst",
            category="Explore",
            labels={"page": "all models and networks, to select and compare"},
        ),
    log:
        f"results/{STUDY}/logs/explore.log",
    benchmark:
        f"results/{STUDY}/benchmarks/explore.tsv"
    conda:
        "../../envs/plots.yaml"
    resources:
        mem_mb=4000,
        runtime=15,
    params:
        scripts=scripts,
        settings=lambda wildcards: settings(
            "explore", page=digest_of_parts(), study=STUDY, titles=figure_titles()
        ),
        files=lambda wildcards, input: options(input),
    message:
        "gather the page to explore"
    shell:
        "python {params.scripts}/explore.py {params.files} --settings {params.settings:q}"
        " --output {output:q} --log {log:q}"
