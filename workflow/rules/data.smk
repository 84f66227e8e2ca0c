# Data. In: original files (embedded, in a folder, or downloaded). Out: results/data/<dataset>.npz,
# images and labels as arrays, once their checksums match. Runs where the network is: locally.


def data_settings(wildcards):
    base, _ = registry.parse(wildcards.dataset)
    source = config["datasets"].get(base)
    where = {"source": source} if source else {"data_folder": config["data_folder"]}
    return settings("data", dataset=wildcards.dataset, **where)


def own_data(wildcards):
    """A reader's own files, one by one, so that an edit of any is seen."""
    base, _ = registry.parse(wildcards.dataset)
    source = config["datasets"].get(base)
    if source is None or not Path(source).is_dir():
        return [source] if source else []
    return sorted(str(path) for path in Path(source).rglob("*") if path.is_file())


rule fetch:
    input:
        own_data,
    output:
        data="results/data/{dataset}.npz",
        seal="results/data/{dataset}.json",
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
        settings=data_settings,
    message:
        "fetch {wildcards.dataset}"
    shell:
        "python {SCRIPTS}/data.py --settings {params.settings:q} --output {output.data:q}"
        " --log {log:q}"
