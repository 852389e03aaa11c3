"""talc-run --compare: who takes part, what is measured, and what is said of runs that went wrong."""
import os
import re
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from support import BUILD, RUN, Scratch, clean_environment

from talctools.environment import inherited
from talctools.judging import Contestant, judge, table
from talctools.measuring import Laboratory, Run
from talctools.peers import PEERS, Allocator, installed

FILLS = """
#include <stdlib.h>
#include <string.h>
int main(void) { memset(malloc(64 << 20), 1, 64 << 20); return 0; }
"""
LAUNCHER = BUILD / "interpose/tools/launcher"


class Measuring(Scratch):
    def laboratory(self) -> Laboratory:
        return Laboratory(str(LAUNCHER), self.root)

    def test_peak_memory_is_the_commands_own(self):
        ballast = bytearray(b"x" * (300 << 20))
        small = self.laboratory().run(["true"], b"", inherited())
        large = self.laboratory().run([str(self.program("fills", FILLS))], b"", inherited())
        self.assertEqual(len(ballast), 300 << 20)
        self.assertLess(small.figures["peak_rss_kib"], 10 << 10)
        self.assertGreater(large.figures["peak_rss_kib"], 64 << 10)
        self.assertLess(large.figures["peak_rss_kib"], 80 << 10)

    def test_nothing_of_the_command_is_left_running(self):
        run = self.laboratory().run(["sh", "-c", "sleep 60 & echo $!"], b"", inherited())
        self.assertEqual(run.status, "exit 0")
        process = int((self.root / "output").read_text())
        end = time.monotonic() + 20
        while self.is_running(process):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    @staticmethod
    def is_running(process: int) -> bool:
        try:
            return " Z " not in Path(f"/proc/{process}/stat").read_text()
        except OSError:
            return False

    def test_status_output_and_last_words_are_kept(self):
        laboratory = self.laboratory()
        runs = [
            laboratory.run(["sh", "-c", line], b"", inherited())
            for line in ("echo 1; echo last >&2; exit 3", "echo 1", "kill -SEGV $$")
        ]
        self.assertEqual([run.status for run in runs], ["exit 3", "exit 0", "signal 11"])
        self.assertEqual(runs[0].complaint, "last")
        self.assertEqual(runs[0].output, runs[1].output)
        self.assertNotEqual(runs[0].output, runs[2].output)


def contestant(name: str, *runs: tuple[str, str]) -> Contestant:
    made = [Run({}, status, output, "oops") for status, output in runs]
    return Contestant(Allocator(name), made[0], runs=made[1:])


class Judging(unittest.TestCase):
    FINE = ("exit 0", "a")

    def judge(self, base: list[tuple[str, str]], *others: tuple[str, str]):
        return judge([contestant("glibc", *base), contestant("talc", *others)])

    def test_all_alike_is_nothing_to_speak_of(self):
        found = judge([contestant("glibc", *[self.FINE] * 3), *self.others([self.FINE] * 3)])
        self.assertEqual(found, (["talc served 1,234 allocations"], []))

    def others(self, runs: list[tuple[str, str]]) -> list[Contestant]:
        talc, peer = contestant("talc", *runs), contestant("peer", *runs)
        talc.allocations = 1234
        return [talc, peer]

    def test_who_was_not_loaded_is_at_fault(self):
        runs = [self.FINE] * 2
        for index, name in enumerate(("talc", "peer")):
            others = self.others(runs)
            others[index].is_loaded = False
            remarks, faults = judge([contestant("glibc", *runs), *others])
            self.assertEqual(
                faults, [f"{name} was not loaded into the command, which ran without it"]
            )
            self.assertEqual(len(remarks), index)

    def test_another_status_or_output_is_a_fault_told_once(self):
        crash = ("signal 11", "")
        _, faults = self.judge([self.FINE] * 3, self.FINE, crash, crash)
        self.assertEqual(faults, ["talc: round 1: signal 11 (oops)"])
        _, faults = self.judge([self.FINE] * 2, ("exit 0", "b"), self.FINE)
        self.assertEqual(faults, ["talc: first round: the output differs from that under glibc"])

    def test_a_command_that_fails_under_glibc_too_is_only_remarked(self):
        failing = ("exit 1", "a")
        remarks, faults = self.judge([failing] * 2, failing, failing)
        self.assertEqual((remarks[1:], faults), (["under glibc the command ended by exit 1"], []))

    def test_output_that_changes_under_glibc_is_not_compared(self):
        remarks, faults = self.judge([self.FINE, ("exit 0", "b")], ("exit 0", "c"), self.FINE)
        self.assertEqual(faults, [])
        self.assertIn("it changes from run to run", remarks[1])


class Table(unittest.TestCase):
    def test_has_medians_and_the_median_of_ratios_within_rounds(self):
        def timed(name: str, *walls: float) -> Contestant:
            plain = {
                "user_s": 1.0,
                "system_s": 0.5,
                "peak_rss_kib": 2048.0,
                "minor_faults": 9.0,
                "major_faults": 1.0,
            }
            runs = [Run(plain | {"wall_s": wall}) for wall in walls]
            return Contestant(Allocator(name), runs=runs)

        text = table([timed("glibc", 1.0, 2.0, 4.0), timed("talc", 0.5, 3.0, 2.0)], ["a b", "c"])
        title, _, base, ours = text.splitlines()
        self.assertEqual(title, "'a b' c: median of 3 rounds, and its ratio to glibc")
        self.assertEqual(base.split("  ")[1:3], ["2.00 s", "1.00"])
        self.assertRegex(ours, r"^talc +2.00 s  0.50  1.50 s  1.00 +2.0 MiB  1.00 +10  1.00$")


