"""What must be true of the frequencies of RoPE and of their table: FAQ 19."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.positions import rope_mutants as wrong
from mathcore.positions.inputs import draw_base, draw_places, draw_width, magnitudes
from mathcore.positions.positions_tolerances import frequency_rounding, turned_pair, wave_rounding
from mathcore.positions.records import ROPE_COS_SIN, turned_agrees
from mathcore.positions.textbook import true_frequencies, width_turned
from mathcore.verify import Claim, Limits, Operations, Target, enclose
from mathcore.verify.domains import Draw, domain, draw_array, log_uniform, seeds
from mathcore.verify.promises import reproduced
from mathcore.verify.relations import all_of, at_most, equal, less

table_equals_formula = Claim(
    "rope.table_equals_formula",
    faq=19,
    statement="A table of cosines and sines made beforehand, for more positions than are used, gives what is computed "
    "on the fly: bit for bit if the target promises that, else up to rounding.",
    formula=r"R_m x = \operatorname{apply}(x, \cos[m], \sin[m])",
    needs=("rope", "rope_cos_sin", "apply_rope"),
    limits=Limits(options=("offset", "frequencies", "attention_factor")),
    tolerances=(wave_rounding, turned_pair),
    refuted_by=(wrong.tables_from_one, wrong.tables_exchanged, wrong.tables_in_float32, wrong.base_slightly_off),
)


@domain
def tabulated(draw: Draw, target: Target) -> dict[str, Any]:
    """Vectors in one dtype, the positions of a table that starts anywhere, and which of its rows are asked for."""
    rows, width = draw(st.integers(1, 40)), 2 * draw(st.integers(1, 33))
    start, size = int(draw_places(draw, (1,), 2**30)[0]), draw(st.sampled_from([20, 20, 20, 3000]))
    name = draw(st.sampled_from(target.dtypes))
    return {
        "x": draw_array(draw, (rows, width), name, magnitudes(name)),
        "table": start + np.arange(size),
        "asked": draw(seeds()).integers(0, size, size=rows),
        "base": draw_base(draw),
        "interleaved": draw(st.booleans()),
        "rotary_dim": draw_width(draw, width),
    }


@table_equals_formula.property(tabulated())
def table_rows_equal_the_formula_bit_for_bit(
    ops: Operations, x: Any, table: Any, asked: Any, base: float, interleaved: bool, rotary_dim: int | None
) -> Any:
    dim, options = width_turned(x, rotary_dim), {"interleaved": interleaved}
    rows = tuple(np.asarray(t)[asked] for t in ops.rope_cos_sin(table, dim, base=base))
    turn: dict[str, Any] = {"base": base, "rotary_dim": rotary_dim, **options}
    both = (ops.apply_rope(x, *rows, **options), ops.rope(x, table[asked], **turn))
    return all_of(
        reproduced(ops, *both, lambda: all_of(*(turned_agrees(ops, y, x, table[asked], **turn) for y in both))),
        ROPE_COS_SIN.judged(ops, rows, table[asked], dim, base),
    )


frequencies_decay = Claim(
    "rope.frequencies_decay",
    faq=19,
    statement="The first pair turns by one radian a position, each next one base^(2/d) times slower, up to rounding; "
    "with base 1 all turn alike.",
    formula=r"\theta_i = \mathrm{base}^{-2i/d}, \qquad \theta_0 = 1, \qquad "
    r"\theta_{i+1} / \theta_i = \mathrm{base}^{-2/d}",
    source="arXiv:2104.09864, §3.2.2",
    needs=("rope_frequencies",),
    tolerances=(frequency_rounding,),
    refuted_by=(wrong.frequencies_of_half, wrong.frequencies_to_the_end, wrong.frequencies_rising,
                wrong.bfloat16_frequencies, wrong.frequencies_in_float32),
)  # fmt: skip


@frequencies_decay.exact(pairs=st.sampled_from([1, 2, 4, 8, 16, 32]), exponent=st.integers(1, 12))
def binary_frequencies_are_exact(ops: Operations, pairs: int, exponent: int) -> Any:
    # With base 2^(exponent·pairs), exponents and frequencies are binary fractions: nothing may be rounded.
    theta = ops.rope_frequencies(2 * pairs, base=2.0 ** (exponent * pairs))
    return equal(theta, [Fraction(1, 2 ** (exponent * i)) for i in range(pairs)])


@domain
def spreads(draw: Draw, target: Target) -> dict[str, Any]:
    """A width and a base."""
    return {"dim": 2 * draw(st.one_of(st.integers(1, 8), st.sampled_from([16, 32, 33, 64, 128]))),
            "base": draw_base(draw)}  # fmt: skip


@frequencies_decay.property(spreads())
def frequencies_decay_within_the_bound(ops: Operations, dim: int, base: float) -> Any:
    theta = ops.rope_frequencies(dim, base=base)
    truth = enclose(lambda i: i * 0 + true_frequencies(dim, base), np.zeros(dim // 2))
    return all_of(
        equal(theta, truth, within=frequency_rounding(truth.hi, theta.dtype, ops.conventions.rope_angles)),
        equal(theta[0], 1.0),
        at_most(theta[1:], theta[:-1]),
    )


slow_hand = Claim(
    "rope.slow_hand",
    faq=19,
    statement="While the fastest pair turns once, the slowest moves by a fraction of a degree.",
    formula=r"360^\circ \cdot \mathrm{base}^{-(d-2)/d}",
    verdict="holds_if",
    condition="base^((d − 2)/d) > 360: with base 10,000 from d = 6 on; with d = 2 fastest and slowest are one pair.",
    legend={"d": "the number of features that turn"},
    needs=("rope_frequencies",),
    tolerances=(frequency_rounding,),
    refuted_by=(wrong.frequencies_of_half, wrong.frequencies_rising),
)


@slow_hand.exact(pairs=st.sampled_from([4, 8, 16]), exponent=st.integers(5, 12))
def slowest_pair_moves_less_than_a_degree_exactly(ops: Operations, pairs: int, exponent: int) -> Any:
    theta = ops.rope_frequencies(2 * pairs, base=2.0 ** (exponent * pairs))
    degrees = 360 * Fraction(float(theta[-1]))  # one turn of the fastest takes 2π positions
    return all_of(equal(degrees, Fraction(360, 2 ** (exponent * (pairs - 1)))), less(degrees, 1))


@domain
def slow_enough(draw: Draw, target: Target) -> dict[str, Any]:
    """A number of pairs, and a base that meets the condition, often just so."""
    pairs = draw(st.one_of(st.integers(2, 9), st.integers(10, 512)))
    least = 360.0 ** (pairs / (pairs - 1)) * (1 + 2.0**-20)
    return {"pairs": pairs, "base": draw(st.one_of(log_uniform(least, 2 * least), log_uniform(least, 1e12)))}


@slow_hand.property(slow_enough())
def slowest_pair_moves_less_than_a_degree(ops: Operations, pairs: int, base: float) -> Any:
    slowest = ops.rope_frequencies(2 * pairs, base=base)[-1:]
    truth = enclose(lambda one: one * true_frequencies(2 * pairs, base)[-1], np.ones(1))
    allowed = frequency_rounding(truth.hi, slowest.dtype, ops.conventions.rope_angles)
    return all_of(equal(slowest, truth, within=allowed), less(360 * slowest, 1.0))


@slow_hand.counterexample(pairs=st.integers(1, 3))
def slowest_pair_of_any_width_moves_less_than_a_degree(ops: Operations, pairs: int) -> Any:
    return less(360 * ops.rope_frequencies(2 * pairs)[-1], 1.0)
