"""What `python -m sensitivity` does.

In: names of files and of a module that builds a network. Out: a table, printed and as CSV. Uses
`files`, `networks`, `regions`, `jacobian` and the checks of `datasets`; knows nothing of studies.
"""
