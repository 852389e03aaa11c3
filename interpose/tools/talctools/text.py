"""Figures as people read them, and tables of them."""
from __future__ import annotations

from collections.abc import Sequence

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_BARS = "▁▂▃▄▅▆▇█"


def magnitude(size_bytes: float) -> str:
    """With a binary unit and three or four digits: "11.8 MiB"."""
    size, unit = abs(float(size_bytes)), 0
    while size >= 999.95 and unit + 1 < len(_UNITS):
        size /= 1024
        unit += 1
    sign = "-" if size_bytes < 0 else ""
    return f"{sign}{size:.0f} B" if unit == 0 else f"{sign}{size:.1f} {_UNITS[unit]}"


def short_count(count: float) -> str:
    """At most three digits before a decimal one: "1.2 M"."""
    for unit in ("", " k", " M", " G"):
        if abs(count) < 999.95:
            return f"{count:.0f}" if unit == "" else f"{count:.1f}{unit}"
        count /= 1000
    return f"{count:.1f} T"


def duration(seconds: float) -> str:
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def sparkline(values: Sequence[float]) -> str:
    """A character for each value, from 0 to the greatest."""
    top = max(values, default=0)
    if top <= 0:
        return _BARS[0] * len(values)
    return "".join(_BARS[min(7, int(8 * max(0.0, value) / top))] for value in values)


def columns(rows: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """The rows as lines: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        gap.join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def printable(text: str) -> str:
    """Somebody's text on one line of a terminal, which it cannot command."""
    return "".join(c if c.isprintable() else "?" for c in text)
