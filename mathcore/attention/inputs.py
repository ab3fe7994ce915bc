"""What attention is tried on, and the records of its operations, which draw from it.

Long because the domains of all claims share the draws of a case and of its options.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.attention.dot_product_tolerances import (
    attention_rounding,
    attention_vjp_rounding,
    merge_rounding,
    merged_lse_rounding,
    plain_mean,
    weights_rounding,
)
from mathcore.attention.textbook import (
    ARRAYS,
    Case,
    agrees,
    as_numbers,
    exchanged,
    joined,
    pulled_agrees,
    same_answer,
    seen_by,
    shares_of,
    total_log,
    weights_agree,
    without_values,
)
from mathcore.verify import Limits, Operations, Target, all_of, domain, enclose, equal, seeds, widths
from mathcore.verify.domains import Draw, as_dtype
from mathcore.verify.errors import ExactOnlyError
from mathcore.verify.operation import Operation
from mathcore.verify.promises import close
from mathcore.verify.relations import Conjunction
from mathcore.verify.targets.restrictions import skip_option
from mathcore.verify.targets.translations import lse_dtype_of
from mathcore.verify.tolerances import FORMATS

OPTIONS = (
    "mask",
    "bias",
    "is_causal",
    "query_offset",
    "scale",
    "return_lse",
    "block_size",
    "window",
    "softcap",
    "sinks",
)


# Inputs.
class Dice:
    """Choices that one drawn number makes, all of them the first if it is 0: cheaper than a draw for each."""

    def __init__(self, number: int) -> None:
        self.rng = np.random.default_rng(number) if number else None  # Hypothesis prefers small numbers: stir them

    def of(self, *options: Any) -> Any:
        """One of the options."""
        return options[0 if self.rng is None else self.rng.integers(len(options))]


_CODES = st.integers(0, 2**32 - 1)


def numbers(draw: Draw, shape: tuple[int, ...], size: float, dtype: str) -> Any:
    """Normal numbers of a size, now and then on a grid that reads better."""
    return some_numbers(draw(seeds()), shape, size, dtype)


def some_numbers(rng: np.random.Generator, shape: tuple[int, ...], size: float, dtype: str) -> Any:
    """The same, given where they come from."""
    x = rng.normal(size=shape).clip(-4, 4) * size
    return as_dtype(np.round(x * 4) / 4 if rng.random() < 0.3 else x, dtype)


_LARGE = 2**18
"""Elements of the score matrix from which attention is computed in tiles."""


EDGES = (15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129)
"""Lengths where blocks begin and end."""


_LENGTHS = st.one_of(*[st.integers(1, 6)] * 3, st.sampled_from(EDGES))


def partial_shape(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that broadcasts to `shape`: some axes 1, some leading ones gone; every other time all of it."""
    if rng.random() < 0.5:
        return shape
    kept = tuple(n if rng.random() < 0.5 else 1 for n in shape[:-2])
    tails = (shape[-2:], shape[-2:], (1, shape[-1]), (shape[-2], 1))
    return (*kept, *tails[rng.integers(4)])[rng.integers(len(kept) + 1) :]


def some_scale(dice: Dice, rng: np.random.Generator) -> float | None:
    """What scores are multiplied by: usual, of any size up to 4 and either sign, or 0."""
    return dice.of(None, None, None, 1.0, 0.25, 1.7, 0.0, float(rng.choice([-1, 1]) * 2.0 ** rng.uniform(-12, 2)))


