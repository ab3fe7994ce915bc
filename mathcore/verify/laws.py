"""What must be true of every operation, whichever it is: laws, each of which makes a claim of its record.

An operation is judged by the textbook, not by its own answer to an easier question. Long because it is one list.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

import mathcore.verify.common_mutants as common
import mathcore.verify.repetition as repetition
from mathcore.verify.claims import Claim, Mutant
from mathcore.verify.domains import WIDTHS, Domain, Draw, domain, draw_view
from mathcore.verify.errors import ContractError, NotTriedError
from mathcore.verify.laws_limits import LIMITS
from mathcore.verify.limits import EVERYWHERE, Limits
from mathcore.verify.operation import Operation
from mathcore.verify.promises import reproduced
from mathcore.verify.relations import Conjunction, all_of, equal, identical, raises, ratios
from mathcore.verify.targets.answers import is_float
from mathcore.verify.targets.target import Operations, Target
from mathcore.verify.tolerances import FORMATS


def _needs(parts: tuple[Operation | Called, ...]) -> tuple[str, ...]:
    return tuple(part.name for part in parts)


def _limits(of: Operation | Called, law: str) -> Limits:
    return LIMITS.get(f"{of.name}.{law}") or of.limits_of(law)


def body_of(part: Any, body: Callable[..., Any]) -> Callable[..., Any]:
    """The body of a check of one operation, from that of all, whose name and text it keeps."""

    @functools.wraps(body)
    def of_part(ops: Operations, **arguments: Any) -> Any:
        return body(part, ops, **arguments)

    return of_part


class Words(NamedTuple):
    """What a sentence is made of: a name, and what is said where it rounds, has a derivative, or more is checked."""

    name: str
    rounded: str
    derivative: str
    further: str = ""


class Further(NamedTuple):
    """A further check of a law on those operations whose rows may repeat: see `Operation.repeats`."""

    words: Callable[[int], str]
    body: Callable[..., Any]
    inputs: Callable[[Operation], Any]
    effort: float
    mutant: Callable[[Operation], Mutant]


@dataclass(frozen=True)
class Law:
    """What must be true of every operation that does not say why it is exempt, and of its derivative.

    Attributes:
        name: of the law; "pure" makes `softmax.pure`.
        statement: words → the sentence.
        formula: LaTeX.
        body: (operation, ops, **arguments) → what must be true.
        inputs: operation → the domain of the arguments, or all cases of them.
        exhaustive: whether it is tried on all cases, which are errors.
        mutants: what it must refute of every operation.
        derivative: what the sentence adds if there is a derivative.
        effort: see `Check`.
        further: what else is checked of those operations whose rows may repeat.
    """

    name: str
    statement: Callable[[Words], str]
    formula: str
    body: Callable[..., Any]
    inputs: Callable[[Operation], Any]
    exhaustive: bool = False
    mutants: tuple[Callable[[str], Mutant], ...] = ()
    derivative: str = "; so does its derivative"
    effort: float = 0.5
    further: Further | None = None

    def __call__(self, *parts: Operation, refuted_by: tuple[Mutant, ...] = ()) -> Claim:
        """The claim about an operation and its derivative: a check for each, so that a target may offer either."""
        first, tolerances = parts[0], tuple(t for part in parts for t in part.tolerances)
        rounded, derivative = ", up to rounding," if tolerances else "", self.derivative if parts[1:] else ""
        further = self.further
        repeating = tuple(part for part in parts if part.repeats) if further else ()
        far = further.words(min(part.repeats for part in repeating)) if further and repeating else ""
        wrong = [mutant(name) for mutant in self.mutants for name in _needs(parts)]
        wrong += [further.mutant(part) for part in repeating] if further else []
        claim = Claim(
            f"{first.name}.{self.name}",
            statement=self.statement(Words(first.name, rounded, derivative, far)),
            formula=self.formula,
            needs=_needs(parts),
            limits=EVERYWHERE if self.exhaustive else _limits(first, self.name),
            tolerances=() if self.exhaustive else tolerances,
            refuted_by=(*wrong, *refuted_by),
        )
        for part in parts:
            add = claim.exhaustive if self.exhaustive else partial(claim.property, effort=self.effort)
            add(self.inputs(part))(body_of(part, self.body))
        for part in repeating:
            assert further is not None
            claim.property(further.inputs(part), effort=further.effort)(body_of(part, further.body))
        return claim


def _agrees(part: Operation, ops: Operations, **arguments: Any) -> Any:
    return part.agrees(ops, **arguments)


@domain
def _viewed(draw: Draw, target: Target, part: Operation) -> dict[str, Any]:
    """Arguments in which every array has a layout of its own."""
    drawn = part.draw(draw, target, rows=part.rows_in_views)
    return {k: draw_view(draw, v) if isinstance(v, np.ndarray) and v.ndim else v for k, v in drawn.items()}


layout_free = Law(
    "layout_free",
    lambda of: (
        f"`{of.name}` gives the same{of.rounded} for a strided, transposed, reversed or broadcast view as for a "
        f"packed array of the same numbers{of.derivative}."
    ),
    r"f(\text{view of } x) = f(x)",
    _agrees,
    _viewed,
    mutants=(common.strides_ignored,),
    derivative="; so does its derivative, cotangents included",
)
"""Views are as good as packed arrays."""


def the_same_again(part: Operation, ops: Operations, history: list[dict[str, Any]]) -> Any:
    """Three calls, and what the second one of them is."""
    return all_of(depends_on_nothing_else(ops, part, history), part.agrees(ops, **history[1]))


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
def _histories(draw: Draw, target: Target, part: Operation) -> dict[str, list[dict[str, Any]]]:
    """Three calls one after the other, the first two alike but for the order in the rows, or in every other array."""
    first, other = (part.draw(draw, target, most=9) for _ in range(2))
    moved = {k for i, (k, v) in enumerate(first.items()) if np.ndim(v) and (i % 2 == 0 or k in part.rows)}
    return {"history": [first, {k: v[::-1].copy() if k in moved else v for k, v in first.items()}, other]}


pure = Law(
    "pure",
    lambda of: (
        f"`{of.name}` gives bit for bit the same answer for the same arguments whatever was called before, "
        f"keeps no hold on what it returned, and never writes into its inputs{of.derivative}."
    ),
    r"f(x) \text{ depends on } x \text{ alone}",
    the_same_again,
    _histories,
    mutants=(common.buffer_reused, common.first_answer_kept),
    effort=0.25,
)
"""The answer depends on the arguments alone."""


@domain
def _of_any_width(draw: Draw, target: Target, part: Operation) -> dict[str, Any]:
    """Arrays of any width up to 1,300, often one where kernels fail; few rows of them."""
    least = part.least_width
    width = draw(st.one_of(st.integers(least, 1300), st.sampled_from([least, *WIDTHS]), st.integers(1025, 1300)))
    return part.draw(draw, target, width=width, rows=part.rows_when_wide)


any_width = Law(
    "any_width",
    lambda of: (
        f"`{of.name}` is right at every width: 0, 1, primes, powers of two and their neighbours, "
        f"past 1,024{of.derivative}."
    ),
    r"f : \mathbb R^n \to \dots, \qquad n = 0, 1, 2, \dots",
    _agrees,
    _of_any_width,
    derivative="; so is its derivative",
)
"""No width is special."""


MANY = (9, 10, 16, 17, 31, 33, 64, 65, 129, 257)
"""Lengths of a leading axis: past 8, where a block index that wraps around starts anew, and past powers of two."""


@domain
def _of_many_rows(draw: Draw, target: Target, part: Operation) -> dict[str, Any]:
    """Narrow arrays of many rows, in any format."""
    rows, name = draw(st.sampled_from(MANY)), draw(st.sampled_from(target.dtypes))
    if part.stacked is not None:
        return part.stacked(draw, name, rows)
    return part.draw(draw, target, dtype=name, width=draw(st.integers(1, 3)), rows=rows)


def _agrees_quickly(part: Operation, ops: Operations, **arguments: Any) -> Any:
    return part.agrees(ops, quickly=True, **arguments)


_GRID = 2**16 + 1
"""Past the longest side of a grid of blocks on a GPU, and past an index of 16 bits: tried on any kernel of others."""


@domain
def _of_repeated_rows(draw: Draw, target: Target, part: Operation) -> dict[str, Any]:
    """A few rows, and how long an axis they are to fill over and over."""
    name, few = draw(st.sampled_from(target.dtypes)), repetition.FEW
    if part.stacked is not None:
        drawn = part.stacked(draw, name, few)
    else:
        drawn = part.draw(draw, target, dtype=name, width=draw(st.integers(1, 3)), rows=few)
    longer = [max(part.repeats, _GRID)] if target.guarded else []
    return {**drawn, "length": draw(st.sampled_from([*[part.repeats] * 9, *longer]))}


many_rows = Law(
    "many_rows",
    lambda of: (
        f"`{of.name}` does to each of many rows what it does to one, along leading axes of up to "
        f"{MANY[-1]}{of.further}{of.derivative}."
    ),
    r"f(x)_{ij} = f(x_{ij}) \text{ up to rounding}",
    _agrees_quickly,
    _of_many_rows,
    mutants=tuple(partial(common.wraps_rows, period=n) for n in (2, 8)),
    further=Further(
        lambda longest: f", or {longest:,} where few rows repeat",
        repetition.agrees_far_away,
        _of_repeated_rows,
        effort=0.5,
        mutant=lambda part: common.wraps_rows(part.name, part.repeats // 4),
    ),
)
"""No row is special, however many there are."""


def agrees_among_others(part: Operation, ops: Operations, here: int, strange: float, **arguments: Any) -> Any:
    """A row alone, among others, and among rows of something else, which leave no trace in any answer."""
    company = {k: _surrounded(v, here, strange) if k in part.rows else v for k, v in arguments.items()}
    alone = {k: v[[here]] if k in part.rows else v for k, v in arguments.items()}
    among_others, together = (part.answers_by_row(ops, **given) for given in (company, arguments))
    return all_of(
        reproduced(
            ops,
            tuple(y[here] for y in among_others),
            tuple(y[here] for y in together),
            lambda: part.rows_agree(ops, tuple(y[[here]] for y in among_others), **alone),
        ),
        part.agrees(ops, **alone),
        part.agrees(ops, **arguments),
    )


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


rows_are_independent = Law(
    "rows_are_independent",
    lambda of: (
        f"A row gets the same{of.rounded} from `{of.name}` alone as in a batch, whatever the other rows hold, NaN and "
        f"infinity included: bit for bit if the target promises that{of.rounded and ', else up to rounding'}"
        f"{of.derivative}."
    ),
    r"f(X)_i = f(X_i)",
    agrees_among_others,
    _among_others,
    derivative="; so it is for its derivative",
    effort=1.0,
)
"""A batch is its rows, side by side."""


@dataclass(frozen=True)
class Called:
    """An operation that is called with its arguments by name, e.g. one whose arguments are no rows.

    Attributes:
        name: of the operation.
        drawn: the domain of its arguments.
        limits: what a claim about it leaves out.
    """

    name: str
    drawn: Domain
    limits: Limits = EVERYWHERE

    def inputs(self, *, most: int) -> Domain:  # noqa: ARG002  (whatever their widths are)
        """The domain of its arguments."""
        return self.drawn

    def limits_of(self, law: str) -> Limits:  # noqa: ARG002  (`defaults` is the only one)
        """What a law leaves out."""
        return self.limits

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
        limits=_limits(of, "defaults"),
        tolerances=tuple(t for each in all_ if isinstance(each, Operation) for t in each.tolerances),
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
            same, right, not_tried = [], [], []
            for option, (value, _) in documented.items():
                try:
                    alike, by_the_textbook = _as_if_said(ops, each, arguments, option, value)
                    same.append(alike)
                    right.append(by_the_textbook)
                except NotTriedError as unsupported:
                    not_tried.append(unsupported)
            if not same:
                raise not_tried[0]
            # An answer of another form is told by the first; no textbook could be asked about it.
            alike = all_of(*same)
            first, *rest = all_of(alike, *(judge() for judge in right if not _fails(alike))).parts
            return all_of(first.measuring(**{f"not tried: {reason}": True for reason in not_tried}), *rest)

    return claim


def _as_if_said(
    ops: Operations, of: Operation | Called, arguments: dict[str, Any], option: str, default: Any
) -> tuple[Conjunction, Callable[[], Any]]:
    """That an option left out is the default that is said, and a function that asks the textbook about it."""
    if ops.has_own_default(of.name, option):  # which is no mistake, and is never relied on
        raise NotTriedError(of.name, f"its own default of `{option}`")
    silent = {name: value for name, value in arguments.items() if name != option}
    left_out, said = of.answers(ops, **silent), of.answers(ops, **silent, **{option: default})
    one, two = list(_leaves(left_out)), list(_leaves(said))
    same = all_of(equal(len(one), len(two)), *(identical(a, b) for a, b in zip(one, two, strict=False)))
    if not (isinstance(of, Operation) and of.domain is None and option in arguments):
        return same, lambda: same
    # By the textbook as well: a function that takes any options may not be told one at its default.
    answer = left_out if len(left_out) > 1 else left_out[0]
    return same, lambda: of.judged(ops, answer, **{**arguments, option: default})


def _fails(exact: Conjunction) -> bool:
    """Whether a part of a conjunction without allowances is false."""
    return any(part.error.any() for part in exact.parts)


def _leaves(answer: Any) -> Iterator[Any]:
    """The arrays and numbers of an answer, one after the other."""
    if isinstance(answer, Mapping):
        answer = tuple(answer.values())
    if not isinstance(answer, (tuple, list)):
        yield answer
        return
    for part in answer:
        yield from _leaves(part)


def keeps_its_dtype(part: Operation, ops: Operations, **arguments: Any) -> Any:
    """The format of every answer, and the answer."""
    came = next(v.dtype for v in arguments.values() if isinstance(v, np.ndarray) and v.dtype.kind != "i")
    kept = (equal(y.dtype == came, True) for y in part.answers(ops, **arguments))
    return all_of(*kept, part.agrees(ops, **arguments))


@domain
def _of_each_format(draw: Draw, target: Target, part: Operation) -> dict[str, Any]:
    """Any format; in 16 bits often so long that a sum in the format itself would stick."""
    name = draw(st.sampled_from(target.dtypes))
    return part.draw(draw, target, dtype=name, long=name in ("float16", "bfloat16") and draw(st.integers(0, 2)) == 0)


keeps_dtype = Law(
    "keeps_dtype",
    lambda of: (
        f"`{of.name}` returns the format that came; 16-bit ones are computed in float32 and rounded "
        f"once{of.derivative}."
    ),
    r"\hat y = \operatorname{round}_{16}(\hat y_{32})",
    keeps_its_dtype,
    _of_each_format,
    mutants=(common.always_float64, common.autocast),
)
"""What comes in a format goes out in it."""


def refuses_the_dtype(part: Operation, ops: Operations, argument: str, dtype: str) -> Any:
    """One argument in another format, which another's function may answer as well, as it answers floats."""
    arguments = {**part.sample, argument: part.sample[argument].astype(dtype)}
    refusal = raises(lambda: part.answer(ops, **arguments), TypeError, saying=(dtype,))
    may_answer = ops.caller is not None and ops.conventions.errors != "mathcore"
    if may_answer and not refusal.refused and _answers_rightly(part, ops, arguments):
        raise NotTriedError(part.name, f"{dtype}, which it answers as it answers floats")
    return refusal


