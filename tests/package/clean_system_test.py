"""The commands of README.md and docs/INSTALL.md, in their order, as a newcomer pastes them: in a system that has
nothing but Debian's essential packages and those of `scripts/setup build`. Skipped where chroot is not allowed.
"""
from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from minimal_root import MinimalRoot, may_chroot

SOURCE = Path(os.environ["TEST_SOURCE"])
DOCUMENTS = ("README.md", "docs/INSTALL.md")
# Commands of theirs, or how these begin, and why they are passed over.
ELSEWHERE = {
    "scripts/test": "it is what runs this",
    "scripts/package deb": "deb_test.py",
    "sudo apt-get install ./build/package/": "deb_test.py",
}
PROGRAMS = {"program.c": "served.c", "program.cpp": "engine.cpp"}
PRINTED = re.compile(r"talc served 1000 blocks\n|\d{4} blocks of 1000 bytes\n")


def commands(document: str) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", (SOURCE / document).read_text(), re.M | re.S)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line and not line.startswith(tuple(ELSEWHERE))]


def build_packages() -> list[str]:
    listed = re.search(r"^build_packages=\((.*?)\)", (SOURCE / "scripts/setup").read_text(), re.M)
    return listed[1].split()


class CleanSystem(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.root = MinimalRoot(Path(scratch.name), ["apt", *build_packages()])
        tree = cls.root.folder / "root/talc"
        tree.mkdir()
        packed = subprocess.run(
            ["tar", "-C", SOURCE, "-c", "--exclude=./.git", "--exclude=./build*", "."],
            stdout=subprocess.PIPE,
            check=True,
        )
        subprocess.run(["tar", "-C", tree, "-x"], input=packed.stdout, check=True)
        for name, source in PROGRAMS.items():
            (tree / name).write_bytes((SOURCE / "tests/install/consumer" / source).read_bytes())
        # Root is who one is there already.
        sudo = cls.root.folder / "usr/bin/sudo"
        sudo.write_text('#!/bin/sh\nexec "$@"\n')
        sudo.chmod(0o755)

    def do(self, line: str) -> subprocess.CompletedProcess[str]:
        # Optimising would take most of the time.
        prepared = "cd /root/talc; export CXXFLAGS=-O0"
        done = self.root.run("bash", "-c", f"{prepared}; {line}", timeout_s=600)
        self.assertNotIn("cannot be preloaded", done.stderr)
        if "TALC_STATS=1" in line or "--stats " in line:
            self.assertRegex(done.stderr, r"(?m)^talc: ls, process \d+, at the end")
        return done

    def test_runs_what_the_documents_say(self):
        for document in DOCUMENTS:
            lines = commands(document)
            self.assertGreater(len(lines), 3, document)
            for line in lines:
                with self.subTest(document, line=line):
                    self.do(line)
                    if re.match(r"(cc|c\+\+) ", line):
                        self.assertRegex(self.do("./a.out; rm a.out").stdout, PRINTED)

    def test_passes_over_what_is_there(self):
        text = "".join((SOURCE / document).read_text() for document in DOCUMENTS)
        for command in ELSEWHERE:
            self.assertIn(command, text)


if __name__ == "__main__":
    if not may_chroot():
        print("skipped: chroot is not allowed")
        sys.exit(77)
    unittest.main()
