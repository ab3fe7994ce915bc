"""The operations on rows: how each is called, and what rounding may do to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

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
from mathcore.verify import Allowance, Operations, enclose, equal
from mathcore.verify.relations import Relation
from mathcore.verify.tolerances import FORMATS


# The operations.
@dataclass(frozen=True)
class Part:
    """An operation on rows, or its derivative.

    Attributes:
        name: of the operation that is called.
        answer: (ops, x, g, axis) → what the target returns.
        agrees: (ops, x, g, axis) → that this is what the textbook says.
        follows: (ops, x, g) → the same, quickly, by the formula in float64.
    """

    name: str
    answer: Callable[..., Any]
    agrees: Callable[..., Relation]
    follows: Callable[..., Relation]


@dataclass(frozen=True)
class OnRows:
    """An operation on rows of scores: how to call it, what is true of it, and what rounding may do.

    Attributes:
        name: of the operation; its derivative is called `name`_vjp.
        formula: (rows, **options) → the true values, on Arb balls.
        allowed: (rows, dtype, summation, **options) → what the result may be off by; None for nothing at all.
        pulled: (cotangent, rows, **options) → the true cotangent of the rows, on Arb balls; None without derivative.
        pulled_allowed: (cotangent, rows, dtype, summation, **options) → what that may be off by.
        tolerances: the tolerances in the allowances.
        reduces: whether the axis is gone from the result.
        options: rows → further arguments of the operation and of all of the above.
    """

    name: str
    formula: Callable[..., Any]
    allowed: Callable[..., Allowance] | None = None
    pulled: Callable[..., Any] | None = None
    pulled_allowed: Callable[..., Allowance] | None = None
    tolerances: tuple[Callable[..., Allowance], ...] = ()
    reduces: bool = False
    options: Callable[[Any], dict[str, Any]] = lambda rows: {}  # noqa: ARG005

    @property
    def rounded(self) -> str:
        """What a sentence adds where results are rounded."""
        return ", up to rounding," if self.allowed else ""

    def derivative(self, verb: str, more: str = "") -> str:
        """What a sentence adds if there is a derivative."""
        return f"; so {verb} its derivative{more}" if self.pulled else ""

    @property
    def needs(self) -> tuple[str, ...]:
        """The operation, and its derivative if there is one."""
        return tuple(part.name for part in self.parts)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The operation, and its derivative if there is one: rungs of their own, as a target may offer only one."""
        value = Part(self.name, self._value, self._value_agrees, self._value_follows)
        if not self.pulled:
            return (value,)
        return value, Part(f"{self.name}_vjp", self._pull, self._pull_agrees, self._pull_follows)

    def _value(self, ops: Operations, x: Any, g: Any, axis: int = -1) -> Any:  # noqa: ARG002  (one signature for both)
        return getattr(ops, self.name)(x, axis=axis, **self.options(np.moveaxis(x, axis, -1)))

    def _pull(self, ops: Operations, x: Any, g: Any, axis: int = -1) -> Any:
        vjp, more = getattr(ops, f"{self.name}_vjp"), self.options(np.moveaxis(x, axis, -1))
        return vjp(self.cotangent(g, axis), x, axis=axis, **more)

    def cotangent(self, g: Any, axis: int = -1) -> Any:
        """A cotangent of the result, cut from an array of the shape of the input."""
        return np.moveaxis(g, axis, -1)[..., 0] if self.reduces else g

    def _value_agrees(self, ops: Operations, x: Any, g: Any, axis: int = -1) -> Relation:
        y, rows = self._value(ops, x, g, axis), np.moveaxis(x, axis, -1)
        y, more = y if self.reduces else np.moveaxis(y, axis, -1), self.options(rows)
        if self.allowed is None:
            return equal(y, self.formula(rows, **more))
        true = enclose(lambda x: self.formula(x, **more), rows)
        allowed = self.allowed(rows, x.dtype, ops.conventions.summation, **more)
        if not (fits := abs(true.hi) < FORMATS[x.dtype.name].most / 2).all():  # the others may be infinite
            y, true, allowed = y[fits], true[fits], allowed[fits]
        return equal(y, true, within=allowed)

    def _pull_agrees(self, ops: Operations, x: Any, g: Any, axis: int = -1) -> Relation:
        assert self.pulled is not None
        assert self.pulled_allowed is not None
        pulled, rows = np.moveaxis(self._pull(ops, x, g, axis), axis, -1), np.moveaxis(x, axis, -1)
        out, more = self.cotangent(np.moveaxis(g, axis, -1)), self.options(rows)
        true = enclose(lambda g, x: self.pulled(g, x, **more), out, rows)  # type: ignore[misc]
        allowed = self.pulled_allowed(out, rows, x.dtype, ops.conventions.summation, **more)
        return equal(pulled, true, within=allowed)

    # Below its highest score, the textbook formula of a row in float64 is an implementation like any other: off by no
    # more than what is allowed in float64. Both sides may be off.

    def _value_follows(self, ops: Operations, x: Any, g: Any) -> Relation:
        y, more, wide = self._value(ops, x, g), self.options(x), x.astype(np.float64)
        if self.allowed is None:
            return equal(y, self.formula(x, **more))
        allowed = self.allowed(x, x.dtype, ops.conventions.summation, **more)
        true = self.formula(wide - wide.max(-1, keepdims=True), **more) + (wide.max(-1) if self is LOGSUMEXP else 0)
        return equal(y, true, within=allowed + self.allowed(wide, wide.dtype, "any", **more))

    def _pull_follows(self, ops: Operations, x: Any, g: Any) -> Relation:
        assert self.pulled is not None
        assert self.pulled_allowed is not None
        out, more, wide = self.cotangent(g), self.options(x), x.astype(np.float64)
        allowed = self.pulled_allowed(out, x, x.dtype, ops.conventions.summation, **more)
        allowed = allowed + self.pulled_allowed(out, wide, wide.dtype, "any", **more)
        below = wide - wide.max(-1, keepdims=True)
        return equal(self._pull(ops, x, g), self.pulled(out.astype(np.float64), below, **more), within=allowed)


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
)


