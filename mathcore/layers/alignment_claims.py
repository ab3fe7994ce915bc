"""What must be true of a score as alignment with the weights: FAQ 14."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.layers import linear_mutants as wrong
from mathcore.layers.linear_claims import exact_layer
from mathcore.layers.records import LINEAR
from mathcore.verify import Claim, Limits, Operations, Target, enclose
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, draw_integers, widths
from mathcore.verify.promises import reproduced
from mathcore.verify.relations import all_of, at_most, equal, less
from mathcore.verify.tolerances import FORMATS, dot_product, magnitude

score_is_alignment = Claim(
    "linear.score_is_alignment",
    faq=14,
    statement="A score is the length of the input x times the length of the weights w times the cosine between them, "
    "up to rounding: among inputs of one length largest in the weights' own direction, zero at right angles, negative "
    "when opposed.",
    formula=r"x \cdot w = \lVert x\rVert\,\lVert w\rVert \cos\angle(x, w), \qquad x \ne 0,\ w \ne 0",
    needs=("linear",),
    tolerances=(dot_product,),
    refuted_by=(wrong.relu_inside, wrong.normalised, wrong.squared, wrong.one_too_many, wrong.skips_a_product),
    limits=Limits(options=("bias",), fixed={"scale": "nothing overflows"}),
)


@domain
def directions(draw: Draw, target: Target) -> dict[str, Any]:
    """Weights of whole numbers, how their order and signs change, and two factors."""
    name, n = draw(st.sampled_from(target.dtypes)), draw(st.integers(2, 6))
    return {
        "w": as_dtype(draw_integers(draw, (n,), 4), name),
        "order": draw(st.permutations(range(n))),
        "negated": draw(st.lists(st.booleans(), min_size=n, max_size=n)),
        "along": draw(st.integers(2, 3)), "beside": draw(st.sampled_from([-2, -1, 1, 2])),
    }  # fmt: skip


def around(w: Any, order: Any, negated: Any, along: int, beside: int) -> tuple[Any, Any, Any, Any]:
    """Weights other than 0, and inputs: of the same length, at right angles, and long, but not in their direction."""
    w = np.r_[w[:1] + (not w.any()), w[1:]].astype(w.dtype)
    across = np.r_[-w[1], w[0], np.zeros(len(w) - 2)].astype(w.dtype)
    if not across.any():  # the first two weights are 0
        across[0] = 1
    long = along * w.astype(np.float64) + beside * across.astype(np.float64)
    return w, np.where(negated, -w, w)[list(order)], across, long.astype(w.dtype)


@score_is_alignment.property(directions())
def own_direction_scores_highest(ops: Operations, **how: Any) -> Any:
    w, same_length, across, _ = around(**how)
    score: Callable[[Any], Any] = lambda x: ops.linear(x[None], w[:, None])[0, 0]  # noqa: E731
    return all_of(  # whole numbers: every score is exact
        at_most(score(same_length), score(w)),
        less(0.0, score(w)),
        equal(score(across), 0.0),
        equal(score(-w), -score(w)),
        equal(score(w), (w.astype(np.float64) ** 2).sum()),
    )


@domain
def input_and_weights(draw: Draw, target: Target) -> dict[str, Any]:
    """An input and a weight vector of one width."""
    name, n = draw(st.sampled_from(target.dtypes)), draw(widths(most=40))
    return {key: draw_array(draw, (n,), name, (2.0**-6, 2.0**4)) for key in "xw"}


def lengths_times_cosine(x: Any, w: Any) -> Any:
    """‖x‖ ‖w‖ cos ∠(x, w), the cosine by the law of cosines."""
    xx, ww, gap = (x * x).sum(), (w * w).sum(), ((x - w) * (x - w)).sum()
    return np.array([(xx + ww - gap) / 2])


@score_is_alignment.property(input_and_weights(), effort=0.5)
def score_is_lengths_times_cosine(ops: Operations, x: Any, w: Any) -> Any:
    allowed = dot_product(magnitude(x[None], w[:, None]), len(x), x.dtype)
    return equal(ops.linear(x[None], w[:, None])[0], enclose(lengths_times_cosine, x, w), within=allowed[0])


columns_are_detectors = Claim(
    "linear.columns_are_detectors",
    faq=14,
    statement="Each output y_j looks at its own column of the weights W and at no other, whatever these hold: bit for "
    "bit if the target promises that, else up to rounding.",
    formula=r"y_j = x \cdot W_{:j} + b_j",
    limits=Limits(fixed={"scale": "nothing overflows"}),
    needs=("linear",),
    tolerances=(dot_product,),
    refuted_by=(
        wrong.columns_swapped, wrong.columns_mixed, wrong.weight_transposed, wrong.bias_forgotten, wrong.columns_touch,
        wrong.one_bias_for_all,
    ),
)  # fmt: skip


@columns_are_detectors.exact(exact_layer())
def column_alone_gives_its_output(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    together = ops.linear(x, weight, bias)
    return all_of(
        *(
            equal(together[:, j : j + 1], ops.linear(x, weight[:, j : j + 1], bias[j : j + 1]))
            for j in range(len(bias))
        ),
        equal(ops.linear(x, weight[:, ::-1], bias[::-1]), together[:, ::-1]),
    )


@domain
def columns_and_garbage(draw: Draw, target: Target) -> dict[str, Any]:
    """A layer, one of its columns, and garbage for all others."""
    layer = LINEAR.draw(draw, target, most=40)
    garbage = draw(st.sampled_from([np.nan, np.inf, FORMATS[layer["x"].dtype.name].most, 0.0]))
    return {**layer, "j": draw(st.integers(0, layer["weight"].shape[1] - 1)), "garbage": garbage}


@columns_are_detectors.property(columns_and_garbage(), effort=0.5)
def other_columns_change_no_bit(ops: Operations, x: Any, weight: Any, bias: Any, j: int, garbage: float) -> Any:
    mine = np.arange(weight.shape[1]) == j
    others, alone = np.where(mine, weight, x.dtype.type(garbage)), None if bias is None else bias[[j]]
    beside = ops.linear(x, others, bias)
    return all_of(
        reproduced(
            ops,
            beside[..., j],
            ops.linear(x, weight, bias)[..., j],
            lambda: LINEAR.judged(ops, beside[..., [j]], x, weight[:, [j]], alone),
        ),
        LINEAR.agrees(ops, x=x, weight=weight[:, [j]], bias=alone),
        LINEAR.agrees(ops, x=x, weight=weight, bias=bias),
    )


high_score_means_aligned = Claim(
    "linear.high_score_means_aligned",
    faq=14,
    verdict="refuted",
    statement="A high score occurs only for an input that is aligned with the weights.",
    corrected="Among inputs x, y of one length the highest score goes to the one that is aligned best; a long input "
    "can outscore a short one that is better aligned.",
    formula=r"\lVert x\rVert = \lVert y\rVert > 0,\ w \ne 0: \quad x \cdot w > y \cdot w \iff "
    r"\cos\angle(x, w) > \cos\angle(y, w)",
    limits=Limits(
        options=("bias",),
        rows=6,
        width=6,
        fixed={"scale": "whole numbers whose sums are exact"},
    ),
    needs=("linear",),
    legend={"w": "the weights"},
    refuted_by=(wrong.relu_inside, wrong.squared, wrong.skips_a_product),
    rests_on=("linear.score_is_alignment",),
)


@high_score_means_aligned.property(directions())
def longer_input_outscores_the_aligned_one(ops: Operations, **how: Any) -> Any:
    w, same_length, _, long = around(**how)
    scores = ops.linear(np.stack([w, same_length, -same_length, long]), w[:, None])[:, 0].astype(np.float64)
    gaps = ((np.stack([w, same_length, -same_length]).astype(np.float64) - w.astype(np.float64)) ** 2).sum(1)
    # Of one length: the smaller the distance to w, the higher the score, in exact whole numbers. The long one is not
    # in the direction of w, which the short one, w itself, is: and yet it wins.
    return all_of(equal(scores[:3], (w.astype(np.float64) ** 2).sum() - gaps / 2), less(scores[0], scores[3]))


@high_score_means_aligned.counterexample(
    x=st.lists(st.integers(-3, 3), min_size=2, max_size=2), w=st.just([1, 0]), y=st.just([1, 0])
)
def only_aligned_inputs_score_highest(ops: Operations, x: list[int], w: list[int], y: list[int]) -> Any:
    score: Callable[[Any], Any] = lambda v: ops.linear(np.array([v], float), np.array([w], float).T)[0, 0]  # noqa: E731
    aligned = x[1] == 0 and x[0] > 0  # y lies exactly in the direction of w
    return at_most(score(x), score(y)) if not aligned else equal(0.0, 0.0)
