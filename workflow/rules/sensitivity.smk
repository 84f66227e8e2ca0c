# Sensitivity. In: trained networks and their data. Out: results/<study>/measurements/<dataset>/:
# <shape>/measures.npz of all models of a shape (depth2-width60) whose measures are brief; of others
# <model>/own_measures.npz, or records.npz where single points or curves are recorded too; a measure
# that takes long, or that one figure alone is made of, in a file of its own. One job takes all
# measures of its file (study/measures.py is their table, study/measuring_jobs.py has the jobs), and
# keeps those that still hold.

HERE = f"{MEASUREMENTS}/{{dataset}}/{{folder}}"


def measured_models(file, made):
    """What the trainings of a job's models made, one file each."""

    def of(wildcards):
        models = [model for model, _ in measuring_job(file, wildcards).models]
        return [f"results/models/{model.dataset}/{model.name}/{made}" for model in models]

    return of


def measures_settings(file):
    """What the measures of a file depend on, each with the fingerprint of its own code."""

    def of(wildcards):
        job = measuring_job(file, wildcards)
        code = {
            name: provenance.fingerprint_of_module(f"sensitivity.measures.taken.{name}")
            for name in job.measures
        }
        return storage.canonical(job.settings(config, code))

    return of


def number_of_models(file):
    """How many models a job measures, for its message."""

    def of(wildcards, output):
        count = len(measuring_job(file, wildcards).models)
        return f"{count} models" if count > 1 else "a model"

    return of


# A shell command is formatted when its job runs, after this loop: names come in as params.
for file, large in measures.FILES.items():

    rule:
        name:
            file
        input:
            **DATA,
            weights=ancient(measured_models(file, "weights.safetensors")),
            training_checksums=measured_models(file, "training.json"),
        output:
            **(dict(checksum=f"{HERE}/{file}.json") if large else {}),
            result=update(f"{HERE}/{file}.npz"),
        log:
            f"results/logs/{file}/{{dataset}}/{{folder}}.log",
        benchmark:
            f"results/benchmarks/{file}/{{dataset}}/{{folder}}.tsv"
        group:
            group_of(file)
        conda:
            "../../envs/torch.yaml"
        threads: 1
        resources:
            gpu=GPUS,
            in_turn=1,
            mem_mb=measuring_memory(file),
            runtime=minutes_of(file),
        params:
            scripts=scripts,
            device=device,
            builders=builders,
            settings=measures_settings(file),
            checksum="--checksum" if large else "",
            models=number_of_models(file),
        message:
            f"{file} of {{params.models}}: {{wildcards.dataset}} {{wildcards.folder}}"
        shell:
            "python {params.scripts}/measure.py --data {input.data:q} --weights {input.weights:q}"
            " --settings {params.settings:q} --output {output.result:q} {params.checksum}"
            " --device {params.device} --builders {params.builders:q} --threads {threads} --log {log:q}"
