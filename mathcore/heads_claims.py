"""What must be true of several heads: FAQ 22, and what makes them trustworthy."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore import heads_mutants as wrong
from mathcore.heads_rows import (
    HEADS,
    Case,
    agrees,
    allowed,
    ask,
    cases,
    draw_case,
)
from mathcore.heads_tolerances import heads_rounding
from mathcore.verify import Claim, Operations, Target, domain, equal, seeds
from mathcore.verify.domains import Draw

VASWANI = "Vaswani et al., arXiv:1706.03762, §3.2.2"
NEEDS = (HEADS,)

equal_a_loop = Claim(
    "heads.equal_a_loop",
    faq=22,
    statement="Several heads at once equal each head by itself, with projections of its own, laid side by side and "
    "mixed by one matrix; with every option, alone or together.",
    formula=r"y = [\mathrm{head}_1, \dots, \mathrm{head}_H]\,W^O, \qquad \mathrm{head}_h = \mathrm{attention}(xW^Q_h, "
    r"xW^K_h, xW^V_h)",
    source=VASWANI,
    needs=NEEDS,
    tolerances=(heads_rounding,),
    refuted_by=wrong.DRAFTS,
)


@equal_a_loop.property(cases(), effort=2)
def _(ops: Operations, **case: Any) -> Any:
    return agrees(ops, ask(ops, **case), **case)


order_blind = Claim(
    "heads.order_blind_without_position",
    faq=20,
    statement="With several heads, too, reordering the words reorders the outputs and changes nothing else, as long "
    "as nothing says where a word stands.",
    formula=r"f(\Pi x) = \Pi f(x)",
    source=VASWANI,
    needs=NEEDS,
    tolerances=(heads_rounding,),
    refuted_by=(wrong.split_by_reshape, wrong.merged_by_reshape, wrong.future_always_hidden),
)


@domain
def reordered(draw: Draw, target: Target) -> dict[str, Any]:
    """Two heads or more without options, and another order of the words."""
    name, heads = draw(st.sampled_from(target.dtypes)), draw(st.sampled_from([(2, 2), (2, 1), (3, 3), (4, 2)]))
    times = draw(st.sampled_from([2, 3, 4, 5, 8, 9]))
    case = draw_case(draw, name, heads=heads, times=times, options=False, turns=False)
    order = draw(seeds()).permutation(times)
    return {"case": case, "order": order if (order != np.arange(times)).any() else order[::-1].copy()}


@order_blind.property(reordered())
def _(ops: Operations, case: Case, order: Any) -> Any:
    moved = {**case, "x": case["x"][..., order, :]}
    within = allowed(ops, moved) + allowed(ops, case)[..., order, :]
    return equal(ask(ops, **moved), ask(ops, **case)[..., order, :], within=within)
