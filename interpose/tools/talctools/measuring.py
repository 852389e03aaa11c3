"""One run of a command under one allocator, and what it cost.

The launcher does the measuring (bench/launcher/launcher.c): a child of python would begin with
python's peak memory for its own. The command runs in a session of its own, of which nothing is
left.
"""
from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from talctools.environment import Environment
from talctools.errors import UserError

# Memory that is touched before the clock starts, so that it does not count who is first.
_WARM_MIB = "64"


@dataclass(frozen=True)
class Run:
    figures: dict[str, float] = field(default_factory=dict)
    status: str = "exit 0"  # or "signal N"
    output: str = ""  # a digest of what it printed
    complaint: str = ""  # the last line on standard error


class Laboratory:
    """A folder for what the runs leave, and the launcher."""

    def __init__(self, launcher: str, folder: Path) -> None:
        self.launcher = launcher
        self.folder = folder

    def run(self, command: list[str], preload: bytes, environment: Environment) -> Run:
        """Errors: UserError if there are no figures; KeyboardInterrupt, with the command ended."""
        report, output, errors = (self.folder / name for name in ("report", "output", "errors"))
        preloaded = os.fsdecode(preload) or "-"
        seen = {name: value for name, value in environment.items() if name != b"LD_PRELOAD"}
        with output.open("wb") as out, errors.open("wb") as err:
            process = subprocess.Popen(
                [self.launcher, str(report), preloaded, "system", _WARM_MIB, "--", *command],
                env=seen,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            try:
                process.wait()
            finally:
                _end_session(process)
        found = dict(re.findall(r"(\w+)=(.*?)(?= \w+=|\n)", report.read_text()))
        complaint = _last_line(errors)
        if "status" not in found:
            raise UserError(f"the run left no figures: {complaint}")
        status = found.pop("status")
        figures = {name: float(value) for name, value in found.items()}
        with output.open("rb") as out:
            digest = hashlib.file_digest(out, "sha256").hexdigest()
        return Run(figures, status, digest, complaint)


def _end_session(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _last_line(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1][:160] if lines else ""
