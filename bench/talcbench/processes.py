"""Runs one command under one allocator, with a timeout, and leaves no process behind.

bench/launcher does the measuring; this starts it in a process group of its own, so that Ctrl-C
reaches only the driver, which then ends the group. Used by measuring.py and passes.py.
"""
from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from talcbench.allocators import Allocator
from talcbench.cases import Case

OK = "ok"
_STRIPPED = re.compile(r"^(TALC|MIMALLOC|MALLOC|JEMALLOC|TCMALLOC|TBB|LD|GLIBC|PYTHON)_?")
_READY_WITHIN_S = 20.0


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What every run sees: no option of any allocator, one locale."""
    kept = {key: value for key, value in os.environ.items() if not _STRIPPED.match(key)}
    return kept | {"LC_ALL": "C.UTF-8"} | dict(extra)


@dataclass(frozen=True)
class Run:
    """What one run cost. Of a run that broke off, `status` says how, and the figures may be 0."""

    status: str
    wall_s: float = 0.0
    user_s: float = 0.0
    system_s: float = 0.0
    peak_rss_kib: int = 0
    minor_faults: int = 0
    major_faults: int = 0
    output: str = ""  # a digest of what it printed
    complaint: str = ""  # the last line on stderr


@dataclass(frozen=True)
class Workplace:
    """What all runs share. {work} has one path: programs print where they are."""

    build: Path
    inputs: Path
    scratch: Path
    scale_percent: int = 100
    warm_mib: int = 0  # of memory, made warm before each run: see bench/launcher
    talc: Path | None = None  # the library under test, if it is not that of the build folder

    @property
    def work(self) -> Path:
        return self.scratch / "work"

    @property
    def launcher(self) -> Path:
        return self.build / "bench/launcher/launcher"

    def fill(self, text: str) -> str:
        """`text` with {build}, {inputs}, {work}, {scale}, {talc} replaced; other braces stay."""
        for name, value in (
            ("build", self.build),
            ("inputs", self.inputs),
            ("work", self.work),
            ("scale", self.scale_percent),
            ("talc", self.talc or self.build / "libtalc.so"),
        ):
            text = text.replace("{" + name + "}", str(value))
        return text

    def fill_all(self, command: Sequence[str]) -> list[str]:
        return [self.fill(part) for part in command]

    def launched(
        self, report: str, preload: str, thp: str, command: Sequence[str] = (), warm_mib: int = 0
    ) -> list[str]:
        """`command` behind the launcher, whose report goes to that file of scratch."""
        options = [str(self.scratch / report), preload, thp, str(warm_mib), "--"]
        return [str(self.launcher), *options, *self.fill_all(command)]

    def fresh(self) -> None:
        for report in ("report", "client-report"):
            (self.scratch / report).unlink(missing_ok=True)
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)

    def environment(self, case: Case) -> dict[str, str]:
        return clean_environment({key: self.fill(value) for key, value in case.environment.items()})


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kills the process and all of its group, which may outlive it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


@contextmanager
def started(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], output: Path, errors: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a group of its own, which is gone afterwards whatever happens."""
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdout=out,
            stderr=err,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end_group(process)


def _await_ready(path: Path, server: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + _READY_WITHIN_S
    while not path.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


# Is called now and then, with the pid of what runs; true means that it has seen enough.
Watcher = Callable[[int], bool]
# The status of a run that was ended because its watcher had seen enough.
ENOUGH = "enough"


def _wait(
    process: subprocess.Popen[bytes], deadline: float, watch: tuple[int, Watcher] | None
) -> str | None:
    """What went wrong, if anything."""
    if watch is None:
        try:
            process.wait(max(0.01, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return "timeout"
        return None
    while process.poll() is None:
        if time.monotonic() > deadline:
            return "timeout"
        if watch[1](watch[0]):
            return ENOUGH
        time.sleep(0.01)
    return None


def execute(
    case: Case,
    place: Workplace,
    wrapper: Sequence[str],
    environment: Mapping[str, str],
    timeout_s: float,
    watcher: Watcher | None = None,
) -> str | None:
    """Runs the case's command behind `wrapper`, and its client if it has one, in a fresh folder.

    Says what went wrong, if anything. What is compared lies in scratch/output afterwards, what was
    said on stderr in scratch/errors, and what the launcher says of the client in client-report.
    """
    place.fresh()
    output, errors = place.scratch / "output", place.scratch / "errors"
    served = place.scratch / "server-output"
    deadline = time.monotonic() + timeout_s
    command = [*wrapper, *place.fill_all(case.command)]
    with started(
        command, place.work, environment, served if case.client else output, errors
    ) as main:
        watch = (main.pid, watcher) if watcher else None
        if case.client:
            output.write_bytes(b"")
            if case.ready and not _await_ready(Path(place.fill(case.ready)), main):
                return "server not ready"
            # Behind the launcher, too, which times it: to wait with a timeout here is to look
            # every 50 ms.
            with started(
                place.launched("client-report", "-", "system", case.client),
                place.work,
                place.environment(case),
                output,
                place.scratch / "client-errors",
            ) as client:
                if problem := _wait(client, deadline, watch):
                    return problem
            status = read_report(place.scratch / "client-report").get("status", "without a report")
            if status != "exit 0":
                return f"client {status}"
        return _wait(main, deadline, watch)


def last_line(path: Path) -> str:
    """What was said last, of a file of complaints."""
    lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
    return lines[-1][:200] if lines else ""


def read_report(path: Path) -> dict[str, str]:
    line = path.read_text() if path.exists() else ""
    return dict(re.findall(r"(\w+)=(.*?)(?= \w+=|\n)", line))


def measure(
    case: Case,
    allocator: Allocator,
    thp: str,
    place: Workplace,
    timeout_s: float,
    environment: Mapping[str, str] | None = None,
    watcher: Watcher | None = None,
) -> Run:
    """One run of the case, measured by the launcher; `environment` is what it shall see besides."""
    wrapper = place.launched("report", allocator.preload, thp, warm_mib=place.warm_mib)
    seen = place.environment(case) | dict(environment or {})
    problem = execute(case, place, wrapper, seen, timeout_s, watcher)
    figures = read_report(place.scratch / "report")
    complaint = last_line(place.scratch / "errors")
    if "status" not in figures:
        return Run(problem or "no report", complaint=complaint)
    status = OK if figures["status"] == "exit 0" else figures["status"]
    if status == OK and problem:
        status = problem
    timed = read_report(place.scratch / "client-report") if case.client else figures
    return Run(
        status=status,
        wall_s=float(timed.get("wall_s", 0)),
        user_s=float(figures["user_s"]),
        system_s=float(figures["system_s"]),
        peak_rss_kib=int(figures["peak_rss_kib"]),
        minor_faults=int(figures["minor_faults"]),
        major_faults=int(figures["major_faults"]),
        output=hashlib.sha256((place.scratch / "output").read_bytes()).hexdigest()[:16],
        complaint=complaint,
    )
