"""Detectors of rotary and sinusoidal position embeddings."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, NotTriedError, TargetError
from mathcore.verify.targets.probes.probe import Array, Detector, Probe, numbers
from mathcore.verify.targets.probes.rows import flushing
from mathcore.verify.tolerances import FORMATS, dtype_named

_WIDTH = 64


def _rotated(probe: Probe, x: Array, position: int) -> Array:
    """One vector at a position."""
    try:
        return probe(np.stack([x, x]), np.array([0, position]))[1]
    except NotTriedError:
        return probe(np.tile(x, (position + 1, 1)))[position]  # positions are 0, 1, 2, … without an argument
    except (TargetError, ContractError, IndexError):
        return probe(np.stack([x, x])[None, None], np.array([0, position]))[0, 0, 1]  # needs (batch, heads, …)


def _partner(probe: Probe) -> tuple[int, Array]:
    """The feature that is paired with feature 0, and the rotated unit vector of feature 0 at position 1."""
    y = _rotated(probe, probe.floats(np.eye(_WIDTH)[0]), 1)
    return 1 + int(np.argmax(abs(y[1:]))), y


def _rope_pairing(probe: Probe) -> tuple[Any, str]:
    partner, y = _partner(probe)
    value = {1: "interleaved", _WIDTH // 2: "half"}.get(partner) if abs(y[partner]) > 0.1 else None
    other = np.flatnonzero(_rotated(probe, probe.floats(np.eye(_WIDTH)[2]), 1))
    value = value if set(other.tolist()) == {2, 3 if value == "interleaved" else 2 + _WIDTH // 2} else None
    return value, f"of {_WIDTH} features, feature 0 turns into feature {partner} (by {y[partner]:.4f})"


def _rope_sign(probe: Probe) -> tuple[Any, str]:
    partner, y = _partner(probe)
    return (1 if y[partner] > 0 else -1), f"at position 1, (1, 0) becomes ({y[0]:.4f}, {y[partner]:.4f})"


def _angles(probe: Probe, position: int) -> Array:
    """The angle by which each pair is rotated, between −π and π."""
    firsts = np.zeros(_WIDTH)
    interleaved = probe.known["rope_pairing"] == "interleaved"
    lanes = (slice(0, None, 2), slice(1, None, 2)) if interleaved else (slice(0, _WIDTH // 2), slice(_WIDTH // 2, None))
    firsts[lanes[0]] = 1
    y = _rotated(probe, probe.floats(firsts), position)
    angles: Array = probe.known["rope_sign"] * np.arctan2(y[lanes[1]], y[lanes[0]])
    return angles


def _rope_base(probe: Probe) -> tuple[Any, str]:
    angles = _angles(probe, 1)
    exponents = 2 * np.arange(_WIDTH // 2) / _WIDTH
    decay = -np.log(angles / angles[0])
    base = float(np.exp(decay @ exponents / (exponents @ exponents)))
    off = float(abs(decay - exponents * math.log(base)).max())
    shown = f"at position 1 pair 0 turns by {angles[0]:.4f} and the last by {angles[-1]:.3e}"
    if not off < 0.02:
        return None, f"{shown}: no single base fits"
    two_digits = float(f"{base:.1e}")  # rounded frequencies give the base to three digits at best
    return (two_digits if abs(two_digits / base - 1) < max(off, 1e-5) else float(f"{base:.4e}")), shown


def _rope_step(probe: Probe) -> tuple[Any, str]:
    angle = float(_angles(probe, 1)[0])
    near = float(round(angle))  # the answer may have few digits
    step = near if abs(angle - near) < 4 * probe.unit else round(angle, 4)
    return step, f"pair 0 turns by {angle:.4f} rad from position 0 to 1"


_POSITIONS = (257, 2049, 4099)
_FAR_POSITIONS = (65_537, 1_048_577)


def _rope_phase(probe: Probe) -> tuple[Any, str]:
    base, step = probe.known["rope_base"], probe.known["rope_step"]
    if base is None:
        return None, "the frequencies are not known"
    measured = [(m, _angles(probe, m)) for m in _POSITIONS]
    with contextlib.suppress(TargetError, ContractError):  # its table may be shorter
        measured += [(m, _angles(probe, m)) for m in _FAR_POSITIONS if _takes_positions(probe)]
    errors = {
        name: max(float(abs(np.exp(1j * a) - np.exp(1j * phase(m, base, step))).max()) for m, a in measured)
        for name, phase in _PHASES.items()
    }
    best, off = min(errors, key=errors.__getitem__), errors["float64"]
    shown = f"up to position {measured[-1][0]:,} the cosines and sines are off by up to {off:.1e}"
    if best in _UNITS:  # the frequencies may be a few roundings off those of the model
        explained = next((name for name in _UNITS if _explains(probe, name, measured, base, step)), None)
        if explained is None and errors[best] > 32 * probe.unit:
            return None, f"{shown}, which no known precision explains"
        best = explained or best
        return best, shown if best == "float64" else f"{shown}, as angles rounded to {best} are"
    return best, f"{shown}; with phases as in {best} by {errors[best]:.1e}"


def _rope_angles(probe: Probe) -> tuple[Any, str]:
    phase = probe.known["rope_phase"]
    return (phase if phase in _UNITS else None), f"its phases are those of {phase or 'no known precision'}"


_UNITS = {name: FORMATS[name].u for name in ("float64", "float32")}


def _explains(probe: Probe, dtype: str, measured: list[tuple[int, Array]], base: float, step: float) -> bool:
    """Whether a few roundings of frequency and angle in this dtype explain all errors."""
    least = 16 * max(_UNITS[dtype], probe.unit)
    return all(
        bool((abs(np.exp(1j * a) - np.exp(1j * angle)) <= 16 * _UNITS[dtype] * abs(angle) + least).all())
        for m, a in measured
        for angle in [step * m * _frequencies(base)]
    )


def _takes_positions(probe: Probe) -> bool:
    try:
        probe(probe.floats(np.zeros((2, _WIDTH))), np.array([0, 1]))
    except NotTriedError:
        return False
    except (TargetError, ContractError):
        return True
    return True


def _frequencies(base: float) -> Array:
    return np.asarray(base ** (-2 * np.arange(_WIDTH // 2) / _WIDTH))


def _in(dtype: str, x: Any) -> Array:
    return np.asarray(np.asarray(x, np.float64).astype(dtype_named(dtype)).astype(np.float64))


_PHASES: dict[str, Callable[[int, float, float], Array]] = {
    "float64": lambda m, base, step: step * m * _frequencies(base),
    "float32": lambda m, base, step: _in("float32", _in("float32", step * m) * _in("float32", _frequencies(base))),
    "bfloat16 positions": lambda m, base, step: _in("bfloat16", step * m) * _frequencies(base),
    "float16 positions": lambda m, base, step: _in("float16", step * m) * _frequencies(base),
    "bfloat16": lambda m, base, step: _in("bfloat16", _in("bfloat16", step * m) * _in("bfloat16", _frequencies(base))),
    "float16": lambda m, base, step: _in("float16", _in("float16", step * m) * _in("float16", _frequencies(base))),
}


def _code_layout(probe: Probe) -> tuple[Any, str]:
    code = probe(np.array([0]), 8)[0]
    layouts = {(0, 1, 0, 1, 0, 1, 0, 1): "interleaved", (0, 0, 0, 0, 1, 1, 1, 1): "halves"}
    return layouts.get(tuple(code.tolist())), f"the code of position 0 at width 8 is {numbers(code)}"


def _subnormal_feature(probe: Probe) -> tuple[Any, str]:
    x = probe.floats(np.full((1, 8), probe.tiny / 8))
    return flushing(f"{float(x[0, 0]):.3g} at position 0", probe.tiny / 8, probe(x))


# Given tables.
@dataclass(frozen=True)
class _Kind:
    """How a rotation by given tables may work."""

    table: str
    pairing: str
    sign: int

    def rotated(self, x: Array, angle: Array) -> Array:
        """Vectors turned by an angle for each pair."""
        half = x.shape[-1] // 2
        lanes = (
            (slice(0, None, 2), slice(1, None, 2))
            if self.pairing == "interleaved"
            else (slice(half), slice(half, None))
        )
        cos, sin, y = np.cos(angle), self.sign * np.sin(angle), np.empty_like(x)
        y[..., lanes[0]] = x[..., lanes[0]] * cos - x[..., lanes[1]] * sin
        y[..., lanes[1]] = x[..., lanes[0]] * sin + x[..., lanes[1]] * cos
        return y

    def tables(self, angle: Array) -> list[Array]:
        """The cosines and sines."""
        if self.table == "half":
            wide = angle
        else:
            wide = np.repeat(angle, 2, -1) if self.pairing == "interleaved" else np.concatenate([angle, angle], -1)
        return [np.cos(wide), np.sin(wide)]


_KINDS = [_Kind(table, pairing, sign) for table in ("half", "full") for pairing in ("half", "interleaved")
          for sign in (1, -1)]  # fmt: skip


def _kind_of(probe: Probe) -> _Kind:
    """The only kind that agrees with what came, on two inputs."""
    found = [kind for kind in _KINDS if all(_is_of(probe, kind, seed) for seed in (0, 1))]
    if len(found) != 1:
        raise ValueError(f"{len(found) or 'no'} known layouts of tables and pairs agree with it")
    return found[0]


def _is_of(probe: Probe, kind: _Kind, seed: int) -> bool:
    rng, width = np.random.default_rng(seed), probe.width(8)
    x, angle = rng.normal(size=(1, 2, 3, width)), rng.uniform(-3, 3, (3, width // 2))
    try:
        y = probe(probe.floats(x), *map(probe.floats, kind.tables(angle)))
    except (TargetError, ContractError):
        return False
    return y.shape == x.shape and np.allclose(y, kind.rotated(x, angle), atol=0.05)


def _table_of(probe: Probe) -> tuple[Any, str]:
    kind = _kind_of(probe)
    return kind.table, f"it takes {'one column for each pair' if kind.table == 'half' else 'a column for each feature'}"


def _pairing_of(probe: Probe) -> tuple[Any, str]:
    kind = _kind_of(probe)
    return kind.pairing, f"by given angles it turns {'neighbours' if kind.pairing == 'interleaved' else 'halves'}"


def _sign_of(probe: Probe) -> tuple[Any, str]:
    kind = _kind_of(probe)
    return kind.sign, f"by given angles it turns {'' if kind.sign == 1 else 'counter to '}the positive sense"


def _table_made(probe: Probe) -> tuple[Any, str]:
    shape = probe.parts(np.arange(3), 8)[0].shape
    return {(3, 4): "half", (3, 8): "full"}.get(shape), f"of 3 positions and 8 features, the cosines are {shape}"


OF_ROTATIONS: dict[str, dict[str, Detector]] = {
    "rope": {
        "rope_pairing": _rope_pairing,
        "rope_sign": _rope_sign,
        "rope_base": _rope_base,
        "rope_step": _rope_step,
        "rope_phase": _rope_phase,
        "rope_angles": _rope_angles,
        "subnormals": _subnormal_feature,
    },
    "apply_rope": {"rope_table": _table_of, "rope_pairing": _pairing_of, "rope_sign": _sign_of},
    "rope_cos_sin": {"rope_table": _table_made},
    "sinusoidal_positional_encoding": {"code_layout": _code_layout},
}
