"""The pictures of single calls' latency, and of memory: over time, when churned long, when all of it
has been freed, and when it comes and goes.
"""
from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from talcbench import memory, picture
from talcbench.picture import plt
from talcbench.results import Row
from talcbench.statistics import one_thp

_POINTS = {"p50_ns": "p50", "p99_ns": "p99", "p99_9_ns": "p99.9", "max_ns": "max"}

_IDLE = {"freed_bytes": "just freed", "after_1s_bytes": "after 1 s", "after_3s_bytes": "after 3 s"}

_MARKERS = 16  # along a curve of many samples


def _nanoseconds(value: float, _: object = None) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g} ns"


def latency(rows: list[Row], path: Path) -> Path | None:
    """A row of panels for each thread count, a panel for each call; medians over the rounds."""
    rows = one_thp(rows)
    names = picture.in_order(row["alloc"] for row in rows)
    operations = list(dict.fromkeys(row["operation"] for row in rows))
    counts = sorted({int(row["threads"]) for row in rows})
    step = picture.least_positive(float(row[column]) for row in rows for column in _POINTS)
    figure, panels = plt.subplots(
        len(counts),
        len(operations),
        squeeze=False,
        sharey=True,
        sharex=True,
        layout="constrained",
        figsize=(picture.WIDTH, 0.8 + 3.2 * len(counts)),
    )
    for line, count in zip(panels, counts):
        for axes, operation in zip(line, operations):
            chosen = [
                row
                for row in rows
                if row["operation"] == operation and row["threads"] == str(count)
            ]
            _latency_panel(axes, chosen, names, step)
            axes.set_title(f"{operation}, {count} thread{'s' if count > 1 else ''}")
    picture.legend(figure, names, lines=True)
    return picture.save(figure, path)


def _latency_panel(axes: plt.Axes, rows: Sequence[Row], names: Sequence[str], step: float) -> None:
    for name in reversed(names):
        own = [row for row in rows if row["alloc"] == name]
        if not own:
            continue
        values = [
            max(step, statistics.median(float(row[column]) for row in own)) for column in _POINTS
        ]
        picture.draw_line(axes, list(enumerate(values)), name, names, markersize=6)
    axes.set_xticks(range(len(_POINTS)), list(_POINTS.values()))
    axes.margins(x=0.12)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(_nanoseconds))
    axes.grid(axis="y", color="0.88", linewidth=0.8)


def cycle(rows: list[Row], path: Path) -> Path | None:
    """Resident memory, a curve for each allocator and round; what is live is grey."""
    rows = one_thp(rows)
    names = picture.in_order(row["alloc"] for row in rows)
    # Each allocator takes its own time; the phases are laid side by side at equal width.
    order = list(dict.fromkeys(row["phase"] for row in rows))
    figure, axes = plt.subplots(layout="constrained", figsize=(picture.WIDTH, 4.8))
    for name in reversed(names):
        runs = memory.by_round([row for row in rows if row["alloc"] == name])
        for run in runs:
            xs, resident, live = _along_phases(run, order)
            picture.draw_line(axes, list(zip(xs, resident)), name, names, 5, _MARKERS)
        if name == names[0]:
            axes.fill_between(xs, live, color="0.87", zorder=1)
    for index, phase in enumerate(order):
        axes.axvline(index, color="0.6", linewidth=0.8, linestyle=":")
        axes.annotate(phase, (index + 0.5, 1.01), xycoords=("data", "axes fraction"), ha="center")
    axes.set_xticks([])
    axes.set_xlim(0, len(order))
    axes.set_ylim(bottom=0)
    axes.set_ylabel("resident MiB")
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    grey = Line2D([], [], color="0.8", linewidth=8, label="live bytes")
    picture.legend(figure, names, [grey], lines=True)
    return picture.save(figure, path)


def _along_phases(
    rows: Sequence[Row], order: Sequence[str]
) -> tuple[list[float], list[float], list[float]]:
    """Positions (phase k is from k to k + 1), resident and live MiB."""
    xs, resident, live = [], [], []
    for index, phase in enumerate(order):
        own = [row for row in rows if row["phase"] == phase]
        first, last = (float(own[0]["time_s"]), float(own[-1]["time_s"])) if own else (0.0, 0.0)
        for row in own:
            share = (float(row["time_s"]) - first) / (last - first) if last > first else 0.5
            xs.append(index + share)
            resident.append(float(row["resident_bytes"]) / 2**20)
            live.append(float(row["live_bytes"]) / 2**20)
    return xs, resident, live


