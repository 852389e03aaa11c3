"""talc's script for gdb beside what a program knows of its own heap, in the process and in its core file."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.environ["TEST_SCRIPT"]
PROGRAM = os.environ["TEST_PROGRAM"]
HARDENED_PROGRAM = os.environ["TEST_HARDENED_PROGRAM"]

ADDRESSES = ["small_live", "small_cached", "small_free", "small_posted", "middle_live", "middle_kept", "middle_gap",
             "middle_quarantined", "huge_live", "&elsewhere", "main"]
FIGURES = ["heaps", "gaps", "fragments", "slabs", "slab_free", "group_free", "cached", "in_transit", "huge_blocks",
           "huge_bytes", "kept"]
VALUES = ["span", "empty_span", "small_entry", "huge_entry", "*slab", "prefix", "counters", "$talc_tag(tag)"]

MARK = "@@@@"
OTHER_LANGUAGE = "talc block (huge_live)"


def gdb(*arguments: str) -> tuple[str, str]:
    """What it prints, and its complaints."""
    options = ["-nx", "-q", "-batch", "-iex", "set debuginfod enabled off"]
    done = subprocess.run(
        ["gdb", *options, *arguments], capture_output=True, text=True, timeout=60, errors="replace")
    return done.stdout, done.stderr


def answers(start: list[str], *files: str) -> dict[str, str]:
    """What gdb answers to each question, once the commands of `start` have been obeyed."""
    questions = [f"talc block {address}" for address in ADDRESSES]
    questions += ["talc block small_live + 50", "talc heaps", "talc stats"]
    questions += [f"print {value}" for value in VALUES]
    questions += [f'printf "%p\\n", {address}' for address in ADDRESSES]
    questions += [f'printf "%lu\\n", (unsigned long)stats.{figure}' for figure in FIGURES]
    questions += ["print stats", "set language asm", OTHER_LANGUAGE]
    with tempfile.NamedTemporaryFile("w", suffix=".gdb") as commands:
        for question in questions:
            commands.write(f"echo {MARK}\\n\n{question}\n")
        commands.flush()
        begin = [word for command in start for word in ("-ex", command)]
        text, complaints = gdb("-x", SCRIPT, *begin, "-x", commands.name, *files)
    parts = [part.strip() for part in text.split(MARK + "\n")[1:]]
    if len(parts) != len(questions):
        raise AssertionError(text + complaints)
    return dict(zip(questions, parts))


class Stopped(unittest.TestCase):
    """A program has stopped where it knows what it has: `live` is what gdb answers there."""

    live: dict[str, str]

    def address(self, name: str) -> str:
        return self.live[f'printf "%p\\n", {name}']

    def expect_block(self, name: str, words: str) -> None:
        self.assertIn(words.format(self.address(name)), self.live[f"talc block {name}"])

    def expect_figures(self, *not_zero: str) -> None:
        told = dict(line.split() for line in self.live["talc stats"].splitlines())
        known = {name: self.live[f'printf "%lu\\n", (unsigned long)stats.{name}'] for name in FIGURES}
        self.assertEqual({name: told[name] for name in FIGURES}, known)
        for name in not_zero:
            self.assertNotEqual(known[name], "0", name)


class Commands(Stopped):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        core = str(pathlib.Path(folder.name) / "core")
        cls.live = answers(["break stop_here", "run", f"generate-core-file {core}"], PROGRAM)
        cls.dead = answers([], PROGRAM, core)

    def test_small_blocks(self):
        self.expect_block("small_live", "small block of 112 bytes at {}: live\n")
        self.expect_block("small_cached", "small block of 112 bytes at {}: free, kept by a thread of arena 0\n")
        self.expect_block("small_free", "small block of 112 bytes at {}: free, in its slab\n")
        self.expect_block("small_posted", "at {}: free, on its way home, in the outbox of a thread of arena 0\n")
        self.assertIn("arena 1", self.live["talc block small_posted"])

    def test_the_inside_of_a_block_is_the_block_s(self):
        at = self.address("small_live")
        self.assertIn(f"small block of 112 bytes at {at}: live", self.live["talc block small_live + 50"])

    def test_middle_blocks(self):
        self.expect_block("middle_live", "middle block of 100352 bytes at {}: live\n")
        self.expect_block("middle_kept", "bytes at {}: free, kept by a thread or not merged yet\n")
        self.assertRegex(self.live["talc block middle_gap"], r": gap of \d{7,} bytes at 0x[0-9a-f]+\n  arena 0, heap ")

    def test_a_huge_block(self):
        self.expect_block("huge_live", "huge block of 8388608 bytes at {}: live")

    def test_what_is_not_talc_s(self):
        self.assertIn(": not talc's", self.live["talc block &elsewhere"])
        self.assertIn(": not talc's", self.live["talc block main"])

    def test_heaps(self):
        text = self.live["talc heaps"]
        self.assertRegex(text, r"^arena 0: 1 threads, \d+ gaps of [\d.]+ [KM]iB\n  heap 0x\w+ to 0x\w+: [\d.]+ MiB\n")
        self.assertIn("\narena 1: ", text)
        self.assertIn(f"\nhuge block {self.address('huge_live')} to 0x", text)
        self.assertTrue(text.endswith(": 8.0 MiB"), text)

    def test_the_figures_are_those_of_the_library(self):
        self.expect_figures("gaps", "slabs", "cached", "in_transit", "huge_bytes")

    def test_types_in_words(self):
        at = self.address("small_live")
        end = hex(int(at, 16) + 4096)
        expected = {
            "span": rf"{at}\.\.\[4096\]\.\.{end}",
            "empty_span": "empty span",
            "small_entry": "slab of arena 2, class 7: 128 bytes",
            "huge_entry": "huge block of 8388608 bytes",
            "*slab": r"slab at 0x\w+ of 585 slots of 112 bytes, \d+ of them out; arena 0",
            "prefix": "live, 100352 bytes",
            "counters": r"talc::Counters = \{live_allocations = 3, live_bytes = 120\}",
            "$talc_tag(tag)": f'"chunk from {at}, allocated, a gap above"',
        }
        for value, words in expected.items():
            self.assertRegex(self.live[f"print {value}"], rf"^\$\d+ = {words}$")
        self.assertIn("huge_bytes = 8388608", self.live["print stats"])
        self.assertRegex(self.live["print stats"], r"arenas\[1\] = .*\}$")
        self.assertNotIn("arenas[2]", self.live["print stats"])

    def test_names_are_found_whatever_the_language(self):
        self.assertEqual(self.live[OTHER_LANGUAGE], self.live["talc block huge_live"])

    def test_a_core_file_tells_the_same(self):
        self.assertEqual(self.dead, self.live)


class Hardened(Stopped):
    """Each block has 16 bytes more than was asked for; what is freed waits in quarantine, if it is not too large."""

    @classmethod
    def setUpClass(cls):
        cls.live = answers(["break stop_here", "run"], HARDENED_PROGRAM)

    def test_blocks(self):
        self.expect_block("small_live", "small block of 128 bytes at {}: live\n")
        self.expect_block("small_cached", "small block of 128 bytes at {}: free, in quarantine\n")
        self.expect_block("middle_quarantined", "middle block of 10240 bytes at {}: free, in quarantine\n")
        self.expect_block("middle_live", "middle block of 100352 bytes at {}: live\n")
        self.assertRegex(self.live["talc block middle_gap"], r": gap of \d{7,} bytes at 0x")
        self.assertRegex(self.live["talc block huge_live"], r"huge block of \d+ bytes at 0x\w+: live")
        self.assertIn(": not talc's", self.live["talc block &elsewhere"])

    def test_heaps(self):
        self.assertRegex(self.live["talc heaps"], r"^arena 0: \d+ threads, \d+ gaps")

    def test_the_figures_are_those_of_the_library(self):
        self.expect_figures("gaps", "slabs", "cached", "huge_bytes")


class WithoutTalc(unittest.TestCase):
    def test_it_says_what_is_missing(self):
        _, complaints = gdb("-x", SCRIPT, "-ex", "talc heaps", "/bin/true")
        self.assertIn("talc: there is no debug information of the library here", complaints)
        self.assertNotIn("Traceback", complaints)

    def test_an_address_is_asked_for(self):
        self.assertIn("which address?", gdb("-x", SCRIPT, "-ex", "talc block")[1])


if __name__ == "__main__":
    if not shutil.which("gdb") or "exited normally" not in gdb("-ex", "run", "/bin/true")[0]:
        print("skipped: no gdb, or it may not run programs")
        sys.exit(77)
    unittest.main()
