"""Measures the cases of patterns and programs: rounds in which every allocator has its turn.

Before the first round glibc runs the case once: what it prints is what the others must print, and
how long it takes says how many rounds there is time for. Then each allocator runs it once to warm up,
while the loader says whether the allocator serves it; only so far that this is known where nothing of
that run is counted, which under --quick is never.
"""
from __future__ import annotations

import inspect
import shutil
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from talcbench import machine, passes
from talcbench.allocators import Allocator
from talcbench.cases import Case
from talcbench.processes import ENOUGH, OK, Run, measure
from talcbench.session import Session, Variant, rotated

WRONG = "wrong output"
NOT_SERVED = "not served"
# Where an executable and Debian's package of it have different names.
PACKAGES = {
    "clang++": "clang",
    "cc1plus": "g++",
    "gs": "ghostscript",
    "node": "nodejs",
    "redis-benchmark": "redis-tools",
    "redis-cli": "redis-tools",
    "xmllint": "libxml2-utils",
}
_REFERENCE = Variant(Allocator("glibc"), "system")


def missing_needs(case: Case) -> str | None:
    """What to say where the case cannot run here."""
    missing = [name for name in case.needs if shutil.which(name) is None]
    if not missing:
        return None
    packages = dict.fromkeys(PACKAGES.get(name, name) for name in missing)
    return f"{case.label}: no {' '.join(missing)} here: apt-get install {' '.join(packages)}"


def refresh_inputs(cases: Sequence[Case], inputs: Path) -> None:
    """Throws the inputs away if a recipe has changed since they were made."""
    sources = sorted({inspect.getsourcefile(case.prepare) or "" for case in cases if case.prepare})
    version = f"{zlib.crc32(b''.join(Path(source).read_bytes() for source in sources)):08x}"
    stamp = inputs / ".version"
    if not stamp.exists() or stamp.read_text() != version:
        shutil.rmtree(inputs, ignore_errors=True)
        inputs.mkdir(parents=True)
        stamp.write_text(version)


def prepare(case: Case, inputs: Path) -> None:
    """Makes the case's inputs unless they stand. Half an input is worse than none."""
    if case.prepare is None:
        return
    stamp = inputs / f".{case.prepare.__module__}.{case.prepare.__qualname__}"
    if stamp.exists():
        return
    try:
        case.prepare(inputs)
    except BaseException:
        shutil.rmtree(inputs)
        raise
    stamp.touch()


def run_case(case: Case, session: Session, share_s: float | None, turn: int) -> None:
    """All rounds of one case. `share_s` is the time it should keep to, if any."""
    settings = session.settings
    problem = missing_needs(case)
    if problem:
        session.leave_out(problem)
        return
    if share_s == 0.0:
        session.leave_out(f"{case.suite}: {case.label}: no time left")
        return
    session.progress.detail(f"{case.suite}: {case.label}: preparing")
    prepare(case, settings.place.inputs)
    start = time.monotonic()
    reference = measure(case, _REFERENCE.allocator, "system", settings.place, settings.timeout_s)
    if reference.status != OK:
        _record(session, case, _REFERENCE, 0, reference)
        return
    bindings = _warm_up(case, session, reference)
    rounds = rounds_in(
        share_s, time.monotonic() - start, reference.wall_s, len(bindings), settings.rounds
    )
    if rounds == 0:
        session.leave_out(f"{case.suite}: {case.label}: too long for the time that is left")
        return
    _run_rounds(case, session, list(bindings), reference, rounds, turn)
    if case.inspected and not settings.quick:
        _count(case, session, bindings)


def rounds_in(
    share_s: float | None, spent_s: float, once_s: float, variants: int, most: int
) -> int:
    """How many rounds fit. One that takes up to three times the share is let through."""
    if share_s is None:
        return most
    round_s = (once_s + 0.01) * max(1, variants)
    fit = int((share_s - spent_s) / round_s)
    return min(most, fit) if fit >= 1 else int(round_s <= 3 * share_s)


def _warm_up(case: Case, session: Session, reference: Run) -> dict[Variant, passes.Binding]:
    """Those that can take part, with what their first run tells. It is no round: only failures are
    kept.
    """
    settings = session.settings
    found: dict[Variant, passes.Binding] = {}
    for variant in settings.variants:
        session.progress.detail(f"{case.suite}: {case.label}: {variant.label}, warming up")
        binding = passes.watch_bindings(
            case,
            variant.allocator,
            variant.thp,
            settings.place,
            settings.timeout_s,
            whole=case.inspected and not settings.quick,
        )
        run = _compared(binding.run, reference)
        if run.status in (OK, ENOUGH) and binding.served == "no":
            complaint = f"malloc of {case.executable()} is not the one to be measured"
            run = replace(run, status=NOT_SERVED, complaint=complaint)
        if run.status in (OK, ENOUGH):
            found[variant] = binding
        else:
            _record(session, case, variant, 0, run)
    return found


def _compared(run: Run, reference: Run) -> Run:
    """The run, with its output compared."""
    wrong = run.status == OK and run.output != reference.output
    return replace(run, status=WRONG) if wrong else run


def _run_rounds(
    case: Case,
    session: Session,
    variants: Sequence[Variant],
    reference: Run,
    rounds: int,
    turn: int,
) -> None:
    settings = session.settings
    failed: set[Variant] = set()
    for index in range(1, rounds + 1):
        for variant in rotated(variants, turn + index):
            if variant in failed:
                continue
            session.progress.detail(
                f"{case.suite}: {case.label}: {variant.label}, round {index}/{rounds}"
            )
            run = measure(case, variant.allocator, variant.thp, settings.place, settings.timeout_s)
            run = _compared(run, reference)
            if run.status != OK:
                failed.add(variant)
            _record(session, case, variant, index, run)


def _record(session: Session, case: Case, variant: Variant, index: int, run: Run) -> None:
    session.table(case.suite).add(
        {
            "suite": case.suite,
            "case": case.name,
            "threads": case.threads,
            "alloc": variant.allocator.name,
            "thp": machine.thp_in_force(variant.thp),
            "round": index,
            "wall_s": run.wall_s,
            "user_s": run.user_s,
            "system_s": run.system_s,
            "peak_rss_kib": run.peak_rss_kib,
            "minor_faults": run.minor_faults,
            "major_faults": run.major_faults,
            "status": run.status,
        }
    )
    if run.status != OK:
        session.fail(case.suite, case.label, variant, run.status, run.complaint)


def _count(case: Case, session: Session, bindings: Mapping[Variant, passes.Binding]) -> None:
    """Mappings and system calls: what cannot be had while the time is taken."""
    settings = session.settings
    for variant, binding in bindings.items():
        name = variant.allocator.name
        if variant.thp != settings.thps[0]:
            continue
        session.progress.detail(f"{case.suite}: {case.label}: {name}, counting system calls")
        calls = passes.count_syscalls(
            case, variant.allocator, settings.place, settings.timeout_s * 4
        )
        session.table("passes").add(
            {
                "suite": case.suite,
                "case": case.name,
                "threads": case.threads,
                "alloc": name,
                "mappings": binding.mappings or "",
                "syscalls": calls,
                "served": binding.served,
            }
        )
