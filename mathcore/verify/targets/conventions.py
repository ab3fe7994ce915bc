"""Conventions: choices in which correct implementations differ.

Some only change the form of a call: which features make a pair, what True means in a mask. For a target that declares
one of those, arguments and answers are translated, and claims need not know; see `translations`. Others exclude inputs,
which are not tried; see `exclusions`. The rest change results, e.g. for a fully masked row or for ties. Claims read
them from `ops.conventions`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints


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
        temperature: "shifted" if the highest score is subtracted before scores are divided by a temperature; "divided"
            if they are divided first, so that the error grows with max |x| / T.
        intermediates: "in-range" if nothing on the way to a result over- or underflows where the result does not:
            scores over a temperature, sums of values before they are divided, the cube of a length. With "any", calls
            in which those of the formula do are not tried.
        cosine: "scaled" if vectors are brought to length 1 in such a way that none is too long or short, and parallel
            ones are at exactly 1; "plain" for products over lengths, which hold where no square over- or underflows.
        reproducible: "bitwise" if the bits of a row depend on this row alone: not on the other rows or how many there
            are, on the axis or the memory layout, on where the array lies or the answer goes, on what is masked, or on
            a common offset or a power of two that cancels without rounding. "any" promises no more than `repeatable`.
        relu_slope_at_zero: the derivative at exactly 0.
        relu_slope_at_nan: where the input is NaN, the cotangent is multiplied by NaN, "one" or "zero".
        relu_of_minus_zero: "plus" if ReLU of −0 is +0.
        gelu: for a function without `approximate`, whether it is the exact GELU, the one by "tanh" or the "quick" one.
        activation_tails: "relative" if small results of sigmoid, softplus, silu and gelu keep their digits; "absolute"
            if terms of the size of 1, or of |x|, are added up on the way.
        activation_of_minus_infinity: what silu and gelu are at −∞: their limit 0, or "nan" if −∞ · 0 may be taken.
            Their derivatives at ±∞ are tried if it is the limit.
        softplus_threshold: beyond which softplus is x itself.
        gate_up_layout: what `swiglu`, `geglu` and `gated_mlp` take: the gate and `up` "apart", or as one array in the
            place of the gate, along the last axis: "gate-up" if all of the gate comes first, "up-gate" if last,
            "interleaved" if its columns and those of `up` take turns. Their biases are one array likewise, and so are
            their cotangents.
        cross_entropy_of_nothing: the mean loss over no rows.
        softmax_of_nothing: the probabilities of a row whose scores are all −∞ or masked.
        attention_of_nothing: the output of a fully masked query: zeros, NaN, or the mean of all values.
        attention_of_minus_zero: "kept" if a query with a single visible key returns a −0 of its value as −0. Adding
            zeros times masked values makes it +0.
        hidden_values: "finite" if what a query does not see must be finite, because the target multiplies it by 0:
            keys, values, biases, scores, cotangents of the query; the output of a part without keys that is merged;
            and the rows that `ignore_index` leaves out of a loss. Other inputs are not tried.
        lse_base: whether log-sum-exps are natural logarithms, or logarithms to the base 2.
        lse_layout: the axes of log-sum-exps, (…, heads, time) or (…, time, heads), whatever `attention_layout` is.
        lse_dtype: the dtype of log-sum-exps: always float32, that of the inputs, or any that is at least float32.
        lse_of_nothing: the log-sum-exp of a fully masked row.
        argmax_ties: which of several equal highest scores is returned.
        argmax_nan: whether NaN counts as the highest score, or as −∞.
        rope_pairing: "half" pairs feature i with i + d/2, "interleaved" 2i with 2i + 1. For a target that takes
            `interleaved` as an option, its default.
        rope_sign: 1 rotates pairs counter-clockwise, −1 clockwise.
        rope_angles: "exact" if cosines and sines are correct to the last place at every position, "float64" or
            "float32" if the angle is rounded to that dtype, so that the error grows with the position. Also applies to
            sinusoidal encodings.
        rope_base: for a target that takes neither `base` nor the frequencies `inv_freq`, the base of its frequencies.
        rope_table: whether the cosines and sines of `apply_rope` and `rope_cos_sin` have one column for each pair, or
            the full width, one for each feature.
        code_layout: for sinusoidal encodings, "interleaved" if the sine and cosine of a frequency are neighbours,
            "halves" if all sines come first. For a target that takes `interleaved` as an option, its default.
        mask_polarity: whether True in a boolean mask keeps or drops a key.
        causal_alignment: for a target without `query_offset`, whether the first query is aligned with the first key
            ("top-left"), or the last with the last ("bottom-right").
        attention_layout: (…, heads, time, width), or (…, time, heads, width).
        attention_scale: the factor of the scores if no scale is given.
        grouped_heads: whether query heads that share a key head are adjacent ("repeat") or strided ("tile").
        rms_norm_weight: whether normalised rows are multiplied by the weight, or by 1 + weight.
        rms_norm_rounding: "once" if only the result is rounded to the dtype of the input, "before-weight" if the
            normalised row is as well, before the weight multiplies it.
        cosine_floor: for a cosine similarity that divides by lengths, or their product, of at least ε: that ε. Shorter
            vectors are not tried; zero vectors are.
        cosine_of_nothing: the cosine of a zero vector and a finite one.
        linear_weight: whether the weight has the shape (inputs, outputs) or (outputs, inputs).
        adam_counts: whether the t of Adam counts all steps, or, for each parameter, the gradients that it got.
        half_precision: "float32" if float16 and bfloat16 are computed in float32, and only the result is rounded;
            "stepwise" if the result of every step on the way may be rounded to them, so that bounds are those of their
            own unit roundoff, and say nothing of sums of more than 2,048 terms in float16 or 256 in bfloat16.
        subnormals: whether subnormal numbers are kept, or "flushed" to 0 in inputs and results.
        errors: whether bad arguments raise mathcore's errors and messages, any error, or none.
        repeatable: whether the same call always gives the same bits.
    """

    summation: Literal["pairwise", "any"] = "any"
    log_softmax: Literal["log1p", "shifted", "lse"] = "lse"
    temperature: Literal["shifted", "divided"] = "divided"
    intermediates: Literal["in-range", "any"] = "any"
    cosine: Literal["scaled", "plain"] = "plain"
    reproducible: Literal["bitwise", "any"] = "any"
    relu_slope_at_zero: float = 0.0
    relu_slope_at_nan: Literal["nan", "one", "zero", "any"] = "any"
    relu_of_minus_zero: Literal["plus", "any"] = "any"
    gelu: Literal["exact", "tanh", "quick"] = "exact"
    activation_tails: Literal["relative", "absolute"] = "absolute"
    activation_of_minus_infinity: Literal["zero", "nan"] = "zero"
    softplus_threshold: float = math.inf
    gate_up_layout: Literal["apart", "gate-up", "up-gate", "interleaved"] = "apart"
    cross_entropy_of_nothing: float = 0.0
    softmax_of_nothing: Literal["zeros", "nan", "uniform"] = "zeros"
    attention_of_nothing: Literal["zeros", "nan", "mean"] = "zeros"
    attention_of_minus_zero: Literal["kept", "any"] = "any"
    hidden_values: Literal["any", "finite"] = "any"
    lse_base: Literal["e", "2"] = "e"
    lse_layout: Literal["heads-first", "time-first"] = "heads-first"
    lse_dtype: Literal["any", "float32", "inputs"] = "any"
    lse_of_nothing: Literal["-inf", "inf"] = "-inf"
    argmax_ties: Literal["first", "last", "any"] = "first"
    argmax_nan: Literal["highest", "ignored", "any"] = "highest"
    rope_pairing: Literal["half", "interleaved"] = "half"
    rope_sign: Literal[1, -1] = 1
    rope_angles: Literal["exact", "float64", "float32"] = "float64"
    rope_base: float = 10_000.0
    rope_table: Literal["half", "full"] = "half"
    code_layout: Literal["interleaved", "halves"] = "interleaved"
    mask_polarity: Literal["keep", "drop"] = "keep"
    causal_alignment: Literal["top-left", "bottom-right"] = "top-left"
    attention_layout: Literal["heads-first", "time-first"] = "heads-first"
    attention_scale: Literal["1/sqrt(d)", "1/d", "1"] = "1/sqrt(d)"
    grouped_heads: Literal["repeat", "tile"] = "repeat"
    rms_norm_weight: Literal["weight", "one-plus"] = "weight"
    rms_norm_rounding: Literal["once", "before-weight"] = "once"
    cosine_floor: float = 0.0
    cosine_of_nothing: Literal["zero", "nan"] = "zero"
    linear_weight: Literal["in-out", "out-in"] = "in-out"
    adam_counts: Literal["steps", "gradients"] = "steps"
    half_precision: Literal["float32", "stepwise"] = "float32"
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


