"""What --watch knows of the processes: of each the last sample, its rates, and its memory so far."""
from __future__ import annotations

import os
from dataclasses import dataclass, field

from talctools import live_page
from talctools.live_page import Sample


class History:
    """Values over time, never more than `most`: when there are, each two become their maximum."""

    def __init__(self, most: int = 64) -> None:
        self.values: list[float] = []
        self._most = most
        self._step = 1  # samples for each value
        self._pending: list[float] = []

    def add(self, value: float) -> None:
        self._pending.append(value)
        if len(self._pending) < self._step:
            return
        self.values.append(max(self._pending))
        self._pending.clear()
        if len(self.values) >= self._most:
            self.values = [max(pair) for pair in zip(self.values[::2], self.values[1::2])]
            self._step *= 2


@dataclass
class Watched:
    sample: Sample
    rate: float = 0.0  # allocations a second
    most_resident: int = 0
    resident: History = field(default_factory=History)

    def update(self, sample: Sample) -> None:
        before = self.sample
        seconds = sample.uptime_s - before.uptime_s
        if seconds < 0:  # another program, by exec
            self.rate = 0.0
        elif seconds > 0:
            count = sample.counters["allocations"] - before.counters["allocations"]
            self.rate = max(0.0, count / seconds)
        self.sample = sample
        self.note()

    def note(self) -> None:
        now = self.sample.counters["resident"]
        self.most_resident = max(self.most_resident, now)
        self.resident.add(now)


class Processes:
    """All that show a page in the folder."""

    def __init__(self, folder: str, first: int) -> None:
        self.alive: dict[int, Watched] = {}
        self.first = first
        self.first_seen: Watched | None = None  # the command itself, also when it has ended
        self._folder = folder

    def refresh(self) -> None:
        seen = set()
        for name in os.listdir(self._folder):
            path = os.path.join(self._folder, name)
            try:
                sample = live_page.read(path)
                if sample is None:
                    # It is being written, perhaps by a process that was stopped meanwhile.
                    seen.add(int(name) if name.isdecimal() else 0)
                    continue
                if not os.path.exists(f"/proc/{sample.process}"):
                    os.unlink(path)  # its last words, if they are new ones
            except OSError:
                continue
            self._take(sample)
            if os.path.exists(path):
                seen.add(sample.process)
        self.alive = {process: known for process, known in self.alive.items() if process in seen}

    def _take(self, sample: Sample) -> None:
        known = self.alive.get(sample.process)
        if known is None:
            known = self.alive[sample.process] = Watched(sample)
            known.note()
        else:
            known.update(sample)
        if sample.process == self.first:
            self.first_seen = known

    def in_order(self) -> list[Watched]:
        """The command first, then those with most resident."""
        return sorted(
            self.alive.values(),
            key=lambda known: (
                known.sample.process != self.first,
                -known.sample.counters["resident"],
                known.sample.process,
            ),
        )
