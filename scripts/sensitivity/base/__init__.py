"""Ground floor: errors, random streams, the device and its kernels, what command lines share.

In: nothing of this package. Out: what every room may use.
"""
