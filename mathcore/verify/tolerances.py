"""Tolerances: how far a floating-point result may lie from the truth, derived from the arithmetic.

A tolerance is a named function whose docstring derives it. The derivation is printed beside every claim that uses it.
There is no other way to allow an error: `equal(…, within=1e-6)` is a TypeError. All bounds are rigorous, in closed
form, without a dropped O(u²), and are themselves evaluated without cancellation.

Notation: p is the number of significand bits, u = 2⁻ᵖ the unit roundoff of the compute dtype, λ its smallest
subnormal (see `Format` for arithmetic that flushes subnormals), γ_k = ku / (1 − ku), and h the largest number of
roundings that any one addend of a sum goes through.

Sources:
    Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), §2.2, §3.1, §3.5, §4.2.
    Blanchard, Higham & Higham, IMA J. Numer. Anal. 41 (2021), doi:10.1093/imanum/draa038.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, ParamSpec, Protocol

import numpy as np

_P = ParamSpec("_P")


_Values = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, eq=False)
class Allowance:
    """An allowed error and the names of the tolerances it came from. The allowances of several steps add up."""

    values: _Values
    names: tuple[str, ...]

    def __add__(self, other: Allowance) -> Allowance:
        return Allowance(self.values + other.values, tuple(dict.fromkeys(self.names + other.names)))

    def __mul__(self, factor: Any) -> Allowance:
        """The allowance of a quantity multiplied by `factor`, whose sign is ignored."""
        return Allowance(self.values * abs(np.asarray(factor, np.float64)), self.names)

    def __getitem__(self, key: Any) -> Allowance:
        return Allowance(np.asarray(self.values[key]), self.names)

    def weighted(self, weights: Any) -> Allowance:
        """The allowance of ⟨w, y⟩ along the last axis, if this is the allowance of y."""
        return Allowance((self.values * abs(np.asarray(weights, np.float64))).sum(-1), self.names)


REGISTRY: dict[str, Callable[..., Allowance]] = {}
"""Every tolerance by name."""


def tolerance(function: Callable[_P, Any]) -> Callable[_P, Allowance]:
    """Make a function that computes an allowed error into a named tolerance.

    Raises:
        TypeError: if the function has no derivation (a docstring).
        ValueError: if another tolerance has that name already.

    Examples:
        >>> from mathcore.verify import tolerance
        >>> @tolerance
        ... def a_thousandth(x):
        ...     "For the example: a thousandth of x."
        ...     return abs(x) / 1000
        >>> a_thousandth(np.array([2.0, 4.0])).values
        array([0.002, 0.004])
    """
    name = function.__name__
    if not function.__doc__:
        raise TypeError(f"tolerance `{name}` needs a docstring: its derivation")
    if name in REGISTRY and REGISTRY[name].__module__ != function.__module__:
        raise ValueError(f"there are two tolerances named `{name}`")

    @functools.wraps(function)
    def named(*args: _P.args, **kwargs: _P.kwargs) -> Allowance:
        unbounded = not _NOW.get().computed_in  # where γ may be infinite, which is no bound when it is times 0 either
        with np.errstate(over="ignore", under="ignore", invalid="ignore" if unbounded else "warn"):
            values = np.asarray(function(*args, **kwargs), np.float64)
        return Allowance(np.where(np.isnan(values), np.inf, values) if unbounded else values, (name,))

    REGISTRY[name] = named
    return named


@dataclass(frozen=True)
class Format:
    """A binary floating-point format.

    Attributes:
        u: unit roundoff.
        smallest: smallest subnormal λ. If subnormals are flushed, it is twice the smallest normal number. Derivations
            use λ/2 for the rounding error where numbers are λ apart; flushing costs less than the smallest normal
            number, so they cover it too.
        tiny: smallest normal number.
        most: largest finite number.
        exp, log, trig: allowed error of NumPy's elementary functions, in ulp; log1p counts as log, expm1 as exp. The
            values are NumPy's published maxima rounded up, and a test asserts them on this machine.
    """

    u: float
    smallest: float
    tiny: float
    most: float
    exp: float
    log: float
    trig: float


FORMATS = {
    "float64": Format(2.0**-53, 2.0**-1074, 2.0**-1022, 2.0**1023 * (2 - 2.0**-52), exp=1, log=1, trig=1),
    "float32": Format(2.0**-24, 2.0**-149, 2.0**-126, 2.0**127 * (2 - 2.0**-23), exp=3, log=4, trig=2),
    "float16": Format(2.0**-11, 2.0**-24, 2.0**-14, 65504.0, exp=0.51, log=0.51, trig=0.51),
    "bfloat16": Format(2.0**-8, 2.0**-133, 2.0**-126, 2.0**127 * (2 - 2.0**-7), exp=0.51, log=0.51, trig=0.51),
}


_FLUSHING = {
    # float16 is computed in float32, where its subnormals are normal numbers, which are not flushed.
    name: f if name == "float16" else replace(f, smallest=2 * f.tiny)
    for name, f in FORMATS.items()
}


_IN_FLOAT32 = {"float16": "float32", "bfloat16": "float32"}


class _Arithmetic(NamedTuple):
    """What a target computes in: the formats by name, and for those that are computed in another, which one."""

    formats: Mapping[str, Format] = FORMATS
    computed_in: Mapping[str, str] = _IN_FLOAT32


# A context variable, not an argument: every tolerance function asks `format_of(dtype)`, dozens of them in all topics,
# and none should have to pass on how the target that is being checked computes.
_NOW: ContextVar[_Arithmetic] = ContextVar("arithmetic", default=_Arithmetic())  # noqa: B039  (a tuple)


class _Conventions(Protocol):
    """Those of `mathcore.verify.targets.conventions.Conventions` that say what a target computes in."""

    @property
    def subnormals(self) -> str: ...
    @property
    def half_precision(self) -> str: ...


@contextmanager
def arithmetic(of: _Conventions) -> Iterator[None]:
    """Inside the context, formats and drawn inputs are those of a target with these conventions."""
    formats = _FLUSHING if of.subnormals == "flushed" else FORMATS
    token = _NOW.set(_Arithmetic(formats, {} if of.half_precision == "stepwise" else _IN_FLOAT32))
    try:
        yield
    finally:
        _NOW.reset(token)


def flushed(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array as the current target sees it: unchanged, or with subnormals replaced by zeros."""
    f = _NOW.get().formats.get(x.dtype.name)
    if f is None or f.smallest < f.tiny:
        return x
    return np.where(abs(x) < x.dtype.type(f.tiny), np.copysign(x.dtype.type(0), x), x)


