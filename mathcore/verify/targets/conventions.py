"""Conventions: choices in which correct implementations differ.

Some only change the form of a call: which features make a pair, what True means in a mask. For a target that declares
one of those, arguments and answers are translated, and claims need not know; see `translations`. The others change
results, e.g. for a fully masked row or for ties. Claims read them from `ops.conventions`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints

import numpy as np


@dataclass(frozen=True)
class Conventions:
    """The conventions of a target. The defaults are mathcore's, except where they are "any", which means unknown.

    Attributes:
        summation: "pairwise" for NumPy's pairwise sums along a row, "any" for an unknown order.
        log_softmax: how logarithms of probabilities are computed, which grades log_softmax, logsumexp, cross_entropy
            and their derivatives by how little they round. "lse" is x − logsumexp(x), added in any order: the error
            grows with max |x|. "shifted" is (x − max x) − ln Σ exp(x − max x): a common offset costs nothing. "log1p"
            keeps the largest term out of the sum, too, so that a value near 0 keeps its own digits, and adds up no
            loss beyond the largest number where the mean is none.
        cosine: "scaled" if vectors are brought to length 1 in such a way that none is too long or short, and parallel
            ones are at exactly 1; "plain" for products over lengths, which hold where no square over- or underflows.
        reproducible: "bitwise" if the bits of a row depend on this row alone: not on the other rows or how many there
            are, on the axis or the memory layout, on where the array lies or the answer goes, on what is masked, or on
            a common offset or a power of two that cancels without rounding. "any" promises no more than `repeatable`.
        relu_slope_at_zero: the derivative at exactly 0.
        relu_slope_at_nan: where the input is NaN, the cotangent is multiplied by NaN, "one" or "zero".
        relu_of_minus_zero: "plus" if ReLU of −0 is +0.
        cross_entropy_of_nothing: the mean loss over no rows.
        softmax_of_nothing: the probabilities of a row whose scores are all −∞ or masked.
        attention_of_nothing: the output of a fully masked query: zeros, NaN, or the mean of all values.
        attention_of_minus_zero: "kept" if a query with a single visible key returns a −0 of its value as −0. Adding
            zeros times masked values makes it +0.
        argmax_ties: which of several equal highest scores is returned.
        argmax_nan: whether NaN counts as the highest score, or as −∞.
        rope_pairing: "half" pairs feature i with i + d/2, "interleaved" 2i with 2i + 1. For a target that takes
            `interleaved` as an option, its default.
        rope_sign: 1 rotates pairs counter-clockwise, −1 clockwise.
        rope_angles: "exact" if cosines and sines are correct to the last place at every position, "float64" or
            "float32" if the angle is rounded to that dtype, so that the error grows with the position. Also applies to
            sinusoidal encodings.
        code_layout: for sinusoidal encodings, "interleaved" if the sine and cosine of a frequency are neighbours,
            "halves" if all sines come first. For a target that takes `interleaved` as an option, its default.
        mask_polarity: whether True in a boolean mask keeps or drops a key.
        causal_alignment: for a target without `query_offset`, whether the first query is aligned with the first key
            ("top-left"), or the last with the last ("bottom-right").
        attention_layout: (…, heads, time, width), or (…, time, heads, width).
        attention_scale: the factor of the scores if no scale is given.
        grouped_heads: whether query heads that share a key head are adjacent ("repeat") or strided ("tile").
        linear_weight: whether the weight has the shape (inputs, outputs) or (outputs, inputs).
        subnormals: whether subnormal numbers are kept, or "flushed" to 0 in inputs and results.
        errors: whether bad arguments raise mathcore's errors and messages, any error, or none.
        repeatable: whether the same call always gives the same bits.
    """

    summation: Literal["pairwise", "any"] = "any"
    log_softmax: Literal["log1p", "shifted", "lse"] = "lse"
    cosine: Literal["scaled", "plain"] = "plain"
    reproducible: Literal["bitwise", "any"] = "any"
    relu_slope_at_zero: float = 0.0
    relu_slope_at_nan: Literal["nan", "one", "zero", "any"] = "any"
    relu_of_minus_zero: Literal["plus", "any"] = "any"
    cross_entropy_of_nothing: float = 0.0
    softmax_of_nothing: Literal["zeros", "nan", "uniform"] = "zeros"
    attention_of_nothing: Literal["zeros", "nan", "mean"] = "zeros"
    attention_of_minus_zero: Literal["kept", "any"] = "any"
    argmax_ties: Literal["first", "last", "any"] = "first"
    argmax_nan: Literal["highest", "ignored", "any"] = "highest"
    rope_pairing: Literal["half", "interleaved"] = "half"
    rope_sign: Literal[1, -1] = 1
    rope_angles: Literal["exact", "float64", "float32"] = "float64"
    code_layout: Literal["interleaved", "halves"] = "interleaved"
    mask_polarity: Literal["keep", "drop"] = "keep"
    causal_alignment: Literal["top-left", "bottom-right"] = "top-left"
    attention_layout: Literal["heads-first", "time-first"] = "heads-first"
    attention_scale: Literal["1/sqrt(d)", "1/d", "1"] = "1/sqrt(d)"
    grouped_heads: Literal["repeat", "tile"] = "repeat"
    linear_weight: Literal["in-out", "out-in"] = "in-out"
    subnormals: Literal["kept", "flushed"] = "kept"
    errors: Literal["mathcore", "any", "none"] = "any"
    repeatable: bool = True

    def __post_init__(self) -> None:
        for name, choices in choices_of_conventions().items():
            if choices and getattr(self, name) not in choices:
                raise ValueError(f"convention `{name}` must be one of {choices}, got {getattr(self, name)!r}")

    def alternatives(self, needs: tuple[str, ...]) -> list[Conventions]:
        """All conventions that differ from these in one choice that affects the operations."""
        changes: list[dict[str, Any]] = [
            {name: choice}
            for name, choices in choices_of_conventions().items()
            if any(part in need for part in _AFFECTS.get(name, ()) for need in needs)
            for choice in _CANDIDATES.get(name, choices)
            if repr(choice) != repr(getattr(self, name))
        ]
        return [dataclasses.replace(self, **change) for change in changes]

    def difference(self, other: Conventions) -> dict[str, Any]:
        """The conventions of `other` that differ from these."""
        names = [f.name for f in dataclasses.fields(self)]
        return {n: getattr(other, n) for n in names if repr(getattr(other, n)) != repr(getattr(self, n))}


_AFFECTS: Mapping[str, tuple[str, ...]] = {
    "log_softmax": ("log_softmax", "logsumexp", "cross_entropy"),
    "cosine": ("cosine_similarity",),
    "reproducible": ("",),
    "relu_slope_at_zero": ("relu",),
    "relu_slope_at_nan": ("relu",),
    "relu_of_minus_zero": ("relu",),
    "cross_entropy_of_nothing": ("cross_entropy",),
    "softmax_of_nothing": ("softmax", "logsumexp"),
    "attention_of_nothing": ("attention",),
    "attention_of_minus_zero": ("attention",),
    "argmax_ties": ("argmax",),
    "argmax_nan": ("argmax",),
    "rope_pairing": ("rope",),
    "rope_sign": ("rope",),
    "rope_angles": ("rope", "sinusoidal"),
    "code_layout": ("sinusoidal",),
    "mask_polarity": ("attention",),
    "causal_alignment": ("attention",),
    "attention_layout": ("attention",),
    "attention_scale": ("attention",),
    "grouped_heads": ("attention",),
    "linear_weight": ("linear",),
    "subnormals": ("",),
    "errors": ("",),
}
_CANDIDATES: Mapping[str, tuple[Any, ...]] = {
    "reproducible": ("any",),  # nothing that is wrong becomes right by promising more
    "log_softmax": ("shifted", "lse"),
    "cosine": ("plain",),
    "relu_slope_at_zero": (0.0, 0.5, 1.0),
    "cross_entropy_of_nothing": (0.0, float("nan")),
}


def choices_of_conventions() -> dict[str, tuple[Any, ...]]:
    """Every convention with its allowed values; () for one that is a number."""
    return {name: get_args(hint) for name, hint in get_type_hints(Conventions).items()}


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
    steps = []
    if operation in ("rope", "rope_vjp", "apply_rope", "apply_rope_vjp"):
        steps.append(_permute_rope_features(conventions, bool(options and {"interleaved", "**"} & options)))
    elif operation.startswith("sinusoidal"):
        steps.append(_permute_sinusoidal_features(conventions, bool(options and {"interleaved", "**"} & options)))
    elif "attention" in operation and not operation.startswith(("merge", "multi")):
        if conventions.mask_polarity == "drop":
            steps.append(CallTranslation(_invert_mask))
        if conventions.grouped_heads == "tile":
            steps.append(_permute_query_heads())
        if conventions.attention_scale != "1/sqrt(d)":
            steps.append(CallTranslation(_pass_default_scale))
        if conventions.attention_layout == "time-first":
            steps.append(_swap_heads_and_time())
    elif operation in ("linear", "linear_vjp") and conventions.linear_weight == "out-in":
        steps.append(CallTranslation(_transpose_weight, _transpose_weight_gradient))
    return steps


_ATTENTION_ARRAYS = ("cotangent", "query", "key", "value")


def _swap_heads_and_time() -> CallTranslation:
    """Attention: the target has arrays (…, time, heads, width)."""

    def swap(x: Any) -> Any:
        return np.swapaxes(x, -3, -2) if isinstance(x, np.ndarray) and x.ndim > 2 else x

    def to_target(given: Arguments) -> Arguments:
        return {k: swap(v) if k in _ATTENTION_ARRAYS else v for k, v in given.items()}

    def from_target(answer: Any, given: Arguments) -> Any:
        return tuple(from_target(part, given) for part in answer) if isinstance(answer, tuple) else swap(answer)

    return CallTranslation(to_target, from_target)


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
        return {**given, **changed}

    def from_target(answer: Any, given: Arguments) -> Any:
        heads = order(given)
        if heads is None:
            return answer
        back = np.argsort(heads)
        if not isinstance(answer, tuple):
            return answer[..., back, :, :]
        if "cotangent" in given:
            return (answer[0][..., back, :, :], *answer[1:])
        return (answer[0][..., back, :, :], *(part[..., back, :] for part in answer[1:]))

    return CallTranslation(to_target, from_target)


def _transpose_weight(given: Arguments) -> Arguments:
    return {**given, "weight": np.swapaxes(given["weight"], -1, -2)} if np.ndim(given["weight"]) > 1 else given


def _transpose_weight_gradient(answer: Any, _: Arguments) -> Any:
    if isinstance(answer, tuple) and len(answer) > 1:
        return (answer[0], np.swapaxes(answer[1], -1, -2), *answer[2:])
    return answer
