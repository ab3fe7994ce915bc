"""Inputs that a target's conventions exclude, and axes that a target needs: what is asked in another form, or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mathcore.verify.targets.answers import is_float
from mathcore.verify.targets.conventions import Conventions
from mathcore.verify.targets.ranges import leaves_range
from mathcore.verify.targets.restrictions import Restrictions
from mathcore.verify.targets.translations import Arguments, CallTranslation
from mathcore.verify.tolerances import work_format

Given = Mapping[str, Any]


def excluded(operation: str, given: Given, conventions: Conventions, restrictions: Restrictions) -> str:
    """Why a call is not tried under the conventions, in words that fit "not checked: …"; "" if it is."""
    if operation.startswith("cosine_similarity") and conventions.cosine_floor and _has_short_vectors(
        operation, given, conventions.cosine_floor
    ):  # fmt: skip
        return f"vectors shorter than about {conventions.cosine_floor:g}"
    hiding = "attention" in operation or operation.startswith("cross_entropy")
    if hiding and conventions.hidden_values == "finite" and _hides_nonfinite(operation, given):
        return "NaN and infinities where they are masked"
    if conventions.intermediates == "any" and (reason := leaves_range(operation, given)):
        return reason
    whole = conventions.rope_table == "full" or "rotary_dim" in restrictions.without
    if operation.startswith("apply_rope") and whole and _turns_a_part(given):
        return "`rotary_dim`"
    return ""


def _has_short_vectors(operation: str, given: Given, floor: float) -> bool:
    """Whether a length, or the product of two, is less than twice the floor; zero counts for the derivative only."""
    with np.errstate(over="ignore", invalid="ignore"):
        a, b = (np.linalg.norm(np.asarray(given[n], np.float64), axis=given["axis"]) for n in ("a", "b"))
        lengths = np.stack(np.broadcast_arrays(a, b, a * b))
    least = 0.0 if operation.endswith("_vjp") else np.nextafter(0.0, 1.0)
    return bool(((lengths >= least) & (lengths < 2 * floor)).any())


def _turns_a_part(given: Given) -> bool:
    """Whether there are tables for some of the features only."""
    return bool(2 * given["cos"].shape[-1] != given["x"].shape[-1])


def _hides_nonfinite(operation: str, given: Given) -> bool:
    """Whether something that is not finite is hidden from a query, or from a loss."""
    if operation.startswith("cross_entropy"):
        rows, ignored = np.moveaxis(given["logits"], given["axis"], -1), given["ignore_index"]
        return ignored is not None and bool((~_finite(rows).all(-1) & (given["targets"] == ignored)).any())
    if operation == "merge_attention":
        return any(
            bool((np.isneginf(_wide(given[f"lse_{side}"]))[..., None] & ~_finite(given[f"output_{side}"])).any())
            for side in "ab"
        )
    if "query" not in given:  # several heads: what is hidden is made of x
        hides = given.get("mask") is not None or bool(given.get("is_causal"))
        return hides and not all(_finite(v).all() for v in given.values() if isinstance(v, np.ndarray) and is_float(v))
    if _all_finite(given):  # most calls: what follows needs memory for each pair of a query and a key
        return False
    return bool((~_visible(given) & _strange_pairs(operation, given)).any()) or _hides_strange_bias(given)


def _all_finite(given: Given) -> bool:
    """Whether nothing but −∞ in the bias is infinite or NaN, nor may a score be."""
    arrays = (given[name] for name in ("cotangent", "query", "key", "value") if name in given)
    bias = given.get("bias")
    most = work_format(given["query"].dtype).most
    return (
        all(_finite(x).all() for x in arrays)
        and (bias is None or not _strange(bias).any())
        and _factor(given) * _largest(given["query"]) * _largest(given["key"]) * given["query"].shape[-1] <= most
    )


def _strange_pairs(operation: str, given: Given) -> Any:
    """Pairs of a query and a key whose product, with the values and with what comes back, is not finite."""
    query, key = _wide(given["query"]), _wide(given["key"])
    heads = query.shape[-3] if query.ndim > 2 else 1

    def of_heads(x: Any) -> Any:
        return np.repeat(x, heads // x.shape[-3], -3) if x.ndim > 2 else x

    with np.errstate(over="ignore", invalid="ignore"):
        scores = query @ np.swapaxes(of_heads(key), -1, -2) * _factor(given)
    strange = ~(abs(scores) <= work_format(given["query"].dtype).most)
    if "value" in given:
        strange = strange | ~_finite(of_heads(given["value"])).all(-1)[..., None, :]
    if operation.endswith("_vjp"):
        strange = strange | ~(_finite(given["cotangent"]).all(-1))[..., None]
    return strange


def _hides_strange_bias(given: Given) -> bool:
    bias = given.get("bias")
    return bias is not None and bool((~_visible({**given, "bias": None}) & _strange(bias)).any())


def _strange(bias: Any) -> Any:
    return ~_finite(bias) & ~np.isneginf(_wide(bias))


def _factor(given: Given) -> float:
    """What products of queries and keys are multiplied by, before or after they are added."""
    scale = given.get("scale")
    return 1.0 if scale is None else max(1.0, abs(float(scale)))


def _largest(x: Any) -> float:
    return float(abs(_wide(x)).max(initial=0.0))


def _visible(given: Given) -> Any:
    """The keys that each query sees, in the shape of the scores."""
    query, key = given["query"], given["key"]
    seen = np.ones((*query.shape[:-1], key.shape[-2]), bool)
    last, places = np.arange(query.shape[-2])[:, None] + int(given.get("query_offset", 0)), np.arange(key.shape[-2])
    if given.get("is_causal"):
        seen &= places <= last
    if given.get("window") is not None:
        seen &= places > last - int(given["window"])
    mask, bias = given.get("mask"), given.get("bias")
    seen = seen if mask is None else seen & np.asarray(mask).astype(bool)
    return seen if bias is None else seen & ~np.isneginf(_wide(bias))


def _wide(x: Any) -> Any:
    return np.asarray(x).astype(np.float64)


def _finite(x: Any) -> Any:
    return np.isfinite(_wide(x))


_BATCHED = {
    "merge_attention": ("output_a", "lse_a", "output_b", "lse_b"),
    **dict.fromkeys(
        (
            "scaled_dot_product_attention",
            "scaled_dot_product_attention_vjp",
            "attention_weights",
            "blockwise_attention",
        ),
        ("query", "key", "value", "cotangent"),
    ),
    **dict.fromkeys(
        ("rope", "rope_vjp", "apply_rope", "apply_rope_vjp", "rms_norm", "rms_norm_vjp", "layer_norm"),
        ("x", "cotangent"),
    ),
}
"""Operations whose leading axes are batches, and the arguments that have them."""


def leading_axes(operation: str, given: Given, restrictions: Restrictions) -> CallTranslation | None:
    """For arrays with fewer axes than the target needs: axes of length 1, which the call gets and the answer loses.

    Masks and biases get as many. None if the target needs no axes, or if those of the operation are not batches.
    """
    names = _BATCHED.get(operation, ())
    axes = next((given[n].ndim for n in names if isinstance(given.get(n), np.ndarray)), 0)
    if not restrictions.min_axes or not axes:
        return None
    added = max(restrictions.min_axes - axes, 0)

    def to_target(given: Arguments) -> Arguments:
        longer = {
            n: _with_axes(v, v.ndim + added) for n, v in given.items() if n in names and isinstance(v, np.ndarray)
        }
        options = {n: _with_axes(given[n], restrictions.min_axes) for n in ("mask", "bias")
                   if "query" in given and isinstance(given.get(n), np.ndarray)}  # fmt: skip
        return {**given, **longer, **options}

    def from_target(answer: Any, _: Arguments) -> Any:
        if isinstance(answer, tuple):
            return tuple(_without_axes(part, added) for part in answer)
        return _without_axes(answer, added)

    return CallTranslation(to_target, from_target)


def _with_axes(x: Any, count: int) -> Any:
    return x.reshape((1,) * (count - x.ndim) + x.shape)


def _without_axes(x: Any, count: int) -> Any:
    has_them = count and isinstance(x, np.ndarray) and x.ndim > count and x.shape[:count] == (1,) * count
    return x.reshape(x.shape[count:]) if has_them else x
