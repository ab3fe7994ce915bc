"""What rounding may do to an activation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mathcore.layers.activation_textbook import GATES, LOGISTIC, Parts, parts
from mathcore.verify.tolerances import Format, stored, tolerance, work_format

EXPONENT = {"none": 6, "tanh": 10, "quick": 3}
"""How many roundings are in the exponent of a kind of gelu, constants included; x itself has none."""


def _relative(kind: str, of: Parts, work: Format) -> Any:
    """By what factor the share may be off, as an exponent: e^−y, 1 + e⁻ʸ and a quotient, or erfc, which has more."""
    of_share = 2 * work.exp + (8 if kind == "none" else 3)
    return np.expm1(work.u * np.minimum(of_share + EXPONENT.get(kind, 0) * of.exponent, 1 / work.u))


def _lost(work: Format) -> float:
    """What is lost where e⁻ʸ is subnormal, or eʸ overflows."""
    return work.smallest + 1 / work.most


@tolerance
def activation_rounding(kind: str, x: Any, dtype: Any, tails: str = "absolute", threshold: float = math.inf) -> Any:
    r"""$f(x) = \max(x, 0) - T(|x|)$, or a probability, or a logarithm, all made of one $e = e^{-y}$.

    The exponential is off by E ulp, at most 2uE of itself. y is |x|, which is exact, or takes k roundings, which are
    kuy in the exponent. So $\sigma(-y) = e/(1 + e)$ is off by a factor of at most $\exp(u(2E + 3 + ky))$, and
    $\Phi(-|x|)$ by $\exp(u(2E + 8 + ky))$, with an erfc that is off by E and 4 ulp. T is |x| times that, and the result
    takes at most four roundings of itself, in whatever order it is written: $T\,(\exp(\dots) - 1) + 4u|f|$. ln(1 + e)
    moves by no more than e does, relative to itself, and is off by L ulp. Where eʸ overflows, or e⁻ʸ is subnormal,
    1/max + λ is lost, times |x| for T. Squared ReLU rounds once.

    Tails that are absolute: $\frac12(1 + \tanh)$, $\frac12(1 + \operatorname{erf})$ and ln(1 + e) round at the size of
    1, by $u(2E + 4)$ with a tanh and an erf as good as the exponential, times |x| if |x| multiplies them. Beyond a
    threshold softplus may be x itself.
    """
    work, x = work_format(dtype), np.asarray(x, np.float64)
    of = parts(kind, x)
    if kind == "relu_squared":
        return stored(of.value, work.u * of.value + work.smallest, dtype)
    z = np.minimum(abs(x), 1000.0)
    scale = z if kind in GATES else 1.0
    if kind == "softplus":
        log = np.log1p(of.e)
        error = log * np.expm1(work.u * (2 * work.exp + 2 * work.log + 1)) + 2 * work.u * of.value + 2 * work.smallest
        error = error + np.where(x > threshold, log, 0.0)
    else:
        error = scale * (of.share * _relative(kind, of, work) + _lost(work)) + 4 * work.u * abs(of.value)
        error = error + 2 * work.smallest
    if tails == "absolute":
        error = error + work.u * (2 * work.exp + 4) * scale
    return stored(of.value, error, dtype)


@tolerance
def activation_vjp_rounding(
    kind: str, g: Any, x: Any, dtype: Any, tails: str = "absolute", threshold: float = math.inf
) -> Any:
    r"""$\bar g f'(x)$ with $f' = q - r$, or 1 less that; q is the share, $r = |x| y' q (1 - q)$ or $|x| \varphi(x)$.

    Both are off by the factor that the share is off by, r with six more roundings, and their sum, of the size
    $q + r$ or $1 + q + r$, takes four. The cotangent adds one. With absolute tails q is off by $u(2E + 4)$, and so is
    1 − q, which makes twice that in $q(1 - q)$; beyond y = 45 it is exactly 0. Squared ReLU rounds twice.
    Where softplus is x, its derivative is 1.
    """
    work, x, g = work_format(dtype), np.asarray(x, np.float64), np.asarray(g, np.float64)
    of = parts(kind, x)
    if kind == "relu_squared":
        return stored(g * of.slope, 2 * work.u * abs(g * of.slope) + 2 * work.smallest, dtype)
    size = of.falling + np.where(x > 0, 1.0, 0.0) if kind in GATES else of.slope
    z = np.minimum(abs(x), 1000.0)
    error = of.falling * ((1 + _relative(kind, of, work)) * (1 + 7 * work.u) - 1) + 5 * work.u * size
    error = error + (1 + z) * _lost(work) + 2 * work.smallest
    if kind == "softplus":
        error = error + np.where(x > threshold, of.share, 0.0)
    if tails == "absolute":
        steep = np.where(of.exponent > 45, 0.0, of.growth / np.maximum(of.share, 1e-300)) if kind in LOGISTIC else 0.0
        error = error + work.u * (2 * work.exp + 4) * (1 + 4 * steep)
    error = abs(g) * error * (1 + work.u) + work.smallest
    return stored(g * of.slope, error, dtype)
