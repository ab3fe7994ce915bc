"""Relations: what the body of a claim returns, with both sides and the allowed error.

A body does not judge itself. It returns `equal(lhs, rhs, within=…)` or another relation; the runner then measures the
error as a fraction of the allowance, finds the worst element and describes the failure. NaN counts as a failure,
except in `identical` and `same`.
"""

from __future__ import annotations

import ast
import contextlib
import itertools
import linecache
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, ConversionError, NotOfferedError, NotTriedError, TargetError
from mathcore.verify.oracle.enclosures import Enclosure
from mathcore.verify.tolerances import FORMATS, Allowance


@dataclass(frozen=True, eq=False)
class Relation:
    """Two sides, the error between them and the allowed error, element by element.

    Attributes:
        symbol: how the relation reads, e.g. "=" or "≤".
        lhs, rhs: the two sides.
        error: float64, ≥ 0; infinite where the sides cannot be compared.
        allowance: float64, ≥ 0, of the same shape; 0 means exact.
        tolerances: names of the tolerance functions that the allowance came from.
        remark: what is wrong apart from the numbers, e.g. shapes that differ.
        measured: figures to report whether or not the relation holds.
        refused: whether a call that should raise an error raised one, of any class.
        condition: if both sides are truth values that differ, what should be true, as source.
    """

    symbol: str
    lhs: Any
    rhs: Any
    error: np.ndarray[Any, np.dtype[np.float64]]
    allowance: np.ndarray[Any, np.dtype[np.float64]]
    tolerances: tuple[str, ...] = ()
    remark: str = ""
    measured: Mapping[str, Any] = field(default_factory=dict)
    refused: bool = False
    condition: str = ""

    def measuring(self, **figures: Any) -> Relation:
        """The same relation with figures for the report."""
        return replace(self, measured={**self.measured, **figures})


@dataclass(frozen=True)
class Conjunction:
    """Several relations that must all hold."""

    parts: tuple[Relation, ...]


def all_of(*relations: Relation | Conjunction) -> Conjunction:
    """All of these relations; each is judged by itself.

    Examples:
        >>> from mathcore.verify import all_of, at_least, at_most
        >>> [part.symbol for part in all_of(at_least(0.5, 0), at_most(0.5, 1)).parts]
        ['≥', '≤']
    """
    parts: list[Relation] = []
    for relation in relations:
        parts.extend(relation.parts if isinstance(relation, Conjunction) else [relation])
    return Conjunction(tuple(parts))


def equal(lhs: Any, rhs: Any, within: Allowance | None = None) -> Relation:
    """The sides agree element by element within an allowance, or exactly if none is given.

    Shapes must be equal, except that a scalar on either side is compared with every element. The right side may be an
    `Enclosure`; the error is then an upper bound on the distance to the true value.

    Examples:
        >>> from mathcore.verify import equal
        >>> equal([1.0, 2.0], [1.0, 2.5]).error
        array([0. , 0.5])
    """
    return _compare("=" if within is None else "≈", lhs, rhs, _distance, within)


def equal_in_range(lhs: Any, rhs: Any, within: Allowance) -> Relation:
    """As `equal`, but for what may overflow: it is not judged beyond half the largest number of the left's dtype.

    Examples:
        >>> from mathcore.verify import equal_in_range
        >>> from mathcore.verify.tolerances import rounding
        >>> true = np.array([1.0, 1e5])  # float16 ends at 65,504
        >>> equal_in_range(np.array([1, np.inf], np.float16), true, within=rounding(true, np.float16)).error
        array([0.])
    """
    lhs, size = np.asarray(lhs), abs(rhs.hi if isinstance(rhs, Enclosure) else np.asarray(rhs))
    if lhs.shape != size.shape or lhs.dtype.name not in FORMATS:
        return equal(lhs, rhs, within)
    fits = ~(size > FORMATS[lhs.dtype.name].most / 2)
    return equal(lhs, rhs, within) if fits.all() else equal(lhs[fits], rhs[fits], within[fits])


