"""The figures that a reader moves, as HTML: every control and every number is there before a script runs."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from typing import Any

Told = Mapping[str, Any]  # as `_site.live.everything` tells it


def live_figure(name: str, told: Told) -> str:
    """The figure at its first state."""
    first = told["cases"][0]
    controls = "".join(_control(name, control) for control in told["controls"])
    readouts = "".join(_readout(readout, first["values"]) for readout in told["readouts"])
    table = f'<table class="mc-values"><tbody>{readouts}</tbody></table>' if readouts else ""
    data = json.dumps({key: told[key] for key in ("readouts", "data", "cases")}, ensure_ascii=False).replace(
        "</", "<\\/"
    )
    return (
        f'<section class="mc-live" data-live="{name}" aria-label="{html.escape(told["title"])}">'
        f'<p class="mc-live-title">{html.escape(told["title"])}</p>'
        f'<div class="mc-stage">{_stage(first)}</div>'
        f'<fieldset class="mc-controls" disabled><legend>Controls</legend>{controls}</fieldset>'
        f"{table}"
        '<p class="mc-meta" data-agreement>The numbers at the start are the library’s, from this build.</p>'
        f'<script type="application/json">{data}</script></section>'
    )


def _control(figure: str, control: Mapping[str, Any]) -> str:
    name, label, start = control["name"], html.escape(control["label"]), control["start"]
    key = f"{figure}-{name}"
    if name == "pixels":
        samples = "".join(f'<button type="button" data-sample="{i}">{i}</button>' for i in range(10))
        return (
            '<div class="mc-buttons" role="group" aria-label="Pictures that no template was made from">'
            f'<input type="hidden" name="{name}" value="{start}"><span>held-out pictures</span>{samples}'
            '<button type="button" data-sample="">clear</button></div>'
        )
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
    return (
        f'<div class="mc-control"><label for="{key}">{label}</label>'
        f'<input type="range" id="{key}" name="{name}" {limits}>'
        f'<input type="number" aria-label="{label}, as a number" name="{name}" {limits}></div>'
    )


def _readout(readout: Mapping[str, Any], values: Mapping[str, list[float]]) -> str:
    value = values[readout["key"]][readout["index"]]
    return (
        f'<tr><th scope="row">{html.escape(readout["label"])}</th>'
        f"<td>{shown(value, readout['decimals'])}{readout['unit']}</td></tr>"
    )


def shown(value: float, decimals: int) -> str:
    """A number as the page shows it."""
    return f"{value:.{decimals}f}".replace("-", "−")


def _stage(first: Mapping[str, Any]) -> str:
    """What stands in place of the drawing until a script draws: for a matrix, the matrix."""
    if "weights" not in first["values"]:
        return ""
    words = first["state"]["words"].split()
    weights = iter(first["values"]["weights"])
    rows = [[next(weights) for _ in words] for _ in words]
    return matrix(words, rows)


def matrix(words: list[str], rows: Iterable[Iterable[float]]) -> str:
    """A table of shares in per cent, as the script writes it too."""
    head = "".join(f'<th scope="col">{html.escape(word)}</th>' for word in words)
    body = "".join(
        f'<tr><th scope="row">{html.escape(word)}</th>'
        + "".join(f'<td style="--share: {share:.3f}">{shown(100 * share, 1)}</td>' for share in row)
        + "</tr>"
        for word, row in zip(words, rows, strict=True)
    )
    return f'<table class="mc-matrix"><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>'


def _plain(number: float) -> str:
    return f"{number:g}"
