"""Wrong rotations, on purpose."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

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
    """Turns twice as far, by a default scale of 2."""
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
    return x, m, {**options, "base": options.get("base", 10_000.0) * (1 + 1e-9)}


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
    """Turns all features that come in pairs, however few were asked for."""
    return x, m, {**options, "rotary_dim": x.shape[-1] // 2 * 2}


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
    return x, _short(m + options.get("offset", 0), 8), {**options, "offset": 0}


@rope_mutant
def positions_in_float16(x: Any, m: Any, options: dict[str, Any]) -> Any:
    """Carries positions with the 11 bits of float16, which has no odd numbers past 2,048."""
    return x, _short(m + options.get("offset", 0), 11), {**options, "offset": 0}


def _short(m: Any, bits: int) -> Any:
    fraction, exponent = np.frexp(m.astype(np.float64))
    return np.ldexp(np.rint(np.ldexp(fraction, bits)), exponent - bits).astype(np.int64)


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
    """Counts rows in the format of the vectors: float16 ends at 2,048, bfloat16 at 256."""

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
    """Adds the offset in the format of the positions: 200 + 100 is 44 in uint8."""

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


@mutant("rope", wraps=True)
def pairs_touch(correct: Operation) -> Operation:
    """Adds 0 times the sum of its row to every feature: one NaN reaches all pairs."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        y = correct(x, positions, **options)
        with np.errstate(invalid="ignore", over="ignore"):
            return (y + y.dtype.type(0) * x.sum(-1, keepdims=True)).astype(y.dtype)

    return wrong


# RoPE with other angles.
def _turned(x: Any, cos: Any, sin: Any, options: dict[str, Any]) -> Any:
    from mathcore import apply_rope

    return apply_rope(x, cos, sin, interleaved=options.get("interleaved", False))


def _angles_mutant(angles: Callable[[Any, int, float], Any]) -> Mutant:
    """A mutant of `rope` with angles of its own: (positions, d, base) → (..., d/2)."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        m = np.arange(x.shape[-2]) if positions is None else np.asarray(positions)
        dim = options.get("rotary_dim")
        dim = x.shape[-1] if dim is None else dim
        turn = angles(m.astype(np.int64) + options.get("offset", 0), dim, options.get("base", 10_000.0))
        return _turned(x, np.cos(turn), np.sin(turn), options)

    wrong.__doc__, wrong.__name__ = angles.__doc__, angles.__name__
    return mutant("rope")(wrong)


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
    """Spreads exponents over 2i/(d − 2), so that the last pair turns by 1/base."""
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
    """Turns every pair by one radian."""
    return m[..., None] * np.ones(dim // 2)


@mutant("rope", wraps=True)
def table_in_float32(correct: Operation) -> Operation:
    """Keeps cosines and sines in float32 for data in float64."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        from mathcore import rope_cos_sin

        m = np.arange(x.shape[-2]) if positions is None else np.asarray(positions).astype(np.int64)
        dim = options.get("rotary_dim")
        dim = x.shape[-1] if dim is None else dim
        if dim % 2 or dim > x.shape[-1]:
            return correct(x, positions, **options)
        table = rope_cos_sin(m + options.get("offset", 0), dim, base=options.get("base", 10_000.0))
        cos, sin = (t.astype(np.float32).astype(np.float64) for t in table)
        return _turned(x, cos, sin, options)

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
    """Loses a 64th of the length in every turn."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        y = correct(x, positions, **options)
        return (y.astype(np.float64) * (1 - 2.0**-6)).astype(y.dtype)

    return wrong


@mutant("rope", wraps=True)
def rest_zeroed(correct: Operation) -> Operation:
    """Zeroes the features that do not turn."""

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
        return correct(x, m, **{**options, "base": options.get("base", 10_000.0) * farthest[0] / 4096})

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
    """Turns at most 512 pairs."""

    def wrong(x: Any, positions: Any = None, **options: Any) -> Any:
        y = correct(x, positions, **options).copy()
        y[..., 1024:] = x[..., 1024:]
        return y

    return wrong


# The tables, the turn itself, and the code.
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
    """Fills at most 512 pairs; the others do not turn."""

    def wrong(*arguments: Any, **options: Any) -> Any:
        cos, sin = (t.copy() for t in correct(*arguments, **options))
        cos[..., 512:], sin[..., 512:] = 1, 0
        return cos, sin

    return wrong


@mutant("apply_rope_vjp", wraps=True)
def pulled_through_512(correct: Operation) -> Operation:
    """Sends back at most the leading 1,024 features turned."""

    def wrong(cotangent: Any, x: Any, cos: Any, sin: Any, **options: Any) -> Any:
        back = correct(cotangent, x, cos, sin, **options).copy()
        back[..., 1024:] = cotangent[..., 1024:]
        return back

    return wrong


@mutant("rope_vjp", wraps=True)
def turned_back_to_512(correct: Operation) -> Operation:
    """Turns at most 512 pairs back."""

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
    """Forgets the sine in the first feature of a pair: a shear, no turn."""

    def wrong(x: Any, cos: Any, sin: Any, interleaved: bool = False) -> Any:
        y, still = (correct(x, cos, s, interleaved=interleaved).copy() for s in (sin, sin * 0))
        dim = 2 * cos.shape[-1]
        first = slice(0, dim, 2) if interleaved else slice(0, dim // 2)
        y[..., first] = still[..., first]
        return y

    return wrong


@mutant("apply_rope", wraps=True)
def applied_to_512(correct: Operation) -> Operation:
    """Turns at most the leading 1,024 features."""

    def wrong(x: Any, cos: Any, sin: Any, **options: Any) -> Any:
        y = correct(x, cos, sin, **options).copy()
        y[..., 1024:] = x[..., 1024:]
        return y

    return wrong


def _code_mutant(change: Callable[[Any, int, dict[str, Any]], Any]) -> Mutant:
    """A mutant of the sinusoidal code that asks the correct one for something else."""

    def wrong(correct: Operation) -> Operation:
        def code(m: Any, dim: int, **options: Any) -> Any:
            m, dim, options = change(np.asarray(m), dim, options)
            return correct(m, dim, **options)

        return code

    wrong.__doc__, wrong.__name__ = change.__doc__, change.__name__
    return mutant("sinusoidal_positional_encoding", wraps=True)(wrong)


@_code_mutant
def code_from_one(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Counts positions from 1."""
    return m + 1, dim, options


