"""Pages as the library writes them, made by hand; run as a program, one that shows such a page.

    pages.py SECONDS [TEXT]    prints TEXT and a number, four times a second, and shows its counters
"""
from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from talctools import live_page

MIB = 1 << 20


def page(
    process: int,
    program: bytes = b"made up",
    uptime_ms: int = 1500,
    sequence: int = 2,
    magic: bytes = live_page.MAGIC,
    version: int = live_page.VERSION,
    **counters: int,
) -> bytes:
    values = [counters.get(name, 0) for name in live_page.COUNTERS]
    head = live_page.HEAD.pack(magic, version, 4096, sequence, process, program, uptime_ms)
    return (head + live_page.BODY.pack(*values)).ljust(4096, b"\0")


def main(seconds: float, text: str | None = None) -> None:
    if os.environ.pop("LD_PRELOAD", None):
        # Without talc, which would show a page of its own in the same file.
        os.execve(sys.executable, sys.orig_argv, os.environ)
    path = Path(os.environ["TALC_WATCH"].replace("%p", str(os.getpid())).replace("%%", "%"))
    begin = time.monotonic()
    for number in range(max(1, round(seconds * 4))):
        path.write_bytes(
            page(
                os.getpid(),
                uptime_ms=round((time.monotonic() - begin) * 1000) + number,
                allocations=1000 * number,
                allocated=10 * MIB,
                active=11 * MIB,
                metadata=MIB,
                resident=(20 + number) * MIB,
                mapped=40 * MIB,
                retained=28 * MIB,
                cached=2 * MIB,
                dirty=8 * MIB,
                purged=20 * MIB,
                peak=45 * MIB,
            )
        )
        if text is not None:
            print(text, number, flush=True)
        time.sleep(0.25)


if __name__ == "__main__":
    main(float(sys.argv[1]), *sys.argv[2:])
