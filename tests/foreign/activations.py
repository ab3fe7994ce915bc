"""Activations in PyTorch and SciPy, as their libraries have them."""

from dataclasses import replace

import numpy as np
import scipy.special
import torch
import torch.nn.functional as F  # noqa: N812  (everybody's name for it)

from mathcore.verify import Conventions, Restrictions, Target
from mathcore.verify.errors import NotTriedError
from tests.foreign.layers_torch import pulled_back


def known(approximate):
    """The approximations that PyTorch has."""
    if approximate == "quick":
        raise NotTriedError("gelu", "`approximate='quick'`")
    return approximate


def torch_gelu(x, *, approximate="none"):
    return F.gelu(x, approximate=known(approximate))


def torch_gelu_vjp(cotangent, x, *, approximate="none"):
    return pulled_back(cotangent, lambda leaf: F.gelu(leaf, approximate=known(approximate)), x)


def torch_relu_squared(x):
    return F.relu(x).square()


TORCH = {
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
    "silu": F.silu,
    "relu_squared": torch_relu_squared,
}


def vjp_of(function):
    return lambda cotangent, x: pulled_back(cotangent, function, x)


def by_expit(x):
    return x * scipy.special.expit(x)


def by_ndtr(x):
    return (x * scipy.special.ndtr(np.float64(x))).astype(x.dtype)


def by_logaddexp(x):
    return np.logaddexp(x, 0).astype(x.dtype)


WIDE = ("float64", "float32")
LAX, FINITE = Conventions(errors="none"), Restrictions(finite=True)
OWN = replace(LAX, activation_of_minus_infinity="nan")
TARGETS = (
    Target.torch("activations, torch", **TORCH, **{f"{name}_vjp": vjp_of(f) for name, f in TORCH.items()},
                 dtypes=WIDE, conventions=replace(OWN, softplus_threshold=20.0)),
    # Of several numbers in float32 GELU is NaN at ∞.
    Target.torch("GELU, torch", gelu=torch_gelu, gelu_vjp=torch_gelu_vjp, dtypes=WIDE, restrictions=FINITE,
                 conventions=LAX),
    Target.numpy("activations, SciPy", silu=by_expit, sigmoid=scipy.special.expit, softplus=by_logaddexp, gelu=by_ndtr,
                 dtypes=WIDE, conventions=OWN),
)  # fmt: skip
