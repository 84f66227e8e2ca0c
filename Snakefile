# Sensitivity and generalization in neural networks (Novak et al., ICLR 2018), reproduced.
# Data flows one way: data -> training -> sensitivity -> tables -> figures and claims.
from snakemake.utils import min_version

min_version("9.0")

if not workflow.overwrite_configfiles:  # a --configfile replaces the default study as a whole

    configfile: f"{workflow.basedir}/config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/sensitivity.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"


rule all:
    default_target: True
    localrule: True
    input:
        figure_files(),
        statistics_tables(),


rule figures:
    localrule: True
    input:
        figure_files(),


rule tables:
    localrule: True
    input:
        statistics_tables(),


rule claims:
    localrule: True
    input:
        f"{TABLES}/claims.csv",


rule data:
    localrule: True
    input:
        expand("results/data/{dataset}.npz", dataset=DATASETS),


onsuccess:
    if workflow.is_main_process:
        print(f"Figures: results/{STUDY}/figures/   Verdicts: {TABLES}/claims.md")
