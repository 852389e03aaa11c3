"""The flags of talc-run that set run-time options of the library: one for each TALC_ variable.

The library has the same table in interpose/options.cpp; a test compares the two. Values are checked
here as they are there, because the library only warns of a bad one and goes on, in the middle of
what the command prints, and whoever types a flag is better told at once.
"""
from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass

Check = Callable[[str], bool]

_SIGNALS = "HUP INT QUIT USR1 USR2 PIPE ALRM TERM CHLD CONT URG VTALRM PROF IO WINCH PWR".split()
_NOT_TO_BE_USED = (
    signal.SIGKILL,
    signal.SIGSTOP,
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGABRT,
    signal.SIGTRAP,
)


@dataclass(frozen=True)
class Flag:
    name: str
    values: str  # what stands for the value in the help: upper case, or the words themselves
    preset: str
    meaning: str
    is_value: Check
    bare: str | None = None  # what the flag means without a value; None: it needs one

    @property
    def variable(self) -> str:
        return "TALC_" + self.name.upper().replace("-", "_")


def _words(*words: str) -> Check:
    return lambda value: value.lower() in words


def _number(limit: int) -> Check:
    return lambda value: re.fullmatch(r"[0-9]{1,20}", value) is not None and int(value) <= limit


def _percent(limit: int) -> Check:
    return lambda value: value[-1:] == "%" and _number(limit)(value[:-1]) and int(value[:-1]) > 0


def _either(*checks: Check) -> Check:
    return lambda value: any(check(value) for check in checks)


def _switch(name: str, preset: str, meaning: str) -> Flag:
    booleans = ("1", "0", "yes", "no", "on", "off", "true", "false")
    return Flag(name, "yes|no", preset, meaning, _words(*booleans), bare="yes")


def _is_size(value: str) -> bool:
    found = re.fullmatch(r"([0-9]{1,20})([kmgt]?)", value.lower())
    return found is not None and 0 < int(found[1]) << 10 * " kmgt".find(found[2] or " ") < 2**64


def _is_seconds(value: str) -> bool:
    found = re.fullmatch(r"([0-9]{1,20})(\.[0-9]{1,3})?", value)
    return found is not None and int(found[1]) <= 2**31 // 1000


def _is_path(placeholders: str) -> Check:
    pattern = re.compile(rf"(?:[^%]|%[{placeholders}%])*", re.S)
    return lambda value: pattern.fullmatch(value) is not None and len(os.fsencode(value)) < 4096


def _is_output(value: str) -> bool:
    if re.match("fd:.", value, re.I | re.S):
        return _number(1 << 20)(value[3:])
    return _is_path("pen")(value)


def _is_signal(value: str) -> bool:
    if value.isdecimal():
        return int(value) <= 64 and int(value) not in _NOT_TO_BE_USED
    return value.upper().removeprefix("SIG") in _SIGNALS


def _is_list(text: str) -> bool:
    flags = {flag.name.replace("-", "_"): flag for flag in FLAGS if flag.name != "conf"}
    for item in text.split(","):
        name, _, value = item.partition(":")
        if name not in flags or not value or not flags[name].is_value(value):
            return False
    return True


FLAGS = (
    Flag(
        "stats",
        "text|json|prom|xml",
        "none; with an interval json, with a file alone text",
        "report when the process ends; the flag alone means text",
        _words("0", "1", "text", "json", "prom", "xml"),
        bare="text",
    ),
    Flag(
        "stats-file",
        "PATH",
        "standard error",
        "append reports to this file: %p is the process, %e the program, %n the number of the "
        "report, %% a percent sign; fd:N is an open descriptor",
        _is_output,
    ),
    Flag(
        "stats-interval",
        "SECONDS",
        "0, which is never",
        "report as often while the process runs, too: in JSON, a line each",
        _is_seconds,
    ),
    Flag(
        "stats-signal",
        "SIGNAL",
        "none",
        "report when the process gets this signal, such as USR2",
        _is_signal,
    ),
    Flag(
        "purge-delay",
        "MS",
        "1000",
        "milliseconds after which memory that nobody uses is the kernel's again; 0 is at once, "
        "-1 never",
        _either(_words("-1"), _number(2**31 - 1)),
    ),
    Flag(
        "dirty-ratio",
        "PERCENT",
        "25",
        "percent of live bytes, and 16 MiB, above which free memory goes back although it was used a moment ago",
        _either(_number(10000), _percent(10000)),
    ),
    _switch("background-thread", "yes", "whether a thread may purge while the program sleeps"),
    Flag(
        "heap-limit",
        "SIZE|N%",
        "none",
        "bytes that may be mapped, as 2G, or a share of the memory that there is, as 80%; beyond "
        "it there is no memory for a request",
        _either(_words("none"), _percent(100), _is_size),
    ),
    Flag(
        "thp",
        "adaptive|always|never",
        "adaptive",
        "huge pages: where a heap is large and grows, wherever they fit, nowhere in the process",
        _words("adaptive", "always", "never"),
    ),
    Flag(
        "foreign",
        "abort|ignore|libc",
        "abort",
        "what to do with a pointer that is not talc's: end the program, ignore it, hand it to libc",
        _words("abort", "ignore", "libc"),
    ),
    _switch("verbose", "no", "say on standard error which options are in effect, and the first request that cannot be served"),
    Flag(
        "conf",
        "KEY:VALUE,...",
        "none",
        "several options at once, by the names of their flags with _ for -; a flag wins over it",
        _is_list,
    ),
    _switch("confirm-conf", "no", "print each option in effect, and where it comes from"),
    _switch("abort-conf", "no", "end the program where an option or its value is not known"),
)