def _answers_rightly(part: Operation, ops: Operations, arguments: dict[str, Any]) -> bool:
    """Whether the answer is what the textbook says of the same numbers in the format of the answer, or in float64."""
    try:
        answer = part.answer(ops, **arguments)
    except ContractError:  # the answer has the format that only these arguments lead to, and is not at hand
        return True
    formats = [y.dtype for y in _leaves(answer) if isinstance(y, np.ndarray) and is_float(y)] or [np.dtype(float)]
    floats = {name: arguments[name].astype(formats[0]) for name, v in part.sample.items() if _is_float64(v)}
    whole = isinstance(answer, np.ndarray) and not is_float(answer)  # which may stand for floats
    return any(
        _holds(part, ops, y, {**arguments, **floats}) for y in (answer, *([answer.astype(formats[0])] if whole else ()))
    )


def _holds(part: Operation, ops: Operations, answer: Any, arguments: dict[str, Any]) -> bool:
    """Whether an answer is judged right; one that cannot be judged is not."""
    try:
        judged = part.judged(ops, answer, **arguments)
    except Exception:
        return False
    parts = judged.parts if isinstance(judged, Conjunction) else (judged,)
    return all(np.all(ratios(part) <= 1) for part in parts)


def _is_float64(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.float64


def _no_floats(part: Operation) -> Iterator[dict[str, Any]]:
    """Every floating argument, in every format that is none."""
    for argument, value in part.sample.items():
        if _is_float64(value):
            for dtype in ("int64", "int32", "uint8", "bool"):
                yield {"argument": argument, "dtype": dtype}


floats_only = Law(
    "floats_only",
    lambda of: f"`{of.name}` refuses integers and bools where floats belong and says which format came{of.derivative}.",
    r"x \in \mathbb Z^n \Rightarrow \mathrm{TypeError}",
    refuses_the_dtype,
    lambda part: partial(_no_floats, part),
    exhaustive=True,
    mutants=(common.integers_taken,),
)
"""Integers and bools are refused, not guessed at."""


_EACH = (layout_free, pure, any_width, many_rows, rows_are_independent, keeps_dtype, floats_only)


def every_law(*parts: Operation, apart: tuple[str, ...] = (), **refuted_by: tuple[Mutant, ...]) -> tuple[Claim, ...]:
    """All laws of an operation and its derivative that it is not exempt from, but for `defaults`.

    Args:
        *parts: the records of both.
        apart: laws that are claimed elsewhere, e.g. since they have further checks.
        **refuted_by: law → mutants that it must refute beside its own.

    Examples:
        >>> from mathcore.verify import Operation, draw_array, equal, every_law
        >>> twice = Operation(
        ...     "twice",
        ...     lambda draw, dtype, width, *, long, rows: {"x": draw_array(draw, (rows or 3, width), dtype)},
        ...     lambda ops, answer, x: equal(answer, 2 * x),
        ...     {"x": np.ones((3, 2))},
        ...     rows=("x",),
        ...     exempt={"floats_only": "integers are as welcome"},
        ... )
        >>> [claim.id for claim in every_law(twice)][:3]
        ['twice.layout_free', 'twice.pure', 'twice.any_width']
    """
    laws = (law for law in _EACH if law.name not in (*parts[0].exempt, *apart))
    return tuple(law(*parts, refuted_by=refuted_by.get(law.name, ())) for law in laws)


LAWS = (*(law.name for law in _EACH), "defaults")
"""What is claimed of every operation that does not say why it is exempt; defaults, of those that have any."""