def at_most(lhs: Any, rhs: Any, within: Allowance | None = None) -> Relation:
    """The left side nowhere exceeds the right by more than `within`.

    Examples:
        >>> from mathcore.verify import at_most
        >>> at_most([1.0, 3.0], 2.0).error
        array([0., 1.])
    """
    return _compare("≤", lhs, rhs, lambda a, b: np.maximum(_difference(a, b), 0.0), within)


def at_least(lhs: Any, rhs: Any, within: Allowance | None = None) -> Relation:
    """The left side nowhere falls below the right by more than `within`.

    Examples:
        >>> from mathcore.verify import at_least
        >>> at_least([1.0, 3.0], 2.0).error
        array([1., 0.])
    """
    return _compare("≥", lhs, rhs, lambda a, b: np.maximum(_difference(b, a), 0.0), within)


def less(lhs: Any, rhs: Any) -> Relation:
    """The left side is strictly smaller everywhere.

    Examples:
        >>> from mathcore.verify import less
        >>> less([1.0, 2.0], 2.0).error
        array([ 0., inf])
    """
    return _compare("<", lhs, rhs, lambda a, b: np.where(np.asarray(a < b, bool), 0.0, np.inf), None)


def differs(lhs: Any, rhs: Any) -> Relation:
    """The sides differ somewhere (an input that must matter, matters).

    Examples:
        >>> from mathcore.verify import differs
        >>> differs([1.0, 2.0], [1.0, 2.5]).error
        array([0., 0.])
    """

    def same_everywhere(a: Any, b: Any) -> Any:
        return np.full(np.shape(a), np.inf if np.array_equal(a, b) else 0.0)

    return _compare("≠", lhs, rhs, same_everywhere, None)


def identical(lhs: Any, rhs: Any) -> Relation:
    """The same dtype and the same bits, the sign of zero included; NaN matches NaN.

    Examples:
        >>> from mathcore.verify import identical
        >>> identical([0.0, np.nan], [-0.0, np.nan]).error
        array([inf,  0.])
    """
    a, b = np.asarray(lhs), np.asarray(rhs)
    if a.dtype != b.dtype:
        return _incomparable("is bit for bit", lhs, rhs, f"dtypes {a.dtype} and {b.dtype} differ")
    return _compare("is bit for bit", a, b, _bits_differ, None)


def same(lhs: Any, rhs: Any) -> Relation:
    """The sides have the same type and value. For strings, because NumPy would strip trailing null characters.

    Examples:
        >>> from mathcore.verify import same
        >>> same("a", "a").error
        array(0.)
    """
    agree = type(lhs) is type(rhs) and lhs == rhs
    return Relation("is", lhs, rhs, np.array(0.0 if agree else np.inf), np.zeros(()))


def raises(call: Callable[[], Any], *errors: type[Exception], saying: tuple[str, ...] = ()) -> Relation:
    """The call raises one of `errors`, with a message that contains every string of `saying`.

    It may be a call of an operation or of a method of an object that an operation returned.

    Examples:
        >>> from mathcore.verify import raises
        >>> raises(lambda: mc.softmax([1, 2]), TypeError, saying=("float",)).error
        array(0.)
    """
    expected = " or ".join(error.__name__ for error in errors) + "".join(f", saying {word!r}" for word in saying)
    try:
        came: Any = call()
    except NotOfferedError:
        raise
    except ConversionError as unfit:  # of arguments that are wrong on purpose
        raise NotTriedError(unfit.operation, "bad arguments that cannot be converted") from unfit
    except ContractError as fault:  # it answered instead of raising; a wrong shape or dtype does not matter here
        came = str(fault)
    except Exception as refusal:
        cause = refusal.cause if isinstance(refusal, TargetError) else refusal
        words = all(word in str(cause) for word in saying)
        happened = f"{type(cause).__name__}: {cause}"
        error = 0.0 if isinstance(cause, errors) and words else np.inf
        return Relation("raises", happened, expected, np.array(error), np.zeros(()), refused=True)
    return _incomparable("raises", came, expected, "no error was raised")


def ratios(relation: Relation) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Error ÷ allowance, element by element; 0 where the sides agree, ∞ where nothing was allowed and they do not."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(relation.error == 0, 0.0, relation.error / relation.allowance)


