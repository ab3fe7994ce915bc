"""Translations of calls and answers between mathcore's conventions and a target's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mathcore.verify.targets.conventions import Conventions

Arguments = dict[str, Any]


@dataclass(frozen=True)
class CallTranslation:
    """How to translate a call, and its answer, between mathcore's conventions and the target's.

    Attributes:
        to_target: mathcore's arguments by name → the target's.
        from_target: the target's answer, and mathcore's arguments → mathcore's answer.
    """

    to_target: Callable[[Arguments], Arguments]
    from_target: Callable[[Any, Arguments], Any] = lambda answer, _: answer


def translations(
    operation: str, conventions: Conventions, options: frozenset[str] | None = None
) -> list[CallTranslation]:
    """The translations for a call of `operation`, in order; `options` are the names of the function's parameters."""
    takes_interleaved = bool(options and {"interleaved", "**"} & options)
    if operation in ("rope", "rope_vjp", "apply_rope", "apply_rope_vjp"):
        steps = [_permute_rope_features(conventions, takes_interleaved)]
        return [*steps, CallTranslation(_widen_tables)] if _has_full_table(operation, conventions) else steps
    if operation == "rope_cos_sin" and conventions.rope_table == "full":
        return [_narrow_tables(conventions)]
    if operation.startswith("sinusoidal"):
        return [_permute_sinusoidal_features(conventions, takes_interleaved)]
    if operation == "merge_attention":
        return _of_merges(conventions)
    if "attention" in operation and not operation.startswith("multi"):
        return _of_attention(operation, conventions)
    if operation in ("linear", "linear_vjp") and conventions.linear_weight == "out-in":
        return [CallTranslation(_transpose_weight, _transpose_weight_gradient)]
    if operation.removesuffix("_vjp") in ("swiglu", "geglu", "gated_mlp") and conventions.gate_up_layout != "apart":
        return [_one_array(operation, conventions.gate_up_layout)]
    if "rms_norm" in operation and conventions.rms_norm_weight == "one-plus":
        return [CallTranslation(_subtract_one)]
    if operation.startswith("cosine_similarity") and conventions.cosine_of_nothing == "nan":
        return [CallTranslation(lambda given: given, _exchange_zero_and_nan)]
    return []


def _of_attention(operation: str, conventions: Conventions) -> list[CallTranslation]:
    steps = [_log_sum_exps_from(conventions)] if lse_differs(conventions) else []
    if conventions.mask_polarity == "drop":
        steps.append(CallTranslation(_invert_mask))
    if conventions.grouped_heads == "tile":
        steps.append(_permute_query_heads())
    if conventions.attention_scale != "1/sqrt(d)":
        steps.append(CallTranslation(_pass_default_scale))
    if "time-first" in (conventions.attention_layout, conventions.lse_layout):
        steps.append(_swap_heads_and_time(conventions, weights=operation == "attention_weights"))
    return steps


def _of_merges(conventions: Conventions) -> list[CallTranslation]:
    steps = [_log_sum_exps_to(conventions)] if lse_differs(conventions) else []
    if "time-first" in (conventions.attention_layout, conventions.lse_layout):
        steps.append(_swap_partial_results(conventions))
    return steps


_ATTENTION_ARRAYS = ("cotangent", "query", "key", "value")


def _swapped(x: Any, conventions: Conventions) -> Any:
    """An array (…, heads, time, width) ↔ (…, time, heads, width), if the target has the latter."""
    swaps = conventions.attention_layout == "time-first" and isinstance(x, np.ndarray) and x.ndim > 2
    return np.swapaxes(x, -3, -2) if swaps else x


def _lse_swapped(x: Any, conventions: Conventions) -> Any:
    """Log-sum-exps (…, heads, time) ↔ (…, time, heads), if the target has the latter."""
    swaps = conventions.lse_layout == "time-first" and isinstance(x, np.ndarray) and x.ndim > 1
    return np.swapaxes(x, -2, -1) if swaps else x


def _swap_heads_and_time(conventions: Conventions, *, weights: bool) -> CallTranslation:
    """Attention: the target has arrays (…, time, heads, width), log-sum-exps (…, time, heads), or both.

    An answer of `weights` is (…, heads, queries, keys) everywhere.
    """

    def to_target(given: Arguments) -> Arguments:
        return {k: _swapped(v, conventions) if k in _ATTENTION_ARRAYS else v for k, v in given.items()}

    def from_target(answer: Any, given: Arguments) -> Any:
        if not isinstance(answer, tuple):
            return answer if weights else _swapped(answer, conventions)
        if given.get("return_lse") and len(answer) == 2:
            return _swapped(answer[0], conventions), _lse_swapped(answer[1], conventions)
        return tuple(_swapped(part, conventions) for part in answer)

    return CallTranslation(to_target, from_target)


