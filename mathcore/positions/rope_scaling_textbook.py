"""The textbook's scaled frequencies on Arb balls, and what claims about them draw."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.positions.positions_tolerances import length_factor, scaled_frequency
from mathcore.positions.textbook import true_frequencies
from mathcore.verify import Enclosure, Operations, enclose, log_uniform
from mathcore.verify.domains import Draw, seeds
from mathcore.verify.relations import Conjunction, all_of, equal

KINDS = ("default", "linear", "ntk", "dynamic", "yarn", "llama3", "longrope", "proportional")
ORIGINAL = "original_max_position_embeddings"


def rotated(head_dim: int, parameters: Mapping[str, Any]) -> int:
    """d, how many features have a frequency."""
    if parameters["rope_type"] == "proportional":
        return head_dim
    return int(head_dim * parameters.get("partial_rotary_factor", 1.0))


def base_of(parameters: Mapping[str, Any]) -> float:
    """The base of the frequencies."""
    return float(parameters.get("rope_theta", 10_000.0))


def growth(parameters: Mapping[str, Any], most: Any, length: Any) -> float:
    """What the first wavelength is to the last one's stretch: s, or that of dynamic NTK."""
    s = float(parameters.get("factor", 1.0))
    if parameters["rope_type"] != "dynamic":
        return s
    return 1.0 if length is None else 1 + s * max(length - most, 0) / most


def corners(dim: int, parameters: Mapping[str, Any]) -> tuple[Any, Any]:
    """c(β_fast) and c(β_slow) of YaRN as balls, widened if they are to be."""
    from flint import arb

    b, most = arb(base_of(parameters)).log(), parameters[ORIGINAL]
    betas = (parameters.get("beta_fast") or 32.0, parameters.get("beta_slow") or 1.0)
    first, last = (dim * (most / (2 * arb.pi() * beta)).log() / (2 * b) for beta in betas)
    if parameters.get("truncate", True):
        first, last = arb(first.floor().unique_fmpz()), arb(last.ceil().unique_fmpz())
    first, last = first.max(arb(0)), last.min(arb(dim - 1))
    return first, last if last > first else first + arb(0.001)


def share_divided(i: Any, theta: Any, dim: int, parameters: Mapping[str, Any]) -> Any:
    """How much of a frequency is divided by s, as balls."""
    from flint import arb

    def cut(share: Any) -> Any:
        return share.max(arb(0)).min(arb(1))

    if parameters["rope_type"] == "yarn":
        first, last = corners(dim, parameters)
        return np.frompyfunc(lambda i: cut((i - first) / (last - first)), 1, 1)(i)
    low, high = (arb(parameters[f"{which}_freq_factor"]) for which in ("low", "high"))
    most = parameters[ORIGINAL]
    return np.frompyfunc(lambda t: 1 - cut((most * t / (2 * arb.pi()) - low) / (high - low)), 1, 1)(theta)


