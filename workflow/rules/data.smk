# Data. In: original files (embedded, in a folder, or downloaded). Out: results/data/<dataset>.npz,
# images and labels as arrays, once their checksums match. Runs where the network is: locally.


rule fetch:
    input:
        own_data,
    output:
        data="results/data/{dataset}.npz",
        checksum="results/data/{dataset}.json",
    log:
        "results/logs/fetch/{dataset}.log",
    benchmark:
        "results/benchmarks/fetch/{dataset}.tsv"
    localrule: True
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        scripts=scripts,
        settings=data_settings,
        draws=draws_needed,
    message:
        "fetch {wildcards.dataset}"
    shell:
        "python {params.scripts}/data.py --settings {params.settings:q} --output {output.data:q}"
        " --draws {params.draws} --log {log:q}"
