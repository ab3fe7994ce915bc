"""What is timed: one case a line of the table, each with all the contenders that are installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import mathcore as mc
from benchmarks.peers import F, jax, jnp, sp, torch

Call = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        name: what it does, on what.
        contenders: makes the arrays, and one call a contender.
        repeat: calls to a timing, for those too short to time.
        sweep, size: the line of a plot that this is a point of, and where it stands on it.
    """

    name: str
    contenders: Callable[[], dict[str, Call]]
    repeat: int = 1
    sweep: str = ""
    size: int = 0


def _normal(*shape: int, dtype: Any = np.float32) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


def _naive_softmax(x: Any, axis: int) -> Any:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _of_rows(name: str, shape: tuple[int, ...], axis: int = -1, dtype: Any = np.float32, repeat: int = 1) -> Case:
    """softmax, log_softmax or logsumexp along an axis."""
    formulas: dict[str, Callable[..., Any]] = {
        "softmax": _naive_softmax,
        "log_softmax": lambda x, axis: np.log(_naive_softmax(x, axis)),
        "logsumexp": lambda x, axis: np.log(np.exp(x - x.max(axis, keepdims=True)).sum(axis)) + x.max(axis),
    }
    naive = formulas[name]

    def contenders() -> dict[str, Call]:
        x = _normal(*shape, dtype=dtype)
        calls: dict[str, Call] = {
            "mathcore": lambda: getattr(mc, name)(x, axis),
            "naive": lambda: naive(x, axis),
        }
        if sp:
            calls["scipy"] = lambda: getattr(sp, name)(x, axis=axis)
        if torch:
            t = torch.from_numpy(x)
            calls["torch"] = lambda: getattr(torch, name)(t, axis)
        if jax:
            j, compiled = jnp.asarray(x), jax.jit(lambda x: getattr(jax.nn, name)(x, axis=axis))
            calls["jax"] = lambda: compiled(j).block_until_ready()
        return calls

    return Case(f"{name} {shape} axis {axis} {np.dtype(dtype).name}", contenders, repeat)


def _cross_entropy() -> dict[str, Call]:
    logits, targets = _normal(8192, 32000), np.random.default_rng(1).integers(0, 32000, 8192)
    rows = np.arange(8192)

    def naive() -> object:
        p = _naive_softmax(logits, -1)
        loss = -np.log(p[rows, targets]).mean()
        p[rows, targets] -= 1
        return loss, p / len(rows)

    calls: dict[str, Call] = {
        "mathcore": lambda: mc.cross_entropy_and_grad(logits, targets),
        "naive": naive,
    }
    if torch:
        t, y = torch.from_numpy(logits).requires_grad_(), torch.from_numpy(targets)

        def with_gradient() -> None:
            t.grad = None
            F.cross_entropy(t, y).backward()

        calls["torch"] = with_gradient
    return calls


def _rope(interleaved: bool) -> Callable[[], dict[str, Call]]:
    def contenders() -> dict[str, Call]:
        x = _normal(8, 32, 2048, 128)
        cos, sin = mc.rope_cos_sin(np.arange(2048), 128)
        c, s = cos.astype(np.float32), sin.astype(np.float32)

        def naive(x: Any, cos: Any, sin: Any, lib: Any) -> Any:
            a, b = (x[..., ::2], x[..., 1::2]) if interleaved else (x[..., :64], x[..., 64:])
            return lib.stack((a * cos - b * sin, a * sin + b * cos), -1 if interleaved else -2).reshape(x.shape)

        calls: dict[str, Call] = {
            "mathcore": lambda: mc.apply_rope(x, cos, sin, interleaved=interleaved),
            "naive": lambda: naive(x, c, s, np),
        }
        if torch:
            tx, tc, ts = (torch.from_numpy(v) for v in (x, c, s))
            calls["torch"] = lambda: naive(tx, tc, ts, torch)
        return calls

    return contenders


