"""talc-run --compare: one command under several allocators, in rounds, and a table of what it took.

The allocators take turns within a round and the order rotates, so that a machine that is now
faster, now slower, treats all alike; the ratio to glibc is taken within each round. A first round
is not counted: it warms caches up, and shows whether each library was loaded into the command, and
what talc served. Exit status: 0; 1 if a run failed, or went otherwise than under glibc.
"""
from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from talctools.arguments import Arguments
from talctools.environment import Environment, pattern, with_preload, with_variables
from talctools.installation import HARDENED, PLAIN, Installation
from talctools.judging import BASELINE, Contestant, judge, table
from talctools.launch import Program
from talctools.measuring import Laboratory
from talctools.messages import is_terminal, say, write
from talctools.peers import Allocator, installed
from talctools.text import printable

INTERRUPTED = 130

_DEFAULT_ROUNDS = 3

# What the caller's environment may have the library show, which is not to be in the way.
_SHOWING = (b"TALC_STATS", b"TALC_WATCH")


def compare(arguments: Arguments, installation: Installation, program: Program) -> int:
    ours = HARDENED if arguments.hardened else PLAIN
    allocators = [Allocator(BASELINE), Allocator(ours, installation.library(ours)), *installed()]
    contestants = [Contestant(allocator) for allocator in allocators]
    environment = {k: v for k, v in program.environment.items() if not k.startswith(_SHOWING)}
    interrupted = False
    with tempfile.TemporaryDirectory(prefix="talc-run-") as folder, _interruptible():
        laboratory = Laboratory(installation.helper("launcher"), Path(folder))
        try:
            _warm_up(contestants, laboratory, arguments.command, environment)
            _race(contestants, laboratory, arguments, environment)
        except KeyboardInterrupt:
            interrupted = True
    _clear_progress()
    finished = min(len(contestant.runs) for contestant in contestants)
    for contestant in contestants:
        del contestant.runs[finished:]
    remarks: list[str] = []
    faults: list[str] = []
    if finished:
        print(table(contestants, arguments.command), flush=True)
        remarks, faults = judge(contestants)
    for line in (*remarks, *faults):
        say(printable(line))
    if interrupted:
        say(f"interrupted after {finished} whole rounds")
        return INTERRUPTED
    return int(bool(faults))


@contextmanager
def _interruptible() -> Iterator[None]:
    """Who is told to end ends its command, too."""
    numbers = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) == signal.SIG_DFL
    ]
    for number in numbers:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _warm_up(
    contestants: list[Contestant],
    laboratory: Laboratory,
    command: list[str],
    environment: Environment,
) -> None:
    """One run of each, in which the dynamic linker writes down what it loads, and talc reports."""
    for contestant in contestants:
        _progress(f"first round, which is not counted: {contestant.name}")
        reports, linked = (laboratory.folder / f"{contestant.name}-{what}" for what in ("r", "l"))
        reports.mkdir()
        linked.mkdir()
        shows = {
            "TALC_STATS": "json",
            "TALC_STATS_FILE": pattern(reports),
            "LD_DEBUG": "files",
            "LD_DEBUG_OUTPUT": str(linked / "by"),
        }
        seen = with_variables(environment, shows)
        contestant.first = laboratory.run(command, _preload(contestant, environment), seen)
        contestant.allocations = sum(map(_allocations, reports.iterdir()))
        library = os.fsencode(contestant.allocator.library or "")
        contestant.is_loaded = any(_loads(path, library) for path in linked.iterdir())


def _loads(path: Path, library: bytes) -> bool:
    return b"calling init: " + library in path.read_bytes()


def _preload(contestant: Contestant, environment: Environment) -> bytes:
    """What the caller preloads is preloaded for all."""
    preloaded = with_preload(environment, contestant.allocator.library or "")[b"LD_PRELOAD"]
    return preloaded.strip(b":")


def _allocations(path: Path) -> int:
    try:
        return sum(json.loads(line)["allocations"] for line in path.read_text().splitlines())
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _race(
    contestants: list[Contestant],
    laboratory: Laboratory,
    arguments: Arguments,
    environment: Environment,
) -> None:
    rounds = arguments.rounds or _DEFAULT_ROUNDS
    for index in range(rounds):
        turn = index % len(contestants)
        for contestant in (*contestants[turn:], *contestants[:turn]):
            _progress(f"round {index + 1} of {rounds}: {contestant.name}")
            preload = _preload(contestant, environment)
            contestant.runs.append(laboratory.run(arguments.command, preload, environment))


def _progress(text: str) -> None:
    """A line that is overwritten; a log does not need it."""
    if is_terminal():
        write(f"\r\x1b[Ktalc-run: {text}")


def _clear_progress() -> None:
    if is_terminal():
        write("\r\x1b[K")
