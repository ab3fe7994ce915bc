"""What must be true of how the learning rate rises and falls."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.training import schedule_mutants as wrong
from mathcore.training.training_tolerances import schedule_rounding
from mathcore.verify import Claim, Operations, all_of, at_least, at_most, enclose, equal, less, log_uniform

schedule_warms_up = Claim(
    "training.rate_rises_and_falls",
    statement="Over n steps the rate climbs to its peak α in a straight line, reaches it when the warmup of w steps "
    "ends, and falls along half a cosine, which is at zero when all n steps have been taken.",
    formula=r"\alpha_t = \alpha\,\frac{t + 1}{w} \;(t < w), \qquad "
    r"\alpha_t = \frac\alpha2\Big(1 + \cos\frac{\pi (t - w)}{n - w}\Big) \;(w \le t \le n)",
    legend={"t": "steps taken so far"},
    source="Loshchilov & Hutter, arXiv:1608.03983, equation 5",
    needs=("warmup_cosine",),
    tolerances=(schedule_rounding,),
    refuted_by=(
        wrong.no_warmup,
        wrong.falls_in_a_line,
        wrong.warmup_not_subtracted,
        wrong.starts_at_nothing,
        wrong.last_step_at_zero,
    ),
)


@schedule_warms_up.property(
    warmup=st.integers(0, 50), rest=st.integers(0, 1000), share=st.floats(0, 1), peak=log_uniform(1e-6, 10.0)
)
def rate_within_the_bound(ops: Operations, warmup: int, rest: int, share: float, peak: float) -> Any:
    warmup += not warmup + rest
    steps = warmup + rest
    step = min(int(share * (steps + 1)), steps if rest else steps - 1)

    def textbook(alpha: Any, fraction: Any) -> Any:
        return alpha / 2 * (1 + np.array([x.cos_pi() for x in fraction])) if step >= warmup else alpha * fraction

    fraction = Fraction(step - warmup, rest) if step >= warmup else Fraction(step + 1, warmup)
    true = enclose(textbook, np.array([peak]), np.array([fraction], dtype=object))
    rate = np.array([ops.warmup_cosine(step, steps, peak=peak, warmup=warmup)])
    return equal(rate, true, within=schedule_rounding(peak))


@schedule_warms_up.exact(warmup=st.integers(0, 50), rest=st.integers(0, 1000), effort=0.5)
def rate_rises_to_its_peak_and_falls(ops: Operations, warmup: int, rest: int) -> Any:
    warmup += not warmup + rest
    rates = [ops.warmup_cosine(t, warmup + rest, peak=1.0, warmup=warmup) for t in range(warmup + rest)]
    return all_of(
        equal(rates[max(warmup - 1, 0) : warmup + 1], 1.0),
        at_least(np.diff(rates[: warmup + 1]), 0),
        at_most(np.diff(rates[warmup:]), 0),
        less(0, rates),
    )
