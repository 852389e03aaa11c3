"""How talc stands against the goals of the project: the goals, and the figures they speak of.

Unlike the tables of statistics.py it is the medians of a run that are compared here, not the ratios
within rounds: a goal is a promise about seconds and bytes. Pure functions over the rows of
programs.csv, patterns.csv and micro.csv; report.py prints them.
"""
from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import median

from talcbench import allocators, statistics
from talcbench.results import Row
from talcbench.statistics import BASELINE, OURS, Figures, Loss, Spread

# The most that talc may take. Where a suite has no entry there is no goal, only a figure.
PEER_WALL = {"programs": {"mimalloc": 0.70}}  # of this peer, Debian's libmimalloc2.0
BEST_PEER_WALL = {"patterns": 0.80}  # of the peer that is best over the whole suite
CASE_WALL = {"programs": 1.02, "patterns": 1.05}  # of the best peer of each single case
PROGRAMS_RSS = 1.05  # of glibc's
PATTERNS_CASE_RSS = 1.25  # of the smallest among the fastest of each single case
EXEC_OVER_EMPTY = 1.05  # of a library for talc that has nothing
PAIR_OVER_FLOOR = 1.5

FASTEST = 3
PAIR, FLOOR = "pair/32", "floor/pair/32"


def compared(
    rows: Sequence[Row], metric: str, names: Collection[str] = allocators.NAMES
) -> Figures:
    """The figures of talc and of its peers, in the cases where both have some. Libraries of the
    user's own are not looked at: to be faster than an older talc, say, is not the goal.
    """
    figures = statistics.gather(statistics.one_thp(rows), metric)
    kept = {
        case: {name: value for name, value in cell.items() if name in (OURS, *names)}
        for case, cell in figures.items()
    }
    return {case: cell for case, cell in kept.items() if OURS in cell and len(cell) > 1}


def over_peers(figures: Figures) -> dict[str, dict[str, float]]:
    """talc ÷ each peer, in each case."""
    return {
        case: {
            name: statistics.median_ratio(cell[OURS], value)
            for name, value in cell.items()
            if name != OURS
        }
        for case, cell in figures.items()
    }


def best_peer(means: Mapping[str, float]) -> str:
    """The one beside which talc takes longest: its own mean is the lowest."""
    return max(means, key=lambda name: means[name])


def slow_cases(figures: Figures, limit: float) -> list[Loss]:
    """Where talc takes more than `limit` × the time of the case's fastest peer, worst first."""
    found = []
    for case, cell in figures.items():
        peers = (name for name in cell if name != OURS)
        best = min(peers, key=lambda name: cell[name].median)
        found.append(_loss(case, "wall", cell, best, limit))
    return _beyond(found, limit)


def large_cases(wall: Figures, rss: Figures, limit: float = PATTERNS_CASE_RSS) -> list[Loss]:
    """Where talc needs more than `limit` × the memory of the smallest among the three fastest
    allocators of the case, itself perhaps among them, worst first: to be slow and small is easy.
    """
    found = []
    for case in ranked(wall):
        fastest = sorted(wall[case], key=lambda name: wall[case][name].median)[:FASTEST]
        smallest = min(fastest, key=lambda name: rss[case][name].median)
        found.append(_loss(case, "rss", rss[case], smallest, limit))
    return _beyond(found, limit)


def ranked(wall: Figures) -> list[str]:
    """The cases that have enough allocators for three of them to be the fastest."""
    return [case for case, cell in wall.items() if len(cell) >= FASTEST]


def _loss(
    case: str, metric: str, cell: Mapping[str, Spread], best: str, limit: float
) -> Loss:
    value = statistics.median_ratio(cell[OURS], cell[best])
    by_round = statistics.round_ratios(cell[OURS], cell[best])
    return Loss(case, metric, value, best, min(by_round) <= limit)


def _beyond(found: Iterable[Loss], limit: float) -> list[Loss]:
    return sorted((loss for loss in found if loss.ratio > limit), key=lambda loss: -loss.ratio)


def rss_over_glibc(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    return over_peers(compared(rows, "rss", [BASELINE]))


def exec_over_empty(rows: Sequence[Row]) -> float | None:
    """Of a process that does hardly anything: its time ÷ that with an empty library for talc."""
    figures = compared([row for row in rows if row["case"] == "exec"], "wall", [allocators.EMPTY])
    return next((cell[allocators.EMPTY] for cell in over_peers(figures).values()), None)


def pair_over_floor(rows: Sequence[Row]) -> float | None:
    """CPU time of malloc and free ÷ that of the loop and two calls alone, in the same process."""
    own = [row for row in statistics.one_thp(rows) if row["alloc"] == OURS]
    pair, floor = (
        [float(row["cpu_ns"]) for row in own if row["benchmark"] == name] for name in (PAIR, FLOOR)
    )
    return median(pair) / median(floor) if pair and floor else None
