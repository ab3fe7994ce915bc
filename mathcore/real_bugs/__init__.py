"""Bugs that widely used libraries shipped, written again as small functions; and false alarms.

Each is a mistake that was reported in public. The functions here are this project's own: they model what was reported,
not anybody's code. `mathcore bugs` shows which claims catch them.
"""

from __future__ import annotations

import importlib

from mathcore.verify.real_bugs import FalseAlarm, RealBug

_TOPICS = ("probability", "loss", "choice", "layers", "positions", "attention", "tokenizers", "false_alarms")


def real_bugs() -> list[RealBug]:
    """Every bug of the collection, by topic, in the order they are written."""
    return [entry for entry in _entries() if isinstance(entry, RealBug)]


def false_alarms() -> list[FalseAlarm]:
    """Every right implementation that was reported as wrong."""
    return [entry for entry in _entries() if isinstance(entry, FalseAlarm)]


def _entries() -> list[object]:
    modules = [importlib.import_module(f"{__name__}.{topic}") for topic in _TOPICS]
    return [entry for module in modules for entry in vars(module).values()]


__all__ = ["FalseAlarm", "RealBug", "false_alarms", "real_bugs"]
