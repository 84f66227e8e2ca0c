"""The verdict on each of the paper's claims, computed from the statistics by one rule.

In: the tables of statistics. Out: claims.csv and its text. Uses `tables`.
"""
