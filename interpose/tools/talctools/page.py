"""The page: one file, no script, nothing fetched. Its policy (CSP) says so to the browser, too."""
from __future__ import annotations

from collections.abc import Sequence

from talctools import sections
from talctools.markup import escaped, table
from talctools.reports import Process, number, resident, text
from talctools.style import STYLE
from talctools.text import magnitude

_PARTS = (
    sections.head,
    sections.figures,
    sections.advice,
    sections.bytes_section,
    sections.time_section,
    sections.classes_section,
    sections.threads_section,
    sections.map_section,
    sections.kernel_section,
    sections.arenas_section,
    sections.options_section,
)


# A build may leave thousands of reports: so many processes are shown closely, the rest in a line.
MOST_CLOSELY = 32


def page(processes: Sequence[Process], title: str, version: str) -> str:
    by_peak = sorted(range(len(processes)), key=lambda i: -number(processes[i].last, "peak"))
    closely = sorted(by_peak[:MOST_CLOSELY])
    bodies = "".join(
        f'<article id="p{i}">\n{"".join(part(processes[i]) for part in _PARTS)}</article>\n'
        for i in closely
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escaped(title)}</title>
<style>
{STYLE}</style>
</head>
<body>
<header><h1>{escaped(title)}</h1></header>
<main>
{_overview(processes, closely)}{bodies}</main>
<footer>Written by talc-report {escaped(version)}. Sizes are in binary units: 1 KiB is 1024 bytes.</footer>
</body>
</html>
"""


def _overview(processes: Sequence[Process], closely: Sequence[int]) -> str:
    if len(processes) == 1:
        return ""
    names = [escaped(text(process.last["program"])) for process in processes]
    for i in closely:
        names[i] = f'<a href="#p{i}">{names[i]}</a>'
    rows = [
        [
            names[i],
            f"{process.last['process']:.0f}",
            f"{len(process.points):,}",
            magnitude(number(process.last, "allocated")),
            magnitude(resident(process.last)),
            magnitude(number(process.last, "mapped")),
            magnitude(number(process.last, "peak")),
        ]
        for i, process in enumerate(processes)
    ]
    heads = ["program", "process", "reports", "allocated", "resident", "mapped", "peak mapped"]
    left = len(processes) - len(closely)
    note = (
        f'<p class="note">Below are the {len(closely)} with the largest peaks.</p>\n'
        if left
        else ""
    )
    return f"<nav>{note}{table(heads, rows)}</nav>\n"
