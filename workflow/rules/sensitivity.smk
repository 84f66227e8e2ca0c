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

# script, its section of the configuration, may its result be large?
MEASURES = [
    ("jacobian", "jacobian", False),
    ("transitions", "transitions", False),
    ("rivals", "rivals", False),
    ("points", "points", True),
    ("curves", "trajectories", True),
    ("boundaries", "boundaries", True),
    ("sampling", "sampling", True),
]

# A shell command is formatted when its job runs, after this loop: names come in as params.
for measure, section, large in MEASURES:

    rule:
        name:
            measure
        input:
            **INPUTS,
        output:
            **(dict(seal=f"{HERE}/{measure}.json") if large else {}),
            result=f"{HERE}/{measure}.npz",
        log:
            f"results/logs/{measure}/{{dataset}}/{{model}}.log",
        benchmark:
            f"results/benchmarks/{measure}/{{dataset}}/{{model}}.tsv"
        group:
            group_of(measure, section)
        conda:
            "../../envs/torch.yaml"
        threads: 1
        resources:
            gpu=GPUS,
            in_turn=1,
            mem_mb=measuring_memory,
            runtime=minutes_of(measure, section),
        params:
            scripts=scripts,
            device=device,
            settings=model_settings(measure, seed=SEED, **numbers_of(section)),
            script=f"{measure}.py",
            position=position,
        message:
            f"{measure} of model {{params.position}}: {{wildcards.dataset}} {{wildcards.model}}"
        shell:
            "python {params.scripts}/{params.script} --data {input.data:q} --weights {input.weights:q}"
            " --settings {params.settings:q} --output {output.result:q}"
            " --device {params.device} --threads {threads} --log {log:q}"