def some_mask(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """A mask: most of it visible, or little, whole rows masked now and then."""
    return rng.random(partial_shape(rng, shape)) < rng.choice([0.85, 0.6, 0.3])


def some_bias(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    """What is added to the scores: a little, far more than them, or −∞ here and there."""
    some = partial_shape(rng, shape)
    bias = np.round(rng.normal(size=some) * 8) / 4 + rng.choice([0.0, 0.0, 1.0, 100.0, -300.0])
    if rng.random() < 0.25:
        bias[rng.random(some) < 0.3] = -np.inf
    return as_dtype(bias, dtype)


def some_window(dice: Dice, rng: np.random.Generator, keys: int) -> int | None:
    """How far back a query sees: as far as there is, hardly, anywhere, or as far as the keys go and one beyond."""
    given: int | None = dice.of(None, None, None, None, 1, 2, int(rng.integers(1, keys + 2)), max(keys, 1))
    return None if skip_option("window") else given


def some_softcap(dice: Dice, rng: np.random.Generator) -> float | None:
    """What scores are capped by: nothing, Gemma 2's 50, or far less or more than they are."""
    given: float | None = dice.of(None, None, None, None, 50.0, 1.0, float(2.0 ** rng.uniform(-3, 8)), 2.0**20)
    return None if skip_option("softcap") else given


def some_sinks(dice: Dice, rng: np.random.Generator, heads: int, dtype: str) -> Any:
    """A score for each head that has no value: none, about as large as the others, or far above or below; −∞ too."""
    sinks = dice.of(None, None, None, rng.normal(size=heads) * rng.choice([1, 1, 30]))
    if sinks is not None and rng.random() < 0.3:
        sinks[rng.integers(heads)] = -np.inf
    return None if skip_option("sinks") or sinks is None else as_dtype(sinks, dtype)


def draw_options(dice: Dice, rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> dict[str, Any]:
    """Every option, together; `shape` is that of the scores."""
    queries, keys = shape[-2:]
    return {
        "mask": some_mask(rng, shape) if dice.of(False, True) else None,
        "bias": some_bias(rng, shape, dtype) if dice.of(False, True) else None,
        "is_causal": dice.of(False, True),
        "query_offset": dice.of(0, keys - queries, int(rng.integers(-2, keys + 1))),
        "scale": some_scale(dice, rng),
        "window": some_window(dice, rng, keys),
        "softcap": some_softcap(dice, rng),
        "sinks": some_sinks(dice, rng, shape[-3] if len(shape) > 2 else 1, dtype),
    }


def draw_case(
    draw: Draw,
    dtype: str,
    *,
    width: int | None = None,
    keys: int | None = None,
    queries: int | None = None,
    value_width: int | None = None,
    heads: bool | None = None,
    options: bool = True,
) -> Case:
    """Arrays and options, drawn together."""
    dice, rng = Dice(draw(_CODES)), draw(seeds())
    n = draw(_LENGTHS) if keys is None else keys
    t = queries or rng.choice([n, rng.integers(1, 6)] if n < 30 else [1, 2, n])
    lead = dice.of((), (2,), (2,), (1, 2)) if max(n, t) < 30 else ()
    key_heads, group = dice.of((1, 1), (1, 2), (2, 2), (2, 1), (1, 3), (2, 3), (3, 2)) if max(n, t) < 30 else (1, 2)
    d, w = (dice.of(*some) if given is None else given for some, given in
            (((1, 2, 3, 4, 5, 8), width), ((1, 2, 3, 4), value_width)))  # fmt: skip
    alone = dice.of(False, False, False, False, True) if heads is None else not heads
    q_shape, k_shape = (((),) * 2) if alone else ((*lead, key_heads * group), (*lead, key_heads))
    size = dice.of(1.0, 0.25, 1.0, 3.0)
    q, k = some_numbers(rng, (*q_shape, t, d), size, dtype), some_numbers(rng, (*k_shape, n, d), size, dtype)
    q, k = _of_one_kind(dice, rng, q, k, dtype)
    v = some_numbers(rng, (*k_shape, n, w), 2.0 ** rng.uniform(-6, 6), dtype)
    case = {"query": q, "key": k, "value": v}
    return {**case, **draw_options(dice, rng, (*q_shape, t, n), dtype)} if options else case


def _of_one_kind(dice: Dice, rng: np.random.Generator, q: Any, k: Any, dtype: str) -> tuple[Any, Any]:
    """Scores of one size, all far above or below 0, or one key alike another."""
    kind = dice.of("plain", "plain", "far", "far", "alike", "sharp")
    if kind == "far":
        away = rng.choice([-1, 1]) * 2.0 ** rng.uniform(3, 6.5)
        q, k = abs(np.asarray(q, np.float64)) + 8, np.asarray(k, np.float64) / 8 + away
    if kind == "alike":
        k = np.broadcast_to(k[..., :1, :], k.shape).copy()
    if kind == "sharp":
        q = np.asarray(q, np.float64) * 16
    return as_dtype(q, dtype), as_dtype(k, dtype)


@domain
def cases(draw: Draw, target: Target) -> Case:
    """Attention in any dtype that the target accepts."""
    return draw_case(draw, draw(st.sampled_from(target.dtypes)))


@domain
def large_cases(draw: Draw, target: Target) -> Case:
    """A score matrix so large that it is computed in tiles, with all options."""
    name, dice, rng = draw(st.sampled_from(target.dtypes)), Dice(draw(_CODES)), draw(seeds())
    key_heads, group = dice.of((2, 1), (1, 1), (1, 2), (2, 2))
    n = int(2.0 ** rng.uniform(8, 12))
    t = math.ceil(_LARGE / (key_heads * group * n)) + int(rng.integers(3))
    q, k = (some_numbers(rng, (heads, m, 3), 1.0, name) for heads, m in ((key_heads * group, t), (key_heads, n)))
    v = some_numbers(rng, (key_heads, n, 2), 2.0 ** rng.uniform(-6, 6), name)
    return {"query": q, "key": k, "value": v, **draw_options(dice, rng, (key_heads * group, t, n), name)}


@domain
def specials_in_sight(draw: Draw, target: Target) -> dict[str, Any]:
    """Attention in which no visible weight underflows; NaN and ∞, and where to put them among the values."""
    name, rng = draw(st.sampled_from(target.dtypes)), draw(seeds())
    case = draw_case(draw, name, keys=int(rng.integers(1, 9)))
    case |= {n: as_dtype(np.clip(as_numbers(case[n]), -1, 1), name) for n in ("query", "key")}
    if case["bias"] is not None:
        case["bias"] = np.where(np.isneginf(as_numbers(case["bias"])), case["bias"], case["bias"].dtype.type(0.5))
    here = (rng.random(case["value"].shape) < 0.3) & seen_by_all(case)
    special = as_dtype(rng.choice([np.nan, np.inf, -np.inf], size=here.shape, p=[0.2, 0.4, 0.4]), name)
    return {"here": here, "special": special, **case, "sinks": None}


def seen_by_all(case: Case) -> Any:
    """The keys visible to every query, (keys, 1): what is masked for some is another claim's."""
    seen = seen_by(case)
    return seen.all(tuple(range(seen.ndim - 1)))[:, None]


@domain
def empty_cases(draw: Draw, target: Target) -> Case:
    """Attention of no query, to no key, or of no text."""
    case, dice = draw_case(draw, draw(st.sampled_from(target.dtypes)), heads=True, options=False), Dice(draw(_CODES))
    empty = dice.of(("key", "value"), ("query",), ARRAYS)
    return {
        **case,
        **{name: case[name][:0] if empty == ARRAYS else case[name][..., :0, :] for name in empty},
        "is_causal": dice.of(False, True),
    }


@domain
def mixed_cases(draw: Draw, target: Target) -> Case:
    """Arrays in dtypes of their own."""
    if not target.exact:
        raise ExactOnlyError("scaled_dot_product_attention", "arrays of several formats")
    case, formats = draw_case(draw, "float64"), formats_together(draw, target)
    for name in (*ARRAYS, "bias", "sinks"):
        if case[name] is not None:
            case[name] = as_dtype(case[name], draw(formats))
    return case


def formats_together(draw: Draw, target: Target) -> st.SearchStrategy[str]:
    """Formats that have a common one: float16 and bfloat16 have none."""
    without = draw(st.sampled_from(["float16", "bfloat16"]))
    return st.sampled_from([name for name in target.dtypes if name != without])


def block_sizes(case: Case) -> st.SearchStrategy[int]:
    """Sizes of blocks; small ones, of which there are many, for few words."""
    return st.sampled_from([16, 17, 64, 512] if case["key"].shape[-2] > 9 else [1, 2, 3, 5, 16, 512])


@domain
def blockwise_cases(draw: Draw, target: Target) -> Case:
    """Attention in blocks."""
    case = draw_case(draw, draw(st.sampled_from(target.dtypes)))
    return {**case, "block_size": draw(block_sizes(case))}


@domain
def weighings(draw: Draw, target: Target) -> Case:
    """Queries, keys and options, of which weights are asked."""
    return without_values(draw_case(draw, draw(st.sampled_from(target.dtypes))))


@domain
def narrow_values(draw: Draw, target: Target) -> Case:
    """Attention to values that lie close together, far from 0, as large as numbers get: what a mix must not leave."""
    case, name, rng = draw_case(draw, name := draw(st.sampled_from(target.dtypes))), name, draw(seeds())
    v = np.asarray(case["value"], np.float64)
    size = FORMATS[name].most * 2.0 ** rng.uniform(-4, -1) if rng.random() < 0.25 else 2.0 ** rng.uniform(-6, 6)
    near = rng.choice([-1, 1]) * size * (1 + rng.choice([0, 2.0**-6, 0.5]) * rng.random(v.shape))
    return {**case, "value": as_dtype(near, name), "sinks": None}


@domain
def with_winners(draw: Draw, target: Target) -> Case:
    """Attention on any scale, up to one where most queries find a single key, and to values near and far."""
    case, rng = draw(narrow_values().build(target)), draw(seeds())
    return {**case, "scale": float(2.0 ** rng.uniform(-2, 5))} if rng.random() < 0.5 else case


@domain
def one_in_sight(draw: Draw, target: Target) -> Case:
    """Attention with a mask that leaves one key to every query, none now and then; a lone word may hold anything."""
    case, rng = draw(cases().build(target)), draw(seeds())
    queries, keys = case["query"].shape[-2], case["key"].shape[-2]
    mask = np.arange(keys) == rng.integers(0, keys, (*case["query"].shape[:-2], queries, 1))
    signs = rng.choice([1, 0, -1], size=(keys, 1)).astype(case["value"].dtype)
    value = case["value"] * signs
    if keys == 1 and rng.random() < 0.5:  # where others are masked, what they hold is another claim's
        value = as_dtype(rng.choice([np.nan, np.inf, -np.inf, 1.0], size=value.shape), value.dtype.name)
    return {**case, "mask": mask, "value": value, "sinks": None}


@domain
def sentences(draw: Draw, target: Target, *, read: bool = False) -> Case:
    """As many queries as keys: words without positions, or `read` from left to right."""
    case = draw_case(draw, draw(st.sampled_from(target.dtypes)), keys=(n := draw(_LENGTHS)), queries=n)
    return {**case, "is_causal": True, "query_offset": 0} if read else {**case, "is_causal": False, "window": None}


@domain
def sentence(draw: Draw, target: Target) -> dict[str, Any]:
    """One query and the keys of a sentence of two words or more."""
    name, rng = draw(st.sampled_from(target.dtypes)), draw(seeds())
    n, d = draw(st.integers(2, 9)), draw(st.integers(1, 5))
    q, k = rng.choice([-1, 1], size=(1, d)) * rng.uniform(0.5, 1.5, size=(1, d)), rng.normal(size=(n, d)).clip(-4, 4)
    return {"query": as_dtype(q, name), "key": as_dtype(k, name)}


def another_sentence(query: Any, key: Any) -> tuple[Any, int]:
    """The keys of another sentence, and the one that has changed: the word that fits worst is made to fit best."""
    q, other = as_numbers(query)[0], as_numbers(key).copy()
    s = other @ q
    word = int(s.argmin())
    gap = s.max() - s.min() + 2 * len(q) + abs(s).max() / 8  # far enough for the rounding of other
    other[word] += q * gap / max((q**2).sum(), 1e-30)
    return as_dtype(other, key.dtype.name), word


@domain
def two_words(draw: Draw, target: Target) -> Any:  # noqa: ARG001
    """Half of the coordinates of a word, and of the other half."""
    return {"halves": draw(seeds()).uniform(0.5, 1.5, size=(2, draw(st.integers(1, 8))))}


def a_quarter_turn_apart(halves: Any) -> Any:
    """Two words, the second a quarter turn of the first: rotated on and back by the same angle, they differ most."""
    a, b = halves / math.hypot(*halves.ravel()) * math.sqrt(halves.shape[-1])
    return np.stack([np.concatenate([a, b]), np.concatenate([-b, a])])


def _spoilt(rng: np.random.Generator, x: Any, where: Any) -> Any:
    """`x` with something else where told: other numbers, far larger ones, NaN or ∞."""
    kind = rng.choice(["other", "large", "special", "special"])
    other = rng.normal(size=x.shape) * (1e4 if kind == "large" else 1.0)
    if kind == "special":
        other = rng.choice([np.nan, np.inf, -np.inf, 1.0], size=x.shape)
    return np.where(where, as_dtype(other, x.dtype.name), x)


@domain
def partial_results(draw: Draw, target: Target) -> dict[str, Any]:
    """Two outputs with their log-sum-exps."""
    name, rng = draw(st.sampled_from(target.dtypes)), draw(seeds())
    shape = (*rng.integers(1, 3, size=rng.integers(0, 2)), rng.integers(1, 6))
    return _parts(rng, shape, name, 3)


def _parts(rng: np.random.Generator, shape: tuple[int, ...], name: str, width: int) -> dict[str, Any]:
    """Outputs up to the largest there are, near one another or far apart; −∞ in fully masked rows, with anything."""
    away, parts = 2.0 ** rng.uniform(-3, 10), {}
    precise = "float32" if name in ("float16", "bfloat16") else name
    size, large = 2.0 ** rng.uniform(-4, 4), rng.choice([-1, 1]) * FORMATS[name].most if rng.random() < 0.2 else 0.0
    for side in ("a", "b"):
        lse = rng.normal(size=shape) * rng.choice([1.0, 8.0]) + rng.choice([-1, 1, 1]) * away
        output, nothing = some_numbers(rng, (*shape, width), size, name), rng.random(shape) < 0.2
        output = as_dtype(large * rng.uniform(0.5, 1, output.shape), name) if large else output
        parts[side] = _spoilt(rng, output, nothing[..., None]) if rng.random() < 0.3 else output
        parts[f"lse_{side}"] = as_dtype(np.where(nothing, -np.inf, lse), precise)
    return parts


@domain
def pullbacks(draw: Draw, target: Target, *, few: bool = False, many: bool = False, mixed: bool = False) -> Case:
    """Attention and a cotangent.

    Of a handful of numbers if `few`, of so many that they are computed in tiles if `many`, in dtypes of their own if
    `mixed`.
    """
    name, rng = draw(st.sampled_from(target.dtypes)), draw(seeds())
    sizes: Any = {"keys": int(rng.integers(1, 4)), "width": int(rng.integers(1, 3)), "value_width": 2} if few else {}
    if many or mixed:
        case = draw((large_cases() if many else mixed_cases()).build(target))
    else:
        case = draw_case(draw, name, **sizes)
    shape, name = (*case["query"].shape[:-1], case["value"].shape[-1]), case["query"].dtype.name
    return {"cotangent": some_numbers(rng, shape, 1.0, name), **case}


@domain
def two_scales(draw: Draw, target: Target) -> dict[str, Any]:
    """A query, a key or more, ties among them now and then, and two scales, the smaller first: 0 and up."""
    name, rng = draw(st.sampled_from(target.dtypes)), draw(seeds())
    n, d = draw(st.integers(1, 40)), draw(st.integers(1, 8))
    q, k = (as_dtype(rng.normal(size=shape).clip(-3, 3), name) for shape in ((1, d), (n, d)))
    k = k[rng.integers(0, n, n)] if rng.random() < 0.3 else k
    scales = 2.0 ** rng.uniform(-4, 8, size=2) * (rng.random(2) < 0.9)
    return {"query": q, "key": k, "scales": tuple(sorted(float(c) for c in scales))}


@domain
def confidently_wrong(draw: Draw, target: Target) -> dict[str, Any]:
    """A row of scores in which a class leads by a gap, and another class that is the right one."""
    name, rng = draw(st.sampled_from(target.dtypes)), draw(seeds())
    n, gap = draw(st.integers(2, 8)), float(draw(st.integers(3, 30)))
    x = rng.integers(-8, 1, size=(1, n)) / 4.0
    leader, right = rng.permutation(n)[:2]
    x[0, leader] = gap
    return {"x": as_dtype(x, name), "target": np.array([right])}


@domain
def two_keys(draw: Draw, target: Target) -> dict[str, Any]:
    """Queries of any width and two keys, and the scale: of any size and sign, the wider the smaller."""
    name, rng, d = draw(st.sampled_from(target.dtypes)), draw(seeds()), draw(widths(most=1100))
    given = float(rng.choice([-1, 1]) * 2.0 ** rng.uniform(-8, 1) / d**0.5)
    scale = [None, None, given, 1.0, 0.3][rng.integers(5 if d < 9 else 3)]
    q, k = (as_dtype(rng.normal(size=shape).clip(-2, 2), name) for shape in ((2, 2, d), (1, 2, d)))
    return {"query": q, "key": k, "scale": scale}


@domain
def translated(draw: Draw, target: Target) -> Case:
    """Attention to keys that are whole numbers, most of it masked, and whole numbers to move them by."""
    name, rng = draw(st.sampled_from(target.dtypes)), draw(seeds())
    case = draw_case(draw, name, keys=int(rng.integers(2, 9)), width=int(rng.choice([1, 2, 4, 8])))
    most = {"float64": 33, "float32": 20, "float16": 10, "bfloat16": 6}[name]
    away = 2.0 ** (most if rng.random() < 0.5 else rng.uniform(1, most)) - 4
    k, q = case["key"], case["query"]
    by = np.round(rng.choice([-1, -1, 1]) * away * rng.uniform(0.5, 1, size=k.shape[-1]))
    whole = rng.integers(-3, 4, size=k.shape)
    mask = rng.random((*q.shape[:-1], k.shape[-2])) < 0.6
    return {**case, "query": as_dtype(abs(np.asarray(q, np.float64)) + 0.5, name), "key": as_dtype(whole, name),
            "by": as_dtype(by, name), "mask": mask, "softcap": None, "sinks": None}  # fmt: skip


def _instead(rng: np.random.Generator, case: Case) -> Case:
    """Other contents for all arrays of a case."""
    shapes = {name: case[name] for name in ARRAYS}
    if case["bias"] is not None:
        shapes["bias"] = np.broadcast_to(case["bias"], seen_by(case).shape)
    return {name: _spoilt(rng, x, True) for name, x in shapes.items()}


def _exchanged(case: Case, instead: Case, **where: Any) -> Case:
    """The case with other contents where told."""
    return {**case, **{name: np.where(where[name], x, case[name]) for name, x in instead.items()}}


@domain
def one_head_changed(draw: Draw, target: Target) -> dict[str, Any]:
    """Attention of several heads, one key head of one text, and other contents for it, NaN or ∞ even."""
    name, rng = draw(st.sampled_from(target.dtypes)), draw(seeds())
    case = draw_case(draw, name, keys=int(rng.integers(1, 9)), heads=True)
    return {"case": case, "instead": _instead(rng, case), "here": one_place(rng, case["key"].shape[:-2])}


def with_other_head(case: Case, instead: Case, here: Any) -> Case:
    """The case with other keys and values in one key head."""
    there = here[..., None, None]
    return _exchanged(case, instead, query=False, key=there, value=there, bias=False)


def one_place(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """An array of bools, one of them True."""
    here = np.zeros(math.prod(shape), bool)
    here[rng.integers(here.size)] = True
    return here.reshape(shape)


@domain
def two_futures(draw: Draw, target: Target, *, in_blocks: bool = False) -> dict[str, Any]:
    """Causal attention, the first key that may change, and what it and all later ones hold instead."""
    case, rng = {**draw(cases().build(target)), "is_causal": True}, draw(seeds())
    keys, queries = case["key"].shape[-2], case["query"].shape[-2]
    first, last = case["query_offset"], case["query_offset"] + queries - 1
    cut = int(rng.integers(first + 1, max(min(last + 1, keys), first + 1) + 1))
    instead = _instead(rng, case)
    case |= {"block_size": draw(block_sizes(case))} if in_blocks else {}
    return {"case": case, "instead": instead, "cut": cut}


def with_other_future(case: Case, instead: Case, cut: int) -> tuple[Case, Any]:
    """The case with other contents from a key on, and for the bias beyond each query; the queries before that key."""
    keys, places = np.arange(case["key"].shape[-2]), np.arange(case["query"].shape[-2]) + case["query_offset"]
    after = (keys >= cut)[:, None]
    changed = _exchanged(
        case, instead, query=(places >= cut)[:, None], key=after, value=after, bias=keys > places[:, None]
    )
    return changed, np.flatnonzero(places < cut)


@domain
def two_hidden_contents(
    draw: Draw, target: Target, *, in_blocks: bool = False, everywhere: bool = False
) -> dict[str, Any]:
    """Masked attention, a row of it, and other contents for the masked keys; no row at all if `everywhere`."""
    case, rng = draw(cases().build(target)), draw(seeds())
    q, k = case["query"], case["key"]
    if rng.random() < 0.75:
        case["mask"] = some_mask(rng, (*q.shape[:-2], 1 if everywhere else q.shape[-2], k.shape[-2]))
    row, instead = None if everywhere else int(rng.integers(q.shape[-2])), _instead(rng, case)
    case |= {"block_size": draw(block_sizes(case))} if in_blocks else {}
    return {"case": case, "instead": instead, "row": row}


def with_other_hidden(case: Case, instead: Case, row: int | None) -> Case:
    """The case with other contents in the keys that are masked in every head, for a row or for each if None."""
    q, k, seen = case["query"], case["key"], seen_by(case)
    seen = seen.any(-2) if row is None else seen[..., row, :]  # (..., heads, keys)
    if q.ndim > 2:
        seen = seen.reshape(*k.shape[:-2], q.shape[-3] // k.shape[-3], k.shape[-2]).any(-2)
    there = ~seen[..., None]
    return _exchanged(case, instead, query=False, key=there, value=there, bias=~seen_by({**case, "bias": None}))


def _stacked(draw: Draw, name: str, rows: int) -> Case:
    """So many heads, or texts, of few words each."""
    dice, rng = Dice(draw(_CODES)), draw(seeds())
    lead, group = dice.of((rows,), (rows, 2), (2, rows)), dice.of(1, 1, 2)
    t, n, d, w = (dice.of(*some) for some in ((2, 1, 3), (3, 1, 2), (2, 1), (1, 2)))
    q_lead = (*lead[:-1], lead[-1] * group)
    q, k = some_numbers(rng, (*q_lead, t, d), 1.0, name), some_numbers(rng, (*lead, n, d), 1.0, name)
    case = {"query": q, "key": k, "value": some_numbers(rng, (*lead, n, w), 2.0, name)}
    return {**case, **draw_options(dice, rng, (*q_lead, t, n), name)}


def _stacked_pulled(draw: Draw, name: str, rows: int) -> Case:
    case = _stacked(draw, name, rows)
    return {"cotangent": numbers(draw, (*case["query"].shape[:-1], case["value"].shape[-1]), 1.0, name), **case}


def _of_any_kind(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> Case:
    """`width` is that of queries and keys, of values, or the number of keys; `long`: so many keys that a sum sticks."""
    if long:
        case = draw_case(draw, name, width=2, keys=2300, queries=1, value_width=1, heads=False, options=False)
        case["key"], case["value"] = case["key"] * case["key"].dtype.type(0.125), abs(case["value"])
        return {**case, "mask": None, "bias": None, "is_causal": False, "query_offset": 0, "scale": None}
    if rows is None:
        return draw_case(draw, name, width=width or 1, keys=draw(st.integers(1, 6)))
    if rows > 1:  # of layouts, in which no axis may be 1
        return draw_case(draw, name, width=min(width, 9) or 1, keys=rows + 1, queries=rows, value_width=3)
    which = draw(st.sampled_from(["width", "value_width", "keys"])) if width else "value_width"
    sizes: Any = {"width": 3, "value_width": 2, "keys": 3, "queries": 1, which: width}
    return draw_case(draw, name, heads=which != "keys" and width < 100, **sizes)


def _pulled(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> Case:
    case = _of_any_kind(draw, name, width, long=long, rows=rows)
    shape = (*case["query"].shape[:-1], case["value"].shape[-1])
    return {"cotangent": numbers(draw, shape, 1.0, name), **case}


def _weighed(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> Case:
    return without_values(_of_any_kind(draw, name, width, long=long, rows=rows))


def _in_blocks(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> Case:
    case = _of_any_kind(draw, name, width, long=long, rows=rows)
    return {**case, "block_size": draw(block_sizes(case))}


def _block_agrees(ops: Operations, answer: Any, block_size: int = 512, **case: Any) -> Any:  # noqa: ARG001
    return agrees(ops, answer, blocks=True, **case)


_X = np.ones((2, 3, 2))


_SAMPLE = {"query": _X, "key": _X, "value": _X}


_BIAS = {"bias": np.zeros((3, 3)), "sinks": np.zeros(2)}


_MORE: dict[str, Any] = {"options": OPTIONS, "rows_in_views": 3, "repeats": 2**12}


_MIXED = {"rows_are_independent": "every row is made of the rows of all keys that it sees"}


_TO_OUTPUTS = (attention_rounding, plain_mean)


def _mix(given: Mapping[str, Any]) -> tuple[tuple[int, ...], Any] | None:
    query, value = given["query"], given["value"]
    whole = (*query.shape[:-1], value.shape[-1]), np.result_type(query, given["key"], value)
    return None if given["return_lse"] else whole


_UP_TO_9 = Limits(width=9)
_LIMITS = {"layout_free": _UP_TO_9, "pure": _UP_TO_9, "defaults": _UP_TO_9}


ATTENTION = Operation(
    "scaled_dot_product_attention",
    _of_any_kind,
    agrees,
    {**_SAMPLE, **_BIAS},
    _TO_OUTPUTS,
    stacked=_stacked,
    exempt=_MIXED,
    unvaried=("return_lse",),
    limits=_LIMITS,
    result=_mix,
    **_MORE,
)


ATTENTION_VJP = Operation(
    "scaled_dot_product_attention_vjp",
    _pulled,
    pulled_agrees,
    {"cotangent": _X, **_SAMPLE, **_BIAS},
    (attention_vjp_rounding,),
    limits={"defaults": Limits(width=8)},
    stacked=_stacked_pulled,
    **_MORE,
)


WEIGHTS = Operation(
    "attention_weights",
    _weighed,
    weights_agree,
    {"query": _X, "key": _X, **_BIAS},
    (weights_rounding,),
    exempt=_MIXED,
    limits=_LIMITS,
    stacked=lambda draw, name, rows: without_values(_stacked(draw, name, rows)),
    **_MORE,
)


BLOCKWISE = Operation(
    "blockwise_attention",
    _in_blocks,
    _block_agrees,
    {**_SAMPLE, **_BIAS},
    _TO_OUTPUTS,
    exempt=_MIXED,
    unvaried=("return_lse",),
    limits=_LIMITS,
    stacked=lambda draw, name, rows: {**_stacked(draw, name, rows), "block_size": draw(st.sampled_from([512, 1, 2]))},
    **_MORE,
)


def merged(ops: Operations, answer: Any, a: Any, lse_a: Any, b: Any, lse_b: Any) -> Conjunction:
    """That `answer` is two partial results joined, and their log-sum-exp."""
    mix, log_sum = answer
    both = np.stack([lse_a, lse_b], -1).astype(np.float64)
    there = np.isfinite(both)
    alive, alone, shares = there.any(-1), there.sum(-1) == 1, shares_of(both)
    nothing = np.where(there, both, 1e9).min(-1, keepdims=True) - 1e5  # so far below that its share is 0
    lse, outputs = np.where(there, both, nothing), [np.where(there[..., i, None], x, 0) for i, x in enumerate((a, b))]
    known = np.isfinite(np.asarray(outputs, np.float64)).all(0) & there.any(-1, keepdims=True)  # seen may be ∞
    outputs = [np.where(known, x, 0) for x in outputs]
    true, true_log = enclose(joined, *outputs, lse), enclose(total_log, lse)
    handed = tuple(exchanged(ops, lse[..., i], x.dtype, mix.dtype) for i, x in enumerate((lse_a, lse_b)))
    within = merge_rounding(outputs, (shares[..., 0], shares[..., 1]), (0.0, 0.0), handed, mix.dtype)
    off = merged_lse_rounding(both, shares, handed, log_sum.dtype, ops.conventions.lse_base)
    declared = lse_dtype_of(ops.conventions, log_sum.dtype, mix.dtype)
    lone = np.where(there[..., :1], a, b)
    return all_of(
        equal(log_sum.dtype == declared, True),
        equal(mix[known], true[known], within=within[known]),
        equal(log_sum[alive], true_log[alive], within=off[alive]),
        same_answer(ops, mix[alone], lone[alone], lambda: close(mix[alone], lone[alone], within[alone])),
        equal(mix[~alive], 0.0),
        equal(log_sum[~alive], -np.inf),
    )


def _parts_of(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> Case:  # noqa: ARG001
    rng = draw(seeds())
    return _parts(rng, (rows or int(rng.integers(1, 6)),), name, width)


def _merge_agrees(ops: Operations, answer: Any, **parts: Any) -> Conjunction:
    return merged(ops, answer, *(parts[name] for name in ("a", "lse_a", "b", "lse_b")))


MERGE = Operation(
    "merge_attention",
    _parts_of,
    _merge_agrees,
    {"a": np.ones((3, 2)), "lse_a": np.ones(3), "b": np.ones((3, 2)), "lse_b": np.ones(3)},
    (merge_rounding, merged_lse_rounding),
    rows_in_views=3,
    rows=("a", "lse_a", "b", "lse_b"),
    limits={
        "layout_free": Limits(rows=3),
        "pure": Limits(rows=5, width=9),
        "rows_are_independent": Limits(rows=4),
        "any_width": Limits(rows=1),
    },
    exempt={"keeps_dtype": "log-sum-exps come and go in float32; `attention.streaming_equals_full` judges both"},
)