def true_scaling(head_dim: int, parameters: Mapping[str, Any], most: Any = None, length: Any = None) -> Enclosure:
    """The frequencies of every pair."""
    from flint import arb

    kind, dim, base = parameters["rope_type"], rotated(head_dim, parameters), base_of(parameters)

    def frequencies(i: Any) -> Any:
        theta, s = i * 0 + true_frequencies(dim, base), arb(parameters.get("factor", 1.0))
        if kind == "linear":
            return theta / s
        if kind in ("ntk", "dynamic") and dim > 2:
            if kind == "dynamic":
                s = 1 + s * (max((length or 0) - most, 0) / arb(most))
            return theta * s ** (-2 * i / (dim - 2))
        if kind in ("yarn", "llama3"):
            r = share_divided(i, theta, dim, parameters)
            return (1 - r) * theta + r * theta / s
        if kind == "longrope":
            long = length is not None and length > parameters[ORIGINAL]
            return theta / np.array([arb(v) for v in parameters["long_factor" if long else "short_factor"]])
        if kind == "proportional":
            turning = int(parameters.get("partial_rotary_factor", 1.0) * head_dim // 2)
            return np.where(np.arange(dim // 2) < turning, theta / s, theta * 0)
        return theta

    return enclose(frequencies, np.arange(dim // 2))


def true_factor(parameters: Mapping[str, Any], most: Any = None) -> float:
    """What lengths grow by; in float64, which its tolerance counts."""
    kind, s = parameters["rope_type"], float(parameters.get("factor") or 0)
    if kind not in ("yarn", "longrope"):
        return 1.0
    if parameters.get("attention_factor") is not None:
        return float(parameters["attention_factor"])
    if kind == "longrope":
        s = s or most / parameters[ORIGINAL]
        return math.sqrt(1 + math.log(max(s, 1)) / math.log(parameters[ORIGINAL]))
    one, all_ = parameters.get("mscale"), parameters.get("mscale_all_dim")
    top, below = (one, all_) if one and all_ else (1.0, 0.0)
    return float((0.1 * top * math.log(s) + 1) / (0.1 * below * math.log(s) + 1))


def allowed_of(
    ops: Operations, answer: Any, truth: Enclosure, head_dim: int, parameters: Mapping[str, Any], most: Any, length: Any
) -> Any:
    """What rounding may do to every frequency."""
    dim, kind = rotated(head_dim, parameters), parameters["rope_type"]
    plain = np.array([float(t) for t in true_frequencies(dim, base_of(parameters))])
    between: tuple[float, ...] = ()
    if kind == "yarn":
        first, last = (float(c) for c in corners(dim, parameters))
        between = (dim / math.log(base_of(parameters)), abs(first) + abs(last), last - first)
        between = (0.0, 0.0, 1.0) if parameters.get("truncate", True) else between
    if kind == "llama3":
        low, high = (parameters[f"{which}_freq_factor"] for which in ("low", "high"))
        between = (high, 0.0, high - low)
    stretch = growth(parameters, most, length) if kind in ("ntk", "dynamic") else 1.0
    return scaled_frequency(truth.hi, plain, dim, stretch, between, answer.dtype, ops.conventions.rope_angles)


def scaling_agrees(
    ops: Operations,
    answer: Any,
    head_dim: int,
    parameters: Mapping[str, Any],
    max_position_embeddings: Any = None,
    length: Any = None,
) -> Conjunction:
    """That frequencies and attention factor are those of the textbook."""
    frequencies, factor = answer
    truth = true_scaling(head_dim, parameters, max_position_embeddings, length)
    allowed = allowed_of(ops, frequencies, truth, head_dim, parameters, max_position_embeddings, length)
    expected = true_factor(parameters, max_position_embeddings)
    return all_of(
        equal(frequencies, truth, within=allowed),
        equal(np.float64(factor), expected, within=length_factor(expected, ops.conventions.rope_angles)),
    )


def draw_scaling(draw: Draw, kinds: tuple[str, ...] = KINDS) -> dict[str, Any]:
    """Arguments of `rope_scaling`: any type, with the parameters that it takes."""
    kind, head_dim = draw(st.sampled_from(kinds)), 2 * draw(st.sampled_from([1, 2, 3, 4, 8, 32, 40]))
    part = draw(st.sampled_from([1.0, 1.0, 0.5, 0.75, 0.25]))
    part = part if int(head_dim * part) % 2 == 0 and head_dim * part >= 2 else 1.0
    theta = draw(st.one_of(st.sampled_from([10_000.0, 500_000.0, 1e6, 150_000.0]), log_uniform(100.0, 1e7)))
    most = draw(st.one_of(st.sampled_from([2048, 4096, 8192]), st.integers(256, 100_000)))
    s = draw(st.one_of(st.sampled_from([1.0, 2.0, 8.0, 32.0, 40.0]), log_uniform(1.0, 64.0)))
    parameters: dict[str, Any] = {"rope_type": kind, "rope_theta": theta, "partial_rotary_factor": part}
    if kind in ("linear", "ntk", "dynamic", "yarn", "llama3", "proportional"):
        parameters["factor"] = s
    if kind in ("yarn", "llama3", "longrope"):
        parameters[ORIGINAL] = most
    more: dict[str, Any] = {"yarn": _yarn, "llama3": _llama3, "longrope": _longrope}
    if kind in more:
        parameters |= more[kind](draw, rotated(head_dim, parameters) // 2)
    length = draw(st.sampled_from([None, most, most + 1, most - 7, 3 * most]))
    widest = max(int(most * s), most + 1) if kind != "dynamic" else most
    return {"head_dim": head_dim, "parameters": parameters, "max_position_embeddings": widest, "length": length}


def _yarn(draw: Draw, pairs: int) -> dict[str, Any]:  # noqa: ARG001
    given: dict[str, Any] = draw(st.sampled_from([
        {}, {}, {"truncate": False}, {"truncate": True, "beta_fast": 24.0, "beta_slow": 2.0},
        {"truncate": False, "beta_fast": 12.0},
    ]))  # fmt: skip
    factors: dict[str, Any] = draw(st.sampled_from([
        {}, {"mscale": 1.0, "mscale_all_dim": 1.0}, {"mscale": 0.707, "mscale_all_dim": 0.5}, {"mscale": 2.0},
        {"attention_factor": 1.5}, {"attention_factor": 1.25, "mscale": 1.0, "mscale_all_dim": 0.5},
    ]))  # fmt: skip
    return {**given, **factors}


def _llama3(draw: Draw, pairs: int) -> dict[str, Any]:  # noqa: ARG001
    low = draw(st.sampled_from([1.0, 1.0, 0.5, 2.0]))
    return {"low_freq_factor": low, "high_freq_factor": low * draw(st.sampled_from([4.0, 4.0, 1.5]))}


def _longrope(draw: Draw, pairs: int) -> dict[str, Any]:
    rng, given = draw(seeds()), draw(st.sampled_from([{}, {"factor": 32.0}, {"attention_factor": 1.19}]))
    lists = {name: (1 + top * rng.random(pairs)).tolist() for name, top in (("short_factor", 1), ("long_factor", 60))}
    return {**lists, **given}
