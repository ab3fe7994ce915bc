"""T5's buckets: which of a few learned numbers a distance gets as its bias."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, integers
from mathcore._scalars import flag, whole
from mathcore.attention._args import _FARTHEST

_MOST_BUCKETS = 2**12  # the edges between them are found by powers of whole numbers


def t5_relative_position_bucket(
    relative_position: npt.ArrayLike, *, bidirectional: bool = True, num_buckets: int = 32, max_distance: int = 128
) -> Array:
    r"""The bucket of each distance: one each for small ones, wider and wider ones up to `max_distance`.

    With b buckets for a direction, e = ⌊b/2⌋ of them for the distances n < e, and D = `max_distance`,

    $$\beta(n) = n \text{ for } n < e, \qquad
    \beta(n) = \min\!\left(b - 1,\; e + \left\lfloor (b - e) \frac{\ln(n/e)}{\ln(D/e)} \right\rfloor\right)$$

    If `bidirectional`, each direction has half of the buckets, and keys after the query get the upper half. If not,
    these keys, which a causal mask hides, get bucket 0. The edges are found in whole numbers, so that no logarithm is
    rounded. T5's own code rounds to float32 and puts a distance at an edge one bucket off for a few settings, such as
    17 buckets, one direction, `max_distance` 27, distance 18; for powers of two up to 64 and 8,192 none was found.

    Args:
        relative_position: any shape, integers: the place of the key minus that of the query.
        bidirectional: whether keys after the query are told apart from those before.
        num_buckets: even and at least 4 if `bidirectional`, else at least 2; at most 4,096.
        max_distance: from which on all distances share the last bucket; above e.

    Returns:
        The shape of `relative_position`, integers: rows of a learned table (buckets, heads).

    Raises:
        TypeError: if positions or numbers are no integers.
        ValueError: if a number is out of range, or `num_buckets` is odd for two directions.

    Examples:
        >>> mc.t5_relative_position_bucket([-200, -20, -3, 0, 3, 20, 200])
        array([15, 10,  3,  0, 19, 26, 31])
        >>> place = np.arange(3)
        >>> buckets = mc.t5_relative_position_bucket(place - place[:, None])  # (queries, keys)
        >>> table = np.zeros((32, 2))  # learned, of 2 heads
        >>> np.moveaxis(mc.embedding(buckets, table), -1, 0).shape  # the bias of attention
        (2, 3, 3)

    Source:
        Raffel et al., Exploring the Limits of Transfer Learning, arXiv:1910.10683, §2.1, and its code.
    """
    relative, both = integers("relative_position", relative_position), flag("bidirectional", bidirectional)
    buckets = whole("num_buckets", num_buckets, 4 if both else 2, _MOST_BUCKETS)
    if both and buckets % 2:
        raise ValueError(f"`num_buckets` must be even, half for each direction, got {buckets}")
    buckets //= 1 + both
    most = whole("max_distance", max_distance, buckets // 2 + 1, _FARTHEST)
    places = _clipped(relative, most)
    distance = abs(places) if both else np.maximum(-places, 0)
    found = np.searchsorted(_edges(buckets, most), distance, side="right")
    return found + buckets * (places > 0) if both else found


def _clipped(relative: Array, most: int) -> Array:
    """In [−most, most], signed: beyond it all are alike."""
    if relative.dtype.kind == "u":
        return np.minimum(relative.astype(np.uint64), np.uint64(most)).astype(np.int64)
    return np.clip(relative.astype(np.int64), -most, most)


@functools.lru_cache(maxsize=16)
def _edges(buckets: int, most: int) -> Array:
    """The least distance of each bucket but the first. Read-only, since many calls share it."""
    exact = buckets // 2
    wide = buckets - exact
    edges = np.array([*range(1, exact + 1), *(_edge(exact, most, step, wide) for step in range(1, wide))])
    edges.flags.writeable = False
    return edges


def _edge(exact: int, most: int, step: int, wide: int) -> int:
    """The least n for which ln(n / exact) / ln(most / exact) ≥ step / wide: powers of whole numbers decide."""
    enough = most**step * exact ** (wide - step)
    n = round(exact * (most / exact) ** (step / wide))  # off by less than one
    while n**wide >= enough:
        n -= 1
    while n**wide < enough:
        n += 1
    return n
