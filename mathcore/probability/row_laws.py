"""What is true of every operation on rows, whichever it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability import row_mutants as wrong
from mathcore.probability import softmax_mutants
from mathcore.probability.records import (
    ARGMAX,
    CROSS_ENTROPY,
    LOGSUMEXP,
    SOFTMAX,
    TEMPERATURE_SOFTMAX,
    OnRows,
    Part,
    some_targets,
)
from mathcore.probability.row_tolerances import central_difference
from mathcore.probability.textbook import total
from mathcore.verify import (
    Allowance,
    Claim,
    Mutant,
    Operations,
    Target,
    all_of,
    domain,
    draw_array,
    equal,
    identical,
    raises,
    score_rows,
)
from mathcore.verify import common_mutants as common
from mathcore.verify.domains import WIDTHS, Draw, as_dtype, draw_integers, draw_view, seeds, widths
from mathcore.verify.laws import MANY
from mathcore.verify.laws_limits import LIMITS
from mathcore.verify.limits import EVERYWHERE
from mathcore.verify.oracle.dual import derivative, third_derivative_bound
from mathcore.verify.relations import Conjunction, Relation
from mathcore.verify.tolerances import FORMATS, work_format


# Layout, axis, width.
@domain
def rows_with_cotangents(
    draw: Draw, target: Target, *, most: int = 33, rows: int | None = None, view: bool = False
) -> dict[str, Any]:
    """Rows of scores and an array of the same shape for cotangents; on request each in a layout of its own."""
    x = draw(score_rows(most=most, rows=rows or draw(st.integers(1, 4)), masked=False).build(target))
    g = draw_array(draw, x.shape, x.dtype.name, (2.0**-4, 2.0**4))
    return {"x": draw_view(draw, x), "g": draw_view(draw, g)} if view else {"x": x, "g": g}


def layout_free(op: OnRows) -> Claim:
    """Views are as good as packed arrays."""
    claim = Claim(
        f"{op.name}.layout_free",
        statement=f"`{op.name}` gives the same{op.rounded} for a strided, transposed, reversed or broadcast view as "
        f"for a packed array of the same numbers{op.derivative('does', ', whose cotangent may be a view too')}.",
        formula=r"f(\text{view of } x) = f(x)",
        limits=LIMITS.get(f"{op.name}.layout_free", EVERYWHERE),
        needs=op.needs,
        tolerances=op.tolerances,
        refuted_by=(
            *(common.strides_ignored(name) for name in op.needs),
            *((wrong.targets_read_as_packed(name) for name in op.needs) if op is CROSS_ENTROPY else ()),
        ),
    )

    for part in op.parts:

        @claim.property(rows_with_cotangents(view=True))
        def _(ops: Operations, x: Any, g: Any, part: Part = part) -> Any:
            return part.agrees(ops, x, g)

        @claim.exhaustive(large_views)
        def _(ops: Operations, x: Any, g: Any, part: Part = part) -> Any:
            return part.follows(ops, x, g)

    return claim


def large_views(target: Target) -> Iterator[dict[str, Any]]:
    """Arrays of 45,000 numbers and more, turned, strided or backwards; the highest score is 0."""
    name = "float32" if "float32" in target.dtypes else target.dtypes[0]
    rng = np.random.default_rng(5)
    for rows, n in ((300, 150), (2100, 23)):
        x, g = -8 * rng.random((rows, n)), rng.normal(size=(rows, n))
        x[np.arange(rows), np.arange(rows) % n] = 0
        x, g = as_dtype(x, name), as_dtype(g, name)
        yield {"x": np.asfortranarray(x), "g": np.asfortranarray(g)}
        yield {"x": np.repeat(x, 2, 1)[:, ::2], "g": g[::-1].copy()[::-1]}


@domain
def cubes(draw: Draw, target: Target) -> dict[str, Any]:
    """Arrays of one to four axes, often all of one length, one now and then long or 0; an axis from either end."""
    ndim, side = draw(st.sampled_from([2, 3, 1, 4])), draw(st.integers(2, 4))
    axis = draw(st.integers(-ndim, ndim - 1))
    lengths = st.just(side) if draw(st.booleans()) else st.integers(1, 5)
    shape = [draw(lengths) for _ in range(ndim)]
    unusual = draw(st.integers(0, 9))
    if ndim > 1 and unusual > 7:
        shape[(axis - 1) % ndim] = 0 if unusual == 9 else draw(st.integers(9, 20))
    elif unusual == 7:
        shape[axis] = draw(st.integers(33, 40))
    name = draw(st.sampled_from(target.dtypes))
    x, g = (draw_array(draw, tuple(shape), name, (2.0**-2, 2.0**3)) for _ in range(2))
    return {"x": x, "g": g, "axis": axis}


def beyond_the_axes(target: Target) -> Iterator[dict[str, Any]]:
    """Arrays of one and two axes, and an axis that they do not have."""
    for name in target.dtypes:
        for shape in ((3,), (2, 3)):
            for axis in (len(shape), -len(shape) - 1, 7):
                yield {"x": as_dtype(np.ones(shape), name), "axis": axis}


def any_axis(op: OnRows) -> Claim:
    """The axis that was asked for is the axis that is used."""
    claim = Claim(
        f"{op.name}.any_axis",
        statement=f"`{op.name}` works along the axis that was asked for, whatever the number of axes, square arrays "
        f"and empty ones included{op.derivative('does')}; an axis that is not there is an error.",
        formula=r"f(x, \text{axis}) = f(x \text{ with this axis moved last, moved back})",
        limits=LIMITS.get(f"{op.name}.any_axis", EVERYWHERE),
        needs=op.needs,
        tolerances=op.tolerances,
        refuted_by=(
            *(family(name) for family in (wrong.axis_ignored, wrong.last_for_a_missing_axis) for name in op.needs),
            *(wrong.first_matrix_everywhere(name) for name in op.needs),
            *((softmax_mutants.axis_dropped,) if op is SOFTMAX else ()),
        ),
    )

    for part in op.parts:

        @claim.exhaustive(beyond_the_axes)
        def _(ops: Operations, x: Any, axis: int, part: Part = part) -> Any:
            g = np.ones(x.shape[:-1] if op.reduces else x.shape, x.dtype)
            arrays, more = (x,) if part.name == op.name else (g, x), op.options(np.ones((*x.shape[:-1], 3)))
            return raises(lambda: getattr(ops, part.name)(*arrays, axis=axis, **more), ValueError)

        @claim.property(cubes())
        def _(ops: Operations, x: Any, g: Any, axis: int, part: Part = part) -> Any:
            return part.agrees(ops, x, g, axis)

    return claim


@domain
def two_rows_of_any_width(draw: Draw, target: Target) -> dict[str, Any]:
    """Two rows of any width up to 1,100, often one where kernels fail; the highest score of the first comes last."""
    n = draw(st.one_of(st.integers(1, 1100), st.sampled_from(WIDTHS), st.sampled_from([1025, 1031, 1279])))
    name = draw(st.sampled_from(target.dtypes))
    x, g = (draw_array(draw, (2, n), name, (2.0**-6, 2.0**3)) for _ in range(2))
    x[0, -1] = 2 * abs(x).max()
    return {"x": x, "g": g}


TELLING_WIDTHS = sorted({*range(1, 41), *(32 * k + i for k in range(1, 34) for i in (-1, 0, 1)), 4099, 65_537})
"""The small ones, the multiples of 32 with their neighbours, and two that are far beyond."""


def telling_widths(target: Target) -> Iterator[dict[str, Any]]:
    """Two rows of each telling width, the formats taking turns; the highest score is 0."""
    for i, n in enumerate(TELLING_WIDTHS):
        rng = np.random.default_rng(n)
        x, g = -8 * rng.random((2, n)), rng.normal(size=(2, n))
        x[0, -1] = x[1, n // 2] = 0
        name = target.dtypes[i % len(target.dtypes)]
        yield {"x": as_dtype(x, name), "g": as_dtype(g, name)}


def no_scores(target: Target) -> Iterator[dict[str, Any]]:
    """Rows of width 0, one array a format."""
    for name in target.dtypes:
        yield {"x": as_dtype(np.zeros((2, 0)), name)}


def any_width(op: OnRows) -> Claim:
    """No width is special."""
    claim = Claim(
        f"{op.name}.any_width",
        statement=f"`{op.name}` is right at every width: 1, primes, powers of two and their neighbours, past 1,024, "
        f"and 0 where that means anything{op.derivative('is')}.",
        formula=r"f : \mathbb R^n \to \dots, \qquad n = 0, 1, 2, \dots",
        limits=LIMITS.get(f"{op.name}.any_width", EVERYWHERE),
        needs=op.needs,
        tolerances=op.tolerances,
        refuted_by=tuple(
            family(name)
            for family in (wrong.tail_unread, wrong.wide_rows_cut, wrong.powers_of_two_wrong)
            for name in op.needs
        ),
    )

    for part in op.parts:

        @claim.exhaustive(telling_widths)
        def _(ops: Operations, x: Any, g: Any, part: Part = part) -> Any:
            return part.follows(ops, x, g)

        @claim.property(two_rows_of_any_width(), effort=0.5)
        def _(ops: Operations, x: Any, g: Any, part: Part = part) -> Any:
            return part.agrees(ops, x, g)

        @claim.exhaustive(no_scores)
        def _(ops: Operations, x: Any, part: Part = part) -> Any:
            call, value = getattr(ops, part.name), part.name == op.name
            if op is ARGMAX:
                return raises(lambda: call(x), ValueError)
            arrays = (x,) if value else (np.ones(2, x.dtype) if op.reduces else x, x)
            if op is CROSS_ENTROPY:  # no class, so no target either
                return raises(lambda: call(*arrays, targets=np.zeros(2, int), reduction="none"), IndexError)
            if op.reduces and value:
                return equal(call(x), np.full(2, -np.inf))
            return identical(call(*arrays, **op.options(x)), x)

    return claim


# Rows, calls, formats.
@domain
def rows_and_strangers(draw: Draw, target: Target) -> dict[str, Any]:
    """Two rows or more with cotangents, which of them to look at, and what else might stand in the other rows."""
    rows = draw(st.integers(2, 4))
    drawn = {**draw(rows_with_cotangents(rows=rows).build(target)), "here": draw(st.integers(0, rows - 1))}
    most = FORMATS[drawn["x"].dtype.name].most
    strange = draw(st.sampled_from([np.nan, np.inf, -np.inf, most, -most, 0.0]))
    return {**drawn, "strange": drawn["x"].dtype.type(strange)}


def rows_galore(target: Target) -> Iterator[dict[str, Any]]:
    """Up to thousands of rows of three scores, and hundreds of rows of hundreds, the highest 0."""
    few = (*range(5, 18), 31, 33, 64, 65, 127, 129, 256, 257, 1000, 1025, 4097)
    sizes = (*((rows, 3) for rows in few), (67, 65), (12_001, 3), (2100, 23), (257, 129), (41, 1025))
    for i, (rows, n) in enumerate(sizes):
        rng = np.random.default_rng(rows)
        x = rng.permuted(np.c_[np.zeros(rows), -4 * rng.random((rows, n - 1))], axis=1)
        name = target.dtypes[i % len(target.dtypes)]
        yield {"x": as_dtype(x, name), "g": as_dtype(rng.normal(size=x.shape), name)}


def rows_are_independent(op: OnRows, *more: Mutant) -> Claim:
    """A batch is its rows, side by side."""
    claim = Claim(
        f"{op.name}.rows_are_independent",
        statement=f"A row gets the same{op.rounded} from `{op.name}` alone as in a batch, and no bit of it depends on "
        f"what the other rows hold, NaN and infinity included{op.derivative('it is for')}.",
        formula=r"f(X)_i = f(X_i)",
        limits=LIMITS.get(f"{op.name}.rows_are_independent", EVERYWHERE),
        needs=op.needs,
        tolerances=op.tolerances,
        refuted_by=(
            common.rows_touch(op.name),
            *(
                family(name)
                for family in (wrong.rows_shifted, wrong.later_rows_lost, wrong.corner_unread, wrong.first_row_leaks)
                for name in op.needs
            ),
            *more,
        ),
    )

    for part in op.parts:

        @claim.exhaustive(rows_galore)
        def _(ops: Operations, x: Any, g: Any, part: Part = part) -> Any:
            return part.follows(ops, x, g)

        @claim.property(rows_and_strangers())
        def _(ops: Operations, x: Any, g: Any, here: int, strange: Any, part: Part = part) -> Any:
            company = np.full_like(x, strange)
            company[here] = x[here]
            return all_of(
                identical(part.answer(ops, company, g)[here], part.answer(ops, x, g)[here]),
                part.agrees(ops, x[:1], g[:1]),
                part.agrees(ops, x, g),
            )

    return claim


@domain
def stacks(draw: Draw, target: Target) -> dict[str, Any]:
    """Narrow rows on one, two or three leading axes, one of them long; the highest score of each is 0."""
    many, n = draw(st.sampled_from(MANY)), draw(st.integers(1, 4))
    lead = draw(st.sampled_from([(many,), (many, 2), (2, many), (many, 1, 2), (3, many, 1)]))
    name, rng = draw(st.sampled_from(target.dtypes)), draw(seeds())
    x = rng.permuted(-4 * rng.random((*lead, n)) * (np.arange(n) > 0), axis=-1)
    return {"x": as_dtype(x, name), "g": as_dtype(rng.normal(size=x.shape), name)}


def many_rows(op: OnRows) -> Claim:
    """No row is special, however many there are."""
    claim = Claim(
        f"{op.name}.many_rows",
        statement=f"`{op.name}` does to each of many rows what it does to one, along leading axes of up to {MANY[-1]}"
        f"{op.derivative('does')}.",
        formula=r"f(x)_{ij} = f(x_{ij}) \text{ up to rounding}",
        limits=LIMITS.get(f"{op.name}.many_rows", EVERYWHERE),
        needs=op.needs,
        tolerances=op.tolerances,
        refuted_by=tuple(common.wraps_rows(name, period) for name in op.needs for period in (2, 8)),
    )

    for part in op.parts:

        @claim.property(stacks(), effort=0.75)
        def _(ops: Operations, x: Any, g: Any, part: Part = part) -> Any:
            return part.follows(ops, x, g)

    return claim


@domain
def squares(draw: Draw, target: Target) -> dict[str, Any]:
    """Scores of three axes of one length, and as many numbers for cotangents."""
    shape, name = (draw(st.integers(2, 4)),) * 3, draw(st.sampled_from(target.dtypes))
    return {key: draw_array(draw, shape, name, (0.5, 4)) for key in "xg"}


def defaults(op: OnRows, **documented: tuple[Any, Any]) -> Claim:
    """An option left out means what its documentation says: option → (its default, something else)."""
    says = ", ".join(f"`{option}={default!r}`" for option, (default, _) in documented.items())
    operations = (*op.needs, *(("cross_entropy_and_grad",) if op is CROSS_ENTROPY else ()))
    claim = Claim(
        f"{op.name}.defaults",
        statement=f"What is left out of a call of `{op.name}` has its documented value: {says}"
        + op.derivative("it is for", ", and for both computed together" if op is CROSS_ENTROPY else "")
        + ".",
        formula=r"f(x) = f(x;\ \text{option} = \text{its default})",
        limits=LIMITS.get(f"{op.name}.defaults", EVERYWHERE),
        needs=operations,
        dispensable=operations[1:],
        refuted_by=tuple(
            replace(common.default_changed(name, option, other), name=f"{name}_{option}_{other}_by_default")
            for name in operations
            for option, (_, other) in documented.items()
            if (name, option) != ("logsumexp_vjp", "keepdims")  # whose cotangent would not fit
        ),
    )

    for operation in operations:

        @claim.property(squares(), effort=0.25)
        def _(ops: Operations, x: Any, g: Any, operation: str = operation) -> Any:
            arguments = _bare_arguments(op, operation, x, g)
            silent = _parts(getattr(ops, operation)(*arguments))
            said = (getattr(ops, operation)(*arguments, **{option: d}) for option, (d, _) in documented.items())
            return all_of(*(identical(a, b) for each in said for a, b in zip(silent, _parts(each), strict=True)))

    return claim


def _bare_arguments(op: OnRows, operation: str, x: Any, g: Any) -> tuple[Any, ...]:
    """What `operation` cannot be called without."""
    cotangent = {CROSS_ENTROPY.name: g[0, 0, 0], LOGSUMEXP.name: g[..., 0]}.get(op.name, g)
    more = {CROSS_ENTROPY.name: (some_targets(x)["targets"],), TEMPERATURE_SOFTMAX.name: (0.7,)}.get(op.name, ())
    return (*((np.asarray(cotangent),) if operation.endswith("_vjp") else ()), x, *more)


def _parts(answer: Any) -> tuple[Any, ...]:
    return answer if isinstance(answer, tuple) else (answer,)


@domain
def histories(draw: Draw, target: Target) -> list[dict[str, Any]]:
    """Three calls one after the other, the first two of one shape and format."""
    rng, rows, n = draw(seeds()), draw(st.integers(1, 4)), draw(widths(most=9))
    names = [draw(st.sampled_from(target.dtypes)) for _ in range(2)]
    calls = ((names[0], (rows, n)), (names[0], (rows, n)), (names[1], (rows + 1, n)))
    return [{key: as_dtype(3 * rng.normal(size=shape), name) for key in "xg"} for name, shape in calls]


def large_history(target: Target) -> Iterator[dict[str, Any]]:
    """Three calls one after the other with arrays of 45,000 numbers."""
    rng, name = np.random.default_rng(4), "float32" if "float32" in target.dtypes else target.dtypes[0]
    yield {"history": [{key: as_dtype(3 * rng.normal(size=(300, 150)), name) for key in "xg"} for _ in range(3)]}


def _depends_on_nothing_else(ops: Operations, part: Part, history: list[dict[str, Any]]) -> Relation | Conjunction:
    before = [{name: array.copy() for name, array in call.items()} for call in history]
    once = [part.answer(ops, **call).copy() for call in history]
    again = [part.answer(ops, **call) for call in reversed(history)][::-1]  # all held, none copied
    return all_of(
        *(identical(a, b) for a, b in zip(once, again, strict=True)),
        *(identical(call[key], b[key]) for call, b in zip(history, before, strict=True) for key in call),
    )


def pure(op: OnRows) -> Claim:
    """The answer depends on the arguments alone."""
    claim = Claim(
        f"{op.name}.pure",
        statement=f"`{op.name}` gives bit for bit the same answer for the same arguments whatever was called before, "
        f"keeps no hold on what it returned, and never writes into its inputs{op.derivative('does')}.",
        formula=r"f(x) \text{ depends on } x \text{ alone}",
        limits=LIMITS.get(f"{op.name}.pure", EVERYWHERE),
        needs=op.needs,
        tolerances=op.tolerances,
        refuted_by=tuple(
            m(name)
            for m in (common.buffer_reused, common.first_answer_kept, wrong.large_buffer_reused)
            for name in op.needs
        ),
    )

    for part in op.parts:

        @claim.property(history=histories(), effort=0.25)
        def _(ops: Operations, history: list[dict[str, Any]], part: Part = part) -> Any:
            return all_of(_depends_on_nothing_else(ops, part, history), part.agrees(ops, **history[1]))

        @claim.exhaustive(large_history)
        def _(ops: Operations, history: list[dict[str, Any]], part: Part = part) -> Any:
            return _depends_on_nothing_else(ops, part, history)

    return claim


@domain
def rows_of_each_format(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows and cotangents; in 16 bits often so long that a sum in the format itself would stick.

    Cotangents may come in another format to a target that takes numbers of any kind.
    """
    name = draw(st.sampled_from(target.dtypes))
    long = name in ("float16", "bfloat16") and draw(st.integers(0, 4)) == 0
    shape = (1, 2500) if long else (draw(st.integers(1, 3)), draw(widths(most=65)))
    x = draw_array(draw, shape, name, (2.0**-9, 2.0**-3) if long else (0.5, 8))
    other = draw(st.sampled_from([name, *target.dtypes])) if target.exact else name
    return {"x": x, "g": draw_array(draw, shape, other, (0.5, 8))}


