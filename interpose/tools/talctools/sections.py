"""The parts of a page about one process, from its reports. A part without figures is left out."""
from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone

from talctools import charts
from talctools.accounting import ClassUse, by_waste, parts
from talctools.hints import hints
from talctools.markup import block, escaped, folded, table
from talctools.reports import CLASS_FIGURES, Process, Report, number, resident, text
from talctools.text import duration, magnitude

_MOST_CLASSES = 12
_MOST_THREADS = 32
_MOST_HEAPS = 64
_MOST_TEXT = 300

_REASONS = {
    "exit": "written at its end",
    "interval": "written at an interval",
    "signal": "written for a signal",
    "call": "written on a call",
}


def head(process: Process) -> str:
    report = process.last
    facts = [f"process {report['process']:.0f}"]
    if "library" in report:
        facts.append(escaped(f"{report['library']} {report.get('version', '')}".strip()))
    if number(report, "timestamp"):
        when = datetime.fromtimestamp(min(number(report, "timestamp"), 2**37), timezone.utc)
        facts.append(f"{when:%Y-%m-%d %H:%M:%S} UTC")
    if number(report, "uptime"):
        facts.append(f"{duration(number(report, 'uptime'))} after its start")
    if "reason" in report:
        facts.append(escaped(_REASONS.get(report["reason"], f"reason: {report['reason']}")))
    count = len(process.points)
    facts.append("one report" if count == 1 else f"{count:,} reports, of which this is the last")
    return f'<h2>{escaped(text(report["program"]))}</h2>\n<p class="note">{", ".join(facts)}</p>\n'


def figures(process: Process) -> str:
    """The few that are looked for first."""
    report = process.last
    peak = (
        f"{duration(number(report, 'peak_uptime'))} after the start"
        if "peak_uptime" in report
        else ""
    )
    rss = number(report.get("kernel", {}), "rss")
    tiles = [
        ("allocated", number(report, "allocated"), "live, as the program sees it"),
        ("resident", resident(report), "the process in memory" if rss else "talc in memory"),
        ("mapped", number(report, "mapped"), "addresses that talc has from the kernel"),
        ("peak mapped", number(report, "peak"), peak),
    ]
    return "".join(
        f'<div class="tile"><span>{name}</span><b>{magnitude(size)}</b><span>{note}</span></div>\n'
        for name, size, note in tiles
    ).join(('<div class="tiles">\n', "</div>\n"))


def advice(process: Process) -> str:
    said = hints(process)
    if not said:
        return ""
    items = "".join(f"<li>{escaped(hint)}</li>\n" for hint in said)
    return f'<section class="advice"><h3>What to do about it</h3>\n<ul>\n{items}</ul></section>\n'


def bytes_section(process: Process) -> str:
    found = parts(process.last)
    whole = sum(part.size_bytes for part in found)
    rows = [
        [
            f"{charts.key(part)} {escaped(part.name)}",
            magnitude(part.size_bytes),
            f"{part.size_bytes:,.0f}",
            f"{part.size_bytes / whole:.1%}" if whole else "",
            escaped(part.meaning),
        ]
        for part in found
    ]
    rows.append(["mapped", magnitude(whole), f"{whole:,.0f}", "", "all of it"])
    heads = ["part", "size", "bytes", "share", "what it is"]
    return block(
        "Where the bytes are",
        charts.stacked_bar(found) + table(heads, rows, texts=(0, 4)),
        "All that is mapped, live blocks first. What is purged needs no memory.",
    )


def time_section(process: Process) -> str:
    seconds = [point.uptime for point in process.points]
    names = (("mapped", "mapped"), ("resident", "resident"), ("allocated", "allocated"))
    dirty = any(point.figures["dirty"] for point in process.points)
    lines = [
        charts.Line(f"of-{key}", name, [point.figures[key] for point in process.points])
        for key, name in (*names, *((("dirty", "dirty"),) if dirty else ()))
    ]
    return block(
        "Over time",
        charts.lines_over_time(seconds, lines),
        "Since the start of the process. Dirty is free, and still in memory.",
    )


def classes_section(process: Process) -> str:
    classes = by_waste(process.last)
    if not classes:
        return ""
    most = max(one.waste for one in classes) or 1
    shown = [one for one in classes if one.waste][:_MOST_CLASSES]
    rows = [
        [
            f"{one.size:,.0f}",
            magnitude(one.waste),
            _waste_bar(one, one.waste / most),
            f"{one.use:.0%}",
        ]
        for one in shown
    ]
    bars = table(
        ["size", "waste", "in caches and transit, then free in slabs", "slots live"], rows, (2,)
    )
    all_rows = [_class_row(one) for one in sorted(classes, key=lambda one: one.size)]
    heads = [*(key.replace("_", " ") for key in CLASS_FIGURES), "waste"]
    return block(
        "Size classes by waste",
        (bars if shown else "<p>No slot is free.</p>\n")
        + folded(f"All {len(classes)} classes that were used", table(heads, all_rows, ())),
        "Waste is bytes of slots without a live block. Waste of one class can't serve another.",
    )


def _waste_bar(one: ClassUse, share: float) -> str:
    away = (number(one.row, "cached") + number(one.row, "in_transit")) * one.size
    cached = share * min(1.0, away / one.waste)
    return charts.small_bar([("fill-caches", cached), ("fill-slab_free", share - cached)])


