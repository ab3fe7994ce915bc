"""What must be true of biases from distances: ALiBi and T5's buckets."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.attention import bias_mutants as wrong
from mathcore.attention.bias_tolerances import alibi_bias_rounding, alibi_slope_rounding, scores_moved
from mathcore.attention.dot_product_mutants import ATTENTION as MIX
from mathcore.attention.dot_product_tolerances import attention_rounding
from mathcore.attention.inputs import some_numbers
from mathcore.attention.textbook import figures
from mathcore.verify import Claim, Limits, Operations, Target, all_of, at_least, domain, enclose, equal, seeds
from mathcore.verify.domains import Draw, as_dtype

PRESS = "Press, Smith & Lewis, arXiv:2108.12409, §3"
RAFFEL = "Raffel et al., arXiv:1910.10683, §2.1"


def steps(heads: int) -> tuple[Any, Any]:
    """(h, n) of each slope 2^(−8h/n): n is a power of two."""
    power = 1 << heads.bit_length() - 1
    more = 2 * np.arange(heads - power) + 1
    return np.r_[np.arange(1, power + 1), more], np.r_[np.full(power, power), np.full(heads - power, 2 * power)]


def true_slopes(heads: int) -> Any:
    """The slopes, enclosed."""
    h, n = steps(heads)
    return enclose(lambda e: np.exp(e * np.log(e * 0 + 2)), -8.0 * h / n)


def slopes_are_right(slopes: Any, heads: int) -> Any:
    truth = true_slopes(heads)
    return equal(slopes, truth, within=alibi_slope_rounding(truth.hi, steps(heads)[0], slopes.dtype))


geometric = Claim(
    "alibi.slopes_are_geometric",
    statement="The slopes m of n heads are a geometric sequence, up to rounding: it begins with its own ratio, "
    "2^(−8/n), and ends at 1/256.",
    verdict="holds_if",
    condition="n is a power of two. Else the first slopes are those of the largest power of two below, and the others "
    "the 1st, 3rd, 5th, … of the next power.",
    formula=r"m_h = 2^{-8h/n}, \qquad m_{h+1} / m_h = m_1",
    legend={"m": "the slopes", "n": "the number of heads", "h": "the number of a head, from 1"},
    source=PRESS,
    needs=("alibi_slopes",),
    tolerances=(alibi_slope_rounding,),
    refuted_by=(
        wrong.started_twice, wrong.from_one, wrong.any_number_alike, wrong.next_power_cut, wrong.second_ones_between,
        wrong.in_bfloat16,
    ),
)  # fmt: skip


def numbers_of_heads(target: Target) -> Iterator[dict[str, Any]]:
    """Every number up to 40, and three larger ones."""
    del target
    yield from ({"heads": heads} for heads in (*range(1, 41), 64, 71, 128))


@geometric.exhaustive(numbers_of_heads)
def slopes_of_any_number_of_heads(ops: Operations, heads: int) -> Any:
    slopes = ops.alibi_slopes(heads)
    return all_of(equal(np.shape(slopes), (heads,)), slopes_are_right(slopes, heads))


@geometric.counterexample(cases=lambda: ({"heads": heads} for heads in range(1, 7)))
def slopes_of_any_number_are_geometric(ops: Operations, heads: int) -> Any:
    truth = enclose(lambda e: np.exp(e * np.log(e * 0 + 2)), -8.0 * np.arange(1, heads + 1) / heads)
    slopes = ops.alibi_slopes(heads)
    return equal(slopes, truth, within=alibi_slope_rounding(truth.hi, np.arange(1, heads + 1), slopes.dtype))


distances = Claim(
    "alibi.is_a_slope_times_the_distance",
    statement="ALiBi adds to a score the slope m of its head times the distance of query and key, with a minus sign, "
    "up to rounding: as much for a key after the query as for one before, wherever the first query stands.",
    formula=r"B_{hij} = -m_h\,|i + o - j|",
    legend={
        "B": "the bias", "m": "the slopes", "h": "the number of a head", "i": "the number of a query",
        "j": "the number of a key", "o": "the offset",
    },
    source=PRESS,
    needs=("alibi_bias",),
    tolerances=(alibi_slope_rounding, alibi_bias_rounding),
    refuted_by=(
        wrong.rewards_distance, wrong.one_sided, wrong.offset_ignored, wrong.heads_reversed, wrong.slopes_squared,
    ),
)  # fmt: skip


def small_tables(target: Target) -> Iterator[dict[str, Any]]:
    """Up to twelve heads; three queries, five keys; as many as keys, one alone; with offsets to either side."""
    del target
    for heads in (1, 2, 3, 4, 8, 12):
        for queries, keys, offset in ((3, None, 0), (3, 5, 2), (1, 9, 8), (4, 2, -3), (0, 2, 0)):
            yield {"heads": heads, "queries": queries, "keys": keys, "offset": offset}


@distances.exhaustive(small_tables)
def every_element_is_its_distance(ops: Operations, heads: int, queries: int, keys: int | None, offset: int) -> Any:
    bias = ops.alibi_bias(heads, queries, *([] if keys is None else [keys]), query_offset=offset)
    columns = queries if keys is None else keys
    distance = abs(np.arange(queries)[:, None] + offset - np.arange(columns))
    h, n = (x[:, None, None] for x in steps(heads))
    slopes = true_slopes(heads).hi[:, None, None]
    of_slope = alibi_slope_rounding(slopes, h, bias.dtype)
    within = alibi_bias_rounding(slopes, of_slope.values, distance, bias.dtype) + of_slope * distance
    truth = enclose(lambda e, d: -(np.exp(e * np.log(e * 0 + 2)) * d), -8.0 * h / n, distance * 1.0)
    return all_of(equal(np.shape(bias), (heads, queries, columns)), equal(bias, truth, within=within))


constant = Claim(
    "alibi.drops_a_constant_of_the_row",
    statement="Under the causal mask ALiBi is, up to rounding, a bias of the key alone, the slope m times its place: "
    "what it adds beyond is the same for all keys that a query sees, and softmax does not notice.",
    formula=r"-m|i - j| = mj - mi \text{ for } j \le i",
    legend={"m": "the slope of a head", "i": "the number of a query", "j": "the number of a key"},
    source=PRESS,
    needs=("alibi_bias", MIX),
    tolerances=(attention_rounding, alibi_slope_rounding, scores_moved),
    limits=Limits(
        options=("mask", "scale", "return_lse", "window", "softcap", "sinks"), also=("1, 2, 4 or 8 heads",), width=9
    ),
    refuted_by=(wrong.rewards_distance, wrong.offset_ignored, wrong.heads_reversed, wrong.slopes_squared),
)


@domain
def heads_of_words(draw: Draw, target: Target) -> dict[str, Any]:
    """Heads whose slopes are powers of two, and up to nine words, in any dtype; the first queries are left out."""
    name, rng = draw(st.sampled_from(target.dtypes)), draw(seeds())
    heads, n = int(rng.choice([1, 2, 4, 8])), int(rng.integers(1, 10))
    q, k, v = (some_numbers(rng, (heads, n, width), 1.0, name) for width in (4, 4, 2))
    return {"first": int(rng.integers(n)), "query": q, "key": k, "value": v}


@constant.property(heads_of_words(), effort=0.5)
def only_the_place_of_the_key_counts(ops: Operations, first: int, **case: Any) -> Any:
    heads, keys, _ = case["key"].shape
    case |= {"query": case["query"][:, first:], "is_causal": True, "query_offset": first}
    bias = ops.alibi_bias(heads, keys - first, keys, query_offset=first)
    of_key = 2.0 ** (-8.0 * np.arange(1, heads + 1) / heads)[:, None, None] * np.arange(keys)
    both = [{**case, "bias": as_dtype(x, case["query"].dtype.name)} for x in (bias, of_key)]
    of = [figures(one) for one in both]
    moved = alibi_slope_rounding(of_key, steps(heads)[0][:, None, None], bias.dtype).values + 0 * of[0].p
    a, b = (ops.scaled_dot_product_attention(**one) for one in both)
    within = attention_rounding(of[0], a.dtype) + attention_rounding(of[1], a.dtype) + scores_moved(of[0], moved)
    return equal(a, b, within=within)


# T5's buckets.

SETTINGS = ((True, 32, 128), (False, 32, 128), (True, 64, 1024), (False, 6, 20), (True, 4, 2), (False, 2, 9))
"""Directions, buckets and the largest distance, of T5 and others; a logarithm in float32 finds all edges of these."""


@functools.cache
def true_buckets(both: bool, buckets: int, most: int) -> Any:
    """The bucket of each distance up to `most` in one direction, by powers of whole numbers instead of logarithms."""
    own = buckets // 2 if both else buckets
    exact, found = own // 2, []
    wide = own - exact
    for n in range(most + 1):
        step = 0 if n else -exact
        while n >= exact and step < wide - 1 and n**wide * exact ** (step + 1) >= most ** (step + 1) * exact**wide:
            step += 1
        found.append(n if n < exact else exact + step)
    return np.array(found)


def every_distance(target: Target) -> Iterator[dict[str, Any]]:
    """All places from −4,096 to 4,096, for each of six settings."""
    del target
    places = np.arange(-(2**12), 2**12 + 1)
    for both, buckets, most in SETTINGS:
        options = {"bidirectional": both, "num_buckets": buckets, "max_distance": most}
        yield {"places": places, "options": options}


formula = Claim(
    "t5_buckets.are_their_formula",
    statement="Distances n below e have a bucket β each; beyond, the buckets are equally wide on a scale of "
    "logarithms, and from D on there is one for all. Keys after the query are in the upper half of the buckets, or, if "
    "there is one direction, in bucket 0.",
    formula=r"\beta(n) = n \text{ for } n < e, \qquad \beta(n) = \min(b - 1, e + \lfloor (b - e) \ln(n/e) / "
    r"\ln(D/e) \rfloor)",
    legend={
        "β": "the bucket of a distance", "n": "the distance", "b": "the number of buckets of a direction",
        "e": "half of it, rounded down", "D": "the largest distance",
    },
    source=RAFFEL,
    needs=("t5_relative_position_bucket",),
    limits=Limits(also=("settings in which a logarithm in float32 finds every edge",)),
    refuted_by=(
        wrong.longer_by_one, wrong.edges_above, wrong.future_told_apart, wrong.sides_exchanged, wrong.sides_mixed,
        wrong.all_exact, wrong.logarithm_in_bfloat16, wrong.last_bucket_empty,
    ),
)  # fmt: skip


@formula.exhaustive(every_distance)
def every_bucket_is_right(ops: Operations, places: Any, options: Any) -> Any:
    both, buckets, most = options.values()
    of_distance = true_buckets(both, buckets, most)
    found = ops.t5_relative_position_bucket(places, **options)
    distance = np.minimum(abs(places) if both else np.maximum(-places, 0), most)
    return equal(found, of_distance[distance] + buckets // 2 * (both & (places > 0)))


ordered = Claim(
    "t5_buckets.grow_with_the_distance",
    statement="Of two keys on one side of the query, the one further away is in no lower a bucket; all buckets are in "
    "use but the first of the upper half, and none beyond; the two sides mirror one another.",
    formula=r"n \le m \;\Rightarrow\; \beta(n) \le \beta(m), \qquad \beta(+n) = \beta(-n) + b",
    legend={
        "β": "the bucket of a place", "n": "a distance", "m": "another distance",
        "b": "the number of buckets of a direction",
    },
    source=RAFFEL,
    needs=("t5_relative_position_bucket",),
    refuted_by=(wrong.sides_exchanged, wrong.future_told_apart, wrong.sides_mixed, wrong.last_bucket_empty),
)  # fmt: skip


@ordered.exhaustive(every_distance)
def buckets_are_in_order(ops: Operations, places: Any, options: Any) -> Any:
    both, buckets, _ = options.values()
    found = ops.t5_relative_position_bucket(places, **options)
    before, after = found[places <= 0][::-1], found[places > 0]
    own = buckets // 2 if both else buckets
    return all_of(
        at_least(before[1:], before[:-1]),
        equal(np.unique(before), np.arange(own)),
        equal(after, before[1:] + own if both else np.zeros(len(after), int)),
    )
