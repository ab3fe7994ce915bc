"""What must be true of how nearly the angles of RoPE return: FAQ 19."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.positions import rope_mutants as wrong
from mathcore.positions.periods import all_repeats, chain_records, convergents, gap, nearest_repeats, turn
from mathcore.positions.positions_tolerances import wave_between
from mathcore.verify import Claim, Limits, Operations, all_of, at_least, equal, less, positions, raises


def off_a_turn(ops: Operations, m: Any, dim: int, **base: float) -> Any:
    """How far the farthest of all angles is from a whole number of turns, in radians, for every position."""
    cos, sin = ops.rope_cos_sin(np.asarray(m), dim, **base)
    return abs(np.arctan2(sin, cos)).max(-1)


one_pair_aliases = Claim(
    "rope.one_pair_aliases",
    faq=19,
    statement="The fastest pair alone nearly comes back: words 1 and 7 differ by 2π − 6 = 0.283 radians in it, and "
    "from 6 on the offsets that come closer than all before are the numerators of the convergents of 2π: 6, 19, 25, "
    "44, 333, 710, …",
    formula=r"\min_k |m - 2\pi k| < \min_{0 < m' < m,\ k} |m' - 2\pi k| \iff m / k \text{ is a convergent of } "
    r"2\pi = [6; 3, 1, 1, 7, 2, 146, \dots], \qquad m \ge 6",
    verdict="holds_if",
    condition="nearly is meant: π being irrational, no two positions ever agree exactly.",
    legend={"m": "an offset", "k": "a number of whole turns"},
    source="Khinchin, Continued Fractions (1964), §6: best approximations of the second kind",
    needs=("rope_cos_sin",),
    limits=Limits(options=("base", "frequencies", "attention_factor")),
    tolerances=(wave_between,),
    refuted_by=(wrong.tables_from_one, wrong.tables_exchanged),
)


@one_pair_aliases.proof
def closest_returns_are_convergents(ops: Operations) -> Any:
    lo, hi = turn()
    records = list(convergents(lo, hi, 2**31))
    closeness = [gap(p, q, lo, hi) for p, q in records]
    offsets = np.array([p for p, _ in records])
    seen = off_a_turn(ops, offsets, 2)
    return all_of(
        equal(offsets[:6], [6, 19, 25, 44, 333, 710]),
        less(0.0, np.array([below for below, _ in closeness])),  # never exactly
        less(np.array([above for _, above in closeness[1:]]), np.array([below for below, _ in closeness[:-1]])),
        equal(seen, np.array([above for _, above in closeness]), within=wave_between(0.0, np.float64)),
        # Of 2π known to less than it takes, no further convergent is named.
        raises(lambda: list(convergents(lo, hi + (hi >> 40), 2**31)), ArithmeticError, saying=("too wide",)),
    )


@one_pair_aliases.property(m=positions(2**30), back=st.booleans(), k=st.integers(0, 12))
def apart_by_the_gap_of_a_convergent(ops: Operations, m: int, back: bool, k: int) -> Any:
    lo, hi = turn()
    m, (p, q) = -m if back else m, list(convergents(lo, hi, 2**30))[k]
    cos, sin = (t[:, 0] for t in ops.rope_cos_sin(np.array([m, m + p]), 2))
    apart = np.hypot(cos[1] - cos[0], sin[1] - sin[0])
    return equal(apart, 2 * np.sin(gap(p, q, lo, hi)[1] / 2), within=wave_between(0.0, np.float64) * 4)


@one_pair_aliases.exhaustive(lambda: iter([{"most": 20_000}]))
def every_record_is_a_convergent(ops: Operations, most: int) -> Any:
    seen = off_a_turn(ops, np.arange(1, most + 1), 2)
    best = np.minimum.accumulate(np.append(np.inf, seen[:-1]))
    records = 1 + np.flatnonzero(seen < best)
    known = [p for p, _ in convergents(*turn(), most)]
    return equal(records[records >= 6], known)


def numerators() -> Iterator[dict[str, Any]]:
    """The offsets of the closest returns of one pair."""
    for p, _ in convergents(*turn(), 2**31):
        yield {"offset": p}


@one_pair_aliases.counterexample(cases=numerators)
def convergents_return_exactly(ops: Operations, offset: int) -> Any:
    return equal(off_a_turn(ops, [offset], 2), np.zeros(1))


combination_lock = Claim(
    "rope.combination_lock",
    faq=19,
    statement="All pairs together do not come back within a trillion positions.",
    formula=r"\min_{1 \le m \le 10^{12}} \max_i |m\theta_i \bmod 2\pi| > 0.57, \qquad d = 32, 64, 128",
    verdict="holds_if",
    condition="“come back” means exactly, which they never do; or to within 0.57 radians, with d = 32, 64 or 128 and "
    "base 10,000. Small d nearly does come back within a trillion: to 3.6·10⁻¹² radians (d = 2), 2.0·10⁻¹⁰ (d = 4), "
    "2.5·10⁻⁹ (d = 8, and to 3.5·10⁻³ at 169,646 already) and 2.31·10⁻³ (d = 16, at 422,148,829,906); and with base 1 "
    "all pairs are one.",
    legend={"m": "an offset", "θ": "θ_i, by which pair i turns a position; modulo 2π, of either sign"},
    needs=("rope_cos_sin", "rope_frequencies"),
    tolerances=(wave_between,),
    refuted_by=(wrong.frequencies_rising, wrong.tables_from_one, wrong.tables_exchanged),
)


TRILLION = 10**12


@combination_lock.proof
def fastest_pair_never_returns_exactly(ops: Operations) -> Any:
    # The fastest pair is rotated by 1: an exact return would make m = 2πk. Up to 10¹² the closest miss is positive, and
    # Lambert's theorem has it for every m.
    lo, hi = turn()
    misses = [gap(p, q, lo, hi)[0] for p, q in convergents(lo, hi, TRILLION)]
    first = [ops.rope_frequencies(dim)[0] for dim in (2, 32, 64, 128)]
    return all_of(equal(first, 1.0), less(0.0, min(misses)))


@combination_lock.proof
def no_wide_rope_returns_in_a_trillion(ops: Operations) -> Any:
    found, windows = zip(*(nearest_repeats(dim, TRILLION, 0.57) for dim in (32, 64, 128)), strict=True)
    (closest,), _ = nearest_repeats(16, TRILLION, 2.31e-3)
    return all_of(
        equal([len(offsets) for offsets in found], np.zeros(3)).measuring(
            **{"windows tried": sum(windows), "positions up to": TRILLION}
        ),
        equal(closest, 422_148_829_906),
        equal(nearest_repeats(8, 200_000, 3.5e-3)[0], [169_646]),
        equal(all_repeats(8, 200_000, 3.5e-3), [169_646]),  # every position tried: the windows leave nothing out
        # Beyond what the certificate covers nothing is searched: no chains of four, or angles so wide that none nest.
        raises(lambda: nearest_repeats(12, 1000, 0.1), ValueError, saying=("certificate", "12")),
        raises(lambda: nearest_repeats(16, 1000, 2 * np.pi / 11), ValueError, saying=("certificate", "0.57")),
    )


@combination_lock.proof
def small_widths_nearly_return(ops: Operations) -> Any:
    relations = []
    for dim, slowest, closest in ((2, 1, 3.6e-12), (4, 100, 2.0e-10), (8, 1000, 2.5e-9)):
        records = chain_records(slowest, TRILLION)
        near = [(m, e) for m, e in records if e < 0.05 and m <= 2**31]
        seen = off_a_turn(ops, [m for m, _ in near], dim)
        relations += [
            equal(seen, np.array([e for _, e in near]), within=wave_between(0.0, np.float64)),
            less(records[-1][1], closest).measuring(**{f"closest return, d = {dim}": records[-1][1]}),
        ]
    return all_of(*relations)


def returns() -> Iterator[dict[str, Any]]:
    """The closest returns of the smallest widths."""
    for dim, slowest in ((8, 1000), (4, 100), (2, 1)):
        for m, _ in chain_records(slowest, 2**31):
            yield {"m": m, "dim": dim}


@combination_lock.counterexample(cases=returns)
def small_widths_stay_apart(ops: Operations, m: int, dim: int) -> Any:
    return at_least(off_a_turn(ops, [m], dim), 0.01)


@combination_lock.counterexample(cases=numerators)
def base_one_stays_apart(ops: Operations, offset: int) -> Any:
    return at_least(off_a_turn(ops, [offset], 32, base=1.0), 0.57)