_OUTPUTS, _LSES = ("output_a", "output_b"), ("lse_a", "lse_b")


def _swap_partial_results(conventions: Conventions) -> CallTranslation:
    """Merging: the same for two outputs and their log-sum-exps."""

    def to_target(given: Arguments) -> Arguments:
        outputs = {name: _swapped(given[name], conventions) for name in _OUTPUTS}
        return {**given, **outputs, **{name: _lse_swapped(given[name], conventions) for name in _LSES}}

    def from_target(answer: Any, _: Arguments) -> Any:
        if not isinstance(answer, tuple) or len(answer) != 2:
            return answer
        return _swapped(answer[0], conventions), _lse_swapped(answer[1], conventions)

    return CallTranslation(to_target, from_target)


def lse_differs(conventions: Conventions) -> bool:
    """Whether the numbers of log-sum-exps are other than mathcore's."""
    return (conventions.lse_base, conventions.lse_of_nothing, conventions.lse_dtype) != ("e", "-inf", "any")


def lse_dtype_of(conventions: Conventions, lse: Any, output: Any) -> Any:
    """The dtype in which the target has log-sum-exps that mathcore has in that of `lse`."""
    return {"any": lse, "float32": np.dtype(np.float32), "inputs": output}[conventions.lse_dtype]


def _signs_of_nothing(lse: Any, conventions: Conventions) -> Any:
    """Log-sum-exps with +∞ and −∞ exchanged, if a fully masked row has +∞."""
    return np.where(np.isinf(lse), -lse, lse) if conventions.lse_of_nothing == "inf" else lse


def _log_sum_exps_from(conventions: Conventions) -> CallTranslation:
    """Attention: the target's log-sum-exps, in its base and with its infinity. They keep their dtype."""

    def from_target(answer: Any, given: Arguments) -> Any:
        if not (given.get("return_lse") and isinstance(answer, tuple) and len(answer) == 2):
            return answer
        return answer[0], _natural(answer[1], conventions)

    return CallTranslation(lambda given: given, from_target)


def _natural(lse: Any, conventions: Conventions) -> Any:
    if not isinstance(lse, (np.ndarray, np.generic)):
        return lse
    lse = np.asarray(lse)
    wide = _signs_of_nothing(lse.astype(np.float64), conventions)
    return (wide * np.log(2.0) if conventions.lse_base == "2" else wide).astype(lse.dtype)


def _log_sum_exps_to(conventions: Conventions) -> CallTranslation:
    """Merging: the same in both directions."""

    def to_target(given: Arguments) -> Arguments:
        by = 1 / np.log(2.0) if conventions.lse_base == "2" else 1.0
        changed = {}
        for name, output in zip(_LSES, _OUTPUTS, strict=True):
            dtype = lse_dtype_of(conventions, given[name].dtype, given[output].dtype)
            changed[name] = (_signs_of_nothing(given[name].astype(np.float64), conventions) * by).astype(dtype)
        return {**given, **changed}

    def from_target(answer: Any, _: Arguments) -> Any:
        if not isinstance(answer, tuple) or len(answer) != 2:
            return answer
        return answer[0], _natural(answer[1], conventions)

    return CallTranslation(to_target, from_target)


def _has_full_table(operation: str, conventions: Conventions) -> bool:
    return operation.startswith("apply_rope") and conventions.rope_table == "full"


def _widen_tables(given: Arguments) -> Arguments:
    """RoPE: cosines and sines for each feature instead of each pair."""

    def widened(x: Any) -> Any:
        return np.repeat(x, 2, -1) if given.get("interleaved") else np.concatenate([x, x], -1)

    return {**given, "cos": widened(given["cos"]), "sin": widened(given["sin"])}


