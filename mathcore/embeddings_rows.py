"""What must be true of every operation on vectors of words, whichever it is: one claim each, made by one function.

An operation is judged by the textbook, not by its own answer to an easier question.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore import common_mutants as common
from mathcore.embeddings_tolerances import (
    cosine_rounding,
    cosine_vjp_rounding,
    score_table_rounding,
    sum_of_occurrences,
)
from mathcore.verify import (
    Allowance,
    Claim,
    Enclosure,
    Mutant,
    Operations,
    Target,
    all_of,
    domain,
    draw_array,
    draw_integers,
    enclose,
    equal,
    identical,
    raises,
    seeds,
    widths,
)
from mathcore.verify.domains import WIDTHS, Domain, Draw, as_dtype, draw_view
from mathcore.verify.enclosures import true_matmul
from mathcore.verify.relations import Conjunction, Relation

IDS = ("embedding", "embedding_vjp", "one_hot")
"""The operations that take ids."""

# The textbook.


def hot(ids: Any, classes: int) -> Any:
    """1 at the id, else 0."""
    return (np.asarray(ids)[..., None] == np.arange(classes)).astype(int)


def sums_of_occurrences(g: Any, ids: Any, rows: int) -> Enclosure:
    """What every row was sent, in all its occurrences together."""
    return true_matmul(hot(ids.ravel(), rows).T, g.reshape(ids.size, g.shape[-1]))


def cosine(a: Any, b: Any) -> Any:
    """The dot product over the lengths, along the last axis; 0 where a vector is zero."""
    dot, squares = (a * b).sum(-1), (a * a).sum(-1) * (b * b).sum(-1)
    return dot / np.sqrt(np.where(np.asarray(squares == 0, bool), 1, squares))


def pulled_back(g: Any, a: Any, b: Any) -> Any:
    """What the cosine sends back to a: ḡ/‖a‖ (b/‖b‖ − cos a/‖a‖)."""
    length = np.sqrt((a * a).sum(-1))[..., None]
    unit_a, unit_b = a / length, b / np.sqrt((b * b).sum(-1))[..., None]
    return g[..., None] / length * (unit_b - (unit_a * unit_b).sum(-1)[..., None] * unit_a)


def distance(table: Any, words: Any, contexts: Any) -> float:
    """‖S − LRᵀ‖ in Frobenius norm."""
    table, words, contexts = (np.asarray(x, np.float64) for x in (table, words, contexts))
    return float(np.sqrt(((table - words @ contexts.T) ** 2).sum()))


def tail(table: Any, size: int) -> float:
    """The root of the squares of all singular values but the first `size`."""
    return float(np.sqrt((np.linalg.svd(np.asarray(table, np.float64), compute_uv=False)[size:] ** 2).sum()))


# Inputs.


def draw_ids(draw: Draw, rows: int) -> Any:
    """Ids of a table: none, one, a row of them or a grid, often the same again."""
    shape = draw(st.sampled_from([(), (0,), (1,), (3,), (7,), (2, 3), (2, 0), (4, 1)]))
    return np.asarray(draw_integers(draw, shape, 99) % rows, draw(st.sampled_from([np.int64, np.int32])))


def draw_vectors(
    draw: Draw, shape: tuple[int, ...], dtype: str, scale: tuple[float, float] = (2.0**-4, 2.0**4)
) -> np.ndarray[Any, Any]:
    """Vectors along the last axis, none of them much shorter than its scale, so that every one has a direction."""
    x = draw_array(draw, shape, "float64", scale)
    if shape[-1]:
        x[..., 0] += np.where(x[..., 0] < 0, -1, 1) * max(abs(x).max(initial=0), scale[0])
        x = x[..., draw(seeds()).permutation(shape[-1])]
    return as_dtype(x, dtype)


def draw_scores(draw: Draw, dtype: str, most: int = 1100) -> tuple[Any, Any]:
    """A table (words, contexts) whose singular values are known, and those values, falling.

    Whole numbers on a diagonal, times a power of two, between two reflections along vectors of 1, −1 and 0 with a power
    of two of them not 0: nothing is rounded before the table is stored.
    """
    long, short, rng = draw(widths(most=most)), draw(st.integers(1, 6)), draw(seeds())
    values = np.sort(abs(draw_integers(draw, (min(long, short),), 9)))[::-1] * 2.0 ** draw(st.integers(-6, 6))
    table = np.zeros((long, short))
    np.fill_diagonal(table, values)
    table = _reflected(_reflected(table, rng).T, rng)
    return as_dtype(table.T if draw(st.booleans()) else table, dtype), values


def _reflected(table: Any, rng: Any) -> Any:
    """Rows mirrored along a vector: an orthogonal map whose entries are whole numbers over a power of two."""
    count = 2 ** int(math.log2(len(table)))
    v = np.zeros((len(table), 1))
    v[rng.permutation(len(table))[:count], 0] = rng.choice([-1, 1], count)
    return table - v @ (v.T @ table) * 2 / count


def _lookup(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    count = rows or draw(st.integers(1, 5))
    return {"ids": draw_ids(draw, count), "weight": draw_array(draw, (count, width), name, (2.0**-10, 2.0**4))}


def _cotangents(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    lookup = _lookup(draw, name, width, long=long, rows=rows)
    ids, weight = lookup["ids"], lookup["weight"]
    if long:
        ids, weight = np.zeros(2500, np.int64), weight[:, :1]
    g = draw_array(draw, (*ids.shape, weight.shape[1]), name, (0.5, 8))
    return {"g": abs(g) if long else g, "ids": ids, "weight": weight}


def _pair(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    shape = (rows or draw(st.integers(1, 3)), 2500 if long else width)
    return {key: draw_vectors(draw, shape, name) for key in "ab"}


def _pair_with_cotangent(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    pair = _pair(draw, name, width, long=long, rows=rows)
    return {"g": draw_array(draw, pair["a"].shape[:-1], name, (0.5, 8)), **pair}


def _scores(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    table, values = draw_scores(draw, name, most=max(width, 1))
    return {"table": table, "dim": draw(st.integers(0, len(values) + 1))}


def _classes(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    return {"ids": draw_ids(draw, max(width, 1)), "num_classes": max(width, 1)}


# The operations.


@dataclass(frozen=True)
class Part:
    """An operation on vectors of words, or its derivative.

    Attributes:
        name: of the operation that is called.
        drawn: (draw, format, width, long, rows) → its arguments by name, in order.
        judged: (ops, the answer, **arguments) → that this is what the textbook says.
        sample: arguments of float64 that it takes.
        tolerances: the tolerances in the judgement.
    """

    name: str
    drawn: Callable[..., dict[str, Any]]
    judged: Callable[..., Relation | Conjunction]
    sample: Mapping[str, Any]
    tolerances: tuple[Callable[..., Allowance], ...] = ()

    def draw(
        self,
        draw: Draw,
        target: Target,
        *,
        dtype: str | None = None,
        width: int | None = None,
        most: int = 33,
        long: bool = False,
        rows: int | None = None,
    ) -> dict[str, Any]:
        """Arguments, in one format."""
        name = dtype or draw(st.sampled_from(target.dtypes))
        return self.drawn(draw, name, draw(widths(most=most)) if width is None else width, long=long, rows=rows)

    def inputs(self, **how: Any) -> Domain:
        """The domain of its arguments."""
        return _arguments(self, how)

    def answer(self, ops: Operations, **arguments: Any) -> Any:
        """What the target returns."""
        axis = {"axis": arguments.pop("axis")} if "axis" in arguments else {}
        return getattr(ops, self.name)(*arguments.values(), **axis)

    def answers(self, ops: Operations, **arguments: Any) -> tuple[Any, ...]:
        """The same as a tuple, one or more."""
        answer = self.answer(ops, **arguments)
        return answer if isinstance(answer, tuple) else (answer,)

    def agrees(self, ops: Operations, **arguments: Any) -> Relation | Conjunction:
        """That the target says what the textbook says."""
        return self.judged(ops, self.answer(ops, **arguments), **arguments)


@domain
def _arguments(draw: Draw, target: Target, part: Part, how: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of an operation."""
    return part.draw(draw, target, **how)


