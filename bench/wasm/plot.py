"""Draws the sizes and the speeds that scripts/wasm measured: plot.py SIZES.csv SPEED.csv PICTURE.png"""
from __future__ import annotations

import csv
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

COLOURS = {"alloc+free": "#3b6ea5", "with realloc": "#9fc3e6"}


def rows(path: str) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def label_bars(axes, bars, text) -> None:
    axes.bar_label(bars, labels=[text(bar.get_width()) for bar in bars], padding=3, fontsize=8)


def draw_sizes(axes, sizes: list[dict[str, str]]) -> None:
    names = [row["allocator"] for row in sizes]
    bars = axes.barh(names, [int(row["bytes"]) for row in sizes], color="#3b6ea5")
    label_bars(axes, bars, lambda width: f"{width:,.0f}")
    axes.set_title("Size: bytes beyond a module without an allocator")
    axes.margins(x=0.15)
    axes.invert_yaxis()


def draw_speeds(axes, speeds: list[dict[str, str]]) -> None:
    names = list(dict.fromkeys(row["allocator"] for row in speeds))
    for place, (kind, colour) in enumerate(COLOURS.items()):
        scores = [float(row["per_us"]) for row in speeds if row["actions"] == kind]
        heights = [index + (place - 0.5) * 0.38 for index in range(len(names))]
        label_bars(axes, axes.barh(heights, scores, 0.36, color=colour, label=kind), "{:.1f}".format)
    axes.set_yticks(range(len(names)), names)
    axes.set_title("Speed in node: actions per microsecond")
    axes.margins(x=0.15)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2, frameon=False, fontsize=8)
    axes.invert_yaxis()


def main(size_path: str, speed_path: str, picture: str) -> None:
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 3.4))
    draw_sizes(left, rows(size_path))
    draw_speeds(right, rows(speed_path))
    figure.tight_layout()
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
