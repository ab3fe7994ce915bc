"""The figures that a reader moves, as HTML: every control and every number is there before a script runs."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

from _site.markup import for_scripts

Told = Mapping[str, Any]  # as `_site.live.everything` tells it

_FEW = 4  # numbers that stand open; more of them open when asked for, since the drawing shows them


def live_figure(name: str, told: Told) -> str:
    """The figure at its first state."""
    first = told["cases"][0]
    controls = "".join(_control(name, control, first["state"]) for control in told["controls"])
    when = [[control["name"], *control["when"]] for control in told["controls"] if control["when"]]
    known = {**{key: told[key] for key in ("readouts", "presets", "data", "cases")}, "when": when}
    return (
        f'<section class="mc-live" data-live="{name}" aria-label="{html.escape(told["title"])}">'
        f'<p class="mc-live-title">{html.escape(told["title"])}</p>'
        f'<div class="mc-stage"></div><p class="mc-said"></p>'
        '<fieldset class="mc-controls" disabled><legend>Controls</legend>'
        f"{_presets(told['presets'])}{controls}</fieldset>"
        f"{_table(told['readouts'], first['values'])}"
        '<p class="mc-meta" data-agreement>The numbers at the start are the library’s, from this build.</p>'
        f"{for_scripts(known)}</section>"
    )


def _presets(presets: Iterable[Mapping[str, Any]]) -> str:
    buttons = "".join(
        f'<button type="button" data-preset="{i}">{html.escape(preset["label"])}</button>'
        for i, preset in enumerate(presets)
    )
    return f'<div class="mc-buttons" role="group" aria-label="Places to go">{buttons}</div>' if buttons else ""


def _table(readouts: list[Mapping[str, Any]], values: Mapping[str, list[float]]) -> str:
    if not readouts:
        return ""
    rows = "".join(_readout(readout, values) for readout in readouts)
    table = f'<table class="mc-values"><tbody>{rows}</tbody></table>'
    if len(readouts) <= _FEW:
        return table
    return f'<details class="mc-numbers"><summary>All numbers</summary>{table}</details>'


def _control(figure: str, control: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    name, label, start = control["name"], html.escape(control["label"]), control["start"]
    key = f"{figure}-{name}"
    if name == "pixels":
        return _samples(name, start)
    if control["options"]:
        return _choice(key, name, label, control)
    if isinstance(start, bool):
        ticked = " checked" if start else ""
        return (
            f'<div class="mc-control mc-tick"><input type="checkbox" id="{key}" name="{name}"{ticked}>'
            f'<label for="{key}">{label}</label></div>'
        )
    if isinstance(start, str):
        return (
            f'<div class="mc-control mc-words"><label for="{key}">{label}</label>'
            f'<input type="text" id="{key}" name="{name}" value="{html.escape(start)}" maxlength="80" '
            'autocomplete="off" spellcheck="false"></div>'
        )
    limits = " ".join(
        f'{key}="{_plain(control[of])}"' for key, of in (("min", "low"), ("max", "high"), ("step", "step"))
    )
    limits += f' value="{_plain(start)}"'
    other, least = control["when"] or (None, 0)
    hidden = " hidden" if other and state[other] < least else ""
    return (
        f'<div class="mc-control"{hidden}><label for="{key}">{label}</label>'
        f'<input type="range" id="{key}" name="{name}" {limits}>'
        f'<input type="number" aria-label="{label}, as a number" name="{name}" {limits}></div>'
    )


def _samples(name: str, start: str) -> str:
    samples = "".join(f'<button type="button" data-sample="{i}">{i}</button>' for i in range(10))
    return (
        '<div class="mc-buttons" role="group" aria-label="Pictures that no template was made from">'
        f'<input type="hidden" name="{name}" value="{start}"><span>held-out pictures</span>{samples}'
        '<button type="button" data-sample="">clear</button><span class="mc-misread"></span></div>'
    )


def _choice(key: str, name: str, label: str, control: Mapping[str, Any]) -> str:
    """Radio buttons that look like a row of keys."""
    options = "".join(
        f'<input type="radio" id="{key}-{i}" name="{name}" value="{html.escape(option)}"'
        f'{" checked" if option == control["start"] else ""}><label for="{key}-{i}">{html.escape(option)}</label>'
        for i, option in enumerate(control["options"])
    )
    return (
        f'<div class="mc-control mc-choice" role="radiogroup" aria-labelledby="{key}"><span id="{key}">{label}</span>'
        f"<span>{options}</span></div>"
    )


def _readout(readout: Mapping[str, Any], values: Mapping[str, list[float]]) -> str:
    value = values[readout["key"]][readout["index"]]
    return (
        f'<tr><th scope="row">{html.escape(readout["label"])}</th>'
        f"<td>{shown(value, readout['decimals'])}{readout['unit']}</td></tr>"
    )


def shown(value: float, decimals: int) -> str:
    """A number as the page shows it; nothing that rounds to 0 has a sign."""
    digits = f"{value:.{decimals}f}"
    return digits.replace("-", "−" if digits.strip("-0.") else "")


def _plain(number: float) -> str:
    return f"{number:g}"
