r"""Where the angles of RoPE nearly return: continued fractions, and an integer search with a certificate.

Distances are in radians: how far mθ is from a whole number of turns, the largest over all pairs.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from mathcore._arrays import Array

TWO_PI_BITS = 400


def turn(numerator: int = 1) -> tuple[int, int]:
    """The integers lo ≤ numerator · 2π · 2⁴⁰⁰ ≤ hi, from a ball that Arb encloses π in."""
    from flint import arb, ctx

    before, ctx.prec = ctx.prec, TWO_PI_BITS + 64
    try:
        scaled = arb.pi() * (2 * numerator) * arb(2) ** TWO_PI_BITS
        return _whole(scaled.lower().floor()), _whole(scaled.upper().ceil())
    finally:
        ctx.prec = before


def _whole(ball: Any) -> int:
    """The one integer that a ball holds."""
    return int(ball.unique_fmpz())


def convergents(lo: int, hi: int, most: int) -> Iterator[tuple[int, int]]:
    """Convergents (p, q) of a number between lo/2⁴⁰⁰ and hi/2⁴⁰⁰, while p ≤ most and both ends agree on them.

    Raises:
        ArithmeticError: if the interval is too wide to tell.
    """
    one = 1 << TWO_PI_BITS
    a, b = (lo, one), (hi, one)
    (p0, q0), (p1, q1) = (0, 1), (1, 0)
    while True:
        digit = a[0] // a[1]
        if b[0] // b[1] != digit:
            raise ArithmeticError("the enclosure is too wide for another convergent")
        (p0, q0), (p1, q1) = (p1, q1), (digit * p1 + p0, digit * q1 + q0)
        if p1 > most:
            return
        yield p1, q1
        a, b = ((v[1], v[0] - digit * v[1]) for v in (a, b))


def gap(p: int, q: int, lo: int, hi: int) -> tuple[float, float]:
    """|p − q·x| from below and above, for x between lo/2⁴⁰⁰ and hi/2⁴⁰⁰."""
    ends = [(p << TWO_PI_BITS) - q * end for end in (lo, hi)]
    below = 0 if ends[0] * ends[1] <= 0 else min(map(abs, ends))
    return below / (1 << TWO_PI_BITS), max(map(abs, ends)) / (1 << TWO_PI_BITS)


def chain_records(slowest: int, most: int) -> list[tuple[int, float]]:
    r"""Ever closer repeats m ≤ most of a chain of angles, the last `slowest` times slower: (m, how close they come).

    Let the frequencies be $1, r^{-1}, \dots, r^{-k}$ with $r^k$ = `slowest`. If all are within
    $\epsilon < 2\pi/(r + 1)$ of a turn, they are nested (see `nearest_repeats`): the slowest is within $\epsilon/r^k$.
    So all return together where m is near a multiple of $2\pi r^k$, and the farthest angle is that of the fastest
    pair. The multiples that come closer than all smaller ones are the convergents of that one number (best
    approximations of the second kind).
    """
    lo, hi = turn(slowest)
    return [(p, gap(p, q, lo, hi)[1]) for p, q in convergents(lo, hi, most)]


@functools.cache
def nearest_repeats(dim: int, most: int, within: float) -> tuple[tuple[int, ...], int]:
    r"""Every 1 ≤ m ≤ most that brings all angles of base 10,000 within `within` rad of a turn; and the windows tried.

    Certificate, for d a multiple of 8: the d/2 frequencies form d/8 chains of four in ratio 10.
    If φ, the angle of a slower member, is within ε of a turn and so is 10φ, then |φ| ≤ ε/10 or |φ| ≥ (2π − ε)/10, and
    the latter exceeds ε while ε < 2π/11. So the slowest of a chain is within ε/1000, and m within
    $\epsilon/1000\theta$ of a multiple of $2\pi/\theta$, θ that of the slowest pair of all: only those windows are
    tried, widened by 2 for rounding. The window's centre already has the slowest member of every other chain within
    ε/1000 and what the window's reach adds, which refuses most windows at once; in the others every m is tried.

    The phases are integers: m times θ/2π, cut to 64 bits, is off by less than m·2⁻⁶⁴ turns, which is added to
    `within`. So none is missed, and one that is beyond by less may be listed.

    Raises:
        ValueError: if d is no multiple of 8, or `within` is too wide for the argument.
    """
    if dim % 8 or not within < 2 * np.pi / 11:
        raise ValueError(f"the certificate needs 8 | d and within < 2π/11, got d = {dim} and within = {within}")
    theta = _turns(dim)
    slack = _slack(within, most)
    period = 2.0**64 / float(theta[-1])  # 2π/θ, off by less than 2⁻⁴⁷ of itself
    reach = int(np.ceil(within / 1000 * period / (2 * np.pi))) + 2
    offsets, found, tried = np.arange(-reach, reach + 1), [], 0
    ends = theta[-(dim // 8) :]  # the slowest of each chain
    for start in range(0, int(most / period) + 2, 1 << 18):
        # A centre up to 10¹² is off by less than 2⁻⁶, and by ½ for being a whole number: 2 in all is more than enough.
        centres = np.rint(np.arange(start, start + (1 << 18), dtype=np.float64) * period).astype(np.int64)
        tried += int((centres <= most + reach).sum())
        for step in ends[-2::-1]:
            phase = centres * step
            near = slack // 1000 + 1 + most + reach * step
            centres = centres[(phase <= near) & (phase >= -near)]
        m = (centres[:, None] + offsets).ravel()
        found += _near(m[(m >= 1) & (m <= most)], theta, slack).tolist()
    return tuple(found), tried


def _turns(dim: int) -> Array:
    """θ_i/2π in units of 2⁻⁶⁴, cut to int64 (θ ≤ 1, so less than 2⁶²)."""
    from flint import arb, ctx

    before, ctx.prec = ctx.prec, 160
    try:
        values = [arb(10_000) ** (arb(-2 * i) / dim) / (2 * arb.pi()) * arb(2) ** 64 for i in range(dim // 2)]
        return np.array([_whole(v.floor()) for v in values], dtype=np.int64)
    finally:
        ctx.prec = before


def all_repeats(dim: int, most: int, within: float) -> Any:
    """Every 1 ≤ m ≤ most whose angles all are within `within` rad of a turn, by trying each: for small `most`."""
    return _near(np.arange(1, most + 1), _turns(dim), _slack(within, most))


def _slack(within: float, most: int) -> int:
    """`within` rad in units of 2⁻⁶⁴ turns, and the error of a phase."""
    return int(within / (2 * np.pi) * 2.0**64 * (1 + 2.0**-50)) + most + 2  # the quotient is good to 2⁻⁵¹


def _near(m: Array, theta: Array, slack: int) -> Array:
    """Those m whose phases all are within `slack` of 0; slow pairs are asked first, for they refuse most."""
    for step in theta[::-1]:
        phase = m * step  # wrap-around drops whole turns
        m = m[(phase <= slack) & (phase >= -slack)]
    return m