@_code_mutant
def code_of_magnitudes(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Drops the sign of a position."""
    return abs(m), dim, options


@_code_mutant
def code_in_bfloat16(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Carries positions in bfloat16, which has no odd numbers past 256."""
    return _short(m, 8), dim, options


@_code_mutant
def code_table_ends(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Has a table of 4,096 positions, and stays at its last row."""
    return np.clip(m, -4096, 4095), dim, options


@_code_mutant
def code_cut_to_integers(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Cuts positions to integers."""
    return m.astype(np.int64), dim, options


@_code_mutant
def code_base_ignored(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Always takes 10,000 for the base."""
    return m, dim, {**options, "base": 10_000.0}


@_code_mutant
def code_base_off(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Takes a base that is off by a billionth."""
    return m, dim, {**options, "base": options.get("base", 10_000.0) * (1 + 1e-9)}


@_code_mutant
def code_in_halves(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Sines first, then cosines, whatever was asked."""
    return m, dim, {**options, "interleaved": False}


@mutant("rope_cos_sin", wraps=True)
def table_beyond_its_reach(correct: Operation) -> Operation:
    """Stays at the last position beyond ±2³¹."""
    return lambda m, dim, **options: correct(np.clip(m, -(2**31), 2**31), dim, **options)


def _code_angles_mutant(angles: Callable[[Any, int, float], Any]) -> Mutant:
    """A mutant of the sinusoidal code with angles of its own: (positions, dim, base) → (..., ⌈dim/2⌉)."""

    def wrong(m: Any, dim: int, *, base: float = 10_000.0, interleaved: bool = True) -> Any:
        turn = angles(np.asarray(m), dim, base)
        pairs, code = turn.shape[-1], np.empty((*turn.shape[:-1], dim))
        sines, cosines = (slice(0, None, 2), slice(1, None, 2)) if interleaved else (slice(pairs), slice(pairs, None))
        code[..., sines], code[..., cosines] = np.sin(turn), np.cos(turn)[..., : dim // 2]
        return code

    wrong.__doc__, wrong.__name__ = angles.__doc__, angles.__name__
    return mutant("sinusoidal_positional_encoding")(wrong)


@_code_angles_mutant
def code_of_float32_angles(m: Any, dim: int, base: float) -> Any:
    """Keeps angles in float32, off by 0.06 rad at a million."""
    theta = (1 / base ** (np.arange(0, dim, 2) / max(dim, 1))).astype(np.float32)
    return (m.astype(np.float32)[..., None] * theta).astype(np.float64)


@_code_angles_mutant
def code_to_the_end(m: Any, dim: int, base: float) -> Any:
    """Spreads exponents over 2i/(d − 2), so that the last frequency is 1/base."""
    return m[..., None] * base ** (-np.arange(0, dim, 2) / max(dim - 2, 1))


@_code_angles_mutant
def code_of_half_the_exponent(m: Any, dim: int, base: float) -> Any:
    """Has the exponent i/d for 2i/d."""
    return m[..., None] * base ** (-np.arange((dim + 1) // 2) / max(dim, 1))


@reported("sinusoidal_positional_encoding.anchor", "zju3dv/LoFTR #41 (2021) confirmed", alias="exponent_floored")
@_code_angles_mutant
def code_of_floored_exponents(m: Any, dim: int, base: float) -> Any:
    """Divides with // where / was meant, which floors every exponent to a whole number."""
    return m[..., None] * np.exp(np.arange(0, dim, 2) * (-math.log(base) / max(dim, 1) // 2))


@reported("sinusoidal_positional_encoding.anchor", "ivanvovk/WaveGrad #12 (2020)")
@_code_angles_mutant
def code_of_exchanged_exponents(m: Any, dim: int, base: float) -> Any:
    """Raises the exponent to the power of the base."""
    with np.errstate(divide="ignore", over="ignore"):
        theta = (np.arange(0, dim, 2) / max(dim, 1)) ** -math.log(base)
    return m[..., None] * np.minimum(theta, 1e6)


@_code_angles_mutant
def code_with_phases(m: Any, dim: int, base: float) -> Any:
    """Rounds every angle to a thousandth of a turn, as a look-up table of 1,000 sines does."""
    turns = m[..., None] * base ** (-np.arange(0, dim, 2) / max(dim, 1)) / (2 * math.pi)
    return np.rint(turns * 1000) / 1000 * (2 * math.pi)


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


# Lanes.
@mutant("linear", wraps=True)
def lanes_leak(correct: Operation) -> Operation:
    """Adds the sum of its inputs to the first output."""

    def wrong(x: Any, weight: Any, *more: Any) -> Any:
        y = correct(x, weight, *more).copy()
        y[..., 0] = y[..., 0] + x.sum(-1)
        return y

    return wrong


@mutant("linear", wraps=True)
def last_row_missing(correct: Operation) -> Operation:
    """Stops one input early."""
    return lambda x, weight, *more: correct(x[..., :-1], weight[:-1], *more)
