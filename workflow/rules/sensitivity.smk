# Sensitivity. In: trained networks and their data. Out: results/<study>/measurements/<dataset>/
# <model>/: measures.npz, or records.npz where single points or curves are recorded too; a measure
# that takes long, or that one figure alone is made of, in a file of its own. One job takes all
# measures of its file (study/measures.py is their table), and keeps those that still hold.

MODEL_FOLDER = "results/models/{dataset}/{model}"
HERE = f"{MEASUREMENTS}/{{dataset}}/{{model}}"
INPUTS = dict(
    data=ancient("results/data/{dataset}.npz"),
    data_seal="results/data/{dataset}.json",
    weights=ancient(f"{MODEL_FOLDER}/weights.safetensors"),
    training_seal=f"{MODEL_FOLDER}/training.json",
)


def measures_settings(file):
    """What the measures of a file depend on, each with the fingerprint of its own code."""

    def of(wildcards):
        model = model_of(wildcards)
        names = files_of(model.dataset, model.name).get(file)
        if names is None:
            raise WorkflowError(f"study {STUDY!r} keeps no {file}.npz of {model.name}")
        code = {
            name: provenance.fingerprint_of_module(f"sensitivity.measures.taken.{name}")
            for name in names
        }
        return storage.canonical(measures.settings(names, model, config, code))

    return of


# A shell command is formatted when its job runs, after this loop: names come in as params.
for file, large in measures.FILES.items():

    rule:
        name:
            file
        input:
            **INPUTS,
        output:
            **(dict(seal=f"{HERE}/{file}.json") if large else {}),
            result=update(f"{HERE}/{file}.npz"),
        log:
            f"results/logs/{file}/{{dataset}}/{{model}}.log",
        benchmark:
            f"results/benchmarks/{file}/{{dataset}}/{{model}}.tsv"
        group:
            group_of(file)
        conda:
            "../../envs/torch.yaml"
        threads: 1
        resources:
            gpu=GPUS,
            in_turn=1,
            mem_mb=measuring_memory,
            runtime=minutes_of(file),
        params:
            scripts=scripts,
            device=device,
            settings=measures_settings(file),
            seal="--seal" if large else "",
            position=position,
        message:
            f"{file} of model {{params.position}}: {{wildcards.dataset}} {{wildcards.model}}"
        shell:
            "python {params.scripts}/measure.py --data {input.data:q} --weights {input.weights:q}"
            " --settings {params.settings:q} --output {output.result:q} {params.seal}"
            " --device {params.device} --threads {threads} --log {log:q}"
