"""The record of an operation: all that the laws need to know of it. An operation has one, and its VJP another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st

from mathcore.verify.domains import Domain, Draw, domain, draw_array, widths
from mathcore.verify.limits import EVERYWHERE, Limits
from mathcore.verify.records import register
from mathcore.verify.relations import Conjunction, Relation
from mathcore.verify.targets.target import Operations, Target
from mathcore.verify.tolerances import Allowance

Result: TypeAlias = "Callable[[Mapping[str, Any]], tuple[tuple[int, ...], Any] | None]"
"""Shape and dtype of an answer (None for any integer dtype) from the arguments by name; None where nothing is known."""


Cotangent: TypeAlias = "Callable[[Draw, str, dict[str, Any]], Any]"
"""(draw, format, arguments) → an array of the shape of the answer."""


def like_the_first(draw: Draw, name: str, given: dict[str, Any]) -> Any:
    """A cotangent of the shape of the first argument."""
    return draw_array(draw, next(iter(given.values())).shape, name, (2.0**-4, 2.0**4))


def like(argument: str) -> Result:
    """The shape and dtype of one of the arguments.

    Examples:
        >>> from mathcore.verify import like
        >>> like("gate")({"gate": np.ones((3, 2), np.float32)})
        ((3, 2), dtype('float32'))
    """
    return lambda given: (given[argument].shape, given[argument].dtype)


@dataclass(frozen=True)
class Operation:
    """An operation on arrays, or the VJP of one.

    Attributes:
        name: of the operation that is called.
        drawn: `(draw, format, width, long, rows)` → its arguments by name, in order.
        judged: `(ops, the answer, **arguments)` → that this is what the textbook says.
        sample: arguments of float64 that it takes.
        tolerances: the tolerances in the judgement.
        rows_in_views: how many rows its arrays have where layouts are tried; None for any number.
        rows_when_wide: how many where widths are tried.
        options: the arguments that are passed by name.
        stacked: (draw, format, rows) → arguments whose arrays lie on leading axes, one of them `rows` long; None if
            `drawn` with so many rows is that.
        quick: like `judged`, by an oracle that is fast enough for large arrays; None if `judged` is.
        rows: the arguments that hold one row for each row of an answer, which depends on no other row.
        repeats: the longest axis that a few rows fill over and over; 0 if its answer does not hold them.
        domain: what its arguments are drawn from where an option is left out, if that is not `drawn`.
        result: what the answer looks like, if it is one array.
        least_width: the narrowest rows that it takes.
        unvaried: options that every law leaves at their defaults.
        limits: law → what else it leaves out where it is tried on this operation.
        exempt: law → why it is not made of this operation. Of a VJP all laws are those of its operation.
    """

    name: str
    drawn: Callable[..., dict[str, Any]]
    judged: Callable[..., Relation | Conjunction]
    sample: Mapping[str, Any]
    tolerances: tuple[Callable[..., Allowance], ...] = ()
    rows_in_views: int | None = None
    rows_when_wide: int = 1
    options: tuple[str, ...] = ("axis",)
    stacked: Callable[[Draw, str, int], dict[str, Any]] | None = None
    quick: Callable[..., Relation | Conjunction] | None = None
    rows: tuple[str, ...] = ()
    repeats: int = 2**17
    domain: Domain | None = None
    result: Result | None = None
    least_width: int = 0
    unvaried: tuple[str, ...] = ()
    limits: Mapping[str, Limits] = field(default_factory=dict)
    exempt: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        register(self)

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
        options = {name: arguments.pop(name) for name in self.options if name in arguments}
        return getattr(ops, self.name)(*arguments.values(), **options)

    def answers(self, ops: Operations, **arguments: Any) -> tuple[Any, ...]:
        """The same as a tuple, one or more."""
        answer = self.answer(ops, **arguments)
        return answer if isinstance(answer, tuple) else (answer,)

    def derivative(
        self,
        judged: Callable[..., Relation | Conjunction],
        *tolerances: Callable[..., Allowance],
        cotangent: Cotangent | None = None,
        named: str = "g",
        **more: Any,
    ) -> Operation:
        """The record of the VJP: drawn as the operation is, a cotangent before its arguments.

        Args:
            judged: as of an operation.
            *tolerances: in the judgement.
            cotangent: what it is, unless it has the shape of the first argument.
            named: its name among the arguments.
            **more: attributes of the record that are others than those of the operation.
        """
        draw_cotangent, stacked = cotangent or like_the_first, self.stacked

        def before(draw: Draw, name: str, given: dict[str, Any]) -> dict[str, Any]:
            return {named: draw_cotangent(draw, name, given), **given}

        own = {
            "name": f"{self.name}_vjp",
            "drawn": lambda draw, name, width, **how: before(draw, name, self.drawn(draw, name, width, **how)),
            "judged": judged,
            "sample": {named: np.ones_like(next(iter(self.sample.values()), 0.0)), **self.sample},
            "tolerances": tolerances,
            "stacked": stacked and (lambda draw, name, rows: before(draw, name, stacked(draw, name, rows))),
        }
        nothing: dict[str, Any] = {
            "limits": {},
            "unvaried": (),
            "exempt": {},
            "domain": None,
            "quick": None,
            "result": None,
        }
        return replace(self, **{**own, **nothing, **more})

    def answers_by_row(self, ops: Operations, **arguments: Any) -> tuple[Any, ...]:
        """The answers that hold one row for each row of the arguments; of a VJP, one for each argument that does."""
        answers = self.answers(ops, **arguments)
        if not self.name.endswith("_vjp"):
            return answers
        _, *pulled = arguments  # the cotangent, and what there is a cotangent of
        return tuple(y for y, name in zip(answers, pulled, strict=False) if name in self.rows)

    def rows_agree(self, ops: Operations, rows: tuple[Any, ...], **arguments: Any) -> Relation | Conjunction:
        """That `rows`, of the kind that `answers_by_row` returns, are what the textbook says of these arguments.

        What depends on all rows, such as the gradient of a weight, is the target's own answer to the arguments.
        """
        answer = self.answer(ops, **arguments)
        if not isinstance(answer, tuple):
            return self.judged(ops, rows[0], **arguments)
        by_row, of_all = iter(rows), (True,) * len(answer)
        if self.name.endswith("_vjp"):
            of_all = tuple(name in self.rows for name in (*arguments,)[1:][: len(answer)])
        given = tuple(next(by_row) if mine else y for y, mine in zip(answer, of_all, strict=True))
        return self.judged(ops, given, **arguments)

    def limits_of(self, law: str) -> Limits:
        """What a law leaves out where it is tried on this operation."""
        found = self.limits.get(law, EVERYWHERE)
        return replace(found, options=(*self.unvaried, *found.options))

    def agrees(self, ops: Operations, *, quickly: bool = False, **arguments: Any) -> Relation | Conjunction:
        """That the target says what the textbook says; `quickly` for large arrays."""
        judged = self.quick if quickly and self.quick is not None else self.judged
        return judged(ops, self.answer(ops, **arguments), **arguments)


@domain
def _arguments(draw: Draw, target: Target, operation: Operation, how: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of an operation."""
    return operation.draw(draw, target, **how)
