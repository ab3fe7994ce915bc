"""Conventions: what implementations disagree about without being wrong.

Some only name things differently (which features make a pair, what True means in a mask). A target that declares one of
those is called in its own way, and its answers are read back, so that claims need not know: see `translations`.
The others change answers (a row with nothing to see, ties); claims read them from `ops.conventions`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints

import numpy as np


@dataclass(frozen=True)
class Conventions:
    """What a target does where several ways are in use; the defaults are mathcore's, but for those that are "any".

    Attributes:
        summation: "pairwise" if sums along a row are NumPy's pairwise ones, "any" if the order is not known.
        relu_slope_at_zero: the derivative that is used at exactly 0.
        relu_slope_at_nan: whether the derivative is NaN where the input is, or lets the cotangent through, or stops it;
            "any" if that is not known.
        relu_of_minus_zero: whether ReLU of −0 is +0; "any" if that is not known.
        cross_entropy_of_nothing: the mean over no rows.
        softmax_of_nothing: a row of scores that are all −∞, or all hidden.
        attention_of_nothing: a query that sees no key; "mean" is that of all values, "nan" not a number.
        attention_of_minus_zero: whether a query that sees a single key gets a −0 of its value as −0; it does not where
            zeros times hidden values are added. "any" if that is not known.
        argmax_ties: which of equal scores wins; "any" if that is not known.
        argmax_nan: whether a NaN counts as the highest score, or as −∞; "any" if it depends, or is not known.
        rope_pairing: "half" pairs feature i with i + d/2, "interleaved" 2i with 2i + 1. Of a target that offers
            `interleaved` as an option, what it does without.
        rope_sign: 1 turns a pair counter-clockwise, −1 clockwise.
        rope_angles: "exact" if cosines and sines are right to the last place at every position, "float64" or "float32"
            if the angle itself is such a number, whose rounding grows with the position. Codes of positions included.
        code_layout: of the sinusoidal code, "interleaved" if the sine and cosine of a frequency stand side by side,
            "halves" if all sines come first. Of a target that offers `interleaved` as an option, what it does without.
        mask_polarity: whether True in a boolean mask keeps a key or drops it.
        causal_alignment: of a target without `query_offset`, whether the first query stands at the first key, or the
            last at the last.
        attention_layout: (…, heads, time, width), or (…, time, heads, width).
        attention_scale: what products are multiplied by if no scale is given.
        grouped_heads: query heads that share a key head are neighbours ("repeat"), or lie apart ("tile").
        linear_weight: (inputs, outputs), or (outputs, inputs).
        subnormals: whether numbers below the smallest normal one are kept, or are "flushed" to 0 on the way in and out.
        errors: how bad arguments are refused: with mathcore's classes and words, with any error, or not at all.
        repeatable: whether the same call always gives the same bits.
    """

    summation: Literal["pairwise", "any"] = "any"
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
        """These conventions with one changed that bears on the operations."""
        changes: list[dict[str, Any]] = [
            {name: choice}
            for name, choices in choices_of_conventions().items()
            if any(part in need for part in _BEARS_ON.get(name, ()) for need in needs)
            for choice in choices or _NUMBERS[name]
            if repr(choice) != repr(getattr(self, name))
        ]
        return [dataclasses.replace(self, **change) for change in changes]

    def difference(self, other: Conventions) -> dict[str, Any]:
        """What `other` declares differently."""
        names = [f.name for f in dataclasses.fields(self)]
        return {n: getattr(other, n) for n in names if repr(getattr(other, n)) != repr(getattr(self, n))}


_BEARS_ON: Mapping[str, tuple[str, ...]] = {
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
_NUMBERS: Mapping[str, tuple[float, ...]] = {
    "relu_slope_at_zero": (0.0, 0.5, 1.0),
    "cross_entropy_of_nothing": (0.0, float("nan")),
}


def choices_of_conventions() -> dict[str, tuple[Any, ...]]:
    """Every convention with the values it may have; none listed for a number."""
    return {name: get_args(hint) for name, hint in get_type_hints(Conventions).items()}


Operation = Callable[..., Any]
Arguments = dict[str, Any]


@dataclass(frozen=True)
class CallTranslation:
    """How a call is put to a target that names things differently, and how its answer is read.

    Attributes:
        ask: mathcore's arguments by name → the target's.
        read: the target's answer, and mathcore's arguments → mathcore's answer.
    """

    ask: Callable[[Arguments], Arguments]
    read: Callable[[Any, Arguments], Any]


def translations(
    operation: str, conventions: Conventions, options: frozenset[str] | None = None
) -> list[CallTranslation]:
    """What must be done to call `operation` by these conventions; `options` are the names that the function takes."""
    ways = []
    if operation in ("rope", "rope_vjp", "apply_rope", "apply_rope_vjp"):
        ways.append(_permute_rope_features(conventions, bool(options and {"interleaved", "**"} & options)))
    elif operation.startswith("sinusoidal"):
        ways.append(_permute_sinusoidal_features(conventions, bool(options and {"interleaved", "**"} & options)))
    elif "attention" in operation and not operation.startswith(("merge", "multi")):
        if conventions.mask_polarity == "drop":
            ways.append(CallTranslation(_invert_mask, lambda answer, _: answer))
        if conventions.grouped_heads == "tile":
            ways.append(_permute_query_heads())
        if conventions.attention_scale != "1/sqrt(d)":
            ways.append(CallTranslation(_pass_default_scale, lambda answer, _: answer))
        if conventions.attention_layout == "time-first":
            ways.append(_mapped(_ATTENTION_ARRAYS, lambda x, _: np.swapaxes(x, -3, -2) if x.ndim > 2 else x))
    elif operation in ("linear", "linear_vjp") and conventions.linear_weight == "out-in":
        ways.append(CallTranslation(_transpose_weight, _transpose_weight_gradient))
    return ways


_ATTENTION_ARRAYS = ("cotangent", "query", "key", "value")


def _mapped(names: tuple[str, ...], change: Callable[[Any, Arguments], Any]) -> CallTranslation:
    """Change the named arrays on the way in, and every array on the way out in the same manner."""

    def ask(given: Arguments) -> Arguments:
        return {k: change(v, given) if k in names and isinstance(v, np.ndarray) else v for k, v in given.items()}

    def read(answer: Any, given: Arguments) -> Any:
        if isinstance(answer, tuple):
            return tuple(read(part, given) for part in answer)
        return change(answer, given) if isinstance(answer, np.ndarray) else answer

    return CallTranslation(ask, read)


def _permute_rope_features(conventions: Conventions, offers_both: bool) -> CallTranslation:
    """RoPE: the target pairs other features, or its pairs the other way round, which turns them clockwise."""

    def theirs(given: Arguments) -> bool:
        return bool(given.get("interleaved")) if offers_both else conventions.rope_pairing == "interleaved"

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
        order = pairs.ravel() if theirs(given) else pairs.T.ravel()
        if np.array_equal(order, np.arange(d)):
            return slice(None), slice(None)
        order = np.concatenate([order, np.arange(d, width)])
        return order, np.argsort(order)

    def ask(given: Arguments) -> Arguments:
        order, _ = orders(given)
        moved = {k: v[..., order] for k, v in given.items() if k in ("x", "cotangent") and isinstance(v, np.ndarray)}
        return {**given, **moved, "interleaved": theirs(given)}

    def read(answer: Any, given: Arguments) -> Any:
        _, back = orders(given)
        if isinstance(answer, tuple):
            return (answer[0][..., back], *answer[1:])
        return answer[..., back] if isinstance(answer, np.ndarray) else answer

    return CallTranslation(ask, read)


def _permute_sinusoidal_features(conventions: Conventions, offers_both: bool) -> CallTranslation:
    """The sinusoidal code: the target lists sines and cosines in the other of the two orders."""

    def theirs(given: Arguments) -> bool:
        return bool(given["interleaved"]) if offers_both else conventions.code_layout == "interleaved"

    def order(given: Arguments) -> Any:
        """Which of mathcore's coordinates stands at each of the target's."""
        dim = given["dim"]
        if theirs(given) == given["interleaved"]:
            return np.arange(dim)
        halves = np.concatenate([np.arange(0, dim, 2), np.arange(1, dim, 2)])
        return halves if given["interleaved"] else np.argsort(halves)

    def ask(given: Arguments) -> Arguments:
        moved = {k: v[..., order(given)] for k, v in given.items() if k == "cotangent" and isinstance(v, np.ndarray)}
        return {**given, **moved, "interleaved": theirs(given)}

    def read(answer: Any, given: Arguments) -> Any:
        if "cotangent" in given or not isinstance(answer, np.ndarray):
            return answer
        return answer[..., np.argsort(order(given))]

    return CallTranslation(ask, read)


def _invert_mask(given: Arguments) -> Arguments:
    mask = given.get("mask")
    return given if mask is None or np.asarray(mask).dtype != bool else {**given, "mask": ~np.asarray(mask)}


def _pass_default_scale(given: Arguments) -> Arguments:
    if given.get("scale") is not None or not given["query"].shape[-1]:
        return given
    return {**given, "scale": float(given["query"].shape[-1] ** -0.5)}


def _permute_query_heads() -> CallTranslation:
    """Mathcore's query head h uses key head h // group; a target that tiles uses h mod key heads."""

    def order(given: Arguments) -> Any:
        query, key = given["query"], given["key"]
        if min(query.ndim, key.ndim) < 3 or not key.shape[-3] or query.shape[-3] % key.shape[-3]:
            return None
        return np.arange(query.shape[-3]).reshape(key.shape[-3], -1).T.ravel()

    def ask(given: Arguments) -> Arguments:
        heads = order(given)
        if heads is None:
            return given
        changed: Arguments = {k: given[k][..., heads, :, :] for k in ("query", "cotangent") if k in given}
        for name in ("mask", "bias"):
            part = given.get(name)
            if isinstance(part, np.ndarray) and part.ndim > 2 and part.shape[-3] > 1:
                changed[name] = part[..., heads, :, :]
        return {**given, **changed}

    def read(answer: Any, given: Arguments) -> Any:
        heads = order(given)
        if heads is None:
            return answer
        back = np.argsort(heads)
        if not isinstance(answer, tuple):
            return answer[..., back, :, :]
        if "cotangent" in given:
            return (answer[0][..., back, :, :], *answer[1:])
        return (answer[0][..., back, :, :], *(part[..., back, :] for part in answer[1:]))

    return CallTranslation(ask, read)


def _transpose_weight(given: Arguments) -> Arguments:
    return {**given, "weight": np.swapaxes(given["weight"], -1, -2)} if np.ndim(given["weight"]) > 1 else given


def _transpose_weight_gradient(answer: Any, _: Arguments) -> Any:
    if isinstance(answer, tuple) and len(answer) > 1:
        return (answer[0], np.swapaxes(answer[1], -1, -2), *answer[2:])
    return answer
