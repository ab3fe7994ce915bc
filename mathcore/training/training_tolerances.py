r"""What rounding may do to a predictor of neighbours and to the steps of its training.

Notation as in `mathcore.verify.tolerances`. E are the vectors of words, W the weight vectors as columns,
$e_k = E_{w_k}$ the vector of the k-th of n words, $z_k = e_k W$ its scores, $p_k$ their softmax and
$r_k = (p_k - [j = y_k])/n$ the gradient at the scores.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.probability.cross_entropy_tolerances import cross_entropy_rounding, cross_entropy_vjp_rounding
from mathcore.verify.tolerances import dot_product, format_of, gamma, magnitude, tolerance, work_format


def softmax_of(scores: Any) -> Any:
    """The distribution of rows of scores, good to the last bits of float64: enough to evaluate a bound."""
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _forward(params: Any, words: Any, neighbours: Any, dtype: Any) -> tuple[Any, ...]:
    """e, W, z, p, the wanted one-hot rows, and by how much a score of each row may be off, (n, 1)."""
    e, w = (np.asarray(x, np.float64) for x in (params["embedding"][words], params["output"]))
    z = e @ w
    off = dot_product(magnitude(e, w), len(w), dtype).values.max(-1, initial=0.0)[:, None]
    return e, w, z, softmax_of(z), np.eye(w.shape[1])[neighbours], off


@tolerance
def neighbour_loss_rounding(params: Any, words: Any, neighbours: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The mean surprise $\ell = -\frac1n\sum_k \ln p_{k y_k}$.

    A score is off by at most $\delta_k$, the error of a dot product. The loss of a row has the gradient
    $p - [j = y]$, whose absolute sum is at most 2, so it moves by at most $2\delta_k$; computed from the scores that
    came out it carries the error of cross-entropy (evaluated 1 % larger, for those scores are not exactly these).
    """
    _, _, z, p, _, off = _forward(params, words, neighbours, dtype)
    own = cross_entropy_rounding(z, p, neighbours, dtype, summation).values
    return 2 * off.mean() * 1.01 + own * 1.01


def _score_gradient(params: Any, words: Any, neighbours: Any, dtype: Any, summation: str) -> tuple[Any, ...]:
    """e, W, r and the error of r; derived at `vector_gradient_rounding`."""
    e, w, z, p, wanted, off = _forward(params, words, neighbours, dtype)
    n = len(e)
    scale = np.full((n, 1), 1 / n)
    own = cross_entropy_vjp_rounding(scale, z, p, wanted, dtype, summation).values
    return e, w, (p - wanted) / n, (scale * off * 1.01 + own * 1.01)