def _gathered(ops: Operations, answer: Any, g: Any, ids: Any, weight: Any) -> Relation:  # noqa: ARG001
    of = hot(ids.ravel(), len(weight)).T
    allowed = sum_of_occurrences(of @ abs(g.astype(np.float64)).reshape(ids.size, g.shape[-1]), of.sum(1), weight.dtype)
    return equal(answer, sums_of_occurrences(g, ids, len(weight)), within=allowed)


def _cosine_agrees(ops: Operations, answer: Any, a: Any, b: Any, axis: int = -1) -> Relation:
    a, b = (np.moveaxis(x, axis, -1) for x in (a, b))
    if not a.shape[-1]:
        return equal(answer, np.zeros(a.shape[:-1]))
    allowed = cosine_rounding(a, b, a.dtype, ops.conventions.summation)
    return equal(answer, enclose(cosine, a, b), within=allowed)


def _cosine_vjp_agrees(ops: Operations, answer: Any, g: Any, a: Any, b: Any, axis: int = -1) -> Conjunction:
    a_bar, b_bar, a, b = (np.moveaxis(x, axis, -1) for x in (*answer, a, b))
    if not a.shape[-1]:
        return all_of(equal(a_bar, a), equal(b_bar, b))
    how = (a.dtype, ops.conventions.summation)
    return all_of(
        equal(a_bar, enclose(pulled_back, g, a, b), within=cosine_vjp_rounding(g, a, b, *how)),
        equal(b_bar, enclose(pulled_back, g, b, a), within=cosine_vjp_rounding(g, b, a, *how)),
    )


