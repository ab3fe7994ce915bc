"""Wrong gates, on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant

Function = Callable[..., Any]


def _sigmoid(x: Any) -> Any:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def _passed(gate: Any, up: Any, alpha: float, beta: float) -> Any:
    g, u = (np.asarray(a, np.float64) for a in (gate, up))
    return (g * _sigmoid(alpha * g) * (u + beta)).astype(gate.dtype)


@mutant("swiglu", wraps=True)
def wrong_order(correct: Function) -> Function:
    """Takes what passes for the gate."""
    return lambda gate, up, **how: correct(up, gate, **how)


@mutant("swiglu")
def activated_up(gate: Any, up: Any, *, alpha: float = 1.0, beta: float = 0.0, limit: float | None = None) -> Any:
    """Applies the activation to both."""
    u = np.asarray(up, np.float64)
    u = u if limit is None else np.clip(u, -limit, limit)
    g = gate if limit is None else np.minimum(gate, limit)
    return _passed(g, u * _sigmoid(u), alpha, beta).astype(gate.dtype)


@mutant("swiglu")
def plain_glu(gate: Any, up: Any, *, alpha: float = 1.0, beta: float = 0.0, limit: float | None = None) -> Any:
    """Opens the gate by the sigmoid alone, as the first gated linear units did."""
    u = up if limit is None else np.clip(up, -limit, limit)
    g = gate if limit is None else np.minimum(gate, limit)
    return (_sigmoid(alpha * np.asarray(g, np.float64)) * (np.asarray(u, np.float64) + beta)).astype(gate.dtype)


@mutant("swiglu", wraps=True)
def limit_forgotten(correct: Function) -> Function:
    """Bounds nothing."""
    return lambda gate, up, **how: correct(gate, up, **{**how, "limit": None})


@mutant("swiglu", wraps=True)
def gate_bounded_below(correct: Function) -> Function:
    """Bounds the gate on both sides."""

    def wrong(gate: Any, up: Any, **how: Any) -> Any:
        limit = how.get("limit")
        return correct(gate if limit is None else np.maximum(gate, gate.dtype.type(-limit)), up, **how)

    return wrong


@mutant("swiglu")
def up_bounded_above(gate: Any, up: Any, *, alpha: float = 1.0, beta: float = 0.0, limit: float | None = None) -> Any:
    """Bounds what passes from above only, as the gate."""
    g, u = (gate, up) if limit is None else (np.minimum(gate, limit), np.minimum(up, limit))
    return _passed(g.astype(gate.dtype), u.astype(gate.dtype), alpha, beta)


@mutant("swiglu", wraps=True)
def beta_forgotten(correct: Function) -> Function:
    """Adds nothing to what passes."""
    return lambda gate, up, **how: correct(gate, up, **{**how, "beta": 0.0})


@mutant("swiglu", wraps=True)
def alpha_forgotten(correct: Function) -> Function:
    """Is no steeper than silu."""
    return lambda gate, up, **how: correct(gate, up, **{**how, "alpha": 1.0})


@mutant("swiglu")
def bounded_after(gate: Any, up: Any, *, alpha: float = 1.0, beta: float = 0.0, limit: float | None = None) -> Any:
    """Adds β before what passes is bounded."""
    u = np.asarray(up, np.float64) + beta
    g = gate if limit is None else np.minimum(gate, limit)
    return _passed(g, u if limit is None else np.clip(u, -limit, limit), alpha, 0.0).astype(gate.dtype)


@mutant("swiglu", wraps=True)
def tail_cut(correct: Function) -> Function:
    """Lets nothing through a gate below −5."""
    return lambda gate, up, **how: np.where(gate < -5, gate.dtype.type(0), correct(gate, up, **how))


@mutant("swiglu", wraps=True)
def one_leaks(correct: Function) -> Function:
    """Adds a little that does not depend on what passes."""

    def wrong(gate: Any, up: Any, **how: Any) -> Any:
        y = correct(gate, up, **how)
        return (y + np.asarray(gate, np.float64) / 64).astype(y.dtype)

    return wrong


@mutant("swiglu", wraps=True)
def up_squared(correct: Function) -> Function:
    """Multiplies by the square of what passes."""
    return lambda gate, up, **how: correct(gate, (up * abs(up)).astype(up.dtype), **how)


@mutant("geglu", wraps=True)
def geglu_wrong_order(correct: Function) -> Function:
    """Takes what passes for the gate."""
    return lambda gate, up, **how: correct(up, gate, **how)


@mutant("geglu", wraps=True)
def exact_for_all(correct: Function) -> Function:
    """Does not know the approximations."""
    return lambda gate, up, *, approximate="none": correct(gate, up)


@mutant("geglu")
def by_silu(gate: Any, up: Any, *, approximate: str = "none") -> Any:
    """Opens the gate by silu."""
    return _passed(gate, up, 1.0, 0.0)


# Derivatives.


@mutant("swiglu_vjp", wraps=True)
def cotangents_exchanged(correct: Function) -> Function:
    """Returns them in the wrong order."""
    return lambda g, gate, up, **how: correct(g, gate, up, **how)[::-1]


@mutant("swiglu_vjp", wraps=True)
def passes_beyond_the_limit(correct: Function) -> Function:
    """Sends cotangents back through numbers that were bounded."""

    def wrong(g: Any, gate: Any, up: Any, *, limit: float | None = None, **how: Any) -> Any:
        if limit is None:
            return correct(g, gate, up, **how)
        most = gate.dtype.type(limit)
        return correct(g, np.minimum(gate, most), np.clip(up, -most, most), **how)

    return wrong


@mutant("swiglu_vjp", wraps=True)
def gate_stopped_below(correct: Function) -> Function:
    """Stops the cotangent of a gate below −limit, which was not bounded."""

    def wrong(g: Any, gate: Any, up: Any, *, limit: float | None = None, **how: Any) -> Any:
        to_gate, to_up = correct(g, gate, up, limit=limit, **how)
        return (to_gate if limit is None else np.where(gate < -limit, to_gate.dtype.type(0), to_gate)), to_up

    return wrong


@mutant("swiglu_vjp", wraps=True)
def beta_not_in_the_slope(correct: Function) -> Function:
    """Forgets β in the cotangent of the gate."""
    return lambda g, gate, up, **how: (
        correct(g, gate, up, **{**how, "beta": 0.0})[0],
        correct(g, gate, up, **how)[1],
    )


@mutant("swiglu_vjp", wraps=True)
def share_alone(correct: Function) -> Function:
    """Takes the share of a gate for the slope."""

    def wrong(g: Any, gate: Any, up: Any, **how: Any) -> Any:
        to_gate, to_up = correct(g, gate, up, **how)
        return (np.asarray(g * up, np.float64) * _sigmoid(gate)).astype(to_gate.dtype), to_up

    return wrong


@mutant("geglu_vjp", wraps=True)
def slope_of_the_exact_one(correct: Function) -> Function:
    """Has one derivative for all approximations."""
    return lambda g, gate, up, *, approximate="none": correct(g, gate, up)


# gated_mlp


@mutant("gated_mlp", wraps=True)
def matrices_exchanged(correct: Function) -> Function:
    """Takes one matrix for the other."""
    return lambda x, gate, up, down, *, gate_bias=None, up_bias=None, **how: correct(
        x, up, gate, down, gate_bias=up_bias, up_bias=gate_bias, **how
    )


@mutant("gated_mlp", wraps=True)
def biases_forgotten(correct: Function) -> Function:
    """Adds no bias to the gates."""
    return lambda x, gate, up, down, **how: correct(x, gate, up, down, **{**how, "gate_bias": None})


@mutant("gated_mlp", wraps=True)
def bias_of_the_result_forgotten(correct: Function) -> Function:
    """Adds no bias at the end."""
    return lambda x, gate, up, down, **how: correct(x, gate, up, down, **{**how, "down_bias": None})


@mutant("gated_mlp", wraps=True)
def always_silu(correct: Function) -> Function:
    """Has one activation."""
    return lambda x, gate, up, down, **how: correct(x, gate, up, down, **{**how, "activation": "silu"})


@mutant("gated_mlp", wraps=True)
def tanh_for_exact(correct: Function) -> Function:
    """Takes the approximation by tanh for GELU."""

    def wrong(x: Any, gate: Any, up: Any, down: Any, **how: Any) -> Any:
        exact = how.get("activation") == "gelu"
        return correct(x, gate, up, down, **({**how, "activation": "gelu_pytorch_tanh"} if exact else how))

    return wrong


@mutant("gated_mlp", wraps=True)
def first_unit_counts_less(correct: Function) -> Function:
    """Halves the first hidden unit."""

    def wrong(x: Any, gate: Any, up: Any, down: Any, **how: Any) -> Any:
        down = down.copy()
        down[:1] /= 2
        return correct(x, gate, up, down, **how)

    return wrong


@mutant("gated_mlp", wraps=True)
def last_unit_lost(correct: Function) -> Function:
    """Loses the last of an odd number of hidden units."""

    def wrong(x: Any, gate: Any, up: Any, down: Any, **how: Any) -> Any:
        if len(down) % 2 == 0:
            return correct(x, gate, up, down, **how)
        down = down.copy()
        down[-1:] = 0
        return correct(x, gate, up, down, **how)

    return wrong


@mutant("gated_mlp", wraps=True)
def rows_touch(correct: Function) -> Function:
    """Adds 0 times the sum of all rows: one NaN reaches every row."""

    def wrong(x: Any, *matrices: Any, **how: Any) -> Any:
        with np.errstate(invalid="ignore", over="ignore"):
            return correct((x + x.dtype.type(0) * x.sum()).astype(x.dtype), *matrices, **how)

    return wrong


@mutant("gated_mlp", wraps=True)
def any_shape(correct: Function) -> Function:
    """Cuts what does not fit."""

    def wrong(x: Any, gate: Any, up: Any, down: Any, **how: Any) -> Any:
        try:
            return correct(x, gate, up, down, **how)
        except ValueError:
            return np.zeros((*np.shape(x)[:-1], np.shape(down)[-1]))

    return wrong


@mutant("gated_mlp_vjp", wraps=True)
def gate_not_in_x(correct: Function) -> Function:
    """Leaves what comes back through the gate out of the cotangent of x."""

    def wrong(g: Any, x: Any, gate: Any, up: Any, down: Any, **how: Any) -> Any:
        bars = correct(g, x, gate, up, down, **how)
        rows = np.asarray(x, np.float64).reshape(-1, gate.shape[0])
        h_part = np.asarray(bars[1], np.float64)
        lost = (rows @ h_part) @ np.asarray(gate, np.float64).T if rows.size else 0 * rows
        return (np.asarray(bars[0] - lost.reshape(bars[0].shape)).astype(bars[0].dtype), *bars[1:])

    return wrong


@mutant("gated_mlp_vjp", wraps=True)
def rows_beyond_the_first_lost(correct: Function) -> Function:
    """Takes the gradient of the third matrix from the first row alone."""

    def wrong(g: Any, x: Any, gate: Any, up: Any, down: Any, **how: Any) -> Any:
        bars = correct(g, x, gate, up, down, **how)
        first = correct(g[:1], x[:1], gate, up, down, **how) if x.ndim > 1 else bars
        return (*bars[:3], first[3], *bars[4:])

    return wrong


# Of any of them.


def tail_untouched(correct: Function) -> Function:
    """Leaves the last numbers at 1 where their count is no multiple of four: a loop without a tail."""

    def change(y: Any) -> Any:
        flat = np.array(y).ravel()
        flat[flat.size - flat.size % 4 :] = 1
        return flat.reshape(np.shape(y))

    return lambda *arrays, **how: _each(change, correct(*arrays, **how))


def one_block_done(correct: Function) -> Function:
    """Returns 0 past the first 16,384 numbers."""

    def change(y: Any) -> Any:
        flat = np.array(y).ravel()
        flat[2**14 :] = 0
        return flat.reshape(np.shape(y))

    return lambda *arrays, **how: _each(change, correct(*arrays, **how))


def all_touch(correct: Function) -> Function:
    """Adds 0 times the sum of everything: one NaN reaches every number."""

    def wrong(*arrays: Any, **how: Any) -> Any:
        with np.errstate(invalid="ignore", over="ignore"):
            nothing = 0 * np.sum(arrays[-1].astype(np.float64))
            return _each(lambda y: (y + nothing).astype(y.dtype), correct(*arrays, **how))

    return wrong


def _each(change: Function, answer: Any) -> Any:
    return tuple(map(change, answer)) if isinstance(answer, tuple) else change(answer)