def keeps_dtype(op: OnRows, *more: Mutant) -> Claim:
    """What comes in a format goes out in it, long sums no worse than float32 makes them."""
    claim = Claim(
        f"{op.name}.keeps_dtype",
        statement=f"`{op.name}` returns the format that came; 16-bit ones are computed in float32 and rounded once, so "
        "that long rows lose no more than float32 does. So does its derivative, whatever format its cotangent has.",
        formula=r"\hat y = \operatorname{round}_{16}(\hat y_{32})",
        limits=LIMITS.get(f"{op.name}.keeps_dtype", EVERYWHERE),
        needs=op.needs,
        tolerances=op.tolerances,
        refuted_by=(
            *(common.always_float64(name) for name in op.needs),
            common.autocast(op.name),
            wrong.format_of_the_cotangent(f"{op.name}_vjp"),
            wrong.rounded_first(op.name),
            *more,
        ),
    )

    for part in op.parts:

        @claim.property(rows_of_each_format(), effort=0.75)
        def _(ops: Operations, x: Any, g: Any, part: Part = part) -> Any:
            return all_of(equal(part.answer(ops, x, g).dtype == x.dtype, True), part.agrees(ops, x, g))

    return claim


def no_floats() -> Iterator[dict[str, Any]]:
    """Scores in formats that are no floats."""
    for dtype in ("int64", "int32", "uint8", "bool"):
        yield {"x": np.ones((2, 3), dtype)}


