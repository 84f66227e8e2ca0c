"""Hold a study's tables against another's, such as the reference study that is shipped.

    python scripts/compare.py results/reference docs/reference

Models that both have are compared measure by measure: Welch's test over their replicates, with
Holm's correction over everything compared. Printed are the differences beyond the replicates'
spread and the claims side by side; --output writes every comparison. The status is 1 if a model
differs, or if one study calls supported what the other calls contradicted.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sensitivity.base.command import run
from sensitivity.base.errors import SensitivityError
from sensitivity.files import storage
from sensitivity.tables.agreement import COLUMNS, MODEL, agreement, side_by_side
from sensitivity.tables.page import of_all_datasets


def main(argv: Sequence[str] | None = None) -> None:
    """Print what both studies have and where they differ."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ours", type=Path, help="the folder of a study, which has tables/")
    parser.add_argument("theirs", type=Path, help="the folder of another")
    parser.add_argument("--significance", type=float, default=0.05, help="(default 0.05)")
    parser.add_argument("--output", type=Path, help="a CSV file of all comparisons, written")
    arguments = parser.parse_args(argv)

    ours, theirs = (
        of_all_datasets(path, "networks") for path in (arguments.ours, arguments.theirs)
    )
    table = agreement(ours, theirs, arguments.significance)
    claims = side_by_side(*map(verdicts, (arguments.ours, arguments.theirs)))
    if table.empty:
        raise SensitivityError(
            f"{arguments.ours} and {arguments.theirs} have no model in common; compare studies of "
            "the same configuration, or of one that holds the other's surveys"
        )
    if arguments.output is not None:
        with storage.atomic(arguments.output) as temporary:
            table.to_csv(temporary, index=False)
    report(table, claims, ours, theirs)
    if table["differs"].any() or claims["opposed"].any():
        sys.exit(1)


def verdicts(study: Path) -> pd.DataFrame:
    """The study's verdicts; those of single quantities and recipes are left out."""
    table = storage.read_table(study / "tables" / "claims.csv")
    return table[~table["beside"].astype(bool)]


def report(
    table: pd.DataFrame, claims: pd.DataFrame, ours: pd.DataFrame, theirs: pd.DataFrame
) -> None:
    """Print counts, differences and verdicts."""
    counts = [len(frame.groupby(MODEL)) for frame in (table, ours, theirs)]
    differing, identical = table[table["differs"]], int(table["identical"].sum())
    print(f"{counts[0]} models in both, of {counts[1]} here and {counts[2]} there.")
    print(
        f"{len(table)} comparisons: {identical} identical, {len(differing)} beyond the "
        f"replicates' spread, {int(table['p'].isna().sum())} without a spread."
    )
    if len(differing):
        print("\n" + differing[[c for c in COLUMNS if c != "differs"]].to_string(index=False))
    print("\n" + claims.to_string(index=False, na_rep="-"))


if __name__ == "__main__":
    run(main)
