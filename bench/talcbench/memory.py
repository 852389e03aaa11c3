"""From rows to figures of the memory suite: what report.py prints and plots_memory.py draws. Pure functions."""
from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from talcbench.results import Row

# Calls that may give memory back; brk gets some, too.
GIVING = ("madvise", "munmap", "brk")


def by_round(rows: Sequence[Row]) -> list[list[Row]]:
    rounds: dict[str, list[Row]] = {}
    for row in rows:
        rounds.setdefault(row["round"], []).append(row)
    return list(rounds.values())


def waste(rows: Sequence[Row]) -> list[float]:
    """Resident ÷ live, sample by sample: every run takes its samples after the same steps."""
    runs = [
        [float(row["resident_bytes"]) / max(1.0, float(row["live_bytes"])) for row in run]
        for run in by_round(rows)
    ]
    return [statistics.median(values) for values in zip(*runs)]


def kept(row: Row) -> float:
    """The share of what was resident that still is 3 s after all was freed."""
    return float(row["after_3s_bytes"]) / max(1.0, float(row["full_bytes"]))


def calls_a_second(row: Row) -> float:
    return sum(int(row[call]) for call in GIVING) / float(row["seconds"])


def of_each(
    rows: Sequence[Row], names: Sequence[str], figure: Callable[[Sequence[Row]], float]
) -> dict[str, float]:
    """The figure of each allocator that has rows."""
    own = {name: [row for row in rows if row["alloc"] == name] for name in names}
    return {name: figure(found) for name, found in own.items() if found}


def median_of(measure: Callable[[Row], float]) -> Callable[[Sequence[Row]], float]:
    """The median over the rows, as a figure."""
    return lambda rows: statistics.median(measure(row) for row in rows)
