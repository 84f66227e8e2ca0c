# What a run does to its own scheduler before its first job.


def unlimited_locally(workflow):
    """No limit of jobs a second where they run on this machine; every other run is left as it is.

    With its default limit Snakemake sets a timer after every selection of jobs; each fires a second
    later, selects anew and sets the next one, so that ever more of them are running: four fifths of
    its processor time here. Nobody needs that limit on one's own machine. A cluster's is its
    profile's, and the jobs inside a submission are few.

    The field is a private one. It was tried with Snakemake 9.0.0, 9.5.0, 9.12.0, 9.20.0 and 9.27.1;
    one without it is left alone. `tests/workflow/test_scheduling.py` fails once Snakemake needs this
    no more.
    """
    scheduler = getattr(workflow, "scheduler", None)
    if workflow.is_main_process and workflow.local_exec and scheduler is not None:
        if hasattr(scheduler, "job_rate_limiter"):
            scheduler.job_rate_limiter = None
