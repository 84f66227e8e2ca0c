"""Which recipes figures of factors show."""

from sensitivity.tables.factors import ALL


def main_recipes(factors):
    """Of each data set and factor, the rows of the recipe with the most matched sets (then pairs).

    Where partners differ (non-linearities), those of each, else those of all.
    """
    rows = factors[factors["recipe"] != ALL].reset_index(drop=True)
    ordered = rows.assign(found=rows["pairs"] + rows["unfair_pairs"]).sort_values(["n", "found"])
    main = ordered.groupby(["dataset", "factor"])["recipe"].transform("last").sort_index()
    rows = rows[rows["recipe"] == main]
    partner = rows["partner"] != ALL
    several = partner.groupby([rows["dataset"], rows["factor"]]).transform("any")
    return rows[partner | ~several]
