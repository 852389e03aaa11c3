"""From rows to figures: medians with their spread, ratios, geometric means, where talc loses.

Pure functions over the rows of patterns.csv and programs.csv; report.py prints them, plots draw
them.
"""
from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from talcbench.results import Row

# What is compared, and how it is read out of a row.
METRICS: dict[str, Callable[[Row], float]] = {
    "wall": lambda row: float(row["wall_s"]),
    "cpu": lambda row: float(row["user_s"]) + float(row["system_s"]),
    "rss": lambda row: float(row["peak_rss_kib"]),
    "faults": lambda row: float(row["minor_faults"]) + float(row["major_faults"]),
}

BASELINE = "glibc"
OURS = "talc"


@dataclass(frozen=True)
class Spread:
    """The median of some runs and the extremes."""

    median: float
    low: float
    high: float
    count: int


def spread(values: Sequence[float]) -> Spread:
    if not values:
        raise ValueError("no values")
    return Spread(statistics.median(values), min(values), max(values), len(values))


def geometric_mean(values: Iterable[float]) -> float:
    """NaN where there are none. Zero counts as the smallest thing measurable."""
    logs = [math.log(max(value, 1e-9)) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


# By case, then by allocator.
Figures = dict[str, dict[str, Spread]]


def case_label(row: Row) -> str:
    return row["case"] if row["threads"] == "1" else f"{row['case']} x{row['threads']}"


def variant(row: Row) -> str:
    """An allocator, and the THP setting where it is not the system's."""
    return (
        row["alloc"]
        if row.get("thp", "system") == "system"
        else f"{row['alloc']}, THP {row['thp']}"
    )


def gather(rows: Iterable[Row], metric: str) -> Figures:
    """The spread of every case and allocator, of good runs only."""
    values: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        cell = values.setdefault(case_label(row), {})
        if row["status"] == "ok":
            cell.setdefault(variant(row), []).append(METRICS[metric](row))
    return {
        case: {name: spread(found) for name, found in cell.items()}
        for case, cell in values.items()
        if cell
    }


def one_thp(rows: Sequence[Row]) -> list[Row]:
    """The rows of the first THP setting only: allocators are compared under the same one."""
    return [row for row in rows if row["thp"] == rows[0]["thp"]]


def baseline_of(figures: Figures) -> str:
    """What the others are compared with: glibc, or the first where glibc was not measured."""
    names = variants(figures)
    return BASELINE if BASELINE in names or not names else names[0]


def variants(figures: Figures) -> list[str]:
    """All allocators that occur, in the order in which they first do."""
    return list(dict.fromkeys(name for cell in figures.values() for name in cell))


def ratios(figures: Figures, baseline: str) -> dict[str, dict[str, float]]:
    """Each case's medians ÷ the baseline's; cases that the baseline has no figure for are left out."""
    return {
        case: {name: _quotient(found.median, cell[baseline].median) for name, found in cell.items()}
        for case, cell in figures.items()
        if baseline in cell
    }


def _quotient(value: float, base: float) -> float:
    """Both at 0 is equal: a program too short to be seen using the processor."""
    return 1.0 if value == base else value / max(base, 1e-9)


def means(table: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Each allocator's geometric mean over the cases that all of them finished."""
    names = list(dict.fromkeys(name for cell in table.values() for name in cell))
    shared = [cell for cell in table.values() if all(name in cell for name in names)]
    return {name: geometric_mean(cell[name] for cell in shared) for name in names} if shared else {}


@dataclass(frozen=True)
class Loss:
    """A case in which another allocator did better than talc."""

    case: str
    metric: str
    ratio: float
    best: str
    within_spread: bool  # talc's and the other's runs overlap: it may be chance


def losses(figures: Figures, metric: str, ours: str = OURS) -> list[Loss]:
    """Where talc loses to its best peer, worst first."""
    found = []
    for case, cell in figures.items():
        peers = {name: value for name, value in cell.items() if name != ours}
        if ours not in cell or not peers:
            continue
        best = min(peers, key=lambda name: peers[name].median)
        ratio = _quotient(cell[ours].median, peers[best].median)
        if ratio > 1.0:
            overlap = cell[ours].low <= peers[best].high
            found.append(Loss(case, metric, ratio, best, overlap))
    return sorted(found, key=lambda loss: -loss.ratio)
