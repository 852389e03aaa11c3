"""What a reader must know to judge the figures: machine, kernel, versions, commit."""
from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path

from talcbench.allocators import Allocator
from talcbench.errors import UserError

_THP = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def _first_line(*command: str, folder: Path | None = None, errors_too: bool = False) -> str:
    """The first line that says something."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    lines = (done.stdout + (done.stderr if errors_too else "")).splitlines()
    return next((line.strip() for line in lines if line.strip()), "unknown")


def versions(programs: Iterable[str]) -> dict[str, str]:
    """What each of them, if it is there, says of itself; some do so on stderr."""
    return {
        f"program {Path(name).name}": _first_line(
            name, "-v" if name.startswith("lua") else "--version", errors_too=True
        )
        for name in programs
        if shutil.which(name)
    }


def build_options(build: Path) -> str:
    """How talc was built."""
    try:
        options = json.loads((build / "meson-info/intro-buildoptions.json").read_text())
        values = {option["name"]: option["value"] for option in options}
    except (OSError, ValueError, TypeError, KeyError):
        return "unknown"
    return ", ".join(f"{name} {values.get(name)}" for name in ("buildtype", "debug_checks"))


def _field(path: str, key: str) -> str:
    try:
        text = Path(path).read_text()
    except OSError:
        return "unknown"
    found = re.search(rf"^{key}\s*:\s*(.+)$", text, re.M)
    return found[1].strip() if found else "unknown"


def thp_setting() -> str:
    """always, madvise or never, as the system has it."""
    try:
        found = re.search(r"\[(\w+)\]", _THP.read_text())
    except OSError:
        found = None
    return found[1] if found else "unknown"


def thp_options(wanted: Sequence[str], setting: str) -> tuple[str, ...]:
    """What was asked for, each once, as the launcher has it: what the system says anyhow is `system`.
    A process can be given fewer huge pages than the system has, not more.
    """
    given = tuple(dict.fromkeys("system" if name == setting else name for name in wanted))
    strengths = ("never", "madvise", "always")
    for name in given:
        if setting in strengths and name in strengths[strengths.index(setting) :]:
            raise UserError(
                f"--thp {name}: the system says {setting}, and a process cannot be given more; as "
                f"root: echo {name} >{_THP}"
            )
    return given


def thp_in_force(option: str) -> str:
    """What a run under an option of the launcher gets."""
    return thp_setting() if option == "system" else option


def commit(root: Path) -> str:
    """The tree's commit, and whether it has changes that no commit holds."""
    revision = _first_line("git", "rev-parse", "--short=12", "HEAD", folder=root)
    if revision == "unknown":
        return revision
    changed = _first_line("git", "status", "--porcelain", "--untracked-files=no", folder=root)
    return revision if changed == "unknown" else f"{revision}+dirty"


def _command() -> str:
    """As it was typed: scripts/bench adds where the build folder is."""
    typed = sys.argv[1:]
    if typed[:1] == ["--build-dir"]:
        typed = typed[2:]
    return shlex.join(["scripts/bench", *typed])


def describe(root: Path, build: Path, allocators: Sequence[Allocator], seed: str) -> dict[str, str]:
    memory = _field("/proc/meminfo", "MemTotal").removesuffix(" kB")
    uname = os.uname()
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _field("/proc/cpuinfo", "model name"),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(memory) / 2**20:.1f} GiB" if memory.isdigit() else memory,
        "kernel": f"{uname.sysname} {uname.release} {uname.machine}",
        "transparent huge pages": thp_setting(),
        "libc": _first_line("getconf", "GNU_LIBC_VERSION"),
        "compiler": _first_line(os.environ.get("CXX", "c++"), "--version"),
        "load average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "talc commit": commit(root),
        "talc build": build_options(build),
        **{f"allocator {allocator.name}": allocator.describe() for allocator in allocators},
        "command": _command(),
        "seed": seed,
    }
