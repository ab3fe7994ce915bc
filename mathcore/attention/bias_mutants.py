"""Wrong biases from distances, on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.claims import mutant


def _geometric(n: int, start: float = 8.0) -> Any:
    return 2.0 ** (-start * np.arange(1, n + 1) / n)


@mutant("alibi_slopes")
def started_twice(num_heads: int) -> Any:
    """Takes 2⁻⁸ twice: the sequence begins at 2^(−16/n)."""
    return _geometric(num_heads, 16.0)


@mutant("alibi_slopes")
def from_one(num_heads: int) -> Any:
    """Begins at 1."""
    return 2.0 ** (-8.0 * np.arange(num_heads) / num_heads)


@mutant("alibi_slopes")
def any_number_alike(num_heads: int) -> Any:
    """Uses the formula of powers of two for every number of heads."""
    return _geometric(num_heads)


@mutant("alibi_slopes")
def next_power_cut(num_heads: int) -> Any:
    """Takes the first slopes of the next power of two."""
    return _geometric(1 << (num_heads - 1).bit_length())[:num_heads]


@mutant("alibi_slopes")
def second_ones_between(num_heads: int) -> Any:
    """Fills up by the even slopes of the next power, which are there already."""
    power = 1 << num_heads.bit_length() - 1
    return np.concatenate([_geometric(power), _geometric(2 * power)[1::2][: num_heads - power]])


@mutant("alibi_slopes")
def in_bfloat16(num_heads: int) -> Any:
    """Keeps eight bits of the ratio."""
    ratio = np.round(2.0 ** (-8 / num_heads) * 256) / 256
    return ratio ** np.arange(1, num_heads + 1)


@mutant("alibi_bias", wraps=True)
def rewards_distance(correct: Any) -> Any:
    """Adds the slope times the distance, so that far keys win."""
    return lambda *sizes, **options: -correct(*sizes, **options)


@mutant("alibi_bias", wraps=True)
def one_sided(correct: Any) -> Any:
    """Gives keys after the query a bonus: the distance has a sign."""

    def bias(num_heads: int, queries: int, keys: int | None = None, *, query_offset: int = 0) -> Any:
        after = np.arange(queries if keys is None else keys) > np.arange(queries)[:, None] + query_offset
        right = correct(num_heads, queries, keys, query_offset=query_offset)
        return np.where(after, -right, right)

    return bias


@mutant("alibi_bias", wraps=True)
def offset_ignored(correct: Any) -> Any:
    """Puts the first query at the first key."""
    return lambda num_heads, queries, keys=None, *, query_offset=0: correct(num_heads, queries, keys)


@mutant("alibi_bias", wraps=True)
def heads_reversed(correct: Any) -> Any:
    """Gives the first head the smallest slope."""
    return lambda *sizes, **options: correct(*sizes, **options)[::-1]


@mutant("alibi_bias", wraps=True)
def slopes_squared(correct: Any) -> Any:
    """Takes 2⁻⁸ twice."""

    def bias(num_heads: int, *sizes: Any, **options: Any) -> Any:
        return correct(num_heads, *sizes, **options) * _geometric(num_heads)[:, None, None]

    return bias


def _t5(wrong: Any) -> Any:
    """The mutant that calls the right function with the arguments that `wrong` returns."""

    def build(correct: Any) -> Any:
        def bucket(relative_position: Any, *, bidirectional: Any = True, num_buckets: Any = 32,
                   max_distance: Any = 128) -> Any:  # fmt: skip
            return wrong(correct, relative_position, bidirectional, num_buckets, max_distance)

        return bucket

    build.__doc__, build.__name__ = wrong.__doc__, wrong.__name__
    return mutant("t5_relative_position_bucket", wraps=True)(build)


def _call(correct: Any, x: Any, both: bool, buckets: int, most: int) -> Any:
    return correct(x, bidirectional=both, num_buckets=buckets, max_distance=most)


@_t5
def longer_by_one(correct: Any, x: Any, both: bool, buckets: int, most: int) -> Any:
    """Is off by one in `max_distance`."""
    return _call(correct, x, both, buckets, most + 1)


@_t5
def edges_above(correct: Any, x: Any, both: bool, buckets: int, most: int) -> Any:
    """Puts a distance at an edge into the bucket below."""
    x = np.asarray(x)
    exact = buckets // (4 if both else 2)
    return _call(correct, np.where(abs(x) > exact, x - np.sign(x), x), both, buckets, most)


@_t5
def future_told_apart(correct: Any, x: Any, both: bool, buckets: int, most: int) -> Any:
    """Gives keys after the query buckets of their own, although a causal mask hides them."""
    return _call(correct, x if both else -abs(np.asarray(x)), both, buckets, most)


@_t5
def sides_exchanged(correct: Any, x: Any, both: bool, buckets: int, most: int) -> Any:
    """Takes the place of the query minus that of the key."""
    return _call(correct, -np.asarray(x), both, buckets, most)


@_t5
def sides_mixed(correct: Any, x: Any, both: bool, buckets: int, most: int) -> Any:
    """Has one set of buckets for both directions."""
    return _call(correct, -abs(np.asarray(x)) if both else x, both, buckets, most)


@_t5
def all_exact(correct: Any, x: Any, both: bool, buckets: int, most: int) -> Any:
    """Gives every distance a bucket of its own, until there are no more."""
    del correct, most
    own = buckets // 2 if both else buckets
    distance = np.asarray(x)
    far = np.minimum(abs(distance) if both else np.maximum(-distance, 0), own - 1)
    return far + own * (distance > 0) if both else far


@_t5
def logarithm_in_bfloat16(correct: Any, x: Any, both: bool, buckets: int, most: int) -> Any:
    """Keeps eight bits of the distance."""
    x = np.asarray(x)
    scale = 2.0 ** np.maximum(np.floor(np.log2(np.maximum(abs(x), 1))) - 7, 0)
    return _call(correct, (np.round(x / scale) * scale).astype(int), both, buckets, most)


@_t5
def last_bucket_empty(correct: Any, x: Any, both: bool, buckets: int, most: int) -> Any:
    """Never uses the last bucket of a direction."""
    own = buckets // 2 if both else buckets
    found = _call(correct, x, both, buckets, most)
    return found - (found % own == own - 1)
