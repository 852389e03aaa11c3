"""The figures as text: for the terminal, and for summary.txt beside the CSV files."""
from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from talcbench import goals, memory, results, statistics
from talcbench.results import Row
from talcbench.session import Session

_METRICS = {"wall": "wall time", "cpu": "CPU time", "rss": "peak memory", "faults": "page faults"}
_COUNTS = {"mappings": "mappings", "syscalls": "system calls"}
_LOSSES_SHOWN = 12


def summary(out: Path, session: Session) -> str:
    """Tables of this run's suites; what lies in `out` from another run is not looked at."""
    parts = []
    for suite in ("programs", "patterns"):
        if rows := results.read(out / f"{suite}.csv") if suite in session.tables() else []:
            parts.append(means_table(suite, rows))
            if "passes" in session.tables():
                parts.append(counts_table(suite, results.read(out / "passes.csv")))
            parts.append(losses_table(suite, rows))
    parts.append(memory_table(out, session.tables()))
    parts.append(goals_text(out, session.tables()))
    if session.failures:
        parts.append("\n".join(["Failures:", *(f"  {text}" for text in session.failures)]))
    if session.left_out:
        parts.append("\n".join(["Left out:", *(f"  {text}" for text in session.left_out)]))
    text = (
        "\n\n".join(part for part in parts if part)
        or "nothing was measured that a table could hold"
    )
    (out / "summary.txt").write_text(text + "\n")
    return text


def memory_table(out: Path, tables: Collection[str]) -> str:
    """The figures of the memory suite that are one number for each allocator; empty without any."""

    def read(table: str) -> list[Row]:
        return statistics.one_thp(results.read(out / f"{table}.csv")) if table in tables else []

    churned, freed, cyclic = (
        read(f"memory-{name}") for name in ("fragmentation", "give-back", "cyclic")
    )
    names = list(dict.fromkeys(row["alloc"] for row in (*churned, *freed, *cyclic)))
    columns = {
        "churned": memory.of_each(churned, names, lambda rows: memory.waste(rows)[-1]),
        **{
            f"by {number}": memory.of_each(
                [row for row in freed if row["freed_by"].startswith(number)],
                names,
                memory.median_of(memory.kept),
            )
            for number in ("four", "one")
        },
        "calls/s": memory.of_each(cyclic, names, memory.median_of(memory.calls_a_second)),
    }
    columns = {label: column for label, column in columns.items() if column}
    if not columns:
        return ""
    first = next(iter(columns.values()))
    names.sort(key=lambda name: first.get(name, math.inf))
    title = (
        "memory: medians: resident ÷ live when churned long; what is still resident 3 s after all was "
        "freed by four threads, by one;\ncalls a second that give memory back under a cyclic load; "
        "less is better"
    )
    return "\n".join([title, *_lines(columns, names)])


def means_table(suite: str, rows: list[Row]) -> str:
    """Geometric means over the cases that all allocators finished."""
    figures = {label: statistics.gather(rows, metric) for metric, label in _METRICS.items()}
    return _table(suite, figures) or f"{suite}: no case that all allocators finished"


def counts_table(suite: str, rows: list[Row]) -> str:
    """Of the separate pass; empty where nothing could be counted."""
    figures = {
        label: statistics.gather([row for row in rows if row["suite"] == suite and row[key]], key)
        for key, label in _COUNTS.items()
    }
    return _table(suite, {label: found for label, found in figures.items() if found})


def _table(suite: str, figures: Mapping[str, statistics.Figures]) -> str:
    """A column for each label. What it is over is that of the first one."""
    first = next(iter(figures.values()), {})
    baseline = statistics.baseline_of(first)
    columns = {
        label: statistics.means(statistics.ratios(found, baseline))
        for label, found in figures.items()
    }
    if not any(columns.values()):
        return ""
    rank = next(column for column in columns.values() if column)
    title = (
        f"{suite}: geometric means over {statistics.count_shared(first)}, ÷ {baseline}; "
        "less is better"
    )
    return "\n".join([title, *_lines(columns, sorted(rank, key=lambda name: rank[name]))])


def _lines(columns: Mapping[str, Mapping[str, float]], names: Iterable[str]) -> list[str]:
    """A line of labels, and one for each name."""
    lines = [f"  {'':24}" + "".join(f"{label:>13}" for label in columns)]
    for name in names:
        cells = (
            f"{column[name]:13.3f}" if name in column else f"{'-':>13}"
            for column in columns.values()
        )
        lines.append(f"  {name:24}" + "".join(cells))
    return lines


