"""The separate pass, untimed: how many mappings and system calls, and who served malloc.

Once per case and allocator. The first of its two runs has the loader write down what it binds, and
is looked at through /proc as it goes; the second is under strace, which slows it by far too much to
be timed.
"""
from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from talcbench.allocators import Allocator
from talcbench.cases import Case
from talcbench.processes import Workplace, execute

_BINDING = re.compile(r"binding file (\S+) \[\d+\] to (\S+) \[\d+\]: normal symbol `malloc'")
_CONTROL = re.compile(r"transferring control: (.+)$")


@dataclass(frozen=True)
class Findings:
    """Counts are empty where there are none. `served`: yes, no, or - if none is preloaded."""

    mappings: str
    syscalls: str
    served: str


def inspect_case(case: Case, allocator: Allocator, place: Workplace, timeout_s: float) -> Findings:
    mappings, served = _watch_bindings(case, allocator, place, timeout_s)
    return Findings(mappings, _count_syscalls(case, allocator, place, timeout_s), served)


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found.extend(int(child) for child in task.read_text().split())
            except OSError:
                pass  # it has just ended
    return found


def _mappings_of(pid: int) -> int:
    try:
        return Path(f"/proc/{pid}/maps").read_bytes().count(b"\n")
    except OSError:
        return 0


def _watch_bindings(
    case: Case, allocator: Allocator, place: Workplace, timeout_s: float
) -> tuple[str, str]:
    """The most mappings that any process had when looked at, and who served malloc."""
    folder = place.scratch / "bindings"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    most = 0

    def watch(pid: int) -> None:
        nonlocal most
        most = max(most, *(_mappings_of(process) for process in _descendants(pid)))

    wrapper = ["env", "LD_DEBUG=libs,bindings", f"LD_DEBUG_OUTPUT={folder / 'of'}"]
    if allocator.library:
        wrapper.append(f"LD_PRELOAD={allocator.library}")
    # env execs the program, so its own bindings stand first in the same file, before control is
    # passed.
    execute(case, place, wrapper, place.environment(case), timeout_s, watch)
    served = "-"
    if allocator.library:
        logs = (path.read_text(errors="replace") for path in folder.iterdir())
        served = (
            "yes"
            if any(served_by(log, case.executable(), allocator.library) for log in logs)
            else "no"
        )
    shutil.rmtree(folder)
    return str(most) if most else "", served


def served_by(log: str, executable: str, library: Path) -> bool:
    """Whether in the log of one process id `executable` ran, with every malloc bound to `library`.

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


def _is_served(running: str, executable: str, bound: set[str], library: Path) -> bool:
    """`running` is argv[0], which may be a link to the executable: python3 to python3.11.

    Others may be bound to the program itself: to its jump to malloc, if it is not position-
    independent, which then goes to the library. Of a program with a malloc of its own nothing is
    bound to the library.
    """
    names = {Path(running).name, Path(shutil.which(running) or running).resolve().name}
    return executable in names and {Path(target).resolve() for target in bound - {running}} == {
        library
    }


def _count_syscalls(case: Case, allocator: Allocator, place: Workplace, timeout_s: float) -> str:
    if shutil.which("strace") is None:
        return ""
    summary = place.scratch / "strace"
    summary.unlink(missing_ok=True)
    wrapper = ["strace", "-f", "-c", "-o", str(summary)]
    if allocator.library:
        wrapper += ["-E", f"LD_PRELOAD={allocator.library}"]
    execute(case, place, wrapper, place.environment(case), timeout_s)
    text = summary.read_text() if summary.exists() else ""
    # % time, seconds, usecs/call, calls, and errors if there were any.
    found = re.search(r"^100\.00\s+[\d.]+\s+[\d.]+\s+(\d+).*\btotal$", text, re.M)
    return found[1] if found else ""
