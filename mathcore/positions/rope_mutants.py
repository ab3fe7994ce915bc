"""Wrong rotations, on purpose."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.positions.sinusoidal_mutants import short_significand
from mathcore.positions.textbook import lanes, width_turned
from mathcore.verify.claims import Mutant, mutant, reported
from mathcore.verify.common_mutants import Operation


# RoPE asked for something else.
def _asked(change: Callable[[Any, Any, dict[str, Any]], Any]) -> Callable[..., Any]:
    """The correct RoPE with other arguments: `change` takes x, the positions of its rows, and the options."""

    def wrong(correct: Operation) -> Operation:
        def rope(x: Any, positions: Any = None, **options: Any) -> Any:
            m = np.arange(x.shape[-2]) if positions is None else np.asarray(positions).astype(np.int64)
            x, m, options = change(x, m, options)
            return correct(x, m, **options)

        return rope

    return wrong


def _at_base(options: dict[str, Any], times: float) -> dict[str, Any]:
    """The options with a base so many times as large, where no frequencies stand in its place."""
    if options.get("frequencies") is not None:
        return options
    return {**options, "base": options.get("base", 10_000.0) * times}


def rope_mutant(change: Callable[[Any, Any, dict[str, Any]], Any]) -> Mutant:
    """A mutant of `rope` that asks the correct one for something else."""
    wrong = _asked(change)
    wrong.__doc__, wrong.__name__ = change.__doc__, change.__name__
    return mutant("rope", wraps=True)(wrong)


@reported(
    "rope.anchor",
    """
    ml-explore/mlx-lm #1545 (2026)
    ml-explore/mlx-lm PR#1606 (2026) merged
    """,
    alias="positions_scaled_by_two",
)
@rope_mutant
def positions_doubled(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Rotates twice as far, by a default scale of 2."""
    return x, 2 * m, {**options, "offset": 2 * options.get("offset", 0)}


