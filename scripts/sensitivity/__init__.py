"""Sensitivity of neural networks: Jacobian norms, transitions between linear regions, statistics."""