def worst_index(relation: Relation) -> tuple[int, ...]:
    """The index of the element with the largest error ÷ allowance."""
    ratio = ratios(relation)
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(ratio)), ratio.shape))


def _compare(
    symbol: str, lhs: Any, rhs: Any, distance: Callable[[Any, Any], Any], within: Allowance | None
) -> Relation:
    if within is not None and not isinstance(within, Allowance):
        raise TypeError(f"`within` must come from a named tolerance, got {within!r}")
    a, b = _side(lhs), rhs if isinstance(rhs, Enclosure) else _side(rhs)
    if a.shape != b.shape and a.ndim and b.ndim:
        return _incomparable(symbol, lhs, rhs, f"shapes {a.shape} and {b.shape} differ")
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.asarray(distance(a, b), dtype=np.float64)
    error = np.where(np.isnan(error), np.inf, error)
    allowed = np.asarray(0.0 if within is None else within.values, dtype=np.float64)
    if np.broadcast_shapes(allowed.shape, error.shape) != error.shape:
        raise ValueError(f"the allowance has shape {allowed.shape}, the sides have {error.shape}")
    if np.isnan(allowed).any() or (allowed < 0).any():
        raise ValueError(f"an allowance must be ≥ 0, got {allowed.min()} from {within and within.names}")
    names = within.names if within else ()
    condition = _condition(b) if a.dtype == bool and np.asarray(b).dtype == bool and error.any() else ""
    return Relation(symbol, lhs, rhs, error, np.broadcast_to(allowed, error.shape), names, condition=condition)


def _condition(expected: Any) -> str:
    """What a body compared with truth values, as its source: "True = False" would tell a reader nothing."""
    frame: Any = sys._getframe(2)
    while frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    with contextlib.suppress(Exception):  # no source, or not in this form: the words below say less
        line, end, start, stop = next(itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
        lines = [linecache.getline(frame.f_code.co_filename, n) for n in range(line, end + 1)]
        lines[-1] = lines[-1].encode()[:stop].decode()
        lines[0] = lines[0].encode()[start:].decode()
        call = ast.parse(textwrap.dedent("".join(lines)), mode="eval").body
        left, right = call.args[:2]  # type: ignore[attr-defined]
        if isinstance(right, ast.Constant) or not np.ndim(expected):
            return ast.unparse(left if bool(expected) else ast.UnaryOp(ast.Not(), left))
        return ast.unparse(ast.Compare(left, [ast.Eq()], [right]))
    return "a condition of the claim"


def _incomparable(symbol: str, lhs: Any, rhs: Any, remark: str) -> Relation:
    return Relation(symbol, lhs, rhs, np.array(np.inf), np.zeros(()), remark=remark)


def _side(value: Any) -> np.ndarray[Any, Any]:
    """An operand as an array, low precisions converted to float64 so that differences are exact enough to judge."""
    array = np.asarray(value)
    if array.dtype.name in ("float16", "bfloat16", "float32"):
        return array.astype(np.float64)
    return array


def _difference(a: Any, b: Any) -> Any:
    """A − B, or an upper bound of it if a side is an enclosure."""
    if isinstance(a, Enclosure):
        return (a.hi - b) + a.lo + a.radius
    if isinstance(b, Enclosure):
        return (a - b.hi) - b.lo + b.radius
    if a.dtype.kind == "b" or b.dtype.kind == "b":
        return a.astype(np.int64) - b.astype(np.int64)
    return np.where(np.asarray(a == b, bool), 0, a - b)  # ∞ − ∞ is no error


def _distance(a: Any, b: Any) -> Any:
    if isinstance(b, Enclosure):
        return b.distance(a)
    return abs(_difference(a, b))


def _bits_differ(a: Any, b: Any) -> Any:
    if a.dtype.name == "bfloat16":  # its dtype kind is "V", not "f"
        a, b = a.astype(np.float32), b.astype(np.float32)
    if a.dtype.kind != "f":
        return np.where(np.asarray(a == b, bool), 0.0, np.inf)
    same = ((a == b) & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b))
    return np.where(same, 0.0, np.inf)
