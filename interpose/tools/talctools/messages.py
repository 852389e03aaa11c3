"""Lines on standard error, which may be closed, or a pipe that nobody reads any more."""
from __future__ import annotations

import os
import sys


def say(text: str, tool: str = "talc-run") -> None:
    write(f"{tool}: {text}\n")


def write(text: str) -> None:
    """In one piece; the command's own lines do not come between."""
    if sys.stderr is None:
        return
    try:
        os.write(sys.stderr.fileno(), text.encode(errors="replace"))
    except OSError:
        pass


def is_terminal() -> bool:
    return sys.stderr is not None and os.isatty(sys.stderr.fileno())
