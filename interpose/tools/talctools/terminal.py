"""A panel at the bottom of a terminal, below what a program goes on printing above it.

    row 1 ┌─────────────────────────────┐
          │ the command's output, which │  the scrolling region
          │ scrolls up here only        │
          ├─────────────────────────────┤
          │ the panel                   │  outside of it
   row n  └─────────────────────────────┘

Each change is one write, so that nothing of the command's comes between. The cursor is the
command's: it is saved before and restored after.
"""
from __future__ import annotations

import fcntl
import os
import struct
import termios
from collections.abc import Sequence

_SAVE, _RESTORE = "\x1b7", "\x1b8"
_WHOLE_REGION = "\x1b[r"
_LEAST_ABOVE = 3  # lines that the command keeps
_LEAST_COLUMNS = 40


class Panel:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._height = 0  # lines that are ours
        self._size = (0, 0)

    @property
    def columns(self) -> int:
        return self._window()[1]

    def show(self, lines: Sequence[str]) -> None:
        """Draws it, where there is room and this is the terminal's foreground."""
        if not self._in_foreground():
            return
        rows, columns = size = self._window()
        if rows < len(lines) + _LEAST_ABOVE or columns < _LEAST_COLUMNS:
            self.remove()
            return
        out = ""
        if size != self._size:
            out += self._given_up() if self._height else ""
            self._height, self._size = 0, size
        if len(lines) > self._height:
            # The cursor may be where the new lines will be: all above move up.
            more = len(lines) - self._height
            out += "\x1bD" * more + f"\x1b[{more}A"
            self._height = len(lines)
        top = rows - self._height + 1
        out += f"{_SAVE}\x1b[1;{top - 1}r"
        for index in range(self._height):
            text = lines[index] if index < len(lines) else ""
            out += f"\x1b[{top + index};1H\x1b[0m\x1b[2K{text}"
        self._write(out + _RESTORE)

    def remove(self) -> None:
        """The terminal is as before, but for what scrolled up."""
        if self._height:
            self._write(self._given_up())
        self._height, self._size = 0, (0, 0)

    def _given_up(self) -> str:
        rows = self._window()[0]
        top = max(1, rows - self._height + 1)
        return f"{_SAVE}{_WHOLE_REGION}\x1b[{top};1H\x1b[0m\x1b[J{_RESTORE}"

    def _window(self) -> tuple[int, int]:
        """Rows and columns; none if the terminal has gone."""
        try:
            answer = fcntl.ioctl(self._descriptor, termios.TIOCGWINSZ, b"\0" * 8)
        except OSError:
            return (0, 0)
        rows, columns, _, _ = struct.unpack("HHHH", answer)
        return (rows, columns)

    def _in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:
            return True  # not our controlling terminal: nobody else's either

    def _write(self, text: str) -> None:
        data = text.encode(errors="replace")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            pass  # the terminal has gone; the command goes on
