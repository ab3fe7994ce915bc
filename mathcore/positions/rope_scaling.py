"""Frequencies of RoPE for texts longer than a model was trained on: seven ways, by the names of Hugging Face."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from mathcore._arrays import Array, quiet
from mathcore._scalars import choice, flag, real, reals, whole
from mathcore.positions._angles import _FARTHEST, _WIDEST, _frequencies

_ORIGINAL = "original_max_position_embeddings"

_FIELDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "default": ((), ()),
    "linear": (("factor",), ()),
    "ntk": (("factor",), ()),
    "dynamic": (("factor",), ()),
    "yarn": (
        ("factor", _ORIGINAL),
        ("beta_fast", "beta_slow", "truncate", "mscale", "mscale_all_dim", "attention_factor"),
    ),
    "llama3": (("factor", _ORIGINAL, "low_freq_factor", "high_freq_factor"), ()),
    "longrope": (("short_factor", "long_factor", _ORIGINAL), ("factor", "attention_factor")),
    "proportional": ((), ("factor",)),
}
"""Type → the parameters that it needs, and those that it may have."""

_EVERYWHERE = ("rope_type", "type", "rope_theta", "partial_rotary_factor", "mrope_section", "mrope_interleaved")

_OTHER_NAMES = {"mrope": "default", "su": "longrope"}


def rope_scaling(
    head_dim: int,
    parameters: Mapping[str, Any],
    *,
    max_position_embeddings: int | None = None,
    length: int | None = None,
) -> tuple[Array, float]:
    r"""Frequencies for `rope` that are scaled for longer texts, and what lengths are to be multiplied by.

    $$\theta_i = \mathrm{base}^{-2i/d}, \qquad \theta'_i = (1 - r_i)\,\theta_i + r_i\,\theta_i / s$$

    `rope_type`, with s the `factor`, d the number of features that are rotated and L the
    `original_max_position_embeddings`:

    - `default`: $r_i = 0$. `linear`: $r_i = 1$.
    - `ntk`: another base, $\mathrm{base} \cdot s^{d/(d-2)}$: the first frequency stays, the last is divided by s.
      `dynamic`: the same with $1 + s(n/M - 1)$ for s, n the `length` of the text and M the
      `max_position_embeddings`; plain up to there.
    - `yarn`: $r_i$ climbs from 0 to 1 between the places $c(\beta_\text{fast})$ and $c(\beta_\text{slow})$,
      $c(\beta) = d \ln(L / 2\pi\beta) / 2 \ln\mathrm{base}$, where a pair turns β times within L; they are widened to
      whole numbers unless `truncate` is False. Lengths grow by `attention_factor`; without one by
      $m(s, 1)$, or $m(s, \texttt{mscale}) / m(s, \texttt{mscale\_all\_dim})$ if both are given and neither is 0, with
      $m(s, c) = 0.1\,c \ln s + 1$.
    - `llama3`: $1 - r_i = (L\theta_i / 2\pi - l)/(h - l)$, cut to [0, 1], l the `low_freq_factor` and h the
      `high_freq_factor`.
    - `longrope`: $\theta_i$ divided by `long_factor[i]` where `length` exceeds L, else by `short_factor[i]`. Lengths
      grow by `attention_factor`, or $\sqrt{1 + \ln s / \ln L}$ with s = M/L if no `factor` is given.
    - `proportional`: only the first pairs rotate, at $\theta_i / s$ with d = `head_dim`; the others have frequency 0.

    Args:
        head_dim: features of a head.
        parameters: `rope_parameters` of a Hugging Face configuration, or its `rope_scaling`: `rope_type` or `type`,
            `rope_theta`, the base, 10,000 if it is left out, `partial_rotary_factor`, the part of the features that is
            rotated, and those of the type. None counts as left out. `mrope_section` and `mrope_interleaved` change
            no frequency; see `mrope_cos_sin`.
        max_position_embeddings: M, for `dynamic`, and for `longrope` without a `factor`.
        length: of the text, for `dynamic` and `longrope`; M and L if None.

    Returns:
        Frequencies, (d/2,), float64, and the attention factor: `frequencies` and `attention_factor` of `rope`.

    Raises:
        TypeError: if `parameters` is no mapping, or one of them is not of its kind.
        ValueError: for a type or a parameter that is not known, one that is missing, or a number out of range.

    Examples:
        >>> mc.rope_scaling(4, {"rope_type": "linear", "factor": 4.0})
        (array([0.25  , 0.0025]), 1.0)

    Source:
        Chen et al., arXiv:2306.15595 (linear); Peng et al., YaRN, arXiv:2309.00071, §3 (NTK, dynamic NTK, YaRN); Ding
        et al., LongRoPE, arXiv:2402.13753; `apply_scaling` in the code of Llama 3.1.
    """
    head_dim, given = whole("head_dim", head_dim, 0, _WIDEST), _named(parameters)
    most = None
    if max_position_embeddings is not None:
        most = whole("max_position_embeddings", max_position_embeddings, 1, _FARTHEST)
    n = None if length is None else whole("length", length, 0, _FARTHEST)
    kind = str(given["rope_type"])
    base = real("rope_theta", given.get("rope_theta", 10_000.0), 1)
    part = real("partial_rotary_factor", given.get("partial_rotary_factor", 1.0), 0, 1)
    dim = head_dim if kind == "proportional" else int(head_dim * part)
    if dim % 2:
        raise ValueError(f"`head_dim` must be even, or `partial_rotary_factor` leave an even part of it, got {dim}")
    with quiet():
        return _scaling(kind, head_dim, dim, base, given, most, n)


def _scaling(
    kind: str, head_dim: int, dim: int, base: float, given: Mapping[str, Any], most: int | None, n: int | None
) -> tuple[Array, float]:
    """What `rope_scaling` returns, for a type that is known; most is M, n the length."""
    theta, s = _frequencies(dim, base), real("factor", given.get("factor", 1.0), 1)
    if kind == "linear":
        return theta / s, 1.0
    if kind in ("ntk", "dynamic"):
        return _of_another_base(dim, base, s if kind == "ntk" else _grown(s, most, n)), 1.0
    if kind == "yarn":
        return _blended(theta, s, _yarn_ramp(dim, base, given)), _yarn_attention_factor(s, given)
    if kind == "llama3":
        return _blended(theta, s, 1 - _llama3_share(theta, given)), 1.0
    if kind == "longrope":
        return _longrope(theta, given, most, n)
    if kind == "proportional":
        turning = int(given.get("partial_rotary_factor", 1.0) * head_dim // 2)
        return np.where(np.arange(dim // 2) < turning, theta / s, 0.0), 1.0
    return theta, 1.0


def _named(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that are not None; all must be known, and none missing."""
    if not isinstance(parameters, Mapping):
        raise TypeError(f"`parameters` must be a mapping such as {{'rope_type': 'default'}}, got {parameters!r:.60}")
    given = {name: value for name, value in parameters.items() if value is not None}
    kind = given.get("rope_type", given.get("type", "default"))
    kind = _OTHER_NAMES.get(kind, kind) if isinstance(kind, str) else kind
    choice("rope_type", kind, tuple(_FIELDS))
    needed, more = _FIELDS[kind]
    known = (*needed, *more, *_EVERYWHERE)
    for name in given:
        if name not in known:
            raise ValueError(f"`{name}` is no parameter of `rope_type` {kind!r}, which knows {', '.join(known)}")
    for name in needed:
        if name not in given:
            raise ValueError(f"`rope_type` {kind!r} needs the parameter `{name}`, got {', '.join(given) or 'none'}")
    return {**given, "rope_type": kind}


