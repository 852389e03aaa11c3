"""Pictures as inline SVG: a stacked bar, small bars, lines over time, a map of a heap.

Colours come from the page's style by class. None is needed to read a picture: parts bear letters,
lines their names and dashes, cells differ in lightness.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from talctools.accounting import Part
from talctools.markup import escaped
from talctools.text import magnitude

_WIDTH = 960


def stacked_bar(parts: Sequence[Part]) -> str:
    whole = sum(part.size_bytes for part in parts)
    if whole <= 0:
        return ""
    out, x = [], 0.0
    for part in parts:
        width = _WIDTH * part.size_bytes / whole
        if width >= 0.5:
            title = f"{part.name}: {magnitude(part.size_bytes)} ({part.size_bytes / whole:.1%})"
            out.append(
                f'<g><title>{escaped(title)}</title><rect class="fill-{part.key}" x="{x:.1f}" y="0" '
                f'width="{max(0.5, width - 1):.1f}" height="52" rx="2"/>'
                + (
                    f'<text class="on-{part.key}" x="{x + width / 2:.1f}" y="32" '
                    f'text-anchor="middle">{part.letter}</text>'
                    if width >= 18
                    else ""
                )
                + "</g>"
            )
        x += width
    return (
        f'<svg class="wide" viewBox="0 0 {_WIDTH} 52" role="img" '
        f'aria-label="where the mapped bytes are">{"".join(out)}</svg>\n'
    )


def key(part: Part) -> str:
    """A swatch with the part's letter, for a legend."""
    return (
        '<svg class="key" viewBox="0 0 22 22" aria-hidden="true">'
        f'<rect class="fill-{part.key}" width="22" height="22" rx="3"/>'
        f'<text class="on-{part.key}" x="11" y="16" text-anchor="middle">{part.letter}</text></svg>'
    )


def small_bar(pieces: Sequence[tuple[str, float]]) -> str:
    """Pieces of a whole of 1: classes and shares, one after the other."""
    out, x = [], 0.0
    for style, share in pieces:
        width = 100 * min(1.0, max(0.0, share))
        out.append(f'<rect class="{style}" x="{x:.2f}" width="{width:.2f}" height="10"/>')
        x += width
    return (
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="10"/>{"".join(out)}</svg>'
    )


@dataclass(frozen=True)
class Line:
    style: str  # class, for colour and dashes
    name: str
    values: Sequence[float]


_LEFT, _RIGHT, _TOP, _BOTTOM, _HEIGHT = 84, 110, 14, 34, 320
_MOST_POINTS = 480


# Of a value on its axis.
Place = Callable[[float], float]


def lines_over_time(seconds: Sequence[float], lines: Sequence[Line]) -> str:
    """Bytes over seconds; `seconds` goes up. Nothing where there is no span of time."""
    if len(seconds) < 2 or seconds[-1] <= seconds[0]:
        return ""
    top = max(max(line.values) for line in lines)
    step = _byte_step(top)
    ceiling = step * max(1, -(-top // step))
    inner = _WIDTH - _LEFT - _RIGHT

    def x(second: float) -> float:
        return _LEFT + inner * (second - seconds[0]) / (seconds[-1] - seconds[0])

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / ceiling)

    out = [_byte_axis(step, ceiling, y), _time_axis(seconds, x)]
    places = _apart([y(line.values[-1]) for line in lines])
    for line, place in zip(lines, places, strict=True):
        points = _thinned(list(zip(seconds, line.values, strict=True)))
        path = " ".join(f"{x(s):.1f},{y(v):.1f}" for s, v in points)
        out.append(
            f'<polyline class="line {line.style}" points="{path}"/>'
            f'<text class="name {line.style}" x="{_WIDTH - _RIGHT + 8}" y="{place + 4:.1f}">'
            f"{escaped(line.name)}</text>"
        )
    return (
        f'<svg class="wide" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="bytes over time">{"".join(out)}</svg>\n'
    )


def _byte_step(top: float) -> float:
    step = 1.0
    while top > 5 * step:
        step *= 2
    return step


def _byte_axis(step: float, ceiling: float, y: Place) -> str:
    out = []
    for tick in range(round(ceiling / step) + 1):
        at = y(tick * step)
        out.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<text class="tick" x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">'
            f"{magnitude(tick * step)}</text>"
        )
    return "".join(out)