def losses_table(suite: str, rows: list[Row]) -> str:
    """Where talc is behind the best of the others, worst first."""
    lines = []
    for metric in ("wall", "rss"):
        figures = statistics.gather(statistics.one_thp(rows), metric)
        found = statistics.losses(figures, metric)
        compared = sum(statistics.OURS in cell and len(cell) > 1 for cell in figures.values())
        if not compared:
            continue
        lines.append(
            f"{suite}: {_METRICS[metric]}: talc loses to its best peer in {len(found)} of "
            f"{compared} cases" + (" (~: not in every round)" if found else "")
        )
        lines += _loss_lines(found[:_LOSSES_SHOWN])
        if len(found) > _LOSSES_SHOWN:
            lines.append(f"    and {len(found) - _LOSSES_SHOWN} more")
    return "\n".join(lines)


def _loss_lines(found: Iterable[statistics.Loss], digits: int = 2) -> list[str]:
    lines = []
    for loss in found:
        mark = "~" if loss.may_be_chance else " "
        lines.append(f"  {mark} {loss.case:28} {loss.ratio:6.{digits}f} × {loss.best}")
    return lines


def goals_text(out: Path, tables: Collection[str]) -> str:
    """How talc stands against the project's goals, as far as these tables of `out` tell it."""
    sections = {"programs": _programs_goals, "patterns": _patterns_goals, "micro": _micro_goals}
    parts = []
    for table, section in sections.items():
        rows = results.read(out / f"{table}.csv") if table in tables else []
        if lines := section(rows):
            title = f"{table}: talc and its goals, by medians; less is better"
            parts.append("\n".join([title, *lines]))
    return "\n\n".join(parts)


def _programs_goals(rows: list[Row]) -> list[str]:
    lines = _wall_goals("programs", rows)
    memory_over = goals.rss_over_glibc(rows)
    if means := statistics.means(memory_over):
        lines.append(f"  peak memory, geometric mean over {statistics.count_shared(memory_over)}:")
        value = means[statistics.BASELINE]
        lines.append(_goal_line(f"÷ {statistics.BASELINE}", value, goals.PROGRAMS_RSS))
    return lines


def _patterns_goals(rows: list[Row]) -> list[str]:
    lines = _wall_goals("patterns", rows)
    wall, rss = (goals.compared(rows, metric) for metric in ("wall", "rss"))
    if ranked := goals.ranked(wall):
        what = f"peak memory above {goals.PATTERNS_CASE_RSS} × the smallest of the three fastest"
        lines += _beyond_lines(what, goals.large_cases(wall, rss), len(ranked))
    over_empty = goals.exec_over_empty(rows)
    if over_empty is not None:
        lines.append("  wall time of exec:")
        lines.append(_goal_line("÷ a library that is empty", over_empty, goals.EXEC_OVER_EMPTY))
    return lines


def _micro_goals(rows: list[Row]) -> list[str]:
    value = goals.pair_over_floor(rows)
    if value is None:
        return []
    return [_goal_line(f"{goals.PAIR} ÷ {goals.FLOOR}", value, goals.PAIR_OVER_FLOOR)]


def _wall_goals(suite: str, rows: list[Row]) -> list[str]:
    """talc's time beside each peer over the suite, and the cases in which it takes too long."""
    figures = goals.compared(rows, "wall")
    if not figures:
        return []
    limit = goals.CASE_WALL[suite]
    what = f"wall time above {limit} × the best peer of the case"
    behind = _beyond_lines(what, goals.slow_cases(figures, limit), len(figures))
    return [*_means_lines(suite, goals.over_peers(figures)), *behind]


def _means_lines(suite: str, table: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The best peer has a line of its own besides: which one that is differs from run to run."""
    means = statistics.means(table)
    if not means:
        return []
    lines = [f"  wall time, geometric means over {statistics.count_shared(table)}:"]
    wanted = goals.PEER_WALL.get(suite, {})
    for name in sorted(means, key=lambda name: -means[name]):
        lines.append(_goal_line(f"÷ {name}", means[name], wanted.get(name)))
    best = goals.best_peer(means)
    lines.append(_goal_line(f"÷ the best, {best}", means[best], goals.BEST_PEER_WALL.get(suite)))
    return lines


def _goal_line(label: str, value: float, goal: float | None = None) -> str:
    """What is compared, how it came out, and what that means where there is a goal."""
    line = f"    {label:28} {value:6.3f}"
    if goal is None:
        return line
    return f"{line}  goal {goal:.2f}: {'met' if value <= goal else 'missed'}"


def _beyond_lines(what: str, found: list[statistics.Loss], compared: int) -> list[str]:
    """All of them: each is one that somebody wants to look into."""
    chance = " (~: not in every round)" if found else ""
    return [f"  {what}: {len(found)} of {compared} cases{chance}", *_loss_lines(found, digits=3)]
