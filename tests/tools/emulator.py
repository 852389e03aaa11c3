"""As much of a terminal as the panel of talc-run --watch and simple programs use.

Rows and columns begin with 1, as in the sequences. Text wraps; a scrolling region, the saved cursor
and erasing are obeyed; anything else is an error, so that a new sequence is not missed.
"""
from __future__ import annotations

import re

_TOKEN = re.compile(
    r"\x1b\[(?P<parameters>[\d;]*)(?P<final>[A-Za-z])|\x1b(?P<plain>[78D])|(?P<char>.)", re.S
)


class Terminal:
    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.screen = [[" "] * columns for _ in range(rows)]
        self.row, self.column = 1, 1
        self.region = (1, rows)
        self._saved = (1, 1)
        self.scrolled: list[str] = []  # what left the screen at its top

    def lines(self) -> list[str]:
        return ["".join(row).rstrip() for row in self.screen]

    def feed(self, text: str) -> None:
        for token in _TOKEN.finditer(text):
            if token["final"]:
                numbers = [int(n) if n else 0 for n in token["parameters"].split(";")]
                self._control(token["final"], numbers)
            elif token["plain"]:
                self._escape(token["plain"])
            else:
                self._character(token["char"])

    def _control(self, final: str, numbers: list[int]) -> None:
        first = numbers[0]
        if final == "A":
            self.row = max(1, self.row - max(1, first))
        elif final == "H":
            self.row, self.column = max(1, first), max(1, numbers[1] if len(numbers) > 1 else 1)
        elif final == "J" and first == 0:
            for row in range(self.row + 1, self.rows + 1):
                self.screen[row - 1] = [" "] * self.columns
            self.screen[self.row - 1][self.column - 1 :] = " " * (self.columns - self.column + 1)
        elif final == "K" and first == 2:
            self.screen[self.row - 1] = [" "] * self.columns
        elif final == "K" and first == 0:
            self.screen[self.row - 1][self.column - 1 :] = " " * (self.columns - self.column + 1)
        elif final == "m":
            pass
        elif final == "r":
            self.region = (first or 1, numbers[1] if len(numbers) > 1 else self.rows)
            self.row, self.column = 1, 1
        else:
            raise ValueError(f"unknown sequence: {numbers} {final}")

    def _escape(self, plain: str) -> None:
        if plain == "7":
            self._saved = (self.row, self.column)
        elif plain == "8":
            self.row, self.column = self._saved
        else:
            self._down()

    def _down(self) -> None:
        top, bottom = self.region
        if self.row == bottom:
            self.scrolled.append("".join(self.screen[top - 1]).rstrip())
            del self.screen[top - 1]
            self.screen.insert(bottom - 1, [" "] * self.columns)
        elif self.row < self.rows:
            self.row += 1

    def _character(self, char: str) -> None:
        if char == "\n":
            self._down()
        elif char == "\r":
            self.column = 1
        elif char >= " ":
            if self.column > self.columns:
                self.column = 1
                self._down()
            self.screen[self.row - 1][self.column - 1] = char
            self.column += 1
        else:
            raise ValueError(f"unknown control character: {char!r}")
