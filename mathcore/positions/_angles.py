"""Angles of positions, exact to the last place but one, and their sines and cosines."""

from __future__ import annotations

import functools

import numpy as np

from mathcore._arrays import Array
from mathcore._compute.blocks import row_blocks
from mathcore._compute.threads import parallel_for
from mathcore._scalars import real, whole

_FARTHEST = 2**31  # positions up to here times 32 bits of a frequency fit in an int64


_FASTEST = 2**64  # radians in a step that are given: after 2³¹ steps the turn is still known to 2⁻¹²⁹


_WIDEST = 2**24  # features of a code: wider ones take minutes and gigabytes


_FRACTION_BITS = 160  # of a turn: after 2³¹ steps it is still known to 2⁻¹²⁹


_INVERSE_TURN = 0x28BE60DB9391054A7F09D5F47D4D377036D8A5664F10E4107F9458EAF7AEF158  # 1/(2π), in units of 2⁻²⁵⁶


_INVERSE_BITS = 256


_UNIT_HIGH = 105414357 * 2.0**-88  # 2π/2⁶⁴, its leading 27 bits


_UNIT_LOW = 2.1512600287971257e-28  # and the rest


_REMEMBERED_DIM = 2**12  # the widest code whose frequencies are remembered: 64 KiB


def _cos_sin(m: Array, turns: Array) -> tuple[Array, Array]:
    """Cosine and sine of mθ_i, (..., pairs), for int64 m of at most 2³¹ in magnitude; `turns` (4, pairs)."""
    shape, m, pairs = m.shape, m.reshape(-1), turns.shape[-1]
    cos, sin = np.empty((len(m), pairs)), np.empty((len(m), pairs))
    if len(m) == 1:  # quickly: one token after the other is how a model writes
        _cos_sin_block(m, turns[:, None], cos, sin)
    elif blocks := row_blocks(len(m), pairs):
        turns = turns[:, None].repeat(blocks[0].stop, 1)
        parallel_for(lambda i: _cos_sin_block(m[blocks[i]], turns, cos[blocks[i]], sin[blocks[i]]), len(blocks))
    return cos.reshape(*shape, pairs), sin.reshape(*shape, pairs)


def _cos_sin_block(m: Array, turns: Array, cos: Array, sin: Array) -> None:
    """The kernel of `_cos_sin`, for a block of positions.

    The integer phase leaves 2⁻¹²⁷ rad of doubt, the product with π 2⁻⁷⁷ of the angle; what counts is NumPy's sine of an
    angle below π/4 (0.52 ulp) and the rounding of the correction (½ ulp).
    """
    steps = m[:, None] if len(m) == 1 else m[:, None].repeat(cos.shape[-1], 1)
    quarter, head, tail = _phase(steps, *turns[:, : len(m)])
    angle, rest = _times_pi(head, tail)
    c, s = np.cos(angle), np.sin(angle)
    _in_quarter(quarter, c - rest * s, s + rest * c, cos, sin)


def _in_quarter(quarter: Array, c: Array, s: Array, cos: Array, sin: Array) -> None:
    """Exchange cosine and sine after odd quarter turns, and set their signs: by bits, for branches would be guessed."""
    c_bits, s_bits = c.view(np.int64), s.view(np.int64)
    exchange = (c_bits ^ s_bits) & -(quarter & 1)
    np.bitwise_xor(c_bits ^ exchange, (quarter + 1 & 2) << 62, out=cos.view(np.int64))
    np.bitwise_xor(s_bits ^ exchange, (quarter & 2) << 62, out=sin.view(np.int64))


def _phase(m: Array, f0: Array, f1: Array, f2: Array, f3: Array) -> tuple[Array, Array, Array]:
    """How far m steps turn: quarter turns, and the rest in units of 2⁻⁶⁴ turns, at most 2⁶¹, as a sum of two floats.

    Schoolbook multiplication of m by the 160 bits of each frequency; the int64 of the leading 64 bits overflows exactly
    where a turn is complete.
    """
    carry = m * f2 + (m * f3 >> 32)
    upper = m * f1 + (carry >> 32)
    phase = m * f0 + (upper >> 32)
    below = (upper << 32 | carry & 0xFFFFFFFF).view(np.uint64)  # the next 64 bits
    quarter = (phase + 2**61) >> 62
    phase -= quarter << 62
    head = phase.astype(np.float64)
    return quarter, head, (phase - head.astype(np.int64)) + below * 2.0**-64