@tolerance
def vector_gradient_rounding(params: Any, words: Any, neighbours: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The gradient $\bar E_i = \sum_{k\,:\,w_k = i} r_k W^\top$ of the vectors of words.

    Scores that are off by at most $\delta_k$ move $p_k$ by at most $\delta_k$ (no row of softmax's Jacobian has an
    absolute sum above ½), so r is off by $\rho_k = \delta_k/n$ and by what cross-entropy's VJP adds. The product with
    $W^\top$ makes of it $\rho_k|W|^\top$ and adds $\gamma_{V+1}$ of $(|r_k| + \rho_k)|W|^\top$; the sum over the
    occurrences of a word adds $\gamma_n$ of what is summed.
    """
    _, w, r, rho = _score_gradient(params, words, neighbours, dtype, summation)
    size = (abs(r) + rho) @ abs(w).T  # (n, width)
    off = rho @ abs(w).T + dot_product(size, w.shape[1], dtype).values
    total, lost = np.zeros(params["embedding"].shape), np.zeros(params["embedding"].shape)
    np.add.at(total, words, size + off)
    np.add.at(lost, words, off)
    return lost + gamma(len(r), work_format(dtype).u) * total


@tolerance
def weight_gradient_rounding(params: Any, words: Any, neighbours: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The gradient $\bar W = \sum_k e_k^\top r_k$ of the weight vectors.

    With the $\rho$ of `vector_gradient_rounding`: $|e|^\top\rho$, and the error of a sum of n products.
    """
    e, _, r, rho = _score_gradient(params, words, neighbours, dtype, summation)
    return abs(e).T @ rho + dot_product(abs(e).T @ (abs(r) + rho), len(r), dtype).values


@tolerance
def sum_of_error(others: Any, n: int) -> Any:
    r"""The sum of n numbers whose magnitudes sum to $2(1 - p_y)$, formed in float64.

    $1 - p_y$ is formed from n probabilities that are good to 8 roundings: $\gamma_{2n + 8}\,2(1 - p_y)$ in all.
    """
    return gamma(2 * n + 8, 2.0**-53) * 2 * np.asarray(others, np.float64)


@tolerance
def step_rounding(param: Any, rate: float, gradient: Any, dtype: Any) -> Any:
    r"""One step $\theta - \alpha g$, α rounded to the format of the work: α, the product and the difference round once.

    $\gamma_3|\alpha g| + u\,(|\theta| + |\alpha g|) + 2\lambda$; results stored in 16 bits are rounded once more.
    """
    f, work = format_of(dtype), work_format(dtype)
    moved = abs(rate * np.asarray(gradient, np.float64))
    value = abs(np.asarray(param, np.float64)) + moved
    error = gamma(3, work.u) * moved + work.u * value * (1 + 8 * work.u) + 2 * work.smallest
    return error if f is work else error + f.u * (value + error) + f.smallest / 2


def _after_step(params: Any, word: int, neighbour: int, rate: float, summation: str) -> tuple[Any, ...]:
    """e', W' after a step on one pair in float64, and by how much each may be off.

    A gradient may be off by its own tolerance, which α multiplies; the step then rounds as `step_rounding` says.
    """
    words, neighbours, f = np.array([word]), np.array([neighbour]), np.float64
    e, w, _, p, wanted, _ = _forward(params, words, neighbours, f)
    r = (p - wanted)[0]
    slope_e, slope_w = w @ r, np.outer(e[0], r)
    off_e = vector_gradient_rounding(params, words, neighbours, f, summation).values[word]
    off_w = weight_gradient_rounding(params, words, neighbours, f, summation).values
    moved_e = rate * off_e + step_rounding(e[0], rate, abs(slope_e) + off_e, f).values
    moved_w = rate * off_w + step_rounding(w, rate, abs(slope_w) + off_w, f).values
    return e[0] - rate * slope_e, w - rate * slope_w, moved_e, moved_w


def _scores_off(e: Any, w: Any, off_e: Any, off_w: Any) -> Any:
    """By how much e · w may be off for each column of W, if e and W are."""
    return 1.01 * (abs(e) @ off_w + off_e @ (abs(w) + off_w))


@tolerance
def loss_after_step_rounding(params: Any, word: int, neighbour: int, rate: float, summation: str = "any") -> Any:
    r"""The loss of a pair after a step on it.

    If e' is off by $\delta$ and W' by $\Delta$, a score is off by at most
    $|e'|\,\Delta + \delta\,(|W'| + \Delta)$, and the loss by twice the largest of these. Computed from what came out it
    carries the error of the loss itself. All of it is taken 1 % larger, for e' and W' are evaluated in floats.
    """
    e, w, off_e, off_w = _after_step(params, word, neighbour, rate, summation)
    vectors = np.array(params["embedding"], np.float64)
    vectors[word] = e
    own = neighbour_loss_rounding(
        {"embedding": vectors, "output": w}, np.array([word]), np.array([neighbour]), np.float64, summation
    )
    return 2 * _scores_off(e, w, off_e, off_w).max() + own.values * 1.01


@tolerance
def alignment_rounding(params: Any, word: int, neighbour: int, rate: float, summation: str = "any") -> Any:
    r"""The dot product $e' \cdot w'_y$ after a step on a pair.

    What the step is off by, as for the loss, and the sum of d products,
    $\gamma_d(|e'| + \delta)\cdot(|w'_y| + \Delta)$.
    """
    e, w, off_e, off_w = _after_step(params, word, neighbour, rate, summation)
    column, off = w[:, neighbour], off_w[:, neighbour]
    size = (abs(e) + off_e) @ (abs(column) + off)
    return _scores_off(e, w, off_e, off_w)[neighbour] + gamma(len(e), 2.0**-53) * size * 1.01


@tolerance
def adam_rounding(start: Any, rate: float, steps: int, dtype: Any) -> Any:
    r"""The place after t steps of Adam along one gradient g, each of true length $\alpha|g|/(|g| + \epsilon)$.

    $m_t = g(1 - \beta_1^t)$ is a sum of terms of one sign, each of which meets at most 3 roundings a step: it is off by
    $\gamma_{3t+2}$ of itself; $v_t$ likewise by $\gamma_{5t+3}$, of which the root takes half. The quotients, the root,
    ε and α add 12 roundings. $1 - \beta^t$ is computed from a power that is off by tu, at most $tu/(1 - \beta)$ of the
    difference: 10tu and, after the root, 500tu for β up to 0.9 and 0.999, in the format of the work at worst. So a step
    is off by $\gamma_{6t+16}$ of α and $510t$ roundings more; the steps add up, and each difference rounds once more:
    $u(|\theta| + t\alpha)$.
    """
    u = work_format(dtype).u
    along = sum(gamma(6 * t + 16, u) + gamma(520 * t, u) for t in range(1, steps + 1))
    return rate * along + steps * u * (abs(np.asarray(start, np.float64)) + steps * rate) * 1.01


@tolerance
def adam_steps_rounding(
    start: Any, came: Any, dtype: Any, rate: float, beta1: float, beta2: float, epsilon: float, decay: float
) -> Any:
    r"""The place after steps of Adam along the gradients that `came`, pairs of t and g.

    $m_t$ is a sum in which every term meets at most 3 roundings a step and 2 more, so it is off by $\gamma_{3t+2}$ of
    $M_t$, the same sum of magnitudes; $v_t$, whose terms have one sign, by $\gamma_{5t+3}$ of itself, of which the root
    takes half. A power that is off by $\gamma_{t+2}$ makes $1 - \beta^t$ off by $\gamma_{t+2}/(1 - \beta)$ of itself
    at most, also where it is computed in the format of the work. Since $1 - \beta^t \ge t(1 - \beta)\beta^{t-1}$, it
    takes a t-th of that. The rest is room for the weights $1 - \beta$ of a β that was rounded, off by $u/(1 - \beta)$,
    and for powers that are products of t such β, off by $\gamma_{2t-1}$. The quotients, the root, ε and α add 12
    roundings. So a step, at most $\alpha|s|$ with
    $|s| = M_t/(1 - \beta_1^t)/(\sqrt{v_t/(1 - \beta_2^t)} + \epsilon)$, is off by

    $$\alpha|s|\,\big(\gamma_{3t+14} + \gamma_{t+2}/(1 - \beta_1) + \tfrac12\gamma_{5t+3}
      + \tfrac12\gamma_{t+2}/(1 - \beta_2)\big)$$

    and its decay and the difference by 6 roundings of $|\theta| + \alpha(|s| + \lambda|\theta|)$. Errors add up: a step
    multiplies what was off before by $1 - \alpha\lambda$. All of it is taken 1 % larger, for it is evaluated in floats.
    """
    u = work_format(dtype).u
    place, error = abs(np.asarray(start, np.float64)), np.zeros(np.shape(start))
    mean = square = np.zeros(np.shape(start))
    lost = decay if np.ndim(start) > 1 else 0.0
    for t, gradient in came:
        g = abs(np.asarray(gradient, np.float64))
        mean, square = beta1 * mean + (1 - beta1) * g, beta2 * square + (1 - beta2) * g * g
        step = rate * mean / (1 - beta1**t) / (np.sqrt(square / (1 - beta2**t)) + epsilon)
        powers = gamma(t + 2, u) / (1 - beta1) + gamma(t + 2, u) / (1 - beta2) / 2
        error = error + step * (gamma(3 * t + 14, u) + gamma(5 * t + 3, u) / 2 + powers)
        place = place + step + rate * lost * place
        error = error + gamma(6, u) * (place + error)
    return 1.01 * error


@tolerance
def schedule_rounding(peak: float) -> Any:
    r"""A rate on the way up or down, $\frac\alpha2(1 + \cos x)$ with $0 \le x \le \pi$.

    x is off by $\gamma_4$ of itself, at most $4\pi u(1 + 5u)$ rad, and the cosine by as much and 1 ulp (2u); the sum,
    the quotient and the product round once each: at most $(4\pi + 2 + 6)u$ of α, which 21u covers. On the way up
    there are two roundings.
    """
    return 21 * 2.0**-53 * abs(peak)
