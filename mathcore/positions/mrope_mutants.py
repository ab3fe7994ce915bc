"""Wrong tables of RoPE along several axes, on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.positions.sinusoidal_mutants import short_significand
from mathcore.verify.claims import Mutant, mutant
from mathcore.verify.common_mutants import Operation


def asked(change: Callable[[Any, Any, dict[str, Any]], Any]) -> Mutant:
    """A mutant that asks the correct function for something else: positions, sections, options."""

    def wrong(correct: Operation) -> Operation:
        def mrope_cos_sin(positions: Any, sections: Any, **options: Any) -> Any:
            m, sections, options = change(np.asarray(positions), tuple(sections), options)
            return correct(m, sections, **options)

        return mrope_cos_sin

    wrong.__doc__, wrong.__name__ = change.__doc__, change.__name__
    return mutant("mrope_cos_sin", wraps=True)(wrong)


@asked
def first_axis_everywhere(m: Any, sections: Any, options: Any) -> Any:
    """Takes the position in time for every axis."""
    return np.broadcast_to(m[:1], m.shape).copy(), sections, options


@asked
def axes_reversed(m: Any, sections: Any, options: Any) -> Any:
    """Reads the axes from the last to the first."""
    return m[::-1].copy(), sections, options


@asked
def always_in_blocks(m: Any, sections: Any, options: Any) -> Any:
    """Knows the layout in blocks alone."""
    return m, sections, {**options, "layout": "blocks"}


@asked
def frequencies_begin_anew(m: Any, sections: Any, options: Any) -> Any:
    """Gives each axis frequencies of its own, whatever was asked."""
    blocks = options.get("layout", "blocks") == "blocks" and options.get("frequencies") is None
    return m, sections, {**options, "layout": "axial"} if blocks else options


@asked
def positions_in_bfloat16(m: Any, sections: Any, options: Any) -> Any:
    """Carries positions in bfloat16, which has no odd numbers past 256."""
    return short_significand(m, 8), sections, options


@asked
def distances_from_the_origin(m: Any, sections: Any, options: Any) -> Any:
    """Drops the sign of positions."""
    return abs(m.astype(np.int64)), sections, options


@asked
def later_axes_pushed_by_the_first(m: Any, sections: Any, options: Any) -> Any:
    """Adds the parity of the position in time to those in space."""
    moved = m.astype(np.int64)
    moved[1:] += moved[:1] % 2
    return moved, sections, options


@asked
def factor_ignored(m: Any, sections: Any, options: Any) -> Any:
    """Knows no attention factor."""
    return m, sections, {**options, "attention_factor": 1.0}
