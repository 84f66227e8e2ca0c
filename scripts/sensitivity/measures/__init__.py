"""What is measured of a trained model: the two metrics, and what they are compared with.

In: weights and a data set. Out: arrays of one measurement. Uses `regions`, `jacobian`, `networks`,
`datasets` and the losses of `training`.
"""
