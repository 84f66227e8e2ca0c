"""The measures of a study as one table, and the files that they are kept in.

One job takes all measures of a model, so that its weights and data are loaded once, and those of
other models of its shape where that is quickly done (`measuring_jobs`). A new measure `m` is a row
of `MEASURES` and a function `measure(measurement)` in `sensitivity.measures.taken.m` that returns
arrays; `costs.WORK` says how much work it is, the schema of the configuration what its section
holds. Rules, tables, the estimate and `verify.py` follow the table.
A measure that is `tabulated` returns numbers of each replicate; they become columns of the tables.

Nothing heavy is imported here: the Snakefile reads this module, once in every cluster job.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sensitivity.study import costs
from sensitivity.study.architectures import DEFAULT
from sensitivity.study.grid import Model, surveys_named
from sensitivity.study.machines import CAUTIOUS_GPU, CORE


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        name: of its module in `sensitivity.measures.taken`, of its work in `costs.WORK`.
        section: its part of the configuration, which may name the surveys that it is taken of.
        tabulated: whether it is a number of each replicate, for the tables of networks.
        large: whether its arrays may be so large that the file needs a checksum.
        alone: whether it always has a job and a file of its own: what figures alone are made of
            is not drawn again when another measure of the model changes.
    """

    name: str
    section: str
    tabulated: bool = False
    large: bool = False
    alone: bool = False

    def is_wanted(self, model: Model, configuration: Mapping[str, Any]) -> bool:
        """Whether a study wants it of a model; a section without surveys is for all models."""
        section = configuration[self.section]
        named = surveys_named(section)
        return named is None or not set(named).isdisjoint(model.surveys)

    def numbers(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        """What it is taken with: its section, without the surveys that it is taken of."""
        section = configuration[self.section]
        return {key: section[key] for key in section if key not in ("survey", "surveys")}

    def work(self, model: Model, configuration: Mapping[str, Any]) -> costs.Work:
        """Its work on a model."""
        section = configuration[self.section]
        return costs.WORK[self.name](model.recipe, costs.sizes_of(model.dataset), section)


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("jacobian", "jacobian", tabulated=True),
        Measure("transitions", "transitions", tabulated=True),
        Measure("as_trained", "jacobian", tabulated=True),
        Measure("generalization_measures", "generalization_measures", tabulated=True),
        Measure("points", "points", large=True),
        Measure("curves", "curves", large=True),
        Measure("boundaries", "boundaries", large=True, alone=True),
        Measure("sampling", "sampling", large=True, alone=True),
    )
}
SHARED = "measures"  # of all models of a shape whose measures are brief
OWN = "own_measures"  # of one model
RECORDS = "records"  # of one model whose points or curves are recorded; has a checksum
FILES = {
    **{SHARED: False, OWN: False, RECORDS: True},
    **{name: measure.large for name, measure in MEASURES.items()},
}
"""The files that measures are kept in, and whether they have checksums."""
LONG_SECONDS = 8 * 3600.0  # of a measure on a slow GPU
BRIEF_SECONDS = 60.0  # of all measures of a model on one core: a shape's take two hours at most


def files(model: Model, configuration: Mapping[str, Any]) -> dict[str, list[str]]:
    """What a study measures of a model: its files, and the measures in each.

    Measures share a file. One that would take long even on a GPU has a file, and so a job, of its
    own: nothing waits for it. Files of a model that is not fully connected do not depend on what it
    costs: a job that makes a table knows them without having counted.
    """
    wanted = [m for m in MEASURES.values() if m.is_wanted(model, configuration)]
    counted = [] if model.recipe.architecture != DEFAULT else wanted
    works = {m.name: m.work(model, configuration) for m in counted}
    # The same on every machine, as files have names.
    long = [name for name, work in works.items() if CAUTIOUS_GPU.seconds(work) > LONG_SECONDS]
    own = [m.name for m in wanted if m.alone or m.name in long]
    shared = [m.name for m in wanted if m.name not in own]
    found = {}
    if shared:
        total = costs.total(works[name] for name in shared) if works else None
        brief = total is not None and CORE.seconds(total) <= BRIEF_SECONDS
        large = any(MEASURES[name].large for name in shared)
        found = {RECORDS if large else SHARED if brief else OWN: shared}
    return found | {name: [name] for name in own}
