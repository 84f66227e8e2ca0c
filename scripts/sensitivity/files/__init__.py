"""Files that are whole or absent: arrays, tables and checksums, and where each result came from.

In: arrays and tables with their provenance. Out: files that are verified when they are read. Uses
`base`.
"""
