r"""What rounding may do to codes of positions and to rotated pairs.

Notation as in `mathcore.verify.tolerances`: u the unit roundoff of the work, λ its smallest subnormal, E how far the
elementary functions may be off in ulp. All bounds are free of the position where `angles` is "exact". Where it is
"float64" or "float32", the angle $m\theta$ is itself such a number, and its rounding is added:
$\delta = m\theta\,\epsilon$ with $\epsilon = (4 + 4\ln\theta^{-1})\,u$, which covers the product, the power and its
rounded exponent.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mathcore.verify.tolerances import EVALUATED, format_of, gamma, stored, tolerance, work_format


def frequencies(dim: int, base: float) -> Any:
    """θ_i = base^(−2i/dim), (⌈dim/2⌉,), good enough to measure an error by."""
    return float(base) ** (-2.0 * np.arange((dim + 1) // 2) / max(dim, 1))


def frequency_error(theta: Any, angles: str) -> Any:
    """ε of the module's head: nothing where angles are exact."""
    return theta * 0.0 if angles == "exact" else (4 - 4 * np.log(theta)) * format_of(angles).u


def angle_error(m: Any, dim: int, base: float, angles: str, given: Any = None) -> Any:
    """δ of the module's head, (..., ⌈dim/2⌉): nothing where angles are exact.

    Frequencies that are given are rounded to the angles' format, and so are position and product: ε = 4u.
    """
    theta = frequencies(dim, base) if given is None else abs(np.asarray(given, np.float64))
    reach = abs(np.asarray(m, np.float64))[..., None] * theta
    if given is not None:
        return reach * (0.0 if angles == "exact" else 4 * format_of(angles).u)
    return reach * frequency_error(theta, angles)


def farthest_angle(m: Any, dim: int, base: float, angles: str, given: Any = None) -> float:
    """The largest δ of all positions and pairs."""
    return float(angle_error(m, dim, base, angles, given).max(initial=0))


def scaled_angle(angle: Any, attention_factor: float, dtype: Any) -> Any:
    """What a cosine times `attention_factor` is off by beside its own rounding: δ of the angle, and the product's u."""
    more = 0.0 if attention_factor == 1 else 1.01 * work_format(dtype).u
    return attention_factor * (np.asarray(angle) + more)


@tolerance
def wave_rounding(value: Any, angle: Any, dtype: Any) -> Any:
    r"""A sine or cosine of an angle known to within `angle`: $(2E + 1)\,u\,|v| + \delta + \lambda$.

    The function is off by E ulp, at most $2uE$ of the value; storing the table, or correcting for the rest of the
    angle, adds u. Sine and cosine move by at most δ when the angle does.
    """
    work = work_format(dtype)
    error = ((2 * work.trig + 1) * work.u * abs(np.asarray(value, np.float64)) + angle) * EVALUATED + work.smallest
    return stored(np.asarray(value, np.float64), error, dtype)


@tolerance
def wave_between(angle: Any, dtype: Any) -> Any:
    r"""A sine or cosine at a position that is no integer, by the addition theorem: $8u + \delta$.

    The table's values are off by 3u of themselves, NumPy's for the rest by 2u, the rest's own angle by
    $2u \cdot \tfrac12$; products and the sum round once each. As $|cc'| + |ss'| \le 1$, that is at most
    $3u + 2u + u + u + u = 8u$, to first order; the second is covered by $9u$.
    """
    return 9 * work_format(dtype).u + np.asarray(angle)


@tolerance
def sum_of_squares(dim: int, angle: float, dtype: Any, *, whole: bool = True) -> Any:
    r"""The squared length of a code against the number of its pairs.

    Every coordinate v is off by $\tau = (2E + 1)u\,|v| + \lambda$, or at positions that are not whole by the 9u of
    `wave_between`, its square by $2|v|\tau + \tau^2$. Sine and cosine of a pair may come from angles computed apart, so
    2δ a pair. Judging adds $\gamma_{n}$ of the sum.
    """
    f = format_of(dtype)
    t = (2 * f.trig + 1) * f.u + 2 * f.u + f.smallest if whole else 9 * f.u
    return (dim * (2 * t + t * t) + dim * angle + gamma(dim + 2, 2.0**-53) * dim) * EVALUATED


