"""Domains: the inputs that properties are checked on.

The scale of an array is drawn first, log-uniformly, then its elements. With Hypothesis' default strategy for arrays
only one example in fourteen shows any rounding. Small arrays are drawn element by element, so that a counterexample
shrinks to something readable. Large ones come from a drawn seed, which costs nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
from hypothesis import strategies as st

from mathcore.verify.errors import NotTriedError
from mathcore.verify.targets.restrictions import NONE, Restrictions, current_restrictions, fixed_value, skip_option
from mathcore.verify.targets.target import Target
from mathcore.verify.tolerances import FORMATS, dtype_named, flushed

_P = ParamSpec("_P")
_T = TypeVar("_T")
Draw = Callable[[st.SearchStrategy[Any]], Any]

WIDTHS = (1, 2, 3, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 257, 1000, 1023, 1025)
"""Widths at which real kernels fail: 1, primes, and powers of two and multiples of 32, ± 1, beyond 1,024."""


@dataclass(frozen=True)
class Domain:
    """A strategy that depends on the target, e.g. on the dtypes it accepts."""

    build: Callable[[Target], st.SearchStrategy[Any]]


def resolve(domain: st.SearchStrategy[Any] | Domain, target: Target) -> st.SearchStrategy[Any]:
    """The strategy for `target`."""
    return domain.build(target) if isinstance(domain, Domain) else domain


def domain(function: Callable[Concatenate[Draw, Target, _P], _T]) -> Callable[_P, Domain]:
    """Turn `function(draw, target, …)` into a domain, as `hypothesis.strategies.composite` does for strategies.

    Examples:
        >>> from hypothesis import find, strategies as st
        >>> from mathcore.verify import domain, mathcore_target
        >>> @domain
        ... def even(draw, target):
        ...     return 2 * draw(st.integers(0, 50))
        >>> find(even().build(mathcore_target()), lambda n: n > 98)
        100
    """

    @st.composite
    def drawn(draw: Draw, target: Target, args: Any, kwargs: Any) -> _T:
        return function(draw, target, *args, **kwargs)

    def build(*args: _P.args, **kwargs: _P.kwargs) -> Domain:
        return Domain(lambda target: drawn(target, args, kwargs))

    return build


def widths(least: int = 1, most: int = 1100) -> st.SearchStrategy[int]:
    """Small widths, to which others shrink, and awkward ones up to `most`; only supported ones for a restricted target.

    Examples:
        >>> from hypothesis import find
        >>> from mathcore.verify import widths
        >>> find(widths(), lambda width: width > 1024)
        1025
    """
    return _widths(least, most, current_restrictions())


@functools.lru_cache  # Hypothesis validates a strategy once; to do so for every example would cost more than drawing
def _widths(least: int, most: int, restrictions: Restrictions) -> st.SearchStrategy[int]:
    awkward = [w for w in WIDTHS if least <= w <= most]
    small = st.integers(least, min(most, max(least, 8)))
    if restrictions != NONE and (supported := restrictions.widths_between(least, most, WIDTHS)):
        return st.sampled_from(supported)
    return st.one_of(small, st.sampled_from(awkward)) if awkward else small


def dtypes(*names: str) -> Domain:
    """The name of a dtype that the target accepts (one of `names`, if given).

    Examples:
        >>> from hypothesis import find
        >>> from mathcore.verify import dtypes, mathcore_target
        >>> find(dtypes("float32").build(mathcore_target()), lambda dtype: True)
        'float32'
    """
    return Domain(lambda target: st.sampled_from(accepted(target, *names) if names else target.dtypes))


def accepted(target: Target, *names: str) -> list[str]:
    """Those of the dtypes `names` that the target accepts.

    Raises:
        NotTriedError: if it accepts none of them.

    Examples:
        >>> from mathcore.verify import mathcore_target
        >>> from mathcore.verify.domains import accepted
        >>> accepted(mathcore_target(), "float64", "float32")
        ['float64', 'float32']
    """
    found = [name for name in target.dtypes if name in names]
    if not found:
        raise NotTriedError("every operation", names[0])
    return found


@functools.cache
def seeds() -> st.SearchStrategy[np.random.Generator]:
    """A seeded random generator, for arrays too large to draw element by element.

    Examples:
        >>> from hypothesis import find
        >>> from mathcore.verify import seeds
        >>> 0 <= find(seeds(), lambda rng: True).random() < 1
        True
    """
    return st.integers(0, 2**32 - 1).map(np.random.default_rng)


@functools.lru_cache
def log_uniform(low: float, high: float) -> st.SearchStrategy[float]:
    """A positive number whose logarithm is uniform on [low, high].

    Examples:
        >>> from hypothesis import find
        >>> from mathcore.verify import log_uniform
        >>> 3 < find(log_uniform(1.0, 8.0), lambda size: size > 3) <= 8
        True
    """
    return st.floats(np.log2(low), np.log2(high)).map(lambda e: float(2.0**e))


def option(draw: Draw, name: str, usual: _T, strategy: st.SearchStrategy[_T]) -> _T:
    """A value of an option; the only one of a target that does not take the option, which the report then says."""
    if not skip_option(name):
        return draw(strategy)
    only: _T = fixed_value(name, usual)
    return only


def positions(most: int = 2**31) -> st.SearchStrategy[int]:
    """A token position, log-uniform, beyond 256 and 2,048, where bfloat16 and float16 cannot hold every integer.

    Examples:
        >>> from hypothesis import find
        >>> from mathcore.verify import positions
        >>> find(positions(most=3), lambda position: position > 2)
        3
    """
    return st.integers(0, most.bit_length() - 1).flatmap(lambda b: st.integers(0, min(most, 2 ** (b + 1) - 1)))


def draw_array(
    draw: Draw,
    shape: tuple[int, ...],
    dtype: str = "float64",
    scale: tuple[float, float] = (2.0**-20, 2.0**20),
) -> np.ndarray[Any, Any]:
    """An array of finite floats of one drawn scale, drawn by element if it is small, else from a drawn seed.

    The scale is limited to the range of the dtype.

    Examples:
        >>> from hypothesis import find, strategies as st
        >>> from mathcore.verify import draw_array
        >>> arrays = st.composite(lambda draw: draw_array(draw, (2, 3), "float32"))
        >>> find(arrays(), lambda x: True).shape
        (2, 3)
    """
    most = min(scale[1], FORMATS[dtype].most / 8)
    size = draw(log_uniform(scale[0], most))
    count = int(np.prod(shape))
    if count <= 12:
        unit = st.floats(-1, 1, width=32)
        values = np.array(draw(st.lists(unit, min_size=count, max_size=count)), np.float64)
    else:
        values = draw(seeds()).normal(size=count).clip(-8, 8)
    return as_dtype(values.reshape(shape) * size, dtype)


def as_dtype(values: Any, dtype: str) -> np.ndarray[Any, Any]:
    """`values` rounded to `dtype`, bfloat16 included; finite values beyond its range become its largest number.

    Subnormals become 0 for a target that flushes them.
    """
    most, values = FORMATS[dtype].most, np.asarray(values, np.float64)
    return flushed(np.where(np.isinf(values), values, np.clip(values, -most, most)).astype(dtype_named(dtype)))


def draw_view(draw: Draw, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same values in another memory layout: strided, transposed, reversed, a window, or broadcast.

    `values` has at least one axis. Only a broadcast view differs in value: it repeats the first index of one axis.
    """
    layout = draw(st.sampled_from(["strided", "transposed", "reversed", "window", "broadcast"]))
    if layout == "broadcast":
        once: list[slice] = [slice(None)] * values.ndim
        once[draw(st.integers(0, values.ndim - 1))] = slice(1)
        return np.broadcast_to(values[tuple(once)].copy(), values.shape)
    if layout == "transposed":
        return np.ascontiguousarray(values.T).T
    if layout == "reversed":
        return np.ascontiguousarray(values[..., ::-1])[..., ::-1]
    larger = [2 * n for n in values.shape] if layout == "strided" else [n + 2 for n in values.shape]
    memory = np.full(larger, 7, values.dtype)  # a kernel that ignores strides reads sevens
    view = memory[tuple(slice(None, None, 2) if layout == "strided" else slice(1, -1) for _ in larger)]
    view[...] = values
    return view


