"""Beside other frameworks: primitives that they differentiate, and files of parameters. Extras.

`mathcore.interop.torch` needs PyTorch, `mathcore.interop.jax` needs JAX. `mathcore.interop.safetensors` reads and
writes files of parameters, and needs safetensors.
"""