def _blended(theta: Array, s: float, r: Array) -> Array:
    """(1 − r)θ + rθ/s: exactly θ where r is 0, and θ/s where it is 1."""
    return theta if s == 1 else (1 - r) * theta + r * theta / s


def _of_another_base(dim: int, base: float, s: float) -> Array:
    """The frequencies of base·s^(d/(d−2)); a single pair has none but 1."""
    if dim <= 2:
        return _frequencies(dim, base)
    try:
        return _frequencies(dim, base * s ** (dim / (dim - 2)))
    except (OverflowError, ValueError):
        raise ValueError(f"`factor` must leave the base in the range of a float, got {s} with {base}") from None


def _grown(s: float, most: int | None, n: int | None) -> float:
    """How much longer a text is than M, s times that: 1 + s(n/M − 1)."""
    if most is None:
        raise ValueError("`max_position_embeddings` must be given for `rope_type` 'dynamic'")
    return 1.0 if n is None else 1 + s * max(n - most, 0) / most


def _yarn_ramp(dim: int, base: float, given: Mapping[str, Any]) -> Array:
    """How far each pair is on its way from θ to θ/s."""
    if base == 1:
        raise ValueError("`rope_theta` must be above 1 for `rope_type` 'yarn', got 1.0")
    most = whole(_ORIGINAL, given[_ORIGINAL], 1, _FARTHEST)
    fast, slow = (real(n, given.get(n, usual), 0) or usual for n, usual in (("beta_fast", 32.0), ("beta_slow", 1.0)))
    if fast < slow:
        raise ValueError(f"`beta_fast` must be at least `beta_slow`, got {fast} and {slow}")
    first, last = (dim * math.log(most / (beta * 2 * math.pi)) / (2 * math.log(base)) for beta in (fast, slow))
    if flag("truncate", given.get("truncate", True)):
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, dim - 1)
    if last <= first:
        last = first + 0.001  # a step: the pair at that place stays
    return np.clip((np.arange(dim // 2) - first) / (last - first), 0, 1)


def _yarn_attention_factor(s: float, given: Mapping[str, Any]) -> float:
    """What lengths grow by."""
    if "attention_factor" in given:
        return float(real("attention_factor", given["attention_factor"], 0))
    one, all_ = (real(name, given.get(name, 0.0), 0) for name in ("mscale", "mscale_all_dim"))
    if one and all_:
        return float((0.1 * one * math.log(s) + 1) / (0.1 * all_ * math.log(s) + 1))
    return 0.1 * math.log(s) + 1


def _llama3_share(theta: Array, given: Mapping[str, Any]) -> Array:
    """How much of each frequency stays."""
    most = whole(_ORIGINAL, given[_ORIGINAL], 1, _FARTHEST)
    low, high = (real(f"{which}_freq_factor", given[f"{which}_freq_factor"], 0) for which in ("low", "high"))
    if not low < high:
        raise ValueError(f"`low_freq_factor` must be below `high_freq_factor`, got {low} and {high}")
    return np.clip((most * theta / (2 * math.pi) - low) / (high - low), 0, 1)


def _longrope(theta: Array, given: Mapping[str, Any], most: int | None, n: int | None) -> tuple[Array, float]:
    """θ divided by one of two lists of factors."""
    original = whole(_ORIGINAL, given[_ORIGINAL], 2, _FARTHEST)
    long = n is not None and n > original
    by = _divisors("long_factor" if long else "short_factor", given["long_factor" if long else "short_factor"], theta)
    if "attention_factor" in given:
        return theta / by, float(real("attention_factor", given["attention_factor"], 0))
    s = given.get("factor")
    if s is None:
        if most is None:
            raise ValueError("`factor` or `max_position_embeddings` must be given for `rope_type` 'longrope'")
        s = most / original
    return theta / by, math.sqrt(1 + math.log(max(s, 1)) / math.log(original))


def _divisors(name: str, values: Any, theta: Array) -> Array:
    """One positive number for every pair."""
    by = np.array(reals(name, values.tolist() if isinstance(values, np.ndarray) else values), np.float64)
    if by.shape != theta.shape or not (by >= 2.0**-64).all():
        raise ValueError(f"`{name}` must hold one positive number for each of {theta.size} pairs, got {values!r:.60}")
    return by
