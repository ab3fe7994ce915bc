r"""What rounding may do to attention.

Notation as in `mathcore.verify.tolerances`. Everything starts from the error δ of a score; from there on attention is
a softmax and a product, and a derivative two products more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mathcore.probability.logsumexp_tolerances import logsumexp_rounding
from mathcore.probability.row_tolerances import log_sum_and_error, probability_error
from mathcore.verify.tolerances import Format, format_of, gamma, stored, tolerance, work_format

_EVALUATED = 1 + 2.0**-30
"""What evaluating a bound in floats may lose."""


@dataclass(frozen=True)
class Scores:
    """What the error of attention depends on, as float64; heads are already repeated for the groups.

    Attributes:
        query, key, value: (..., queries, width), (..., keys, width), (..., keys, value width).
        bias: that broadcasts to the scores, finite.
        by: what the products are multiplied by.
        seen: (..., queries, keys).
        p: the true weights, good to 40 bits; 0 where not seen.
        gap: how far each score lies below the highest of its row; ∞ where not seen.
        summation: "pairwise" if exponentials are summed so, in one go; otherwise in any order, and rescaled between.
        moved: by how much query, key and value may be off themselves.
        cap: what the scaled products are capped by; ∞ if they are not.
    """

    query: Any
    key: Any
    value: Any
    bias: Any
    by: float
    seen: Any
    p: Any
    gap: Any
    summation: str = "any"
    moved: tuple[Any, Any, Any] | None = None
    cap: float = math.inf


def _transposed(x: Any) -> Any:
    return np.swapaxes(abs(x), -1, -2)


def score_error(of: Scores, work: Format) -> Any:
    """δ: by how much each score is off, and each exponential with it; derived at `attention_rounding`."""
    q, k = abs(of.query), abs(of.key)
    width = q.shape[-1]
    size = abs(of.by) * (q @ _transposed(k))
    lost = (q.sum(-1)[..., None] + k.sum(-1)[..., None, :] + width) * max(1.0, abs(of.by)) * work.smallest
    delta = gamma(width + 7, work.u) * size + lost
    if of.moved is not None:
        e_q, e_k, _ = of.moved
        moved = e_q @ _transposed(k) + q @ _transposed(e_k) + e_q @ _transposed(e_k)
        delta = delta + abs(of.by) * (1 + gamma(width + 7, work.u)) * moved
    if of.cap < math.inf:
        most = np.minimum(abs(of.by * (of.query @ np.swapaxes(of.key, -1, -2))) + delta, of.cap)
        own = work.u * ((2 * work.exp + 4) * most + 2 * size) + (2 + of.cap) * work.smallest
        delta = np.minimum(delta, 2 * of.cap) + own * _EVALUATED
    delta = delta + gamma(width + 7, work.u) * abs(of.bias)
    rescaled = 0 if of.summation == "pairwise" else of.p.shape[-1]
    return np.where(of.seen, delta + gamma(rescaled * (2 * work.exp + 2), work.u), 0.0)


def slope(of: Scores) -> Any:
    """The derivative of a capped score, 1/cosh² (s/c); 1 if there is no cap."""
    if math.isinf(of.cap):
        return 1.0
    with np.errstate(over="ignore"):
        return 1 / np.cosh(of.by * (of.query @ np.swapaxes(of.key, -1, -2)) / of.cap) ** 2


def slope_error(of: Scores, work: Format) -> Any:
    """By how much that is off; derived at `attention_vjp_rounding`."""
    uncapped = score_error(replace(of, cap=math.inf, summation="pairwise"), work)
    return np.minimum(uncapped / of.cap + work.smallest, 1.0) + (4 * work.exp + 6) * work.u


def _carried(of: Scores, work: Format) -> tuple[Any, Any, Any, Any]:
    """What δ does to a row: ω, the change of ln Σe^s, and η, that of ln p; probabilities and gaps from above."""
    delta = score_error(of, work)
    most = delta.max(-1, keepdims=True, initial=0.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        mean = np.log((of.p * np.exp(delta - most)).sum(-1, keepdims=True)) + most
    omega = np.where(of.seen.any(-1, keepdims=True), np.maximum(mean, 0.0), 0.0)
    eta = np.where(of.seen, delta + omega, 0.0)
    grown = of.p * np.exp(np.minimum(eta, 700.0))
    return omega, eta, grown, of.gap + delta + most


def _known(error: Any) -> Any:
    """∞ for 0 · ∞, of a bound that says nothing."""
    return np.where(np.isnan(error), np.inf, error)


def weight_error(of: Scores, work: Format) -> Any:
    """By how much each weight is off before it is stored; derived at `attention_rounding`."""
    _, eta, grown, gap = _carried(of, work)
    own = probability_error(grown, gap, of.summation, work)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(of.seen, _known((of.p * np.expm1(eta) + own) * _EVALUATED), 0.0)


def _mix_error(of: Scores, work: Format) -> tuple[Any, Any]:
    """The size of each output, Σ p|v|, and its error before it is stored."""
    error, v, keys = weight_error(of, work), abs(of.value), of.p.shape[-1]
    with np.errstate(over="ignore", invalid="ignore"):
        g = gamma(keys + 2, work.u)
        off = error @ v + g * ((of.p + error) @ v) + (keys + 2) * work.smallest
        if of.moved is not None:
            off = off + (of.p + error) @ of.moved[2]
    return of.p @ v, _known(off) * _EVALUATED


@tolerance
def attention_rounding(of: Scores, dtype: Any) -> Any:
    r"""The outputs of attention, $O = PV$ with $P = \mathrm{softmax}(cQK^\top + B)$.

    A score is a sum of d products, scaled once on either side or twice on both, and a bias: with at most d + 7
    roundings $\delta_{ij} = \gamma_{d+7}(c\,|q_i||k_j|^\top + |b_{ij}|)$, and λ for what underflows. Where exponentials
    are rescaled between blocks, each of at most n times multiplies them by $e^{m - m'}$: $\gamma_{n(2E+2)}$ more.
    A cap κ, itself rounded, adds the quotient s/κ, a tanh that is off by E ulp and a product. Its slope is at most 1,
    its values at most |s| and κ: δ without the bias becomes $\min(\delta, 2\kappa) + 2uc\,|q||k| +
    (2E + 4)u\min(|s| + \delta, \kappa)$, with 2λ for the product and κλ for the quotient.
    Scores that are off by δ change $\ln\sum e^s$ by at most $\omega = \ln\sum_j p_j e^{\delta_j}$, hence every
    weight by a factor $e^{\pm\eta_j}$ with $\eta_j = \delta_j + \omega$. On top comes softmax's own error
    (`softmax_rounding`) at weights $p e^\eta$ and gaps that much larger:
    $\rho_j = p_j(e^{\eta_j} - 1) + \Delta_j$. The product adds up n terms, divided before or after:
    $$|\hat O_c - O_c| \le \sum_j \rho_j|v_{jc}| + \gamma_{n+2}\sum_j (p_j + \rho_j)|v_{jc}| + (n + 2)\lambda$$
    Sixteen-bit results are computed in float32 and rounded once more.
    """
    size, error = _mix_error(of, work_format(dtype))
    return stored(size, error, dtype)


@tolerance
def weights_rounding(of: Scores, dtype: Any) -> Any:
    r"""The weights of attention: the $\rho_j$ of `attention_rounding`, and the rounding of 16-bit results."""
    return np.where(of.seen, stored(of.p, weight_error(of, work_format(dtype)), dtype), 0.0)


@tolerance
def weight_ratio(of: Scores, dtype: Any) -> Any:
    r"""The logarithm of the ratio of two weights: $-\ln(1 - \rho_1/p_1) - \ln(1 - \rho_2/p_2)$, and float64's own."""
    relative = stored(of.p, weight_error(of, work_format(dtype)), dtype) / of.p
    moved = -np.log1p(-np.minimum(relative, 1 - 2.0**-20)).sum(-1)
    own = score_error(of, work_format(np.float64)).sum(-1)
    return moved + own + 8 * 2.0**-53 * (1 + abs(np.log(of.p)).sum(-1))


def lse_exchange(value: Any, dtype: Any, roundings: int) -> Any:
    r"""What a log-sum-exp may be off by after so many changes of base or dtype, each of which rounds to `dtype`.

    A factor of $\ln 2$ or its reciprocal, itself rounded to float64, and the store: $u|\ell| + \lambda/2$, and
    $2^{-52}|\ell|$.
    """
    f, size = format_of(dtype), abs(np.asarray(value, np.float64))
    return roundings * ((f.u * (1 + 2.0**-10) + 2.0**-52) * size + f.smallest)


@tolerance
def lse_rounding(of: Scores, value: Any, dtype: Any, base: str = "e") -> Any:
    r"""The logarithm of a row's sum of exponentials, `value`: the ω of `attention_rounding`, e of `logsumexp_rounding`.

    The e is taken at weights and gaps that the δ may have grown; $\ln S$ itself grows by at most 2η, which the
    logarithm's own error sees. To the base 2, the result is rounded once more on its way back. Sixteen-bit results are
    computed in float32 and rounded once more.
    """
    work = work_format(dtype)
    omega, eta, grown, gap = _carried(of, work)
    _, own = log_sum_and_error(grown, gap, of.summation, work, whole=True)
    moved = omega[..., 0]
    error = own + moved + 8 * work.u * work.log * eta.max(-1, initial=0.0)
    error = stored(value, (error + work.u * (abs(value) + error)) * _EVALUATED, dtype)
    return error if base == "e" else error + lse_exchange(abs(value) + error, dtype, 1)


@tolerance
def total_weight(n: int, dtype: Any, summation: str = "any") -> Any:
    r"""The exact sum of the n weights of a row against 1: `sum_of_softmax`, $\gamma_{2n}$ more with rescaled blocks.

    Whatever numbers the exponentials are, the weights are these divided by their computed sum. Between blocks the
    numerators and the sum are multiplied by the same factor, each with a rounding of its own.
    """
    f, work = format_of(dtype), work_format(dtype)
    g = gamma(max(n - 1, 0) if summation == "pairwise" else 3 * n, work.u)
    error = (g + work.u) / (1 - g) + n * work.smallest
    return (error if f is work else error + f.u * (1 + error) + n * f.smallest) * _EVALUATED


@tolerance
def weighted_mean(most: Any, n: int, dtype: Any) -> Any:
    r"""A mean with weights that sum to 1 may leave the range of its n values by what the weights' sum is off.

    $\sum\hat p_j v_j$ lies within $\max|v|\,|\sum\hat p_j - 1|$ of the range, $|\sum \hat p_j - 1| \le \gamma_{4n}$
    (`total_weight`), and adding n products up adds $\gamma_{n+2}\max|v|$.
    """
    work = work_format(dtype)
    g = gamma(5 * n + 4, work.u)
    return stored(most, (g * most + (n + 2) * work.smallest) * _EVALUATED, dtype)


@tolerance
def plain_mean(size: Any, n: int, dtype: Any) -> Any:
    r"""The mean of n values with weights of 1/n: $\gamma_{4n+6}$ of the mean of $|v|$, `size`, and nλ.

    Equal scores give the exponential 1 exactly. The sum of n ones and its reciprocal round n times, rescaling between
    blocks 2n times, products and their sum n times.
    """
    work = work_format(dtype)
    return stored(size, (gamma(4 * n + 6, work.u) * size + (n + 2) * work.smallest) * _EVALUATED, dtype)


@tolerance
def one_winner(of: Scores, gap: Any, dtype: Any) -> Any:
    r"""The output against the value of the winner: `attention_rounding`, and the error of the gap g that was measured.

    The others have at most the share $(n - 1)e^{-g}$, g measured in float64 to within twice the largest δ of
    that format, which moves the share by a factor $e^{2\delta}$.
    """
    size, error = _mix_error(of, work_format(dtype))
    delta = score_error(of, work_format(np.float64)).max(-1, keepdims=True)
    share = (of.p.shape[-1] - 1) * np.exp(-gap) * np.expm1(2 * delta)
    span = np.ptp(of.value, -2)[..., None, :]
    return stored(size, error, dtype) + (share * span + 2.0**-50 * (size + span)) * _EVALUATED


@tolerance
def attention_vjp_rounding(g: Any, of: Scores, dtype: Any, group: int = 1, kept: tuple[Any, ...] = ()) -> Any:
    r"""The cotangents of query, key and value, one after the other; those of a key head add up over its `group`.

    With ρ of `attention_rounding` and $M = |\bar O||V|^\top$, the largest that $\bar P$ can be:
    $e_{\bar P} = \gamma_w M$, $e_D = \sum_j \rho_j M_j + \gamma_{n+w+2}\sum_j (p_j + \rho_j) M_j$ for
    $D_i = \sum_j p_j\bar P_j$, and
    $e_S = \rho\,|\bar P - D| + (p + \rho)(e_{\bar P} + e_D + \gamma_3(M + |D| + e_D))$ for
    $\bar S = P \circ (\bar P - D)$. A cap multiplies that by the slope $(1 - t)(1 + t)$ at the tanh t, which is
    $1/\cosh^2$: it moves by at most $\delta/\kappa$ with the score, by 2u as the quotient and the cap round, by 4Eu
    with the tanh, and rounds three times; the product with it rounds once. The products with K, Q and $\bar O$ add up
    n terms, or T for each of the group's heads: $c\,(e_S|K| + \gamma_{n+7}(|\bar S| + e_S)|K|)$, and so on. Every
    product may underflow by λ. Each is stored in the format that its array came in, `kept`.
    """
    work, g = work_format(dtype), np.asarray(g, np.float64)
    q, k, v, p, rho = abs(of.query), abs(of.key), abs(of.value), of.p, weight_error(of, work)
    keys, queries = p.shape[-1], p.shape[-2] * group
    most = abs(g) @ _transposed(v) + v.shape[-1] * work.smallest
    pulled = g @ np.swapaxes(of.value, -1, -2)
    total = (p * pulled).sum(-1, keepdims=True)
    e_total = (rho * most).sum(-1, keepdims=True) + keys * work.smallest
    e_total = e_total + gamma(keys + v.shape[-1] + 2, work.u) * ((p + rho) * most).sum(-1, keepdims=True)
    e_pulled = gamma(v.shape[-1], work.u) * most
    own = gamma(3, work.u) * (most + abs(total) + e_total)
    e_s = np.where(of.seen, rho * abs(pulled - total) + (p + rho) * (e_pulled + e_total + own) + 2 * work.smallest, 0)
    s = abs(p * (pulled - total)) + e_s
    if of.cap < math.inf:
        steep = slope(of) + slope_error(of, work)
        e_s = abs(p * (pulled - total)) * slope_error(of, work) + e_s * steep + 2 * work.u * s * steep + work.smallest
        s = s * steep

    def product(error: Any, size: Any, other: Any, terms: int, by: float) -> tuple[Any, Any]:
        lost = terms * (1 + abs(other).max(initial=0.0)) * max(1.0, by) * work.smallest
        return by * (size @ other), by * (error @ other + gamma(terms + 7, work.u) * (size @ other)) + lost

    parts = (
        product(e_s, s, k, keys, abs(of.by)),
        _over_group(product(_transposed(e_s), _transposed(s), q, queries, abs(of.by)), group),
        _over_group(product(_transposed(rho), _transposed(p + rho), abs(g), queries, 1.0), group),
    )
    stores = (_rounded_to(f, size, error * _EVALUATED, work) for f, (size, error) in zip(kept or (dtype,) * 3, parts,
              strict=True))  # fmt: skip
    return _known(np.concatenate([np.ravel(error) for error in stores]))


def _rounded_to(dtype: Any, size: Any, error: Any, work: Format) -> Any:
    """`error` and what storing a result in another format than that of the work adds."""
    f = format_of(dtype)
    return error if f is work else error + f.u * (size + error) + f.smallest / 2


def _over_group(parts: tuple[Any, Any], group: int) -> tuple[Any, Any]:
    """Added up over the query heads that share a key head."""
    if parts[0].ndim < 3:
        return parts
    shape = (*parts[0].shape[:-3], parts[0].shape[-3] // group, group, *parts[0].shape[-2:])
    size, error = (part.reshape(shape).sum(-3) for part in parts)
    return size, error


@tolerance
def merge_rounding(outputs: Any, shares: Any, errors: Any, lse_errors: Any, dtype: Any) -> Any:
    r"""Two partial results joined: `outputs`, true `shares`, `errors` of the outputs and of the log-sum-exps.

    A share $w = e^{\ell_a - \ell}$ is off by a factor $e^{\pm 2\tau}$, τ being the errors of both log-sum-exps, what
    rounding the difference adds (u of $-\ln w$) and $(8 + 4E)u$ for exp, the sum and the quotient:
    $\sum_s w_s\,(e_s + (e^{2\tau} - 1 + \gamma_8)(|O_s| + e_s))$.
    """
    work = work_format(dtype)
    tau = lse_errors[0] + lse_errors[1] + (8 + 4 * work.exp) * work.u
    error, size = np.zeros(np.shape(outputs[0])), np.zeros(np.shape(outputs[0]))
    for output, share, e in zip(outputs, shares, errors, strict=True):
        away = -np.log(np.maximum(share, 1e-300))
        moved = np.expm1(2 * tau + 2 * work.u * away)[..., None] + gamma(8, work.u)
        error = error + share[..., None] * (e + moved * (abs(output) + e)) + work.smallest * (1 + abs(output))
        size = size + share[..., None] * abs(output)
    return stored(size, error * _EVALUATED, dtype)


@tolerance
def merged_lse_rounding(lse: Any, shares: Any, lse_errors: Any, dtype: Any, base: str = "e") -> Any:
    r"""The log-sum-exp of two parts, from theirs (…, 2): `logsumexp_rounding`, and the larger of what they are off by.

    $|\ell - \ell'| \le \max_s |\ell_s - \ell'_s|$. To the base 2, the result is rounded once more on its way back.
    """
    moved = np.maximum(*np.broadcast_arrays(*lse_errors)) * (1 + 2 * format_of(dtype).u)
    error = logsumexp_rounding(lse, shares, dtype).values + moved
    value = np.where(np.isfinite(lse), abs(lse), 0.0).max(-1) + math.log(2) + error
    return error if base == "e" else error + lse_exchange(value, dtype, 1)


@tolerance
def projected(heads: Any, errors: Any, weight: Any, dtype: Any) -> Any:
    r"""What W_O makes of heads that are off by e: $e|W| + \gamma_n(|h| + e)|W|$, n terms, stored once."""
    work, w = work_format(dtype), abs(np.asarray(weight, np.float64))
    n = w.shape[0]
    size = (abs(heads) + errors) @ w
    return stored(size, (errors @ w + gamma(n, work.u) * size + n * work.smallest) * _EVALUATED, dtype)


def head_errors(of: Scores, dtype: Any) -> Any:
    """By how much the outputs of heads are off before they are mixed."""
    return _mix_error(of, work_format(dtype))[1]


@tolerance
def mean_square_of_normals(count: int, size: float, width: int, false_alarm: float) -> Any:
    r"""The mean of `count` squared standard normals against 1; each is a score, $\sum|q_ik_i|/\sqrt d$ ≤ `size`.

    $P(|\bar X - 1| \ge 2\sqrt{t/n} + 2t/n) \le 2e^{-t}$ (Laurent & Massart, 2000, doi:10.1214/aos/1015957395,
    lemma 1), so $t = \ln(2/\alpha)$. In float64 a score is off by $\gamma_{d+7}$ of its size, its square by at most
    three times that, times the size.
    """
    t = math.log(2 / false_alarm)
    return 2 * math.sqrt(t / count) + 2 * t / count + 3 * gamma(width + count + 7, 2.0**-53) * size**2


@tolerance
def variance_of_signs(width: int) -> Any:
    r"""The variance of scores of all signs, divided by √d: each is at most √d, off by $\gamma_{d+7}\sqrt d$ in float64.

    Its square is off by at most $3\gamma_{d+7}d$, that of the mean by no more; rounding the variance once adds u.
    """
    return 6 * gamma(width + 7, 2.0**-53) * width + 2.0**-53
