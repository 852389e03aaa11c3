"""From rows to figures: medians with their spread, ratios, geometric means, where talc loses.

Ratios are taken within a round, where the allocators ran one after another, and their median over the
rounds is what counts: on a machine that is now faster, now slower, that holds still when medians of
seconds do not. Pure functions over the rows of patterns.csv, programs.csv and passes.csv; report.py
prints them, plots draw them.
"""
from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from talcbench.results import Row

# What is compared, and how it is read out of a row.
METRICS: dict[str, Callable[[Row], float]] = {
    "wall": lambda row: float(row["wall_s"]),
    "cpu": lambda row: float(row["user_s"]) + float(row["system_s"]),
    "rss": lambda row: float(row["peak_rss_kib"]),
    "faults": lambda row: float(row["minor_faults"]) + float(row["major_faults"]),
    "mappings": lambda row: float(row["mappings"]),
    "syscalls": lambda row: float(row["syscalls"]),
}

BASELINE = "glibc"
OURS = "talc"


@dataclass(frozen=True)
class Spread:
    """The median of some runs, the extremes, and the runs by their round where that is known."""

    median: float
    low: float
    high: float
    count: int
    rounds: Mapping[str, float] = field(default_factory=dict, compare=False)


def spread(values: Sequence[float], rounds: Mapping[str, float] | None = None) -> Spread:
    if not values:
        raise ValueError("no values")
    return Spread(statistics.median(values), min(values), max(values), len(values), rounds or {})


def round_ratios(value: Spread, base: Spread) -> list[float]:
    """value ÷ base in each round that both have; of the medians if they share none."""
    shared = [name for name in value.rounds if name in base.rounds]
    return [_quotient(value.rounds[name], base.rounds[name]) for name in shared] or [
        median_ratio(value, base)
    ]


def median_ratio(value: Spread, base: Spread) -> float:
    """Of the medians, whatever the rounds say."""
    return _quotient(value.median, base.median)


def ratio(value: Spread, base: Spread) -> float:
    return statistics.median(round_ratios(value, base))


def geometric_mean(values: Iterable[float]) -> float:
    """NaN where there are none. Zero counts as the smallest thing measurable."""
    logs = [math.log(max(value, 1e-9)) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


# By case, then by allocator.
Figures = dict[str, dict[str, Spread]]


def case_label(row: Row) -> str:
    return row["case"] if row["threads"] == "1" else f"{row['case']} x{row['threads']}"


def plain_thp(rows: Sequence[Row]) -> str:
    """The THP setting of the runs for which none was asked for: the others have fewer huge pages."""
    settings = [row.get("thp", "") for row in rows]
    weaker = ("never", "madvise")
    return max(settings, key=lambda name: weaker.index(name) if name in weaker else 2, default="never")


def gather(rows: Sequence[Row], metric: str) -> Figures:
    """The spread of every case and allocator. One that failed in any round has no figure for the case."""
    plain = plain_thp(rows)
    values: dict[str, dict[str, list[tuple[str | None, float]]]] = {}
    failed: set[tuple[str, str]] = set()
    for row in rows:
        case, name, thp = case_label(row), row["alloc"], row.get("thp", "")
        if thp != plain:
            name += f", THP {thp}"
        cell = values.setdefault(case, {})
        if row.get("status", "ok") == "ok":
            cell.setdefault(name, []).append((row.get("round"), METRICS[metric](row)))
        else:
            failed.add((case, name))
    for case, name in failed:
        values[case].pop(name, None)
    return {
        case: {
            name: spread(
                [value for _, value in found],
                {number: value for number, value in found if number is not None},
            )
            for name, found in cell.items()
        }
        for case, cell in values.items()
        if cell
    }


def one_thp(rows: Sequence[Row]) -> list[Row]:
    """The rows of one THP setting only: allocators are compared under the same one."""
    plain = plain_thp(rows)
    return [row for row in rows if row["thp"] == plain]


def baseline_of(figures: Figures) -> str:
    """What the others are compared with: glibc, or the first where glibc was not measured."""
    names = variants(figures)
    return BASELINE if BASELINE in names or not names else names[0]


def variants(figures: Figures) -> list[str]:
    """All allocators that occur, in the order in which they first do."""
    return list(dict.fromkeys(name for cell in figures.values() for name in cell))


def ratios(figures: Figures, baseline: str) -> dict[str, dict[str, float]]:
    """Each case's figures ÷ the baseline's; cases that the baseline has no figure for are left out."""
    return {
        case: {name: ratio(found, cell[baseline]) for name, found in cell.items()}
        for case, cell in figures.items()
        if baseline in cell
    }


def _quotient(value: float, base: float) -> float:
    """Both at 0 is equal: a program too short to be seen using the processor."""
    return 1.0 if value == base else value / max(base, 1e-9)


def shared(table: Mapping[str, Mapping[str, object]]) -> dict[str, list[str]]:
    """The cases that all allocators finished, by the pattern whose thread counts they are."""
    names = {name for cell in table.values() for name in cell}
    found: dict[str, list[str]] = {}
    for case, cell in table.items():
        if names <= cell.keys():
            found.setdefault(re.sub(r" x\d+$", "", case), []).append(case)
    return found


def count_shared(table: Mapping[str, Mapping[str, object]]) -> str:
    """What a mean is over, in words."""
    found = shared(table)
    cases = f"{sum(map(len, found.values()))} of {len(table)} cases"
    several = any(len(cases) > 1 for cases in found.values())
    return f"{len(found)} patterns ({cases})" if several else cases


def means(table: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Each allocator's geometric mean over the cases that all of them finished: over the thread
    counts of a pattern first, so that each pattern weighs the same.
    """
    patterns = shared(table).values()
    names = dict.fromkeys(name for cell in table.values() for name in cell) if patterns else {}
    return {
        name: geometric_mean(
            geometric_mean(table[case][name] for case in cases) for cases in patterns
        )
        for name in names
    }


@dataclass(frozen=True)
class Loss:
    """A case in which another allocator did better than talc."""

    case: str
    metric: str
    ratio: float
    best: str
    may_be_chance: bool  # in some round talc was not behind


def losses(figures: Figures, metric: str, ours: str = OURS) -> list[Loss]:
    """Where talc loses to its best peer, worst first."""
    found = []
    for case, cell in figures.items():
        peers = {name: value for name, value in cell.items() if name != ours}
        if ours not in cell or not peers:
            continue
        best = max(peers, key=lambda name: ratio(cell[ours], peers[name]))
        by_round = round_ratios(cell[ours], peers[best])
        if statistics.median(by_round) > 1.0:
            found.append(
                Loss(case, metric, statistics.median(by_round), best, min(by_round) <= 1.0)
            )
    return sorted(found, key=lambda loss: -loss.ratio)
