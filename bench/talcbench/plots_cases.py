"""The pictures of patterns and programs: dots of ratios, scaling, time against memory."""
from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from talcbench import picture, statistics
from talcbench.picture import plt
from talcbench.results import Row

Ratios = dict[str, dict[str, float]]
Whiskers = dict[str, tuple[float, float]]
_TITLES = {"wall": "wall time", "rss": "peak resident memory"}


@dataclass(frozen=True)
class _Compared:
    """Every case's ratios, and from where to where talc's went in single rounds."""

    table: Ratios
    baseline: str
    whiskers: Whiskers


def _ratios(rows: Sequence[Row], metric: str) -> _Compared:
    figures = statistics.gather(statistics.one_thp(list(rows)), metric)
    baseline = statistics.baseline_of(figures)
    ours = {
        case: statistics.round_ratios(cell[statistics.OURS], cell[baseline])
        for case, cell in figures.items()
        if statistics.OURS in cell and baseline in cell
    }
    whiskers = {case: (min(found), max(found)) for case, found in ours.items()}
    return _Compared(statistics.ratios(figures, baseline), baseline, whiskers)


def _by_talc(table: Ratios, rows: Sequence[str]) -> list[str]:
    """Where talc is best comes first; cases without talc at the end."""
    return sorted(rows, key=lambda row: table.get(row, {}).get("talc", math.inf))


def _names(tables: Iterable[Ratios]) -> list[str]:
    return picture.in_order(name for table in tables for cell in table.values() for name in cell)


def patterns_wall(rows: list[Row], path: Path) -> Path | None:
    return _patterns(rows, "wall", path)


def patterns_rss(rows: list[Row], path: Path) -> Path | None:
    return _patterns(rows, "rss", path)


def _patterns(rows: list[Row], metric: str, path: Path) -> Path | None:
    """One thread on the left, on the right the most threads up to four."""
    counts = sorted({int(row["threads"]) for row in rows if int(row["threads"]) <= 4})
    panels = (
        [count for count in dict.fromkeys((1, counts[-1])) if count in counts] if counts else []
    )
    found = []
    for count in panels:
        # Without the thread count the labels of both panels are the same.
        chosen = [row | {"threads": "1"} for row in rows if row["threads"] == str(count)]
        found.append(_ratios(chosen, metric))
    if not any(one.table for one in found):
        return None
    cases = list(dict.fromkeys(case for one in found for case in one.table))
    titles = ["1 thread" if count == 1 else f"{count} threads" for count in panels]
    return _dot_panels(
        found,
        titles,
        _by_talc(found[0].table, cases),
        f"{_TITLES[metric]} ÷ {found[0].baseline}, smaller is better",
        path,
    )


def programs(rows: list[Row], path: Path) -> Path | None:
    wall, rss = (_ratios([row | {"threads": "1"} for row in rows], key) for key in ("wall", "rss"))
    if not wall.table:
        return None
    return _dot_panels(
        [wall, rss],
        ["wall time", "peak resident memory"],
        _by_talc(wall.table, list(wall.table)),
        f"÷ {wall.baseline}, smaller is better",
        path,
    )


def _dot_panels(
    found: Sequence[_Compared], titles: Sequence[str], cases: Sequence[str], label: str, path: Path
) -> Path:
    names = _names(one.table for one in found)
    # All panels have the same range, so that a distance is the same in each.
    values = [value for one in found for cell in one.table.values() for value in cell.values()]
    values += [end for one in found for ends in one.whiskers.values() for end in ends]
    figure, panels = plt.subplots(
        1,
        len(found),
        sharey=True,
        squeeze=False,
        layout="constrained",
        figsize=(picture.WIDTH, 1.4 + 0.34 * len(cases)),
    )
    for axes, one, title in zip(panels[0], found, titles):
        picture.dots(axes, one.table, cases, names, one.whiskers)
        picture.ratio_axis(axes, values)
        axes.set_title(title)
    figure.supxlabel(label, fontsize=12)
    picture.legend(figure, names)
    return picture.save(figure, path)


