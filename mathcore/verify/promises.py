"""Promises: what a target owes bit for bit only if it declares so, and what any target owes instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.relations import Conjunction, Relation, all_of, equal, identical
from mathcore.verify.tolerances import Allowance


def promised(
    strictly: bool, exact: Relation | Conjunction, otherwise: Callable[[], Relation | Conjunction]
) -> Relation | Conjunction:
    """What a target owes: `exact` if it promises as much, else `otherwise()`, unless the exact relation holds anyway.

    Examples:
        >>> from mathcore.verify import equal
        >>> from mathcore.verify.promises import promised
        >>> from mathcore.verify.tolerances import rounding
        >>> one, other = np.array([0.3]), np.array([0.1 + 0.2])
        >>> [promised(strictly, equal(one, other), lambda: equal(one, other, within=rounding(one, "float64"))).symbol
        ...  for strictly in (True, False)]
        ['=', '≈']
    """
    parts = exact.parts if isinstance(exact, Conjunction) else (exact,)
    return exact if strictly or not any(part.error.any() for part in parts) else otherwise()


def reproduced(
    ops: Any,
    lhs: Any,
    rhs: Any,
    otherwise: Callable[[], Relation | Conjunction],
    same: Callable[[Any, Any], Relation] = identical,
) -> Relation | Conjunction:
    """Answers of two different calls, which a target that declares `reproducible="bitwise"` owes bit for bit.

    Where they differ, any other target owes what `otherwise` says: that rounding alone sets them apart.

    Args:
        ops: the operations of the target.
        lhs, rhs: an array each, or a tuple of arrays.
        otherwise: what is asked if nothing is promised, e.g. that the left side is what the textbook says.
        same: how the sides are compared if it is; `equal` where the sign of a zero does not count.

    Examples:
        >>> from mathcore.verify import Operations, Target, equal, reproduced
        >>> from mathcore.verify.tolerances import rounding
        >>> ops = Operations(Target.numpy("which promises nothing"), needs=())
        >>> one, other = np.array([0.3]), np.array([0.1 + 0.2])
        >>> reproduced(ops, one, other, lambda: equal(one, other, within=rounding(one, "float64"))).symbol
        '≈'
    """
    pairs = zip(lhs, rhs, strict=True) if isinstance(lhs, tuple) else [(lhs, rhs)]
    exact = all_of(*(same(a, b) for a, b in pairs))
    return promised(ops.conventions.reproducible == "bitwise", exact, otherwise)


def close(lhs: Any, rhs: Any, within: Allowance) -> Relation:
    """The sides agree within an allowance; NaN matches NaN, and an infinity itself.

    Examples:
        >>> from mathcore.verify.promises import close
        >>> from mathcore.verify.tolerances import rounding
        >>> close([1.0, np.nan], [1.0, np.nan], rounding(np.array([1.0, np.nan]), "float64")).error
        array([0., 0.])
    """
    a, b = np.asarray(lhs), np.asarray(rhs)
    if a.shape != b.shape or a.dtype != b.dtype:
        return identical(a, b)
    special = ~np.isfinite(b.astype(np.float64))
    neither = special & np.isnan(a.astype(np.float64)) & np.isnan(b.astype(np.float64))
    a, b = (np.where(neither, 0, x) for x in (a, b))
    return equal(a, b, within=Allowance(np.where(special, 0.0, within.values), within.names))


def in_place_of(answer: Any, other: Any, where: Any) -> Any:
    """`answer` where told, and elsewhere `other`, which is known to be right there or is judged by itself.

    Examples:
        >>> from mathcore.verify.promises import in_place_of
        >>> in_place_of(np.array([[1, 2], [3, 4]]), np.zeros((2, 2), int), where=np.array([[True], [False]]))
        array([[1, 2],
               [0, 0]])
    """
    return np.where(where, answer, other)
