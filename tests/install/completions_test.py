"""The completions have the flags of --help and their words, and each shell completes with them."""
from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

from support import REPORT, RUN, SOURCE, Scratch, clean_environment

from talctools.options import FLAGS

FOLDER = SOURCE / "interpose/tools/completions"
TOOLS = {"talc-run": RUN, "talc-report": REPORT}
WORDS = re.compile(r"[a-z]+(\|[a-z]+)+")

# Calls the function for a line, split into words as bash splits it, and prints what it offers.
ASK_BASH = """
source "$1"
compopt() { :; }
name=$2
shift 2
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"$name" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
((${#COMPREPLY[@]} == 0)) || printf '%s\\n' "${COMPREPLY[@]}"
"""


def flags_of(tool: str) -> set[str]:
    """The long ones that its help explains."""
    text = subprocess.run([TOOLS[tool], "--help"], capture_output=True, text=True).stdout
    terms = re.findall(r"^  (-.*?)(?:  |$)", text, re.M)
    return {flag for term in terms for flag in re.findall(r"--[a-z-]+", term)}


class Texts(unittest.TestCase):
    # How each shell is told of a flag.
    FLAG = {
        "{}.bash": re.compile(r"(--[a-z][a-z-]+)"),
        "_{}": re.compile(r"(--[a-z][a-z-]+)(?==|\[|\})"),
        "{}.fish": re.compile(r"^(?:complete|__).* -l ([a-z-]+)", re.M),
    }

    def lines(self, name: str) -> list[str]:
        text = (FOLDER / name).read_text()
        return [line for line in text.splitlines() if not line.lstrip().startswith("# ")]

    def test_have_the_flags_of_the_help_and_no_others(self):
        for tool in TOOLS:
            for pattern, flag in self.FLAG.items():
                name = pattern.format(tool)
                with self.subTest(name):
                    found = flag.findall("\n".join(self.lines(name)))
                    self.assertEqual(
                        {"--" + word.removeprefix("--") for word in found}, flags_of(tool)
                    )

    def test_have_the_words_of_each_flag(self):
        for flag in FLAGS:
            if not WORDS.fullmatch(flag.values):
                continue
            words = flag.values.replace("|", " ")
            for pattern in self.FLAG:
                name = pattern.format("talc-run")
                with self.subTest(name, flag=flag.name):
                    named = re.compile(rf"(?:--|-l ){flag.name}[^a-z-].*\b{words}\b")
                    self.assertTrue(any(named.search(line) for line in self.lines(name)))

    def test_tell_fish_which_flags_take_a_value(self):
        text = "\n".join(self.lines("talc-run.fish"))
        for flag in FLAGS:
            with self.subTest(flag.name):
                ending = "=?" if flag.bare else "="
                self.assertRegex(text, rf"[ ']{flag.name}{re.escape(ending)}[ '\n]")

    def test_are_read_by_their_shells(self):
        for shell, names in {
            "bash": ("talc-run.bash", "talc-report.bash"),
            "zsh": ("_talc-run", "_talc-report"),
            "fish": ("talc-run.fish", "talc-report.fish"),
        }.items():
            if not shutil.which(shell):
                continue
            for name in names:
                done = subprocess.run(
                    [shell, "-n", FOLDER / name], capture_output=True, text=True
                )
                self.assertEqual((done.returncode, done.stderr), (0, ""), name)


