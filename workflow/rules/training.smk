# Training. In: a data set. Out: results/models/<dataset>/<model>/, the weights of all replicates
# and their history. One job trains one model: its replicates, stacked. Checkpoints lie outside the
# declared outputs, so that a job that was killed continues where it stood.


rule train:
    input:
        **DATA,
    output:
        weights="results/models/{dataset}/{model}/weights.safetensors",
        history="results/models/{dataset}/{model}/training.csv",
        checksum="results/models/{dataset}/{model}/training.json",
    log:
        "results/logs/train/{dataset}/{model}.log",
    benchmark:
        "results/benchmarks/train/{dataset}/{model}.tsv"
    group:
        group_of("train")
    conda:
        "../../envs/torch.yaml"
    threads: training_threads
    resources:
        gpu=GPUS,
        in_turn=1,
        mem_mb=training_memory,
        runtime=minutes_of("train"),
    params:
        scripts=scripts,
        device=device,
        builders=builders,
        settings=training_settings,
        position=position,
        checkpoint=beside(
            "results/checkpoints/{dataset}/{model}.safetensors",
            "results/models/{dataset}/{model}/weights.safetensors",
        ),
    message:
        "train model {params.position}: {wildcards.dataset} {wildcards.model}"
    shell:
        "python {params.scripts}/train.py --data {input.data:q} --settings {params.settings:q}"
        " --weights {output.weights:q} --history {output.history:q}"
        " --checkpoint {params.checkpoint:q}"
        " --device {params.device} --builders {params.builders:q} --threads {threads} --log {log:q}"