def floats_only(op: OnRows) -> Claim:
    """Integers and bools are refused, not guessed at."""
    claim = Claim(
        f"{op.name}.floats_only",
        statement=f"`{op.name}` refuses scores that are integers or bools and says which format came"
        f"{op.derivative('does', ', for cotangents as well')}.",
        formula=r"x \in \mathbb Z^n \Rightarrow \mathrm{TypeError}",
        limits=LIMITS.get(f"{op.name}.floats_only", EVERYWHERE),
        needs=op.needs,
        refuted_by=(
            *(common.integers_taken(name) for name in op.needs),
            *(wrong.integer_cotangents_taken(name) for name in op.needs[1:]),
        ),
    )

    for part in op.parts:

        @claim.exhaustive(no_floats)
        def _(ops: Operations, x: Any, part: Part = part) -> Any:
            scores = raises(lambda: part.answer(ops, x, np.ones(x.shape)), TypeError, saying=(x.dtype.name,))
            if part.name == op.name:
                return scores
            return all_of(
                scores, raises(lambda: part.answer(ops, np.ones(x.shape), x), TypeError, saying=(x.dtype.name,))
            )

    return claim


# Derivatives.
@domain
def narrow_rows(draw: Draw, target: Target) -> dict[str, Any]:
    """One row of scores and a cotangent."""
    x = draw(score_rows(most=6, rows=1, masked=False).build(target))
    return {"x": x, "g": draw_array(draw, x.shape, x.dtype.name, (2.0**-4, 2.0**4))}


