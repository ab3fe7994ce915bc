"""The mathematics of language models: small exact primitives on NumPy alone."""

from mathcore.layers import linear, linear_vjp

__all__ = ["linear", "linear_vjp"]
