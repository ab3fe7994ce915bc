"""The records of the operations on rows of scores."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability.cross_entropy_tolerances import cross_entropy_rounding, cross_entropy_vjp_rounding
from mathcore.probability.logsumexp_tolerances import (
    log_softmax_rounding,
    log_softmax_vjp_rounding,
    logsumexp_rounding,
    logsumexp_vjp_rounding,
)
from mathcore.probability.softmax_tolerances import (
    softmax_rounding,
    softmax_vjp_rounding,
    temperature_softmax_rounding,
    temperature_softmax_vjp_rounding,
)
from mathcore.probability.textbook import (
    distribution,
    first_of_the_highest,
    log_distribution,
    log_sum_exp,
    probabilities,
)
from mathcore.verify import Allowance, Limits, Operations, all_of, draw_array, enclose, equal
from mathcore.verify.domains import Draw, as_dtype, seeds
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.operation import Operation, like
from mathcore.verify.relations import Conjunction, Relation, equal_in_range


@dataclass(frozen=True)
class OnRows:
    """What the textbook says of an operation along an axis of scores, and what rounding may do to it.

    Attributes:
        name: of the operation; its derivative is called `name`_vjp.
        formula: (rows, **options) → the true values, on Arb balls.
        allowed: (rows, dtype, *how, **options) → what the result may be off by; None for nothing at all.
        pulled: (cotangent, rows, **options) → the true cotangent of the rows, on Arb balls; None without derivative.
        pulled_allowed: (cotangent, rows, dtype, *how, **options) → what that may be off by.
        tolerances: the tolerances of the value and of the derivative.
        reduces: whether the axis is gone from the result.
        graded: the convention that says how accurate it has to be; "" if none does.
        options: rows → further arguments of the operation and of all of the above.
        exempt: law → why it is not made of the operation.
        unvaried: options that the laws leave at their defaults.
    """

    name: str
    formula: Callable[..., Any]
    allowed: Callable[..., Allowance] | None = None
    pulled: Callable[..., Any] | None = None
    pulled_allowed: Callable[..., Allowance] | None = None
    tolerances: tuple[Callable[..., Allowance], ...] = ()
    reduces: bool = False
    graded: str = ""
    options: Callable[[Any], dict[str, Any]] = lambda rows: {}  # noqa: ARG005
    exempt: Mapping[str, str] = field(default_factory=dict)
    unvaried: tuple[str, ...] = ("axis", "where", "dtype")

    @functools.cached_property
    def value(self) -> Operation:
        """The record of the operation."""
        more = self.options(np.ones((3, 2)))
        return Operation(
            self.name,
            self._drawn,
            self._value_agrees,
            {"x": np.ones((3, 2)), **more},
            self.tolerances[:1],
            stacked=self._stacked,
            quick=self._value_follows,
            result=self._result,
            unvaried=self.unvaried,
            limits=self._limits,
            exempt=self.exempt,
            **_ON_ROWS,
        )

    @property
    def _limits(self) -> dict[str, Limits]:
        """What the laws leave out, beside options."""
        scores = "logits" if self.name == "cross_entropy" else "x"
        below = tuple(f"{name}.{scores} <= 0" for name in (self.name, f"{self.name}_vjp")[: 2 if self.pulled else 1])
        reduction = ("reduction",) if self.name == "cross_entropy" else ()
        return {
            "any_width": Limits(rows=2),
            "defaults": Limits(options=reduction, width=4),
            "keeps_dtype": Limits(rows=3),
            "many_rows": Limits(width=4, signs=below),
            "gradient": Limits(formats=tuple(f"{self.name}.{name}" for name in SHORT_FORMATS), rows=1, width=6),
            "gradient_sums_to_zero": Limits(rows=4, fixed={"scale": "no gradient overflows"}),
        }

    @functools.cached_property
    def vjp(self) -> Operation:
        """The record of its derivative."""
        return self.value.derivative(
            self._pull_agrees,
            *self.tolerances[1:],
            cotangent=lambda draw, name, given: self.cotangent(
                draw_array(draw, given["x"].shape, name, (2.0**-4, 2.0**4))
            ),
            sample={"g": self.cotangent(np.ones((3, 2))), **self.value.sample},
            quick=self._pull_follows,
            result=like("logits" if self.name == "cross_entropy" else "x"),
        )

    @property
    def parts(self) -> tuple[Operation, ...]:
        """The records of the operation, and of its derivative if there is one."""
        return (self.value, self.vjp) if self.pulled else (self.value,)

    def how(self, ops: Operations) -> tuple[str, ...]:
        """What a tolerance needs to know of how the target computes, after the dtype."""
        return (ops.conventions.summation, *((getattr(ops.conventions, self.graded),) if self.graded else ()))

    def cotangent(self, g: Any, axis: int = -1) -> Any:
        """A cotangent of the result, cut from an array of the shape of the input."""
        return np.moveaxis(g, axis, -1)[..., 0] if self.reduces else g

    def _result(self, given: Mapping[str, Any]) -> tuple[tuple[int, ...], Any] | None:
        x, dtype = given["logits" if self.name == "cross_entropy" else "x"], given.get("dtype")
        dtype = x.dtype if dtype is None else np.dtype(dtype)
        if given.get("return_sign"):
            return None
        if not self.reduces:
            return x.shape, dtype
        axis = given["axis"]
        axes = range(x.ndim) if axis is None else [a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))]
        shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape) if given.get("keepdims") or i not in axes)
        return shape if given.get("reduction", "none") == "none" else (), None if self.name == "argmax" else dtype

    def arguments(self, part: Operation, x: Any, g: Any, axis: int = -1) -> dict[str, Any]:
        """The arguments by name, of the operation or of its derivative: scores x, and a cotangent cut from g."""
        cotangent = {} if part is self.value else {"g": self.cotangent(g, axis)}
        return {**cotangent, "x": x, **self.options(np.moveaxis(x, axis, -1)), "axis": axis}

    # What it is drawn from.

    def _drawn(self, draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
        x = _scores(draw, name, width, long=long, rows=rows)
        return {"x": x, **self.options(x)}

    def _stacked(self, draw: Draw, name: str, many: int) -> dict[str, Any]:
        x = _stack(draw, name, many)
        return {"x": x, **self.options(x)}

    # What the textbook says: on Arb balls, ...

    def _value_agrees(self, ops: Operations, y: Any, x: Any, axis: int = -1, **more: Any) -> Relation:
        rows = np.moveaxis(x, axis, -1)
        y = y if self.reduces else np.moveaxis(y, axis, -1)
        if self.allowed is None:
            return equal(y, self.formula(rows, **more))
        true = enclose(lambda x: self.formula(x, **more), rows)
        allowed = self.allowed(rows, x.dtype, *self.how(ops), **more)
        return equal_in_range(y, true, within=allowed)

    def _pull_agrees(self, ops: Operations, pulled: Any, g: Any, x: Any, axis: int = -1, **more: Any) -> Relation:
        assert self.pulled is not None
        assert self.pulled_allowed is not None
        rows, out = np.moveaxis(x, axis, -1), g if self.reduces else np.moveaxis(g, axis, -1)
        true = enclose(lambda g, x: self.pulled(g, x, **more), out, rows)  # type: ignore[misc]
        allowed = self.pulled_allowed(out, rows, x.dtype, *self.how(ops), **more)
        return equal_in_range(np.moveaxis(pulled, axis, -1), true, within=allowed)

    # ... and in float64, where the formula, below the highest score of a row, is an implementation like any other: off
    # by no more than what is allowed in float64. Both sides may be off.

    def _value_follows(self, ops: Operations, y: Any, x: Any, axis: int = -1, **more: Any) -> Relation:
        del axis  # the last
        wide = x.astype(np.float64)
        if self.allowed is None:
            return equal(y, self.formula(x, **more))
        allowed = self.allowed(x, x.dtype, *self.how(ops), **more)
        top = wide.max(-1, keepdims=True)
        true = self.formula(wide - top, **more) + (top[..., 0] if self.name == "logsumexp" else 0)
        return equal_in_range(y, true, within=allowed + self.allowed(wide, wide.dtype, "any", **more))

    def _pull_follows(self, ops: Operations, pulled: Any, g: Any, x: Any, axis: int = -1, **more: Any) -> Relation:
        del axis  # the last
        assert self.pulled is not None
        assert self.pulled_allowed is not None
        wide = x.astype(np.float64)
        allowed = self.pulled_allowed(g, x, x.dtype, *self.how(ops), **more)
        allowed = allowed + self.pulled_allowed(g, wide, wide.dtype, "any", **more)
        below = wide - wide.max(-1, keepdims=True)
        return equal_in_range(pulled, self.pulled(g.astype(np.float64), below, **more), within=allowed)

    def follows(self, ops: Operations, y: Any, scores: Any, axis: int = -1) -> Relation:
        """That `y` is right by float64, wherever a row has a score above −∞, the mark of a masked one."""
        rows = np.moveaxis(scores, axis, -1)
        y, alive = y if self.reduces else np.moveaxis(y, axis, -1), (rows > -np.inf).any(-1)
        return self._value_follows(ops, y[alive], rows[alive])

    def pulled_follows(self, ops: Operations, pulled: Any, g: Any, scores: Any, axis: int = -1) -> Relation:
        """The same of the derivative, where the cotangents of all that is not masked are finite."""
        rows, pulled = np.moveaxis(scores, axis, -1), np.moveaxis(pulled, axis, -1)
        seen = rows > -np.inf
        g = g if self.reduces else np.where(seen, np.moveaxis(g, axis, -1), 0).astype(g.dtype)
        fine = seen.any(-1) & (np.isfinite(g) if self.reduces else np.isfinite(g).all(-1))
        return self._pull_follows(ops, pulled[fine], g[fine], rows[fine])


_ON_ROWS: Any = {
    "rows": ("g", "x", "targets"),
    "options": (
        *("axis", "where", "keepdims", "b", "return_sign", "dtype"),
        *("reduction", "weight", "ignore_index", "label_smoothing", "temperature", "targets"),
    ),
    "rows_when_wide": 2,
    "least_width": 1,
}


def _scores(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> Any:
    """Rows of scores of one scale; `long` ones so many that a sum of exponentials in 16 bits would stick."""
    if long:
        return draw_array(draw, (rows or 1, 2500), name, (2.0**-9, 2.0**-3))
    x = draw_array(draw, (rows or draw(st.integers(1, 4)), width), name, (2.0**-6, 2.0**4))
    x[0, -1] = 2 * abs(x).max()  # so that it matters whether the last one was seen
    return x


def _stack(draw: Draw, name: str, many: int) -> Any:
    """Narrow rows on one, two or three leading axes, one of them long; the highest score of each is 0."""
    n, rng = draw(st.integers(1, 4)), draw(seeds())
    lead = draw(st.sampled_from([(many,), (many, 2), (2, many), (many, 1, 2), (3, many, 1)]))
    return as_dtype(rng.permuted(-4 * rng.random((*lead, n)) * (np.arange(n) > 0), axis=-1), name)


def _pulled_through(p: Any, g: Any) -> Any:
    return p * (g - (p * g).sum(-1, keepdims=True))


SOFTMAX = OnRows(
    "softmax",
    formula=distribution,
    allowed=lambda x, *how: softmax_rounding(x, probabilities(x), *how),
    pulled=lambda g, x: _pulled_through(distribution(x), g),
    pulled_allowed=lambda g, x, *how: softmax_vjp_rounding(g, x, probabilities(x), *how),
    tolerances=(softmax_rounding, softmax_vjp_rounding),
)


LOG_SOFTMAX = OnRows(
    "log_softmax",
    formula=log_distribution,
    allowed=lambda x, *how: log_softmax_rounding(x, probabilities(x), *how),
    pulled=lambda g, x: g - distribution(x) * g.sum(-1, keepdims=True),
    pulled_allowed=lambda g, x, *how: log_softmax_vjp_rounding(g, x, probabilities(x), *how),
    tolerances=(log_softmax_rounding, log_softmax_vjp_rounding),
    graded="log_softmax",
)


LOGSUMEXP = OnRows(
    "logsumexp",
    formula=log_sum_exp,
    allowed=lambda x, *how: logsumexp_rounding(x, probabilities(x), *how[:2]),  # in all grades
    pulled=lambda g, x: g[..., None] * distribution(x),
    pulled_allowed=lambda g, x, *how: logsumexp_vjp_rounding(g, x, probabilities(x), *how),
    tolerances=(logsumexp_rounding, logsumexp_vjp_rounding),
    reduces=True,
    graded="log_softmax",
    unvaried=("axis", "keepdims", "where", "b", "return_sign", "dtype"),
)


TEMPERATURE_SOFTMAX = OnRows(
    "temperature_softmax",
    formula=lambda x, temperature: distribution(x / temperature),
    allowed=lambda x, *how, temperature: temperature_softmax_rounding(
        x, temperature, probabilities(x, temperature), *how
    ),
    pulled=lambda g, x, temperature: _pulled_through(distribution(x / temperature), g) / temperature,
    pulled_allowed=lambda g, x, *how, temperature: temperature_softmax_vjp_rounding(
        g, x, temperature, probabilities(x, temperature), *how
    ),
    tolerances=(temperature_softmax_rounding, temperature_softmax_vjp_rounding),
    graded="temperature",
    options=lambda rows: {"temperature": (0.3, 0.7, 2.5)[rows.size % 3]},
    unvaried=("axis",),
)


def some_targets(rows: Any) -> dict[str, Any]:
    """A target for each row, all over the classes, in an array that is not packed."""
    numbers = np.arange(math.prod(rows.shape[:-1])).reshape(rows.shape[:-1])
    targets = (numbers * 5 + 3) % rows.shape[-1]
    return {"targets": np.repeat(targets, 2, -1)[..., ::2] if targets.ndim else targets, "reduction": "none"}


def one_hot(targets: Any, n: int) -> Any:
    """1 at the target of each row, else 0."""
    return (np.arange(n) == np.asarray(targets)[..., None]).astype(int)


def _losses_allowed(x: Any, *how: Any, targets: Any, reduction: str) -> Allowance:
    rows = x.reshape(-1, x.shape[-1])
    flat = cross_entropy_rounding(rows, probabilities(rows), np.ravel(targets), *how, reduction=reduction)
    return Allowance(flat.values.reshape(targets.shape), flat.names)


CROSS_ENTROPY = OnRows(
    "cross_entropy",
    formula=lambda x, targets, reduction: (  # noqa: ARG005
        -np.take_along_axis(log_distribution(x), targets[..., None], -1)[..., 0]
    ),
    allowed=_losses_allowed,
    pulled=lambda g, x, targets, reduction: (  # noqa: ARG005
        g[..., None] * (distribution(x) - one_hot(targets, x.shape[-1]))
    ),
    pulled_allowed=lambda g, x, *how, targets, reduction: cross_entropy_vjp_rounding(  # noqa: ARG005
        g[..., None].astype(np.float64), x, probabilities(x), one_hot(targets, x.shape[-1]), *how
    ),
    tolerances=(cross_entropy_rounding, cross_entropy_vjp_rounding),
    reduces=True,
    graded="log_softmax",
    options=some_targets,
    unvaried=("axis", "weight", "ignore_index", "label_smoothing"),
)


def _both_agree(ops: Operations, both: Any, x: Any, **more: Any) -> Conjunction:
    loss, pulled = both
    ones = np.ones(x.shape[:-1], x.dtype)
    return all_of(
        CROSS_ENTROPY.value.judged(ops, loss, x, **more), CROSS_ENTROPY.vjp.judged(ops, pulled, ones, x, **more)
    )


CROSS_ENTROPY_AND_GRAD = replace(
    CROSS_ENTROPY.value,
    name="cross_entropy_and_grad",
    judged=_both_agree,
    quick=None,
    result=None,
    tolerances=CROSS_ENTROPY.tolerances,
    limits={
        "layout_free": Limits(rows=4),
        "pure": Limits(rows=4, width=9),
        "many_rows": Limits(width=4, signs=("cross_entropy_and_grad.logits <= 0",)),
        "keeps_dtype": Limits(rows=4),
        "rows_are_independent": Limits(rows=4),
    },
    exempt={
        "any_width": "`cross_entropy.with_its_gradient` compares it with both, which are right at every width",
        "defaults": "`cross_entropy.defaults` is claimed of it as well",
    },
)


ARGMAX = OnRows(
    "argmax",
    formula=first_of_the_highest,
    reduces=True,
    exempt={"keeps_dtype": "it gives places, which are integers"},
    unvaried=("axis",),
)


SMOOTH = (SOFTMAX, LOG_SOFTMAX, LOGSUMEXP, TEMPERATURE_SOFTMAX, CROSS_ENTROPY)


ALL = (*SMOOTH, ARGMAX)