def fragmentation(rows: list[Row], path: Path) -> Path | None:
    """Resident ÷ live: above all through the churn, below at its end; medians over the rounds."""
    rows = one_thp(rows)
    names = picture.in_order(row["alloc"] for row in rows)
    curves = {
        name: memory.waste([row for row in rows if row["alloc"] == name]) for name in names
    }
    figure, (above, below) = plt.subplots(
        2,
        layout="constrained",
        figsize=(picture.WIDTH, 4.6 + 0.45 * len(names)),
        height_ratios=(3.4, 0.8 + 0.45 * len(names)),
    )
    for name in reversed(names):
        curve = curves[name]
        points = [(100 * (index + 1) / len(curve), value) for index, value in enumerate(curve)]
        picture.draw_line(above, points, name, names, 5, _MARKERS)
    # At first next to nothing is live, and the quotient says nothing.
    settled = [value for curve in curves.values() for value in curve[len(curve) // 10 :]]
    above.set_ylim(0.95, 1.05 * max(settled))
    above.set_xlim(0, 100)
    above.set_xlabel("churn done, in percent")
    above.set_ylabel("resident ÷ live")
    above.grid(axis="y", color="0.9", linewidth=0.8)
    picture.bars(below, dict(sorted(_ends(curves).items(), key=lambda item: item[1])))
    below.axvline(1, color="0.35", linewidth=1.2)
    below.set_xlim(right=max(_ends(curves).values()) * 1.1)
    below.set_xlabel("resident ÷ live at the end; 1 would be no waste at all")
    picture.legend(figure, names, lines=True)
    return picture.save(figure, path)


def _ends(curves: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: curve[-1] for name, curve in curves.items()}


def give_back(rows: list[Row], path: Path) -> Path | None:
    """Resident MiB after all was freed: a row of panels for each way to free it, a panel for each
    moment; medians over the rounds.
    """
    rows = one_thp(rows)
    names = picture.in_order(row["alloc"] for row in rows)
    ways = list(dict.fromkeys(row["freed_by"] for row in rows))
    figure, panels = plt.subplots(
        len(ways),
        len(_IDLE),
        squeeze=False,
        sharex=True,
        sharey=True,
        layout="constrained",
        figsize=(picture.WIDTH, 0.8 + (0.7 + 0.4 * len(names)) * len(ways)),
    )
    for line, way in zip(panels, ways):
        own = [row for row in rows if row["freed_by"] == way]
        for axes, (column, moment) in zip(line, _IDLE.items()):
            in_mib = memory.median_of(lambda row: float(row[column]) / 2**20)
            values = memory.of_each(own, names, in_mib)
            picture.bars(axes, values, figures=".0f")
            axes.set_title(moment)
        line[0].set_ylabel(f"freed by {way}")
    full = statistics.median(float(row["full_bytes"]) for row in rows) / 2**20
    panels[0, 0].set_xlim(0, 1.35 * full)  # room for the figures
    figure.supxlabel(f"resident MiB after all of about {full:.0f} was freed", fontsize=12)
    return picture.save(figure, path)


def cyclic(rows: list[Row], path: Path) -> Path | None:
    """Calls that give memory back, a second, and page faults in each cycle."""
    rows = one_thp(rows)
    names = picture.in_order(row["alloc"] for row in rows)
    measures: dict[str, Callable[[Row], float]] = {
        f"{', '.join(memory.GIVING)}: calls a second": memory.calls_a_second,
        "page faults a cycle": lambda row: float(row["minor_faults"]) / float(row["cycles"]),
    }
    figure, panels = plt.subplots(
        1,
        len(measures),
        sharey=True,
        layout="constrained",
        figsize=(picture.WIDTH, 1.3 + 0.4 * len(names)),
    )
    for axes, (title, measure) in zip(panels, measures.items()):
        values = memory.of_each(rows, names, memory.median_of(measure))
        picture.bars(axes, values, figures=".1f")
        axes.set_xlim(0, max(1.0, *values.values()) * 1.3)
        axes.set_title(title, fontsize=12)
    return picture.save(figure, path)
