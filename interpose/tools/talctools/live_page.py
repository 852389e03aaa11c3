"""Reading the page that a process shows its counters in. lib/talc/live_page.h lays it out.

    0  "talcpage" | version u32 | size u32 | sequence u64 | process u64 | program, 64 bytes
   96  uptime in ms u64 | the counters, a u64 each, in the order of COUNTERS

The sequence is odd while the library writes; who reads looks at it before and after.
"""
from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass

MAGIC = b"talcpage"
VERSION = 1
COUNTERS = (
    "allocations",
    "frees",
    "allocated",
    "active",
    "metadata",
    "cached",
    "in_transit",
    "slabs",
    "slab_free",
    "resident",
    "mapped",
    "retained",
    "dirty",
    "purged",
    "peak",
    "heaps",
    "huge_bytes",
    "arenas",
)
HEAD = struct.Struct("<8sIIQQ64sQ")
BODY = struct.Struct(f"<{len(COUNTERS)}Q")

_SEQUENCE = struct.Struct("<Q")
_SEQUENCE_AT = 16
_TRIES = 20


@dataclass(frozen=True)
class Sample:
    process: int
    program: str
    uptime_s: float
    counters: Mapping[str, int]


def read(path: str) -> Sample | None:
    """None if it is no such page, or never holds still. Errors: OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for _ in range(_TRIES):
            before = os.pread(descriptor, _SEQUENCE.size, _SEQUENCE_AT)
            image = os.pread(descriptor, HEAD.size + BODY.size, 0)
            after = os.pread(descriptor, _SEQUENCE.size, _SEQUENCE_AT)
            if before == after and len(after) == _SEQUENCE.size and after[0] % 2 == 0:
                return _parse(image)
    finally:
        os.close(descriptor)
    return None


def _parse(image: bytes) -> Sample | None:
    if len(image) < HEAD.size + BODY.size:
        return None
    magic, version, _, sequence, process, program, uptime_ms = HEAD.unpack_from(image)
    if magic != MAGIC or version != VERSION or sequence == 0:
        return None
    values = BODY.unpack_from(image, HEAD.size)
    name = program.split(b"\0", 1)[0].decode(errors="replace")
    return Sample(process, name, uptime_ms / 1000, dict(zip(COUNTERS, values, strict=True)))