def _times_pi(head: Array, tail: Array) -> tuple[Array, Array]:
    """(head + tail)·2π/2⁶⁴, rounded, and what the rounding lost.

    Of `head` 26 bits and of 2π/2⁶⁴ 27 bits have an exact product, so that only what is 2⁻²⁵ of it is rounded twice.
    """
    high = (head.view(np.int64) & -(2**27)).view(np.float64)
    low = (head - high) + tail
    product = high * _UNIT_HIGH
    correction = high * _UNIT_LOW + low * (_UNIT_HIGH + _UNIT_LOW)
    angle = product + correction
    return angle, correction - (angle - product)


def _turns_per_step(dim: int, base: float) -> Array:
    """θ_i / 2π in units of 2⁻¹⁶⁰: one int64 row of 64 bits and three of 32, (4, pairs), read-only."""
    dim, base = _checked_frequencies(dim, base)
    return (_remembered_turns if dim <= _REMEMBERED_DIM else _remembered_turns.__wrapped__)(dim, base)


@functools.lru_cache(maxsize=16)
def _remembered_turns(dim: int, base: float) -> Array:
    """What `_turns_per_step` returns: for one token it would take longer than all the rest."""
    theta, bits = _exact_frequencies(dim, base)
    return _limbs([t * _INVERSE_TURN >> (_INVERSE_BITS + bits - _FRACTION_BITS) for t in theta])


def _turns_of(frequencies: Array) -> Array:
    """The same for frequencies in float64 that are given, (pairs,): as numbers they are exact."""
    known = 2 * frequencies.size <= _REMEMBERED_DIM
    return (_remembered_turns_of if known else _remembered_turns_of.__wrapped__)(frequencies.tobytes())


@functools.lru_cache(maxsize=16)
def _remembered_turns_of(frequencies: bytes) -> Array:
    """What `_turns_of` returns; whole turns are dropped."""
    ratios = (theta.as_integer_ratio() for theta in np.frombuffer(frequencies).tolist())
    turns = (t * _INVERSE_TURN // (power << _INVERSE_BITS - _FRACTION_BITS) for t, power in ratios)
    half = 1 << _FRACTION_BITS - 1
    return _limbs([(t + half) % (2 * half) - half for t in turns])


def _limbs(turns: list[int]) -> Array:
    """Integers of 160 bits as `_turns_per_step` returns them."""
    limbs = [[t >> 96 for t in turns], *([t >> k & 0xFFFFFFFF for t in turns] for k in (64, 32, 0))]
    array = np.array(limbs, dtype=np.int64)
    array.flags.writeable = False
    return array


def _frequencies(dim: int, base: float) -> Array:
    """θ_i = base^(−2i/dim) for i < dim/2, correctly rounded to float64."""
    theta, bits = _exact_frequencies(dim, base)
    return np.array([t / (1 << bits) for t in theta], dtype=np.float64)


def _checked_frequencies(dim: int, base: float) -> tuple[int, float]:
    return whole("dim", dim, 0, _WIDEST), real("base", base, 1)


def _exact_frequencies(dim: int, base: float) -> tuple[list[int], int]:
    """The integers θ_i·2^bits, with bits enough for 150 significant ones in the slowest frequency."""
    dim, base = _checked_frequencies(dim, base)
    bits = _FRACTION_BITS + int(base).bit_length()
    import decimal  # slow to load, and needed here alone

    digits = decimal.Context(prec=bits * 3 // 10 + 8)  # log₁₀ 2 = 0.301
    ratio = digits.power(decimal.Decimal(base), digits.divide(decimal.Decimal(-2), decimal.Decimal(dim or 1)))
    step = int(digits.multiply(ratio, 1 << bits))
    theta = [1 << bits][:dim]
    for _ in range(1, (dim + 1) // 2):
        theta.append(theta[-1] * step >> bits)
    return theta, bits


def _pair_slices(pairs: int, interleaved: bool) -> tuple[slice, slice]:
    """The features that are first and second members of their pairs."""
    if interleaved:
        return slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    return slice(0, pairs), slice(pairs, 2 * pairs)


def _check_reach(name: str, m: Array) -> None:
    """No position may be beyond ±2³¹, nor NaN."""
    if m.size and not (np.minimum.reduce(m, axis=None) >= -_FARTHEST and np.maximum.reduce(m, axis=None) <= _FARTHEST):
        far = ~(np.abs(m.astype(np.float64)) <= _FARTHEST)
        raise ValueError(f"`{name}` must lie in [−2³¹, 2³¹], got {m[far].flat[0]}")
