"""Rotary position embeddings and their derivative."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, floating_as, integers, quiet, rounded, working
from mathcore._compute.blocks import map_rows
from mathcore._scalars import flag, real, whole
from mathcore.positions._angles import (
    _FARTHEST,
    _FASTEST,
    _WIDEST,
    _check_reach,
    _cos_sin,
    _frequencies,
    _pair_slices,
    _turns_of,
    _turns_per_step,
)

_BASE = 10_000.0


def rope(
    x: npt.ArrayLike,
    positions: npt.ArrayLike | None = None,
    *,
    base: float = 10_000.0,
    interleaved: bool = False,
    rotary_dim: int | None = None,
    offset: int = 0,
    frequencies: npt.ArrayLike | None = None,
    attention_factor: float = 1.0,
) -> Array:
    r"""Rotary position embedding: every pair of features is rotated by an angle that grows with the position.

    $$\begin{pmatrix} y_a \\ y_b \end{pmatrix} = \begin{pmatrix} \cos m\theta_i & -\sin m\theta_i \\
      \sin m\theta_i & \cos m\theta_i \end{pmatrix} \begin{pmatrix} x_a \\ x_b \end{pmatrix}, \qquad
      \theta_i = \mathrm{base}^{-2i/d}$$

    Args:
        x: (..., time, width), floats; (width,) if `positions` is one number.
        positions: (time,), or (..., time) that broadcasts against the axes of `x`, or one number for all rows;
            integers, negative ones rotate backwards. 0, 1, 2, … if None.
        base: the slowest pair is nearly this many times slower than the fastest, which is rotated by 1 rad a step.
        interleaved: pair i is (2i, 2i + 1); otherwise (i, i + d/2), the two halves.
        rotary_dim: d, how many leading features are rotated, even; the others stay as they are. All of them if None.
        offset: added to every position.
        frequencies: (d/2,), the radians by which each pair is rotated a step, in place of those of `base`; floats of at
            most 2⁶⁴ in magnitude, which are taken for exact; `rope_scaling` makes those of longer texts.
        attention_factor: the length of every rotated pair is multiplied by it.

    Returns:
        The shape and dtype of `x`. Position 0 returns `x` bit for bit, if `attention_factor` is 1. Angles are right to
        float64 rounding at every position; cosine and sine are rounded once to the precision that the arithmetic is
        done in.

    Raises:
        TypeError: if `x` is not floating, or `positions` or `offset` are not integers.
        ValueError: if d is odd or exceeds the width, shapes do not fit, a position is beyond ±2³¹, or `base` or
            `rotary_dim` contradict `frequencies`.

    Examples:
        >>> mc.rope([[1.0, 0.0], [1.0, 0.0]])  # by 0 and by 1 rad
        array([[1.        , 0.        ],
               [0.54030231, 0.84147098]])

    Source:
        Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding, arXiv:2104.09864, §3.2.
    """
    x = floating("x", x)
    interleaved = flag("interleaved", interleaved)
    rotation = _rotation_of(x, positions, base, rotary_dim, offset, frequencies, attention_factor)
    return _rotated(x, *rotation, interleaved)


def _rotation_of(
    x: Array,
    positions: npt.ArrayLike | None,
    base: float,
    rotary_dim: int | None,
    offset: int,
    frequencies: npt.ArrayLike | None,
    attention_factor: float,
) -> tuple[Array, Array]:
    """The cosines and sines that `rope` rotates `x` by, (..., d/2) each."""
    if x.ndim < (1 if positions is not None else 2):
        raise ValueError(f"`x` must have shape (..., time, width), got {x.shape}")
    width = x.shape[-1]
    if rotary_dim is None and frequencies is None and width % 2:
        raise ValueError(f"`x` must have an even last axis, or `rotary_dim` must be given, got shape {x.shape}")
    turns = _checked_turns(width if rotary_dim is None and frequencies is None else rotary_dim, base, frequencies)
    if 2 * turns.shape[-1] > width:
        name = "`rotary_dim`" if frequencies is None else "twice the number of `frequencies`"
        raise ValueError(f"{name} must be at most the width of `x` {x.shape}, got {2 * turns.shape[-1]}")
    m = _checked_positions(np.arange(x.shape[-2]) if positions is None else positions, offset)
    _check_rows("positions", m.shape, x)
    return _scaled(_cos_sin(m, turns), attention_factor)


def _checked_turns(rotary_dim: int | None, base: float, frequencies: npt.ArrayLike | None) -> Array:
    """What every pair turns by in a step, by its frequency or by base^(−2i/d)."""
    if frequencies is None:
        return _turns_per_step(_even(rotary_dim), base)
    theta = floating_as("frequencies", frequencies, np.empty(0))
    if theta.ndim != 1 or 2 * theta.size > _WIDEST:
        raise ValueError(f"`frequencies` must have shape (d/2,) with d at most {_WIDEST}, got {theta.shape}")
    theta = theta.astype(np.float64, copy=False)
    if not (slow := abs(theta) <= _FASTEST).all():
        raise ValueError(f"`frequencies` must lie in [−2⁶⁴, 2⁶⁴], got {theta[~slow][0]}")
    if rotary_dim is not None and _even(rotary_dim) != 2 * theta.size:
        raise ValueError(f"`rotary_dim` must be twice the number of `frequencies` {theta.shape}, got {rotary_dim}")
    if real("base", base, 1) != _BASE:
        raise ValueError(f"`base` must be left out beside `frequencies`, got {base!r}")
    return _turns_of(theta)


def _scaled(rotation: tuple[Array, Array], attention_factor: float) -> tuple[Array, Array]:
    """Cosines and sines, multiplied by what lengths are to be multiplied by."""
    factor = real("attention_factor", attention_factor, 0)
    if factor == 1:
        return rotation
    with quiet():
        return rotation[0] * factor, rotation[1] * factor


def rope_vjp(
    cotangent: npt.ArrayLike,
    x: npt.ArrayLike,
    positions: npt.ArrayLike | None = None,
    *,
    base: float = 10_000.0,
    interleaved: bool = False,
    rotary_dim: int | None = None,
    offset: int = 0,
    frequencies: npt.ArrayLike | None = None,
    attention_factor: float = 1.0,
) -> Array:
    r"""Pull a cotangent of `rope` back to x: a rotation's transpose is its inverse, so this is `rope` at −m.

    $$\bar x = R_m^\top \bar y = R_{-m}\,\bar y$$

    Args:
        cotangent: (..., time, width), floats, the shape of `x`.
        x, positions, base, interleaved, rotary_dim, offset, frequencies, attention_factor: as given to `rope`.

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
    cos, sin = _rotation_of(x, positions, base, rotary_dim, offset, frequencies, attention_factor)
    return apply_rope_vjp(cotangent, x, cos, sin, interleaved=interleaved)


