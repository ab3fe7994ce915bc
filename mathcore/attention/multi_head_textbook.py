"""Several heads as claims try them: everything drawn together, and the textbook's loop over the heads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.attention.inputs import Dice, draw_options, formats_together, some_numbers
from mathcore.attention.multi_head_tolerances import heads_rounding, projection_error, rotation_error
from mathcore.attention.textbook import figures, per_head
from mathcore.gradients import records as gradients_records
from mathcore.gradients.gradients_tolerances import pulled_back
from mathcore.verify import Allowance, Limits, Operations, Target, all_of, domain, equal, seeds
from mathcore.verify.domains import Draw, as_dtype
from mathcore.verify.errors import ExactOnlyError
from mathcore.verify.operation import Operation
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.relations import Conjunction, Relation

Case = dict[str, Any]
HEADS = "multi_head_attention"
WEIGHTS = ("query", "key", "value", "output")
OPTIONS = ("num_heads", "num_kv_heads", "mask", "bias", "is_causal", "query_offset", "scale", "rope_base")

# The textbook.


def split(x: Any, heads: int) -> Any:
    """(..., time, heads · width) → (..., heads, time, width)."""
    return np.swapaxes(x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads), -2, -3)


def side_by_side(x: Any) -> Any:
    """(..., heads, time, width) → (..., time, heads · width)."""
    return np.concatenate([x[..., h, :, :] for h in range(x.shape[-3])], -1)


def rotated(x: Any, places: Any, base: Any) -> Any:
    """RoPE in halves, in float64."""
    half = x.shape[-1] // 2
    angles = places[:, None] * base ** (-np.arange(half) / half)
    a, b, cos, sin = x[..., :half], x[..., half:], np.cos(angles), np.sin(angles)
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], -1)


def key_heads_of(case: Case) -> int:
    """How many heads keys and values have."""
    return int(case["num_heads"] if case.get("num_kv_heads") is None else case["num_kv_heads"])


def dtype_of(case: Case) -> Any:
    """The dtype of the answer."""
    return np.result_type(case["x"], *(case["params"][name] for name in WEIGHTS))


def textbook(case: Case, dtype: Any, angles: str, summation: str) -> tuple[Any, Allowance, Any]:
    """The loop over the heads in float64, what it may be off by in `dtype`, and what each head may attend to."""
    x, w = np.asarray(case["x"], np.float64), {n: np.asarray(case["params"][n], np.float64) for n in WEIGHTS}
    count, base, offset = int(case["num_heads"]), case.get("rope_base"), case.get("query_offset", 0)
    counts = (count, key_heads_of(case), key_heads_of(case))
    arrays = [split(x @ w[name], n) for name, n in zip(WEIGHTS, counts, strict=False)]
    moved = [split(projection_error(x, w[name], dtype), n) for name, n in zip(WEIGHTS, counts, strict=False)]
    for i, first in enumerate((offset, 0) if base is not None else ()):
        places = np.arange(x.shape[-2]) + first
        moved[i] = rotation_error(arrays[i], moved[i], places, base, dtype, angles)
        arrays[i] = rotated(arrays[i], places, base)
    asked = {**case, **dict(zip(WEIGHTS, arrays, strict=False))}
    of = figures(asked, summation, (moved[0], per_head(moved[1], count), per_head(moved[2], count)))
    heads = side_by_side(of.p @ of.value)
    size = side_by_side(of.p @ abs(of.value))
    return heads @ w["output"], heads_rounding(of, size, w["output"], dtype), of.seen


def agrees(ops: Operations, answer: Any, **case: Any) -> Conjunction | Relation:
    """That `answer` is what the loop over the heads gives."""
    dtype = dtype_of(case)
    shape = (*case["x"].shape[:-1], case["params"]["output"].shape[-1])
    if np.shape(answer) != shape:
        return equal(np.shape(answer), shape)
    true, within, seen = judgement(ops, case)
    judged = known(ops, seen)
    return all_of(equal(answer.dtype == dtype, True), equal(answer[judged], true[judged], within=within[judged]))


def known(ops: Operations, seen: Any) -> Any:
    """The words that every head gives something, or where nothing is zeros; elsewhere it is as the target declares."""
    return seen.any(-1).all(-2) | (ops.conventions.attention_of_nothing == "zeros")


def judgement(ops: Operations, case: Case) -> tuple[Any, Allowance, Any]:
    """What the loop over the heads gives in float64, by how much the target may differ, and what is visible."""
    true, within, seen = textbook(case, dtype_of(case), ops.conventions.rope_angles, ops.conventions.summation)
    return true, within + textbook(case, np.float64, "float64", "any")[1], seen


def allowed(ops: Operations, case: Case) -> Allowance:
    """What the answer of the target may be off by."""
    return textbook(case, dtype_of(case), ops.conventions.rope_angles, ops.conventions.summation)[1]


def ask(ops: Operations, x: Any, params: Any, **options: Any) -> Any:
    """What the target returns."""
    return ops.multi_head_attention(x, params, **options)


# Inputs.


def draw_params(rng: np.random.Generator, dtype: str, sizes: tuple[int, int, int, int, int, int]) -> Case:
    """Weight matrices that keep numbers at about their size; `sizes` as `draw_case` names them."""
    features, heads, key_heads, width, value_width, outputs = sizes
    shapes = ((features, heads * width), (features, key_heads * width), (features, key_heads * value_width),
              (heads * value_width, outputs))  # fmt: skip
    by = max(features, 1) ** -0.5
    return {name: some_numbers(rng, shape, by, dtype) for name, shape in zip(WEIGHTS, shapes, strict=True)}


def draw_case(
    draw: Draw,
    dtype: str,
    *,
    features: int | None = None,
    heads: tuple[int, int] | None = None,
    times: int | None = None,
    options: bool = True,
    rotates: bool | None = None,
    lead: tuple[int, ...] | None = None,
) -> Case:
    """Words, weights and options, drawn together; `heads` are those of queries and of keys."""
    dice, rng = Dice(draw(st.integers(0, 2**40 - 1))), draw(seeds())
    count, key_heads = heads or dice.of((2, 2), (1, 1), (2, 1), (3, 3), (4, 2), (3, 1), (6, 3), (9, 9), (8, 4))
    rotates = dice.of(False, True) if rotates is None else rotates
    width = dice.of(2, 4, 6) if rotates else dice.of(1, 2, 3, 4, 5)
    value_width, outputs, some = dice.of(1, 2, 3, 4), dice.of(1, 2, 3, 5, 40), dice.of((), (2,), (1, 2), (3,))
    lead = some if lead is None else lead
    n = dice.of(3, 1, 2, 4, 5, 40) if features is None else features
    t = dice.of(3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 33) if times is None else times
    x = some_numbers(rng, (*lead, t, n), dice.of(1.0, 0.25, 4.0), dtype)
    params = draw_params(rng, dtype, (n, count, key_heads, width, value_width, outputs))
    case = {"x": x, "params": params, "num_heads": count, "num_kv_heads": key_heads}
    if options:
        drawn = draw_options(dice, rng, (*lead, count, t, t), dtype)
        case |= {option: value for option, value in drawn.items() if option in OPTIONS}
    return {**case, "rope_base": dice.of(10_000.0, 100.0) if rotates else None}


@domain
def cases(draw: Draw, target: Target, how: Any = None) -> Case:
    """Several heads in any dtype that the target accepts."""
    return draw_case(draw, draw(st.sampled_from(target.dtypes)), **(how or {}))


@domain
def even_cases(draw: Draw, target: Target) -> Case:
    """Heads of even widths, which may be rotated or not."""
    return draw_case(draw, draw(st.sampled_from(target.dtypes)), rotates=True)


@domain
def even_pullbacks(draw: Draw, target: Target) -> Case:
    """The same, with a cotangent."""
    case = draw(even_cases().build(target))
    shape = (*case["x"].shape[:-1], case["params"]["output"].shape[-1])
    return {"cotangent": some_numbers(draw(seeds()), shape, 1.0, case["x"].dtype.name), **case}


@domain
def mixed_cases(draw: Draw, target: Target) -> Case:
    """Words and weights in dtypes of their own."""
    if not target.exact:
        raise ExactOnlyError(HEADS, "arrays of several formats")
    case, formats = draw_case(draw, "float64"), formats_together(draw, target)
    params = {name: as_dtype(w, draw(formats)) for name, w in case["params"].items()}
    return {**case, "x": as_dtype(case["x"], draw(formats)), "params": params}


# Derivatives.


def _small(draw: Draw, *, more: bool = False) -> tuple[tuple[Any, ...], Case]:
    """Whole numbers so small that scores are at most 4 apart once they are counted in quarters, and every option.

    If `more`: groups of heads, many words or many features.
    """
    dice, rng = Dice(draw(st.integers(0, 2**40 - 1))), draw(seeds())
    count, key_heads = dice.of((4, 2), (6, 3), (1, 1)) if more else dice.of((2, 2), (1, 1), (2, 1))
    rotates, features, value_width = dice.of(False, True), dice.of(2, 1, 3), dice.of(1, 2)
    width, times, outputs = dice.of(2, 4) if rotates else dice.of(1, 2, 3), dice.of(2, 3, 1), dice.of(1, 2)
    lead = dice.of((), (), (2,))
    if more:
        value_width, outputs, lead = 1, 1, ()
        features, width, times = (17, 2, 2) if count == 1 else (2, 2 if rotates else 1, dice.of(5, 9))
    widths = features, width, value_width, outputs
    return _whole_numbers(dice, rng, (count, key_heads), widths, (*lead, times), rotates)


def _whole_numbers(
    dice: Dice, rng: np.random.Generator, heads: tuple[int, int], widths: tuple[int, ...], words: Any, rotates: bool
) -> tuple[tuple[Any, ...], Case]:
    """The arrays and options of `_small`."""
    (count, key_heads), (features, width, value_width, outputs), times = heads, widths, words[-1]
    shapes = [(*words, features), (features, count * width), (features, key_heads * width)]
    shapes += [(features, key_heads * value_width), (count * value_width, outputs)]
    scores = dice.of((count, times, times), (times, times), (1, times))
    bias = rng.choice([0.0, 0.25, -0.25, -np.inf], scores)
    kept = 0.2 if features > 3 else 1.0  # long sums stay small: most of their numbers are 0
    arrays = (rng.integers(-2, 3, shape) * (rng.random(shape) < kept) for shape in shapes)
    return tuple(x.astype(np.float64) for x in arrays), {
        "num_heads": count,
        "num_kv_heads": key_heads,
        "mask": rng.random(scores) < 0.7 if dice.of(False, True, True) else None,
        "bias": bias if dice.of(False, True, True) else None,
        "is_causal": dice.of(False, True),
        "query_offset": dice.of(0, 1, -1),
        "scale": dice.of(None, 0.75, -0.5),
        "rope_base": dice.of(10_000.0, 100.0) if rotates else None,
    }


DERIVATIVE = replace(gradients_records.MULTI_HEAD, drawn=_small)


@domain
def nudged(draw: Draw, target: Target, *, more: bool = False) -> Case:
    """An example for `DERIVATIVE` in any dtype: arrays, options, a direction and the seed of a cotangent."""
    (arrays, other), dtype = _small(draw, more=more), draw(st.sampled_from(target.dtypes))
    rng = draw(seeds())
    if other["bias"] is not None:
        other["bias"] = as_dtype(other["bias"], dtype)
    return {
        "arrays": tuple(as_dtype(x * DERIVATIVE.unit, dtype) for x in arrays),
        "other": other,
        "directions": tuple(rng.integers(-2, 3, x.shape).astype(np.float64) for x in arrays),
        "seed": int(rng.integers(1000)),
    }


# As rows that every operation has.


class Heads(Operation):
    """An operation on words and the four matrices, which claims about all operations see as arrays side by side."""

    def answer(self, ops: Operations, **arguments: Any) -> Any:
        """What the target returns; the cotangents of the matrices in their order."""
        params = {name: arguments.pop(name) for name in WEIGHTS}
        options = {name: arguments.pop(name) for name in self.options if name in arguments}
        answer = getattr(ops, self.name)(*arguments.values(), params, **options)
        return (answer[0], *(answer[1][name] for name in WEIGHTS)) if isinstance(answer, tuple) else answer


def apart(case: Case) -> Case:
    """The arrays of a case side by side."""
    return {"x": case["x"], **case["params"], **{name: case[name] for name in OPTIONS if name in case}}


def _of_any_kind(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> Case:
    """`width` is that of the words; `long`: so many features that a sum sticks; `rows`: no axis may be 1."""
    how: Case = {"features": 2300 if long else width, "times": 2 if long else None}
    if rows is not None:
        how = {"features": 2 + width % 5, "heads": (2, 2), "times": rows}
    if rows == 1:  # of any width
        how = {"features": width, "heads": (2, 1), "times": 2, "rotates": False}
    case = apart(draw_case(draw, name, **how))
    case["x"] = as_dtype(case["x"].astype(np.float64) * 0.9, name)  # no fraction that fewer bits would hold
    return {**case, "x": abs(case["x"]), "value": abs(case["value"])} if long else case


def _stacked(draw: Draw, name: str, rows: int) -> Case:
    """So many sentences of few words."""
    heads = draw(st.sampled_from([(1, 1), (2, 1)]))
    case = draw_case(draw, name, features=2, heads=heads, times=2, rotates=False, lead=(rows,))
    return apart(case)


def _stacked_pulled(draw: Draw, name: str, rows: int) -> Case:
    """So many sentences of a word with a feature or two, of two words if they are few: their derivative is dear."""
    dice, rng = Dice(draw(st.integers(0, 2**40 - 1))), draw(seeds())
    features, times = draw(st.integers(1, 2)), 2 if rows < 20 else 1
    arrays, other = _whole_numbers(dice, rng, (1, 1), (features, 1, 1, 1), (rows, times), False)
    return _with_cotangent(draw, name, arrays, other)


def _agrees_apart(ops: Operations, answer: Any, **arguments: Any) -> Conjunction | Relation:
    params = {name: arguments.pop(name) for name in WEIGHTS}
    return agrees(ops, answer, params=params, **arguments)


def _pulled(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> Case:  # noqa: ARG001
    return _with_cotangent(draw, name, *_small(draw))


def _with_cotangent(draw: Draw, name: str, arrays: tuple[Any, ...], other: Case) -> Case:
    x, *matrices = arrays
    cotangent = draw(seeds()).integers(-8, 9, (*x.shape[:-1], matrices[-1].shape[-1]))
    named = dict(zip(("cotangent", "x", *WEIGHTS), (cotangent, x, *matrices), strict=True))
    given = {n: as_dtype(a * 0.2371, name) for n, a in named.items()}  # no fraction that fewer bits would hold
    return {**given, **other, "bias": other["bias"] if other["bias"] is None else as_dtype(other["bias"], name)}


def _pulled_agrees(ops: Operations, answer: Any, cotangent: Any, **arguments: Any) -> Conjunction:  # noqa: ARG001
    """Along a direction of its own for each array."""
    arrays, g = tuple(arguments.pop(name) for name in ("x", *WEIGHTS)), np.asarray(cotangent, np.float64)
    if [np.shape(p) for p in answer] != [x.shape for x in arrays]:
        return all_of(*(equal(np.shape(p), x.shape) for p, x in zip(answer, arrays, strict=True)))
    weighted = DERIVATIVE.weighted(g, arguments)
    directions = tuple(np.cos(np.arange(1.0, 1 + x.size)).round(3).reshape(x.shape) for x in arrays)
    along = sum((np.asarray(p, np.float64) * d).sum() for p, d in zip(answer, directions, strict=True))
    within = pulled_back(weighted, arrays, directions, answer, arrays[0].dtype)
    relations = [equal(p.dtype == x.dtype, True) for p, x in zip(answer, arrays, strict=True)]
    return all_of(equal(along, derivative(weighted, arrays, directions), within=within), *relations)


_W = np.ones((2, 2))
_SAMPLE = {"x": np.ones((3, 2)), **dict.fromkeys(WEIGHTS, _W), "num_heads": 2, "bias": np.zeros((3, 3))}
_SMALL = Limits(rows=6, width=8)
WHOLE = Heads(
    HEADS,
    _of_any_kind,
    _agrees_apart,
    _SAMPLE,
    (heads_rounding,),
    rows_in_views=3,
    repeats=2**12,
    options=OPTIONS,
    stacked=_stacked,
    limits={
        **dict.fromkeys(("layout_free", "pure", "keeps_dtype"), _SMALL),
        "any_width": Limits(options=("rope_base",)),
        "many_rows": Limits(options=("rope_base",), width=2),
    },
)
PULLED = Heads(
    f"{HEADS}_vjp",
    _pulled,
    _pulled_agrees,
    {"cotangent": np.ones((3, 2)), **_SAMPLE},
    (pulled_back,),
    rows_in_views=3,
    repeats=2**12,
    options=OPTIONS,
    stacked=_stacked_pulled,
)
