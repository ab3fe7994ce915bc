"""What must be true of every operation, whichever it is: one claim each, made by one function.

An operation is judged by the textbook, not by its own answer to an easier question. Long because it is one list.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.verify import (
    Allowance,
    Claim,
    Mutant,
    Operations,
    Target,
    all_of,
    domain,
    equal,
    identical,
    raises,
)
from mathcore.verify import common_mutants as common
from mathcore.verify.domains import WIDTHS, Domain, Draw, draw_view
from mathcore.verify.laws_limits import LIMITS
from mathcore.verify.limits import EVERYWHERE, Limits
from mathcore.verify.operation import Operation
from mathcore.verify.relations import Conjunction
from mathcore.verify.tolerances import FORMATS


@contextlib.contextmanager
def without(module: str) -> Iterator[None]:
    """While it lasts, `module` cannot be imported, as if it were not installed."""
    there = sys.modules.get(module)
    sys.modules[module] = None  # type: ignore[assignment]  # what Python takes for "not to be found"
    try:
        yield
    finally:
        del sys.modules[module]
        if there is not None:
            sys.modules[module] = there


# What is true of each.


def _needs(parts: tuple[Operation | Called, ...]) -> tuple[str, ...]:
    return tuple(part.name for part in parts)


def _tolerances(parts: tuple[Operation, ...]) -> tuple[Callable[..., Allowance], ...]:
    return tuple(t for part in parts for t in part.tolerances)


def _limits(of: Operation | Called, law: str) -> Limits:
    """What a law leaves out where it is tried on an operation: by its record, or by the table."""
    found = of.limits.get(law) if isinstance(of, Operation) else None
    return found or LIMITS.get(f"{of.name}.{law}", EVERYWHERE)


def layout_free(*parts: Operation, last: tuple[str, ...] = (), refuted_by: tuple[Mutant, ...] = ()) -> Claim:
    """Views are as good as packed arrays. `last` names the operations that have more arrays, and read the last one."""
    name, rounded = parts[0].name, ", up to rounding," if _tolerances(parts) else ""
    claim = Claim(
        f"{name}.layout_free",
        statement=f"`{name}` gives the same{rounded} for a strided, transposed, reversed or broadcast view as for a "
        "packed array of the same numbers" + ("; so does its derivative, cotangents included." if parts[1:] else "."),
        formula=r"f(\text{view of } x) = f(x)",
        needs=_needs(parts),
        limits=_limits(parts[0], "layout_free"),
        tolerances=_tolerances(parts),
        refuted_by=(
            *(common.strides_ignored(part.name) for part in parts),
            *(common.strides_ignored_behind(part) for part in last),
            *refuted_by,
        ),
    )
    for part in parts:

        @claim.property(_viewed(part), effort=0.5)
        def views_agree(ops: Operations, part: Operation = part, **arguments: Any) -> Any:
            return part.agrees(ops, **arguments)

    return claim


@domain
def _viewed(draw: Draw, target: Target, part: Operation) -> dict[str, Any]:
    """Arguments in which every array has a layout of its own."""
    drawn = part.draw(draw, target, rows=part.rows_in_views)
    return {k: draw_view(draw, v) if isinstance(v, np.ndarray) and v.ndim else v for k, v in drawn.items()}


def pure(*parts: Operation, refuted_by: tuple[Mutant, ...] = ()) -> Claim:
    """The answer depends on the arguments alone."""
    name = parts[0].name
    claim = Claim(
        f"{name}.pure",
        statement=f"`{name}` gives bit for bit the same answer for the same arguments whatever was called before, "
        "keeps no hold on what it returned, and never writes into its inputs"
        + ("; so does its derivative." if parts[1:] else "."),
        formula=r"f(x) \text{ depends on } x \text{ alone}",
        needs=_needs(parts),
        limits=_limits(parts[0], "pure"),
        tolerances=_tolerances(parts),
        refuted_by=(
            *(m(part) for m in (common.buffer_reused, common.first_answer_kept) for part in _needs(parts)),
            *refuted_by,
        ),
    )
    for part in parts:

        @claim.property(history=_histories(part), effort=0.25)
        def the_same_again(ops: Operations, history: list[dict[str, Any]], part: Operation = part) -> Any:
            return all_of(depends_on_nothing_else(ops, part, history), part.agrees(ops, **history[1]))

    return claim


def depends_on_nothing_else(ops: Operations, part: Operation, history: list[dict[str, Any]]) -> Conjunction:
    """That calls answer the same in any order, keep no hold on their answers, and leave their inputs as they were."""
    before = [{k: np.copy(v) for k, v in call.items()} for call in history]
    once = [[np.copy(y) for y in part.answers(ops, **call)] for call in history]
    again = [part.answers(ops, **call) for call in reversed(history)][::-1]  # all held, none copied
    return all_of(
        *(identical(a, b) for one, two in zip(once, again, strict=True) for a, b in zip(one, two, strict=True)),
        *(identical(call[k], b[k]) for call, b in zip(history, before, strict=True) for k in call),
    )


@domain
def _histories(draw: Draw, target: Target, part: Operation) -> list[dict[str, Any]]:
    """Three calls one after the other, the first two alike but for the order in the rows, or in every other array."""
    first, other = (part.draw(draw, target, most=9) for _ in range(2))
    moved = {k for i, (k, v) in enumerate(first.items()) if np.ndim(v) and (i % 2 == 0 or k in part.rows)}
    return [first, {k: v[::-1].copy() if k in moved else v for k, v in first.items()}, other]


def any_width(*parts: Operation, refuted_by: tuple[Mutant, ...]) -> Claim:
    """No width is special."""
    name = parts[0].name
    claim = Claim(
        f"{name}.any_width",
        statement=f"`{name}` is right at every width: 0, 1, primes, powers of two and their neighbours, past 1,024"
        + ("; so is its derivative." if parts[1:] else "."),
        formula=r"f : \mathbb R^n \to \dots, \qquad n = 0, 1, 2, \dots",
        needs=_needs(parts),
        limits=_limits(parts[0], "any_width"),
        tolerances=_tolerances(parts),
        refuted_by=refuted_by,
    )
    for part in parts:

        @claim.property(_of_any_width(part), effort=0.5)
        def agrees_at_this_width(ops: Operations, part: Operation = part, **arguments: Any) -> Any:
            return part.agrees(ops, **arguments)

    return claim


@domain
def _of_any_width(draw: Draw, target: Target, part: Operation) -> dict[str, Any]:
    """Arrays of any width up to 1,300, often one where kernels fail; few rows of them."""
    least = part.least_width
    width = draw(st.one_of(st.integers(least, 1300), st.sampled_from([least, *WIDTHS]), st.integers(1025, 1300)))
    return part.draw(draw, target, width=width, rows=part.rows_when_wide)


MANY = (9, 10, 16, 17, 31, 33, 64, 65, 129, 257)
"""Lengths of a leading axis: past 8, where a block index that wraps around starts anew, and past powers of two."""


def many_rows(*parts: Operation, periods: tuple[int, ...] = (2, 8), refuted_by: tuple[Mutant, ...] = ()) -> Claim:
    """No row is special, however many there are."""
    name = parts[0].name
    claim = Claim(
        f"{name}.many_rows",
        statement=f"`{name}` does to each of many rows what it does to one, along leading axes of up to {MANY[-1]}"
        + ("; so does its derivative." if parts[1:] else "."),
        formula=r"f(x)_{ij} = f(x_{ij}) \text{ up to rounding}",
        needs=_needs(parts),
        limits=_limits(parts[0], "many_rows"),
        tolerances=_tolerances(parts),
        refuted_by=(*(common.wraps_rows(part.name, n) for part in parts for n in periods), *refuted_by),
    )
    for part in parts:

        @claim.property(_of_many_rows(part), effort=0.5)
        def agrees_on_many_rows(ops: Operations, part: Operation = part, **arguments: Any) -> Any:
            return part.agrees(ops, quickly=True, **arguments)

    return claim


@domain
def _of_many_rows(draw: Draw, target: Target, part: Operation) -> dict[str, Any]:
    """Narrow arrays of many rows, in any format."""
    rows, name = draw(st.sampled_from(MANY)), draw(st.sampled_from(target.dtypes))
    if part.stacked is not None:
        return part.stacked(draw, name, rows)
    return part.draw(draw, target, dtype=name, width=draw(st.integers(1, 3)), rows=rows)


def rows_are_independent(*parts: Operation, refuted_by: tuple[Mutant, ...]) -> Claim:
    """A batch is its rows, side by side."""
    name, rounded = parts[0].name, ", up to rounding," if _tolerances(parts) else ""
    claim = Claim(
        f"{name}.rows_are_independent",
        statement=f"A row gets the same{rounded} from `{name}` alone as in a batch, and no bit of it depends on what "
        "the other rows hold, NaN and infinity included" + ("; so it is for its derivative." if parts[1:] else "."),
        formula=r"f(X)_i = f(X_i)",
        needs=_needs(parts),
        limits=_limits(parts[0], "rows_are_independent"),
        tolerances=_tolerances(parts),
        refuted_by=refuted_by,
    )
    for part in parts:

        @claim.property(_among_others(part))
        def agrees_among_others(
            ops: Operations, here: int, strange: float, part: Operation = part, **arguments: Any
        ) -> Any:
            company = {k: _surrounded(v, here, strange) if k in part.rows else v for k, v in arguments.items()}
            alone = {k: v[[here]] if k in part.rows else v for k, v in arguments.items()}
            return all_of(
                identical(part.answers(ops, **company)[0][here], part.answers(ops, **arguments)[0][here]),
                part.agrees(ops, **alone),
                part.agrees(ops, **arguments),
            )

    return claim


@domain
def _among_others(draw: Draw, target: Target, part: Operation) -> dict[str, Any]:
    """Two rows or more, which of them to look at, and what else might stand in the others."""
    rows = draw(st.integers(2, 4))
    drawn = part.draw(draw, target, rows=rows)
    scores = next(v for k, v in drawn.items() if k in part.rows and v.dtype.kind not in "iu")
    most = FORMATS[scores.dtype.name].most
    strange = draw(st.sampled_from([np.nan, np.inf, -np.inf, most, -most, 0.0]))
    return {**drawn, "here": draw(st.integers(0, rows - 1)), "strange": strange}


def _surrounded(x: Any, here: int, strange: float) -> Any:
    """The row `here` among rows of something else; integers stay what they are."""
    if x.dtype.kind in "iu":
        return x
    company = np.full_like(x, strange)
    company[here] = x[here]
    return company


@dataclass(frozen=True)
class Called:
    """An operation that is called with its arguments by name, e.g. one whose arguments are no rows.

    Attributes:
        name: of the operation.
        drawn: the domain of its arguments.
    """

    name: str
    drawn: Domain

    def inputs(self, *, most: int) -> Domain:  # noqa: ARG002  (whatever their widths are)
        """The domain of its arguments."""
        return self.drawn

    def answers(self, ops: Operations, **arguments: Any) -> tuple[Any, ...]:
        """What the target returns, as a tuple."""
        answer = getattr(ops, self.name)(**arguments)
        return answer if isinstance(answer, tuple) else (answer,)


def defaults(
    of: Operation | Called, /, *others: Operation | Called, unfit: frozenset[str] = frozenset(), **documented: Any
) -> Claim:
    """An option left out means what its documentation says: option → (its default, something else).

    The same is true of the `others`. No mutant is made of the options `unfit`, since other arguments would not fit.
    """
    name, all_ = of.name, (of, *others)
    says = ", ".join(f"`{option}={default!r}`" for option, (default, _) in documented.items())
    claim = Claim(
        f"{name}.defaults",
        statement=f"What is left out of a call of `{name}` has its documented value: {says}"
        + "".join(f"; so it is for `{other.name}`" for other in others)
        + ".",
        formula=r"f(x) = f(x;\ \text{option} = \text{its default})",
        needs=_needs(all_),
        dispensable=_needs(others),
        limits=_limits(of, "defaults"),
        refuted_by=tuple(
            replace(
                common.default_changed(each.name, option, other),
                name=f"default_of_{option}_changed" + ("" if each is of else f"_in_{each.name}"),
            )
            for each in all_
            for option, (_, other) in documented.items()
            if f"{each.name}.{option}" not in unfit
        ),
    )
    for each in all_:

        @claim.property(getattr(each, "domain", None) or each.inputs(most=9), effort=0.3)
        def as_if_it_were_said(ops: Operations, each: Operation | Called = each, **arguments: Any) -> Any:
            cases = documented.items()
            return all_of(*(_as_if_said(ops, each, arguments, option, value) for option, (value, _) in cases))

    return claim


def _as_if_said(ops: Operations, of: Operation | Called, arguments: dict[str, Any], option: str, default: Any) -> Any:
    silent = {name: value for name, value in arguments.items() if name != option}
    left_out, said = of.answers(ops, **silent), of.answers(ops, **silent, **{option: default})
    one, two = list(_leaves(left_out)), list(_leaves(said))
    return all_of(equal(len(one), len(two)), *(identical(a, b) for a, b in zip(one, two, strict=False)))


def _leaves(answer: Any) -> Iterator[Any]:
    """The arrays and numbers of an answer, one after the other."""
    if isinstance(answer, Mapping):
        answer = tuple(answer.values())
    if not isinstance(answer, (tuple, list)):
        yield answer
        return
    for part in answer:
        yield from _leaves(part)


def keeps_dtype(*parts: Operation, refuted_by: tuple[Mutant, ...] = ()) -> Claim:
    """What comes in a format goes out in it."""
    name = parts[0].name
    claim = Claim(
        f"{name}.keeps_dtype",
        statement=f"`{name}` returns the format that came; 16-bit ones are computed in float32 and rounded once"
        + ("; so does its derivative." if parts[1:] else "."),
        formula=r"\hat y = \operatorname{round}_{16}(\hat y_{32})",
        needs=_needs(parts),
        limits=_limits(parts[0], "keeps_dtype"),
        tolerances=_tolerances(parts),
        refuted_by=(
            *(m(part) for m in (common.always_float64, common.autocast) for part in _needs(parts)),
            *refuted_by,
        ),
    )
    for part in parts:

        @claim.property(_of_each_format(part), effort=0.5)
        def keeps_its_dtype(ops: Operations, part: Operation = part, **arguments: Any) -> Any:
            came = next(v.dtype for v in arguments.values() if isinstance(v, np.ndarray) and v.dtype.kind != "i")
            kept = (equal(y.dtype == came, True) for y in part.answers(ops, **arguments))
            return all_of(*kept, part.agrees(ops, **arguments))

    return claim


@domain
def _of_each_format(draw: Draw, target: Target, part: Operation) -> dict[str, Any]:
    """Any format; in 16 bits often so long that a sum in the format itself would stick."""
    name = draw(st.sampled_from(target.dtypes))
    return part.draw(draw, target, dtype=name, long=name in ("float16", "bfloat16") and draw(st.integers(0, 2)) == 0)


def floats_only(*parts: Operation) -> Claim:
    """Integers and bools are refused, not guessed at."""
    name = parts[0].name
    claim = Claim(
        f"{name}.floats_only",
        statement=f"`{name}` refuses integers and bools where floats belong and says which format came"
        + ("; so does its derivative." if parts[1:] else "."),
        formula=r"x \in \mathbb Z^n \Rightarrow \mathrm{TypeError}",
        needs=_needs(parts),
        limits=_limits(parts[0], "floats_only"),
        refuted_by=tuple(common.integers_taken(part) for part in _needs(parts)),
    )
    for part in parts:

        @claim.exhaustive(partial(_no_floats, part))
        def refuses_the_dtype(ops: Operations, argument: str, dtype: str, part: Operation = part) -> Any:
            arguments = {**part.sample, argument: part.sample[argument].astype(dtype)}
            return raises(lambda: part.answer(ops, **arguments), TypeError, saying=(dtype,))

    return claim


def _no_floats(part: Operation) -> Iterator[dict[str, Any]]:
    """Every floating argument, in every format that is none."""
    for argument, value in part.sample.items():
        if isinstance(value, np.ndarray) and value.dtype == np.float64:
            for dtype in ("int64", "int32", "uint8", "bool"):
                yield {"argument": argument, "dtype": dtype}


LAWS = (
    "layout_free", "pure", "any_width", "many_rows", "rows_are_independent", "keeps_dtype", "floats_only", "defaults",
)  # fmt: skip
"""What is claimed of every operation that does not say why it is exempt; defaults, of those that have any."""
