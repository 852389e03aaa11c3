"""The command line of talc-run: flags up to the command, which gets all the rest as it is.

Not argparse: a flag with an optional value (--stats) would swallow the command, and flags behind
the command are the command's.
"""
from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field

from talctools.errors import UsageError
from talctools.options import FLAGS, Flag

USAGE = "usage: talc-run [OPTION...] COMMAND [ARGUMENT...]"

MOST_ROUNDS = 1000


@dataclass
class Arguments:
    command: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)  # TALC_… for the command
    hardened: bool = False
    watch: bool = False
    compare: bool = False
    rounds: int | None = None
    help: bool = False
    version: bool = False


# Flags of talc-run itself, without a value.
_OWN = ("hardened", "watch", "compare", "help", "version")
_BY_NAME = {flag.name: flag for flag in FLAGS}
_NAMES = (*_BY_NAME, *_OWN, "rounds")


def parse(argv: Sequence[str]) -> Arguments:
    """Errors: UsageError, whose text names the argument that is wrong."""
    arguments = Arguments()
    rest = list(argv)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        if word == "-h":
            word = "--help"
        if not word.startswith("--"):
            raise UsageError(f"unknown option {word}")
        name, equals, value = word[2:].partition("=")
        _take(arguments, name, value if equals else None, rest)
        if arguments.help or arguments.version:
            return arguments
    arguments.command = rest
    _check_together(arguments)
    return arguments


def _take(arguments: Arguments, name: str, value: str | None, rest: list[str]) -> None:
    if name in _OWN:
        if value is not None:
            raise UsageError(f"--{name} takes no value")
        setattr(arguments, name, True)
    elif name == "rounds":
        arguments.rounds = _rounds(_value(name, value, rest))
    elif name in _BY_NAME:
        flag = _BY_NAME[name]
        if value is None and flag.bare is not None:
            value = flag.bare
        arguments.variables[flag.variable] = _checked(flag, _value(name, value, rest))
    else:
        close = difflib.get_close_matches(name, _NAMES, 1)
        hint = f"; did you mean --{close[0]}?" if close else ""
        raise UsageError(f"unknown option --{name}{hint}")


def _value(name: str, value: str | None, rest: list[str]) -> str:
    if value is None and not rest:
        raise UsageError(f"--{name} needs a value")
    return rest.pop(0) if value is None else value


def _checked(flag: Flag, value: str) -> str:
    if not flag.is_value(value):
        raise UsageError(f"'{value}' is no value for --{flag.name} {flag.values} ({flag.meaning})")
    return value


def _rounds(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= MOST_ROUNDS:
        raise UsageError(f"--rounds must be a number from 1 to {MOST_ROUNDS}, not '{value}'")
    return int(value)


def _check_together(arguments: Arguments) -> None:
    if not arguments.command:
        raise UsageError("there is no command to run")
    if arguments.watch and arguments.compare:
        raise UsageError("--watch and --compare exclude each other")
    if arguments.rounds is not None and not arguments.compare:
        raise UsageError("--rounds is for --compare")
    if arguments.compare:
        # It reads talc's own statistics, and shows nothing of what a run prints.
        for name in arguments.variables:
            if name.startswith("TALC_STATS"):
                flag = name.removeprefix("TALC_").lower().replace("_", "-")
                raise UsageError(f"--{flag} and --compare exclude each other")