@domain
def stencils(draw: Draw, target: Target) -> dict[str, Any]:
    """One row on a grid, so that stepping to either side is exact, and a cotangent; in float64 if it is accepted."""
    name, n = "float64" if "float64" in target.dtypes else target.dtypes[0], draw(st.integers(1, 6))
    x, g = draw_integers(draw, (1, n), 64) / 8, draw_integers(draw, (1, n), 16) / 4
    return {"x": as_dtype(x, name), "g": as_dtype(g, name)}


def steps(x: Any) -> Any:
    """A step along each score: near the best for a central difference, (12u)^(1/3), and a power of two."""
    length = 2.0 ** round(math.log2(12 * work_format(x.dtype).u) / 3)
    return (length * np.eye(x.shape[-1])).astype(x.dtype)


def gradient(op: OnRows, *refuted_by: Mutant) -> Claim:
    """The derivative is the derivative."""
    claim = Claim(
        f"{op.name}.gradient",
        statement=f"`{op.name}_vjp` is the derivative of `{op.name}`: up to rounding it gives the exact partial "
        "derivatives of the textbook formula, and what central differences of the operation itself give.",
        formula=r"\bar x_i = \sum_j \bar g_j \frac{\partial f_j}{\partial x_i}",
        limits=LIMITS.get(f"{op.name}.gradient", EVERYWHERE),
        needs=op.needs,
        tolerances=(*op.tolerances, central_difference),
        refuted_by=refuted_by,
    )

    value, pull = (part.answer for part in op.parts)

    def weighted(g: Any, x: Any) -> Callable[[Any], Any]:
        more = op.options(x)
        return lambda x: (g * op.formula(x, **more)).sum()

    @claim.property(narrow_rows(), effort=0.5)
    def _(ops: Operations, x: Any, g: Any) -> Any:
        pulled, formula = pull(ops, x, g)[0], weighted(op.cotangent(g).astype(np.float64), x)
        allowed = _pulled_allowed(op, ops, x, g)[0]
        return all_of(
            *(
                equal(pulled[i], derivative(formula, (x,), (np.eye(len(pulled))[[i]],)), within=allowed[i])
                for i in range(len(pulled))
            )
        )

    @claim.property(stencils(), effort=0.5)
    def _(ops: Operations, x: Any, g: Any) -> Any:
        out, pulled = op.cotangent(g).astype(np.float64), pull(ops, x, g)[0].astype(np.float64)

        def compared(i: int) -> Any:
            step = steps(x)[[i]]
            ahead, behind = (value(ops, x + s, g).astype(np.float64) for s in (step, -step))
            third = third_derivative_bound(weighted(out, x), (x,), (step,))
            allowed = central_difference(third, abs(out * (ahead - behind)).sum(), out.size)
            allowed = allowed + _noise(op, ops, x + step, out) + _noise(op, ops, x - step, out)
            allowed = allowed + _pulled_allowed(op, ops, x, g)[0, i] * step[0, i]
            return equal((out * (ahead - behind)).sum() / 2, step[0, i] * pulled[i], within=allowed)

        return all_of(*(compared(i) for i in range(len(pulled))))

    return claim


