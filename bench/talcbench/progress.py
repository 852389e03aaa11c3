"""The line that says how far a long run is: case k of n, and how long the rest will take."""
from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import TextIO


def duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Progress:
    """On a terminal one line that is overwritten; in a log one line for every case.

    `weights` say how long the steps are relative to one another; the time left follows from what
    those that are done have taken.
    """

    def __init__(
        self, weights: Sequence[float], stream: TextIO = sys.stderr, limit_s: float = math.inf
    ) -> None:
        self._weights = list(weights)
        self._limit_s = limit_s
        self._stream = stream
        self._start = time.monotonic()
        self._done = 0
        self._live = stream.isatty()

    def left(self) -> str:
        if self._done == 0:
            return "time left unknown"
        spent = time.monotonic() - self._start
        share = sum(self._weights[: self._done]) / sum(self._weights)
        return f"about {duration(min(spent / share, self._limit_s) - spent)} left"

    def _line(self, what: str) -> str:
        return f"[{self._done + 1}/{len(self._weights)}] {what}, {self.left()}"[:118]

    def step(self, what: str) -> None:
        """Says that the next step has begun."""
        text = self._line(what)
        self._stream.write(f"\r\x1b[K{text}" if self._live else text + "\n")
        self._stream.flush()

    def detail(self, what: str) -> None:
        """Within a step; only a terminal shows it."""
        if self._live:
            self._stream.write(f"\r\x1b[K{self._line(what)}")
            self._stream.flush()

    def done(self) -> None:
        self._done += 1

    def say(self, text: str) -> None:
        """A line that stays."""
        self._stream.write(("\r\x1b[K" if self._live else "") + text + "\n")
        self._stream.flush()

    def close(self) -> None:
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
