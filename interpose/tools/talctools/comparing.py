"""talc-run --compare: one command under several allocators, in rounds, and a table of what it took.

The allocators take turns within a round and the order rotates, so that a machine that is now
faster, now slower, treats all alike; the ratio to glibc is taken within each round. A first round
is not counted: it warms caches up, and has talc write its statistics, by which it proves that it
served the command. Exit status: 0; 1 if a run failed, or said something else than under glibc.
"""
from __future__ import annotations

import json
import shlex
import signal
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from talctools.arguments import Arguments
from talctools.environment import Environment, pattern, with_preload, with_variables
from talctools.installation import HARDENED, PLAIN, Installation
from talctools.launch import Program
from talctools.measuring import Laboratory, Run
from talctools.messages import is_terminal, say, write
from talctools.peers import Allocator, installed
from talctools.text import columns, duration, magnitude, printable

BASELINE = "glibc"
INTERRUPTED = 130

_DEFAULT_ROUNDS = 3

# What the caller's environment may have the library show, which is not to be in the way.
_SHOWING = (b"TALC_STATS", b"TALC_WATCH")

# Headings, what they are read from, and how they are written.
_COLUMNS: tuple[tuple[str, Callable[[dict[str, float]], float], Callable[[float], str]], ...] = (
    ("wall", lambda f: f["wall_s"], duration),
    ("CPU", lambda f: f["user_s"] + f["system_s"], duration),
    ("peak memory", lambda f: f["peak_rss_kib"] * 1024, magnitude),
    ("page faults", lambda f: f["minor_faults"] + f["major_faults"], lambda n: f"{n:,.0f}"),
)


@dataclass
class Contestant:
    allocator: Allocator
    first: Run | None = None  # not counted, but looked at
    runs: list[Run] = field(default_factory=list)

    @property
    def all_runs(self) -> list[Run]:
        return [*([self.first] if self.first else []), *self.runs]

    @property
    def name(self) -> str:
        return self.allocator.name


def compare(arguments: Arguments, installation: Installation, program: Program) -> int:
    ours = HARDENED if arguments.hardened else PLAIN
    allocators = [Allocator(BASELINE), Allocator(ours, installation.library(ours)), *installed()]
    contestants = [Contestant(allocator) for allocator in allocators]
    environment = {k: v for k, v in program.environment.items() if not k.startswith(_SHOWING)}
    interrupted = False
    remarks: list[str] = []
    with tempfile.TemporaryDirectory(prefix="talc-run-") as folder, _interruptible():
        laboratory = Laboratory(installation.helper("launcher"), Path(folder))
        try:
            remarks = _warm_up(contestants, laboratory, arguments.command, environment)
            _race(contestants, laboratory, arguments, environment)
        except KeyboardInterrupt:
            interrupted = True
    _clear_progress()
    finished = min(len(contestant.runs) for contestant in contestants)
    for contestant in contestants:
        del contestant.runs[finished:]
    faults: list[str] = []
    if finished:
        print(_table(contestants, arguments.command), flush=True)
        more, faults = judge(contestants)
        remarks += more
    for line in (*remarks, *faults):
        say(printable(line))
    if interrupted:
        say(f"interrupted after {finished} whole rounds")
        return INTERRUPTED
    return int(bool(faults))


@contextmanager
def _interruptible() -> Iterator[None]:
    """Who is told to end ends its command, too."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _warm_up(
    contestants: list[Contestant],
    laboratory: Laboratory,
    command: list[str],
    environment: Environment,
) -> list[str]:
    """One run of each. Returns what there is to say about talc's part in it."""
    reports, pages = laboratory.folder / "reports", laboratory.folder / "pages"
    reports.mkdir()
    pages.mkdir()
    shows = {
        "TALC_STATS": "json",
        "TALC_STATS_FILE": pattern(reports),
        "TALC_WATCH": pattern(pages),
    }
    for contestant in contestants:
        _progress(f"first round, which is not counted: {contestant.name}")
        seen = with_variables(environment, shows)
        contestant.first = laboratory.run(command, _preload(contestant, environment), seen)
    return [_served(sum(map(_allocations, reports.iterdir())), any(pages.iterdir()))]


def _served(allocations: int, is_loaded: bool) -> str:
    """A command that ends by _exit or a signal writes no report, but its page is there."""
    if allocations:
        return f"talc served {allocations:,} allocations"
    if is_loaded:
        return "talc served the command, which ended without a report (by _exit, or by a signal)"
    return "talc showed no sign of having served the command"


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


def _table(contestants: list[Contestant], command: list[str]) -> str:
    base = contestants[0].runs
    head = [""]
    for heading, _, _ in _COLUMNS:
        head += [heading, ""]
    rows = [head]
    for contestant in contestants:
        row = [contestant.name]
        for _, read, show in _COLUMNS:
            row.append(show(statistics.median(read(run.figures) for run in contestant.runs)))
            row.append(f"{_ratio(contestant.runs, base, read):.2f}")
        rows.append(row)
    what = printable(shlex.join(command))
    count = len(base)
    title = f"{what}: median of {count} rounds, and its ratio to {BASELINE}"
    return "\n".join(
        [title if count > 1 else f"{what}: one round, and its ratio to {BASELINE}", *columns(rows)]
    )


def _ratio(runs: list[Run], base: list[Run], read: Callable[[dict[str, float]], float]) -> float:
    """The median over the rounds. What is too small to be seen counts as equal."""
    pairs = [
        (read(run.figures), read(other.figures)) for run, other in zip(runs, base, strict=True)
    ]
    return statistics.median(1.0 if a == b else a / max(b, 1e-9) for a, b in pairs)


def judge(contestants: list[Contestant]) -> tuple[list[str], list[str]]:
    """Remarks, and faults: what went otherwise than under glibc, which comes first."""
    base, *others = contestants
    statuses = {run.status for run in base.all_runs}
    outputs = {run.output for run in base.all_runs}
    remarks, faults = [], []
    if statuses != {"exit 0"}:
        remarks.append(f"under {BASELINE} the command ended by {' or '.join(sorted(statuses))}")
    if len(outputs) > 1:
        remarks.append(f"the output is not compared: it changes from run to run under {BASELINE}")
    for contestant in others:
        for index, run in enumerate(contestant.all_runs):
            where = f"{contestant.name}: {f'round {index}' if index else 'first round'}: "
            if run.status not in statuses:
                said = f" ({run.complaint})" if run.complaint else ""
                faults.append(f"{where}{run.status}{said}")
            elif len(outputs) == 1 and run.output not in outputs:
                faults.append(f"{where}the output differs from that under {BASELINE}")
            else:
                continue
            break
    return remarks, faults


def _progress(text: str) -> None:
    """A line that is overwritten; a log does not need it."""
    if is_terminal():
        write(f"\r\x1b[Ktalc-run: {text}")


def _clear_progress() -> None:
    if is_terminal():
        write("\r\x1b[K")
