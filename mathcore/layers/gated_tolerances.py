"""What rounding may do to gates, and to a gated MLP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mathcore.layers.activation_textbook import parts
from mathcore.layers.activation_tolerances import EXPONENT, activation_rounding, activation_vjp_rounding
from mathcore.verify.tolerances import EVALUATED, Format, gamma, stored, tolerance, work_format


def _wide(*arrays: Any) -> tuple[Any, ...]:
    return tuple(np.asarray(a, np.float64) for a in arrays)


def _work_dtype(dtype: Any) -> Any:
    return np.float32 if np.dtype(dtype).itemsize == 2 else dtype


def _clamped(gate: Any, up: Any, beta: float, limit: float | None) -> tuple[Any, Any]:
    g, u = _wide(gate, up)
    return (g, u + beta) if limit is None else (np.minimum(g, limit), np.clip(u, -limit, limit) + beta)


def _as_quick(kind: str, g: Any, alpha: float) -> tuple[str, Any, float]:
    """xσ(αx) as 1.702/α times the quick GELU of αx/1.702, whose exponent takes three roundings, α's own among them."""
    return (kind, g, 1.0) if alpha == 1 else ("quick", g * (alpha / 1.702), 1.702 / alpha)


@tolerance
def gate_rounding(
    gate: Any,
    up: Any,
    dtype: Any,
    kind: str = "silu",
    alpha: float = 1.0,
    beta: float = 0.0,
    limit: float | None = None,
    tails: str = "absolute",
) -> Any:
    r"""$y = s\,w$ with the activation s of the gate, off by δ (`activation_rounding`), and $w = u + \beta$.

    The limit is a number of the format, so bounding rounds nothing. The sum and the product round once each:
    $\delta|w|(1 + \gamma_2) + \gamma_2|s||w|$, and $\lambda(1 + |w|)$ for what underflows.
    $x\,\sigma(\alpha x)$ is $1.702/\alpha$ times the quick GELU of $\alpha x/1.702$.
    """
    work = work_format(dtype)
    g, w = _clamped(gate, up, beta, limit)
    s, off = _opened(kind, g, alpha, dtype, tails)
    two = gamma(2, work.u)
    error = off * abs(w) * (1 + two) + two * abs(s * w) + work.smallest * (1 + abs(w))
    return stored(s * w, error * EVALUATED, dtype)


def _opened(kind: str, g: Any, alpha: float, dtype: Any, tails: str) -> tuple[Any, Any]:
    """The activation in float64, and what it may be off by."""
    kind, v, scale = _as_quick(kind, g, alpha)
    off = activation_rounding(kind, v, _work_dtype(dtype), tails)
    return parts(kind, v).value * scale, off.values * scale


@tolerance
def gate_vjp_rounding(
    g: Any,
    gate: Any,
    up: Any,
    dtype: Any,
    kind: str = "silu",
    alpha: float = 1.0,
    beta: float = 0.0,
    limit: float | None = None,
    tails: str = "absolute",
) -> Any:
    r"""$\bar g = \bar y\,w\,s'$ and $\bar u = \bar y\,s$, one after the other, as `gate_rounding`.

    s′ is off by δ′ (`activation_vjp_rounding`), the products and $w = u + \beta$ round three times:
    $|\bar y|(\delta'|w|(1 + \gamma_3) + \gamma_3|w\,s'|)$; and once: $|\bar y|(\delta + u(|s| + \delta))$.
    """
    work = work_format(dtype)
    c, (held, w) = np.asarray(g, np.float64), _clamped(gate, up, beta, limit)
    s, off = _opened(kind, held, alpha, dtype, tails)
    alike, v, _ = _as_quick(kind, held, alpha)
    steep = parts(alike, v).slope
    off_steep = activation_vjp_rounding(alike, np.ones_like(v), v, _work_dtype(dtype), tails).values
    three, lost = gamma(3, work.u), work.smallest * (1 + abs(c)) * (1 + abs(w)) * 2
    to_gate = abs(c) * (off_steep * abs(w) * (1 + three) + three * abs(w * steep)) + lost
    to_up = abs(c) * (off + work.u * (abs(s) + off)) + lost
    both = (c * w * steep, to_gate), (c * s, to_up)
    return np.stack([stored(value, error * EVALUATED, dtype) for value, error in both])


# A gated MLP: bounds on magnitudes and errors, number by number, are carried through every step.

Bound = tuple[Any, Any]


def _exact(x: Any) -> Bound:
    m = abs(np.asarray(x, np.float64))
    return m, np.zeros_like(m)


def _sums(a: Bound, b: Bound, work: Format, more: Bound | None = None) -> Bound:
    """Sums of products, and one more term."""
    (m, e), (n, d), k = a, b, a[0].shape[-1]
    size, carried = m @ n, e @ (n + d) + m @ d
    if more is not None:
        size, carried = size + more[0], carried + more[1]
    g = gamma(k + 1, work.u)
    return size, carried + g * (size + carried) + k * work.smallest * (1 + g)


def _product(a: Bound, b: Bound, work: Format) -> Bound:
    (m, e), (n, d) = a, b
    off = e * (n + d) + m * d
    return m * n, off + work.u * (m * n + off) + work.smallest


def _added(a: Bound, b: Bound, work: Format) -> Bound:
    size, off = a[0] + b[0], a[1] + b[1]
    return size, off + work.u * (size + off)