APPROXIMATE: Mapping[str, str] = {"exact": "none", "tanh": "tanh", "quick": "quick"}
"""What a convention about GELU is called as a value of `approximate`."""

_AFFECTS: Mapping[str, tuple[str, ...]] = {
    "log_softmax": ("log_softmax", "logsumexp", "cross_entropy"),
    "temperature": ("temperature_softmax",),
    "intermediates": ("temperature_softmax", "rms_norm_vjp", "attention"),
    "cosine": ("cosine_similarity",),
    "reproducible": ("",),
    "relu_slope_at_zero": ("relu",),
    "relu_slope_at_nan": ("relu",),
    "relu_of_minus_zero": ("relu",),
    "gelu": ("gelu",),
    "activation_tails": ("sigmoid", "softplus", "silu", "gelu", "swiglu", "geglu"),
    "activation_of_minus_infinity": ("silu", "gelu"),
    "softplus_threshold": ("softplus",),
    "gate_up_layout": ("swiglu", "geglu", "gated_mlp"),
    "cross_entropy_of_nothing": ("cross_entropy",),
    "softmax_of_nothing": ("softmax", "logsumexp"),
    "attention_of_nothing": ("attention",),
    "attention_of_minus_zero": ("attention",),
    "hidden_values": ("attention", "cross_entropy"),
    "lse_base": ("attention",),
    "lse_layout": ("attention",),
    "lse_dtype": ("attention",),
    "lse_of_nothing": ("attention",),
    "argmax_ties": ("argmax",),
    "argmax_nan": ("argmax",),
    "rope_pairing": ("rope",),
    "rope_sign": ("rope",),
    "rope_angles": ("rope", "sinusoidal"),
    "rope_base": ("rope",),
    "rope_table": ("rope",),
    "code_layout": ("sinusoidal",),
    "mask_polarity": ("attention",),
    "causal_alignment": ("attention",),
    "attention_layout": ("attention",),
    "attention_scale": ("attention",),
    "grouped_heads": ("attention",),
    "rms_norm_weight": ("rms_norm",),
    "rms_norm_rounding": ("rms_norm",),
    "cosine_floor": ("cosine_similarity",),
    "cosine_of_nothing": ("cosine_similarity",),
    "linear_weight": ("linear",),
    "adam_counts": ("adam_step",),
    "half_precision": ("",),
    "subnormals": ("",),
    "errors": ("",),
}
_CANDIDATES: Mapping[str, tuple[Any, ...]] = {
    "reproducible": ("any",),  # nothing that is wrong becomes right by promising more
    "log_softmax": ("shifted", "lse"),
    "temperature": ("divided",),
    "intermediates": ("any",),
    "cosine": ("plain",),
    "half_precision": ("stepwise",),
    "relu_slope_at_zero": (0.0, 0.5, 1.0),
    "activation_tails": ("absolute",),
    "softplus_threshold": (20.0, math.inf),
    "cross_entropy_of_nothing": (0.0, float("nan")),
    "rope_base": (10_000.0, 500_000.0, 1_000_000.0),
    "cosine_floor": (0.0, 1e-8, 1e-6),
}


def choices_of_conventions() -> dict[str, tuple[Any, ...]]:
    """Every convention with its allowed values; () for one that is a number."""
    return {name: get_args(hint) for name, hint in get_type_hints(Conventions).items()}