def _pulled_allowed(op: OnRows, ops: Operations, x: Any, g: Any) -> Allowance:
    assert op.pulled_allowed is not None
    return op.pulled_allowed(op.cotangent(g), x, x.dtype, ops.conventions.summation, **op.options(x))


def _noise(op: OnRows, ops: Operations, x: Any, out: Any) -> Allowance:
    """What half of ⟨out, f(x)⟩ may be off by, x being one row."""
    assert op.allowed is not None
    allowed = op.allowed(x, x.dtype, ops.conventions.summation, **op.options(x))
    return (allowed if op.reduces else allowed[0]).weighted(out[0] if not op.reduces else out) * 0.5


def gradient_sums_to_zero(op: OnRows, *refuted_by: Mutant) -> Claim:
    """The gradient never pushes all scores the same way, for that changes nothing."""
    claim = Claim(
        f"{op.name}.gradient_sums_to_zero",
        statement=f"The gradient that `{op.name}` sends back to a row of scores sums to zero, up to rounding, because "
        "adding a constant to the row would change nothing.",
        formula=r"\sum_i \bar x_i = 0",
        limits=LIMITS.get(f"{op.name}.gradient_sums_to_zero", EVERYWHERE),
        needs=op.needs[1:],
        tolerances=op.tolerances[1:],
        refuted_by=refuted_by,
    )

    @claim.property(rows_with_cotangents(most=300))
    def _(ops: Operations, x: Any, g: Any) -> Any:
        allowed = _pulled_allowed(op, ops, x, g).weighted(np.ones_like(x))
        return equal(total(op.parts[1].answer(ops, x, g)), 0.0, within=allowed)

    return claim
