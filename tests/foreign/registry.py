"""The files of correct implementations, as other people write them, and what each needs to be installed.

A file has `TARGETS`. Each declares the few conventions in which it differs, and names what it was made from.
"""

import importlib
import importlib.util
import warnings
from functools import cache

FILES = {
    "attention_numpy": (),
    "attention_torch": ("torch",),
    "attention_jax": ("jax",),
    "attention_biases": ("torch", "transformers"),
    "caches_torch": ("torch",),
    "scores_numpy": ("scipy",),
    "scores_torch": ("torch",),
    "scores_jax": ("jax",),
    "layers_numpy": (),
    "layers_torch": ("torch",),
    "layers_jax": ("jax",),
    "activations": ("scipy", "torch"),
    "gated": ("torch", "transformers"),
    "positions_numpy": (),
    "positions_torch": ("torch",),
    "transformers_models": ("torch", "transformers"),
    "decoders": ("torch", "transformers"),
    "training_numpy": (),
    "training_torch": ("torch",),
    "byte_pairs": ("tokenizers",),
    "checkpoints": ("safetensors",),
}


def missing(file):
    """The packages that a file needs, and that are not here."""
    return [name for name in FILES[file] if importlib.util.find_spec(name) is None]


@cache
def targets_of(file):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the packages, about themselves
        return importlib.import_module(f"tests.foreign.{file}").TARGETS
