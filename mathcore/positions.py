"""Positions: where a word stands, told by angles.

Word m turns pair i by the angle mθ_i. Floating-point arithmetic loses that angle as m grows (float32 is off by
0.06 rad at a million), so it is kept as an integer number of tiny fractions of a turn: whole turns drop out by
wrap-around, and nothing is rounded until at most an eighth of a turn is left.
"""

from __future__ import annotations

import math
import operator
from functools import partial

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, integers, rounded, working
from mathcore._blocks import map_rows, row_blocks, share

_FARTHEST = 2**31  # positions up to here times 32 bits of a frequency fit in an int64
_FRACTION_BITS = 160  # of a turn: after 2³¹ steps it is still known to 2⁻¹²⁹
_INVERSE_TURN = 0x28BE60DB9391054A7F09D5F47D4D377036D8A5664F10E410  # 1/(2π), in units of 2⁻¹⁹²
_UNIT_HIGH = 105414357 * 2.0**-88  # 2π/2⁶⁴, its leading 27 bits
_UNIT_LOW = 2.1512600287971257e-28  # and the rest


def sinusoidal_positional_encoding(
    positions: npt.ArrayLike, dim: int, *, base: float = 10_000.0, interleaved: bool = True
) -> Array:
    r"""A vector for every position: sines and cosines of it, from fast waves to slow ones.

    $$\mathrm{PE}_{2i}(m) = \sin m\theta_i, \qquad \mathrm{PE}_{2i+1}(m) = \cos m\theta_i, \qquad
      \theta_i = \mathrm{base}^{-2i/\mathrm{dim}}$$

    Args:
        positions: (...), integers or floats, at most 2³¹ in magnitude.
        dim: the width of the code. An odd one ends with a sine that has no cosine.
        base: about how many times longer the slowest wave is than the fastest; at least 1.
        interleaved: the sine and cosine of a frequency side by side; otherwise all sines, then all cosines.

    Returns:
        (..., dim), float64, in [−1, 1]: within 1.02 ulp at integer positions, within 2⁻⁵¹ between them.

    Raises:
        TypeError: if `positions` are neither integers nor floats.
        ValueError: if a position is out of reach or NaN, `dim` is negative or `base` is below 1.

    Examples:
        >>> mc.sinusoidal_positional_encoding([0, 1], dim=2)  # the sine and the cosine of the position
        array([[0.        , 1.        ],
               [0.84147098, 0.54030231]])

    Source:
        Vaswani et al., Attention Is All You Need, arXiv:1706.03762, §3.5.
    """
    cos, sin = _waves(positions, dim, base)
    sines, cosines = _lanes((dim + 1) // 2, interleaved)
    code = np.empty((*sin.shape[:-1], dim))
    code[..., sines] = sin
    code[..., cosines] = cos[..., : dim // 2]
    return code


def sinusoidal_positional_encoding_vjp(
    cotangent: npt.ArrayLike,
    positions: npt.ArrayLike,
    dim: int,
    *,
    base: float = 10_000.0,
    interleaved: bool = True,
) -> Array:
    r"""Pull a cotangent of `sinusoidal_positional_encoding` back to the positions, as if these were continuous.

    $$\bar m = \sum_i \theta_i\,(\bar s_i \cos m\theta_i - \bar c_i \sin m\theta_i)$$

    Args:
        cotangent: (..., dim), floats, the shape of the code.
        positions, dim, base, interleaved: as given to `sinusoidal_positional_encoding`.

    Returns:
        (...), float64.

    Raises:
        TypeError: if `cotangent` is not floating, or `positions` are not numbers.
        ValueError: if `cotangent` does not have the shape of the code, or as the code itself.

    Examples:
        >>> mc.sinusoidal_positional_encoding_vjp([[1.0, 0.0]], positions=[0], dim=2)  # the slope of the sine
        array([1.])
    """
    cos, sin = _waves(positions, dim, base)
    g = floating("cotangent", cotangent)
    if g.shape != (*sin.shape[:-1], dim):
        raise ValueError(f"`cotangent` must have the shape of the code {(*sin.shape[:-1], dim)}, got {g.shape}")
    sines, cosines = _lanes((dim + 1) // 2, interleaved)
    theta, pairs = _frequencies(dim, base), dim // 2
    from_sines = (g[..., sines] * theta * cos).sum(axis=-1)
    return from_sines - (g[..., cosines] * theta[:pairs] * sin[..., :pairs]).sum(axis=-1)


def rope(
    x: npt.ArrayLike,
    positions: npt.ArrayLike | None = None,
    *,
    base: float = 10_000.0,
    interleaved: bool = False,
    rotary_dim: int | None = None,
    offset: int = 0,
) -> Array:
    r"""Rotary position embedding: every pair of features turns by an angle that grows with the position.

    $$\begin{pmatrix} y_a \\ y_b \end{pmatrix} = \begin{pmatrix} \cos m\theta_i & -\sin m\theta_i \\
      \sin m\theta_i & \cos m\theta_i \end{pmatrix} \begin{pmatrix} x_a \\ x_b \end{pmatrix}, \qquad
      \theta_i = \mathrm{base}^{-2i/d}$$

    Args:
        x: (..., time, width), floats; (width,) if `positions` is one number.
        positions: (time,), or (..., time) that broadcasts against the axes of `x`, or one number for all rows;
            integers, negative ones turn back. 0, 1, 2, … if None.
        base: the slowest pair is nearly this many times slower than the fastest, which turns 1 rad a step.
        interleaved: pair i is (2i, 2i + 1); otherwise (i, i + d/2), the two halves.
        rotary_dim: d, how many leading features turn, even; the others stay as they are. All of them if None.
        offset: added to every position.

    Returns:
        The shape and dtype of `x`. Position 0 returns `x` bit for bit. Angles are right to float64 rounding at every
        position; cosine and sine are rounded once to the precision that the arithmetic is done in.

    Raises:
        TypeError: if `x` is not floating, or `positions` or `offset` are not integers.
        ValueError: if d is odd or exceeds the width, shapes do not fit, or a position is beyond ±2³¹.

    Examples:
        >>> mc.rope([[1.0, 0.0], [1.0, 0.0]])  # by 0 and by 1 rad
        array([[1.        , 0.        ],
               [0.54030231, 0.84147098]])

    Source:
        Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding, arXiv:2104.09864, §3.2.
    """
    x = floating("x", x)
    cos, sin = _rotation_of(x, positions, base, rotary_dim, offset)
    return apply_rope(x, cos, sin, interleaved=interleaved)


def rope_vjp(
    cotangent: npt.ArrayLike,
    x: npt.ArrayLike,
    positions: npt.ArrayLike | None = None,
    *,
    base: float = 10_000.0,
    interleaved: bool = False,
    rotary_dim: int | None = None,
    offset: int = 0,
) -> Array:
    r"""Pull a cotangent of `rope` back to x: a rotation's transpose is its inverse, so this is `rope` at −m.

    $$\bar x = R_m^\top \bar y = R_{-m}\,\bar y$$

    Args:
        cotangent: (..., time, width), floats, the shape of `x`.
        x, positions, base, interleaved, rotary_dim, offset: as given to `rope`.

    Returns:
        The shape and dtype of `x`.

    Raises:
        TypeError, ValueError: as `rope`, and if `cotangent` does not have the shape of `x`.

    Examples:
        >>> mc.rope_vjp([[1.0, 0.0], [1.0, 0.0]], x=np.zeros((2, 2)))  # back by 0 and by 1 rad
        array([[ 1.        ,  0.        ],
               [ 0.54030231, -0.84147098]])
    """
    x = floating("x", x)
    cos, sin = _rotation_of(x, positions, base, rotary_dim, offset)
    return apply_rope_vjp(cotangent, x, cos, sin, interleaved=interleaved)


def rope_frequencies(rotary_dim: int, *, base: float = 10_000.0) -> Array:
    r"""The angle in radians by which each pair turns from one position to the next.

    $$\theta_i = \mathrm{base}^{-2i/d}, \qquad i = 0, \dots, d/2 - 1$$

    Args:
        rotary_dim: d, even.
        base: at least 1.

    Returns:
        (d/2,), float64, correctly rounded.

    Raises:
        ValueError: if `rotary_dim` is odd or negative, or `base` is not a finite number from 1 up.

    Examples:
        >>> mc.rope_frequencies(4)
        array([1.  , 0.01])
    """
    return _frequencies(_even(rotary_dim), base)


def rope_cos_sin(positions: npt.ArrayLike, rotary_dim: int, *, base: float = 10_000.0) -> tuple[Array, Array]:
    r"""The table behind `rope`: $\cos m\theta_i$ and $\sin m\theta_i$ for every position and pair.

    Args:
        positions: (...), integers, at most 2³¹ in magnitude.
        rotary_dim: d, even.
        base: at least 1.

    Returns:
        Cosines and sines, (..., d/2) each, float64, within 1.02 ulp of the truth; with a base beyond 10¹⁸, within that
        or 2⁻¹²⁵.

    Raises:
        TypeError: if `positions` are not integers.
        ValueError: if a position is beyond ±2³¹, `rotary_dim` is odd or negative, or `base` is below 1.

    Examples:
        >>> cos, sin = mc.rope_cos_sin([0, 1], rotary_dim=2)
        >>> cos
        array([[1.        ],
               [0.54030231]])
    """
    return _cos_sin(_places(positions), _even(rotary_dim), base)


def apply_rope(x: npt.ArrayLike, cos: npt.ArrayLike, sin: npt.ArrayLike, *, interleaved: bool = False) -> Array:
    r"""Turn pairs of features by angles whose cosines and sines are given.

    $$y_a = x_a \cos - x_b \sin, \qquad y_b = x_a \sin + x_b \cos$$

    Args:
        x: (..., time, width), floats.
        cos, sin: (time, d/2), or (..., time, d/2) that broadcasts against the axes of `x`, or (d/2,) for all rows;
            floats, rounded to the precision that the arithmetic is done in. The first d ≤ width features turn.
        interleaved: pair i is (2i, 2i + 1); otherwise (i, i + d/2).

    Returns:
        The shape and dtype of `x`. Where cos = 1 and sin = 0 the features come back bit for bit.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not fit; the message gives them.

    Examples:
        >>> mc.apply_rope([3.0, 4.0], cos=[0.0], sin=[1.0])  # a quarter turn
        array([-4.,  3.])
    """
    x, cos, sin = floating("x", x), floating("cos", cos), floating("sin", sin)
    _check_rotation(x, cos, sin)
    work = working(np.empty(0, x.dtype)).dtype
    table = (t.astype(work, copy=False) for t in (cos, sin))
    return map_rows(partial(_turn, interleaved), np.empty(x.shape, x.dtype), x, *table)


def apply_rope_vjp(
    cotangent: npt.ArrayLike, x: npt.ArrayLike, cos: npt.ArrayLike, sin: npt.ArrayLike, *, interleaved: bool = False
) -> Array:
    r"""Pull a cotangent of `apply_rope` back to x, by turning it the other way; the angles are constants.

    Args:
        cotangent: (..., time, width), floats, the shape of `x`.
        x, cos, sin, interleaved: as given to `apply_rope`.

    Returns:
        The shape and dtype of `x`.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not fit; the message gives them.

    Examples:
        >>> mc.apply_rope_vjp([-4.0, 3.0], x=[0.0, 0.0], cos=[0.0], sin=[1.0])  # a quarter turn back
        array([3., 4.])
    """
    x, g = floating("x", x), floating("cotangent", cotangent)
    if g.shape != x.shape:
        raise ValueError(f"`cotangent` must have the shape of `x` {x.shape}, got {g.shape}")
    return rounded(apply_rope(g, cos, -floating("sin", sin), interleaved=interleaved), like=x)


def rope_permutation(rotary_dim: int) -> Array:
    r"""The order of features in which the interleaved layout becomes the half-split one: 0, 2, 4, …, 1, 3, 5, ….

    With `p = rope_permutation(d)` and x of width d, bit for bit:
    `rope(x, interleaved=True)[..., p]` is `rope(x[..., p], interleaved=False)`. `np.argsort(p)` goes back.
    To convert weights, reorder the columns of each head's query and key projections by p.

    Args:
        rotary_dim: d, even.

    Returns:
        (d,), integers, each of 0 … d − 1 once.

    Raises:
        ValueError: if `rotary_dim` is odd or negative.

    Examples:
        >>> mc.rope_permutation(6)
        array([0, 2, 4, 1, 3, 5])
    """
    return np.arange(_even(rotary_dim)).reshape(-1, 2).T.ravel()  # (d/2, 2) → (2, d/2) → (d,)


def _waves(positions: npt.ArrayLike, dim: int, base: float) -> tuple[Array, Array]:
    """Cosine and sine of mθ_i, (..., ⌈dim/2⌉), for whole and fractional m."""
    m = np.asarray(positions)
    m = (m if m.dtype.kind in "iu" else floating("positions", positions)).astype(np.float64)
    _check_reach("positions", m)
    whole = np.rint(m)
    cos, sin = _cos_sin(whole.astype(np.int64), dim, base)
    if np.array_equal(m, whole):
        return cos, sin
    rest = (m - whole)[..., None] * _frequencies(dim, base)
    between = cos * np.cos(rest) - sin * np.sin(rest), sin * np.cos(rest) + cos * np.sin(rest)
    return np.clip(between[0], -1, 1), np.clip(between[1], -1, 1)  # rounding may leave [−1, 1]


def _rotation_of(
    x: Array, positions: npt.ArrayLike | None, base: float, rotary_dim: int | None, offset: int
) -> tuple[Array, Array]:
    """The cosines and sines that `rope` turns `x` by."""
    if x.ndim < (1 if positions is not None else 2):
        raise ValueError(f"`x` must have shape (..., time, width), got {x.shape}")
    width = x.shape[-1]
    if rotary_dim is None and width % 2:
        raise ValueError(f"`x` must have an even last axis, or `rotary_dim` must be given, got shape {x.shape}")
    dim = _even(width if rotary_dim is None else rotary_dim)
    if dim > width:
        raise ValueError(f"`rotary_dim` must be at most the width of `x` {x.shape}, got {dim}")
    m = _places(np.arange(x.shape[-2]) if positions is None else positions, offset)
    _check_rows("positions", m.shape, x)
    return _cos_sin(m, dim, base)


def _cos_sin(m: Array, dim: int, base: float) -> tuple[Array, Array]:
    """Cosine and sine of mθ_i, (..., ⌈dim/2⌉), for int64 m of at most 2³¹ in magnitude."""
    turns = _turns_per_step(dim, base)  # (4, pairs)
    places, pairs = m.reshape(-1), turns.shape[-1]
    cos, sin = np.empty((len(places), pairs)), np.empty((len(places), pairs))
    blocks = row_blocks(len(places), pairs)
    turns = np.repeat(turns[:, None], max([rows.stop - rows.start for rows in blocks], default=0), axis=1)
    share(lambda i: _turned(places[blocks[i]], turns, cos[blocks[i]], sin[blocks[i]]), len(blocks))
    return cos.reshape(*m.shape, pairs), sin.reshape(*m.shape, pairs)


def _turned(m: Array, turns: Array, cos: Array, sin: Array) -> None:
    """The kernel of `_cos_sin`, for a block of places.

    The integer phase leaves 2⁻¹²⁷ rad of doubt, the product with π 2⁻⁷⁷ of the angle; what counts is NumPy's sine of an
    angle below π/4 (0.52 ulp) and the rounding of the correction (½ ulp).
    """
    quarter, head, tail = _phase(np.repeat(m[:, None], cos.shape[-1], axis=1), *turns[:, : len(m)])
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
    """θ_i / 2π in units of 2⁻¹⁶⁰: one int64 row of 64 bits and three of 32, (4, pairs)."""
    theta, bits = _exact_frequencies(dim, base)
    turns = [t * _INVERSE_TURN >> (192 + bits - _FRACTION_BITS) for t in theta]
    limbs = [[t >> 96 for t in turns], *([t >> k & 0xFFFFFFFF for t in turns] for k in (64, 32, 0))]
    return np.array(limbs, dtype=np.int64)


def _frequencies(dim: int, base: float) -> Array:
    """θ_i = base^(−2i/dim) for i < dim/2, correctly rounded to float64."""
    theta, bits = _exact_frequencies(dim, base)
    return np.array([t / (1 << bits) for t in theta], dtype=np.float64)


def _exact_frequencies(dim: int, base: float) -> tuple[list[int], int]:
    """The integers θ_i·2^bits, with bits enough for 150 significant ones in the slowest frequency."""
    dim, base = operator.index(dim), float(base)
    if dim < 0:
        raise ValueError(f"the width of the code must not be negative, got {dim}")
    if not 1 <= base < math.inf:
        raise ValueError(f"`base` must be a finite number from 1 up, got {base}")
    bits = _FRACTION_BITS + int(base).bit_length()
    import decimal  # slow to load, and needed here alone

    digits = decimal.Context(prec=bits * 3 // 10 + 8)  # log₁₀ 2 = 0.301
    ratio = digits.power(decimal.Decimal(base), digits.divide(decimal.Decimal(-2), decimal.Decimal(dim or 1)))
    step = int(digits.multiply(ratio, 1 << bits))
    theta = [1 << bits][:dim]
    for _ in range(1, (dim + 1) // 2):
        theta.append(theta[-1] * step >> bits)
    return theta, bits


def _turn(interleaved: bool, x: Array, cos: Array, sin: Array, out: Array) -> None:
    """The kernel of `apply_rope`, for a block of rows."""
    first, second = _lanes(cos.shape[-1], interleaved)
    a, b, turned = x[..., first], x[..., second], 2 * cos.shape[-1]  # (..., d/2)
    np.copyto(out[..., turned:], x[..., turned:])
    np.subtract(a * cos, b * sin, out=out[..., first])
    np.add(a * sin, b * cos, out=out[..., second])
    still = np.asarray((cos == 1) & (sin == 0), dtype=bool)
    if still.any():  # 1·x − 0·y would lose the sign of −0.0, and x itself next to an infinite y
        np.copyto(out[..., first], a, where=still)
        np.copyto(out[..., second], b, where=still)


def _lanes(pairs: int, interleaved: bool) -> tuple[slice, slice]:
    """Where the first and the second members of the pairs are."""
    if interleaved:
        return slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    return slice(0, pairs), slice(pairs, 2 * pairs)


def _even(rotary_dim: int) -> int:
    """`rotary_dim`, an even number of features."""
    dim = operator.index(rotary_dim)
    if dim < 0 or dim % 2:
        raise ValueError(f"`rotary_dim` must be even and not negative, got {dim}")
    return dim


def _places(positions: npt.ArrayLike, offset: int = 0) -> Array:
    """Positions moved by `offset`, as int64."""
    m, offset = integers("positions", positions), operator.index(offset)
    _check_reach("positions", m)
    if not offset:
        return m.astype(np.int64)
    _check_reach("offset", np.asarray(offset))
    m = m.astype(np.int64) + offset
    _check_reach("positions + offset", m)
    return m


def _check_reach(name: str, m: Array) -> None:
    """No position may be beyond ±2³¹, nor NaN."""
    far = ~(np.abs(m.astype(np.float64)) <= _FARTHEST)
    if far.any():
        raise ValueError(f"`{name}` must lie in [−2³¹, 2³¹], got {m[far].flat[0]}")


def _check_rotation(x: Array, cos: Array, sin: Array) -> None:
    """The table must name an angle for every pair of every row, and no more."""
    if cos.ndim == 0 or cos.shape != sin.shape:
        raise ValueError(f"`cos` and `sin` must have one shape (..., d/2), got {cos.shape} and {sin.shape}")
    if x.ndim == 0 or 2 * cos.shape[-1] > x.shape[-1]:
        raise ValueError(f"`x` must have a last axis of at least 2 · d/2 = {2 * cos.shape[-1]}, got shape {x.shape}")
    _check_rows("cos", cos.shape[:-1], x)


def _check_rows(name: str, rows: tuple[int, ...], x: Array) -> None:
    """One angle for all rows of `x`, or one for each along its time axis; the axes before may broadcast."""
    axes = x.shape[:-1]
    aligned = axes[len(axes) - len(rows) :]
    fits = len(rows) <= len(axes) and all(r in (1, n) for r, n in zip(rows, aligned, strict=True))
    if not fits or rows[-1:] != aligned[-1:]:
        raise ValueError(f"`{name}` must fit the rows {axes} of `x` {x.shape}, time axis included, got {rows}")