def _narrow_tables(conventions: Conventions) -> CallTranslation:
    """RoPE: the target's table has a column for each feature. It stays as it is if those of a pair differ."""

    def narrowed(x: Any) -> Any:
        if conventions.rope_pairing == "interleaved":
            both = x[..., ::2], x[..., 1::2]
        else:
            both = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
        return both[0] if np.array_equal(*both) else x

    def from_target(answer: Any, _: Arguments) -> Any:
        tables = isinstance(answer, (tuple, list)) and all(isinstance(part, np.ndarray) for part in answer)
        return tuple(map(narrowed, answer)) if tables else answer

    return CallTranslation(lambda given: given, from_target)


def _one_array(operation: str, layout: str) -> CallTranslation:
    """Gates: the target takes the gate and `up` as one array, in the place of the gate; their biases as well."""

    def joined(gate: Any, up: Any) -> Any:
        if layout == "interleaved":
            return np.stack([gate, up], -1).reshape(*gate.shape[:-1], -1)
        return np.concatenate([gate, up] if layout == "gate-up" else [up, gate], -1)

    def to_target(given: Arguments) -> Arguments:
        changed = dict(given)
        for first, second in (("gate", "up"), ("gate_bias", "up_bias")):
            gate, up = changed.pop(first, None), changed.pop(second, None)
            if first == "gate" or not (gate is None and up is None):
                gate, up = (np.zeros_like(b) if a is None else a for a, b in ((gate, up), (up, gate)))
                gate = joined(gate, up)
            changed[first] = gate
        order = [name for name in given if name in changed]
        return {name: changed[name] for name in order}

    def apart(both: Any) -> tuple[Any, Any]:
        if layout == "interleaved":
            return both[..., ::2], both[..., 1::2]
        first, second = np.split(both, 2, -1)
        return (first, second) if layout == "gate-up" else (second, first)

    def from_target(answer: Any, given: Arguments) -> Any:
        if not operation.endswith("_vjp"):
            return answer
        bars = iter(answer if isinstance(answer, tuple) else (answer,))
        if operation != "gated_mlp_vjp":
            return apart(next(bars))
        x, (gate, up), down = next(bars), apart(next(bars)), next(bars)
        found = {"gate_bias": None, "up_bias": None}
        if any(given.get(name) is not None for name in found):
            found = dict(zip(found, apart(next(bars)), strict=True))
        return (x, gate, up, down, *(v for name, v in found.items() if given.get(name) is not None), *bars)

    return CallTranslation(to_target, from_target)


def _subtract_one(given: Arguments) -> Arguments:
    """RMSNorm: the target multiplies by 1 + weight."""
    weight = given["weight"]
    if not isinstance(weight, np.ndarray) or weight.dtype.kind in "iubO":
        return given
    return {**given, "weight": (weight.astype(np.float64) - 1).astype(weight.dtype)}


def _exchange_zero_and_nan(answer: Any, given: Arguments) -> Any:
    """Cosine similarity: the target's NaN where one of two finite vectors is zero is mathcore's 0, and vice versa."""
    a, b, axis = (given[name] for name in ("a", "b", "axis"))
    wide = [np.asarray(x, np.float64) for x in (a, b)]
    finite = np.logical_and(*(np.isfinite(x).all(axis) for x in wide))
    nothing = finite & np.logical_or(*((x == 0).all(axis) for x in wide))
    if isinstance(answer, tuple):
        return tuple(_exchanged(part, np.broadcast_to(np.expand_dims(nothing, axis), part.shape)) for part in answer)
    return _exchanged(answer, nothing)


def _exchanged(x: Any, where: Any) -> Any:
    zero, nan = x.dtype.type(0), x.dtype.type(np.nan)
    return np.where(where & np.isnan(x), zero, np.where(where & (x == 0), nan, x))


def _permute_rope_features(conventions: Conventions, takes_option: bool) -> CallTranslation:
    """RoPE: the target pairs other features, or swaps the features of each pair, which rotates them clockwise."""

    def target_interleaves(given: Arguments) -> bool:
        return bool(given.get("interleaved")) if takes_option else conventions.rope_pairing == "interleaved"

    def orders(given: Arguments) -> tuple[Any, Any]:
        d = given.get("rotary_dim")
        width = given["x"].shape[-1]
        d = width if d is None else d
        if "cos" in given:
            d = 2 * given["cos"].shape[-1]
        if d % 2 or d > width:
            return slice(None), slice(None)
        pairs = np.arange(d).reshape(2, -1).T  # row i holds the two features of mathcore's pair i
        if given.get("interleaved"):
            pairs = np.arange(d).reshape(-1, 2)
        pairs = pairs[:, ::-1] if conventions.rope_sign == -1 else pairs
        order = pairs.ravel() if target_interleaves(given) else pairs.T.ravel()
        if np.array_equal(order, np.arange(d)):
            return slice(None), slice(None)
        order = np.concatenate([order, np.arange(d, width)])
        return order, np.argsort(order)

    def to_target(given: Arguments) -> Arguments:
        order, _ = orders(given)
        permuted = {k: v[..., order] for k, v in given.items() if k in ("x", "cotangent") and isinstance(v, np.ndarray)}
        return {**given, **permuted, "interleaved": target_interleaves(given)}

    def from_target(answer: Any, given: Arguments) -> Any:
        _, back = orders(given)
        if isinstance(answer, tuple):
            return (answer[0][..., back], *answer[1:])
        return answer[..., back] if isinstance(answer, np.ndarray) else answer

    return CallTranslation(to_target, from_target)


