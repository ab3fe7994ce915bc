"""Figures of the evidence itself, as SVG: where the errors lie against what is allowed.

Colours are classes; see `assets/site.css`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from _site.model import Check, Claim, Report
from _site.words import plain, plural, style, url, worst

_MOST_DECADES = 14
_MOST_LABELS = 8


def ruler(claim: Claim) -> str:
    """The worst error as a length, the allowance as the end of the track."""
    share = min(claim.worst or 0.0, 1.0)
    label = plain(worst(claim))
    return (
        f'<svg class="mc-ruler" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{label}">'
        f'<rect class="track" y="2" width="100" height="4"/><rect class="seen" y="2" width="{100 * share:.1f}" '
        'height="4"/>'
        '<rect class="limit" x="98.6" width="1.4" height="8"/></svg>'
    )


def histogram(check: Check) -> str:
    """Worst error ÷ allowance of every case, by decade, with the errors of exactly zero apart."""
    bars = _bars(check)
    if not bars:
        return ""
    width, height, left, top = 480, 168, 10, 22
    step = (width - 2 * left) / len(bars)
    most = max(count for _, count, _ in bars)
    every = -(-len(bars) // _MOST_LABELS)
    parts, limit = [], None
    for i, (label, count, beyond) in enumerate(bars):
        x, tall = left + i * step, (height - 62) * count / most
        base = height - 34
        name = "over" if beyond else "bar"
        parts.append(
            f'<rect class="{name}" x="{x + 2:.1f}" y="{base - tall:.1f}" width="{step - 4:.1f}" '
            f'height="{max(tall, 0):.1f}"/>'
        )
        if count:
            parts.append(f'<text x="{x + step / 2:.1f}" y="{base - tall - 4:.1f}">{count:,}</text>')
        if (len(bars) - 1 - i) % every == 0 or label == "exact":  # so that labels do not run into each other
            parts.append(f'<text class="axis" x="{x + step / 2:.1f}" y="{base + 15}">{label}</text>')
        if not beyond:
            limit = x + step
    parts.append(f'<line class="base" x1="{left}" x2="{width - left}" y1="{height - 34}" y2="{height - 34}"/>')
    if limit is not None and len(bars) > 1:
        parts.append(f'<line class="limit" x1="{limit:.1f}" x2="{limit:.1f}" y1="{top - 8}" y2="{height - 34}"/>')
        parts.append(f'<text class="axis" text-anchor="end" x="{limit - 5:.1f}" y="{top - 10}">allowed</text>')
    parts.append(f'<text class="axis" x="{width / 2}" y="{height - 4}">error as a fraction of the allowance</text>')
    words = "; ".join(f"{label}: {count}" for label, count, _ in bars if count)
    return (
        f'<svg class="mc-histogram" viewBox="0 0 {width} {height}" role="img" aria-label="{plain(words)}">'
        + "".join(parts)
        + "</svg>"
    )


def _bars(check: Check) -> list[tuple[str, int, bool]]:
    """(label, count, beyond the allowance) from left to right; decades far below the rest are gathered."""
    counts: Counter[int] = Counter()
    for low, count in check.histogram.bins:
        # A decade is [10^k, 10^(k+1)): an error that just meets its allowance falls into that of k = 0.
        counts[-1 if low == 0 and (check.worst or 0) <= 1 else low] += count
    bars = [("exact", check.histogram.exact, False)] if check.histogram.exact or not counts else []
    if not counts:
        return bars if check.histogram.exact else []
    first, last = max(min(counts), max(counts) - _MOST_DECADES, -_MOST_DECADES), max(-1, *counts)
    below = sum(count for low, count in counts.items() if low < first)
    if below:
        bars.append((f"<{_power(first)}", below, False))
    bars += [(_power(low), counts[low], low >= 0) for low in range(first, last + 1)]
    return [(label.replace("<", "&lt;"), count, beyond) for label, count, beyond in bars]


def _power(exponent: int) -> str:
    """The lower end of a decade."""
    return f"{10.0**exponent:g}" if exponent > -3 else f"1e{exponent}"


def scoreboard(report: Report, source: str) -> str:
    """Every claim as a dot: how far its worst error went towards its allowance, in this build."""
    columns, size, gap = 41, 14, 62
    stacks: dict[int, list[Claim]] = {}
    for claim in sorted(report.claims, key=lambda c: (c.verdict, c.id)):
        stacks.setdefault(_column(claim, columns), []).append(claim)
    exact = stacks.pop(-1, [])
    rows = max([6, *(len(stack) for stack in stacks.values())])
    deep = -(-len(exact) // max(rows, 1)) or 1
    gap = deep * size + 34
    width, height = gap + columns * size + 12, rows * size + 46
    base = height - 34
    dots = list(_dots(exact, lambda i: (8 + (i // rows) * size, base - 8 - (i % rows) * size), source))
    for column, stack in sorted(stacks.items()):
        x = gap + column * size + size / 2
        dots += _dots(stack, lambda i, x=x: (x, base - 8 - i * size), source)  # type: ignore[misc]
    end = gap + columns * size + 4
    axis = [
        f'<line class="base" x1="0" x2="{gap - 26}" y1="{base}" y2="{base}"/>',
        f'<line class="base" x1="{gap - 4}" x2="{end}" y1="{base}" y2="{base}"/>',
        f'<rect class="limit" x="{end}" y="4" width="4" height="{base - 4}"/>',
        f'<text class="axis start" x="0" y="{base + 18}">exact</text>',
        *(
            f'<text class="axis" x="{gap + share * columns * size:.0f}" y="{base + 18}">{share:g}</text>'
            for share in (0.25, 0.5, 0.75)
        ),
        f'<text class="axis end" x="{end + 4}" y="{base + 18}">allowed</text>',
    ]
    label = f"{plural(len(report.claims), 'claim')}, each at its worst error as a fraction of what is allowed"
    return (
        f'<svg class="mc-scoreboard" viewBox="0 0 {width} {height}" role="group" aria-label="{label}">'
        + "".join(axis)
        + "".join(dots)
        + "</svg>"
    )


def _column(claim: Claim, columns: int) -> int:
    if not claim.worst:
        return -1
    return min(int(claim.worst * columns), columns - 1)


def _dots(claims: Iterable[Claim], place: object, source: str) -> Iterable[str]:
    assert callable(place)
    for i, claim in enumerate(claims):
        x, y = place(i)
        title = f"{claim.id}: {plain(claim.statement)} {plain(worst(claim)).capitalize()}."
        yield (
            f'<a href="{url(claim.page, source)}"><title>{title}</title>'
            f'<circle class="hit" cx="{x:.1f}" cy="{y:.1f}" r="7"/>'
            f'<circle class="dot {style(claim)}" cx="{x:.1f}" cy="{y:.1f}" r="4.6"/></a>'
        )
