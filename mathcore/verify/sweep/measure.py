"""The errors of one range of inputs, in units in the last place of the true value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mathcore.verify.oracle.enclosures import enclose
from mathcore.verify.sweep.operations import Array, Swept, swept
from mathcore.verify.targets.target import Operations, Target
from mathcore.verify.tolerances import arithmetic, dtype_named, flushed, format_of

EDGES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 1024.0)
"""The distribution counts errors up to each of these, in ulp, then those above, then those that are no number."""

BITS = {"float32": 32, "float16": 16, "bfloat16": 16}
"""The formats that can be swept, all of whose numbers can be tried."""

WORST = 8
"""How many of the worst inputs are kept."""

_DECIDED = 20_000
"""The most inputs of a range that are looked up in Arb because they lie next to an edge.

Without a limit, a range all of whose errors lie there, such as that of an operation that is half an ulp off everywhere,
would wait for millions. Those beyond it count with the larger errors, and are reported as `undecided`.
"""


@dataclass(frozen=True)
class Plan:
    """What is swept: an operation, a format, and how its inputs are cut into ranges.

    Attributes:
        operation: its name.
        dtype: a key of `BITS`.
        count: 1 for all numbers, 2 for all pairs.
        size: inputs in a range, a power of two; of pairs at least all with one first number.
    """

    operation: str
    dtype: str
    count: int
    size: int

    def __post_init__(self) -> None:
        if self.dtype not in BITS or BITS[self.dtype] * self.count > 32:
            pairs = " of pairs" * (self.count == 2)
            known = [name for name, bits in BITS.items() if bits * self.count <= 32]
            raise LookupError(
                f"a sweep{pairs} is in {' or '.join(known)}: of others there are too many, got {self.dtype}"
            )
        if self.size & (self.size - 1) or self.size < 1:
            raise LookupError(f"the size of a range must be a power of two, got {self.size}")

    @property
    def inputs(self) -> int:
        """How many inputs there are, NaN and infinities included."""
        return 1 << BITS[self.dtype] * self.count

    @property
    def ranges(self) -> int:
        """How many ranges there are."""
        least = 1 << BITS[self.dtype] if self.count == 2 else 1
        return self.inputs // min(max(self.size, least), self.inputs)

    def numbers(self, index: int) -> tuple[Array, ...]:
        """The finite numbers of a range: a vector; or a column and a row, whose pairs they are."""
        bits, kind = BITS[self.dtype], dtype_named(self.dtype)
        length = (1 << bits) // self.ranges
        codes = np.arange(index * length, (index + 1) * length, dtype=np.uint64).astype(f"uint{bits}")
        first = _finite(codes.view(kind))
        if self.count == 1:
            return (first,)
        return first[:, None], _finite(np.arange(1 << bits, dtype=f"uint{bits}").view(kind))[None]

    def encode(self, *numbers: Any) -> int:
        """The bits of an input, of a pair those of the first number before those of the second."""
        bits, code = BITS[self.dtype], 0
        for x in numbers:
            code = code << bits | int(np.asarray(x, dtype_named(self.dtype)).view(f"uint{bits}"))
        return code

    def decode(self, code: int) -> tuple[Array, ...]:
        """The input with these bits, as `numbers` gives a range of one."""
        bits = BITS[self.dtype]
        words = [code >> bits * i & (1 << bits) - 1 for i in reversed(range(self.count))]
        shape = (1,) * self.count
        return tuple(np.array([w], f"uint{bits}").view(dtype_named(self.dtype)).reshape(shape) for w in words)


def _finite(x: Array) -> Array:
    with np.errstate(invalid="ignore"):  # signalling NaN
        return x[np.isfinite(x)]


def measure(plan: Plan, target: Target, index: int) -> dict[str, Any]:
    """The errors of a range, as plain data.

    Returns:
        `range`, its index; `inputs`, how many were judged; `bins`, see `EDGES`; `undecided`, how many next to an edge
        were counted above it; `sum` of the errors that are numbers; `worst`, [bits of the input, error], largest first,
        with None for an answer that is no number.
    """
    operation, numbers = swept(plan.operation, plan.count), plan.numbers(index)
    if not all(x.size for x in numbers):  # NaN and infinities alone
        nothing = {"bins": [0] * (len(EDGES) + 2), "undecided": 0, "sum": 0.0, "worst": []}
        return {"range": index, "inputs": 0, **nothing}
    with arithmetic(target.conventions):
        seen = tuple(flushed(x).astype(np.float64) for x in numbers)
        answer = _answer(operation, target, numbers)
        true = operation.quick(*seen)
        error = _in_ulp(true, answer, lambda y: abs(y - true))
        place, undecided = _places(operation, seen, answer, error)
    return {
        "range": index,
        "inputs": error.size,
        "bins": np.bincount(place, minlength=len(EDGES) + 2).tolist(),
        "undecided": undecided,
        "sum": float(error[np.isfinite(error)].sum()),
        "worst": _worst(plan, numbers, error),
    }


def doubt_of(operation: Swept, dtype: Any) -> float:
    """By how many ulp of a format a measured error may be off, because the true value is float64's."""
    return operation.roundings * 2.0**-53 / format_of(dtype).u


