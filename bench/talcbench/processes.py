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

    @property
    def cpu_s(self) -> float:
        return self.user_s + self.system_s


@dataclass(frozen=True)
class Workplace:
    """The folders that all runs share. {work} has one path: programs print where they are."""

    build: Path
    inputs: Path
    scratch: Path
    scale_percent: int = 100

    @property
    def work(self) -> Path:
        return self.scratch / "work"

    @property
    def launcher(self) -> Path:
        return self.build / "bench/launcher/launcher"

    def fill(self, text: str) -> str:
        """`text` with {build}, {inputs}, {work}, {scale} replaced; other braces stay."""
        for name, value in (
            ("build", self.build),
            ("inputs", self.inputs),
            ("work", self.work),
            ("scale", self.scale_percent),
        ):
            text = text.replace("{" + name + "}", str(value))
        return text

    def fill_all(self, command: Sequence[str]) -> list[str]:
        return [self.fill(part) for part in command]

    def fresh(self) -> None:
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


@dataclass(frozen=True)
class Execution:
    """What went wrong, if anything; the client's seconds where there is one."""

    problem: str | None
    client_s: float | None = None


Watcher = Callable[[int], None]


def _wait(
    process: subprocess.Popen[bytes], deadline: float, watch: tuple[int, Watcher] | None
) -> bool:
    """False if the deadline came first. `watch` is called now and then, with its pid."""
    if watch is None:
        try:
            process.wait(max(0.01, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True
    while process.poll() is None:
        if time.monotonic() > deadline:
            return False
        watch[1](watch[0])
        time.sleep(0.01)
    return True


def execute(
    case: Case,
    place: Workplace,
    wrapper: Sequence[str],
    environment: Mapping[str, str],
    timeout_s: float,
    watcher: Watcher | None = None,
) -> Execution:
    """Runs the case's command behind `wrapper`, and its client if it has one, in a fresh folder.

    What is compared lies in scratch/output afterwards, what was said on stderr in scratch/errors.
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
        client_s = None
        if case.client:
            output.write_bytes(b"")
            if case.ready and not _await_ready(Path(place.fill(case.ready)), main):
                return Execution("server not ready")
            start = time.monotonic()
            with started(
                place.fill_all(case.client),
                place.work,
                place.environment(case),
                output,
                place.scratch / "client-errors",
            ) as client:
                if not _wait(client, deadline, watch):
                    return Execution("timeout")
                client_s = time.monotonic() - start
                if client.returncode != 0:
                    return Execution(f"client exit {client.returncode}", client_s)
        if not _wait(main, deadline, watch):
            return Execution("timeout", client_s)
    return Execution(None, client_s)


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
    return lines[-1][:200] if lines else ""


def _read_report(path: Path) -> dict[str, str]:
    line = path.read_text() if path.exists() else ""
    return dict(re.findall(r"(\w+)=(.*?)(?= \w+=|\n)", line))


def measure(case: Case, allocator: Allocator, thp: str, place: Workplace, timeout_s: float) -> Run:
    """One run of the case, measured by the launcher."""
    report = place.scratch / "report"
    report.unlink(missing_ok=True)
    wrapper = [str(place.launcher), str(report), allocator.preload, thp, "--"]
    done = execute(case, place, wrapper, place.environment(case), timeout_s)
    figures = _read_report(report)
    complaint = _last_line(place.scratch / "errors")
    if "status" not in figures:
        return Run(done.problem or "no report", complaint=complaint)
    status = OK if figures["status"] == "exit 0" else figures["status"]
    if status == OK and done.problem:
        status = done.problem
    return Run(
        status=status,
        wall_s=float(figures["wall_s"]) if done.client_s is None else done.client_s,
        user_s=float(figures["user_s"]),
        system_s=float(figures["system_s"]),
        peak_rss_kib=int(figures["peak_rss_kib"]),
        minor_faults=int(figures["minor_faults"]),
        major_faults=int(figures["major_faults"]),
        output=hashlib.sha256((place.scratch / "output").read_bytes()).hexdigest()[:16],
        complaint=complaint,
    )
