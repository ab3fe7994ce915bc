"""Detectors of attention and of merging its partial results."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, NotTriedError, TargetError
from mathcore.verify.targets.probes.halves import half_precision
from mathcore.verify.targets.probes.probe import Array, Detector, Probe, numbers
from mathcore.verify.targets.probes.rows import flushing
from mathcore.verify.tolerances import dtype_named


def _attention_layout(probe: Probe) -> tuple[Any, str]:
    found = {_layout_of(probe, *shape) for shape in ((2, 3), (3, 2))}
    value, shown = found.pop() if len(found) == 1 else (None, "")
    return value, shown or "arrays (1, 2, 3, …) and (1, 3, 2, …) are read in different ways"


def _layout_of(probe: Probe, first: int, second: int) -> tuple[Any, str]:
    x = probe.floats(np.zeros((1, first, second, probe.width(8))))
    value = x.copy()
    value[0, 0, 0] = 1
    moved = abs(probe(x, x, value)[0]).sum(-1) > 0
    shown = "of arrays (1, a, b, width), the value at (0, 0) reaches the outputs"
    if moved[0].all() and not moved[1:].any():
        return "heads-first", f"{shown} (0, 0) … (0, b − 1)"
    if moved[:, 0].all() and not moved[:, 1:].any():
        return "time-first", f"{shown} (0, 0) … (a − 1, 0)"
    return None, f"{shown} {np.argwhere(moved).tolist()}"


def _in_layout(probe: Probe, x: Any) -> Array:
    """An array (heads, time, width) as the target has it, with a batch axis."""
    x = probe.floats(x)[None]
    return np.ascontiguousarray(np.swapaxes(x, 1, 2)) if _is_time_first(probe) else x


def _is_time_first(probe: Probe) -> bool:
    return bool(probe.known.get("attention_layout") == "time-first")


def _attend(probe: Probe, query: Any, key: Any, value: Any, **options: Any) -> Array:
    """Attention on (heads, time, width), whatever the layout."""
    answer = probe(*(_in_layout(probe, x) for x in (query, key, value)), **options)
    return (np.swapaxes(answer, 1, 2) if _is_time_first(probe) else answer)[0]


def _attention_scale(probe: Probe) -> tuple[Any, str]:
    named, shown = zip(*(_scale_at(probe, probe.width(least)) for least in (16, 64)), strict=True)
    return (named[0] if len(set(named)) == 1 else None), ", ".join(dict.fromkeys(shown))


def _scale_at(probe: Probe, d: int) -> tuple[Any, str]:
    query, key = np.zeros((1, 1, d)), np.zeros((1, 2, d))
    query[..., 0], key[0, 0, 0] = 1, 1
    value = np.zeros((1, 2, d))
    value[0, 0, 0] = value[0, 1, 1] = 1
    weights = _attend(probe, query, key, value)[0, 0]
    scale = float(np.log(weights[0] / weights[1]))
    known = {"1/sqrt(d)": d**-0.5, "1/d": 1 / d, "1": 1.0}
    near = next((name for name, s in known.items() if abs(scale / s - 1) < 0.05), None)
    return near, f"at width {d}, a product of 1 makes a log ratio of {scale:.4f}"


def _visible(probe: Probe, queries: int, keys: int, **options: Any) -> Array:
    """The attention weights of equal keys, which show the keys that each query sees."""
    width = probe.width(8)
    value = np.zeros((1, keys, width))
    value[0, range(keys), range(keys)] = 1
    return _attend(probe, np.zeros((1, queries, width)), np.zeros((1, keys, width)), value, **options)[0, :, :keys]


def _uniform(seen: Array) -> Array:
    """The weights of equal keys, where at least one is seen."""
    return np.asarray(seen / seen.sum(-1, keepdims=True))


def _mask_polarity(probe: Probe) -> tuple[Any, str]:
    masks = [np.array([[1, 0, 0], [0, 1, 0]], bool), np.array([[1, 1, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0]], bool)]
    weights = [_visible(probe, *mask.shape, mask=mask) for mask in masks]
    value = next((name for name, expected in (("keep", masks), ("drop", [~mask for mask in masks]))
                  if all(np.allclose(w, _uniform(m), atol=0.01) for w, m in zip(weights, expected, strict=True))),
                 None)  # fmt: skip
    return value, f"with the mask (True, False, False) the weights are {numbers(weights[0][0])}"


def _causal_alignment(probe: Probe) -> tuple[Any, str]:
    shapes = ((2, 5), (3, 4), (3, 3))
    weights = [_visible(probe, *shape, is_causal=True) for shape in shapes]

    def agrees(bottom_right: bool) -> bool:
        masks = [np.tri(q, k, k - q if bottom_right else 0) for q, k in shapes]
        return all(np.allclose(w, _uniform(m), atol=0.01) for w, m in zip(weights, masks, strict=True))

    value = "top-left" if agrees(False) else "bottom-right" if agrees(True) else None
    counts = (weights[0] > 0.01).sum(-1)
    return value, f"of 5 keys, 2 causal queries see {counts[0]} and {counts[1]}"


def _hiding(probe: Probe, hidden: Array) -> Array:
    """A mask that hides where told."""
    return hidden if probe.known.get("mask_polarity") == "drop" else ~hidden


def _ways_to_hide(probe: Probe, hidden: Array) -> Iterator[dict[str, Any]]:
    """Options that hide where told; a target may lack any of them."""
    yield {"mask": _hiding(probe, hidden)}
    yield {"bias": probe.floats(np.where(hidden, -np.inf, 0.0))}
    if probe.known.get("causal_alignment") == "top-left" and np.array_equal(hidden, np.tri(*hidden.shape) == 0):
        yield {"is_causal": True}


def _while_hiding(probe: Probe, hidden: Array, attend: Callable[..., Array]) -> Array:
    """What attention answers while it hides, by the first way that the target has."""
    *ways, last = _ways_to_hide(probe, hidden)
    for options in ways:
        with contextlib.suppress(NotTriedError):
            return attend(**options)
    return attend(**last)


def _attention_of_nothing(probe: Probe) -> tuple[Any, str]:
    hidden = np.array([[True] * 3, [False] * 3])
    weights = _while_hiding(probe, hidden, partial(_visible, probe, 2, 3))[0]
    value = "nan" if np.isnan(weights).any() else "zeros" if (weights == 0).all() else None
    if value is None and np.allclose(weights, 1 / 3, atol=0.01):
        value = "mean"
    return value, f"a query that sees none of 3 keys has the weights {numbers(weights)}"


def _grouped_heads(probe: Probe) -> tuple[Any, str]:
    found, shown = zip(*(_grouping(probe, *heads) for heads in ((4, 2), (6, 2), (6, 3))), strict=True)
    return (found[0] if len(set(found)) == 1 else None), shown[0]


def _grouping(probe: Probe, heads: int, key_heads: int) -> tuple[Any, str]:
    key, of = np.zeros((key_heads, 1, probe.width(8))), np.arange(key_heads) + 1
    came = _attend(probe, np.zeros((heads, 1, key.shape[-1])), key, key + of[:, None, None])[:, 0, 0]
    group = heads // key_heads
    value = next((name for name, expected in (("repeat", np.repeat(of, group)), ("tile", np.tile(of, group)))
                  if np.allclose(came, expected, atol=0.01)), None)  # fmt: skip
    shown = ", ".join(f"{x:.3g}" for x in came)
    return value, f"{heads} query heads on {key_heads} key heads read from the key heads {shown}"


def _hidden_values(probe: Probe) -> tuple[Any, str]:
    width = probe.width(8)
    query, key, value = np.zeros((1, 1, width)), np.zeros((1, 2, width)), np.ones((1, 2, width))
    hidden, came = np.array([[False, True]]), []
    for name in ("value", "key"):
        arrays = {"key": key, "value": value}
        arrays[name] = np.where(np.arange(2)[:, None] == 1, np.nan, arrays[name])
        came.append(_while_hiding(probe, hidden, partial(_attend, probe, query, **arrays)))
    known = "any" if np.allclose(came, 1.0, atol=0.01) else "finite" if any(np.isnan(y).any() for y in came) else None
    return known, f"beside a masked key with NaN, the output is {came[0][0, 0, 0]:g}"


# Log-sum-exps.
def _log_sum_exps(probe: Probe, keys: int, key: Any = 0.0, dtype: str | None = None, **options: Any) -> Array:
    """The log-sum-exps of two heads and three queries of ones."""
    width = probe.width(8)
    arrays = [np.ones((2, 3, width)), np.broadcast_to(key, (2, keys, width)), np.ones((2, keys, width))]
    laid = (_in_layout(probe, x) for x in arrays)
    parts = probe.parts(
        *(x if dtype is None else x.astype(dtype_named(dtype)) for x in laid), return_lse=True, **options
    )
    if len(parts) != 2:
        raise ValueError(f"with `return_lse` it returned {len(parts)} parts")
    return parts[1]


def _lse_layout(probe: Probe) -> tuple[Any, str]:
    shape = _log_sum_exps(probe, 4).shape
    value = {(1, 2, 3): "heads-first", (1, 3, 2): "time-first"}.get(shape)
    return value, f"of 2 heads and 3 queries, the log-sum-exps have the shape {shape}"


def _lse_base(probe: Probe) -> tuple[Any, str]:
    each = (3, 0.0), (5, 0.0), (4, 0.25)
    found = [_log_sum_exps(probe, keys, key).astype(np.float64).ravel() for keys, key in each]
    width = probe.width(8)
    scale = {"1": 1.0, "1/d": 1 / width}.get(str(probe.known.get("attention_scale")), width**-0.5)
    true = [np.log(keys) + key * width * scale for keys, key in each]

    def agrees(by: float) -> bool:
        return all(np.allclose(a, b * by, rtol=0.01) for a, b in zip(found, true, strict=True))

    value = "e" if agrees(1.0) else "2" if agrees(1 / np.log(2)) else None
    return value, f"the log-sum-exp of 3 scores of 0 is {found[0][0]:.4f}"


def _lse_dtype(probe: Probe) -> tuple[Any, str]:
    came = {name: _log_sum_exps(probe, 3, dtype=name).dtype.name for name in probe.target.dtypes}
    return _dtype_rule(came), ", ".join(f"{given} gives log-sum-exps in {dtype}" for given, dtype in came.items())


def _dtype_rule(came: dict[str, str]) -> str | None:
    """The rule behind a dtype of log-sum-exps for each dtype of inputs."""
    at_least = {"float64": ("float64", "float32")}  # for others, float32
    if all(dtype in at_least.get(given, ("float32", "float64")) for given, dtype in came.items()):
        return "float32" if came.get("float64") == "float32" else "any"
    return "inputs" if all(given == dtype for given, dtype in came.items()) else None


def _lse_of_nothing(probe: Probe) -> tuple[Any, str]:
    hidden = np.array([[True] * 4, [False] * 4, [False] * 4])
    lse = _log_sum_exps(probe, 4, mask=_hiding(probe, hidden)).astype(np.float64)
    first = lse[0, 0] if probe.known.get("lse_layout") == "time-first" else lse[0, :, 0]
    value = {-np.inf: "-inf", np.inf: "inf"}.get(first[0]) if len(set(first)) == 1 else None
    return value, f"the log-sum-exp of a fully masked row is {first[0]:g}"


# Merging.
def _merged(
    probe: Probe, lse_b: float, *, crossed: bool = False, lse_a: float = 0.0, output_b: float = 3.0
) -> list[Array]:
    """Outputs of 1 and 3, of two heads and three queries, merged."""
    a = probe.floats(np.ones((1, 2, 3, probe.width(8))))
    shape = (1, 3, 2) if crossed else (1, 2, 3)
    first, second = (np.full(shape, lse, np.float64 if a.dtype == np.float64 else np.float32) for lse in (lse_a, lse_b))
    parts = probe.parts(a, first, output_b * a, second)
    if len(parts) != 2 or parts[0].shape != a.shape or parts[1].shape != shape:
        raise ValueError(f"it returned the shapes {', '.join(str(part.shape) for part in parts)}")
    return [part.astype(np.float64) for part in parts]


def _layout_of_merged(probe: Probe) -> tuple[Any, str]:
    try:
        _merged(probe, 0.0)
    except (TargetError, ContractError, ValueError):
        _merged(probe, 0.0, crossed=True)
        return "time-first", "of outputs (1, 2, 3, width), the log-sum-exps have the shape (1, 3, 2)"
    return "heads-first", "of outputs (1, 2, 3, width), the log-sum-exps have the shape (1, 2, 3)"


def _base_of_merged(probe: Probe) -> tuple[Any, str]:
    crossed = probe.known.get("lse_layout") == "time-first"
    found = {lse: _merged(probe, lse, crossed=crossed) for lse in (3.0, -1.0)}

    def agrees(base: float) -> bool:
        return all(
            np.allclose(mix, 1 + 2 / (1 + base**-lse), atol=0.01)
            and np.allclose(total, np.log(1 + base**lse) / np.log(base), atol=0.01)
            for lse, (mix, total) in found.items()
        )

    value = "e" if agrees(np.e) else "2" if agrees(2.0) else None
    share = (found[3.0][0].flat[0] - 1) / 2
    return value, f"of two parts whose log-sum-exps differ by 3, the larger has the share {share:.4f}"


def _nothing_merged(probe: Probe) -> tuple[Any, str]:
    crossed = probe.known.get("lse_layout") == "time-first"
    for given in (-np.inf, np.inf):
        total = set(_merged(probe, given, lse_a=given, crossed=crossed)[1].ravel().tolist())
        if total in ({-np.inf}, {np.inf}):
            value = "-inf" if total == {-np.inf} else "inf"
            return value, f"two parts with log-sum-exps of {given:g} have one of {total.pop():g} together"
    return None, "two parts without keys have no infinite log-sum-exp together"


def _hidden_in_merged(probe: Probe) -> tuple[Any, str]:
    nothing = np.inf if probe.known.get("lse_of_nothing") == "inf" else -np.inf
    crossed = probe.known.get("lse_layout") == "time-first"
    right, came = (_merged(probe, nothing, crossed=crossed, output_b=b)[0] for b in (3.0, np.nan))
    known = None if not np.allclose(right, 1.0) else "any" if np.allclose(came, 1.0) else "finite"
    return known, f"beside a part that saw nothing, whose output is NaN, the output is {came.flat[0]:g}"


def _dtype_of_merged(probe: Probe) -> tuple[Any, str]:
    crossed = probe.known.get("lse_layout") == "time-first"
    shape, came = ((1, 3, 2) if crossed else (1, 2, 3)), {}
    for name in probe.target.dtypes:
        a = np.ones((1, 2, 3, probe.width(8))).astype(dtype_named(name))
        lse = np.zeros(shape, np.float64 if name == "float64" else np.float32)
        came[name] = probe.parts(a, lse, a, lse)[1].dtype.name
    return _dtype_rule(came), ", ".join(f"{given} gives log-sum-exps in {dtype}" for given, dtype in came.items())


def _subnormal_value(probe: Probe) -> tuple[Any, str]:
    one = np.ones((1, 1, probe.width(8)))
    return flushing("a single value", probe.tiny / 8, _attend(probe, one, one, one * probe.tiny / 8))


OF_ATTENTION: dict[str, Detector] = {
    "attention_layout": _attention_layout,
    "attention_scale": _attention_scale,
    "mask_polarity": _mask_polarity,
    "causal_alignment": _causal_alignment,
    "attention_of_nothing": _attention_of_nothing,
    "hidden_values": _hidden_values,
    "grouped_heads": _grouped_heads,
    "lse_layout": _lse_layout,
    "lse_base": _lse_base,
    "lse_dtype": _lse_dtype,
    "lse_of_nothing": _lse_of_nothing,
    "subnormals": _subnormal_value,
    "half_precision": half_precision,
}
OF_MERGES: dict[str, Detector] = {
    "lse_layout": _layout_of_merged,
    "lse_base": _base_of_merged,
    "lse_dtype": _dtype_of_merged,
    "lse_of_nothing": _nothing_merged,
    "hidden_values": _hidden_in_merged,
}
