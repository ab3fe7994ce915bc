"""What an argument means where it is accepted: itself, another argument of the usual kind, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mathcore.verify.arguments.calls import Call
from mathcore.verify.arguments.kinds import NONE, SAME, Kind, as_array, as_bool, as_float, as_integer
from mathcore.verify.arguments.places import Place

LONG: frozenset[tuple[str, str]] = frozenset(
    (name, kind) for name in ("steps", "depth", "count", "size", "num_layers", "merges") for kind in ("10³⁰",)
)
"""(parameter, kind): what means a computation without an end."""

DECLARED: Mapping[tuple[str, str], str] = {
    ("axis", "−1"): "the last axis",
}
"""(parameter, kind) → what a number out of the ordinary means there."""

_UNUSUAL = ("−1", "10³⁰", "∞")


def meaning(call: Call, place: Place, kind: Kind) -> tuple[str, Any]:
    """(in words, the argument of the usual kind that gives the same answer); see `NONE` and `SAME`."""
    if kind.name in _UNUSUAL and place.role != "array":
        said = DECLARED.get((place.parameter, kind.name))
        return (said, SAME) if said else ("", NONE)
    if kind.value is None:
        return ("left out", SAME) if place.optional else ("", NONE)
    if kind.carries == "a mask" and place.parameter == "x" and "where" in call.arguments:
        return ("what is masked is left out, as `where` does", SAME)
    reads: dict[str, Any] = {"integer": as_integer, "float": as_float, "bool": as_bool}
    if place.role == "array":
        return "the array that NumPy reads", as_array(kind, place.classes)
    if place.role in reads:
        return "the number", reads[place.role](kind)
    if place.role == "text" and isinstance(kind.value, str):
        return "a text", SAME
    if isinstance(kind.value, (list, dict)) and not kind.value:
        return "none", SAME
    return "", NONE
