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


_TENTHS, _ABREAST, _DOT = 10, 4, 14  # of the allowance; dots side by side in each tenth; the room of a dot


def scoreboard(report: Report, source: str) -> str:
    """Every claim as a dot: how many tenths of its allowance its worst error took, in this build."""
    stacks: dict[int, list[Claim]] = {tenth: [] for tenth in range(-1, _TENTHS)}
    for claim in sorted(report.claims, key=lambda c: (c.verdict, c.id)):
        stacks[_tenth(claim)].append(claim)
    rows = max(6, *(-(-len(stack) // _ABREAST) for tenth, stack in stacks.items() if tenth >= 0))
    exact = max(3, -(-len(stacks[-1]) // rows))  # dots side by side among the claims without error
    start = exact * _DOT + 34
    step = _ABREAST * _DOT + 4
    width, base = start + _TENTHS * step + 10, rows * _DOT + 12
    dots = [*_stack(stacks.pop(-1), 8, base, exact, source)]
    for tenth, stack in stacks.items():
        dots += _stack(stack, start + tenth * step + 9, base, _ABREAST, source)
    end = start + _TENTHS * step
    axis = [
        f'<line class="base" x1="0" x2="{start - 26}" y1="{base}" y2="{base}"/>',
        f'<line class="base" x1="{start - 4}" x2="{end}" y1="{base}" y2="{base}"/>',
        f'<rect class="limit" x="{end}" y="4" width="4" height="{base - 4}"/>',
        f'<text class="axis start" x="0" y="{base + 24}">exact</text>',
        *(
            f'<text class="axis" x="{start + share * _TENTHS * step:.0f}" y="{base + 24}">{share:g}</text>'
            for share in (0.2, 0.4, 0.6, 0.8)
        ),
        f'<text class="axis end" x="{end + 4}" y="{base + 24}">allowed</text>',
        f'<text class="axis" x="{(start + end) / 2:.0f}" y="{base + 50}">largest error seen ÷ error allowed</text>',
    ]
    label = f"{plural(len(report.claims), 'claim')}, each at its worst error as a fraction of what is allowed"
    return (
        f'<svg class="mc-scoreboard" data-search-exclude viewBox="0 0 {width} {base + 58}" role="group" '
        f'aria-label="{label}">' + "".join(axis) + "".join(dots) + "</svg>"
    )


def _tenth(claim: Claim) -> int:
    return min(int(claim.worst * _TENTHS), _TENTHS - 1) if claim.worst else -1


def _stack(claims: Iterable[Claim], left: float, base: float, abreast: int, source: str) -> Iterable[str]:
    """Dots in rows from the base line up. They are not tab stops: the index of claims has the same links as words."""
    for i, claim in enumerate(claims):
        x, y = left + i % abreast * _DOT, base - 8 - i // abreast * _DOT
        title = f"{claim.id}: {plain(claim.statement)} {plain(worst(claim)).capitalize()}."
        yield (
            f'<a href="{url(claim.page, source)}" tabindex="-1"><title>{title}</title>'
            f'<circle class="hit" cx="{x:g}" cy="{y:g}" r="7"/>'
            f'<circle class="dot {style(claim)}" cx="{x:g}" cy="{y:g}" r="4.6"/></a>'
        )
