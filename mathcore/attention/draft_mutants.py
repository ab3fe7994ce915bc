"""Attention in plain NumPy, and what goes wrong where it does the arithmetic itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mathcore.attention.dot_product_mutants import ATTENTION
from mathcore.attention.textbook import capped, group_of, per_head, seen_by, with_sink_as_key
from mathcore.verify.claims import Mutant, reported
from mathcore.verify.common_mutants import Operation


# A first draft: right but for the step that is replaced.
def _upcast(x: Any) -> Any:
    return x.astype(np.float32) if x.dtype.itemsize == 2 else x


def _root(width: int) -> float:
    """√width, whole where it is: fractions stay fractions."""
    root = math.sqrt(width)
    return int(root) if root.is_integer() else root


def _masked_at_infinity(s: Any, seen: Any) -> Any:
    return np.where(seen, s, -np.inf)


def _softmax(s: Any, seen: Any) -> Any:
    """Zeros for a fully masked row."""
    return _normalised(np.where(seen, _exponentials(s), 0))


def _exponentials(s: Any) -> Any:
    """Those of what stands below the maximum of its row; 0 of −∞, for which numbers of other kinds have none."""
    top, there = s.max(-1, keepdims=True, initial=-np.inf), s != -np.inf
    gap = np.subtract(s, top, where=there, out=np.zeros(s.shape, s.dtype))
    return np.exp(gap, where=there, out=np.zeros(s.shape, s.dtype))


def _normalised(e: Any, axis: int = -1) -> Any:
    total = e.sum(axis, keepdims=True)
    return e / np.where(total == 0, 1, total)


def _mixed(p: Any, v: Any, seen: Any) -> Any:
    """The values by their weights, one by one: 0 times a masked NaN would be NaN; −0 is what adds nothing."""
    products = p[..., None] * v[..., None, :, :]  # (..., queries, keys, value width)
    nothing = 0 if v.dtype == object else v.dtype.type(-0.0)
    return np.where((seen | (p != 0))[..., None], products, nothing).sum(-2, initial=nothing)


def plain_attention(
    query: Any,
    key: Any,
    value: Any,
    *,
    hidden: Callable[[Any, Any], Any] = _masked_at_infinity,
    weighed: Callable[[Any, Any], Any] = _softmax,
    mixed: Callable[[Any, Any, Any], Any] = _mixed,
    squeezed: Callable[[Any, float], Any] = capped,
    **options: Any,
) -> Any:
    """Attention in the order of the formula; a mutant replaces one of the steps."""
    case = with_sink_as_key({"query": query, "key": key, "value": value, **options})
    query, key, value = case["query"], case["key"], case["value"]
    dtype = np.result_type(query, key, value)
    q, k, v = (_upcast(x.astype(dtype)) for x in (query, key, value))
    if group_of(case) > 1:
        k, v = per_head(k, q.shape[-3]), per_head(v, q.shape[-3])
    seen, scale, bias = seen_by(case), case.get("scale"), case.get("bias")
    with np.errstate(all="ignore"):
        s = (q / _root(q.shape[-1]) if scale is None else q * scale) @ np.swapaxes(k, -1, -2)
        cap = case.get("softcap") or math.inf
        s = s if math.isinf(cap) else squeezed(s, cap)
        s = hidden(s if bias is None else s + bias.astype(s.dtype), seen)
        out = mixed(weighed(s, seen).astype(q.dtype), v, seen).astype(dtype)
        if not case.get("return_lse"):
            return out
        top = s.max(-1, initial=-np.inf)
        return out, top + np.log(_exponentials(s).sum(-1))


def drafted(name: str, note: str, operation: str = ATTENTION, **steps: Any) -> Mutant:
    """A first draft with something wrong in it."""

    def wrong(query: Any, key: Any, value: Any, **options: Any) -> Any:
        return plain_attention(query, key, value, **options, **steps)

    return Mutant(operation, name, note, lambda _: wrong)


def as_weights(original: Mutant) -> Mutant:
    """A first draft whose weights are asked for: it mixes unit vectors."""

    def build(correct: Operation) -> Operation:
        wrong = original.build(correct)

        def weights(query: Any, key: Any, **options: Any) -> Any:
            units = np.broadcast_to(np.eye(key.shape[-2]), (*key.shape[:-1], key.shape[-2]))
            return wrong(query, key, units.astype(key.dtype), **options)

        return weights

    return replace(original, operation="attention_weights", name=f"{original.name}_weights", build=build, reports=())


def stand_in(value: float) -> Mutant:
    """A finite number for −∞."""
    return drafted(
        f"hidden_at_minus_{abs(value):.0f}",
        f"Puts {value:g} in place of −∞ where a key is hidden.",
        hidden=lambda s, seen: np.where(seen, s, s.dtype.type(value)),
        weighed=_over_all_keys,
    )


def _over_all_keys(s: Any, seen: Any) -> Any:
    """Softmax of all scores, hidden ones included."""
    return _normalised(_exponentials(s))


def _to_8_bits(x: Any) -> Any:
    bits = np.asarray(x, np.float32).view(np.uint32) + np.uint32(0x8000)
    rounded = (bits & np.uint32(0xFFFF0000)).view(np.float32).astype(x.dtype)
    return np.where(np.isfinite(x), rounded, x)


def _nearness(s: Any) -> Any:
    return 1 / (1 + abs(np.arange(s.shape[-1]) - np.arange(s.shape[-2])[:, None]))


hidden_at_minus_100 = reported(
    "attention.key_translation",
    """
    flashinfer-ai/flashinfer #4267 (2026) fixed by PR 4401
    ohdearquant/lattice PR#373 (2026) merged
    """,
    alias="hidden_at_a_finite_score",
)(
    drafted(
        "hidden_at_minus_100",
        "Puts −100 in place of −∞ where a key is hidden: where real scores are lower, the hidden key wins.",
        hidden=lambda s, seen: np.where(seen, s, s.dtype.type(-100)),
        weighed=_over_all_keys,
    )
)


hidden_at_minus_1000000000 = reported(
    "attention.mask_excludes",
    """
    pytorch/pytorch #109517 (2023)
    keras-team/keras PR#21149 (2025) merged
    NVIDIA/TensorRT-LLM #17477 (2026)
    ml-explore/mlx #2395 (2025)
    """,
    alias="hidden_row_is_the_average",
)(
    drafted(
        "hidden_at_minus_1000000000",
        "Puts −10⁹ in place of −∞ where a key is hidden: where all are, the answer is the average of all values.",
        hidden=lambda s, seen: np.where(seen, s, s.dtype.type(-1e9)),
        weighed=_over_all_keys,
    )
)


STAND_INS = (hidden_at_minus_100, stand_in(-1e4), stand_in(-5e4), hidden_at_minus_1000000000)


nothing_is_nan = reported(
    "attention.mask_excludes",
    """
    pytorch/pytorch #103749 (2023)
    pytorch/pytorch #103963 (2023)
    pytorch/pytorch PR#131060 (2024)
    pytorch/pytorch PR#131863 (2024)
    NVIDIA/apex #1390 (2022)
    """,
    alias="hidden_row_is_nan",
)(
    drafted(
        "nothing_is_nan",
        "Divides 0 by 0 in a row with nothing to see.",
        weighed=lambda s, seen: (e := np.exp(s - s.max(-1, keepdims=True, initial=-np.inf))) / e.sum(-1, keepdims=True),
    )
)


def _zero_times_nan(p: Any, v: Any, seen: Any) -> Any:
    return p @ v


zero_times_nan = reported(
    "attention.mask_excludes", "pytorch/pytorch #101967 (2023) closed", alias="hidden_nan_reaches_all"
)(drafted("zero_times_nan", "Multiplies a hidden NaN by the weight 0.", mixed=_zero_times_nan))


hidden_added = drafted(
    "hidden_added",
    "Adds −1e30 to hidden scores, which a NaN survives.",
    hidden=lambda s, seen: s + np.where(seen, 0, -1e30).astype(s.dtype),
)


masked_after = drafted(
    "masked_after",
    "Hides after the softmax, so that what is left does not sum to 1.",
    hidden=lambda s, seen: s,
    weighed=lambda s, seen: np.where(seen, _normalised(_exponentials(s)), 0),
)


unshifted = drafted("unshifted", "Does not subtract the highest score.", weighed=lambda s, seen: _normalised(np.exp(s)))


shifted_by_all = drafted(
    "shifted_by_all",
    "Subtracts the highest score of all rows from each.",
    weighed=lambda s, seen: _normalised(np.exp(s - s.max(initial=-1e30))),
)


from_zero = drafted(
    "from_zero",
    "Starts its running maximum at 0: rows of low scores vanish (flash-attention 2025).",
    weighed=lambda s, seen: _normalised(np.exp(s - s.max(-1, keepdims=True, initial=0))),
)


never_dividing_by_zero = drafted(
    "never_dividing_by_zero",
    "Adds 1e-6 to the denominator.",
    weighed=lambda s, seen: (
        (e := np.where(seen, _exponentials(s), 0)) / (e.sum(-1, keepdims=True) + s.dtype.type(1e-6))
    ),
)


sharpened = drafted(
    "sharpened",
    "Squares the exponentials.",
    weighed=lambda s, seen: _normalised(np.where(seen, _exponentials(s) ** 2, 0)),
)


unnormalised = drafted(
    "unnormalised", "Forgets to divide.", weighed=lambda s, seen: np.where(seen, _exponentials(s), 0)
)


sigmoids = drafted(
    "sigmoids",
    "Weighs every key by itself, with a sigmoid.",
    weighed=lambda s, seen: np.where(seen, 1 / (1 + np.exp(-s)), 0),
)


along_the_queries = drafted(
    "along_the_queries",
    "Normalises over queries instead of keys.",
    weighed=lambda s, seen: _normalised(
        np.where(seen, np.exp(s - s.max(-2, keepdims=True, initial=-1e30)), 0), axis=-2
    ),
)


negated = drafted("negated", "Prefers the keys that fit worst.", hidden=lambda s, seen: np.where(seen, -s, -np.inf))


probabilities_in_bfloat16 = drafted(
    "probabilities_in_bfloat16", "Rounds the weights to 8 bits.", weighed=lambda s, seen: _to_8_bits(_softmax(s, seen))
)


scores_in_bfloat16 = drafted(
    "scores_in_bfloat16",
    "Rounds the scores to 8 bits.",
    hidden=lambda s, seen: np.where(seen, _to_8_bits(s), -np.inf),
)


in_float16 = drafted(
    "in_float16",
    "Adds weighted values up in 16 bits.",
    mixed=lambda p, v, seen: _mixed(p.astype(np.float16), v.astype(np.float16), seen).astype(p.dtype),
)


summed_before_it_divides = drafted(
    "summed_before_it_divides",
    "Divides the sum of the values: it overflows where no value does.",
    weighed=lambda s, seen: np.where(seen, _exponentials(s), 0),
    mixed=lambda e, v, seen: _mixed(e, v, seen) / np.maximum(e.sum(-1, keepdims=True), 1e-30),
)


uniform = drafted(
    "uniform", "Always takes the mean.", weighed=lambda s, seen: _normalised(seen.astype(s.dtype) + np.zeros_like(s))
)


nearest_words = drafted(
    "nearest_words",
    "Has a fixed matrix: the nearer a word, the more.",
    weighed=lambda s, seen: _normalised(np.where(seen, _nearness(s), 0) + np.zeros_like(s)),
)


winner_alone = drafted(
    "winner_alone",
    "Takes the best key alone.",
    weighed=lambda s, seen: np.where(seen, np.arange(s.shape[-1]) == s.argmax(-1)[..., None], False),
)
