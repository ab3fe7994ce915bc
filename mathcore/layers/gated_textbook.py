"""The textbook's gates, on Arb balls: what passes, and its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mathcore.layers.activation_textbook import FORMULAS, _pi, _root, _share_below, _sigmoid

KIND_OF = {"silu": "silu", "gelu": "none", "gelu_pytorch_tanh": "tanh", "quick_gelu": "quick"}
"""Activation of a configuration → kind of `activation_textbook`."""


def opened(kind: str, x: Any, alpha: float = 1.0) -> Any:
    """The activation; of "silu" x σ(αx)."""
    return FORMULAS[kind](x) if kind != "silu" else x * _sigmoid(x * alpha)


def _bell(x: Any) -> Any:
    return np.exp(-x * x / 2) / (_pi() * 2).sqrt()


def _steepness(kind: str, alpha: float) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """y and y′ of x σ(y)."""
    if kind == "tanh":
        by, cube = _root(2) * 2 / _pi().sqrt(), 44_715
        return (
            lambda x: (x + x * x * x * cube / 1_000_000) * by,
            lambda x: (1 + x * x * 3 * cube / 1_000_000) * by,
        )
    if kind == "quick":
        return lambda x: x * 1702 / 1000, lambda x: 0 * x + _root(1) * 1702 / 1000
    return lambda x: x * alpha, lambda x: 0 * x + alpha


def slope(kind: str, x: Any, alpha: float = 1.0) -> Any:
    """The derivative of the activation."""
    if kind == "none":
        return _share_below(x) + x * _bell(x)
    y, steep = _steepness(kind, alpha)
    return _sigmoid(y(x)) * (1 + x * steep(x) * _sigmoid(-y(x)))


def at_most(x: Any, limit: float | None) -> Any:
    """The lesser of a number and the limit."""
    return x if limit is None else _each(lambda v: v if v < limit else 0 * v + limit, x)


def between(x: Any, limit: float | None) -> Any:
    """A number brought between −limit and limit."""
    return x if limit is None else -at_most(-at_most(x, limit), limit)


def _inside(x: Any, limit: float | None) -> Any:
    """1 up to the limit, 0 beyond it."""
    return 1 if limit is None else _each(lambda v: int(not v > limit), x)


def _each(function: Callable[[Any], Any], x: Any) -> Any:
    """A function of every number; NumPy hands the only one of an array without axes over as it is."""
    return np.frompyfunc(function, 1, 1)(x)


def passed(
    gate: Any, up: Any, kind: str = "silu", alpha: float = 1.0, beta: float = 0.0, limit: float | None = None
) -> Any:
    """s(min(g, L)) (clip(u) + β)."""
    return opened(kind, at_most(gate, limit), alpha) * (between(up, limit) + beta)


def pulled(
    g: Any,
    gate: Any,
    up: Any,
    kind: str = "silu",
    alpha: float = 1.0,
    beta: float = 0.0,
    limit: float | None = None,
) -> tuple[Any, Any]:
    """The cotangents of the gate and of `up`."""
    held, through = at_most(gate, limit), between(up, limit) + beta
    to_gate = g * through * slope(kind, held, alpha) * _inside(gate, limit)
    return to_gate, g * opened(kind, held, alpha) * _inside(up, limit) * _inside(-up, limit)


Arrays = Mapping[str, Any]
"""The arrays of a gated MLP by name, those that are None left out."""


def hidden(arrays: Arrays) -> tuple[Any, Any]:
    """x W_g + b_g and x W_u + b_u."""
    x = arrays["x"]
    return (
        x @ arrays["gate"] + arrays.get("gate_bias", 0),
        x @ arrays["up"] + arrays.get("up_bias", 0),
    )


def mlp(arrays: Arrays, **how: Any) -> Any:
    """The layer."""
    return passed(*hidden(arrays), **how) @ arrays["down"] + arrays.get("down_bias", 0)


def mlp_pulled(g: Any, arrays: Arrays, **how: Any) -> dict[str, Any]:
    """The cotangents of all arrays by name; x is (rows, inputs)."""
    h, u = hidden(arrays)
    x, ones = arrays["x"], np.ones(len(g), int)
    a = passed(h, u, **how)
    h_bar, u_bar = pulled(g @ arrays["down"].T, h, u, **how)
    return {
        "x": h_bar @ arrays["gate"].T + u_bar @ arrays["up"].T,
        "gate": x.T @ h_bar,
        "up": x.T @ u_bar,
        "down": a.T @ g,
        "gate_bias": ones @ h_bar,
        "up_bias": ones @ u_bar,
        "down_bias": ones @ g,
    }
