"""How all pictures look: colours, markers and hatches of each allocator, sizes, and the dot plot.

Colours are Okabe and Ito's, which the colour-blind can tell apart; in print the marker or the hatch
tells as much. talc is always the filled diamond, drawn last and largest. Text is sized for a
picture as wide as a README.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402  (the backend comes first)
from matplotlib.artist import Artist  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: E402

WIDTH = 9.0
_DPI = 140
_RULE = {"color": "0.85", "linewidth": 0.8, "zorder": 0}

plt.rcParams.update(
    {
        "font.size": 12,
        "axes.titlesize": 13,
        "axes.titleweight": "bold",
        "axes.labelsize": 12,
        "legend.fontsize": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "hatch.linewidth": 0.6,
        "svg.hashsalt": "talc",
    }
)


@dataclass(frozen=True)
class Look:
    colour: str
    marker: str
    hatch: str
    dash: str = "-"


_LOOKS = {
    "talc": Look("#D55E00", "D", ""),
    "mimalloc": Look("#0072B2", "o", "//", "--"),
    "jemalloc": Look("#009E73", "s", "\\\\", "-."),
    "tcmalloc": Look("#CC79A7", "^", "xx", ":"),
    "tbbmalloc": Look("#E69F00", "v", "..", "--"),
    "glibc": Look("#777777", "P", "--", "-."),
    "boost_rbtree": Look("#56B4E9", "X", "++", ":"),
    "boost_seq_fit": Look("#F0E442", "*", "oo", "--"),
    "pmr_pool": Look("#A08CC8", "<", "||", "-."),
}
# For the user's own libraries.
_SPARE = (
    Look("#56B4E9", "X", "++", ":"),
    Look("#F0E442", "*", "oo", "--"),
    Look("#A08CC8", "<", "||", "-."),
    Look("#B07050", ">", "**", ":"),
)


def look(name: str, names: Sequence[str]) -> Look:
    """The same for the same name; names of no look of their own share the spare ones."""
    if name in _LOOKS:
        return _LOOKS[name]
    others = sorted(other for other in names if other not in _LOOKS)
    return _SPARE[others.index(name) % len(_SPARE)]


def draw_line(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    name: str,
    names: Sequence[str],
    markersize: float,
    markers: int | None = None,
) -> None:
    """The curve of an allocator; talc's is bolder, with larger markers, and in front.

    Every point has a marker, or about `markers` of them have.
    """
    shape, ours = look(name, names), name == "talc"
    axes.plot(
        *zip(*points),
        color=shape.colour,
        marker=shape.marker,
        linestyle=shape.dash,
        linewidth=2.6 if ours else 1.4,
        markersize=markersize + 3 if ours else markersize,
        markevery=max(1, len(points) // markers) if markers else None,
        zorder=4 if ours else 3,
    )


def in_order(names: Iterable[str]) -> list[str]:
    """talc first, the known ones in their order, then the rest."""
    rank = {name: index for index, name in enumerate(_LOOKS)}
    return sorted(dict.fromkeys(names), key=lambda name: rank.get(name, len(rank)))


def least_positive(values: Iterable[float]) -> float:
    """What 0 is drawn as on a logarithmic axis: about the clock's step, which 0 is less than."""
    return min((value for value in values if value > 0), default=1.0)


def save(figure: Figure, path: Path) -> Path:
    # Without the version of matplotlib in it the same figures give the same file.
    figure.savefig(path, dpi=_DPI, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    return path


def ratio_axis(axes: Axes, values: Sequence[float]) -> None:
    """A logarithmic x axis of ratios, with plain numbers and a line at 1."""
    axes.set_xscale("log")
    low, high = min([*values, 0.95]), max([*values, 1.05])
    axes.set_xlim(low / 1.1, high * 1.1)
    wide = high / low > 6
    axes.xaxis.set_major_locator(
        LogLocator(subs=(1, 2, 5) if high / low < 60 else (1,))
        if wide
        else LogLocator(subs=(0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5))
    )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(1, color="0.35", linewidth=1.2, zorder=1)
    axes.grid(axis="x", **_RULE)


def dots(
    axes: Axes,
    table: Mapping[str, Mapping[str, float]],
    rows: Sequence[str],
    names: Sequence[str],
    whiskers: Mapping[str, tuple[float, float]],
) -> None:
    """One line for each of `rows`, top to bottom, with a dot for each allocator; talc's has a
    whisker from its lowest round to its highest.
    """
    for y, row in enumerate(rows):
        if row in whiskers and "talc" in table.get(row, {}):
            axes.plot(whiskers[row], [y, y], color="black", linewidth=1.4, marker="|", zorder=3.5)
    # talc last, so that no other dot covers it.
    for name in reversed(names):
        points = [(table[row][name], y) for y, row in enumerate(rows) if name in table.get(row, {})]
        if points:
            shape = look(name, names)
            ours = name == "talc"
            axes.scatter(
                *zip(*points),
                marker=shape.marker,
                color=shape.colour,
                s=90 if ours else 46,
                edgecolor="black" if ours else "white",
                linewidth=1.0 if ours else 0.5,
                zorder=4 if ours else 3,
            )
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", **_RULE)


def legend(
    figure: Figure, names: Sequence[str], extra: Sequence[Line2D] = (), lines: bool = False
) -> None:
    """Above all panels, in one row where it fits."""
    handles = [
        Line2D(
            [],
            [],
            color=look(name, names).colour,
            marker=look(name, names).marker,
            linestyle=look(name, names).dash if lines else "none",
            markersize=9 if name == "talc" else 7,
            markeredgecolor="black" if name == "talc" else look(name, names).colour,
            label=name,
        )
        for name in names
    ]
    _place_legend(figure, [*handles, *extra])


def bar_legend(
    figure: Figure, names: Sequence[str], remarks: Mapping[str, str] | None = None
) -> None:
    _place_legend(
        figure,
        [
            Patch(
                facecolor=look(name, names).colour,
                hatch=look(name, names).hatch,
                edgecolor="white",
                label=f"{name} ({remarks[name]})" if remarks and name in remarks else name,
            )
            for name in names
        ],
    )


def _place_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    figure.legend(
        handles=list(handles),
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncol=min(7, len(handles)),
        frameon=False,
        handletextpad=0.5,
        columnspacing=1.4,
    )


def bars(
    axes: Axes, values: Mapping[str, float], left: float = 0.0, figures: str = ".2f"
) -> None:
    """Horizontal bars from top to bottom, with their figures at the end.

    The axis begins at `left`; an arrow marks a figure that lies before it.
    """
    names = list(values)
    for y, name in enumerate(names):
        shape, value = look(name, names), values[name]
        if value > left:
            axes.barh(
                y, value, color=shape.colour, hatch=shape.hatch, edgecolor="white", height=0.7
            )
        axes.annotate(
            f"{value:{figures}}" if value >= left else f"◂ {value:{figures}}",
            (max(value, left), y),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            zorder=6,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            fontweight="bold" if name == "talc" else "normal",
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
