"""Reading JSON reports of the library: one object a line, of any programs and processes, mixed.

The schema is in docs/STATISTICS.md. What is read is checked as far as it is used: files come from
anywhere. All reports of one process are a series, of which only the last is kept whole.
"""
from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from talctools.errors import UserError

SCHEMA = 1

_REQUIRED = ("process", "allocated", "active", "metadata", "retained", "mapped")
_TEXTS = ("program", "library", "version", "reason")
# What is read as a figure: of the report, of its objects, of the rows of its lists.
_FIGURES = (
    *_REQUIRED,
    *("timestamp", "uptime", "cached", "in_transit", "slab_free", "kept", "resident", "dirty"),
    *("purged", "peak", "peak_uptime", "heap_limit", "threads_left_out", "heaps_left_out"),
)
_OBJECTS = {
    "kernel": ("rss", "anon_huge_pages", "lazy_free", "mappings", "minor_faults", "major_faults"),
    "calls": ("mmap", "munmap", "mremap", "madvise", "mprotect", "mincore"),
    "purges": ("passes", "bytes"),
    "options": (),
}
CLASS_FIGURES = (
    *("size", "slabs", "slots", "live", "cached", "in_transit", "free", "allocations", "frees"),
)
_LISTS = {
    "classes": CLASS_FIGURES,
    "threads": ("arena", "cached", "in_transit", "hot"),
    "heap_map": ("arena", "bytes", "cell"),
    "arenas": (
        *("allocations", "frees", "allocated", "cached", "slabs", "resident", "mapped", "retained"),
    ),
}
# What a series remembers of each report.
_OVER_TIME = ("mapped", "resident", "allocated", "dirty")
# Reports of one program and process number, and nevertheless of two processes, if they disagree by
# more on when it started.
_SAME_START_S = 2.0

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Point:
    uptime: float
    figures: Mapping[str, float]


@dataclass
class Process:
    last: Report
    points: list[Point] = field(default_factory=list)

    @property
    def started(self) -> float:
        return number(self.last, "timestamp") - number(self.last, "uptime")


def number(report: Mapping[str, Any], key: str) -> float:
    """The figure, or 0 where there is none."""
    value = report.get(key)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else 0


def text(value: str) -> str:
    """The library writes each byte of a name as a character: this is what they spell, if it is UTF-8."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def resident(report: Report) -> float:
    """Of the whole process if the kernel said it, else what the library holds."""
    return number(report.get("kernel", {}), "rss") or number(report, "resident")


def read(paths: Iterable[str]) -> list[Process]:
    """The processes, in the order of their start. Errors: UserError, with file and line."""
    found: dict[tuple[str, float], list[Process]] = {}
    for path in paths:
        count = 0
        for report in _reports_of(path):
            _add(found, report)
            count += 1
        if count == 0:
            raise UserError(f"{path}: no report in it")
    processes = [process for same in found.values() for process in same]
    for process in processes:
        process.points.sort(key=lambda point: point.uptime)
    return sorted(processes, key=lambda process: (process.started, process.last["process"]))


def _lines_of(path: str) -> Iterable[bytes]:
    if path == "-":
        yield from sys.stdin.buffer
        return
    try:
        with open(path, "rb") as file:
            yield from file
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error


def _reports_of(path: str) -> Iterable[Report]:
    for index, line in enumerate(_lines_of(path), 1):
        if not line.strip():
            continue
        where = f"{path}:{index}"
        try:
            report = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError):
            ending = "" if line.endswith(b"\n") else ", and breaks off"
            raise UserError(
                f"{where}: no report of talc in JSON, as TALC_STATS=json writes{ending}"
            ) from None
        yield _checked(report, where)


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def _checked(report: Any, where: str) -> Report:
    if not isinstance(report, dict) or "program" not in report or "mapped" not in report:
        raise UserError(f"{where}: JSON, but no report of talc")
    schema = report.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise UserError(
            f"{where}: schema {schema} is newer than this talc-report, which knows {SCHEMA}"
        )
    if schema != SCHEMA:
        raise UserError(f"{where}: schema {schema!r:.40} is not known")
    for key in _REQUIRED:
        if report.get(key) is None:
            raise UserError(f"{where}: there is no '{key}'")
    for key in _TEXTS:
        if not isinstance(report.get(key, ""), str):
            raise UserError(f"{where}: '{key}' is not text")
    _check_figures(report, _FIGURES, where)
    for key, figures in _OBJECTS.items():
        if not isinstance(report.get(key, {}), dict):
            raise UserError(f"{where}: '{key}' is not an object")
        _check_figures(report.get(key, {}), figures, f"{where}: in '{key}'")
    for key, figures in _LISTS.items():
        rows = report.get(key, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise UserError(f"{where}: '{key}' is not a list of objects")
        for row in rows:
            _check_figures(row, figures, f"{where}: in '{key}'")
    return report


def _check_figures(values: Mapping[str, Any], keys: Iterable[str], where: str) -> None:
    """Null is none; what this does not know may be anything, and is not looked at."""
    for key in keys:
        value = values.get(key)
        if value is None:
            continue
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not 0 <= value < 2**64:
            raise UserError(f"{where}: '{key}' is no figure")


def _add(found: dict[tuple[str, float], list[Process]], report: Report) -> None:
    same = found.setdefault((report["program"], report["process"]), [])
    point = Point(
        number(report, "uptime"),
        {key: number(report, key) for key in _OVER_TIME} | {"resident": resident(report)},
    )
    started = number(report, "timestamp") - point.uptime
    for process in same:
        if abs(process.started - started) <= _SAME_START_S:
            process.points.append(point)
            if point.uptime >= number(process.last, "uptime"):
                process.last = report
            return
    same.append(Process(report, [point]))