def apply_rope(x: npt.ArrayLike, cos: npt.ArrayLike, sin: npt.ArrayLike, *, interleaved: bool = False) -> Array:
    r"""Rotate pairs of features by angles whose cosines and sines are given.

    $$y_a = x_a \cos - x_b \sin, \qquad y_b = x_a \sin + x_b \cos$$

    Args:
        x: (..., time, width), floats.
        cos, sin: (time, d/2), or (..., time, d/2) that broadcasts against the axes of `x`, or (d/2,) for all rows;
            floats, rounded to the precision that the arithmetic is done in. The first d ≤ width features are rotated.
        interleaved: pair i is (2i, 2i + 1); otherwise (i, i + d/2).

    Returns:
        The shape and dtype of `x`. Where cos = 1 and sin = 0 the features come back bit for bit.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not fit; the message gives them.

    Examples:
        >>> mc.apply_rope([3.0, 4.0], cos=[0.0], sin=[1.0])  # by a quarter of a turn
        array([-4.,  3.])
    """
    x, cos, sin = floating("x", x), floating("cos", cos), floating("sin", sin)
    interleaved = flag("interleaved", interleaved)
    _check_rotation(x, cos, sin)
    return _rotated(x, cos, sin, interleaved)


def _rotated(x: Array, cos: Array, sin: Array, interleaved: bool) -> Array:
    """`apply_rope` of arguments that are known to fit."""
    work = working(np.empty(0, x.dtype)).dtype
    with quiet():
        table = [t.astype(work, copy=False) for t in (cos, sin)]
    return map_rows(partial(_rotate, interleaved), np.empty(x.shape, x.dtype), x, *table)