class Bash(Scratch):
    def offered(self, *words: str, tool: str = "talc-run") -> list[str]:
        """What is offered for the last word of the line, after the tool's name."""
        done = subprocess.run(
            ["bash", "-c", ASK_BASH, "bash", FOLDER / f"{tool}.bash"]
            + ["_" + tool.replace("-", "_"), tool, *words],
            cwd=self.root,
            env=clean_environment({"PATH": f"{self.root}:{os.environ['PATH']}"}),
            capture_output=True,
            text=True,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_offers_all_flags(self):
        for tool in TOOLS:
            offered = {word for word in self.offered("--", tool=tool) if word.startswith("--")}
            self.assertEqual(offered, flags_of(tool))

    def test_offers_the_words_of_a_flag(self):
        for flag in FLAGS:
            words = flag.values.split("|") if WORDS.fullmatch(flag.values) else None
            with self.subTest(flag.name):
                if words:
                    self.assertEqual(self.offered(f"--{flag.name}", "=", ""), words)
                    self.assertEqual(self.offered(f"--{flag.name}", "="), words)
                    self.assertEqual(self.offered(f"--{flag.name}", "=", words[0][:2]), [words[0]])
                if words and not flag.bare:
                    self.assertEqual(self.offered(f"--{flag.name}", ""), words)

    def test_knows_where_the_command_begins(self):
        self.script("zz-a-command", "#!/bin/sh\n")
        for before in (
            (),
            ("--watch",),
            ("--stats",),
            ("--stats", "=", "json", "--stats-file", "a"),
            ("--stats-file", "fd", ":", "2"),
            ("--conf", "=", "stats", ":", "json,thp", ":", "never"),
            ("--rounds", "5", "--compare", "--"),
        ):
            with self.subTest(before):
                self.assertEqual(self.offered(*before, "zz-"), ["zz-a-command"])
                # Its arguments are files, whatever they look like.
                self.assertEqual(self.offered(*before, "zz-a-command", "--thp", ""), [])
        self.assertEqual(self.offered("--stats-file", "zz-"), [])

    def test_completes_what_is_typed(self):
        self.script("zz-a-command", "#!/bin/sh\n")
        (self.root / "zz-a-report.json").touch()
        typed = Typed(self.root, "bash", "--norc", "--noprofile", "-i")
        self.addCleanup(typed.close)
        for tool in TOOLS:
            typed.line(f"source {FOLDER}/{tool}.bash")
        typed.expect_completed("><")


@unittest.skipUnless(shutil.which("zsh"), "for who has it")
class Zsh(Scratch):
    def test_completes_what_is_typed(self):
        self.script("zz-a-command", "#!/bin/sh\n")
        (self.root / "zz-a-report.json").touch()
        typed = Typed(self.root, "zsh", "-f", "-i")
        self.addCleanup(typed.close)
        typed.line(f"fpath=({FOLDER} $fpath); autoload -Uz compinit; compinit -D -u")
        typed.expect_completed("=")


class Typed:
    """An interactive shell in a terminal of its own, in that folder, which is in its path, too."""

    def __init__(self, folder: Path, *shell: str) -> None:
        self.shown = ""
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(folder)
                environment = clean_environment(
                    {"PATH": f"{folder}:{os.environ['PATH']}", "TERM": "dumb", "INPUTRC": "/dev/null"}
                )
                os.execvpe(shell[0], shell, environment)
            finally:
                os._exit(99)

    def line(self, text: str) -> None:
        os.write(self.descriptor, text.encode() + b"\n")

    def expect(self, text: str, limit_s: float = 20.0) -> None:
        end = time.monotonic() + limit_s
        while text not in self.shown:
            left_s = end - time.monotonic()
            if left_s < 0 or not select.select([self.descriptor], [], [], left_s)[0]:
                raise AssertionError(f"{text!r} is not in {self.shown!r}")
            self.shown += os.read(self.descriptor, 4096).decode(errors="replace")

    def expect_completed(self, joint: str) -> None:
        """What the tools get, once the shell has completed what is typed: `joint` is what it puts behind a flag."""
        for tool in TOOLS:
            self.line(f"{tool}() {{ printf '<%s>' \"$@\"; echo; }}")
        self.line("echo rea''dy")
        self.expect("ready")
        self.line("talc-run --purg\t5 --thp=al\t--foreign ig\tzz-a-c\tzz-a-r\t")
        self.expect(
            f"<--purge-delay{joint}5><--thp=always><--foreign><ignore><zz-a-command><zz-a-report.json>"
        )
        self.line("talc-report --ti\tname --out\tzz-a-r\tzz-a-r\t")
        self.expect(f"<--title{joint}name><--output{joint}zz-a-report.json><zz-a-report.json>")

    def close(self) -> None:
        # At once: one that is hung up on would write its history.
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.descriptor)


@unittest.skipUnless(shutil.which("fish"), "for who has it")
class Fish(Scratch):
    def offered(self, line: str) -> list[str]:
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source {FOLDER}/talc-run.fish; complete -C '{line}'"],
            cwd=self.root,
            env=clean_environment({"PATH": f"{self.root}:{os.environ['PATH']}"}),
            capture_output=True,
            text=True,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [offer.split("\t")[0] for offer in done.stdout.splitlines()]

    def test_completes_flags_their_words_and_commands(self):
        self.script("zz-a-command", "#!/bin/sh\n")
        (self.root / "zz-a-report.json").touch()
        for line, offers in (
            ("talc-run --purge", ["--purge-delay"]),
            ("talc-run --thp=ad", ["--thp=adaptive"]),
            ("talc-run --foreign ig", ["ignore"]),
            ("talc-run --stats=js", ["--stats=json"]),
            ("talc-run zz-a-c", ["zz-a-command"]),
            ("talc-run --thp never --stats zz-a-c", ["zz-a-command"]),
            ("talc-run zz-a-command zz-a-r", ["zz-a-report.json"]),
            ("talc-run zz-a-command --purge", []),
        ):
            with self.subTest(line):
                self.assertEqual(self.offered(line), offers)


if __name__ == "__main__":
    unittest.main()