@rope_mutant
def one_further(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Counts positions from 1."""
    return x, m + 1, options


@rope_mutant
def one_row_further(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Adds the index of the row to its position."""
    return x, m + np.arange(x.shape[-2]) if m.ndim else m, options


@rope_mutant
def turned_clockwise(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Has the sign of the sine the other way round."""
    return x, -m, {**options, "offset": -options.get("offset", 0)}


@rope_mutant
def base_slightly_off(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Takes a base that is off by a billionth."""
    return x, m, _at_base(options, 1 + 1e-9)


@reported(
    "rope.anchor",
    """
    huggingface/candle PR#3746 (2026) open
    young-geng/EasyLM PR#117 (2024)
    """,
    alias="base_hard_coded",
)
@rope_mutant
def base_ignored(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Always takes 10,000 for the base."""
    return x, m, {**options, "base": 10_000.0}


@rope_mutant
def other_pairing(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Pairs the features in the other of the two ways."""
    return x, m, {**options, "interleaved": not options.get("interleaved", False)}


@reported(
    "rope.anchor",
    """
    vllm-project/vllm #747 (2023)
    vllm-project/vllm PR#941 (2023) merged
    vllm-project/vllm #49290 (2026) open
    TransformerLensOrg/TransformerLens PR#365 (2023) merged
    """,
    alias="pairing_flag_ignored",
)
@rope_mutant
def pairing_ignored(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Pairs halves whatever was asked."""
    return x, m, {**options, "interleaved": False}


@rope_mutant
def offset_ignored(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Forgets the offset."""
    return x, m, {**options, "offset": 0}


@rope_mutant
def whole_width_turned(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Rotates all features that come in pairs, however few were asked for."""
    whole = {"rotary_dim": x.shape[-1] // 2 * 2} if options.get("frequencies") is None else {}
    return x, m, {**options, **whole}


@reported(
    "rope.relative_only",
    """
    huggingface/transformers PR#29285 (2024) merged
    huggingface/transformers #29496 (2024)
    huggingface/transformers #25681 (2023)
    vllm-project/vllm #863 (2023)
    huggingface/diffusers PR#13922 (2026)
    """,
    alias="positions_rounded_to_bfloat16",
)
@rope_mutant
def positions_in_bfloat16(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Carries positions in bfloat16, which has no odd numbers past 256."""
    return x, short_significand(m + options.get("offset", 0), 8), {**options, "offset": 0}


@rope_mutant
def positions_in_float16(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Carries positions with the 11 bits of float16, which has no odd numbers past 2,048."""
    return x, short_significand(m + options.get("offset", 0), 11), {**options, "offset": 0}


@rope_mutant
def past_is_present(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Takes negative positions for 0."""
    return x, np.maximum(m + options.get("offset", 0), 0), {**options, "offset": 0}


@rope_mutant
def magnitude_of_position(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Drops the sign of a position."""
    return x, abs(m + options.get("offset", 0)), {**options, "offset": 0}


@rope_mutant
def table_ends(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Has a table of 4,096 positions, and stays at its last row."""
    return x, np.clip(m + options.get("offset", 0), -4096, 4095), {**options, "offset": 0}


@rope_mutant
def positions_ignored(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Counts rows for itself, whatever positions came."""
    return x, np.arange(x.shape[-2]) if m.ndim else m * 0, options


@rope_mutant
def first_sequence_everywhere(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Takes the positions of the first sequence for all of them."""
    return x, m.reshape(-1, m.shape[-1])[0] if m.ndim else m, options


@rope_mutant
def long_texts_begin_anew(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Past 2,048 rows counts from the first row's position again."""
    return x, m[..., np.arange(m.shape[-1]) % 2048] if m.ndim else m, options


@mutant("rope", wraps=True)
def counted_in_its_format(correct: Operation) -> Operation:
    """Counts rows in the dtype of the vectors: float16 ends at 2,048, bfloat16 at 256."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        if positions is None:
            positions = np.arange(x.shape[-2]).astype(x.dtype).astype(np.int64)
        return correct(x, positions, **options)

    return wrong


@rope_mutant
def one_position_counts_on(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Takes one position for that of the first row, and counts on."""
    return x, m if m.ndim else m + np.arange(x.shape[-2]) if x.ndim > 1 else m, options


@mutant("rope", wraps=True)
def offset_in_their_format(correct: Operation) -> Operation:
    """Adds the offset in the dtype of the positions: 200 + 100 is 44 in uint8."""

    def wrong(x: Any, positions: Any = None, *, offset: int = 0, **options: Any) -> Any:
        if positions is None:
            return correct(x, positions, offset=offset, **options)
        m = np.asarray(positions)
        return correct(x, m + np.asarray(offset).astype(m.dtype), **options)

    return wrong


@rope_mutant
def first_head_everywhere(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Takes the positions of the first head, or of the first text where heads share them, for all."""
    return x, np.broadcast_to(m[:1], m.shape) if m.ndim > 1 else m, options


@rope_mutant
def frequencies_ignored(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Takes those of the base, whatever frequencies came."""
    if (given := options.get("frequencies")) is not None:
        options = {**options, "frequencies": None, "rotary_dim": 2 * len(given)}
    return x, m, options


def _given_mutant(change: Callable[[Any], Any]) -> Mutant:
    """A mutant of `rope` with other frequencies where some are given."""

    def wrong(x: Any, m: Any, options: dict[str, Any]) -> Any:
        given = options.get("frequencies")
        return x, m, options if given is None else {**options, "frequencies": change(given)}

    wrong.__doc__, wrong.__name__ = change.__doc__, change.__name__
    return rope_mutant(wrong)


@_given_mutant
def frequencies_taken_twice(given: Any) -> Any:
    """Lists every second frequency twice, as a table for both members of a pair has them."""
    return np.repeat(given, 2)[: len(given)]


@_given_mutant
def periods_for_frequencies(given: Any) -> Any:
    """Takes a frequency for the positions that a turn takes."""
    return np.divide(2 * np.pi, given, out=np.zeros(len(given)), where=given != 0)


@rope_mutant
def factor_ignored(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Keeps lengths whatever the attention factor is."""
    return x, m, {**options, "attention_factor": 1.0}


@rope_mutant
def factor_squared(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Multiplies lengths by the square of the attention factor."""
    return x, m, {**options, "attention_factor": options.get("attention_factor", 1.0) ** 2}


@mutant("rope", wraps=True)
def factor_on_all_features(correct: Operation) -> Operation:
    """Multiplies the features that are not rotated by the attention factor as well."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        y = correct(x, positions, **options).copy()
        dim = width_turned(x, options.get("rotary_dim"), options.get("frequencies"))
        y[..., dim:] = (y[..., dim:].astype(np.float64) * options.get("attention_factor", 1.0)).astype(y.dtype)
        return y

    return wrong


@mutant("rope", wraps=True)
def pairs_touch(correct: Operation) -> Operation:
    """Adds 0 times the sum of its row to every feature: one NaN reaches all pairs."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        y = correct(x, positions, **options)
        with np.errstate(invalid="ignore", over="ignore"):
            return (y + y.dtype.type(0) * x.sum(-1, keepdims=True)).astype(y.dtype)

    return wrong


# RoPE with other angles.
def _rotated(x: Any, cos: Any, sin: Any, options: dict[str, Any]) -> Any:
    """The leading pairs of x rotated in float64, and rounded once; a pair of angle 0 stays as it is."""
    first, second = lanes(2 * cos.shape[-1], interleaved=options.get("interleaved", False))
    y = x.astype(np.result_type(x, cos))
    a, b, still = y[..., first], y[..., second], (cos == 1) & (sin == 0)
    with np.errstate(invalid="ignore", over="ignore"):
        y[..., first] = np.where(still, a, a * cos - b * sin)
        y[..., second] = np.where(still, b, a * sin + b * cos)
        return y.astype(x.dtype)


def _angles_mutant(angles: Callable[[Any, int, float], Any]) -> Mutant:
    """A mutant of `rope` with angles of its own, (positions, d, base) → (..., d/2), and the correct one's refusals."""

    def wrong(correct: Operation) -> Operation:
        def rope(x: Any, positions: Any = None, **options: Any) -> Any:
            correct(x, positions, **options)
            m = np.arange(x.shape[-2]) if positions is None else np.asarray(positions)
            dim = options.get("rotary_dim")
            dim = x.shape[-1] if dim is None else dim
            angle = angles(m.astype(np.int64) + options.get("offset", 0), dim, options.get("base", 10_000.0))
            return _rotated(x, np.cos(angle), np.sin(angle), options)

        return rope

    wrong.__doc__, wrong.__name__ = angles.__doc__, angles.__name__
    return mutant("rope", wraps=True)(wrong)


@_angles_mutant
def angles_in_float32(m: Any, dim: int, base: float) -> Any:
    """Keeps angles in float32, off by 0.06 rad at a million."""
    theta = (1 / base ** (np.arange(0, dim, 2) / max(dim, 1))).astype(np.float32)
    return (m.astype(np.float32)[..., None] * theta).astype(np.float64)


@reported("rope.anchor", "sgl-project/sglang-jax #1472 (2026) fixed", alias="frequencies_rounded_to_bfloat16")
@_angles_mutant
def frequencies_in_bfloat16(m: Any, dim: int, base: float) -> Any:
    """Keeps frequencies in bfloat16: a rotation as good as any, by other angles."""
    import ml_dtypes

    theta = (base ** (-np.arange(0, dim, 2) / max(dim, 1))).astype(ml_dtypes.bfloat16).astype(np.float64)
    return m[..., None] * theta


@_angles_mutant
def last_pair_at_base(m: Any, dim: int, base: float) -> Any:
    """Spreads exponents over 2i/(d − 2), so that the last pair is rotated by 1/base."""
    return m[..., None] * base ** (-np.arange(0, dim, 2) / max(dim - 2, 1))


@_angles_mutant
def half_the_exponent(m: Any, dim: int, base: float) -> Any:
    """Has the exponent i/d for 2i/d."""
    return m[..., None] * base ** (-np.arange(dim // 2) / max(dim, 1))


@_angles_mutant
def floored_exponent(m: Any, dim: int, base: float) -> Any:
    """Divides with // where / was meant, which floors every exponent to a whole number (LoFTR 2021)."""
    return m[..., None] * np.exp(np.arange(0, dim, 2) * (-math.log(base) / max(dim, 1) // 2))


@_angles_mutant
def base_and_exponent_exchanged(m: Any, dim: int, base: float) -> Any:
    """Raises the exponent to the power of the base (WaveGrad 2020)."""
    with np.errstate(divide="ignore", over="ignore"):
        theta = (np.arange(0, dim, 2) / max(dim, 1)) ** -math.log(base)
    return m[..., None] * np.minimum(theta, 1e6)


@_angles_mutant
def all_pairs_alike(m: Any, dim: int, base: float) -> Any:
    """Rotates every pair by one radian."""
    return m[..., None] * np.ones(dim // 2)


@mutant("rope", wraps=True)
def table_in_float32(correct: Operation) -> Operation:
    """Keeps cosines and sines in float32 for data in float64."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        dim = options.get("rotary_dim")
        dim = width_turned(x, dim, options.get("frequencies"))
        first, second = lanes(dim, interleaved=options.get("interleaved", False))
        unit = np.zeros(x.shape)
        unit[..., first] = 1  # a rotation takes (1, 0) to (cos, sin)
        table = correct(unit, positions, **options)
        cos, sin = (table[..., lane].astype(np.float32).astype(np.float64) for lane in (first, second))
        return _rotated(x, cos, sin, options)

    return wrong


# RoPE with other products, or a memory.
@mutant("rope", wraps=True)
def stretched(correct: Operation) -> Operation:
    """Makes every vector longer by a 64th."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        y = correct(x, positions, **options)
        return (y.astype(np.float64) * (1 + 2.0**-6)).astype(y.dtype)

    return wrong


@mutant("rope", wraps=True)
def shrinking(correct: Operation) -> Operation:
    """Loses a 64th of the length in every rotation."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        y = correct(x, positions, **options)
        return (y.astype(np.float64) * (1 - 2.0**-6)).astype(y.dtype)

    return wrong


@mutant("rope", wraps=True)
def rest_zeroed(correct: Operation) -> Operation:
    """Zeroes the features that are not rotated."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        y, dim = correct(x, positions, **options).copy(), options.get("rotary_dim")
        y[..., x.shape[-1] if dim is None else dim :] = 0
        return y

    return wrong


@mutant("rope", wraps=True)
def heads_read_as_time(correct: Operation) -> Operation:
    """Reads the axis before time as time, where there is one."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        if x.ndim < 3:
            return correct(x, positions, **options)
        m = np.arange(x.shape[-3]) if positions is None else np.asarray(positions).astype(np.int64)
        m = np.resize(m, x.shape[-3])
        return np.swapaxes(correct(np.swapaxes(x, -2, -3).copy(), m, **options), -2, -3)

    return wrong


@reported("rope.pure", "lucidrains/rotary-embedding-torch #11 (2023) confirmed", alias="cached_by_length")
@mutant("rope", wraps=True)
def cache_by_length(correct: Operation) -> Operation:
    """Keeps a table by its length alone, positions and offset missing from the key."""
    kept: dict[Any, Any] = {}

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        m = np.arange(x.shape[-2]) if positions is None else np.asarray(positions)
        m, offset = kept.setdefault(m.shape, (m.copy(), options.get("offset", 0)))
        return correct(x, m, **{**options, "offset": offset})

    return wrong


@reported(
    "rope.pure",
    """
    huggingface/transformers #27226 (2023)
    huggingface/transformers #25104 (2023)
    """,
    alias="base_never_shrinks",
)
@mutant("rope", wraps=True)
def base_grows(correct: Operation) -> Operation:
    """Raises the base for a far position and never lowers it again."""
    farthest = [4096]

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        m = np.arange(x.shape[-2]) if positions is None else np.asarray(positions).astype(np.int64)
        farthest[0] = max(farthest[0], int(abs(m + options.get("offset", 0)).max(initial=0)))
        return correct(x, m, **_at_base(options, farthest[0] / 4096))

    return wrong


@mutant("rope", wraps=True)
def rows_mixed(correct: Operation) -> Operation:
    """Adds 0 times the sum of everything: one NaN reaches every row."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        y = correct(x, positions, **options)
        with np.errstate(invalid="ignore"):
            return (y + y.dtype.type(0) * y.sum()).astype(y.dtype)

    return wrong


@mutant("rope", wraps=True)
def positions_cut_to_integers(correct: Operation) -> Operation:
    """Cuts positions to integers instead of refusing what is none."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        return correct(x, None if positions is None else np.asarray(positions).astype(np.int64), **options)

    return wrong


@mutant("rope", wraps=True)
def errors_swallowed(correct: Operation) -> Operation:
    """Returns x where an argument does not fit."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        try:
            return correct(x, positions, **options)
        except (TypeError, ValueError):
            return x.copy()

    return wrong


@mutant("rope", wraps=True)
def wide_rows_cut(correct: Operation) -> Operation:
    """Rotates at most 512 pairs."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        y = correct(x, positions, **options).copy()
        y[..., 1024:] = x[..., 1024:]
        return y

    return wrong


# The tables, the rotation itself, and the frequencies.
@mutant("rope_cos_sin", wraps=True)
def tables_exchanged(correct: Operation) -> Operation:
    """Returns sines first."""
    return lambda *arguments, **options: correct(*arguments, **options)[::-1]


@mutant("rope_cos_sin", wraps=True)
def tables_from_one(correct: Operation) -> Operation:
    """Counts positions from 1."""
    return lambda m, dim, **options: correct(np.asarray(m) + 1, dim, **options)


@mutant("rope_cos_sin", wraps=True)
def tables_in_float32(correct: Operation) -> Operation:
    """Carries the table in float32."""

    def wrong(*arguments: Any, **options: Any) -> Any:
        return tuple(t.astype(np.float32).astype(np.float64) for t in correct(*arguments, **options))

    return wrong


@mutant("rope_cos_sin", wraps=True)
def wide_tables_cut(correct: Operation) -> Operation:
    """Fills at most 512 pairs; the others are not rotated."""

    def wrong(*arguments: Any, **options: Any) -> Any:
        cos, sin = (t.copy() for t in correct(*arguments, **options))
        cos[..., 512:], sin[..., 512:] = 1, 0
        return cos, sin

    return wrong


@mutant("apply_rope_vjp", wraps=True)
def pulled_through_512(correct: Operation) -> Operation:
    """Rotates at most the leading 1,024 features of the cotangent."""

    def wrong(cotangent: Any, x: Any, cos: Any, sin: Any, **options: Any) -> Any:
        back = correct(cotangent, x, cos, sin, **options).copy()
        back[..., 1024:] = cotangent[..., 1024:]
        return back

    return wrong


@mutant("rope_vjp", wraps=True)
def turned_back_to_512(correct: Operation) -> Operation:
    """Rotates at most 512 pairs back."""

    def wrong(cotangent: Any, x: Any, positions: Any = None, **options: Any) -> Any:
        back = correct(cotangent, x, positions, **options).copy()
        back[..., 1024:] = cotangent[..., 1024:]
        return back

    return wrong


@mutant("apply_rope", wraps=True)
def first_table_everywhere(correct: Operation) -> Operation:
    """Takes the angles of the first text for all."""

    def wrong(x: Any, cos: Any, sin: Any, **options: Any) -> Any:
        first = (np.broadcast_to(t[:1], t.shape) if t.ndim > 2 else t for t in (cos, sin))
        return correct(x, *first, **options)

    return wrong


@mutant("apply_rope", wraps=True)
def applied_clockwise(correct: Operation) -> Operation:
    """Has the sign of the sine the other way round."""
    return lambda x, cos, sin, **options: correct(x, cos, -sin, **options)


@mutant("apply_rope", wraps=True)
def applied_in_the_other_pairing(correct: Operation) -> Operation:
    """Pairs the features in the other of the two ways."""
    return lambda x, cos, sin, interleaved=False: correct(x, cos, sin, interleaved=not interleaved)


@mutant("apply_rope", wraps=True)
def sine_once(correct: Operation) -> Operation:
    """Forgets the sine in the first feature of a pair: a shear, no rotation."""

    def wrong(x: Any, cos: Any, sin: Any, interleaved: bool = False) -> Any:
        y, still = (correct(x, cos, s, interleaved=interleaved).copy() for s in (sin, sin * 0))
        dim = 2 * cos.shape[-1]
        first = slice(0, dim, 2) if interleaved else slice(0, dim // 2)
        y[..., first] = still[..., first]
        return y

    return wrong


@mutant("apply_rope", wraps=True)
def angle_zero_is_padding(correct: Operation) -> Operation:
    """Takes rows whose sines are all 0 for padding, and gives zeros."""

    def wrong(x: Any, cos: Any, sin: Any, **options: Any) -> Any:
        y = correct(x, cos, sin, **options)
        return y if sin.any() or not sin.size else y * 0

    return wrong


@mutant("apply_rope", wraps=True)
def angles_never_zero(correct: Operation) -> Operation:
    """Takes 1/256 of the cosine away, lest it be 1."""

    def wrong(x: Any, cos: Any, sin: Any, **options: Any) -> Any:
        return correct(x, cos * (1 - cos.dtype.type(2.0**-8)), sin, **options)

    return wrong


@mutant("apply_rope", wraps=True)
def applied_to_512(correct: Operation) -> Operation:
    """Rotates at most the leading 1,024 features."""

    def wrong(x: Any, cos: Any, sin: Any, **options: Any) -> Any:
        y = correct(x, cos, sin, **options).copy()
        y[..., 1024:] = x[..., 1024:]
        return y

    return wrong


@mutant("rope_cos_sin", wraps=True)
def table_beyond_its_reach(correct: Operation) -> Operation:
    """Stays at the last position beyond ±2³¹."""
    return lambda m, dim, **options: correct(np.clip(m, -(2**31), 2**31), dim, **options)


@mutant("rope_frequencies", wraps=True)
def frequencies_of_half(correct: Operation) -> Operation:
    """Has the exponent i/d for 2i/d."""
    return lambda dim, **options: np.sqrt(correct(dim, **options))


@mutant("rope_frequencies")
def frequencies_to_the_end(dim: int, *, base: float = 10_000.0) -> Any:
    """Spreads exponents over 2i/(d − 2)."""
    return base ** (-np.arange(0, dim, 2) / max(dim - 2, 1))


@mutant("rope_frequencies", wraps=True)
def frequencies_in_float32(correct: Operation) -> Operation:
    """Carries frequencies in float32."""
    return lambda dim, **options: correct(dim, **options).astype(np.float32).astype(np.float64)


@mutant("rope_frequencies", wraps=True)
def bfloat16_frequencies(correct: Operation) -> Operation:
    """Carries frequencies in bfloat16, as casting a whole model does (transformers 2023)."""

    def wrong(dim: int, **options: Any) -> Any:
        import ml_dtypes

        return correct(dim, **options).astype(ml_dtypes.bfloat16).astype(np.float64)

    return wrong


@mutant("rope_frequencies", wraps=True)
def frequencies_rising(correct: Operation) -> Operation:
    """Lists the slowest pair first."""
    return lambda dim, **options: correct(dim, **options)[::-1]


@mutant("rope_permutation", wraps=True)
def permuted_back(correct: Operation) -> Operation:
    """Returns the inverse permutation."""
    return lambda dim: np.argsort(correct(dim))
