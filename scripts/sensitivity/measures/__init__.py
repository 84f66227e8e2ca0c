"""What is measured of a trained model: the two metrics, their rivals, and records for figures.

In: weights and a data set. Out: arrays of one measurement. Uses `regions`, `jacobian`, `networks`,
`datasets` and the losses of `training`.
"""
