"""JSON reports as the library writes them, made by hand, whose figures add up."""
from __future__ import annotations

import json
from typing import Any

MIB = 1 << 20


def size_class(size: int, slabs: int, live: int, cached: int, in_transit: int) -> dict[str, int]:
    slots = slabs * (65536 // size)
    return {
        "size": size,
        "slabs": slabs,
        "slots": slots,
        "live": live,
        "cached": cached,
        "in_transit": in_transit,
        "free": slots - live - cached - in_transit,
        "allocations": 7 * live,
        "frees": 6 * live,
    }


def report(**changed: Any) -> dict[str, Any]:
    """One in which every part has something; `changed` replaces whole keys."""
    classes = [
        size_class(48, 400, 300_000, 9_000, 700),
        size_class(256, 200, 20_000, 3_000, 100),
        size_class(1024, 90, 5_000, 300, 0),
        size_class(32, 20, 40_960, 0, 0),
    ]
    cached = sum(one["cached"] * one["size"] for one in classes) + 3 * MIB
    in_transit = sum(one["in_transit"] * one["size"] for one in classes)
    slab_free = sum(one["free"] * one["size"] for one in classes)
    mapped, active, metadata, dirty = 160 * MIB, 80 * MIB, 3 * MIB, 52 * MIB
    retained = mapped - active - metadata
    plain = {
        "schema": 1,
        "library": "talc",
        "version": "1.0.0",
        "timestamp": 1795669612.5,
        "uptime": 12.25,
        "reason": "exit",
        "program": "server",
        "process": 4711,
        "allocations": 4_000_000,
        "frees": 3_600_000,
        "allocated": 77 * MIB,
        "active": active,
        "metadata": metadata,
        "cached": cached,
        "in_transit": in_transit,
        "slabs": 44 * MIB,
        "slab_free": slab_free,
        "group_free": MIB,
        "gaps": retained - cached - in_transit - slab_free - 10 * MIB,
        "kept": 9 * MIB,
        "resident": 118 * MIB,
        "mapped": mapped,
        "retained": retained,
        "dirty": dirty,
        "purged": retained - dirty,
        "peak": 190 * MIB,
        "peak_uptime": 8.125,
        "heap_limit": None,
        "heaps": 4,
        "huge_blocks": 1,
        "huge_bytes": 12 * MIB,
        "kernel": {
            "rss": 131 * MIB,
            "anon_huge_pages": 40 * MIB,
            "lazy_free": None,
            "mappings": 73,
            "minor_faults": 41_000,
            "major_faults": 3,
        },
        "calls": {
            "mmap": 31,
            "munmap": 12,
            "mremap": 40,
            "madvise": 280,
            "mprotect": 0,
            "mincore": 9,
        },
        "purges": {"passes": 9, "bytes": 300 * MIB},
        "thp": {"mode": "adaptive", "advised": 64 * MIB},
        "classes": classes,
        "middle": {
            "blocks": 90,
            "bytes": 21 * MIB,
            "hot_blocks": 5,
            "hot_bytes": 3 * MIB,
            "in_transit_bytes": 0,
            "allocations": 1_000,
            "frees": 910,
        },
        "threads": [
            {
                "arena": i % 2,
                "active": i != 3,
                "cached": (6 - i) * 200_000 + (i == 0) * 3 * MIB,
                "in_transit": i * 9_000,
                "hot": (i == 0) * 3 * MIB,
            }
            for i in range(5)
        ],
        "heap_map": [
            {
                "arena": 0,
                "base": "0x7f1000000000",
                "bytes": 64 * MIB,
                "cell": 128 << 10,
                "cells": "mm" + "#" * 150 + "=~" * 60 + "#~~=" * 20 + "~" * 40 + "." * 120,
            },
            {
                "arena": 1,
                "base": "0x7f1040000000",
                "bytes": 32 * MIB,
                "cell": 128 << 10,
                "cells": "m" + "#" * 90 + "=" * 60 + "." * 105,
            },
        ],
        "arenas": [
            {
                "allocations": 2_500_000,
                "frees": 2_300_000,
                "allocated": 50 * MIB,
                "cached": 4 * MIB,
                "slabs": 24 * MIB,
                "resident": 70 * MIB,
                "mapped": 90 * MIB,
                "retained": 36 * MIB,
            }
            for _ in range(2)
        ],
        "options": {
            "stats": "json",
            "purge_delay": 1000,
            "dirty_ratio": 25,
            "heap_limit": "none",
            "thp": "adaptive",
            "foreign": "abort",
            "verbose": False,
        },
    }
    return plain | changed


def series(count: int, **changed: Any) -> list[dict[str, Any]]:
    """Reports of one process, a second apart: its live blocks come and go."""
    found = []
    for i in range(count):
        live = (20 + 57 * abs((i * 7) % 40 - 20) // 20) * MIB
        dirty = 30 * MIB * (i % 10) // 10
        found.append(
            report(
                uptime=1.0 + i,
                timestamp=1795669600.0 + i,
                reason="interval",
                allocated=live,
                active=live + 2 * MIB,
                dirty=dirty,
                kernel={"rss": live + dirty + 20 * MIB},
            )
            | changed
        )
    return found


def lines(reports: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(one) + "\n" for one in reports)