@tolerance
def products_of_codes(dim: int, angle: float, dtype: Any) -> Any:
    r"""Two products of codes that should be the same: $2\,(dr + \sqrt2\,d\delta + d(r + \delta)^2) + 2\gamma_{d+1}d$.

    A coordinate v is off by $r|v| + \delta$ with $r = (2E + 1)u$. The product of two codes moves by
    $2r\sum|v||w| + \delta\sum(|v| + |w|)$ and terms of second order; $\sum|v||w| \le d/2$ as both have length
    $\sqrt{d/2}$, and $|\sin| + |\cos| \le \sqrt2$ in every pair. Judging adds $\gamma_{d+1}$ of the products.
    """
    work = work_format(dtype)
    r = (2 * work.trig + 1) * work.u + format_of(dtype).u + format_of(dtype).smallest
    one = dim * (r + math.sqrt(2) * angle + (r + angle) ** 2)
    return 2 * (one + gamma(dim + 1, 2.0**-53) * dim * (1 + r + angle) ** 2) * EVALUATED


@tolerance
def turned_pair(a: Any, b: Any, cos: Any, sin: Any, angle: Any, dtype: Any) -> Any:
    r"""One coordinate $a\cos - b\sin$ of a rotated pair, cosine and sine rounded once to the work's precision.

    With $\tau_c = (2E + 1)u|c| + \delta$ and τ_s likewise:
    $$|a|\tau_c + |b|\tau_s + \gamma_2\bigl(|a|(|c| + \tau_c) + |b|(|s| + \tau_s)\bigr) + 2\lambda$$
    Each product rounds once and the difference once. No term grows with the position. A 16-bit result is rounded once
    more from float32.
    """
    work = work_format(dtype)
    a, b, c, s = (abs(np.asarray(v, np.float64)) for v in (a, b, cos, sin))
    tc, ts = ((2 * work.trig + 1) * work.u * v + angle + work.smallest for v in (c, s))
    error = a * tc + b * ts + gamma(2, work.u) * (a * (c + tc) + b * (s + ts)) + 2 * work.smallest
    return stored(a * c + b * s, error * EVALUATED, dtype)


def turn_error(dtype: Any, angle: float = 0.0) -> float:
    r"""κ: how far a rotated vector may be off, as a fraction of its length.

    The table moves a pair by $\tau = (2E + 1)u + \delta$ of its length; arithmetic by $\gamma_2(1 + \tau)$ of
    $|a||c| + |b||s| \le \lVert(a, b)\rVert$ in each of two coordinates, $\sqrt2$ of that in length. Sixteen bits add
    their own u.
    """
    f, work = format_of(dtype), work_format(dtype)
    tau = (2 * work.trig + 1) * work.u + math.sqrt(2) * angle
    k = tau + math.sqrt(2) * gamma(2, work.u) * (1 + tau)
    return float(k if f is work else k + f.u * (1 + k)) * EVALUATED


def _lost(n: int, dtype: Any) -> float:
    """What underflow may take from the length of n numbers."""
    return 3 * math.sqrt(max(n, 1)) * format_of(dtype).smallest


@tolerance
def turned_length(length: Any, n: int, dtype: Any, angle: float = 0.0, turns: int = 1) -> Any:
    r"""How far a vector of n numbers may be off after L turns: $((1 + \kappa)^L - 1)\lVert x\rVert$, in length.

    A turn moves a vector by at most $\kappa\lVert x\rVert$ (`turn_error`) and changes no length beyond that. Any norm,
    or distance between two vectors, moves by no more; judging it in float64 adds $\gamma_{n+2}$. What a turn loses to
    underflow grows with the later ones, by $(1 + \kappa)^L$ at most.
    """
    grown = math.expm1(turns * math.log1p(turn_error(dtype, angle)))
    length, lost = np.asarray(length, np.float64), turns * _lost(n, dtype) * (1 + grown)
    return (grown * length + lost) * EVALUATED + gamma(n + 4, 2.0**-53) * length * (1 + grown)


