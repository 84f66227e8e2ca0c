# Sensitivity and generalization in neural networks (Novak et al., ICLR 2018), reproduced.
# Data flows one way: data -> training -> sensitivity -> tables -> figures and claims.
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.0")

# Snakemake looks for the included files beside the link, not beside the file that it leads to.
LINK = Path(workflow.included_stack[-1].get_path_or_uri(secret_free=True))
RULES = "workflow/rules/common.smk"
if (LINK.parent / RULES).resolve() != LINK.resolve().parent / RULES:
    raise WorkflowError(
        f"{LINK} is a link to {LINK.resolve()}, and the workflow's other files are not beside it;"
        f" remove the link, and say `--snakefile {LINK.resolve()}` or import that file as a module"
    )

if not workflow.overwrite_configfiles:  # a --configfile replaces the default study as a whole

    configfile: f"{workflow.current_basedir.get_path_or_uri(secret_free=False)}/config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/scheduling.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/sensitivity.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/explore.smk"
include: "workflow/rules/progress.smk"


rule all:
    input:
        figure_files(),
        statistics_tables(),
        f"results/{STUDY}/explore.html",
    localrule: True


rule figures:
    input:
        figure_files(),
    localrule: True


rule tables:
    input:
        statistics_tables(),
    localrule: True


rule claims:
    input:
        f"{TABLES}/claims.csv",
    localrule: True


rule models:
    input:
        model_files(),
    localrule: True


rule measurements:
    input:
        measurement_files(),
    localrule: True


rule data:
    input:
        expand("results/data/{dataset}.npz", dataset=DATASETS),
    localrule: True


rule estimate:  # prints what the study costs, every time it is asked for
    log:
        f"results/{STUDY}/logs/estimate.log",
    localrule: True
    conda:
        "envs/plots.yaml"
    params:
        settings=estimate_settings,
        scripts=SCRIPTS,
    shell:
        "python {params.scripts}/estimate.py --settings {params.settings:q} --log {log:q}"


onstart:
    unlimited_locally(workflow)
    expect_seconds()
    warn_of_too_few()


onsuccess:
    if workflow.is_main_process and "estimate" not in workflow.dag_settings.targets:
        print(what_was_found() or "Done.")


onerror:
    if workflow.is_main_process:
        print(
            "Not finished. To continue, give the same command again: what is finished is kept, and a"
            " training goes on from its last checkpoint.",
            file=sys.stderr,
        )