def _of_activation(h: Bound, kind: str, alpha: float, work: Format) -> tuple[Bound, Bound]:
    """s and s′ of what is off itself; derived at `gated_mlp_rounding`."""
    (m, e), k = h, max(EXPONENT.values())
    z, base = m + e, 2 * work.exp + 4
    lost = (1 + z) * (work.smallest + 1 / work.most) * 2
    s = 1.13 * e + 1.01 * work.u * (3 * work.exp + 12 + 0.28 * k) * z + lost
    growth = {"none": 0 * z, "tanh": z * (1.6 + 0.22 * z * z), "quick": 1.702 * z}.get(kind, alpha * z)
    steep = base * (1 + 4 * np.minimum(growth, 135)) + 1.01 * (1.6 * (2 * work.exp + 15) + 2 * k + 13)
    return (m, s), (np.full_like(m, 1.13), max(0.9, alpha / 2) * e + work.u * steep + lost)


def _hidden(arrays: Mapping[str, Any], beta: float, work: Format) -> tuple[Bound, Bound]:
    """h and u + β."""
    x = _exact(arrays["x"])
    h, u = (
        _sums(x, _exact(arrays[name]), work, _exact(arrays[f"{name}_bias"]) if f"{name}_bias" in arrays else None)
        for name in ("gate", "up")
    )
    return h, _added(u, _exact(beta), work)


@tolerance
def gated_mlp_rounding(
    arrays: Mapping[str, Any],
    dtype: Any,
    kind: str = "silu",
    alpha: float = 1.0,
    beta: float = 0.0,
    limit: float | None = None,  # noqa: ARG001  (no error grows by bounding)
) -> Any:
    r"""A bound m on each magnitude and e on its error are carried through two layers, the gate and the third layer.

    A sum of k products and a bias: e and d the errors of the factors, $e(n + d) + m\,d$ come in and
    $\gamma_{k+1}$ of the sum of magnitudes is added (`dot_product`). Bounding by a limit enlarges nothing.

    The activation of $h$, which is off by e: no slope exceeds 1.13, and at a point z it rounds by at most
    $u(3E + 12 + 0.28k)z$: so much is `activation_rounding` with absolute tails, since there the share q is at most 1/2
    and $qy \le 0.28$ for all exponents y that take k roundings; 1 % more covers products of roundings.
    The product of both rounds once. Results in 16 bits are rounded once more.
    """
    work = work_format(dtype)
    h, w = _hidden(arrays, beta, work)
    a = _product(_of_activation(h, kind, alpha, work)[0], w, work)
    bias = _exact(arrays["down_bias"]) if "down_bias" in arrays else None
    size, error = _sums(a, _exact(arrays["down"]), work, bias)
    return stored(size, error * EVALUATED, dtype)


@tolerance
def gated_mlp_vjp_rounding(
    name: str,
    g: Any,
    arrays: Mapping[str, Any],
    dtype: Any,
    kind: str = "silu",
    alpha: float = 1.0,
    beta: float = 0.0,
    limit: float | None = None,
) -> Any:
    r"""The cotangent of one array, carried through as for `gated_mlp_rounding`, in any order of the sums over rows.

    The slope of the activation changes by no more than $\max(0.9, \alpha/2)$ of what h is off by, and rounds by at
    most $u\big((2E + 4)(1 + 4zy') + 1.6(2E + 15) + 2k + 13\big)$, as `activation_vjp_rounding`: the part that falls is
    at most 1.6, y times it at most 2, and beyond $zy' = 135$ tails that round have become 0. Where h, or u, comes so
    near to a limit that rounding may carry it across, its cotangent may also be 0, or not.
    """
    work, c = work_format(dtype), _exact(g)
    h, w = _hidden(arrays, beta, work)
    u = _hidden(arrays, 0.0, work)[1]
    s, steep = _of_activation(h, kind, alpha, work)
    a_bar = _sums(c, _exact(np.asarray(arrays["down"]).T), work)
    h_bar, u_bar = _product(_product(a_bar, w, work), steep, work), _product(a_bar, s, work)
    if limit is not None:
        h_bar, u_bar = _across(h_bar, arrays, "gate", h[1], limit), _across(u_bar, arrays, "up", u[1], limit)
    x, rows = _exact(arrays["x"]), len(c[0])
    ones = _exact(np.ones((1, rows)))

    def turned(b: Bound) -> Bound:
        return b[0].T, b[1].T

    if name == "x":
        through_gate, through_up = (
            _sums(bar, turned(_exact(arrays[part])), work) for bar, part in ((h_bar, "gate"), (u_bar, "up"))
        )
        size, error = _added(through_gate, through_up, work)
    elif name.endswith("_bias"):
        of = {"gate_bias": h_bar, "up_bias": u_bar, "down_bias": c}[name]
        size, error = (part[0] for part in _sums(ones, of, work))
    else:
        before, after = {"gate": (x, h_bar), "up": (x, u_bar), "down": (_product(s, w, work), c)}[name]
        size, error = _sums(turned(before), after, work)
    return stored(size, error * EVALUATED, dtype)


def _across(bar: Bound, arrays: Mapping[str, Any], name: str, off: Any, limit: float) -> Bound:
    """A cotangent that may be 0 or not where rounding decides it."""
    y = np.asarray(arrays["x"], np.float64) @ np.asarray(arrays[name], np.float64)
    y = y + np.asarray(arrays.get(f"{name}_bias", 0.0), np.float64)
    near = abs((abs(y) if name == "up" else y) - limit) <= 2 * off
    return bar[0], bar[1] + np.where(near, bar[0], 0.0)