def scaling(rows: list[Row], path: Path) -> Path | None:
    """A small picture for each pattern that was run with several thread counts."""
    figures = {
        count: statistics.gather(
            statistics.one_thp(
                [row | {"threads": "1"} for row in rows if row["threads"] == str(count)]
            ),
            "wall",
        )
        for count in sorted({int(row["threads"]) for row in rows})
    }
    counts = list(figures)
    cases = [
        case
        for case in dict.fromkeys(row["case"] for row in rows)
        if sum(case in figures[count] for count in counts) > 1
    ]
    if not cases:
        return None
    names = picture.in_order(
        name for table in figures.values() for name in statistics.variants(table)
    )
    columns = 3
    lines = math.ceil(len(cases) / columns)
    figure, panels = plt.subplots(
        lines,
        columns,
        squeeze=False,
        layout="constrained",
        sharex=True,
        figsize=(picture.WIDTH, 0.8 + 2.0 * lines),
    )
    for axes, case in zip(panels.flat, cases):
        _scaling_panel(axes, case, figures, names)
    for axes in list(panels.flat)[len(cases) :]:
        axes.set_visible(False)
    # With a shared axis only the lowest line has labels, of which some may not be there.
    for axes in list(panels.flat)[max(0, len(cases) - columns) : len(cases)]:
        axes.tick_params(axis="x", labelbottom=True)
    figure.supxlabel("threads (the same work in all, divided among them)", fontsize=12)
    figure.supylabel("seconds", fontsize=12)
    picture.legend(figure, names, lines=True)
    return picture.save(figure, path)


def _scaling_panel(
    axes: plt.Axes, case: str, figures: Mapping[int, statistics.Figures], names: Sequence[str]
) -> None:
    for name in reversed(names):
        points = [
            (count, table[case][name].median)
            for count, table in figures.items()
            if name in table.get(case, {})
        ]
        if points:
            picture.draw_line(axes, points, name, names, markersize=5)
    axes.set_title(case, fontsize=11)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(list(figures)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color="0.88", linewidth=0.8)


def time_and_memory(suites: Mapping[str, list[Row]], path: Path) -> Path | None:
    """Each allocator is a point: nearer to the lower left corner is better in both."""
    found = {suite: (_ratios(rows, "wall"), _ratios(rows, "rss")) for suite, rows in suites.items()}
    tables = {
        suite: tuple(statistics.means(one.table) for one in pair) for suite, pair in found.items()
    }
    tables = {suite: pair for suite, pair in tables.items() if pair[0]}
    if not tables:
        return None
    names = picture.in_order(name for wall, _ in tables.values() for name in wall)
    figure, panels = plt.subplots(
        1, len(tables), squeeze=False, layout="constrained", figsize=(picture.WIDTH, 4.6)
    )
    for axes, (suite, (wall, rss)) in zip(panels[0], tables.items()):
        for name in reversed(names):
            if name in wall:
                shape, ours = picture.look(name, names), name == "talc"
                axes.scatter(
                    wall[name],
                    rss[name],
                    color=shape.colour,
                    marker=shape.marker,
                    s=200 if ours else 90,
                    edgecolor="black" if ours else "white",
                    zorder=3,
                )
        axes.axvline(1, color="0.35", linewidth=1)
        axes.axhline(1, color="0.35", linewidth=1)
        axes.grid(color="0.9", linewidth=0.8)
        axes.margins(0.18)
        axes.set_title(f"{suite}\n{statistics.count_shared(found[suite][0].table)}")
        axes.annotate(
            "better",
            (0.02, 0.02),
            (0.12, 0.12),
            xycoords="axes fraction",
            color="0.35",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
            zorder=2,
            arrowprops={"arrowstyle": "->", "color": "0.35"},
        )
    baseline = found[next(iter(tables))][0].baseline
    figure.supxlabel(f"wall time ÷ {baseline}, geometric mean", fontsize=12)
    figure.supylabel(f"peak memory ÷ {baseline}, geometric mean", fontsize=12)
    picture.legend(figure, names)
    return picture.save(figure, path)
