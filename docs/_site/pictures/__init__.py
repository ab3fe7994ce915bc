"""The figures of the chapters, computed by the library while the site is built."""

from __future__ import annotations

from _site.pictures import depth, learning, measured, scores, sequence
from _site.pictures.drawing import REGISTRY, draw


def draw_all() -> dict[str, dict[str, str]]:
    """Name → SVG and caption of every figure."""
    modules = (scores, learning, depth, sequence, measured)
    drawn = {name: draw(name, function) for name, function in REGISTRY.items()}
    homes = {function.__module__ for function in REGISTRY.values()}
    if homes != {module.__name__ for module in modules}:
        raise AssertionError(f"figures came from {sorted(homes)}")
    return drawn
