"""CSV files that are whole after every row, so that a run may be broken off at any time.

A file starts with `# key: value` lines that say where its figures come from; then the names of the
columns, then the rows.
"""
from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TextIO

Row = dict[str, str]


class Table:
    """A CSV being written. It appears with its first row, and replaces what an earlier run left."""

    def __init__(self, path: Path, head: Mapping[str, str]) -> None:
        self.path = path
        self._head = head
        self._file: TextIO | None = None
        self._writer: csv.DictWriter[str] | None = None

    def __enter__(self) -> Table:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file:
            self._file.close()

    def add(self, row: Mapping[str, object]) -> None:
        """Writes the row out at once. Columns are the first row's."""
        if self._writer is None:
            self._file = self.path.open("w", newline="")
            for key, value in self._head.items():
                self._file.write(f"# {key}: {value}\n")
            self._writer = csv.DictWriter(
                self._file,
                list(row),
                restval="",
                extrasaction="ignore",
                lineterminator="\n",
            )
            self._writer.writeheader()
        self._writer.writerow({key: _text(value) for key, value in row.items()})
        assert self._file is not None
        self._file.flush()


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def parse(lines: Iterable[str]) -> list[Row]:
    """The rows of a CSV; lines that start with # are no rows."""
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def read(path: Path) -> list[Row]:
    """The rows of a file, none if there is no such file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return parse(file)


def read_head(path: Path) -> dict[str, str]:
    head: dict[str, str] = {}
    with path.open() as file:
        for line in file:
            if not line.startswith("# "):
                break
            key, _, value = line[2:].rstrip("\n").partition(": ")
            head[key] = value
    return head
