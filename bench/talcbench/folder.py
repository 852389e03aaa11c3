"""The folder of results: which files belong to which table, and what becomes of an earlier run's."""
from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

# The pictures of a table. Of all others there is one, of the same name.
_PICTURES = {
    "programs": ("programs", "time-and-memory"),
    "patterns": ("patterns-wall", "patterns-rss", "scaling", "time-and-memory"),
}


def files_of(tables: Iterable[str]) -> set[str]:
    """What a run that writes these tables may leave."""
    names = {"failures.csv", "summary.txt"}
    for table in tables:
        names.add(f"{table}.csv")
        names.update(f"{picture}.png" for picture in _PICTURES.get(table, (table,)))
        if table in _PICTURES:
            names.add("passes.csv")
    return names


def set_aside(out: Path, tables: Iterable[str]) -> Path | None:
    """Moves what an earlier run left and this one would replace; where to, if there was anything."""
    old = [path for name in sorted(files_of(tables)) if (path := out / name).exists()]
    if not old:
        return None
    newest = max(path.stat().st_mtime for path in old)
    folder = out / time.strftime("before-%Y%m%d-%H%M%S", time.localtime(newest))
    folder.mkdir(exist_ok=True)
    for path in old:
        path.replace(folder / path.name)
    return folder
