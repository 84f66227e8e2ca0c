"""What `python -m sensitivity` does.

In: names of files and of a module that builds a network. Out: a table, printed and as CSV, and
a plot. Uses `files`, `networks`, `regions`, `jacobian`, the checks of `datasets`, and `plotting`;
knows nothing of studies.
"""
