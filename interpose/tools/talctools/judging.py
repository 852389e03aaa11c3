"""What came out of the runs: a table of what they took, and what is to be said of them."""
from __future__ import annotations

import shlex
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from talctools.measuring import Run
from talctools.peers import Allocator
from talctools.text import columns, duration, magnitude, printable

BASELINE = "glibc"

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
    is_loaded: bool = True  # its library was, in the first run
    allocations: int = 0  # in the first run, as talc's statistics say
    runs: list[Run] = field(default_factory=list)

    @property
    def all_runs(self) -> list[Run]:
        return [*([self.first] if self.first else []), *self.runs]

    @property
    def name(self) -> str:
        return self.allocator.name


def table(contestants: list[Contestant], command: list[str]) -> str:
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
    """Remarks, and faults: what went otherwise than under glibc, which comes first; talc is next."""
    base, *others = contestants
    statuses = {run.status for run in base.all_runs}
    outputs = {run.output for run in base.all_runs}
    remarks, faults = [_served(others[0])] if others[0].is_loaded else [], []
    if statuses != {"exit 0"}:
        remarks.append(f"under {BASELINE} the command ended by {' or '.join(sorted(statuses))}")
    if len(outputs) > 1:
        remarks.append(f"the output is not compared: it changes from run to run under {BASELINE}")
    for contestant in others:
        if not contestant.is_loaded:
            faults.append(
                f"{contestant.name} was not loaded into the command, which ran without it"
            )
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


def _served(talc: Contestant) -> str:
    """What a command that ends by _exit or a signal did is not known, but that it had talc is."""
    if talc.allocations:
        return f"{talc.name} served {talc.allocations:,} allocations"
    return f"{talc.name} was loaded; the command ended without a report (by _exit, or by a signal)"
