"""What is timed: one case a line of the table, each with all the contenders that are installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import mathcore as mc

try:
    import torch
    from torch.nn import functional as F  # noqa: N812  (the name that everybody knows)
except ModuleNotFoundError:
    torch = None
try:
    import scipy.special as sp
except ModuleNotFoundError:
    sp = None

Call = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        name: what it does, on what.
        contenders: makes the arrays, and one call a contender.
        repeat: calls to a timing, for those too short to time.
    """

    name: str
    contenders: Callable[[], dict[str, Call]]
    repeat: int = 1


def _normal(*shape: int, dtype: Any = np.float32) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


def _naive_softmax(x: Any, axis: int) -> Any:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _of_rows(name: str, shape: tuple[int, ...], axis: int = -1, dtype: Any = np.float32, repeat: int = 1) -> Case:
    """softmax, log_softmax or logsumexp along an axis."""
    naive = {
        "softmax": _naive_softmax,
        "log_softmax": lambda x, axis: np.log(_naive_softmax(x, axis)),
        "logsumexp": lambda x, axis: np.log(np.exp(x - x.max(axis, keepdims=True)).sum(axis)) + x.max(axis),
    }[name]

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
        return calls

    return Case(f"{name} {shape} axis {axis} {np.dtype(dtype).name}", contenders, repeat)


def _cross_entropy() -> dict[str, Call]:
    logits, targets = _normal(8192, 32000), np.random.default_rng(1).integers(0, 32000, 8192)
    one, rows = np.float32(1), np.arange(8192)

    def naive() -> object:
        p = _naive_softmax(logits, -1)
        loss = -np.log(p[rows, targets]).mean()
        p[rows, targets] -= 1
        return loss, p / len(rows)

    calls: dict[str, Call] = {
        "mathcore": lambda: (mc.cross_entropy(logits, targets), mc.cross_entropy_vjp(one, logits, targets)),
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


def _attention(shape: tuple[int, int, int, int], causal: bool) -> Callable[[], dict[str, Call]]:
    def contenders() -> dict[str, Call]:
        q, k, v = (_normal(*shape) for _ in range(3))
        scale = np.float32(shape[-1] ** -0.5)
        hidden = np.where(np.tri(shape[-2], dtype=bool), 0, -np.inf).astype(np.float32)

        def naive() -> Any:
            scores = q @ k.swapaxes(-1, -2) * scale
            return _naive_softmax(scores + hidden if causal else scores, -1) @ v

        calls: dict[str, Call] = {
            "mathcore": lambda: mc.blockwise_attention(q, k, v, is_causal=causal),
            "naive": naive,
        }
        if torch:
            t = [torch.from_numpy(x) for x in (q, k, v)]
            calls["torch"] = lambda: F.scaled_dot_product_attention(*t, is_causal=causal)
        return calls

    return contenders


CASES = [
    *(_of_rows(name, (4096, 50257)) for name in ("softmax", "log_softmax", "logsumexp")),
    *(_of_rows(name, (196608, 512)) for name in ("softmax", "log_softmax", "logsumexp")),
    *(_of_rows(name, (98304, 512), dtype=np.float64) for name in ("softmax", "log_softmax", "logsumexp")),
    _of_rows("softmax", (50257, 1024), axis=0),
    _of_rows("softmax", (64, 512, 512), axis=1),
    _of_rows("softmax", (1_000_000, 8)),
    _of_rows("softmax", (10,), repeat=1000),
    Case("cross_entropy with gradient (8192, 32000) float32", _cross_entropy),
    Case("rope halves (8, 32, 2048, 128) float32", _rope(interleaved=False)),
    Case("rope interleaved (8, 32, 2048, 128) float32", _rope(interleaved=True)),
    Case("attention (4, 12, 1024, 64) float32", _attention((4, 12, 1024, 64), causal=False)),
    Case("attention causal (4, 12, 1024, 64) float32", _attention((4, 12, 1024, 64), causal=True)),
    Case("attention (1, 8, 4096, 64) float32", _attention((1, 8, 4096, 64), causal=False)),
    Case("attention causal (1, 8, 4096, 64) float32", _attention((1, 8, 4096, 64), causal=True)),
]