def _class_row(one: ClassUse) -> list[str]:
    figures = (f"{number(one.row, key):,.0f}" for key in CLASS_FIGURES)
    return [*figures, magnitude(one.waste)]


def threads_section(process: Process) -> str:
    threads = process.last.get("threads", [])
    held = [number(row, "cached") + number(row, "in_transit") for row in threads]
    most = max(held, default=0) or 1
    order = sorted(range(len(threads)), key=lambda i: -held[i])
    rows = []
    for i in order[:_MOST_THREADS]:
        row = threads[i]
        hot = min(number(row, "hot"), number(row, "cached"))
        pieces = [
            ("fill-caches", (number(row, "cached") - hot) / most),
            ("fill-kept", hot / most),
            ("fill-transit", number(row, "in_transit") / most),
        ]
        rows.append(
            [
                f"{number(row, 'arena'):.0f}",
                "runs" if row.get("active") else "ended",
                *(magnitude(number(row, key)) for key in ("cached", "hot", "in_transit")),
                charts.small_bar(pieces),
            ]
        )
    if not rows:
        return ""
    left = len(threads) - len(rows) + int(number(process.last, "threads_left_out"))
    more = f"<p>… and {left:,} more.</p>\n" if left else ""
    heads = ["arena", "thread", "cached", "of which hot", "in transit", "small, hot, in transit"]
    return block(
        "Threads' caches",
        table(heads, rows, (1, 5)) + more,
        "What each holds back, most first. The cache of a thread that ended waits for the next one.",
    )


def arenas_section(process: Process) -> str:
    keys = (
        "allocations",
        "frees",
        "allocated",
        "cached",
        "slabs",
        "resident",
        "mapped",
        "retained",
    )
    sizes = {"allocated", "cached", "slabs", "resident", "mapped", "retained"}
    rows = [
        [str(i), *((magnitude if key in sizes else _count)(number(row, key)) for key in keys)]
        for i, row in enumerate(process.last.get("arenas", []))
    ]
    return block("Arenas", table(["arena", *keys], rows, ()) if rows else "")


def _count(value: float) -> str:
    return f"{value:,.0f}"


def kernel_section(process: Process) -> str:
    report = process.last
    kernel, calls, purges = (report.get(key, {}) for key in ("kernel", "calls", "purges"))
    write: dict[str, tuple[str, Callable[[float], str]]] = {
        "rss": ("in memory, all of the process", magnitude),
        "anon_huge_pages": ("of which in huge pages", magnitude),
        "lazy_free": ("given back, and not yet taken", magnitude),
        "mappings": ("mappings", _count),
        "minor_faults": ("page faults", _count),
        "major_faults": ("page faults that read a disk", _count),
    }
    rows = [
        [name, show(number(kernel, key))]
        for key, (name, show) in write.items()
        if kernel.get(key) is not None
    ]
    if purges:
        rows.append(["passes of purging", _count(number(purges, "passes"))])
        rows.append(["given back by them", magnitude(number(purges, "bytes"))])
    left = table(["what the kernel says", ""], rows) if rows else ""
    ranked = sorted(calls, key=lambda name: -number(calls, name))
    most = max((number(calls, name) for name in ranked), default=0) or 1
    bars = [
        [
            escaped(name),
            _count(number(calls, name)),
            charts.small_bar([("fill-overhead", number(calls, name) / most)]),
        ]
        for name in ranked
    ]
    right = table(["call for memory", "times", ""], bars, (0, 2)) if bars else ""
    return block("The kernel", f'<div class="pair">{left}{right}</div>\n' if left or right else "")


def map_section(process: Process) -> str:
    heaps = [row for row in process.last.get("heap_map", []) if isinstance(row.get("cells"), str)]
    if not heaps:
        return ""
    legend = "".join(
        f"<span>{charts.cell_key(style)} {escaped(name)}</span>"
        for style, name in charts.CELLS.values()
    )
    drawn = "".join(
        f"<figure><figcaption>{_heap_title(row)}</figcaption>\n{charts.heap_map(row['cells'])}</figure>\n"
        for row in heaps[:_MOST_HEAPS]
        if row["cells"]
    )
    left = len(heaps[_MOST_HEAPS:]) + int(number(process.last, "heaps_left_out"))
    more = f"<p>… and {left:,} more.</p>\n" if left else ""
    return block(
        "A map of the heaps",
        f'<p class="legend">{legend}</p>\n{drawn}{more}',
        "Each square is a stretch of addresses, in rows from the lowest on.",
    )


def _heap_title(row: Report) -> str:
    base = str(row.get("base", ""))[:_MOST_TEXT]
    return escaped(
        f"{base}, arena {number(row, 'arena'):.0f}, {magnitude(number(row, 'bytes'))}, "
        f"{magnitude(number(row, 'cell'))} a square"
    )


def options_section(process: Process) -> str:
    options = process.last.get("options", {})
    rows = [
        [f"<code>TALC_{escaped(str(name).upper())}</code>", escaped(_value(value))]
        for name, value in options.items()
    ]
    return block("Options in effect", table(["option", "value"], rows, (0, 1)) if rows else "")


def _value(value: object) -> str:
    if value is None:
        return "none"
    shown = text(value) if isinstance(value, str) else json.dumps(value)
    return shown[:_MOST_TEXT]