@domain
def floats(draw: Draw, target: Target, *shape: int, dtype: str | None = None) -> np.ndarray[Any, Any]:
    """An array of finite floats of that shape, in `dtype` or a dtype that the target accepts.

    Examples:
        >>> from hypothesis import find
        >>> from mathcore.verify import floats, mathcore_target
        >>> x = find(floats(2, 3, dtype="float32").build(mathcore_target()), lambda x: True)
        >>> x.shape, x.dtype.name
        ((2, 3), 'float32')
    """
    return draw_array(draw, shape, dtype or draw(st.sampled_from(target.dtypes)))


@domain
def score_rows(
    draw: Draw,
    target: Target,
    *,
    least: int = 1,
    most: int = 1100,
    rows: int | None = None,
    dtype: str | None = None,
    masked: bool = True,
) -> np.ndarray[Any, Any]:
    """Rows of scores for a softmax, of shape (rows, width).

    Families: one scale; near-ties; a large common offset; one dominant score; gaps at the edge of underflow; equal
    scores; some scores −∞ (never a whole row).

    Examples:
        >>> from hypothesis import find
        >>> from mathcore.verify import mathcore_target, score_rows
        >>> find(score_rows(rows=2, least=3, most=3).build(mathcore_target()), lambda x: True).shape
        (2, 3)
    """
    name = dtype or draw(st.sampled_from(target.dtypes))
    n = draw(widths(least, most))
    height = rows if rows is not None else draw(st.sampled_from([1, 1, 2, 3]))
    families = ["scale", "offset", "dominant", "edge", "ties", "equal", *(["masked"] if masked else []), "offset"]
    family = draw(st.sampled_from(families))  # "offset" is there twice: it kills the most mutants
    x = draw_array(draw, (height, n), "float64", (2.0**-10, 2.0**6))
    return as_dtype(_SHAPES[family](draw, x, name), name)


