"""The textbook's angles, rotations and codes, on Arb balls."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from mathcore.positions.positions_tolerances import turned_pair
from mathcore.verify import Enclosure, enclose


@functools.lru_cache(maxsize=64)
def _frequencies(dim: int, base: float, bits: int) -> Any:  # noqa: ARG001  (the precision it was computed at)
    from flint import arb

    out = np.empty((dim + 1) // 2, dtype=object)
    out[:] = [arb(base) ** (arb(-2 * i) / dim) for i in range(len(out))]
    return out


def true_frequencies(dim: int, base: float) -> Any:
    """θ_i = base^(−2i/dim) as balls of the working precision, (⌈dim/2⌉,)."""
    from flint import ctx

    return _frequencies(dim, float(base), ctx.prec)


def waves(m: Any, dim: int, base: float, given: Any = None) -> tuple[Any, Any]:
    """Cosine and sine of mθ_i as balls, (..., ⌈dim/2⌉); `m` balls, θ of the base unless it is given."""
    both = np.frompyfunc(lambda angle: angle.sin_cos(), 1, 2)
    theta = true_frequencies(dim, base) if given is None else balls(given)
    sin, cos = both(np.asarray(m, dtype=object)[..., None] * theta)
    return np.asarray(cos, dtype=object), np.asarray(sin, dtype=object)


def balls(numbers: Any) -> Any:
    """Floats as balls without a radius."""
    from flint import arb

    return np.array([arb(float(v)) for v in numbers], dtype=object)


def true_waves(
    m: Any, dim: int, base: float, given: Any = None, attention_factor: float = 1.0
) -> tuple[Enclosure, Enclosure]:
    """Cosine and sine of mθ_i, times `attention_factor`."""
    both = enclose(lambda m: np.stack(waves(m, dim, base, given)) * attention_factor, m)
    return both[0], both[1]


def lanes(dim: int, *, interleaved: bool) -> tuple[Any, Any]:
    """The features that are first and second members of their pairs."""
    whole = np.arange(dim)
    return (whole[0::2], whole[1::2]) if interleaved else (whole[: (dim + 1) // 2], whole[(dim + 1) // 2 :])


class Rotation(NamedTuple):
    """Cosines and sines of the same angles, as exact as their numbers are."""

    cos: Any
    sin: Any


def turned(x: Any, cos: Any, sin: Any, *, interleaved: bool) -> Any:
    """Every pair of the leading features rotated by its angle; object arrays."""
    first, second = lanes(2 * cos.shape[-1], interleaved=interleaved)
    a, b, y = x[..., first], x[..., second], x.copy()
    y[..., first], y[..., second] = a * cos - b * sin, a * sin + b * cos
    return y


def width_turned(x: Any, rotary_dim: int | None, given: Any = None) -> int:
    """How many leading features are rotated, two for each frequency that is given."""
    if given is not None:
        return 2 * len(given)
    return int(x.shape[-1] if rotary_dim is None else rotary_dim)


def places(x: Any, given: Any, offset: int = 0) -> Any:
    """The position of every row, as int64."""
    return (np.arange(x.shape[-2]) if given is None else np.asarray(given)).astype(np.int64) + offset


def turn_allowed(x: Any, cos: Any, sin: Any, angle: Any, *, interleaved: bool) -> Any:
    """What rounding may do to every feature that is rotated."""
    dim = 2 * cos.shape[-1]
    first, second = lanes(dim, interleaved=interleaved)
    where = np.argsort(np.concatenate([first, second]))
    c, s = (np.broadcast_to(v, (*x.shape[:-1], dim // 2)) for v in (cos, sin))
    d = np.broadcast_to(angle, c.shape)
    a, b = x[..., first].astype(np.float64), x[..., second].astype(np.float64)
    pairs = ((a, a), (b, b), (c, s), (s, c), (d, d))
    a, b, c, s, d = (np.concatenate(pair, -1)[..., where] for pair in pairs)
    return turned_pair(a, b, c, s, d, x.dtype)
