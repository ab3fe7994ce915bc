"""What is timed of small and middle sizes: few numbers, one token, short sequences, arrays of the size of a cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import mathcore as mc
from benchmarks.cases import _NAIVE, Call, Case, _activation, _attention, _naive_softmax, _normal, _of_rows
from benchmarks.peers import F, torch

_X, _G = _normal(10, dtype=np.float64), _normal(10, dtype=np.float64)[::-1].copy()
_W, _B = _normal(10, 10, dtype=np.float64), _G + 1
_IDS, _TABLE = np.arange(10), _normal(100, 16, dtype=np.float64)


def _few(name: str, ours: Call, naive: Call, with_torch: Callable[[], object] | None = None) -> Case:
    """A call of microseconds."""
    calls = {"mathcore": ours, "naive": naive, **({"torch": with_torch} if torch and with_torch else {})}
    return Case(f"{name}, few numbers", lambda: calls, repeat=500)


def _log_softmax(x: Any) -> Any:
    below = x - x.max(-1, keepdims=True)
    return below - np.log(np.exp(below).sum(-1, keepdims=True))


def _softmax_vjp(g: Any, x: Any) -> Any:
    p = _naive_softmax(x, -1)
    return p * (g - (p * g).sum())


def _layer_norm(x: Any, w: Any, b: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + 1e-5) * w + b


def _rotated(x: Any, cos: Any, sin: Any) -> Any:
    a, b = np.split(x, 2, axis=-1)
    return np.concatenate((a * cos - b * sin, a * sin + b * cos), axis=-1)


def _cross_entropy(rows: int, classes: int) -> Case:
    def contenders() -> dict[str, Call]:
        x, y = _normal(rows, classes), np.random.default_rng(1).integers(0, classes, rows)
        at = np.arange(rows)
        calls: dict[str, Call] = {
            "mathcore": lambda: mc.cross_entropy(x, y),
            "naive": lambda: -_log_softmax(x)[at, y].mean(),
        }
        if torch:
            tx, ty = torch.from_numpy(x), torch.from_numpy(y)
            calls["torch"] = lambda: F.cross_entropy(tx, ty)
        return calls

    return Case(f"cross_entropy ({rows}, {classes}) float32", contenders, repeat=max(1, 2**17 // (rows * classes)))


def _rope_of_one_token() -> dict[str, Call]:
    x, at = _normal(8, 1, 64), np.array([1234])
    cos, sin = mc.rope_cos_sin(at, 64)
    theta = 10_000.0 ** (-np.arange(32) / 32)

    def naive() -> object:
        angles = at[:, None] * theta
        return _rotated(x, np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32))

    return {"mathcore": lambda: mc.rope(x, at), "naive": naive, "apply_rope": lambda: mc.apply_rope(x, cos, sin)}


def _half(name: str, shape: tuple[int, ...], repeat: int = 1) -> Case:
    """float16 beside the same in float32, in the column of textbook NumPy's own float16."""
    case = _of_rows(name, shape, dtype=np.float16, repeat=repeat)

    def contenders() -> dict[str, Call]:
        x = _normal(*shape)
        return {**case.contenders(), "float32": lambda: getattr(mc, name)(x)}

    return Case(case.name, contenders, repeat)


_COS, _SIN = mc.rope_cos_sin(3, 10)

FEW = [
    *(_of_rows(name, (10,), dtype=np.float64, repeat=500) for name in ("softmax", "log_softmax", "logsumexp")),
    _few("softmax_vjp", lambda: mc.softmax_vjp(_G, _X), lambda: _softmax_vjp(_G, _X)),
    _few("temperature_softmax", lambda: mc.temperature_softmax(_X, 0.7), lambda: _naive_softmax(_X / 0.7, -1)),
    _few("argmax", lambda: mc.argmax(_X), lambda: np.argmax(_X, -1)),
    _few("relu", lambda: mc.relu(_X), lambda: np.maximum(_X, 0)),
    _few("relu_vjp", lambda: mc.relu_vjp(_G, _X), lambda: _G * (_X > 0)),
    *(_activation(name, 10, repeat=500) for name in _NAIVE),
    _few("linear", lambda: mc.linear(_X, _W, _B), lambda: _X @ _W + _B),
    _few("rms_norm", lambda: mc.rms_norm(_X, _B), lambda: _X / np.sqrt((_X * _X).mean(-1, keepdims=True) + 1e-6) * _B),
    _few("layer_norm", lambda: mc.layer_norm(_X, _B, _G), lambda: _layer_norm(_X, _B, _G)),
    _few("embedding", lambda: mc.embedding(_IDS, _TABLE), lambda: _TABLE[_IDS]),
    _few("one_hot", lambda: mc.one_hot(_IDS, 10), lambda: np.eye(10)[_IDS]),
    _few(
        "cosine_similarity", lambda: mc.cosine_similarity(_X, _G),
        lambda: _X @ _G / (np.linalg.norm(_X) * np.linalg.norm(_G)),
    ),
    _few("apply_rope", lambda: mc.apply_rope(_X, _COS, _SIN), lambda: _rotated(_X, _COS, _SIN)),
    _cross_entropy(8, 64),
    Case("rope of one token (8, 1, 64) float32", _rope_of_one_token, repeat=100),
]  # fmt: skip

MIDDLE = [
    *(
        _of_rows(name, shape, repeat=max(1, 2**18 // (shape[0] * shape[1])))
        for name in ("softmax", "log_softmax", "logsumexp")
        for shape in ((32, 512), (1024, 512), (1024, 4096))
    ),
    _half("softmax", (8, 64), repeat=200),
    _half("softmax", (1024, 512)),
    _cross_entropy(256, 1024),
    *(_activation(name, 256, 1024) for name in _NAIVE),
    *(
        _attention((1, 8, time, 64), is_causal, repeat=max(1, 2**17 // time**2 // 4))
        for time in (16, 32, 64, 128, 256, 512, 1024)
        for is_causal in (False, True)
    ),
]

QUICK = [*FEW, *MIDDLE]
