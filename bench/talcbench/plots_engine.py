"""The pictures of the engine beside its peers in one arena, and of the microbenchmarks."""
from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.ticker import FuncFormatter, LogLocator

from talcbench import picture
from talcbench.picture import plt
from talcbench.references import HEAP_EFFICIENCY
from talcbench.results import Row
from talcbench.statistics import one_thp

_LEAST_SHOWN = 90.0
# The slow ones do not get through the whole stream: see bench/engine/random_actions.cpp.
_PARTIAL = {"boost_seq_fit": "first 5% of the stream"}
_WORKLOADS = {"eff": "many sizes, 128 MiB", "eff4": "mostly large reallocs, 512 MiB"}


def _medians(rows: Sequence[Row], key: Callable[[Row], str], value: str) -> dict[str, float]:
    """The median of the rows with the same key, in the order of the first of each."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(float(row[value]))
    return {name: statistics.median(values) for name, values in found.items()}


def heap_efficiency(rows: list[Row], path: Path) -> Path | None:
    """Bars of what was measured here, lines for engines that were measured elsewhere."""
    workloads = list(dict.fromkeys(row["workload"] for row in rows))
    figure, panels = plt.subplots(
        len(workloads),
        1,
        squeeze=False,
        layout="constrained",
        figsize=(picture.WIDTH, 3.4 * len(workloads)),
    )
    for axes, workload in zip(panels[:, 0], workloads):
        chosen = [row for row in rows if row["workload"] == workload]
        values = _medians(chosen, lambda row: row["allocator"], "percent")
        values = dict(sorted(values.items(), key=lambda item: -item[1]))
        lines = HEAP_EFFICIENCY.get(workload, {})
        # The good ones lie close together; a bad one must not press them into a corner.
        good = [value for value in (*values.values(), *lines.values()) if value > _LEAST_SHOWN]
        left = min(good, default=99.0) - 0.25 * (100 - min(good, default=99.0))
        picture.bars(axes, values, left)
        axes.set_xlim(left, 100)
        _reference_lines(axes, lines)
        axes.set_title(
            f"{workload}: {_WORKLOADS.get(workload, '')}", loc="left", pad=58 if lines else 6
        )
    figure.supxlabel(
        "percent of the arena in use when the first request fails (the axis does not start "
        "at 0)",
        fontsize=12,
    )
    return picture.save(figure, path)


def _reference_lines(axes: plt.Axes, lines: dict[str, float]) -> None:
    """Labels stand above the panel, each at its own height, so that close ones do not collide."""
    for index, (name, value) in enumerate(sorted(lines.items(), key=lambda item: item[1])):
        axes.axvline(value, color="black", linewidth=1.2, linestyle=(0, (4, 2)), zorder=5)
        axes.annotate(
            f"{name} {value:.2f}",
            (value, 1.0),
            xytext=(-4, 4 + 13 * index),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right",
            fontsize=10,
        )
        axes.annotate(
            "",
            (value, 1.0),
            xytext=(0, 16 + 13 * index),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            arrowprops={"arrowstyle": "-", "linestyle": (0, (4, 2)), "linewidth": 1.2},
        )


def random_actions(rows: list[Row], path: Path) -> Path | None:
    """Actions a second ÷ glibc's, in one panel per thread count and with or without realloc."""
    kinds = list(dict.fromkeys((row["threads"], row["realloc"]) for row in rows))
    names = [name for name in picture.in_order(row["allocator"] for row in rows) if name != "glibc"]
    sizes = sorted({int(row["max_size"]) for row in rows})
    figure, panels = plt.subplots(
        len(kinds),
        1,
        squeeze=False,
        layout="constrained",
        sharex=True,
        figsize=(picture.WIDTH, 0.8 + 2.5 * len(kinds)),
    )
    for axes, (threads, realloc) in zip(panels[:, 0], kinds):
        chosen = [row for row in rows if row["threads"] == threads and row["realloc"] == realloc]
        values = _medians(chosen, lambda row: f"{row['allocator']}/{row['max_size']}", "mops")
        width = 0.8 / len(names)
        for index, name in enumerate(names):
            shape = picture.look(name, names)
            pairs = [
                (x, values[f"{name}/{size}"] / values[f"glibc/{size}"])
                for x, size in enumerate(sizes)
                if f"{name}/{size}" in values and values.get(f"glibc/{size}")
            ]
            xs = [x + (index - (len(names) - 1) / 2) * width for x, _ in pairs]
            bars = axes.bar(
                xs,
                [y for _, y in pairs],
                width,
                color=shape.colour,
                hatch=shape.hatch,
                edgecolor="white",
            )
            if name == "talc":
                axes.bar_label(bars, fmt="%.2f", fontsize=10, fontweight="bold")
        axes.axhline(1, color="0.35", linewidth=1.2)
        axes.set_title(
            f"{threads} thread{'' if threads == '1' else 's'}, "
            f"{'with' if realloc == '1' else 'without'} realloc"
        )
        axes.margins(y=0.12)
    axes = panels[-1, 0]
    axes.set_xticks(range(len(sizes)), [f"{size:,}" for size in sizes])
    figure.supxlabel("largest block, bytes", fontsize=12)
    figure.supylabel("actions a second ÷ glibc, larger is better", fontsize=12)
    picture.bar_legend(figure, names, _PARTIAL)
    return picture.save(figure, path)


