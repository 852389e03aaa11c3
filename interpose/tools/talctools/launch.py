"""Becoming, or starting, the command as if the caller had run it directly.

Python ignores some signals, which a program that takes its place would go on ignoring; what its
caller had ignored before python did cannot be known, and is rare: they are set to the default.
"""
from __future__ import annotations

import errno
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from talctools.environment import Environment
from talctools.errors import UserError
from talctools.executables import NOT_RUNNABLE

_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
_SHELL = "/bin/sh"


@dataclass(frozen=True)
class Program:
    path: str
    arguments: Sequence[str]  # with the name it is called by
    environment: Environment


def _as_script(program: Program) -> Program:
    """For a file that the kernel does not know how to run: as execvp does."""
    arguments = [_SHELL, program.path, *program.arguments[1:]]
    return Program(_SHELL, arguments, program.environment)


def _failure(program: Program, error: OSError) -> UserError:
    return UserError(f"{program.arguments[0]}: {error.strerror}", NOT_RUNNABLE)


def become(program: Program) -> None:
    """Returns only by an exception. Errors: UserError with the exit status of env(1)."""
    for number in _IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    try:
        try:
            os.execve(program.path, program.arguments, program.environment)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            program = _as_script(program)
            os.execve(program.path, program.arguments, program.environment)
    except OSError as error:
        raise _failure(program, error) from error


def start(program: Program, mask: set[signal.Signals]) -> int:
    """The process, which blocks the signals of `mask`. Errors: as of become."""
    try:
        try:
            return _spawn(program, mask)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            program = _as_script(program)
            return _spawn(program, mask)
    except OSError as error:
        raise _failure(program, error) from error


def _spawn(program: Program, mask: set[signal.Signals]) -> int:
    return os.posix_spawn(
        program.path,
        program.arguments,
        program.environment,
        setsigmask=mask,
        setsigdef=_IGNORED_BY_PYTHON,
    )


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
