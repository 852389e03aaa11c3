"""talc-run --watch: runs the command and shows its counters, and those of its children, meanwhile.

Each process shows them in a page of its own in a private folder (TALC_WATCH); they are read there,
and nobody is signalled. This process waits for signals and looks at the pages in between: what its
caller sends it is passed on, what a terminal sends goes to the command anyway, and where the
command stops or ends, so does this.
"""
from __future__ import annotations

import os
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Callable

from talctools import launch, view
from talctools.environment import pattern, with_variables
from talctools.messages import is_terminal, say
from talctools.terminal import Panel
from talctools.watched import Processes

_REFRESH_S = 0.25
_LINE_EVERY_S = 1.0

_PASSED_ON = {
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGTSTP,
    signal.SIGCONT,
    signal.SIGPIPE,
}
_OURS = {signal.SIGCHLD, signal.SIGWINCH, signal.SIGTTOU}


def watch(program: launch.Program) -> int:
    """The exit status of the command."""
    with tempfile.TemporaryDirectory(prefix="talc-run-", ignore_cleanup_errors=True) as folder:
        environment = with_variables(program.environment, {"TALC_WATCH": pattern(folder)})
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON | _OURS)
        started = launch.Program(program.path, program.arguments, environment)
        begin = time.monotonic()
        child = launch.start(started, {signal.Signals(number) for number in mask})
        processes = Processes(folder, child)
        show, remove = _display(shlex.join(program.arguments), begin)

        def refresh() -> None:
            processes.refresh()
            show(processes)

        try:
            status = _attend(child, refresh, remove)
        finally:
            remove()
        processes.refresh()
        say(view.last_line(processes.first_seen, time.monotonic() - begin))
    return launch.end_like(status)


Show = Callable[[Processes], None]


def _display(command: str, begin: float) -> tuple[Show, Callable[[], None]]:
    """How to show, and how to clear away: a panel in the terminal if there is one, else lines."""
    terminal = _terminal()
    if terminal is None:
        return _Lines().show, lambda: None
    panel = Panel(terminal)

    def show(processes: Processes) -> None:
        seconds = time.monotonic() - begin
        panel.show(view.panel(command, seconds, processes.in_order(), panel.columns))

    return show, panel.remove


def _terminal() -> int | None:
    if is_terminal():
        return sys.stderr.fileno()
    try:
        return os.open("/dev/tty", os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None


class _Lines:
    def __init__(self) -> None:
        self._next = time.monotonic() + _LINE_EVERY_S

    def show(self, processes: Processes) -> None:
        if time.monotonic() < self._next:
            return
        self._next += _LINE_EVERY_S
        for known in processes.in_order()[: view.MOST_ROWS]:
            say(view.line(known))


def _attend(child: int, refresh: Callable[[], None], remove: Callable[[], None]) -> int:
    """Until the child ends, whose wait status it returns."""
    while True:
        refresh()
        due = time.monotonic() + _REFRESH_S
        while (left := due - time.monotonic()) > 0:
            got = signal.sigtimedwait(_PASSED_ON | _OURS, left)
            if got is None:
                break
            if got.si_signo == signal.SIGCHLD:
                ended = _look_after(child, remove)
                if ended is not None:
                    return ended
            elif got.si_signo in _PASSED_ON and got.si_code <= 0 and got.si_pid != os.getpid():
                os.kill(child, got.si_signo)


def _look_after(child: int, remove: Callable[[], None]) -> int | None:
    """The wait status of a child that has ended; stops with one that was stopped."""
    process, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
    if process == 0:
        return None
    if not os.WIFSTOPPED(status):
        return status
    remove()
    os.kill(os.getpid(), signal.SIGSTOP)
    return None
