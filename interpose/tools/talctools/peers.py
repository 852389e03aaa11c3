"""The allocators that a command can be compared under, and where their libraries lie."""
from __future__ import annotations

import functools
import os
import re
import subprocess
from dataclasses import dataclass

from talctools.installation import speakable

# Names, and sonames of which the first that is there is taken.
PEERS = (
    ("mimalloc", ("libmimalloc.so.3", "libmimalloc.so.2")),
    ("jemalloc", ("libjemalloc.so.2",)),
    ("tcmalloc", ("libtcmalloc_minimal.so.4", "libtcmalloc.so.4")),
    ("tbbmalloc", ("libtbbmalloc_proxy.so.2",)),
)

_FOLDERS = (
    "/usr/local/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
)


@dataclass(frozen=True)
class Allocator:
    name: str
    library: str | None = None  # what is preloaded; None: nothing


def installed() -> list[Allocator]:
    """The peers that are here."""
    found = []
    for name, sonames in PEERS:
        paths = [path for soname in sonames if (path := find_library(soname))]
        if paths:
            found.append(Allocator(name, speakable(paths[0])))
    return found


def find_library(soname: str) -> str | None:
    """Where the dynamic linker would find it. Also what scripts/bench asks."""
    candidates = [
        _linker_cache().get(soname),
        *(os.path.join(folder, soname) for folder in _FOLDERS),
    ]
    return next((path for path in candidates if path and os.path.exists(path)), None)


@functools.cache
def _linker_cache() -> dict[str, str]:
    """Sonames of 64 bits and their paths; nothing where there is no ldconfig."""
    for ldconfig in ("/sbin/ldconfig", "ldconfig"):
        try:
            listing = subprocess.run(
                [ldconfig, "-p"], capture_output=True, text=True, errors="replace", check=True
            ).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
        lines = re.findall(r"^\s*(\S+) \([^)]*64[^)]*\) => (\S+)$", listing, re.M)
        return dict(reversed(lines))  # the first of a name counts
    return {}
