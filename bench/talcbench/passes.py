"""What is found out apart from the time: who served malloc, how many mappings and system calls.

In the warm-up run the loader writes down what it binds, and the run is looked at through /proc as it
goes; system calls are counted in a run under strace, which slows it by far too much to be timed.
"""
from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from talcbench.allocators import EMPTY, Allocator
from talcbench.cases import Case
from talcbench.processes import Run, Workplace, execute, measure

_BINDING = re.compile(r"binding file (\S+) \[\d+\] to (\S+) \[\d+\]: normal symbol `malloc'")
_CONTROL = re.compile(r"transferring control: (.+)$", re.M)
# Of strace's summary: % time, seconds, usecs/call, calls, errors if there were any, name.
_CALLS = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$", re.M)


@dataclass(frozen=True)
class Binding:
    """What a run that was watched tells: the most mappings of any of its processes, 0 if none was
    seen, and whether malloc was the right one: yes, no, or - where that is not asked.
    """

    run: Run
    mappings: int
    served: str


def watch_bindings(
    case: Case,
    allocator: Allocator,
    thp: str,
    place: Workplace,
    timeout_s: float,
    whole: bool = True,
) -> Binding:
    """One run, with the loader writing down what it binds, all of it before the program starts.

    Unless the `whole` is wanted it is ended as soon as the executable runs.
    """
    folder = place.scratch / "bindings"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    library = None if allocator.name == EMPTY else allocator.library
    asked = library is not None or bool(case.binary)
    most = 0

    def logs() -> Iterator[str]:
        return (path.read_text(errors="replace") for path in folder.iterdir())

    def watch(pid: int) -> bool:
        nonlocal most
        most = max(most, *(_mappings_of(process) for process in _descendants(pid)))
        return not whole and (not asked or any(runs(log, case.executable()) for log in logs()))

    debug = {"LD_DEBUG": "libs,bindings", "LD_DEBUG_OUTPUT": str(folder / "of")}
    if not whole:
        debug["LD_BIND_NOW"] = "1"
    run = measure(case, allocator, thp, place, timeout_s, debug, watch)
    served = "-"
    if asked:
        good = any(served_by(log, case.executable(), library) for log in logs())
        served = "yes" if good else "no"
    shutil.rmtree(folder)
    return Binding(run, most, served)


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        found.extend(_children(parent))
    return found


def _children(pid: int) -> Iterator[int]:
    """Of all its threads; of those that have ended meanwhile, none."""
    # glob() would raise when the folder that it walks through vanishes.
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                children = Path(f"/proc/{pid}/task/{thread}/children").read_text()
                yield from map(int, children.split())


def _mappings_of(pid: int) -> int:
    try:
        return Path(f"/proc/{pid}/maps").read_bytes().count(b"\n")
    except OSError:
        return 0


def runs(log: str, executable: str) -> bool:
    """Whether in the log of one process id `executable` was started."""
    return any(executable in _names(found) for found in _CONTROL.findall(log))


def _names(running: str) -> set[str]:
    """`running` is argv[0], which may be a link to the executable: python3 to python3.11."""
    running = running.strip()
    return {Path(running).name, Path(shutil.which(running) or running).resolve().name}


def served_by(log: str, executable: str, library: Path | None) -> bool:
    """Whether in the log of one process id `executable` ran, with every malloc bound to `library`;
    without one, to the libc.

    One id may run several programs in turn. What is bound at the start stands before the line that
    passes control, what is bound lazily after it; the next program begins with its search for
    libraries.
    """
    bound: set[str] = set()
    running, good = "", False
    for line in log.splitlines():
        if running and "find library=libc.so" in line:
            good = good or _is_served(running, executable, bound, library)
            running, bound = "", set()
        if found := _CONTROL.search(line):
            running = found[1].strip()
        # What the library itself looks up is the libc's that it stands before.
        elif (found := _BINDING.search(line)) and Path(found[1]).resolve() != library:
            bound.add(found[2])
    return good or _is_served(running, executable, bound, library)


def _is_served(running: str, executable: str, bound: set[str], library: Path | None) -> bool:
    """Others may be bound to the program itself: to its jump to malloc, if it is not position-
    independent, which then goes to the library. Of a program with a malloc of its own nothing is
    bound to the library.
    """
    if executable not in _names(running):
        return False
    targets = {Path(target) for target in bound - {running}}
    if library is None:
        return {target.name for target in targets} == {"libc.so.6"}
    return {target.resolve() for target in targets} == {library}


def count_syscalls(case: Case, allocator: Allocator, place: Workplace, timeout_s: float) -> str:
    """How many calls of the kernel there are in a run; nothing where they cannot be counted."""
    calls = trace(case, allocator, place, timeout_s)
    return str(sum(calls.values())) if calls else ""


def trace(
    case: Case, allocator: Allocator, place: Workplace, timeout_s: float
) -> dict[str, int]:
    """The calls of the kernel in a run under strace, by name. What it printed lies in scratch/output.

    Empty where there are none: strace is missing or not allowed, or ran out of time.
    """
    if shutil.which("strace") is None:
        return {}
    summary = place.scratch / "strace"
    summary.unlink(missing_ok=True)
    wrapper = ["strace", "-f", "-c", "-o", str(summary)]
    if allocator.library:
        wrapper += ["-E", f"LD_PRELOAD={allocator.library}"]
    execute(case, place, wrapper, place.environment(case), timeout_s)
    text = summary.read_text() if summary.exists() else ""
    return {name: int(calls) for calls, name in _CALLS.findall(text) if name != "total"}
