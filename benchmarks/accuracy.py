"""How exact the primitives are, beside others: worst errors in units in the last place, against a rigorous oracle.

Everybody gets the same numbers. True values are enclosed in Arb ball arithmetic by the textbook's formula, and an error
is divided by the ulp of the true value in the format of the result; for what is a sum of products (`rope`, `attention`)
by the ulp of the largest true value of its row, since any term may cancel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

import mathcore as mc
from benchmarks.peers import F, jax, jnp, llama_rope, sp, torch
from mathcore.verify.oracle.enclosures import Enclosure, enclose

Array: TypeAlias = np.ndarray[Any, Any]
Contender: TypeAlias = Callable[..., Any]

SEED = 0
BITS: Mapping[str, tuple[int, int]] = {"float64": (53, -1074), "float32": (24, -149), "float16": (11, -24)}
ROWS = {16: 256, 1024: 16, 32768: 1}
WIDTH = 128
BASE = 10_000.0


@dataclass(frozen=True)
class Trial:
    """One line: the same inputs for all contenders.

    Attributes:
        primitive, dtype, family, size: what it is about; for positions, `size` is the largest.
        inputs: of each contender.
        formula: the textbook's, for arrays of Arb balls.
        exact: the arguments of the formula.
        contenders: name → a function of the inputs.
        by_row: measure in the ulp of the largest true value of a row.
    """

    primitive: str
    dtype: str
    family: str
    size: int
    inputs: tuple[Any, ...]
    formula: Contender
    exact: tuple[Any, ...]
    contenders: Mapping[str, Contender]
    by_row: bool = False


def measure(trial: Trial) -> dict[str, Any]:
    """The worst error of every contender, in ulp; None where a result is not a number or infinitely far off."""
    true = enclose(trial.formula, *trial.exact)
    unit = _ulp(abs(true.hi).max(axis=-1, keepdims=True) if trial.by_row else true.hi, trial.dtype)
    worst = {}
    for name, contender in trial.contenders.items():
        with np.errstate(all="ignore"):
            worst[name] = _worst(np.asarray(contender(*trial.inputs)), true, unit, trial.dtype)
    names = ("primitive", "dtype", "family", "size")
    return {**{name: getattr(trial, name) for name in names}, "ulp": worst}


def _worst(got: Array, true: Enclosure, unit: Array, dtype: str) -> float | None:
    if got.dtype.name != dtype:
        raise TypeError(f"a result of dtype {dtype} was expected, got {got.dtype}")
    error = float((true.distance(got.reshape(true.shape)) / unit).max())
    return float(f"{error:.3g}") if np.isfinite(error) else None


def _ulp(true: Array, dtype: str) -> Array:
    digits, least = BITS[dtype]
    return np.ldexp(1.0, np.maximum(np.frexp(true)[1] - digits, least))


def trials() -> Iterator[Trial]:
    """All of them, in the order of the table."""
    for primitive in ("softmax", "log_softmax", "logsumexp", "cross_entropy"):
        for dtype in BITS:
            for family in FAMILIES:
                yield from (_of_scores(primitive, dtype, family, size) for size in ROWS)
    for dtype in ("float64", "float32"):
        for largest in (1_000, 100_000, 1_000_000, 2**31):
            yield _table(dtype, largest)
            yield _sinusoidal(dtype, largest)
            yield _rope(dtype, largest)
        for keys in (16, 256):
            yield from (_attention(dtype, family, keys) for family in ("normal", "wide"))


# Scores.


def _normal(rng: np.random.Generator, *shape: int) -> Array:
    return rng.normal(size=shape)


def _dominated(rng: np.random.Generator, *shape: int) -> Array:
    x = rng.uniform(-60, -30, shape)
    x[..., 0] = 0
    return x


FAMILIES: Mapping[str, Callable[..., Array]] = {
    "normal": _normal,
    "wide": lambda rng, *shape: 10 * _normal(rng, *shape),
    "near ties": lambda rng, *shape: 1 + 1e-3 * _normal(rng, *shape),
    "offset 1000": lambda rng, *shape: 1000 + _normal(rng, *shape),
    "one dominates": _dominated,
    "equal": lambda _, *shape: np.full(shape, 0.7),
}


def _log_sum(x: Array) -> Array:
    return np.log(np.exp(x).sum(axis=-1, keepdims=True))


TRUE: Mapping[str, Contender] = {
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True),
    "log_softmax": lambda x: x - _log_sum(x),
    "logsumexp": _log_sum,
    "cross_entropy": lambda x: _log_sum(x) - x[..., :1],
}


def _of_scores(primitive: str, dtype: str, family: str, size: int) -> Trial:
    x = FAMILIES[family](np.random.default_rng(SEED), ROWS[size], size).astype(dtype)
    first = np.zeros(len(x), np.int64)  # the class of every row
    contenders: dict[str, Contender] = {"mathcore": lambda x: getattr(mc, primitive)(x)}
    if primitive == "cross_entropy":
        contenders["mathcore"] = lambda x: mc.cross_entropy(x, first, reduction="none")
    if sp:
        contenders["scipy"] = (
            (lambda x: -sp.log_softmax(x, axis=-1)[:, 0])
            if primitive == "cross_entropy"
            else lambda x: getattr(sp, primitive)(x, axis=-1)
        )
    if torch:
        contenders["torch"] = (
            (lambda x: F.cross_entropy(torch.from_numpy(x), torch.from_numpy(first), reduction="none").numpy())
            if primitive == "cross_entropy"
            else lambda x: getattr(torch, primitive)(torch.from_numpy(x), -1).numpy()
        )
    if jax:
        contenders["jax"] = (
            (lambda x: -jax.nn.log_softmax(jnp.asarray(x))[:, 0])
            if primitive == "cross_entropy"
            else lambda x: getattr(jax.nn, primitive)(jnp.asarray(x), axis=-1)
        )
    return Trial(primitive, dtype, family, size, (x,), TRUE[primitive], (x,), contenders)


# Positions. The frequency of pair i is base^(−2i/width).


def _places(largest: int) -> Array:
    few = np.random.default_rng(SEED).integers(largest // 2, largest, 30)
    return np.concatenate([[1, largest], few])


def _angles(m: Array, i: Array, base: Any) -> Array:
    return m * np.exp(np.log(base) * i * (-2 / WIDTH))


def _exact_angles(largest: int) -> tuple[Any, ...]:
    return _places(largest).astype(float)[:, None], np.arange(WIDTH // 2.0)[None], np.full((1, 1), BASE)


def _torch_angles(m: Array, dtype: str) -> Any:
    form = getattr(torch, dtype)
    frequencies = 1 / BASE ** (torch.arange(0, WIDTH, 2, dtype=torch.int64).to(form) / WIDTH)
    return torch.from_numpy(m).to(form)[:, None] * frequencies


def _jax_angles(m: Array, dtype: str) -> Any:
    frequencies = 1 / BASE ** (jnp.arange(0, WIDTH, 2).astype(dtype) / WIDTH)
    return jnp.asarray(m).astype(dtype)[:, None] * frequencies.astype(dtype)


def _table(dtype: str, largest: int) -> Trial:
    def true(m: Array, i: Array, base: Any) -> Array:
        return np.concatenate([np.cos(_angles(m, i, base)), np.sin(_angles(m, i, base))], -1)

    contenders: dict[str, Contender] = {
        "mathcore": lambda m: np.concatenate(mc.rope_cos_sin(m, WIDTH), -1).astype(dtype),
    }
    if torch:
        contenders["torch"] = lambda m: torch.cat([f(_torch_angles(m, dtype)) for f in (torch.cos, torch.sin)], -1)
    if jax:
        contenders["jax"] = lambda m: jnp.concatenate([f(_jax_angles(m, dtype)) for f in (jnp.cos, jnp.sin)], -1)
    if llama_rope and dtype == "float32":
        contenders["transformers"] = lambda m: torch.cat([x[:, : WIDTH // 2] for x in llama_rope.table(m, WIDTH)], -1)
    return _of_positions("rope_cos_sin", dtype, largest, true, contenders)


def _sinusoidal(dtype: str, largest: int) -> Trial:
    def true(m: Array, i: Array, base: Any) -> Array:
        return np.stack([np.sin(_angles(m, i, base)), np.cos(_angles(m, i, base))], -1)

    contenders: dict[str, Contender] = {
        "mathcore": lambda m: mc.sinusoidal_positional_encoding(m, WIDTH).astype(dtype),
    }
    if torch:
        contenders["torch"] = lambda m: torch.stack([f(_torch_angles(m, dtype)) for f in (torch.sin, torch.cos)], -1)
    if jax:
        contenders["jax"] = lambda m: jnp.stack([f(_jax_angles(m, dtype)) for f in (jnp.sin, jnp.cos)], -1)
    return _of_positions("sinusoidal_positional_encoding", dtype, largest, true, contenders)


def _of_positions(name: str, dtype: str, largest: int, true: Contender, contenders: Mapping[str, Contender]) -> Trial:
    return Trial(name, dtype, "positions", largest, (_places(largest),), true, _exact_angles(largest), contenders)


def _rope(dtype: str, largest: int) -> Trial:
    m = _places(largest)
    x = _normal(np.random.default_rng(SEED), len(m), WIDTH).astype(dtype)
    half = WIDTH // 2

    def turned(x: Any, angles: Any, lib: Any) -> Any:
        a, b, cos, sin = x[:, :half], x[:, half:], lib.cos(angles), lib.sin(angles)
        return lib.concatenate([a * cos - b * sin, b * cos + a * sin], -1)

    def true(x: Array, m: Array, i: Array, base: Any) -> Array:
        return np.asarray(turned(x, _angles(m, i, base), np))

    contenders: dict[str, Contender] = {"mathcore": lambda x, m: mc.apply_rope(x, *mc.rope_cos_sin(m, WIDTH))}
    if torch:
        contenders["torch"] = lambda x, m: turned(torch.from_numpy(x), _torch_angles(m, dtype), torch)
    if jax:
        contenders["jax"] = lambda x, m: turned(jnp.asarray(x), _jax_angles(m, dtype), jnp)
    if llama_rope and dtype == "float32":
        contenders["transformers"] = lambda x, m: llama_rope.turned(x, m)
    exact = (x, *_exact_angles(largest))
    return Trial("rope", dtype, "positions", largest, (x, m), true, exact, contenders, by_row=True)


# Attention.


def _attention(dtype: str, family: str, keys: int) -> Trial:
    rng = np.random.default_rng(SEED)
    q, k, v = (_normal(rng, keys, 64).astype(dtype) for _ in range(3))
    q = (q * {"normal": 1, "wide": 10}[family]).astype(dtype)[:16]  # some of the queries are enough for a worst case

    def true(q: Array, k: Array, v: Array) -> Array:
        return np.asarray(TRUE["softmax"](q @ k.T / 8) @ v)  # √64

    contenders: dict[str, Contender] = {"mathcore": lambda *qkv: mc.scaled_dot_product_attention(*qkv)}
    if torch:
        contenders["torch"] = lambda *qkv: F.scaled_dot_product_attention(*(torch.from_numpy(x)[None] for x in qkv))[0]
    if jax:
        contenders["jax"] = lambda *qkv: jax.nn.dot_product_attention(*(jnp.asarray(x)[None, :, None] for x in qkv))
    return Trial("attention", dtype, family, keys, (q, k, v), true, (q, k, v), contenders, by_row=True)
