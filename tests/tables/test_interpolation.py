"""Where error and norm peak over the width: peaks built in, and the sign test as scipy has it."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from sensitivity.tables.interpolation import ALL, interpolation, of_survey, tabulate

WIDTHS = (2, 4, 8, 16, 32, 64, 128)


def networks_with_peaks(peaks, labels=0.2, dataset="mnist:500"):
    """networks.csv of one network a width and seed; `peaks` are those of error and norm by seed."""
    rows = []
    for seed, (error, norm) in enumerate(peaks):
        for width in WIDTHS:
            values = {
                "test_accuracy": 0.1 if width < 8 else 0.8 - 0.3 * (width == error),
                "jacobian_norm": 9.0 if width < 8 else 1.0 + (width == norm),
            }
            about = {"dataset": dataset, "labels": labels, "seed": seed, "width": width}
            rows.append(about | values | {"surveys": "widths;other", "diverged": False})
    return pd.DataFrame(rows)


def together(table):
    (row,) = table[table["seed"] == ALL].to_dict("records")
    return row


def test_the_peak_of_each_seed_is_found_among_widths_from_eight_on():
    peaks = [(16, 32), (8, 128), (64, 16)]
    table = interpolation(networks_with_peaks(peaks))
    single = table[table["seed"] != ALL]
    found = zip(single["test_error_peak"], single["jacobian_norm_peak"], strict=True)
    assert list(found) == peaks
    assert together(table)["test_error_peak"] == 16
    assert together(table)["jacobian_norm_peak"] == 32


@pytest.mark.parametrize("seed", range(5))
def test_the_sign_test_is_that_of_scipy(seed):
    generator = np.random.default_rng(seed)
    peaks = [tuple(generator.choice(WIDTHS[2:], 2)) for _ in range(12)]
    row = together(interpolation(networks_with_peaks(peaks)))
    wider = sum(norm > error for error, norm in peaks)
    narrower = sum(norm < error for error, norm in peaks)
    assert (row["n"], row["wider"], row["narrower"]) == (12, wider, narrower)
    assert row["p"] == binomtest(wider, wider + narrower, 0.5, alternative="two-sided").pvalue
    swapped = [(norm, error) for error, norm in peaks]
    assert together(interpolation(networks_with_peaks(swapped)))["p"] == row["p"]


def test_twelve_of_one_sign_and_none():
    assert together(interpolation(networks_with_peaks(12 * [(16, 32)])))["p"] == 2 / 2**12
    assert together(interpolation(networks_with_peaks(12 * [(16, 16)])))["p"] == 1


def test_shares_and_data_sets_apart_and_seeds_with_a_missing_width_left_out():
    parts = [networks_with_peaks(3 * [(16, 32)], labels=share) for share in (0.0, 0.5)]
    parts.append(networks_with_peaks(2 * [(8, 8)], dataset="digits"))
    table = pd.concat(parts, ignore_index=True)
    gone = (table["labels"] == 0.5) & (table["seed"] == 1) & (table["width"] == 64)
    table = table.assign(diverged=gone)
    rows = interpolation(table)
    rows = rows[rows["seed"] == ALL].set_index(["dataset", "labels"])
    assert rows["n"].to_dict() == {
        ("mnist:500", 0.0): 3, ("mnist:500", 0.5): 2, ("digits", 0.2): 2,
    }  # fmt: skip


def test_networks_of_other_surveys_do_not_count():
    networks = networks_with_peaks([(16, 32)])
    others = networks.assign(surveys="other", jacobian_norm=5.0)
    given = {"networks": pd.concat([networks, others])}
    (table,) = tabulate(given, {"survey": "widths"})
    assert together(table)["jacobian_norm_peak"] == 32
    assert of_survey(others, "widths").empty
    (empty,) = tabulate({"networks": others}, {"survey": "widths"})
    assert list(empty.columns) == list(table.columns)
    assert empty.empty


def test_without_a_complete_seed_there_is_no_peak():
    networks = networks_with_peaks(2 * [(16, 32)])
    gone = networks["width"] == networks["seed"].map({0: 32, 1: 64})
    row = together(interpolation(networks.assign(diverged=gone)))
    assert row["n"] == 0
    assert np.isnan(row["test_error_peak"])
    assert row["p"] == 1
