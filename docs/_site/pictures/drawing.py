"""How figures are drawn: one style, colours that follow the page, SVG that is the same on every run."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

mpl.use("svg")

# Colours that stand for a role; each becomes a CSS variable, so that a figure follows the page from light to dark.
INK, SOFT, LINE = "#010101", "#010102", "#010103"
BLUE, RED, GREEN, YELLOW = "#010105", "#010106", "#010107", "#010108"
_ROLES = {
    INK: "ink", SOFT: "soft", LINE: "line",
    BLUE: "blue", RED: "red", GREEN: "green", YELLOW: "yellow",
}  # fmt: skip

_STYLE: Any = {  # matplotlib types every key
    "svg.fonttype": "none",
    "svg.hashsalt": "mathcore",
    "font.size": 11,
    "font.family": "DejaVu Sans",
    "text.color": INK,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": LINE,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=[BLUE, RED, GREEN, SOFT]),
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "figure.constrained_layout.use": True,
    "grid.color": LINE,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "patch.edgecolor": "none",
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
}

Drawing = tuple[Figure, str, str]  # the figure, what it shows for those who cannot see it, its caption
REGISTRY: dict[str, Callable[[], Drawing]] = {}


def picture(name: str) -> Callable[[Callable[[], Drawing]], Callable[[], Drawing]]:
    """Register a function that draws a figure under the name that pages use."""

    def register(function: Callable[[], Drawing]) -> Callable[[], Drawing]:
        if name in REGISTRY:
            raise ValueError(f"two figures are called {name!r}")
        REGISTRY[name] = function
        return function

    return register


@dataclass(frozen=True)
class Canvas:
    """A figure of the one width that reads well on a phone and on a desk, with its axes."""

    figure: Figure
    axes: list[Axes]


def canvas(height: float, rows: int = 1, columns: int = 1, **options: Any) -> Canvas:
    """Axes on a new figure, row by row; `height` in inches, the width is always 5.2."""
    figure = Figure(figsize=(5.2, height))
    grid = figure.subplots(rows, columns, squeeze=False, **options)
    return Canvas(figure, list(grid.ravel()))


def draw(name: str, function: Callable[[], Drawing]) -> dict[str, str]:
    """SVG and caption of one figure.

    Raises:
        ValueError: if a colour has no role, for it would not follow the page.
    """
    with mpl.rc_context(_STYLE):
        figure, alternative, caption = function()
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return {"svg": _tidy(file.getvalue(), name, alternative), "caption": caption}


def _tidy(svg: str, name: str, alternative: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    view = re.search(r'viewBox="[^"]*"', svg)
    if view is None:
        raise ValueError(f"figure {name!r} has no viewBox")
    opening = f'<svg class="mc-picture" {view[0]} role="img" aria-label="{alternative}">'
    svg = re.sub(r"^<svg[^>]*>", opening, svg)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg).replace("xlink:href", "href")
    # Text takes the page's own letters: of matplotlib's shorthand only size and weight stay.
    svg = re.sub(r"font: (?:(\d{3}|bold) )?(\d+(?:\.\d+)?)px [^;\"]*", _font, svg)  # matplotlib up to 3.10
    svg = re.sub(r"\s*font-family: [^;\"]*;?", "", svg)  # and since
    if re.search(r"font-family|font: |\sface=", svg):
        raise ValueError(f"figure {name!r} brings letters of its own")
    for colour, role in _ROLES.items():
        svg = svg.replace(colour, f"var(--mc-fig-{role})")
    left = re.search(r"(?:fill|stroke|color)\s*[:=]\s*\"?(#\w+|rgb\([^)]*\)|black|white)", svg)
    if left:
        raise ValueError(f"figure {name!r} has a colour without a role: {left[0]}")
    return re.sub(r"\n\s*", "\n", svg).strip()


def _font(match: re.Match[str]) -> str:
    return f"font-size: {match[2]}px" + (f"; font-weight: {match[1]}" if match[1] else "")


def heat(ax: Axes, values: Any, *, most: float | None = None, gap: float = 0.04) -> None:
    """A grid of numbers as squares: blue above zero, red below, the fainter the closer to zero."""
    table = np.atleast_2d(np.asarray(values, np.float64))
    scale = most or float(np.abs(table).max()) or 1.0
    levels = np.rint(12 * np.clip(table / scale, -1, 1)).astype(int)  # few shades: squares of one are one path
    for level in sorted(set(levels.ravel().tolist()) - {0}):
        cells = [_square(c, r, gap) for r, c in np.argwhere(levels == level)]
        colour = BLUE if level > 0 else RED
        ax.add_patch(PathPatch(Path.make_compound_path(*cells), facecolor=colour, alpha=abs(level) / 12, linewidth=0))
    rows, columns = table.shape
    ax.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), aspect="equal", xticks=[], yticks=[])
    ax.add_patch(PathPatch(_square(0, 0, 0, columns, rows), facecolor="none", edgecolor=LINE, linewidth=1))
    for side in ax.spines.values():
        side.set_visible(False)


def _square(column: int, row: int, gap: float, width: int = 1, height: int = 1) -> Path:
    x, y = column - 0.5 + gap, row - 0.5 + gap
    w, h = width - 2 * gap, height - 2 * gap
    return Path([(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)], closed=True)
