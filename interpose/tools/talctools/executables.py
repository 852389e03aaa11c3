"""The file behind a command, and whether the dynamic linker will preload anything into it.

Where it will not, nothing says so: the program runs as ever, on its own malloc. talc-run warns.
"""
from __future__ import annotations

import errno
import os
import re
import stat

from talctools import elf
from talctools.environment import Environment
from talctools.errors import UserError

NOT_FOUND, NOT_RUNNABLE = 127, 126

_DEFAULT_PATH = b"/bin:/usr/bin"
_MOST_INTERPRETERS = 5  # as many as the kernel follows


def resolve(command: str, environment: Environment) -> str:
    """The file that execvp would take. Errors: UserError with the exit status of env(1)."""
    failure = errno.ENOENT
    for candidate in _candidates(command, environment):
        try:
            mode = os.stat(candidate).st_mode
        except OSError as error:
            if "/" in command or error.errno == errno.EACCES:
                failure = error.errno
            continue
        if stat.S_ISREG(mode) and os.access(candidate, os.X_OK, effective_ids=True):
            return candidate
        failure = errno.EACCES
    status = NOT_FOUND if failure == errno.ENOENT else NOT_RUNNABLE
    raise UserError(f"{command}: {os.strerror(failure)}", status)


def _candidates(command: str, environment: Environment) -> list[str]:
    if "/" in command or not command:
        return [command]
    folders = environment.get(b"PATH", _DEFAULT_PATH).split(b":")
    return [os.path.join(os.fsdecode(folder) or ".", command) for folder in folders]


def why_not_preloaded(path: str, library: str) -> str | None:
    """Why `library` would not serve the program in this file, if that can be seen from outside."""
    try:
        for _ in range(_MOST_INTERPRETERS):
            interpreter = _script_interpreter(path)
            if interpreter is None:
                return _why_not(path, library)
            path = interpreter
    except OSError:
        pass  # it can perhaps be run all the same
    return None


def _script_interpreter(path: str) -> str | None:
    with open(path, "rb") as file:
        line = file.readline(256)
    found = re.match(rb"#![ \t]*([^ \t\n]+)", line)
    return os.fsdecode(found[1]) if found else None


def _why_not(path: str, library: str) -> str | None:
    program, ours = elf.read(path), elf.read(library)
    if program is None or ours is None:
        return None
    if (program.bits, program.machine) != (ours.bits, ours.machine):
        return f"{path} is a program of {program.bits} bits, or for another processor"
    if program.interpreter is None:
        return f"{path} is statically linked"
    if "musl" in os.path.basename(program.interpreter):
        return f"{path} is linked with musl, not with glibc"
    if _gains_privileges(path):
        return f"{path} runs with more privileges than its caller (set-uid or the like)"
    if program.defines_malloc:
        return f"{path} brings its own malloc"
    return None


def _gains_privileges(path: str) -> bool:
    if os.statvfs(path).f_flag & os.ST_NOSUID:
        return False
    status = os.stat(path)
    if status.st_mode & stat.S_ISUID and status.st_uid != os.getuid():
        return True
    if status.st_mode & stat.S_ISGID and status.st_mode & stat.S_IXGRP:
        if status.st_gid != os.getgid():
            return True
    return os.getuid() != 0 and "security.capability" in os.listxattr(path)
