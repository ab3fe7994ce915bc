"""Primitives as functions of other frameworks, which differentiate them by their VJPs: extras, imported when asked for.

`mathcore.interop.torch` needs PyTorch, `mathcore.interop.jax` needs JAX.
"""
