"""The figures as text: for the terminal, and for summary.txt beside the CSV files."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from talcbench import results, statistics
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
    lines = [
        f"{suite}: geometric means over {statistics.count_shared(first)}, ÷ {baseline}; "
        "less is better",
        f"  {'':24}" + "".join(f"{label:>13}" for label in columns),
    ]
    rank = next(column for column in columns.values() if column)
    for name in sorted(rank, key=lambda name: rank[name]):
        cells = (
            f"{column[name]:13.3f}" if name in column else f"{'-':>13}"
            for column in columns.values()
        )
        lines.append(f"  {name:24}" + "".join(cells))
    return "\n".join(lines)


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
        for loss in found[:_LOSSES_SHOWN]:
            mark = "~" if loss.may_be_chance else " "
            lines.append(f"  {mark} {loss.case:28} {loss.ratio:6.2f} × {loss.best}")
        if len(found) > _LOSSES_SHOWN:
            lines.append(f"    and {len(found) - _LOSSES_SHOWN} more")
    return "\n".join(lines)