def _best_of_its_size(ops: Operations, answer: Any, table: Any, dim: int) -> Conjunction:  # noqa: ARG001
    words, contexts = answer
    return all_of(
        equal([*words.shape, *contexts.shape], [len(table), dim, table.shape[1], dim]),
        equal(distance(table, words, contexts), tail(table, dim), within=score_table_rounding(table, dim, table.dtype)),
    )


_TABLE = np.arange(6.0).reshape(3, 2)

EMBEDDING = Part(
    "embedding",
    _lookup,
    lambda ops, answer, ids, weight: identical(answer, weight[ids]),  # noqa: ARG005
    {"ids": np.array([1, 0]), "weight": _TABLE},
)
EMBEDDING_VJP = Part(
    "embedding_vjp",
    _cotangents,
    _gathered,
    {"g": np.ones((2, 2)), "ids": np.array([1, 0]), "weight": _TABLE},
    (sum_of_occurrences,),
)
ONE_HOT = Part(
    "one_hot",
    _classes,
    lambda ops, answer, ids, num_classes: equal(answer, hot(ids, num_classes)),  # noqa: ARG005
    {"ids": np.array([1, 0]), "num_classes": 2},
)
COSINE_SIMILARITY = Part("cosine_similarity", _pair, _cosine_agrees, {"a": _TABLE, "b": _TABLE + 1}, (cosine_rounding,))
COSINE_SIMILARITY_VJP = Part(
    "cosine_similarity_vjp",
    _pair_with_cotangent,
    _cosine_vjp_agrees,
    {"g": np.ones(3), "a": _TABLE, "b": _TABLE + 1},
    (cosine_vjp_rounding,),
)
BEST_SCORE_TABLE = Part(
    "best_score_table", _scores, _best_of_its_size, {"table": _TABLE, "dim": 1}, (score_table_rounding,)
)


# What is true of each.


def _needs(parts: tuple[Part, ...]) -> tuple[str, ...]:
    return tuple(part.name for part in parts)


def _tolerances(parts: tuple[Part, ...]) -> tuple[Callable[..., Allowance], ...]:
    return tuple(t for part in parts for t in part.tolerances)


def layout_free(*parts: Part, last: tuple[str, ...] = ()) -> Claim:
    """Views are as good as packed arrays. `last` names the operations that have more arrays, and read the last one."""
    name = parts[0].name
    claim = Claim(
        f"{name}.layout_free",
        statement=f"`{name}` gives the same for a strided, transposed, reversed or broadcast view as for a packed "
        "array of the same numbers" + ("; so does its derivative, cotangents included." if parts[1:] else "."),
        formula=r"f(\text{view of } x) = f(x)",
        needs=_needs(parts),
        tolerances=_tolerances(parts),
        refuted_by=(
            *(common.strides_ignored(part.name) for part in parts),
            *(common.strides_ignored_behind(part) for part in last),
        ),
    )
    for part in parts:

        @claim.property(_viewed(part), effort=0.5)
        def _(ops: Operations, part: Part = part, **arguments: Any) -> Any:
            return part.agrees(ops, **arguments)

    return claim


@domain
def _viewed(draw: Draw, target: Target, part: Part) -> dict[str, Any]:
    """Arguments in which every array has a layout of its own."""
    drawn = part.draw(draw, target, rows=9 if part.name in IDS else None)  # so that stray ids are ids too
    return {k: draw_view(draw, v) if isinstance(v, np.ndarray) and v.ndim else v for k, v in drawn.items()}


def pure(*parts: Part) -> Claim:
    """The answer depends on the arguments alone."""
    name = parts[0].name
    claim = Claim(
        f"{name}.pure",
        statement=f"`{name}` gives the same answer for the same arguments whatever was called before, keeps no hold on "
        "what it returned, and never writes into its inputs" + ("; so does its derivative." if parts[1:] else "."),
        formula=r"f(x) \text{ depends on } x \text{ alone}",
        needs=_needs(parts),
        tolerances=_tolerances(parts),
        refuted_by=tuple(m(part) for m in (common.buffer_reused, common.first_answer_kept) for part in _needs(parts)),
    )
    for part in parts:

        @claim.property(history=_histories(part), effort=0.25)
        def _(ops: Operations, history: list[dict[str, Any]], part: Part = part) -> Any:
            before = [{k: np.copy(v) for k, v in call.items()} for call in history]
            once = [[np.copy(y) for y in part.answers(ops, **call)] for call in history]
            again = [part.answers(ops, **call) for call in reversed(history)][::-1]  # all held, none copied
            return all_of(
                *(identical(a, b) for one, two in zip(once, again, strict=True) for a, b in zip(one, two, strict=True)),
                *(identical(call[k], b[k]) for call, b in zip(history, before, strict=True) for k in call),
                part.agrees(ops, **history[1]),
            )

    return claim