class Peers(unittest.TestCase):
    def test_are_those_that_the_linker_finds(self):
        for peer in installed():
            with self.subTest(peer.name):
                self.assertTrue(os.path.exists(peer.library))
        listing = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
        there = {name for name, sonames in PEERS if any(f"\t{s} (" in listing for s in sonames)}
        self.assertEqual({peer.name for peer in installed()}, there)


class Comparing(Scratch):
    def compare(self, *arguments: str, **more) -> subprocess.CompletedProcess[str]:
        return self.run_tool("--compare", "--rounds=1", *arguments, **more)

    def names(self, done: subprocess.CompletedProcess[str]) -> list[str]:
        return re.findall(r"^(\S+) +[\d.]+ m?s ", done.stdout, re.M)

    def test_prints_a_row_for_each_and_that_talc_served(self):
        done = self.compare("python3", "-c", "print(sum(map(len, map(str, range(9999)))))")
        self.assertEqual(done.returncode, 0, done.stderr)
        peers = [peer.name for peer in installed()]
        self.assertEqual(self.names(done), ["glibc", "talc", *peers])
        self.assertRegex(done.stdout, r"\n +wall +CPU +peak memory +page faults\nglibc .* 1\.00\n")
        self.assertRegex(done.stderr, r"^talc-run: talc served [\d,]{4,} allocations\n$")

    def test_takes_the_hardened_one_instead(self):
        done = self.compare("--hardened", "/bin/ls", "/")
        self.assertEqual(self.names(done)[:2], ["glibc", "talc-hardened"])
        self.assertIn("talc-hardened served", done.stderr)

    def test_a_command_without_statistics_is_told(self):
        done = self.compare("sh", "-c", "exit 0")
        self.assertIn("talc was loaded; the command ended without a report", done.stderr)
        self.assertEqual(done.returncode, 0)

    def test_a_static_command_shows_that_nobody_served_it(self):
        self.program("still", "int main(void) { return 0; }", "-static")
        done = self.compare("./still")
        self.assertEqual(done.returncode, 1)
        for name in ("talc", *(peer.name for peer in installed())):
            self.assertIn(f"{name} was not loaded into the command", done.stderr)

    def test_output_under_one_allocator_that_differs_is_a_fault(self):
        done = self.compare("sh", "-c", "case $LD_PRELOAD in *libtalc*) echo odd;; esac; exec true")
        self.assertEqual(done.returncode, 1)
        self.assertIn("talc: first round: the output differs from that under glibc", done.stderr)

    def seen(self, *arguments: str, env: dict[str, str]) -> list[str]:
        """What each run finds preloaded, and talc's purge delay, in the order of the runs."""
        script = 'echo "$LD_PRELOAD $TALC_PURGE_DELAY" >>seen; exec true'
        self.run_tool("--compare", *arguments, "sh", "-c", script, env=env)
        return (self.root / "seen").read_text().splitlines()

    def test_what_is_preloaded_anyway_is_so_for_all_and_options_are_talcs(self):
        other = self.root / "other.so"
        subprocess.run(["cc", "-shared", "-x", "c", "/dev/null", "-o", other], check=True)
        environment = {"LD_PRELOAD": str(other), "TALC_STATS": "xml"}
        seen = self.seen("--rounds=1", "--purge-delay=5", env=environment)
        self.assertEqual(seen[0], f"{other} 5")
        self.assertRegex(seen[1], rf"/libtalc\.so(\.1)?:{other} 5$")

    def test_glibc_is_glibc_under_a_preloaded_talc_too(self):
        seen = self.seen("--rounds=1", env={"LD_PRELOAD": f"{BUILD}/libtalc-hardened.so"})
        self.assertEqual(seen[0], " ")

    def test_all_take_turns_at_being_first(self):
        seen = self.seen("--rounds=3", env={})
        names = [re.sub(r".*/(lib\w+).*", r"\1", line) for line in seen]
        count = len(names) // 4
        warm_up, *rounds = (names[i : i + count] for i in range(0, len(names), count))
        self.assertEqual(warm_up[:2], [" ", "libtalc"])
        for turn, order in enumerate(rounds):
            self.assertEqual(order, warm_up[turn:] + warm_up[:turn])

    def test_interrupted_it_prints_what_it_has_and_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            script = "echo >>runs; test $(wc -l <runs) -lt 20 || exec sleep 60"
            run = subprocess.Popen(
                [RUN, "--compare", "--rounds=9", "sh", "-c", script],
                cwd=self.root,
                env=clean_environment({"TMPDIR": folder}),
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            runs = self.root / "runs"
            while not runs.exists() or runs.read_text().count("\n") < 20:
                self.assertIsNone(run.poll())
            run.terminate()
            output, errors = run.communicate(timeout=30)
            self.assertEqual(run.returncode, 130, errors)
            self.assertIn("\nglibc ", output)
            self.assertRegex(errors, r"interrupted after \d whole rounds\n$")
            self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    unittest.main()