def _rotate(interleaved: bool, x: Array, cos: Array, sin: Array, out: Array) -> None:
    """The kernel of `apply_rope`, for a block of rows: y_a = x_a cos − x_b sin, y_b = x_a sin + x_b cos."""
    first, second = _pair_slices(cos.shape[-1], interleaved)
    a, b, dim = x[..., first], x[..., second], 2 * cos.shape[-1]  # (..., d/2)
    np.copyto(out[..., dim:], x[..., dim:])
    np.subtract(a * cos, b * sin, out=out[..., first])
    np.add(a * sin, b * cos, out=out[..., second])
    still = np.asarray((cos == 1) & (sin == 0), dtype=bool)
    if still.any():  # 1·x − 0·y would lose the sign of −0.0, and x itself next to an infinite y
        np.copyto(out[..., first], a, where=still)
        np.copyto(out[..., second], b, where=still)


def apply_rope_vjp(
    cotangent: npt.ArrayLike, x: npt.ArrayLike, cos: npt.ArrayLike, sin: npt.ArrayLike, *, interleaved: bool = False
) -> Array:
    r"""Pull a cotangent of `apply_rope` back to x, by rotating it the other way; the angles are constants.

    $$\bar x_a = \bar y_a \cos + \bar y_b \sin, \qquad \bar x_b = \bar y_b \cos - \bar y_a \sin$$

    Args:
        cotangent: (..., time, width), floats, the shape of `x`.
        x, cos, sin, interleaved: as given to `apply_rope`.

    Returns:
        The shape and dtype of `x`.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not fit; the message gives them.

    Examples:
        >>> mc.apply_rope_vjp([-4.0, 3.0], x=[0.0, 0.0], cos=[0.0], sin=[1.0])  # back by a quarter of a turn
        array([3., 4.])
    """
    x, g = floating("x", x), floating("cotangent", cotangent)
    if g.shape != x.shape:
        raise ValueError(f"`cotangent` must have the shape of `x` {x.shape}, got {g.shape}")
    with quiet():
        return rounded(apply_rope(g, cos, -floating("sin", sin), interleaved=interleaved), like=x)


def rope_cos_sin(
    positions: npt.ArrayLike,
    rotary_dim: int,
    *,
    base: float = 10_000.0,
    frequencies: npt.ArrayLike | None = None,
    attention_factor: float = 1.0,
) -> tuple[Array, Array]:
    r"""The table behind `rope`: $\cos m\theta_i$ and $\sin m\theta_i$ for every position and pair.

    Args:
        positions: (...), integers, at most 2³¹ in magnitude.
        rotary_dim: d, even.
        base: at least 1.
        frequencies, attention_factor: as given to `rope`.

    Returns:
        Cosines and sines, (..., d/2) each, float64, within 1.02 ulp of the truth, or of 2⁻¹²⁵ where a frequency is
        below 10⁻¹⁸; rounded once more if `attention_factor` is not 1.

    Raises:
        TypeError: if `positions` are not integers, or `frequencies` are not floating.
        ValueError: if a position is beyond ±2³¹, `rotary_dim` is odd or negative, `base` is below 1, or one of the two
            contradicts `frequencies`.

    Examples:
        >>> cos, sin = mc.rope_cos_sin([0, 1], rotary_dim=2)
        >>> cos
        array([[1.        ],
               [0.54030231]])
    """
    m, turns = _checked_positions(positions), _checked_turns(whole("rotary_dim", rotary_dim), base, frequencies)
    return _scaled(_cos_sin(m, turns), attention_factor)


def rope_frequencies(rotary_dim: int, *, base: float = 10_000.0) -> Array:
    r"""The angle in radians by which each pair is rotated from one position to the next.

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


def _even(rotary_dim: Any) -> int:
    """`rotary_dim`, an even number of features."""
    dim = whole("rotary_dim", rotary_dim)
    if not 0 <= dim <= _WIDEST or dim % 2:
        raise ValueError(f"`rotary_dim` must be even and from 0 to {_WIDEST}, got {dim}")
    return dim


def _checked_positions(positions: npt.ArrayLike, offset: int = 0) -> Array:
    """Positions moved by `offset`, as int64."""
    m, offset = integers("positions", positions), whole("offset", offset)
    _check_reach("positions", m)
    if not offset:
        return m.astype(np.int64)
    _check_offset(offset)
    m = m.astype(np.int64) + offset
    _check_reach("positions + offset", m)
    return m


def _check_offset(offset: int) -> None:
    if abs(offset) > _FARTHEST:
        raise ValueError(f"`offset` must lie in [−2³¹, 2³¹], got {offset}")


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