def operation_latency(rows: list[Row], path: Path) -> Path | None:
    """Box-and-whisker plots: the box from the quarter to three quarters, whiskers at 5% and 95%."""
    operations = list(dict.fromkeys(row["operation"] for row in rows))
    names = picture.in_order(row["allocator"] for row in rows)
    percentiles = ("p5", "p25", "p50", "p75", "p95")
    step = picture.least_positive(float(row[f"{mark}_ns"]) for row in rows for mark in percentiles)
    figure, panels = plt.subplots(
        len(operations),
        1,
        squeeze=False,
        layout="constrained",
        figsize=(picture.WIDTH, 0.8 + (0.6 + 0.42 * len(names)) * len(operations)),
    )
    for axes, operation in zip(panels[:, 0], operations):
        chosen = [row for row in rows if row["operation"] == operation]
        boxes = []
        for name in names:
            own = [row for row in chosen if row["allocator"] == name]
            marks = {
                mark: statistics.median(max(step, float(row[f"{mark}_ns"])) for row in own)
                if own
                else float("nan")
                for mark in percentiles
            }
            boxes.append(
                {
                    "label": name,
                    "whislo": marks["p5"],
                    "q1": marks["p25"],
                    "med": marks["p50"],
                    "q3": marks["p75"],
                    "whishi": marks["p95"],
                    "fliers": [],
                }
            )
        drawn = axes.bxp(
            boxes,
            vert=False,
            showfliers=False,
            patch_artist=True,
            widths=0.6,
            medianprops={"color": "black", "linewidth": 2.4},
        )
        for box, name in zip(drawn["boxes"], names):
            shape = picture.look(name, names)
            box.set(facecolor=shape.colour, hatch=shape.hatch, edgecolor="black")
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_title(operation)
        axes.grid(axis="x", color="0.88", linewidth=0.8)
    figure.supxlabel(
        "nanoseconds; box: middle half, line: median, whiskers: 5th and 95th percentile",
        fontsize=12,
    )
    return picture.save(figure, path)


def micro(rows: list[Row], path: Path) -> Path | None:
    """Time of each benchmark ÷ glibc's, or ÷ the first allocator's where glibc did not take part."""
    rows = one_thp(rows)
    values = _medians(rows, lambda row: f"{row['benchmark']}\n{row['alloc']}", "cpu_ns")
    names = picture.in_order(row["alloc"] for row in rows)
    baseline = "glibc" if "glibc" in names else names[0]
    table: dict[str, dict[str, float]] = {}
    for both, value in values.items():
        benchmark, name = both.split("\n")
        base = values.get(f"{benchmark}\n{baseline}")
        # The floor is the loop without an allocator, the same for all.
        if base and not benchmark.startswith("floor"):
            label = (
                benchmark.replace("size:", "").replace("/blocks:", " × ").replace("/threads:", " x")
            )
            table.setdefault(label, {})[name] = value / base
    if not table:
        return None
    figure, axes = plt.subplots(
        layout="constrained", figsize=(picture.WIDTH, 1.4 + 0.28 * len(table))
    )
    picture.dots(axes, table, list(table), names, {})
    picture.ratio_axis(axes, [value for cell in table.values() for value in cell.values()])
    axes.set_xlabel(f"CPU time of one operation ÷ {baseline}, smaller is better")
    picture.legend(figure, names)
    return picture.save(figure, path)
