"""What rounding may do to logarithms of probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.probability.row_tolerances import (
    _log_softmax_error,
    _logsumexp_error,
    _row,
    added,
    from_logarithm,
    gaps,
    log_probability_error,
)
from mathcore.verify.tolerances import EVALUATED, gamma, height, stored, tolerance, work_format


@tolerance
def log_of_softmax(x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The logarithm of a computed probability is off by at most $-\operatorname{log1p}(-\Delta_i / p_i)$."""
    _, _, p, error = _row(x, p, dtype, summation)
    relative = np.minimum(stored(p, error, dtype) / np.where(p > 0, p, 1.0), 1 - 2.0**-20)
    return -np.log1p(-relative)


@tolerance
def log_softmax_again(x: Any, p: Any, dtype: Any, summation: str = "any", algorithm: str = "shifted") -> Any:
    r"""Log-softmax of a log-softmax against the first.

    The first is off by $\tau$, so its logsumexp is not 0 but at most $\max_j \tau_j$, logsumexp being 1-Lipschitz in
    the largest difference. The second adds a $\tau$ of its own, that of scores t.
    """
    work, d, p = work_format(dtype), gaps(x), np.asarray(p, np.float64)
    tau, t = log_probability_error(p, d, summation, work, added(x, algorithm), whole=True)
    own, _ = log_probability_error(p, d, summation, work, added(-t, algorithm), whole=True)
    tau, own = (np.where(np.isfinite(d), stored(t, error, dtype), 0.0) for error in (tau, own))
    worst = tau.max(-1, keepdims=True, initial=0.0)
    # The second row is the first shifted by at most 2·worst between any two scores.
    return np.where(np.isfinite(d), (worst + own) * (1 + 4 * worst), 0.0)


@tolerance
def log_softmax_vjp_rounding(
    g: Any, x: Any, p: Any, dtype: Any, summation: str = "any", algorithm: str = "log1p"
) -> Any:
    r"""The cotangent $g_i - p_i G$ of the scores, $G = \sum_j g_j$.

    G is off by $e_G = \gamma_h \sum|g_j|$, the product by
    $e = \Delta_i|G| + (p_i + \Delta_i)(e_G + u(|G| + e_G)) + 2\lambda$, and the subtraction rounds once:
    $e + u(|g_i - p_i G| + e)$. Where p may come from $e^{t_i}$, in all grades but "log1p", the error of that, from
    the τ of `log_softmax_rounding`, is added to Δ.
    """
    work, d, p, delta = _row(x, p, dtype, summation)
    delta = delta + _of_logarithms(x, p, d, dtype, summation, algorithm)
    g = np.asarray(g, np.float64)
    total = g.sum(-1, keepdims=True)
    e_total = gamma(height(p.shape[-1], summation), work.u) * abs(g).sum(-1, keepdims=True)
    e = delta * abs(total) + (p + delta) * (e_total + work.u * (abs(total) + e_total)) + 2 * work.smallest
    value = g - p * total
    error = (e + work.u * (abs(value) + e)) * EVALUATED
    return np.where(np.isfinite(d), stored(value, error, dtype), 0.0)


def _of_logarithms(x: Any, p: Any, d: Any, dtype: Any, summation: str, algorithm: str) -> Any:
    """What probabilities may be off by that are exponentials of log-softmax; nothing in the grade "log1p"."""
    if algorithm == "log1p":
        return 0.0
    work = work_format(dtype)
    tau, _ = log_probability_error(p, d, summation, work, added(x, algorithm), whole=True)
    return np.where(np.isfinite(d), from_logarithm(p, tau, work), 0.0)


@tolerance
def logsumexp_vjp_rounding(g: Any, x: Any, p: Any, dtype: Any, summation: str = "any", algorithm: str = "log1p") -> Any:
    r"""The cotangent $g\,p_i$ of the scores: $|g|(\Delta_i + u(p_i + \Delta_i)) + 2\lambda$.

    Where p may be $e^{x_i - y}$, y being the log-sum-exp, the error of that is added to Δ as in
    `log_softmax_vjp_rounding`.
    """
    work, d, p, delta = _row(x, p, dtype, summation)
    delta = delta + _of_logarithms(x, p, d, dtype, summation, algorithm)
    g = np.asarray(g, np.float64)[..., None]
    error = abs(g) * (delta + work.u * (p + delta)) + 2 * work.smallest
    return np.where(np.isfinite(d), stored(g * p, error, dtype), 0.0)


