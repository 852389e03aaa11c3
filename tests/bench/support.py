"""What the tests of the driver share: made-up allocators, cases of small sh commands, a session of
them.

A made-up allocator has no library: what is preloaded is of no matter to the driver. Its name
reaches the command nowhere; where one has to misbehave, its library does (broken_library).
"""
from __future__ import annotations

import io
import os
import subprocess
import tempfile
import unittest
from collections.abc import Sequence
from pathlib import Path

from talcbench.allocators import Allocator
from talcbench.cases import Case
from talcbench.processes import Workplace
from talcbench.progress import Progress
from talcbench.session import Session, Settings

GLIBC = Allocator("glibc")
OTHER = Allocator("other")


class Folders(unittest.TestCase):
    """A test with a build folder, in which the launcher lies, and one for results."""

    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = Path(scratch.name)
        self.build, self.out = self.root / "build", self.root / "out"
        (self.build / "bench/launcher").mkdir(parents=True)
        (self.build / "bench/launcher/launcher").symlink_to(os.environ["TEST_LAUNCHER"])
        self.out.mkdir()
        self.place = Workplace(self.build, self.root / "inputs", self.root / "scratch")
        self.log = io.StringIO()

    def session(
        self,
        allocators: Sequence[Allocator] = (GLIBC, OTHER),
        rounds: int = 2,
        timeout_s: float = 20.0,
        quick: bool = True,
    ) -> Session:
        settings = Settings(allocators, ("system",), rounds, quick, self.out, self.place, timeout_s)
        return Session(
            settings, {"date": "today", "machine": "this one"}, Progress([1.0], self.log)
        )

    def broken_library(self, body: str, serves: bool = True) -> Path:
        """A shared library whose constructor does `body`, in C; its malloc is the libc's."""
        path = self.root / "libbroken.so"
        malloc = "{ return __libc_malloc(size); }" if serves else ";"
        source = (
            "#include <signal.h>\n#include <stdio.h>\n#include <unistd.h>\n"
            "void* __libc_malloc(unsigned long);\n"
            f"void* malloc(unsigned long size) {malloc}\n"
            f"__attribute__((constructor)) static void start(void) {{ {body} }}\n"
        )
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", path],
            input=source,
            text=True,
            check=True,
        )
        return path


def case(script: str, name: str = "case", suite: str = "patterns", **more: object) -> Case:
    return Case(suite, name, ("sh", "-c", script), **more)  # type: ignore[arg-type]
