"""The figures as text: for the terminal, and for summary.txt beside the CSV files."""
from __future__ import annotations

from pathlib import Path

from talcbench import results, statistics
from talcbench.results import Row
from talcbench.session import Session

_METRICS = {"wall": "wall time", "cpu": "CPU time", "rss": "peak memory"}
_LOSSES_SHOWN = 12


def summary(out: Path, session: Session) -> str:
    """Tables of this run's suites; what lies in `out` from another run is not looked at."""
    parts = []
    for suite in ("programs", "patterns"):
        if rows := results.read(out / f"{suite}.csv") if suite in session.tables() else []:
            parts += [means_table(suite, rows), losses_table(suite, rows)]
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
    columns: dict[str, dict[str, float]] = {}
    baseline, shared, total = statistics.BASELINE, 0, 0
    for metric in _METRICS:
        figures = statistics.gather(rows, metric)
        baseline = statistics.baseline_of(figures)
        columns[metric] = statistics.means(statistics.ratios(figures, baseline))
        names = statistics.variants(figures)
        total = len(figures)
        shared = sum(all(name in cell for name in names) for cell in figures.values())
    if shared == 0:
        return f"{suite}: no case that all allocators finished"
    lines = [
        f"{suite}: geometric means over {shared} of {total} cases, ÷ {baseline}; less is better",
        f"  {'':24}" + "".join(f"{label:>13}" for label in _METRICS.values()),
    ]
    for name in sorted(columns["wall"], key=lambda name: columns["wall"][name]):
        lines.append(
            f"  {name:24}" + "".join(f"{columns[metric][name]:13.3f}" for metric in _METRICS)
        )
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
            f"{compared} cases" + (" (~: the runs overlap)" if found else "")
        )
        for loss in found[:_LOSSES_SHOWN]:
            mark = "~" if loss.within_spread else " "
            lines.append(f"  {mark} {loss.case:28} {loss.ratio:6.2f} × {loss.best}")
        if len(found) > _LOSSES_SHOWN:
            lines.append(f"    and {len(found) - _LOSSES_SHOWN} more")
    return "\n".join(lines)