_TIME_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600, 43200, 86400)


def _time_axis(seconds: Sequence[float], x: Place) -> str:
    span = seconds[-1] - seconds[0]
    step = 0.001
    while step < 1 and span > 8 * step:
        step *= 10
    if span > 8 * step:
        step = next((s for s in _TIME_STEPS if span <= 8 * s), 86400 * -(-span // (8 * 86400)))
    out = []
    tick = -(-seconds[0] // step)
    while tick * step <= seconds[-1] * (1 + 1e-12):
        at = x(tick * step)
        out.append(
            f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
            f'<text class="tick" x="{at:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">'
            f"{_clock(tick * step, step)}</text>"
        )
        tick += 1
    return "".join(out)


def _clock(seconds: float, step: float) -> str:
    if step < 1:
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"
    if step < 60:
        return f"{seconds:.0f} s"
    if step < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"


def _apart(places: Sequence[float], least: float = 16) -> list[float]:
    """The places of labels, moved so far that none covers another, and none leaves the picture."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    result = list(places)
    lowest = _HEIGHT - _BOTTOM - least * (len(order) - 1)
    at = float("-inf")
    for rank, i in enumerate(order):
        result[i] = at = max(at, min(places[i], lowest + least * rank))
        at += least
    return result


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most some hundred: of each stretch its lowest and its highest."""
    if len(points) <= _MOST_POINTS:
        return points
    size = -(-len(points) // (_MOST_POINTS // 2))
    kept = [points[0]]
    for start in range(0, len(points), size):
        stretch = points[start : start + size]
        kept += sorted({min(stretch, key=lambda p: p[1]), max(stretch, key=lambda p: p[1])})
    return [*kept, points[-1]]


# What a character of a heap's map means, by the class of its colour.
CELLS: Mapping[str, tuple[str, str]] = {
    "#": ("live", "allocated"),
    "=": ("slab_free", "slab with free slots"),
    "~": ("gaps", "free, in memory"),
    ".": ("purged", "purged or never touched"),
    "m": ("metadata", "metadata"),
}
_CELLS_PER_ROW = 64
_MOST_CELLS = 4096
_CELL = 12


def heap_map(cells: str) -> str:
    """A square for each character, in rows from the lowest address on."""
    cells = cells[:_MOST_CELLS]
    rows = -(-len(cells) // _CELLS_PER_ROW)
    paths: dict[str, list[str]] = {style: [] for style, _ in CELLS.values()}
    for index, char in enumerate(cells):
        if char in CELLS:
            x, y = index % _CELLS_PER_ROW * _CELL, index // _CELLS_PER_ROW * _CELL
            paths[CELLS[char][0]].append(f"M{x} {y}h11v11h-11z")
    columns = min(len(cells), _CELLS_PER_ROW)
    width = columns * _CELL
    drawn = "".join(
        f'<path class="fill-{style}" d="{"".join(path)}"/>' for style, path in paths.items() if path
    )
    return (
        f'<svg class="map" viewBox="0 0 {width} {rows * _CELL}" '
        f'width="{columns / _CELLS_PER_ROW:.2%}" role="img" '
        f'aria-label="map of a heap">{drawn}</svg>\n'
    )


def cell_key(style: str) -> str:
    return (
        '<svg class="key" viewBox="0 0 22 22" aria-hidden="true">'
        f'<rect class="fill-{style}" x="4" y="4" width="14" height="14"/></svg>'
    )
