# What a run tells a person: how long its jobs may take, and at its end what was found.
import csv


def expect_seconds():
    """Tell `--logger study`, if it is in use, how long a job of each rule is expected to take."""
    plugin = sys.modules.get("snakemake_logger_plugin_study.stages")
    if plugin is None or not workflow.is_main_process:
        return
    from sensitivity.study import estimation

    hours = estimation.table(config).groupby("rule")[["core", "core start"]].mean().sum(axis=1)
    plugin.expected.update((hours * 3600).to_dict())
    plugin.STAGES["measured"] = ("jobs", tuple(measures.FILES))


def warn_of_too_few():
    """Tell which claims no outcome can decide, before anything runs."""
    if workflow.is_main_process and "all" in (workflow.dag_settings.targets or {"all"}):
        from sensitivity.claims.ahead import warnings

        for sentence in warnings(MODELS.values(), config["statistics"]["significance"]):
            logger.warning(sentence)


def what_was_found():
    """The verdicts in a line each, where to look, and what to do next."""
    shown = {"Figures": f"results/{STUDY}/figures/", "Verdicts": f"{TABLES}/claims.md"}
    where = "   ".join(f"{what}: {path}" for what, path in shown.items() if Path(path).exists())
    everything = not set(workflow.dag_settings.targets) - {"all"}
    if not everything or not Path(TABLES, "claims.csv").is_file():
        return where
    import pandas as pd

    from sensitivity.claims.hypotheses import CLAIMS
    from sensitivity.claims.text import fitting_text

    with Path(TABLES, "claims.csv").open(encoding="utf-8", newline="") as stream:
        verdicts = {
            row["claim"]: row["verdict"]
            for row in csv.DictReader(stream)
            if row["dataset"] == "all"
        }
    lines = [
        f"{claim.id} {verdicts[claim.id]}: {claim.statement.partition(':')[0].rstrip('.')}"
        for claim in CLAIMS
        if claim.id in verdicts
    ]
    unfit = fitting_text(pd.concat(map(pd.read_csv, per_dataset("models"))))
    return "\n".join(
        [
            *lines,
            *([unfit] if unfit else []),
            where,
            f"Explore: open results/{STUDY}/explore.html in a browser.",
            "Next: config/README.md (your study, your data), docs/your_network.md (your network).",
        ]
    )
