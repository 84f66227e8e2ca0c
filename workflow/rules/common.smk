# Shared by all rules. In: the configuration. Out: it checked, the grid of models (`MODELS`), the jobs
# that measure them (`MEASURING`), and how a rule says its settings and its inputs.
import gc
import json
import os
import re
import shlex
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

# Where this source tree is, also when another workflow imports it as a module: `workflow.basedir`
# would then be the importer's folder.
PLACE = str(workflow.current_basedir.get_path_or_uri(secret_free=True))
if "://" in PLACE:
    raise WorkflowError(
        f"{PLACE} is not on this machine, but the rules run scripts of this source tree: clone it, and"
        " give the clone's Snakefile to `module`"
    )
SOURCE = Path(PLACE).parents[1]
if str(SOURCE / "scripts") not in sys.path:
    sys.path.insert(0, str(SOURCE / "scripts"))

from sensitivity.study import architectures, configuration, costs, grid, machines, measures
from sensitivity.study import measuring_jobs, memory, strict_yaml, traced
from sensitivity.study import plan as study_plan
from sensitivity.files import provenance, storage
from sensitivity.files.own_code import fingerprint_of_builder
from sensitivity.datasets import registry
from sensitivity.base.gpus import visible_gpus
from sensitivity.base.errors import SensitivityError

# A plan is a million objects that stay: searching them for garbage every 700 new ones takes a tenth
# of the time of planning a large survey.
gc.set_threshold(100_000, 20, 100)

# Jobs run with the Python of this Snakemake, also when its environment is not activated. A conda
# environment is activated inside the job and goes before it.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))

# Where the configuration lies, and builders of a reader's own beside it.
FOLDER = str(
    Path(workflow.configfiles[-1]).resolve().parent if workflow.configfiles else Path.cwd()
)

try:
    if workflow.modifier.is_main_snakefile():  # as a module, they are the importer's
        for path in workflow.configfiles:
            strict_yaml.check(path)
    config = configuration.check(
        config, configuration.load_schema(SOURCE / "workflow/schemas/config.schema.yaml"), FOLDER
    )
    MODELS = grid.expand(config)
    asked = ((model.recipe, costs.sizes_of(model.dataset)) for model in MODELS.values())
    networks = [(recipe, sizes.input_shape, sizes.classes) for recipe, sizes in asked]
    traced.prepare(networks, FOLDER, "results/architectures.json")
except SensitivityError as error:
    raise WorkflowError(f"configuration: {error}") from None

SCRIPTS = shlex.quote(str(SOURCE / "scripts"))
STUDY = config["study"]
DATASETS = grid.datasets(MODELS)
TABLES = f"results/{STUDY}/tables"
MEASUREMENTS = f"results/{STUDY}/measurements"
MEASURING = measuring_jobs.measuring_jobs(MODELS.values(), config)


wildcard_constraints:
    dataset="[^/]+",
    model="[^/]+",
    folder="[^/]+",


def settings(script, *modules, **values):
    """What a job's result depends on besides its inputs, as one string.

    Snakemake compares the params of a job as a set of values, so there is just one.
    """
    return storage.canonical({"code": provenance.fingerprint(script, *modules), **values})


def scripts(wildcards, output):
    """Where the scripts are; wherever that is, a job does not rerun for it.

    A param whose function takes `output` never makes a job rerun.
    """
    return SCRIPTS


def beside(folder, named):
    """`folder` as an importing workflow's `prefix:` has moved it.

    Snakemake moves the inputs and outputs of a module, but no path inside a param. `named` is where
    a job's first output would be without a prefix.
    """

    def of(wildcards, output):
        expected = named.format(**wildcards)
        return output[0].removesuffix(expected) + folder.format(**wildcards)

    return of


def builders(wildcards, output):
    """Where builders of a reader's own lie; a job does not rerun for it."""
    return FOLDER


def device(wildcards, output):
    """Where to compute; results record it, and a job does not rerun for it."""
    return config["device"]


def model_of(wildcards):
    """The model that a job's wildcards name."""
    try:
        return MODELS[wildcards.dataset, wildcards.model]
    except KeyError:
        raise WorkflowError(
            f"no survey of study {STUDY!r} has the model {wildcards.model} on {wildcards.dataset}"
        ) from None


@cache
def built_by(architecture):
    """The fingerprint of a network's builder; fully connected ones are part of the training."""
    named = architecture != architectures.DEFAULT
    return {"builder": fingerprint_of_builder(architecture, FOLDER)} if named else {}


def measuring_job(file, wildcards):
    """The job that makes a file of measurements."""
    try:
        return MEASURING[file, wildcards.dataset, wildcards.folder]
    except KeyError:
        raise WorkflowError(
            f"study {STUDY!r} keeps no {wildcards.folder}/{file}.npz of {wildcards.dataset}"
        ) from None


def measured(measure, surveys, dataset=None):
    """The files that hold a measure of the models that some surveys ask for, in their order."""
    files = {
        (job.dataset, model.name): job.path
        for job in MEASURING.values()
        for model, names in job.models
        if measure in names
    }
    models = grid.of_surveys(MODELS, surveys, dataset)
    return [f"{MEASUREMENTS}/{files[model.dataset, model.name]}" for model in models]


def model_files():
    """What the trainings of all models make: the target `models`."""
    made = ("weights.safetensors", "training.csv")
    return [f"results/models/{m.dataset}/{m.name}/{file}" for m in MODELS.values() for file in made]


def measurement_files():
    """Every measurement that the configuration asks for: the target `measurements`."""
    found = {name: [] for name in measures.FILES}
    for job in MEASURING.values():
        found[job.file].append(f"{MEASUREMENTS}/{job.path}")
    for measure in measures.MEASURES.values():
        if measure.alone:  # for a figure of one model
            del found[measure.name][1:]
    return [path for paths in found.values() for path in paths]


def with_checksums(**files):
    """Inputs by name that may be large, and as `checksums` the small files beside them.

    Snakemake compares files of up to a megabyte by content and larger ones by date. So jobs are
    ordered by the files, whose dates do not count (`ancient`), and rerun for their checksums, which
    change exactly when they do.
    """
    lists = [[paths] if isinstance(paths, str) else paths for paths in files.values()]
    checksums = [str(Path(path).with_suffix(".json")) for paths in lists for path in paths]
    return {**{name: ancient(paths) for name, paths in files.items()}, "checksums": checksums}


DATA = with_checksums(data="results/data/{dataset}.npz")


def named_survey(section):
    """The surveys that a section of the configuration names."""
    return grid.surveys_named(config[section])


def options(inputs):
    """A job's inputs by name as the options of its script."""
    named = {name: paths for name, paths in inputs.items() if name != "checksums"}
    return " ".join(
        f"--{name.replace('_', '-')} "
        + " ".join(map(shlex.quote, [paths] if isinstance(paths, str) else paths))
        for name, paths in named.items()
    )