def _offset(draw: Draw, x: Any, dtype: str) -> Any:
    return x + draw(st.sampled_from([-1, 1])) * draw(log_uniform(10.0, min(1e6, FORMATS[dtype].most / 8)))


def _dominant(draw: Draw, x: Any, dtype: str) -> Any:  # noqa: ARG001  (one signature for all families)
    x = x - abs(x).max(initial=0)
    x[:, draw(st.integers(0, x.shape[1] - 1))] += draw(log_uniform(0.5, 700.0))
    return x


def _edge(draw: Draw, x: Any, dtype: str) -> Any:
    """Gaps around −ln λ, where exponentials become subnormal and then 0."""
    x = x / max(abs(x).max(initial=0), 1) - draw(st.floats(0.8, 1.05)) * -np.log(FORMATS[dtype].smallest)
    x[:, 0] = 0
    return x


def _masked(draw: Draw, x: Any, dtype: str) -> Any:  # noqa: ARG001
    hidden = draw(seeds()).random(x.shape) < draw(st.floats(0, 1))
    hidden[:, draw(st.integers(0, x.shape[1] - 1))] = False
    return np.where(hidden, -np.inf, x)


_SHAPES: dict[str, Callable[[Draw, Any, str], Any]] = {
    "scale": lambda draw, x, dtype: x,  # noqa: ARG005
    "ties": lambda draw, x, dtype: 1 + x * 2.0**-20,  # noqa: ARG005
    "offset": _offset,
    "dominant": _dominant,
    "edge": _edge,
    "equal": lambda draw, x, dtype: np.broadcast_to(x[:, :1], x.shape).copy(),  # noqa: ARG005
    "masked": _masked,
}


@domain
def integers_as_floats(draw: Draw, target: Target, *shape: int, most: int = 64) -> np.ndarray[Any, Any]:
    """Integers |v| ≤ most stored as floats; their products and sums are exact while they stay below 2ᵖ.

    Examples:
        >>> from hypothesis import find
        >>> from mathcore.verify import integers_as_floats, mathcore_target
        >>> find(integers_as_floats(2, most=9).build(mathcore_target()), lambda x: x.min() > 8).tolist()
        [9.0, 9.0]
    """
    names = [d for d in target.dtypes if d in ("float64", "float32")] or ["float64"]
    name = draw(st.sampled_from(names))
    return draw_integers(draw, shape, most).astype(name)


def draw_integers(draw: Draw, shape: tuple[int, ...], most: int) -> np.ndarray[Any, Any]:
    """Integers |v| ≤ most, drawn by element if there are few, else from a drawn seed.

    Examples:
        >>> from hypothesis import find, strategies as st
        >>> from mathcore.verify import draw_integers
        >>> arrays = st.composite(lambda draw: draw_integers(draw, (2,), most=9))
        >>> find(arrays(), lambda x: x.min() > 8)
        array([9, 9])
    """
    count = int(np.prod(shape))
    if count <= 12:
        return np.array(draw(st.lists(st.integers(-most, most), min_size=count, max_size=count))).reshape(shape)
    return draw(seeds()).integers(-most, most + 1, size=shape)


def draw_exact(
    draw: Draw, target: Target, *shape: int, most: int = 9, fractions: bool | None = None
) -> np.ndarray[Any, Any]:
    """Numbers on which arithmetic is exact: Fractions if the target takes object arrays, else integers.

    Integers are stored as float64, or float32 for a target without float64.

    Arrays used together must agree on `fractions`, because a Fraction times a float is a float.

    Examples:
        >>> from hypothesis import find, strategies as st
        >>> from mathcore.verify import draw_exact, mathcore_target
        >>> arrays = st.composite(lambda draw: draw_exact(draw, mathcore_target(), 2, fractions=False))
        >>> find(arrays(), lambda x: x.min() > 8)
        array([9., 9.])
    """
    whole = draw_integers(draw, shape, most)
    if not target.exact or not (draw(st.booleans()) if fractions is None else fractions):
        return whole.astype(np.float64 if "float64" in target.dtypes else np.float32)
    denominators = abs(draw_integers(draw, shape, 6)) + 1
    out = np.empty(shape, dtype=object)
    out.ravel()[:] = [Fraction(int(a), int(b)) for a, b in zip(whole.ravel(), denominators.ravel(), strict=True)]
    return out


def fixed_generators(count: int) -> Iterator[np.random.Generator]:
    """Random generators by the seeds 0 to count − 1, whatever the seed of the run.

    For experiments of which nobody derived how often they fail by chance: what is claimed is about these seeds.
    """
    return map(np.random.default_rng, range(count))
