"""Where all that is mapped is: parts whose sum it is, the waste of each class, what grew.

    mapped = live + overhead | metadata | retained: caches + transit + free slots + kept + space
                                          the same: dirty, which has memory + purged, which has none
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from talctools.reports import Point, Report, number


@dataclass(frozen=True)
class Part:
    key: str
    letter: str
    name: str
    meaning: str
    size_bytes: float


_PARTS = (
    ("live", "live blocks", "what the program has allocated, rounded up to usable bytes"),
    ("overhead", "overhead", "what live blocks cost besides: prefixes and tags"),
    ("metadata", "metadata", "what serves all blocks: maps, slabs' metadata, tables"),
    ("caches", "caches", "free, in threads' caches, for their next allocations"),
    ("transit", "in transit", "freed by one thread, on the way back to another's arena"),
    ("slab_free", "free in slabs", "free slots of slabs that hold live blocks too"),
    ("kept", "kept", "free huge blocks, still mapped for the next one"),
    ("gaps", "dirty gaps", "free between and behind blocks and slabs, and still in memory"),
    ("purged", "purged", "addresses only: given back to the kernel, or never touched"),
)


def parts(report: Report) -> list[Part]:
    """Disjoint, in the order of the legend; their sum is what is mapped.

    The report says what is purged, but not of what: it is taken out of the space between blocks and
    slabs, and only what is more than that out of slabs' free slots, which may be untouched too.
    """
    mapped = number(report, "mapped")
    sizes = {
        "live": number(report, "allocated"),
        "overhead": max(0, number(report, "active") - number(report, "allocated")),
        "metadata": number(report, "metadata"),
        "caches": number(report, "cached"),
        "transit": number(report, "in_transit"),
        "slab_free": number(report, "slab_free"),
        "kept": number(report, "kept"),
    }
    space = max(0, mapped - sum(sizes.values()))
    purged = min(number(report, "purged"), space + sizes["slab_free"])
    sizes["gaps"] = max(0, space - purged)
    sizes["slab_free"] -= max(0, purged - space)
    sizes["purged"] = purged
    letters = "ABCDEFGHI"
    return [
        Part(key, letters[i], name, meaning, sizes[key])
        for i, (key, name, meaning) in enumerate(_PARTS)
    ]


@dataclass(frozen=True)
class ClassUse:
    row: Mapping[str, Any]

    @property
    def size(self) -> float:
        return number(self.row, "size")

    @property
    def waste(self) -> float:
        """Bytes of its slots that hold no live block."""
        return self.size * max(0, number(self.row, "slots") - number(self.row, "live"))

    @property
    def use(self) -> float:
        """Share of its slots that are live."""
        slots = number(self.row, "slots")
        return min(1.0, number(self.row, "live") / slots) if slots else 0.0


def by_waste(report: Report) -> list[ClassUse]:
    classes = [ClassUse(row) for row in report.get("classes", [])]
    return sorted(classes, key=lambda one: (-one.waste, one.size))


@dataclass(frozen=True)
class Growth:
    key: str
    first: float
    last: float
    seconds: float


_LEAST_POINTS = 5


def steady_growth(points: Sequence[Point], key: str) -> Growth | None:
    """If it went up in nearly every step, and by half at least, since the first quarter."""
    if len(points) < _LEAST_POINTS:
        return None
    start = len(points) // 4
    values = [point.figures[key] for point in points[start:]]
    falls = sum(b < a for a, b in zip(values, values[1:]))
    if falls > len(values) // 10 or values[-1] < 1.5 * values[0]:
        return None
    return Growth(key, values[0], values[-1], points[-1].uptime - points[start].uptime)
