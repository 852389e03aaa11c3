"""Becoming, or starting, the command as if the caller had run it directly.

Python ignores some signals, which a program that takes its place would go on ignoring; what its
caller had ignored before python did cannot be known, and is rare: they are set to the default.
"""
from __future__ import annotations

import errno
import os
import signal
from dataclasses import dataclass
from typing import NoReturn

from talctools.environment import Environment
from talctools.errors import UserError
from talctools.executables import NOT_RUNNABLE
from talctools.messages import say

_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
_SHELL = "/bin/sh"


@dataclass(frozen=True)
class Program:
    path: str
    arguments: list[str]  # with the name it is called by
    environment: Environment


def become(program: Program) -> NoReturn:
    """Errors: UserError with the exit status of env(1)."""
    for number in _IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    try:
        try:
            os.execve(program.path, program.arguments, program.environment)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
        # A file that the kernel does not know how to run: as execvp does.
        script = [_SHELL, program.path, *program.arguments[1:]]
        os.execve(_SHELL, script, program.environment)
    except OSError as error:
        text = f"{program.arguments[0]}: {error.strerror}"
        raise UserError(text, NOT_RUNNABLE) from error


def start(program: Program, mask: set[signal.Signals]) -> int:
    """The process, which blocks the signals of `mask`, and ends as env(1) if it cannot be run.

    By fork, since posix_spawn has the program ignore two signals that are libc's own.
    """
    child = os.fork()
    if child != 0:
        return child
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        become(program)
    except UserError as error:
        say(str(error))
        os._exit(error.status)
    finally:
        os._exit(NOT_RUNNABLE)


def end_like(status: int) -> int:
    """The exit status of a process that ended by this wait status; a signal ends this one, too."""
    if not os.WIFSIGNALED(status):
        return os.WEXITSTATUS(status)
    number = os.WTERMSIG(status)
    # It must not leave a core file beside that of the command.
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)
    return 128 + number