@tolerance
def turned_score(length_q: Any, length_k: Any, n: int, dtype: Any, angle: float = 0.0) -> Any:
    r"""Two scores of turned vectors that should be the same: $2(2\kappa + \kappa^2)\lVert q\rVert\lVert k\rVert$.

    Each of the two scores is off by $\lVert\Delta q\rVert\lVert k\rVert + \lVert q\rVert\lVert\Delta k\rVert +
    \lVert\Delta q\rVert\lVert\Delta k\rVert$ (Cauchy and Schwarz), with $\lVert\Delta q\rVert \le
    \kappa\lVert q\rVert$.
    """
    k, lost = turn_error(dtype, angle), _lost(n, dtype)
    q, p = np.asarray(length_q, np.float64), np.asarray(length_k, np.float64)
    return 2 * ((2 * k + k * k) * q * p + lost * (1 + k) * (q + p) + lost * lost) * (1 + 2.0**-30)


@tolerance
def frequency_rounding(theta: Any, dtype: Any, angles: str) -> Any:
    r"""A frequency rounded correctly: $u\,\theta$; where `angles` are not exact, its ε of the module's head as well."""
    theta = np.asarray(theta, np.float64)
    return (format_of(dtype).u + frequency_error(theta, angles)) * theta * EVALUATED


@tolerance
def pulled_to_places(cotangent: Any, theta: Any, values: Any, angle: Any, dtype: Any, *, whole: bool) -> Any:
    r"""What a code sends back to its positions, $\sum_j g_j \theta_j v_j$ over the d coordinates, v their derivatives.

    Each v, a sine or cosine, is off by τ: that of `wave_rounding` at whole positions, of `wave_between` at others. The
    frequency is rounded once, two products once each, and every addend meets at most d additions:
    $\sum_j |g_j|\theta_j\,(\tau_j + \gamma_{d+3}(|v_j| + \tau_j)) + 2d\lambda$. A result stored in 16 bits is rounded
    once more. All arrays are (..., d), `theta` and `values` for each coordinate.
    """
    work, g = work_format(dtype), abs(np.asarray(cotangent, np.float64)) * theta
    values, d = abs(np.asarray(values, np.float64)), np.shape(values)[-1]
    tau = (2 * work.trig + 1) * work.u * values + work.smallest if whole else 9 * work.u
    tau = tau + angle
    error = (g * (tau + gamma(d + 3, work.u) * (values + tau))).sum(-1) * EVALUATED + 2 * d * work.smallest
    return stored((g * values).sum(-1), error, dtype)


@tolerance
def read_back(sizes: Any, lane: Any, terms: int, dtype: Any) -> Any:
    r"""What is read from a lane A of a sum $x = wA + pB$: $(2\gamma_n + \gamma_n^2)\,M|A|^\top$, M = |w||A| + |p||B|.

    Each coordinate of x is a sum of n products in some order, off by $\gamma_n M$, and of size $(1 + \gamma_n)M$ at
    most; reading it is another sum of at most n products, off by $\gamma_n$ of what it reads. What underflows is λ for
    each product. `sizes` is M (rows, n), `lane` is A.
    """
    work = work_format(dtype)
    g, across = gamma(terms, work.u), abs(np.asarray(lane, np.float64)).T
    lost = terms * work.smallest * (1 + g)
    return ((2 * g + g * g) * (np.asarray(sizes) @ across) + lost * (1 + across.sum(0)) * (1 + g)) * EVALUATED
