"""Which lines became slower than in a record, by more than the noise.

A time by itself says how busy the machine was. What is compared is the time beside that of textbook NumPy in the same
round, a few milliseconds apart on the same arrays. The noise comes from the run itself: the quartiles of that ratio
over the rounds. A line is slower if the middle halves of the two runs do not overlap.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any


def quartiles(ours: Sequence[float], naive: Sequence[float]) -> list[float]:
    """The quartiles of the ratios of both times, round by round."""
    ratios = [a / b for a, b in zip(ours, naive, strict=True)]
    return ratios * 3 if len(ratios) == 1 else statistics.quantiles(ratios, n=4, method="inclusive")


def than(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence on every line that both have and that became slower."""
    known = {row["name"]: row for row in before}
    told = []
    for row in now:
        if row["name"] not in known:
            continue
        low, middle, high = row["spread"]
        was_middle, was_high = _was(known[row["name"]], high / low)
        if low > was_high:
            told.append(
                f"{row['name']}: {middle / was_middle:.2f} times what it was, as a share of textbook NumPy's time "
                f"({was_middle:.2f} before, {was_high:.2f} with its noise; {middle:.2f} now, {low:.2f} with its noise)"
            )
    return told


def _was(row: Mapping[str, Any], noise: float) -> tuple[float, float]:
    """The median ratio of a record and its upper quartile; `noise` times the median where it kept no quartiles."""
    if "spread" in row:
        return row["spread"][1], row["spread"][2]
    ratio = row["seconds"]["mathcore"] / row["seconds"]["naive"]
    return ratio, ratio * noise
