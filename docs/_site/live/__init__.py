"""Figures that a reader moves: their controls, and by the library the numbers that each must show.

A figure is computed twice: by `assets/figures/numerics_*.js` in the browser, and here. The build sends states with
the library's numbers along, and the page says how far its own are from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from _site.live import layers, sequence, words
from _site.live.figure import Figure


@cache
def figures() -> Mapping[str, Figure]:
    """Name → figure, in the order of the course."""
    return {**words.figures(), **layers.figures(), **sequence.figures()}


def everything() -> dict[str, Any]:
    """Name → what the page needs: controls, buttons, readouts, data, the library's numbers at every case."""
    return {name: _told(figure) for name, figure in figures().items()}


def _told(figure: Figure) -> dict[str, Any]:
    states = [figure.start, *({**figure.start, **change} for change in figure.cases)]
    return {
        "title": figure.title,
        "controls": [vars(control) for control in figure.controls],
        "readouts": [vars(readout) for readout in figure.readouts],
        "presets": [preset.told(figure.start) for preset in figure.presets],
        "data": figure.data(),
        "cases": [{"state": state, "values": figure.compute(state)} for state in states],
    }
