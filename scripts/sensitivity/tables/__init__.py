"""From measurements to statistics with intervals. Never imports torch.

In: histories, measurements, tables below. Out: networks.csv and models.csv, correlations, factors,
points, curves. Uses `study`.
"""
