"""Lengths of vectors, none of which leaves the range of its dtype: powers of two are kept apart."""

from __future__ import annotations

import numpy as np

from mathcore._arrays import Array, able, working


def unit_scale(x: Array) -> tuple[Array, Array]:
    """`x` as scaled × 2^power with the largest component of every row in [1/2, 1). Objects need no scaling."""
    if x.dtype == object:
        return x, np.array(0)
    power = np.frexp(np.abs(x).max(-1, keepdims=True, initial=0))[1]
    return np.ldexp(x, -power), power


def rows_along(x: Array, axis: int) -> Array:
    """`x` with `axis` last and in one order in memory, so that the sums do not depend on how it came."""
    return np.ascontiguousarray(np.moveaxis(working(x), axis, -1))


def direction(x: Array) -> tuple[Array, Array, Array]:
    """Vectors along the last axis as direction × length × 2^power; a zero vector has direction zero."""
    scaled, power = unit_scale(x)
    length = np.sqrt(able((scaled * scaled).sum(-1, keepdims=True), "sqrt"))
    return scaled / or_one(length), length, power


def times_power_of_two(x: Array, power: Array) -> Array:
    """x · 2^power; objects were not scaled."""
    return x if x.dtype == object else np.ldexp(x, power)


def is_zero(x: Array) -> Array:
    """Where x is 0; the comparison of objects gives objects."""
    return np.asarray(x == 0, np.bool_)


def or_one(x: Array) -> Array:
    """`x` as a divisor: 1 where it is zero."""
    return np.where(is_zero(x), 1, x)