@tolerance
def entropy_of(p: Any, error: Any) -> Any:
    r"""The entropy $-\sum p_i \ln p_i$ of probabilities that are off by at most `error`.

    With $\hat p = p(1 + \rho)$: $|\hat p \ln \hat p - p \ln p| \le p|\rho||\ln p| + p(1 + |\rho|)|\ln(1 + \rho)|$, and
    $|\ln(1 + \rho)| \le |\rho| / (1 - |\rho|)$. Where $|\rho| > \tfrac12$ both terms lie in
    $[0, -q \ln q]$, $q = \min(p + \text{error}, e^{-1})$. Summing n terms in float64 adds $\gamma_{n+4}$ of it.
    """
    p, error = np.asarray(p, np.float64), np.asarray(error, np.float64)
    safe = np.where(p > 0, p, 1.0)
    rho = error / safe
    close = error * (-np.log(safe) + (1 + rho) / np.where(rho < 0.5, 1 - rho, 1.0))
    q = np.clip(p + error, np.finfo(float).tiny, np.exp(-1))
    moved = np.where((p > 0) & (rho < 0.5), close, -q * np.log(q)).sum(-1)
    entropy = -(p * np.log(safe)).sum(-1)
    return moved + gamma(p.shape[-1] + 4, 2.0**-53) * (entropy + moved)


@tolerance
def logsumexp_rounding(x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""Log-sum-exp along the last axis, $y = m + \ln S$: `x` the scores, `p` the true softmax.

    S has the relative error b of `softmax_rounding`, which moves $\ln S$ by at most $-\ln(1 - b)$; the logarithm adds
    $2uE_{\log}$ of its value, the final addition u of the result:
    $e = -\operatorname{log1p}(-b) + 2uE_{\log}(\ln S - \operatorname{log1p}(-b)) + (E_{\log} + \tfrac12)\lambda$, and
    $|\hat y - y| \le e + u(|y| + e)$.
    """
    return _logsumexp_error(x, p, dtype, summation, whole=True)


@tolerance
def logsumexp_digits(x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""Log-sum-exp computed as $y = m + \operatorname{log1p}(s)$, s the sum of all terms but the largest.

    As `logsumexp_rounding`, except that the 1 of the largest score never meets an addition: the summation's
    $\gamma_h$ applies to $s$ alone. Relative to $S = 1 + s$ the error of s is $b = m + \gamma_h(s/S + m)$, and
    $\ln(1 + s)$ moves by at most $-\operatorname{log1p}(-b)$. When one score dominates, $s \ll 1$ and every term
    shrinks with s: the result is good to a few units in *its own* last place, where the textbook form, which rounds
    $1 + s$, keeps nothing.
    """
    return _logsumexp_error(x, p, dtype, summation, whole=False)


@tolerance
def log_softmax_rounding(x: Any, p: Any, dtype: Any, summation: str = "any", algorithm: str = "shifted") -> Any:
    r"""Log-softmax along the last axis, $t_i = -d_i - \ln S$: `x` the scores, `p` the true softmax.

    The shift is off by $u d_i$, $\ln S$ by the e of `logsumexp_rounding`, the subtraction by u of its result:
    $s = u d_i + e$ and $|\hat t_i - t_i| \le s + u(|t_i| + s)$. There is no term in $\max|x|$: a common offset must not
    cost digits.

    For the algorithm "lse", $t_i = x_i - y$, it costs some: $x_i$, $\max x$ and $\ln S$ are added in any order, and the
    first addition rounds at their size: $s = u\,(|x_i| + |\max x| + \ln S + e) + e$.
    """
    return _log_softmax_error(x, p, dtype, summation, algorithm, whole=True)


@tolerance
def log_softmax_digits(x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""Log-softmax computed with $\ln S = \operatorname{log1p}(s)$: as `log_softmax_rounding`, with `logsumexp_digits`.

    Both parts of $t_i = -d_i - \ln S$ are ≤ 0, so nothing cancels and the error stays a small multiple of
    $u\,|t_i|$, even where $p_i$ is so close to 1 that $t_i = \ln p_i$ is tiny.
    """
    return _log_softmax_error(x, p, dtype, summation, "log1p", whole=False)
