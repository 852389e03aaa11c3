"""What all suites share in one run: the settings, the CSV files, the failures, the time left."""
from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from talcbench import machine
from talcbench.allocators import Allocator
from talcbench.processes import Workplace
from talcbench.progress import Progress
from talcbench.results import Table


@dataclass(frozen=True)
class Variant:
    """What is compared: an allocator, and whether it may have huge pages."""

    allocator: Allocator
    thp: str

    @property
    def label(self) -> str:
        return (
            self.allocator.name
            if self.thp == "system"
            else f"{self.allocator.name}, THP {self.thp}"
        )


@dataclass(frozen=True)
class Settings:
    allocators: Sequence[Allocator]
    thps: Sequence[str]
    rounds: int
    quick: bool
    out: Path
    place: Workplace
    timeout_s: float

    @property
    def variants(self) -> list[Variant]:
        return [Variant(allocator, thp) for thp in self.thps for allocator in self.allocators]


def rotated(variants: Sequence[Variant], by: int) -> Iterator[Variant]:
    """All of them, beginning with another one each time."""
    for index in range(len(variants)):
        yield variants[(index + by) % len(variants)]


class Budget:
    """Divides a span of time by weights; what one step leaves over goes to the later ones."""

    def __init__(self, seconds: float, weights: Sequence[float]) -> None:
        self._end = None if math.isinf(seconds) else time.monotonic() + seconds
        self._weights = list(weights)

    def next_share(self) -> float | None:
        """The seconds of the next step, or None where time does not matter."""
        weights, self._weights = self._weights, self._weights[1:]
        if self._end is None:
            return None
        return max(0.0, self._end - time.monotonic()) * weights[0] / sum(weights)


@dataclass
class Session:
    settings: Settings
    head: Mapping[str, str]
    progress: Progress
    # What the head of one table says besides.
    more_head: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    limit_s: float = math.inf
    failures: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    _tables: dict[str, Table] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)
    _start: float = field(default_factory=time.monotonic)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self.progress.close()

    def table(self, name: str) -> Table:
        """The CSV of this name, begun at its first row."""
        if name not in self._tables:
            head = dict(self.head) | dict(self.more_head.get(name, {}))
            table = Table(self.settings.out / f"{name}.csv", head)
            self._tables[name] = self._open.enter_context(table)
        return self._tables[name]

    def tables(self) -> set[str]:
        """The names of those that have been begun."""
        return set(self._tables)

    def left_s(self) -> float:
        """Until the time of the whole run is over."""
        return max(0.0, self._start + self.limit_s - time.monotonic())

    def fail(
        self, suite: str, what: str, variant: Variant | None, status: str, complaint: str
    ) -> None:
        """Reports that something ended badly, and keeps a row of it; the run goes on.

        Without a variant it is the case itself that failed.
        """
        who = f"{variant.label}: " if variant else ""
        said = f" ({complaint})" if complaint else ""
        text = f"{suite}: {what}: {who}{status}{said}"
        self.failures.append(text)
        self.progress.say(f"FAILED  {text}")
        self.table("failures").add(
            {
                "suite": suite,
                "case": what,
                "alloc": variant.allocator.name if variant else "",
                "thp": machine.thp_in_force(variant.thp) if variant else "",
                "status": status,
                "complaint": complaint,
            }
        )

    def leave_out(self, text: str) -> None:
        self.left_out.append(text)
        self.progress.say(f"left out: {text}")
