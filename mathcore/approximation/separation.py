"""Whether a single layer tells two kinds of points apart, with a certificate either way, in exact arithmetic."""

from __future__ import annotations

import numbers
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, booleans
from mathcore._arrivals import refuse_what_is_lost

Separation: TypeAlias = (
    tuple[Literal["separable"], tuple[tuple[Fraction, ...], Fraction]]
    | tuple[Literal["infeasible"], tuple[Fraction, ...]]
)


def separation(points: npt.ArrayLike, labels: npt.ArrayLike) -> Separation:
    r"""Find a single layer that tells two kinds of points apart, or prove that there is none.

    Either there is a plane, $w \cdot x + b \ge 1$ on one side and $\le -1$ on the other, or there are multipliers

    $$\lambda_i \ge 0, \quad \sum_i \lambda_i = 1, \quad \sum_i \lambda_i y_i = 0, \quad \sum_i \lambda_i y_i x_i = 0,
      \qquad y_i = \pm 1,$$

    a point that is a mean of both kinds; never both (Gordan). The simplex method looks for multipliers in exact
    rational arithmetic; where it ends without any, its prices are the plane. Bland's rule keeps it from
    going in circles.

    Args:
        points: (n, d), n ≥ 1, finite numbers, taken at their exact values.
        labels: (n,), bools.

    Returns:
        ("separable", (w, b)) with w a tuple of d Fractions and b a Fraction, or ("infeasible", λ), a tuple of n
        Fractions.

    Raises:
        TypeError: if labels are not bools.
        ValueError: if the shapes do not fit or a coordinate is not finite.

    Examples:
        >>> kind, shares = mc.course.separation([[0, 0], [0, 1], [1, 0], [1, 1]], [False, True, True, False])
        >>> kind, [str(share) for share in shares]
        ('infeasible', ['1/4', '1/4', '1/4', '1/4'])

    Source:
        Bland, Math. Oper. Res. 2 (1977), doi:10.1287/moor.2.2.103; Schrijver, Theory of Linear and Integer
        Programming (1986), §7.8.
    """
    exact, labels = _labelled(points, labels)
    n, m, one = len(exact), exact.shape[1] + 2, Fraction(1)
    signs = _fractions("labels", np.where(labels, 1, -1))  # y; an int divided by an int would be a float
    # Columns: λ, one artificial variable a row, the right side. Rows: Σ λ_i y_i (x_i, 1) = 0, Σ λ_i = 1, and the costs.
    table = np.full((m + 1, n + m + 1), Fraction(0), dtype=object)
    table[: m - 2, :n], table[m - 2, :n], table[m - 1, :n], table[m - 1, -1] = exact.T * signs, signs, one, one
    table[range(m), range(n, n + m)] = one
    table[m, :n], table[m, -1] = -table[:m, :n].sum(axis=0), -one  # to bring down the sum of the artificial variables
    basis = list(range(n, n + m))
    while (column := next((j for j in range(n) if table[m, j] < 0), None)) is not None:
        row = _leaving(table[:m], basis, column)
        table[row] = table[row] / table[row, column]
        for other in range(m + 1):
            if other != row and table[other, column]:
                table[other] = table[other] - table[other, column] * table[row]
        basis[row] = column
    costs = table[m]
    if costs[-1] == 0:
        found = dict(zip(basis, table[:m, -1], strict=True))
        return "infeasible", tuple(found.get(i, Fraction(0)) for i in range(n))
    prices = costs[n : n + m] - 1  # the negative prices of the rows
    plane = [p / -prices[-1] for p in prices[:-1]]
    return "separable", (tuple(plane[:-1]), plane[-1])


def _leaving(table: Array, basis: list[int], column: int) -> int:
    """The row whose variable leaves: the tightest, and of several the one of lowest index (Bland)."""
    rows = [r for r in range(len(table)) if table[r, column] > 0]
    return min(rows, key=lambda r: (table[r, -1] / table[r, column], basis[r]))


def check_separation(points: npt.ArrayLike, labels: npt.ArrayLike, answer: Separation) -> bool:
    """Whether an answer of `separation` proves what it says, by exact arithmetic alone.

    Args:
        points, labels: as given to `separation`.
        answer: what it returned, or anybody else's in that form; floats are taken at their exact values.

    Returns:
        True if the plane has every point strictly on its side, or the multipliers prove that there is no such plane.

    Raises:
        TypeError, ValueError: as `separation`, and for an answer of another kind.

    Examples:
        >>> mc.course.check_separation([[0], [2]], [False, True], ("separable", ((1,), -1)))  # x − 1
        True
    """
    exact, labels = _labelled(points, labels)
    _check_pair(answer)
    if answer[0] == "separable":
        weight, bias = answer[1]
        if len(weight) != exact.shape[1]:
            return False
        scores = exact @ _fractions("answer", weight) + _fractions("answer", [bias])
        return bool(np.all(scores[labels] > 0) and np.all(scores[~labels] < 0))
    if answer[0] != "infeasible":
        raise ValueError(f"`answer` must be 'separable' or 'infeasible', got {answer[0]!r}")
    shares = _fractions("answer", answer[1])
    if shares.shape != exact.shape[:1] or not np.all(shares >= 0):
        return False
    # One weighted sum of both kinds, of the same positive weight: a point between the ones and between the others.
    ours, theirs = shares[labels], shares[~labels]
    same_sum = np.all(ours @ exact[labels] == theirs @ exact[~labels])
    return bool(ours.sum() == theirs.sum() > 0 and same_sum)


def _check_pair(answer: Any) -> None:
    if not isinstance(answer, (tuple, list)) or len(answer) != 2 or not isinstance(answer[0], str):
        raise TypeError(f"`answer` must be a pair as `separation` returns it, got {type(answer).__name__}")


def _labelled(points: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Array, Array]:
    """Points as Fractions (n, d), and their labels (n,)."""
    exact, labels = _fractions("points", points), booleans("labels", labels)
    if exact.ndim != 2 or labels.shape != exact.shape[:1] or not len(exact):
        raise ValueError(
            f"`points` must have shape (n, d), n ≥ 1, and `labels` (n,), got {exact.shape} and {labels.shape}"
        )
    return exact, labels


def _fractions(name: str, x: Any) -> Array:
    """Numbers at their exact values."""
    refuse_what_is_lost(name, x)
    try:
        array = x if isinstance(x, np.ndarray) else np.array(x, dtype=object)  # beside a float an int would be rounded
    except ValueError:
        raise ValueError(f"`{name}` must be an array, got rows of different lengths") from None
    if (array.dtype.kind not in "iufO" and not _is_short(array)) or array.dtype.name.startswith("float8"):
        raise TypeError(f"`{name}` must be numbers, got dtype {array.dtype}")
    exact = [_fraction(name, v) for v in (array.astype(np.float64) if _is_short(array) else array).ravel().tolist()]
    return np.array(exact, dtype=object).reshape(array.shape)


def _is_short(array: Array) -> bool:
    """Whether these are 16-bit floats that Python does not know."""
    return array.dtype.name == "bfloat16"


def _fraction(name: str, v: Any) -> Fraction:
    if isinstance(v, (bool, np.bool_)) or not isinstance(v, (numbers.Rational, float, np.floating)):
        raise TypeError(f"`{name}` must be numbers, got {type(v).__name__}")
    try:
        return Fraction(v) if isinstance(v, numbers.Rational) else Fraction(*v.as_integer_ratio())
    except (OverflowError, ValueError):
        raise ValueError(f"`{name}` must be finite numbers, got NaN or infinity among them") from None
