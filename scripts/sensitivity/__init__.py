"""Sensitivity of neural networks: Jacobian norms, linear-region transitions, and statistics."""
