"""Programs of ours that measure by themselves and print a CSV, or Google Benchmark's JSON.

Each of their rows goes into the suite's CSV as it is, behind the allocator, the THP setting and the
round. An engine's program brings its own peers and runs once a round; the others run under every
allocator. One that is `traced` runs under strace, and each of its rows has besides how often it made
those calls of the kernel.
"""
from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

from talcbench import machine, passes, results
from talcbench.allocators import Allocator
from talcbench.cases import Case
from talcbench.processes import OK, last_line, measure
from talcbench.session import Session, Variant, rotated

_INSIDE = Variant(Allocator("inside"), "system")


@dataclass(frozen=True)
class Printed:
    """`command` is as in a Case, `quick_command` the one under --quick, which leaves it out if there
    is none. `rounds` is the most that make sense.
    """

    suite: str
    table: str
    name: str
    command: tuple[str, ...]
    quick_command: tuple[str, ...] | None
    preloaded: bool = True
    rounds: int = 1
    json: bool = False
    traced: tuple[str, ...] = ()  # calls of the kernel that are counted, one column each
    weight: float = 10.0
    timeout_s: float = 900.0
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(
        default_factory=dict
    )  # columns that tell its rows from others'


def run_printed(what: Printed, session: Session, share_s: float | None, turn: int) -> None:
    settings = session.settings
    if share_s == 0.0:
        session.leave_out(f"{what.suite}: {what.name}: no time left")
        return
    command = (what.quick_command if settings.quick else None) or what.command
    case = Case(what.suite, what.name, command, environment=what.environment)
    variants = settings.variants if what.preloaded else [_INSIDE]
    if what.traced:
        if shutil.which("strace") is None:
            session.leave_out(f"{what.suite}: {what.name}: no strace here: apt-get install strace")
            return
        # What is counted does not depend on huge pages, and strace knows nothing of the setting.
        variants = [variant for variant in variants if variant.thp == settings.thps[0]]
    failed: set[Variant] = set()
    # There is no warm-up: these programs have their own.
    for index in range(1, (1 if settings.quick else min(what.rounds, settings.rounds)) + 1):
        for variant in rotated(variants, turn + index):
            if variant not in failed:
                session.progress.detail(
                    f"{what.suite}: {what.name}: {variant.label}, round {index}"
                )
                if not _run_once(what, case, variant, index, session):
                    failed.add(variant)


def _run_once(what: Printed, case: Case, variant: Variant, index: int, session: Session) -> bool:
    place = session.settings.place
    timeout_s = min(what.timeout_s, session.left_s())
    calls: dict[str, int] = {}
    if what.traced:
        calls = passes.trace(case, variant.allocator, place, timeout_s)
        status, complaint = OK if calls else "not traced", last_line(place.scratch / "errors")
    else:
        run = measure(case, variant.allocator, variant.thp, place, timeout_s)
        status, complaint = run.status, run.complaint
    if status != OK:
        session.fail(what.suite, what.name, variant, status, complaint)
        return False
    text = (place.scratch / "output").read_text()
    try:
        rows = google_rows(text) if what.json else results.parse(text.splitlines())
    except (ValueError, KeyError, TypeError) as error:
        session.fail(what.suite, what.name, variant, "output not understood", repr(error))
        return False
    if not rows:
        session.fail(what.suite, what.name, variant, "no figures", complaint)
        return False
    thp = machine.thp_in_force(variant.thp)
    own = {"alloc": variant.allocator.name, "thp": thp} if what.preloaded else {}
    for row in rows:
        counted = {name: str(calls.get(name, 0)) for name in what.traced}
        session.table(what.table).add(
            own | {"round": str(index)} | dict(what.labels) | row | counted
        )
    return True


def google_rows(text: str) -> list[results.Row]:
    """One row for each benchmark, in nanoseconds."""
    units = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
    return [
        {
            "benchmark": entry["name"],
            "real_ns": f"{entry['real_time'] * units[entry['time_unit']]:.6g}",
            "cpu_ns": f"{entry['cpu_time'] * units[entry['time_unit']]:.6g}",
        }
        for entry in json.loads(text)["benchmarks"]
        if entry.get("run_type", "iteration") == "iteration" and not entry.get("error_occurred")
    ]