def _table() -> dict[str, Call]:
    """Cosines and sines of 131,072 positions; the others' angles are products in float32, off by up to 0.005."""
    m, theta = np.arange(131_072), 10_000.0 ** (-np.arange(32) / 32)
    m32, theta32 = m.astype(np.float32), theta.astype(np.float32)

    def naive() -> object:
        angles = np.outer(m32, theta32)
        return np.cos(angles), np.sin(angles)

    calls: dict[str, Call] = {"mathcore": lambda: mc.rope_cos_sin(m, 64), "naive": naive}
    if torch:
        tm, tt = torch.from_numpy(m32), torch.from_numpy(theta32)

        def with_torch() -> object:
            angles = torch.outer(tm, tt)
            return angles.cos(), angles.sin()

        calls["torch"] = with_torch
    return calls


def _relu() -> dict[str, Call]:
    x = _normal(4096, 4096)
    calls: dict[str, Call] = {"mathcore": lambda: mc.relu(x), "naive": lambda: np.maximum(x, 0)}
    if torch:
        t = torch.from_numpy(x)
        calls["torch"] = lambda: F.relu(t)
    return calls


def _relu_vjp() -> dict[str, Call]:
    x, g = _normal(4096, 4096), _normal(4096, 4096)[::-1].copy()
    calls: dict[str, Call] = {"mathcore": lambda: mc.relu_vjp(g, x), "naive": lambda: g * (x > 0)}
    if torch:
        t, tg = torch.from_numpy(x).requires_grad_(), torch.from_numpy(g)
        y = F.relu(t)
        calls["torch"] = lambda: torch.autograd.grad(y, t, tg, retain_graph=True)
    return calls


_NAIVE: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu tanh": lambda x: x / 2 * (1 + np.tanh(0.7978846 * (x + 0.044715 * x * x * x))),
}
if sp:
    _NAIVE["gelu"] = lambda x: x / 2 * (1 + sp.erf(x * np.float32(0.70710678)))


def _activation(name: str, *shape: int, repeat: int = 1) -> Case:
    """An activation in float32; of `gelu tanh` the approximation."""
    operation, _, form = name.partition(" ")
    how = {"approximate": form} if form else {}

    def contenders() -> dict[str, Call]:
        x = _normal(*shape)
        calls: dict[str, Call] = {
            "mathcore": lambda: getattr(mc, operation)(x, **how),
            "naive": lambda: _NAIVE[name](x),
        }
        if torch:
            t, function = torch.from_numpy(x), torch.sigmoid if name == "sigmoid" else getattr(F, operation)
            calls["torch"] = lambda: function(t, **how)
        return calls

    return Case(f"{name} {shape} float32", contenders, repeat)


def _activation_vjp(operation: str) -> Case:
    def contenders() -> dict[str, Call]:
        x, g = _normal(4096, 4096), _normal(4096, 4096)[::-1].copy()

        def naive() -> object:
            share = 1 / (1 + np.exp(-x))
            return g * share * (1 + x * (1 - share))

        calls: dict[str, Call] = {"mathcore": lambda: getattr(mc, f"{operation}_vjp")(g, x), "naive": naive}
        if torch:
            t, tg = torch.from_numpy(x).requires_grad_(), torch.from_numpy(g)
            y = getattr(F, operation)(t)
            calls["torch"] = lambda: torch.autograd.grad(y, t, tg, retain_graph=True)
        return calls

    return Case(f"{operation}_vjp (4096, 4096) float32", contenders)


def _swiglu() -> dict[str, Call]:
    gate, up = _normal(4096, 4096), _normal(4096, 4096)[::-1].copy()
    calls: dict[str, Call] = {
        "mathcore": lambda: mc.swiglu(gate, up),
        "naive": lambda: _NAIVE["silu"](gate) * up,
    }
    if torch:
        g, u = torch.from_numpy(gate), torch.from_numpy(up)
        calls["torch"] = lambda: F.silu(g) * u
    return calls


