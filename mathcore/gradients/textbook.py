"""The formulas whose derivatives are asked for, as one writes them in NumPy.

Those of rows are in `probability.textbook`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.attention.textbook import visible
from mathcore.positions.textbook import balls, true_frequencies, turned
from mathcore.probability.textbook import log_distribution


def cross_entropy(x: Any, targets: Any, reduction: str, label_smoothing: float, ignore_index: int | None) -> Any:
    """−Σ q ln p, over the rows that count."""
    keep, n = targets != ignore_index, x.shape[-1]
    q = (1 - label_smoothing) * (np.arange(n) == targets[:, None]) + label_smoothing / n
    losses = -(q * log_distribution(x)).sum(-1) * keep.astype(int)
    if reduction == "none":
        return losses
    loss = np.empty((), dtype=object)
    loss[()] = losses.sum() / int(keep.sum() if reduction == "mean" else 1)
    return loss


def relu(x: Any) -> Any:
    """What is positive, else 0."""
    return np.where(np.asarray(x > 0, bool), x, x * 0)


def sinusoidal(positions: Any, dim: int, base: float, interleaved: bool) -> Any:
    """Sines and cosines of the angles, side by side or one after the other."""
    angles = np.asarray(positions)[..., None] * true_frequencies(dim, base)
    sines, cosines = np.sin(angles), np.cos(angles)[..., : dim // 2]
    if not interleaved:
        return np.concatenate([sines, cosines], -1)
    columns = [(sines if j % 2 == 0 else cosines)[..., j // 2] for j in range(dim)]
    return np.stack(columns, -1)


def rope(
    x: Any, positions: Any, base: float, interleaved: bool, rotary_dim: int, offset: int, frequencies: Any = None,
    attention_factor: float = 1.0,
) -> Any:  # fmt: skip
    """Every pair turned by its angle and made longer, the features behind `rotary_dim` left alone."""
    theta = true_frequencies(rotary_dim, base) if frequencies is None else balls(frequencies)
    angles = (np.asarray(positions) + offset).astype(object)[..., None] * theta
    return turned(x, attention_factor * np.cos(angles), attention_factor * np.sin(angles), interleaved=interleaved)


def attention(
    q: Any, k: Any, v: Any, is_causal: bool = False, mask: Any = None, scale: float | None = None, bias: Any = None,
    query_offset: int = 0, window: int | None = None,
) -> Any:  # fmt: skip
    """Head by head; query heads side by side share a key head, and a query to which no key is visible gets zeros."""
    from flint import arb

    shape = (len(q), q.shape[1], k.shape[1])
    seen = visible(shape, mask=mask, bias=bias, is_causal=is_causal, query_offset=query_offset, window=window).astype(
        int
    )
    added = np.where(seen, 0.0 if bias is None else bias, 0.0).astype(object)
    by = 1 / arb(q.shape[-1]).sqrt() if scale is None else arb(scale)

    def head(h: int) -> Any:
        key = h * len(k) // len(q)
        e = seen[h] * np.exp((q[h] @ k[key].T) * by + added[h])
        return e / (e.sum(-1, keepdims=True) + (seen[h].sum(-1, keepdims=True) == 0)) @ v[key]

    return np.stack([head(h) for h in range(len(q))])


def multi_head(x: Any, *matrices: Any, **options: Any) -> Any:
    """Project, turn, attend head by head, put side by side, mix; (time, features), or a stack of them."""
    if x.ndim > 2:
        return np.stack([multi_head(one, *matrices, **options) for one in x])
    return _one_text(x, *matrices, **options)


def _one_text(
    x: Any, query: Any, key: Any, value: Any, output: Any, *, num_heads: int, num_kv_heads: int,
    rope_base: float | None, query_offset: int = 0, **options: Any,
) -> Any:  # fmt: skip
    counts = (num_heads, num_kv_heads, num_kv_heads)
    q, k, v = (np.stack(np.split(x @ w, n, -1)) for w, n in zip((query, key, value), counts, strict=True))
    if rope_base is not None:
        how = (np.arange(len(x)), rope_base, False, q.shape[-1])
        q, k = (np.stack([rope(head, *how, by) for head in part]) for part, by in ((q, query_offset), (k, 0)))
    return np.concatenate(list(attention(q, k, v, query_offset=query_offset, **options)), -1) @ output