def errors_at(plan: Plan, target: Target, codes: list[int]) -> list[float]:
    """The errors at single inputs, given by their bits: by Arb, rounded up."""
    operation, errors = swept(plan.operation, plan.count), []
    with arithmetic(target.conventions):
        for numbers in (plan.decode(code) for code in codes):
            seen = tuple(flushed(x).astype(np.float64) for x in numbers)
            errors.append(float(_true_errors(operation, seen, _answer(operation, target, numbers)).max()))
    return errors


def ulp(true: Any, dtype: Any) -> Array:
    """The unit in the last place of true values in a format: 2ᵉ⁺¹u where 2ᵉ ≤ |y| < 2ᵉ⁺¹, at least the smallest number.

    Examples:
        >>> from mathcore.verify.sweep.measure import ulp
        >>> ulp([1.0, 3.0, 0.0], np.float16) * 2.0**24
        array([1.6384e+04, 3.2768e+04, 1.0000e+00])
    """
    f = format_of(dtype)
    powers = (np.asarray(true, np.float64).view(np.int64) & 0x7FF0_0000_0000_0000).view(np.float64)
    return np.maximum(powers * (2 * f.u), f.smallest)


def _answer(operation: Swept, target: Target, numbers: tuple[Array, ...]) -> Array:
    args, options = operation.arguments(*numbers)
    call = getattr(Operations(target, (operation.operation,)), operation.operation)
    return np.asarray(operation.value(call(*args, **options)))


def _in_ulp(true: Array, answer: Array, distance: Callable[[Array], Array]) -> Array:
    """Errors in ulp; 0 for an overflow where the truth rounds to infinity, infinite for an answer that is no number."""
    with np.errstate(all="ignore"):
        wide = answer.astype(np.float64)
        error = distance(wide) / ulp(true, answer.dtype)
        right = ~np.isfinite(wide) & (true.astype(answer.dtype) == answer)
    return np.where(right, 0.0, np.where(np.isfinite(wide), error, np.inf))


def _true_errors(operation: Swept, seen: tuple[Array, ...], answer: Array) -> Array:
    """Errors in ulp, by Arb and rounded up; exact where float64 holds the true value."""
    if operation.roundings:
        enclosed = enclose(operation.true, *seen)
        return _in_ulp(enclosed.hi, answer, enclosed.distance)
    true = operation.quick(*seen)
    return _in_ulp(true, answer, lambda y: abs(y - true))


def _places(operation: Swept, seen: tuple[Array, ...], answer: Array, error: Array) -> tuple[Array, int]:
    """The bin of every error, and how many were put into the upper of two because they are too many to look up."""
    flat, doubt = error.ravel(), doubt_of(operation, answer.dtype)
    low, place = (np.searchsorted(EDGES, flat + d, side="left") for d in (-doubt, doubt))
    near = np.flatnonzero(low != place)
    if near.size:
        decided = near[:_DECIDED]
        given = tuple(x.ravel()[decided] for x in np.broadcast_arrays(*seen))
        exact = _true_errors(operation, given, answer.ravel()[decided])
        place[decided] = np.searchsorted(EDGES, exact, side="left")
    place[np.isinf(flat)] = len(EDGES) + 1
    return place, max(near.size - _DECIDED, 0)


def _worst(plan: Plan, numbers: tuple[Array, ...], error: Array) -> list[list[Any]]:
    flat, kept = error.ravel(), min(WORST, error.size)
    top = np.argpartition(flat, flat.size - kept)[flat.size - kept :] if kept else np.zeros(0, int)
    codes = [plan.encode(*(x.ravel()[i] for x in np.broadcast_arrays(*numbers))) for i in top]
    found = [(code, float(flat[i])) for code, i in zip(codes, top, strict=True) if flat[i] > 0]
    return [[code, e if np.isfinite(e) else None] for code, e in sorted(found, key=lambda pair: (-pair[1], pair[0]))]