def _gated_mlp() -> dict[str, Call]:
    x, gate, up, down = (_normal(*shape) / 32 for shape in ((1024, 1024), (1024, 2816), (1024, 2816), (2816, 1024)))
    calls: dict[str, Call] = {
        "mathcore": lambda: mc.gated_mlp(x, gate, up, down),
        "naive": lambda: (_NAIVE["silu"](x @ gate) * (x @ up)) @ down,
    }
    if torch:
        t, g, u, d = (torch.from_numpy(a) for a in (x, gate, up, down))
        calls["torch"] = lambda: (F.silu(t @ g) * (t @ u)) @ d
    return calls


def _attention(
    shape: tuple[int, int, int, int], causal: bool = False, dtype: Any = np.float32, repeat: int = 1
) -> Case:
    def contenders() -> dict[str, Call]:
        q, k, v = (np.random.default_rng(i).normal(size=shape).astype(dtype) for i in range(3))
        scale = dtype(shape[-1] ** -0.5)
        hidden = np.where(np.tri(shape[-2], dtype=bool), 0, -np.inf).astype(dtype)

        def naive() -> Any:
            scores = q @ k.swapaxes(-1, -2) * scale
            return _naive_softmax(scores + hidden if causal else scores, -1) @ v

        calls: dict[str, Call] = {
            "mathcore": lambda: mc.scaled_dot_product_attention(q, k, v, is_causal=causal),
            "naive": naive,
        }
        if torch:
            t = [torch.from_numpy(x) for x in (q, k, v)]
            calls["torch"] = lambda: F.scaled_dot_product_attention(*t, is_causal=causal)
        return calls

    name = f"attention{' causal' if causal else ''} {shape} {np.dtype(dtype).name}"
    return Case(name, contenders, repeat)


def _on(sweep: str, size: int, case: Case) -> Case:
    return replace(case, sweep=sweep, size=size)


_LENGTHS = (8, 64, 512, 4096, 32768)
_TIMES = {8: 200, 64: 50, 256: 10, 1024: 1, 2048: 1}

CASES = [
    *(_of_rows(name, (4096, 50257)) for name in ("softmax", "log_softmax", "logsumexp")),
    *(_of_rows(name, (196608, 512)) for name in ("softmax", "log_softmax", "logsumexp")),
    *(_of_rows(name, (98304, 512), dtype=np.float64) for name in ("softmax", "log_softmax", "logsumexp")),
    _of_rows("softmax", (50257, 1024), axis=0),
    _of_rows("softmax", (64, 512, 512), axis=1),
    _of_rows("softmax", (1_000_000, 8)),
    _of_rows("softmax", (10,), repeat=1000),
    Case("cross_entropy_and_grad (8192, 32000) float32", _cross_entropy),
    Case("relu (4096, 4096) float32", _relu),
    Case("relu_vjp (4096, 4096) float32", _relu_vjp),
    *(_activation(name, 4096, 4096) for name in _NAIVE),
    _activation_vjp("silu"),
    Case("swiglu (4096, 4096) float32", _swiglu),
    Case("gated_mlp (1024, 1024), 2816 hidden, float32", _gated_mlp),
    Case("rope_cos_sin (131072,) for width 64, float64", _table),
    Case("rope halves (8, 32, 2048, 128) float32", _rope(interleaved=False)),
    Case("rope interleaved (8, 32, 2048, 128) float32", _rope(interleaved=True)),
    *(
        _attention(shape, causal, dtype)
        for dtype in (np.float32, np.float64)
        for shape in ((4, 12, 1024, 64), (1, 8, 4096, 64))
        for causal in (False, True)
    ),
    *(_on("softmax of 2²² numbers, by length of a row", n, _of_rows("softmax", (2**22 // n, n))) for n in _LENGTHS),
    *(_on("attention of 8 heads, by length", t, _attention((1, 8, t, 64), repeat=r)) for t, r in _TIMES.items()),
]
