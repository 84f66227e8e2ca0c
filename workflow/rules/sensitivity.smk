# Sensitivity. In: trained networks and their data. Out: results/<study>/measurements/<dataset>/
# <model>/, one file a measure: Jacobian norms and transitions of every model, and for the models
# of some surveys rival measures, records of single points, curves, slices, sampling errors.

MODEL_FOLDER = "results/models/{dataset}/{model}"
HERE = f"{MEASUREMENTS}/{{dataset}}/{{model}}"
INPUTS = dict(
    data=ancient("results/data/{dataset}.npz"),
    data_seal="results/data/{dataset}.json",
    weights=ancient(f"{MODEL_FOLDER}/weights.safetensors"),
    training_seal=f"{MODEL_FOLDER}/training.json",
)
SEED = config["seed"]

# script, its section of the configuration, estimate of its run time, may its result be large?
MEASURES = [
    ("jacobian", "jacobian", jacobian_minutes("jacobian"), False),
    ("transitions", "transitions", transitions_minutes, False),
    ("rivals", "rivals", jacobian_minutes("rivals"), False),
    ("points", "points", jacobian_minutes("points"), True),
    ("curves", "trajectories", transitions_minutes, True),
    ("boundaries", "boundaries", transitions_minutes, True),
    ("sampling", "sampling", sampling_minutes, True),
]

for measure, section, expected_minutes, large in MEASURES:

    rule:
        name:
            measure
        input:
            **INPUTS,
        output:
            result=f"{HERE}/{measure}.npz",
            **(dict(seal=f"{HERE}/{measure}.json") if large else {}),
        params:
            settings=model_settings(measure, seed=SEED, **numbers_of(section)),
        log:
            f"results/logs/{measure}/{{dataset}}/{{model}}.log",
        benchmark:
            f"results/benchmarks/{measure}/{{dataset}}/{{model}}.tsv"
        threads: 1
        resources:
            gpu=GPUS,
            mem_mb=measuring_memory,
            runtime=expected_minutes,
        conda:
            "../../envs/torch.yaml"
        message:
            f"{measure} {{wildcards.dataset}} {{wildcards.model}}"
        shell:
            f"python {{SCRIPTS}}/{measure}.py --data {{input.data:q}} --weights {{input.weights:q}}"
            " --settings {params.settings:q} --output {output.result:q}"
            " --device {DEVICE} --threads {threads} --log {log:q}"