@domain
def _histories(draw: Draw, target: Target, part: Part) -> list[dict[str, Any]]:
    """Three calls one after the other, the first two alike in everything but the order of their numbers."""
    first, other = (part.draw(draw, target, most=9) for _ in range(2))
    return [first, {k: v[::-1].copy() if np.ndim(v) else v for k, v in first.items()}, other]


def any_width(*parts: Part, refuted_by: tuple[Mutant, ...]) -> Claim:
    """No width is special."""
    name = parts[0].name
    claim = Claim(
        f"{name}.any_width",
        statement=f"`{name}` holds at every width: 0, 1, primes, powers of two and their neighbours, past 1,024; so "
        "does its derivative.",
        formula=r"f : \mathbb R^n \to \dots, \qquad n = 0, 1, 2, \dots",
        needs=_needs(parts),
        tolerances=_tolerances(parts),
        refuted_by=refuted_by,
    )
    for part in parts:

        @claim.property(_of_any_width(part), effort=0.5)
        def _(ops: Operations, part: Part = part, **arguments: Any) -> Any:
            return part.agrees(ops, **arguments)

    return claim


@domain
def _of_any_width(draw: Draw, target: Target, part: Part) -> dict[str, Any]:
    """Vectors of any width up to 1,300, often one where kernels fail; few of them."""
    width = draw(st.one_of(st.integers(0, 1300), st.sampled_from([0, *WIDTHS, 1031, 1279])))
    return part.draw(draw, target, width=width, rows=2 if part.name in IDS else 1)


def keeps_dtype(*parts: Part, refuted_by: tuple[Mutant, ...] = ()) -> Claim:
    """What comes in a format goes out in it, as accurate as one rounding allows."""
    name = parts[0].name
    claim = Claim(
        f"{name}.keeps_dtype",
        statement=f"`{name}` returns the format that came; 16-bit ones are computed in float32 and rounded once, so "
        "that even long sums are right to the last place." + (" So does its derivative." if parts[1:] else ""),
        formula=r"\hat y = \operatorname{round}_{16}(\hat y_{32})",
        needs=_needs(parts),
        tolerances=_tolerances(parts),
        refuted_by=(
            *(m(part) for m in (common.always_float64, common.autocast) for part in _needs(parts)),
            *refuted_by,
        ),
    )
    for part in parts:

        @claim.property(_of_each_format(part), effort=0.5)
        def _(ops: Operations, part: Part = part, **arguments: Any) -> Any:
            came = next(v.dtype for v in arguments.values() if isinstance(v, np.ndarray) and v.dtype.kind != "i")
            kept = (equal(y.dtype == came, True) for y in part.answers(ops, **arguments))
            return all_of(*kept, part.agrees(ops, **arguments))

    return claim


@domain
def _of_each_format(draw: Draw, target: Target, part: Part) -> dict[str, Any]:
    """Any format; in 16 bits often so long that a sum in the format itself would stick."""
    name = draw(st.sampled_from(target.dtypes))
    return part.draw(draw, target, dtype=name, long=name in ("float16", "bfloat16") and draw(st.integers(0, 2)) == 0)


def floats_only(*parts: Part) -> Claim:
    """Integers and bools are refused, not guessed at."""
    name = parts[0].name
    claim = Claim(
        f"{name}.floats_only",
        statement=f"`{name}` refuses vectors of integers or bools and says which format came"
        + ("; so does its derivative." if parts[1:] else "."),
        formula=r"x \in \mathbb Z^n \Rightarrow \mathrm{TypeError}",
        needs=_needs(parts),
        refuted_by=tuple(common.integers_taken(part) for part in _needs(parts)),
    )
    for part in parts:

        @claim.exhaustive(partial(_no_floats, part))
        def _(ops: Operations, argument: str, dtype: str, part: Part = part) -> Any:
            arguments = {**part.sample, argument: part.sample[argument].astype(dtype)}
            return raises(lambda: part.answer(ops, **arguments), TypeError, saying=(dtype,))

    return claim


def _no_floats(part: Part) -> Iterator[dict[str, Any]]:
    """Every floating argument, in every format that is none."""
    for argument, value in part.sample.items():
        if isinstance(value, np.ndarray) and value.dtype == np.float64:
            for dtype in ("int64", "int32", "uint8", "bool"):
                yield {"argument": argument, "dtype": dtype}
