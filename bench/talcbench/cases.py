"""What a case is: one command that is run under each allocator and must say the same each time.

patterns.py and programs.py list cases; measuring.py runs them; nothing here runs anything but
`prepare`. In `command`, `client` and the values of `environment` these stand for paths:

    {build}   the build folder, where bench/patterns/… lie
    {inputs}  inputs that `prepare` made once, the same for every allocator
    {work}    a fresh folder, which is also where the command runs; a short path, fit for sockets
    {talc}    the library under test
    {scale}   how much work patterns shall do, in percent: as --scale says, else 100, less under --quick
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """`command` is an argv, with no shell unless it says so: ("sh", "-c", …).

    `needs` are executables on PATH; where one is missing the case is left out, and said to be.
    `prepare(inputs)` makes what {inputs} holds; it must make the same bytes each time. It is run
    without any allocator preloaded, once per folder of inputs.
    `client` is for servers: the command is the server, with the allocator; the client, without it,
    runs against it once `ready` exists, and must end it. Its wall time is what counts, and what it
    prints is what is compared; CPU, memory and faults are the server's.
    `ready` is a path that the server makes when it listens, e.g. "{work}/socket".
    `binary` is the name of the executable that does the work (`cc1plus`, not `g++`): its malloc
    must be bound to the preloaded library, and to the libc where none is. By default the command's
    own, of which the latter is not asked.
    `inspected` is whether its mappings and system calls are counted.
    `quick` puts it into --quick. A pattern with several thread counts is several cases of one name.
    """

    suite: str
    name: str
    command: tuple[str, ...]
    threads: int = 1
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    needs: tuple[str, ...] = ()
    prepare: Callable[[Path], None] | None = None
    client: tuple[str, ...] | None = None
    ready: str | None = None
    binary: str = ""
    inspected: bool = True
    quick: bool = True

    @property
    def label(self) -> str:
        """The name that people see and select, with the thread count where there are several."""
        return self.name if self.threads == 1 else f"{self.name} x{self.threads}"

    def executable(self) -> str:
        """The base name of the program whose malloc must be the preloaded one."""
        return self.binary or Path(self.command[0]).name
