"""What an argument means where it is accepted: itself, another argument of the usual kind, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mathcore.verify.arguments.kinds import NONE, SAME, Kind, as_array, as_bool, as_float, as_integer
from mathcore.verify.arguments.places import Place

LONG: frozenset[tuple[str, str]] = frozenset(
    (name, kind) for name in ("steps", "depth", "count", "size", "num_layers", "merges") for kind in ("10³⁰",)
)
"""(parameter, kind): what means a computation without an end."""

_SOME_RATE = "a rate; a negative one goes up the slope"
DECLARED: Mapping[tuple[str, str], str] = {
    ("axis", "−1"): "the last axis",
    ("query_offset", "−1"): "the first query comes before the first key",
    ("offset", "−1"): "backwards",
    ("unknown", "−1"): "an id that no word has",
    ("ignore_index", "−1"): "an id that no class has",
    ("ignore_index", "10³⁰"): "an id that no class has",
    ("ignore_index", "−10³⁰"): "an id that no class has",
    ("scale", "−1"): "any real number",
    ("beta", "−1"): "any real number",
    ("rate", "−1"): _SOME_RATE,
    ("peak", "−1"): _SOME_RATE,
    ("temperature", "∞"): "uniform",
    ("softcap", "∞"): "no cap",
    ("block_size", "10³⁰"): "one block",
    ("window", "10³⁰"): "all of the text",
    ("trials", "10³⁰"): "a count",
    ("step", "10³⁰"): "after the end",
    ("warmup", "10³⁰"): "a climb that does not end",
    ("seed", "10³⁰"): "any integer that is not negative",
    ("state", "10³⁰"): "so many steps",
    ("vocabulary", "a list of strings"): "its words",
    ("words", "a list of strings"): "its words",
    ("axis", "None"): "all axes",
    ("axis", "a tuple of one integer"): "the axis that it holds",
    **dict.fromkeys(
        (("stop", kind) for kind in ("a tuple of one integer", "a list of one integer", "a set")), "tokens"
    ),
    ("losses", "a tuple of one integer"): "a loss",
    ("losses", "a list of one integer"): "a loss",
}
"""(parameter, kind) → what a number out of the ordinary means there."""

_UNUSUAL = {"integer": ("−1", "10³⁰", "−10³⁰"), "float": ("−1", "−10³⁰", "∞")}


def meaning(place: Place, kind: Kind) -> tuple[str, Any]:
    """(in words, the argument of the usual kind that gives the same answer); see `NONE` and `SAME`."""
    if said := DECLARED.get((place.parameter, kind.name)):
        return said, SAME
    if kind.value is None:
        return ("left out", SAME) if place.optional else ("", NONE)
    if kind.name in _UNUSUAL.get(place.role, ()):
        said = DECLARED.get((place.parameter, "−1" if kind.name == "−10³⁰" and place.role == "float" else kind.name))
        return (said, SAME) if said else ("", NONE)
    if kind.name == "a masked array" and "excludes a score" in place.said:
        left = np.where(kind.value.mask, -np.inf, kind.value.data)
        return "what is masked is excluded", left.astype(kind.value.dtype)
    reads: dict[str, Any] = {"integer": as_integer, "float": as_float, "bool": as_bool}
    if place.role == "array":
        return "the array that NumPy reads", as_array(kind, place.classes)
    if place.role in reads:
        return "a number" if place.role != "bool" else "a bool", reads[place.role](kind)
    if place.role == "text" and isinstance(kind.value, str):
        return "a text", SAME
    if isinstance(kind.value, (list, tuple, dict)) and not kind.value:
        return "none", SAME
    return "", NONE
