"""RoPE along several axes: time, height and width of a picture or a film."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array
from mathcore._scalars import choice, whole
from mathcore.positions._angles import _WIDEST, _cos_sin, _turns_per_step
from mathcore.positions.rope import _checked_positions, _checked_turns, _scaled

Layout = Literal["blocks", "interleaved", "axial"]


def mrope_cos_sin(
    positions: npt.ArrayLike,
    sections: tuple[int, ...],
    *,
    layout: Layout = "blocks",
    base: float = 10_000.0,
    frequencies: npt.ArrayLike | None = None,
    attention_factor: float = 1.0,
) -> tuple[Array, Array]:
    r"""The table of RoPE for tokens with a position on each of several axes, such as time, height and width.

    $$\cos m_{a(i)}\theta_i, \qquad \sin m_{a(i)}\theta_i, \qquad \theta_i = \mathrm{base}^{-2i/d}$$

    Every pair i of features looks at one axis a(i). `apply_rope` turns vectors by the table. Where a token has the same
    position on all axes, as words have, `blocks` and `interleaved` are `rope_cos_sin`.

    Args:
        positions: (axes, ...), integers, at most 2³¹ in magnitude.
        sections: how many pairs look at each axis; d/2 is their sum.
        layout: "blocks": the pairs of the first axis first, then those of the next, as in Qwen2-VL. "interleaved": pair
            i looks at axis i modulo their number while that has pairs left, and at the first axis else, as in Qwen3-VL.
            "axial": as blocks, but each axis has frequencies of its own, base^(−j/s) for the j-th of its s pairs, as in
            encoders of pictures.
        base: at least 1.
        frequencies: (d/2,), in the order of the pairs, in place of those of `base`.
        attention_factor: what both are multiplied by.

    Returns:
        Cosines and sines, (..., d/2) each, float64, as right as those of `rope_cos_sin`.

    Raises:
        TypeError: if `positions` or `sections` are not integers.
        ValueError: if `sections` do not have one entry for each axis, pairs of an axis would lie beyond the last, or as
            `rope_cos_sin`.

    Examples:
        >>> cos, sin = mc.mrope_cos_sin([[1], [0], [2]], (1, 1, 1))  # at time 1, height 0, width 2
        >>> sin.round(4)
        array([[0.8415, 0.    , 0.0043]])

    Source:
        Wang et al., Qwen2-VL, arXiv:2409.12191, §2.1; Bai et al., Qwen3-VL, arXiv:2511.21631.
    """
    m = _checked_positions(positions)
    counts = _sections(sections)
    if m.ndim == 0 or m.shape[0] != len(counts):
        raise ValueError(f"`positions` must have {len(counts)} axes first, one for each of `sections`, got {m.shape}")
    choice("layout", layout, ("blocks", "interleaved", "axial"))
    axis = _axis_of_pairs(counts, interleaved=layout == "interleaved")
    turns = _checked_turns(2 * axis.size, base, frequencies)
    if layout == "axial" and frequencies is None:
        turns = np.concatenate([_turns_per_step(2 * n, base) for n in counts], axis=1)
    cos, sin = np.empty((*m.shape[1:], axis.size)), np.empty((*m.shape[1:], axis.size))
    for a in range(len(counts)):
        cos[..., axis == a], sin[..., axis == a] = _cos_sin(m[a], turns[:, axis == a])
    return _scaled((cos, sin), attention_factor)


def _sections(sections: Any) -> tuple[int, ...]:
    """A number of pairs for each axis."""
    if not isinstance(sections, (tuple, list)) or not sections:
        raise TypeError(f"`sections` must be a tuple of integers, one for each axis, got {sections!r:.60}")
    counts = tuple(whole("sections", n, 0, _WIDEST // 2) for n in sections)
    if 2 * sum(counts) > _WIDEST:
        raise ValueError(f"`sections` must have at most {_WIDEST // 2} pairs together, got {sum(counts)}")
    return counts


def _axis_of_pairs(counts: tuple[int, ...], *, interleaved: bool) -> Array:
    """The axis that each pair looks at."""
    if not interleaved:
        return np.repeat(np.arange(len(counts)), counts)
    axis, n = np.zeros(sum(counts), np.int64), len(counts)
    for a, count in enumerate(counts[1:], 1):
        if count and a + n * (count - 1) >= axis.size:
            raise ValueError(f"`sections` must leave room for every {n}th pair to look at axis {a}, got {counts}")
        axis[a : n * count : n] = a
    return axis
