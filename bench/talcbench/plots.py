"""Draws every picture for which the folder holds figures; each is one function of a CSV."""
from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from pathlib import Path

from talcbench import plots_cases, plots_engine, plots_memory, results
from talcbench.results import Row

# The picture, the CSV that it is drawn from, and what draws it.
_PICTURES: tuple[tuple[str, str, Callable[[list[Row], Path], Path | None]], ...] = (
    ("patterns-wall", "patterns", plots_cases.patterns_wall),
    ("patterns-rss", "patterns", plots_cases.patterns_rss),
    ("scaling", "patterns", plots_cases.scaling),
    ("programs", "programs", plots_cases.programs),
    ("latency", "latency", plots_memory.latency),
    ("memory-cycle", "memory-cycle", plots_memory.cycle),
    ("memory-fragmentation", "memory-fragmentation", plots_memory.fragmentation),
    ("memory-give-back", "memory-give-back", plots_memory.give_back),
    ("memory-cyclic", "memory-cyclic", plots_memory.cyclic),
    ("micro", "micro", plots_engine.micro),
    ("engine-heap-efficiency", "engine-heap-efficiency", plots_engine.heap_efficiency),
    ("engine-random-actions", "engine-random-actions", plots_engine.random_actions),
    ("engine-operation-latency", "engine-operation-latency", plots_engine.operation_latency),
)


def draw_all(out: Path, tables: Collection[str] | None = None) -> list[Path]:
    """The files that it made, of these tables or of all. One that fails does not keep the others."""

    def read(table: str) -> list[Row]:
        return results.read(out / f"{table}.csv") if tables is None or table in tables else []

    made = [
        _draw(draw, rows, out / f"{picture}.png")
        for picture, table, draw in _PICTURES
        if (rows := read(table))
    ]
    suites = {suite: rows for suite in ("programs", "patterns") if (rows := read(suite))}
    if suites:
        made.append(_draw(plots_cases.time_and_memory, suites, out / "time-and-memory.png"))
    return [path for path in made if path]


def _draw(draw: Callable[..., Path | None], figures: object, path: Path) -> Path | None:
    try:
        return draw(figures, path)
    except Exception as error:
        print(f"{path.name} could not be drawn: {error!r}", file=sys.stderr)
        return None
