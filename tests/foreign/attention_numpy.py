"""Attention in NumPy: from the formula, by `einsum`, in blocks with an online softmax, backwards, and with a cache."""

import numpy as np

from mathcore.verify import Conventions, Restrictions, Target


def wide(x):
    """Halves are computed in float32, as everybody does."""
    return x.astype(np.result_type(x.dtype, np.float32))


def score_matrix(q, k, mask, bias, is_causal, query_offset, scale):
    """Scores of (..., heads, queries, width), −∞ where masked; key heads are repeated already."""
    scores = q @ k.swapaxes(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if bias is not None:
        scores = scores + wide(bias)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    if is_causal:
        i, j = np.arange(q.shape[-2])[:, None] + query_offset, np.arange(k.shape[-2])
        scores = np.where(j <= i, scores, -np.inf)
    return scores


def repeated(x, heads):
    return x if x.ndim < 3 or x.shape[-3] == heads else x.repeat(heads // x.shape[-3], axis=-3)


def exponentials(scores):
    """exp(s − max), its sum and the log-sum-exp; zeros and −∞ for a row that sees nothing."""
    top = scores.max(-1, keepdims=True, initial=-np.inf)
    top = np.where(top == -np.inf, 0, top)
    e = np.exp(scores - top)
    total = e.sum(-1, keepdims=True)
    with np.errstate(divide="ignore"):
        lse = (top + np.log(total))[..., 0]
    return e, np.where(total == 0, 1, total), lse


def attention(
    query, key, value, *, mask=None, bias=None, is_causal=False, query_offset=0, scale=None, return_lse=False
):
    """The formula."""
    q, k, v = (wide(x) for x in (query, key, value))
    k, v = (repeated(x, q.shape[-3] if q.ndim > 2 else 1) for x in (k, v))
    e, total, lse = exponentials(score_matrix(q, k, mask, bias, is_causal, query_offset, scale))
    output = (e / total @ v).astype(query.dtype)
    return (output, lse) if return_lse else output


def attention_weights(query, key, *, mask=None, bias=None, is_causal=False, query_offset=0, scale=None):
    q = wide(query)
    k = repeated(wide(key), q.shape[-3] if q.ndim > 2 else 1)
    e, total, _ = exponentials(score_matrix(q, k, mask, bias, is_causal, query_offset, scale))
    return (e / total).astype(query.dtype)


def divides_at_the_end(query, key, value, *, mask=None, bias=None, is_causal=False, query_offset=0, scale=None):
    """The sum divides the output, not the weights: fewer divisions."""
    q, k, v = (wide(x) for x in (query, key, value))
    k, v = (repeated(x, q.shape[-3] if q.ndim > 2 else 1) for x in (k, v))
    e, total, _ = exponentials(score_matrix(q, k, mask, bias, is_causal, query_offset, scale))
    return (e @ v / total).astype(query.dtype)


def mean_of_nothing(query, key, value, *, mask=None, is_causal=False, scale=None):
    """Masked scores get the lowest finite number, so that a row that sees nothing sees all alike."""
    q, k, v = (wide(x) for x in (query, key, value))
    k, v = (repeated(x, q.shape[-3] if q.ndim > 2 else 1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    lowest = np.finfo(scores.dtype).min
    if mask is not None:
        scores = np.where(mask, scores, lowest)
    if is_causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, lowest)
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True) @ v).astype(query.dtype)


def time_first(query, key, value, *, mask=None, bias=None, is_causal=False, scale=None):
    """(batch, time, heads, width), by einsum, causal from the lower right corner, as FlashAttention's reference."""
    q, k, v = (wide(x) for x in (query, key, value))
    if q.ndim > 2:
        k, v = (x.repeat(q.shape[-2] // x.shape[-2], axis=-2) for x in (k, v))
        scores = np.einsum("...qhd,...khd->...hqk", q, k)
    else:
        scores = np.einsum("qd,kd->qk", q, k)
    scores = scores * (q.shape[-1] ** -0.5 if scale is None else scale)
    if bias is not None:
        scores = scores + wide(bias)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    if is_causal:
        queries, keys = scores.shape[-2:]
        scores = np.where(np.tril(np.ones((queries, keys), bool), keys - queries), scores, -np.inf)
    e, total, _ = exponentials(scores)
    return np.einsum("...hqk,...khd->...qhd" if q.ndim > 2 else "qk,kd->qd", e / total, v).astype(query.dtype)


def grouped_by_reshape(query, key, value, *, mask=None, is_causal=False, query_offset=0):
    """Query heads of one group as an axis of their own: keys are not copied."""
    q, k, v = (wide(x) for x in (query, key, value))
    if q.ndim < 3:
        raise NotImplementedError("a single head without an axis")
    heads, groups = q.shape[-3], k.shape[-3]
    q = q.reshape(*q.shape[:-3], groups, heads // groups, *q.shape[-2:])
    scores = np.einsum("...ghqd,...gkd->...ghqk", q, k) / np.sqrt(q.shape[-1]).astype(q.dtype)
    seen = (
        np.ones(scores.shape[-2:], bool)
        if mask is None
        else np.broadcast_to(mask, (*query.shape[:-1], k.shape[-2])).reshape(scores.shape)
    )
    if is_causal:
        seen = seen & (np.arange(k.shape[-2]) <= np.arange(q.shape[-2])[:, None] + query_offset)
    e, total, _ = exponentials(np.where(seen, scores, -np.inf))
    return np.einsum("...ghqk,...gkd->...ghqd", e / total, v).reshape(*query.shape[:-1], -1).astype(query.dtype)


def blockwise(
    query, key, value, *, mask=None, bias=None, is_causal=False, query_offset=0, scale=None, return_lse=False,
    block_size=32,
):  # fmt: skip
    """Keys in blocks; maximum, sum and output are corrected when a higher score comes."""
    q, k, v = (wide(x) for x in (query, key, value))
    k, v = (repeated(x, q.shape[-3] if q.ndim > 2 else 1) for x in (k, v))
    shape = (*q.shape[:-1], k.shape[-2])
    mask, bias = (x if x is None else np.broadcast_to(x, shape) for x in (mask, bias))
    top = np.full((*q.shape[:-1], 1), -np.inf, q.dtype)
    total, out = np.zeros_like(top), np.zeros((*q.shape[:-1], v.shape[-1]), q.dtype)
    for start in range(0, k.shape[-2], block_size):
        part = slice(start, start + block_size)
        seen, added = (x if x is None else x[..., part] for x in (mask, bias))
        scores = score_matrix(q, k[..., part, :], seen, added, is_causal, query_offset - start, scale)
        higher = np.maximum(top, scores.max(-1, keepdims=True))
        safe = np.where(higher == -np.inf, 0, higher)
        e, correction = np.exp(scores - safe), np.exp(top - safe)
        total = correction * total + e.sum(-1, keepdims=True)
        out = correction * out + e @ v[..., part, :]
        top = higher
    output = (out / np.where(total == 0, 1, total)).astype(query.dtype)
    with np.errstate(divide="ignore"):
        lse = (np.where(top == -np.inf, 0, top) + np.log(total))[..., 0]
    return (output, lse) if return_lse else output


def merge(output_a, lse_a, output_b, lse_b):
    top = np.maximum(lse_a, lse_b)
    top = np.where(top == -np.inf, 0, top)
    a, b = np.exp(lse_a - top), np.exp(lse_b - top)
    total = a + b
    share = np.where(total == 0, 1, total)
    with np.errstate(divide="ignore"):
        lse = (top + np.log(total)).astype(lse_a.dtype)
    return ((a / share)[..., None] * output_a + (b / share)[..., None] * output_b).astype(output_a.dtype), lse


def backward(cotangent, query, key, value, *, mask=None, bias=None, is_causal=False, query_offset=0, scale=None):
    """The textbook's derivative, groups of heads summed at the end."""
    g, q, k, v = (wide(x) for x in (cotangent, query, key, value))
    heads, groups = (x.shape[-3] if x.ndim > 2 else 1 for x in (q, k))
    k, v = repeated(k, heads), repeated(v, heads)
    factor = q.shape[-1] ** -0.5 if scale is None else scale
    e, total, _ = exponentials(score_matrix(q, k, mask, bias, is_causal, query_offset, scale))
    p = e / total
    dp = g @ v.swapaxes(-1, -2)
    ds = p * (dp - (dp * p).sum(-1, keepdims=True)) * factor
    dq, dk, dv = ds @ k, ds.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ g
    if groups != heads:
        dk, dv = (x.reshape(*x.shape[:-3], groups, heads // groups, *x.shape[-2:]).sum(-3) for x in (dk, dv))
    return dq.astype(query.dtype), dk.astype(key.dtype), dv.astype(value.dtype)


class Cache:
    """Keys and values in a list; a new cache for every token."""

    def __init__(self, keys=(), values=()):
        self.keys, self.values = keys, values

    def __len__(self):
        return sum(k.shape[-2] for k in self.keys)

    @property
    def key(self):
        return np.concatenate(self.keys, axis=-2)

    @property
    def value(self):
        return np.concatenate(self.values, axis=-2)

    def append(self, key, value):
        return Cache((*self.keys, np.array(key)), (*self.values, np.array(value)))

    def attend(self, query, *, is_causal=True, **options):
        offset = len(self) - query.shape[-2]
        return attention(query, self.key, self.value, is_causal=is_causal, query_offset=offset, **options)


def multi_head(x, params, *, num_heads, num_kv_heads=None, mask=None, bias=None, is_causal=False, query_offset=0):
    """Projections, heads, and a projection back."""

    def split(name, count):
        y = wide(x) @ wide(params[name])
        return y.reshape(*y.shape[:-1], count, y.shape[-1] // count).swapaxes(-2, -3)

    kv = num_kv_heads or num_heads
    q, k, v = split("query", num_heads), split("key", kv), split("value", kv)
    heads = attention(q, k, v, mask=mask, bias=bias, is_causal=is_causal, query_offset=query_offset)
    side_by_side = heads.swapaxes(-2, -3).reshape(*x.shape[:-1], -1)
    return (side_by_side @ wide(params["output"])).astype(np.result_type(x, *params.values()))


LAX = Conventions(errors="none", hidden_values="finite")
TARGETS = (
    Target.numpy(
        "attention, NumPy", scaled_dot_product_attention=attention, attention_weights=attention_weights,
        conventions=LAX,
    ),
    Target.numpy("attention, NumPy, division at the end", scaled_dot_product_attention=divides_at_the_end,
                 conventions=LAX),
    Target.numpy("attention, NumPy, lowest number for −∞", scaled_dot_product_attention=mean_of_nothing,
                 conventions=Conventions(errors="none", attention_of_nothing="mean", hidden_values="finite")),
    Target.numpy(
        "attention, NumPy, einsum, time first", scaled_dot_product_attention=time_first,
        conventions=Conventions(errors="none", attention_layout="time-first", causal_alignment="bottom-right"),
        restrictions=Restrictions(finite=True),
    ),
    Target.numpy("attention, NumPy, groups as an axis", scaled_dot_product_attention=grouped_by_reshape,
                 conventions=LAX),
    Target.numpy("attention, NumPy, blockwise", scaled_dot_product_attention=blockwise, blockwise_attention=blockwise,
                 conventions=LAX),
    Target.numpy("merge of attention, NumPy", merge_attention=merge, blockwise_attention=blockwise,
                 scaled_dot_product_attention=attention, conventions=LAX),
    Target.numpy("merge of attention alone, NumPy", merge_attention=merge, conventions=LAX),
    Target.numpy("attention backwards, NumPy", scaled_dot_product_attention_vjp=backward,
                 scaled_dot_product_attention=attention, conventions=LAX),
    Target.numpy("a cache of keys and values, NumPy", KeyValueCache=Cache, scaled_dot_product_attention=attention,
                 conventions=LAX),
    Target.numpy("attention with several heads, NumPy", multi_head_attention=multi_head,
                 conventions=Conventions(errors="none"), restrictions=Restrictions(finite=True)),
)  # fmt: skip