def _permute_sinusoidal_features(conventions: Conventions, takes_option: bool) -> CallTranslation:
    """Sinusoidal encodings: the target orders sines and cosines differently."""

    def target_interleaves(given: Arguments) -> bool:
        return bool(given["interleaved"]) if takes_option else conventions.code_layout == "interleaved"

    def order(given: Arguments) -> Any:
        """For each of the target's coordinates, mathcore's."""
        dim = given["dim"]
        if target_interleaves(given) == given["interleaved"]:
            return np.arange(dim)
        halves = np.concatenate([np.arange(0, dim, 2), np.arange(1, dim, 2)])
        return halves if given["interleaved"] else np.argsort(halves)

    def to_target(given: Arguments) -> Arguments:
        permuted = {k: v[..., order(given)] for k, v in given.items() if k == "cotangent" and isinstance(v, np.ndarray)}
        return {**given, **permuted, "interleaved": target_interleaves(given)}

    def from_target(answer: Any, given: Arguments) -> Any:
        if "cotangent" in given or not isinstance(answer, np.ndarray):
            return answer
        return answer[..., np.argsort(order(given))]

    return CallTranslation(to_target, from_target)


def _invert_mask(given: Arguments) -> Arguments:
    mask = given.get("mask")
    return given if mask is None or np.asarray(mask).dtype != bool else {**given, "mask": ~np.asarray(mask)}


def _pass_default_scale(given: Arguments) -> Arguments:
    if given.get("scale") is not None or not given["query"].shape[-1]:
        return given
    return {**given, "scale": float(given["query"].shape[-1] ** -0.5)}


def _permute_query_heads() -> CallTranslation:
    """Grouped heads: query head h uses key head h // group in mathcore, h mod (number of key heads) in the target."""

    def order(given: Arguments) -> Any:
        query, key = given["query"], given["key"]
        if min(query.ndim, key.ndim) < 3 or not key.shape[-3] or query.shape[-3] % key.shape[-3]:
            return None
        return np.arange(query.shape[-3]).reshape(key.shape[-3], -1).T.ravel()

    def to_target(given: Arguments) -> Arguments:
        heads = order(given)
        if heads is None:
            return given
        changed: Arguments = {k: given[k][..., heads, :, :] for k in ("query", "cotangent") if k in given}
        for name in ("mask", "bias"):
            part = given.get(name)
            if isinstance(part, np.ndarray) and part.ndim > 2 and part.shape[-3] > 1:
                changed[name] = part[..., heads, :, :]
        if given.get("sinks") is not None:
            changed["sinks"] = given["sinks"][heads]
        return {**given, **changed}

    def from_target(answer: Any, given: Arguments) -> Any:
        heads = order(given)
        if heads is None:
            return answer
        back = np.argsort(heads)
        if not isinstance(answer, tuple):
            return answer[..., back, :, :]
        if "cotangent" in given:
            return (answer[0][..., back, :, :], *answer[1:3], *(part[back] for part in answer[3:]))
        return (answer[0][..., back, :, :], *(part[..., back, :] for part in answer[1:]))

    return CallTranslation(to_target, from_target)


def _transpose_weight(given: Arguments) -> Arguments:
    return {**given, "weight": np.swapaxes(given["weight"], -1, -2)} if np.ndim(given["weight"]) > 1 else given


def _transpose_weight_gradient(answer: Any, _: Arguments) -> Any:
    if isinstance(answer, tuple) and len(answer) > 1:
        return (answer[0], np.swapaxes(answer[1], -1, -2), *answer[2:])
    return answer
