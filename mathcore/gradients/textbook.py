"""The formulas whose derivatives are asked for, as one writes them in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.oracle.enclosures import balls


# The textbook.
def softmax(x: Any) -> Any:
    """Exponentiate, sum, divide."""
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def log_sum_exp(x: Any) -> Any:
    """The logarithm of the sum of exponentials, the axis kept."""
    return np.log(np.exp(x).sum(-1, keepdims=True))


def cross_entropy(x: Any, targets: Any, reduction: str, label_smoothing: float, ignore_index: int | None) -> Any:
    """−Σ q ln p, over the rows that count."""
    keep, n = targets != ignore_index, x.shape[-1]
    q = (1 - label_smoothing) * (np.arange(n) == targets[:, None]) + label_smoothing / n
    losses = (q * (log_sum_exp(x) - x)).sum(-1) * keep.astype(int)
    if reduction == "none":
        return losses
    loss = np.empty((), dtype=object)
    loss[()] = losses.sum() / int(keep.sum() if reduction == "mean" else 1)
    return loss


def relu(x: Any) -> Any:
    """What is positive, else 0."""
    return np.where(np.asarray(x > 0, bool), x, x * 0)


def waves(positions: Any, count: int, dim: int, base: float) -> Any:
    """The angles mθ_i, (…, count), as balls."""
    from flint import arb

    theta = [arb(base) ** (arb(-2 * i) / max(dim, 1)) for i in range(count)]
    return np.asarray(positions)[..., None] * np.array(theta, dtype=object)


def sinusoidal(positions: Any, dim: int, base: float, interleaved: bool) -> Any:
    """Sines and cosines of the angles, side by side or one after the other."""
    angles = waves(positions, (dim + 1) // 2, dim, base)
    sines, cosines = np.sin(angles), np.cos(angles)[..., : dim // 2]
    if not interleaved:
        return np.concatenate([sines, cosines], -1)
    columns = [(sines if j % 2 == 0 else cosines)[..., j // 2] for j in range(dim)]
    return np.stack(columns, -1)


def rope(x: Any, positions: Any, base: float, interleaved: bool, rotary_dim: int, offset: int) -> Any:
    """Every pair turned by its angle, the features behind `rotary_dim` left alone."""
    half = rotary_dim // 2
    angles = waves((np.asarray(positions) + offset).astype(object), half, rotary_dim, base)
    cos, sin = np.cos(angles), np.sin(angles)
    pairs = [(2 * i, 2 * i + 1) if interleaved else (i, i + half) for i in range(half)]
    columns = [x[..., j] for j in range(x.shape[-1])]
    for i, (a, b) in enumerate(pairs):
        columns[a] = x[..., a] * cos[..., i] - x[..., b] * sin[..., i]
        columns[b] = x[..., a] * sin[..., i] + x[..., b] * cos[..., i]
    return np.stack(columns, -1)


def attention(
    q: Any, k: Any, v: Any, is_causal: bool = False, mask: Any = None, scale: float | None = None, bias: Any = None,
    query_offset: int = 0,
) -> Any:  # fmt: skip
    """Query by query over the keys that it sees; query heads side by side share a key head."""
    from flint import arb

    by = 1 / arb(q.shape[-1]).sqrt() if scale is None else arb(scale)
    shape = (len(q), q.shape[1], k.shape[1])
    seen_of = np.ones(shape, bool) if mask is None else np.broadcast_to(mask, shape)
    added = np.zeros(shape) if bias is None else np.broadcast_to(bias, shape).astype(np.float64)
    heads = []
    for h in range(len(q)):
        key, value = (x[h * len(x) // len(q)] for x in (k, v))
        rows = []
        for i in range(q.shape[1]):
            seen = [j for j in range(len(key)) if (not is_causal or j <= i + query_offset) and seen_of[h, i, j]]
            if not seen:
                rows.append(value.sum(0) * 0)
                continue
            weights = softmax((q[h, i] * key[seen]).sum(-1) * by + balls(added[h, i, seen]))
            rows.append((weights[:, None] * value[seen]).sum(0))
        heads.append(np.stack(rows))
    return np.stack(heads)


def heads_of(x: Any, count: int) -> Any:
    """(time, count · width) → (count, time, width)."""
    return np.stack(np.split(x, count, -1))


def multi_head(
    x: Any, query: Any, key: Any, value: Any, output: Any, num_heads: int, num_kv_heads: int, is_causal: bool,
    rope_base: float | None, mask: Any = None, bias: Any = None, scale: float | None = None,
) -> Any:  # fmt: skip
    """Project, turn, attend head by head, put side by side, mix."""
    q, k, v = heads_of(x @ query, num_heads), heads_of(x @ key, num_kv_heads), heads_of(x @ value, num_kv_heads)
    if rope_base is not None:
        places, width = np.arange(len(x)), q.shape[-1]
        q, k = (np.stack([rope(head, places, rope_base, False, width, 0) for head in part]) for part in (q, k))
    return np.concatenate(list(attention(q, k, v, is_causal, mask, scale, bias)), -1) @ output