LOGSUMEXP = OnRows(
    "logsumexp",
    formula=log_sum_exp,
    allowed=lambda x, *how: logsumexp_rounding(x, probabilities(x), *how),
    pulled=lambda g, x: g[..., None] * distribution(x),
    pulled_allowed=lambda g, x, *how: logsumexp_vjp_rounding(g, x, probabilities(x), *how),
    tolerances=(logsumexp_rounding, logsumexp_vjp_rounding),
    reduces=True,
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
    options=lambda rows: {"temperature": (0.3, 0.7, 2.5)[rows.size % 3]},
)


def some_targets(rows: Any) -> dict[str, Any]:
    """A target for each row, all over the classes, in an array that is not packed."""
    numbers = np.arange(math.prod(rows.shape[:-1])).reshape(rows.shape[:-1])
    targets = (numbers * 5 + 3) % rows.shape[-1]
    return {"targets": np.repeat(targets, 2, -1)[..., ::2] if targets.ndim else targets, "reduction": "none"}


def one_hot(targets: Any, n: int) -> Any:
    """1 at the target of each row, else 0."""
    return (np.arange(n) == np.asarray(targets)[..., None]).astype(int)


def _losses_allowed(x: Any, dtype: Any, summation: str, targets: Any, reduction: str) -> Allowance:
    rows = x.reshape(-1, x.shape[-1])
    flat = cross_entropy_rounding(rows, probabilities(rows), np.ravel(targets), dtype, summation, reduction=reduction)
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
    options=some_targets,
)


ARGMAX = OnRows("argmax", formula=first_of_the_highest, reduces=True)


SMOOTH = (SOFTMAX, LOG_SOFTMAX, LOGSUMEXP, TEMPERATURE_SOFTMAX, CROSS_ENTROPY)


ALL = (*SMOOTH, ARGMAX)
