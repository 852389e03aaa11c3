"""The environment of the command: as talc-run got it, with LD_PRELOAD and the options.

Bytes, since variables need not be text; and taken from the kernel, not from os.environ, because
python adds a variable of its own (LC_CTYPE) where the locale is C.
"""
from __future__ import annotations

import os
import re
from collections.abc import Mapping

Environment = dict[bytes, bytes]

_OURS = re.compile(rb"libtalc(-hardened)?\.so[^/]*")


def inherited() -> Environment:
    try:
        with open("/proc/self/environ", "rb") as file:
            return parse(file.read())
    except OSError:
        return dict(os.environb)


def parse(strings: bytes) -> Environment:
    """Of NAME=value, each with a zero behind it."""
    environment: Environment = {}
    for string in strings.split(b"\0"):
        name, equals, value = string.partition(b"=")
        if equals:
            environment.setdefault(name, value)  # the first counts, as for getenv
    return environment


def with_preload(environment: Environment, library: str) -> Environment:
    """The library comes first, so that its malloc is the one; another talc is taken out."""
    before = re.split(rb"[\s:]+", environment.get(b"LD_PRELOAD", b""))
    kept = [path for path in before if path and not _OURS.fullmatch(os.path.basename(path))]
    return environment | {b"LD_PRELOAD": b":".join([os.fsencode(library), *kept])}


def pattern(folder: str | os.PathLike[str]) -> str:
    """For an option that takes a path: a file of its own in the folder for each process."""
    return os.path.join(os.fspath(folder).replace("%", "%%"), "%p")


def with_variables(environment: Environment, variables: Mapping[str, str]) -> Environment:
    return environment | {os.fsencode(k): os.fsencode(v) for k, v in variables.items()}