def dtype_named(name: str) -> np.dtype[Any]:
    """The NumPy dtype of that name, bfloat16 included (from ml_dtypes)."""
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


def format_of(dtype: Any) -> Format:
    """The format in which results of `dtype` are stored."""
    return _NOW.get().formats[_name_of(dtype)]


def _name_of(dtype: Any) -> str:
    """The name of a dtype that may be a name itself, and that NumPy need not know yet: ml_dtypes adds bfloat16."""
    return dtype if isinstance(dtype, str) and dtype in FORMATS else np.dtype(dtype).name


def work_format(dtype: Any) -> Format:
    """The format of the compute dtype: float32 for float16 and bfloat16, unless a target computes in these."""
    now, name = _NOW.get(), _name_of(dtype)
    return now.formats[now.computed_in.get(name, name)]


def gamma(k: float, u: float) -> float:
    """γ_k = ku / (1 − ku), the relative error of k successive roundings; infinite if ku ≥ 1, where no bound holds."""
    return k * u / (1 - k * u) if k * u < 1 else math.inf


def over_what_is_left(error: Any, lost: Any) -> Any:
    """error / (1 − lost): the divisor is off by the fraction `lost`. Infinite from 1 on, where no bound holds."""
    lost = np.asarray(lost, np.float64)
    return np.where(lost < 1, error / np.where(lost < 1, 1 - lost, 1.0), np.inf)


EVALUATED = 1 + 2.0**-40
"""What evaluating a bound in float64 may lose."""


def pairwise_height(n: int) -> int:
    """The largest number of roundings of any addend in NumPy's pairwise sum of n numbers along a contiguous axis.

    NumPy uses eight accumulators up to 128 elements and splits longer sums in halves
    (`numpy/_core/src/umath/loops_utils.h.src`).
    """
    if n < 8:
        return max(n - 1, 0)
    if n <= 128:
        return n // 8 - 1 + 3 + n % 8
    half = n // 2 - (n // 2) % 8
    return 1 + max(pairwise_height(half), pairwise_height(n - half))


def height(n: int, summation: str) -> int:
    """h for a sum of n numbers: that of a pairwise sum if the target declares one, else n − 1, for any order."""
    return pairwise_height(n) if summation == "pairwise" else max(n - 1, 0)


def magnitude(x: Any, weight: Any) -> _Values:
    r"""$\sum_i |x_i||W_{ij}|$, the scale of the rounding error of a matrix product."""
    return abs(np.asarray(x, np.float64)) @ abs(np.asarray(weight, np.float64))


@tolerance
def rounding(value: Any, dtype: Any) -> Any:
    r"""One rounding of the true `value` to `dtype`: $u\,|y| + \lambda/2$."""
    f = format_of(dtype)
    return f.u * abs(np.asarray(value, np.float64)) + f.smallest / 2


@tolerance
def dot_product(magnitude: Any, terms: int, dtype: Any) -> Any:
    r"""A sum of `terms` products, in any order, fused or not.

    Every product goes through at most n roundings: its own and at most n − 1 of the additions, each a factor
    $1 + \delta$ with $|\delta| \le u$ (Higham, §3.1). So
    $|\hat y - y| \le \gamma_n \sum_i |x_i||w_i| + n\lambda(1 + \gamma_n)$, the last term for products that
    underflow. Results stored in 16 bits are computed in float32 and rounded once more: $+\,u_{16}(|y| + \dots)
    + \lambda_{16}/2$ with $|y| \le \sum|x_i||w_i|$. A bias counts as one more term. `magnitude` is
    $\sum_i |x_i||w_i|$.
    """
    f, work = format_of(dtype), work_format(dtype)
    m = np.asarray(magnitude, np.float64)
    g = gamma(terms, work.u)
    accumulated = (g * m + terms * work.smallest * (1 + g)) * (1 + 2.0**-50)  # m itself was summed in floats
    if f is work:
        return accumulated
    return accumulated + f.u * (m + accumulated) + f.smallest / 2


def stored(value: Any, error: Any, dtype: Any) -> Any:
    """`error` plus the error of rounding a 16-bit result to its dtype; float32 and float64 results are not rounded."""
    f = format_of(dtype)
    return error if f is work_format(dtype) else error + f.u * (abs(value) + error) + f.smallest / 2


@tolerance
def hoeffding(samples: int, width: float, false_alarm: float) -> Any:
    r"""The mean of independent samples from an interval of the given width against its expectation.

    $P(|\bar X - \mu| \ge t) \le 2e^{-2nt^2/w^2}$, so $t = w\sqrt{\ln(2/\alpha) / 2n}$ is exceeded with
    probability at most α, for any distribution (Hoeffding, 1963, doi:10.1080/01621459.1963.10500830).
    """
    return width * math.sqrt(math.log(2 / false_alarm) / (2 * samples))
