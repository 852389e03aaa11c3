"""Which allocators there are, where their libraries lie, and which of them the user chose.

The peers are Debian's packages, so that anyone can have the very same. glibc is what runs when
nothing is preloaded. Anybody's library joins by --alloc NAME=LIB.so.
"""
from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from talctools.peers import find_library

from talcbench.errors import UserError

# Name, soname, Debian 12's package. The order is that of tables and legends.
PEERS = (
    ("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
    ("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
    ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
    ("tbbmalloc", "libtbbmalloc_proxy.so.2", "libtbbmalloc2"),
)
NAMES = ("talc", *(name for name, _, _ in PEERS), "glibc")
# A library that has nothing, to know what loading any costs. It serves no malloc: it is no peer.
EMPTY = "empty"


@dataclass(frozen=True)
class Allocator:
    name: str
    library: Path | None = None  # None: nothing is preloaded
    version: str = "unknown"
    # Someone builds it here, perhaps anew while it is being measured.
    fresh: bool = False

    @property
    def preload(self) -> str:
        """As the launcher wants it."""
        return "-" if self.library is None else str(self.library)

    def describe(self) -> str:
        named = self.library is None or self.fresh
        return self.version if named else f"{self.version}, {self.library}"


def pin(allocator: Allocator, folder: Path) -> Allocator:
    """The allocator, as a copy that no build changes; its description tells which one it was."""
    library = allocator.library
    if library is None or not allocator.fresh:
        return allocator
    copy = folder.resolve() / allocator.name / library.name
    check_preload(copy)
    copy.parent.mkdir(parents=True)
    shutil.copy2(library, copy)
    digest = hashlib.sha256(copy.read_bytes()).hexdigest()
    # Without its folder: where somebody's tree lies is nobody's business in what may be published.
    version = f"{allocator.version}, {library.name}, sha256 {digest}"
    return replace(allocator, library=copy, version=version)


def check_preload(path: Path) -> None:
    if re.search(r"[\s:]", str(path)):
        raise UserError(
            f"'{path}': LD_PRELOAD cannot hold a path with spaces or colons; copy or link it elsewhere"
        )


def _run(*command: str) -> str:
    """What the command prints, or nothing if it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def package_version(package: str) -> str:
    version = _run("dpkg-query", "-W", "-f", "${Version}", package)
    return f"{package} {version}" if version else "unknown"


def check_selection(wanted: Sequence[str]) -> None:
    """Complains about names and paths that cannot be right, before anything is built."""
    seen: set[str] = set()
    for text in wanted:
        name, given, path = text.partition("=")
        if not given and name not in NAMES:
            raise UserError(
                f"no allocator '{name}'; there are: {' '.join(NAMES)}; "
                "a library of your own is --alloc NAME=LIB.so"
            )
        if name in seen:
            raise UserError(f"--alloc {name} is given twice")
        seen.add(name)
        if not given:
            continue
        if not re.fullmatch(r"[\w.+-]+", name):
            raise UserError(f"--alloc '{text}': a name is letters, digits and . + - _")
        if name == "glibc":
            raise UserError("glibc is what runs with nothing preloaded; name the library otherwise")
        _check_library(name, Path(path))


def _check_library(name: str, path: Path) -> None:
    if not path.is_file():
        raise UserError(f"--alloc {name}={path}: there is no such file")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise UserError(f"--alloc {name}={path}: {error.strerror}") from error
    if magic != b"\x7fELF":
        raise UserError(f"--alloc {name}={path}: this is not a shared library")
    check_preload(path.resolve())


def _known(name: str, build: Path) -> Allocator | str:
    """The allocator, or what to say where it is missing."""
    if name == "glibc":
        return Allocator("glibc", None, _run("getconf", "GNU_LIBC_VERSION").strip() or "unknown")
    if name == "talc":
        library = build / "libtalc.so"
        if not library.exists():
            return f"talc: {library} is not built; run scripts/build"
        return Allocator("talc", library.resolve(), "this tree", fresh=True)
    soname, package = next((so, deb) for peer, so, deb in PEERS if peer == name)
    library = find_library(soname)
    if library is None:
        return f"{name}: {soname} is not installed: apt-get install {package}"
    return Allocator(name, Path(library).resolve(), package_version(package))


def select(wanted: Sequence[str], build: Path) -> tuple[list[Allocator], list[str]]:
    """The allocators to run and what there is to say about missing ones.

    With nothing wanted it is all that are there; one that is asked for by name must be there.
    """
    check_selection(wanted)
    chosen: list[Allocator] = []
    remarks: list[str] = []
    for text in wanted or NAMES:
        name, given, path = text.partition("=")
        if given:
            chosen.append(Allocator(name, Path(path).resolve(), "the user's own", fresh=True))
            continue
        found = _known(name, build)
        if isinstance(found, Allocator):
            chosen.append(found)
        elif wanted or name == "talc":
            raise UserError(found)
        else:
            remarks.append(f"left out: {found}")
    return chosen, remarks
