"""The command line as a user meets it: whole processes, their messages and exit statuses."""
import os
import signal
import subprocess
import sys
import time
import unittest

from support import Folders

from talcbench import results

# Stands for patterns.py and programs.py, whose cases take long and need programs.
CASES = """
from talcbench.cases import Case
from shutil import unpack_archive  # fails, since {inputs} is none
CASES = [Case("patterns", "unprepared", ("true",), prepare=unpack_archive),
         Case("patterns", "quick", ("echo", "1")),
         Case("patterns", "quick", ("echo", "2"), threads=2),
         Case("patterns", "slow", ("sleep", "60")),
         Case("patterns", "scaled", ("test", "{scale}", "=", "250"), inspected=False, quick=False)]
"""


class CommandLine(Folders):
    def setUp(self) -> None:
        super().setUp()
        fakes = self.root / "fakes"
        fakes.mkdir()
        (fakes / "sitecustomize.py").write_text(
            "import sys, types\n"
            "for name, text in (('patterns', " + repr(CASES) + "), ('programs', 'CASES = []')):\n"
            "    module = types.ModuleType('talcbench.' + name)\n"
            "    exec(text, module.__dict__)\n"
            "    sys.modules['talcbench.' + name] = module\n"
            "    import talcbench\n"
            "    setattr(talcbench, name, module)\n"
        )
        (self.build / "libtalc.so").touch()
        path = os.pathsep.join([str(fakes), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.environment = os.environ | {"PYTHONPATH": path}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "talcbench", "--build-dir", str(self.build), *arguments]

    def bench(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.root,
        )

    def assert_refused(self, message: str, *arguments: str) -> None:
        done = self.bench(*arguments)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(message, done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_help_names_every_option_and_suite(self):
        done = self.bench("--help")
        self.assertEqual(done.returncode, 0)
        for word in (
            "--quick",
            "--suite",
            "--case",
            "--alloc",
            "--rounds",
            "--thp",
            "--scale",
            "--timeout",
            "--out",
            "--draw",
            "--list",
            "programs",
            "patterns",
            "latency",
            "memory",
            "micro",
            "engine",
            "instructions",
            "mimalloc",
            "Ctrl-C",
        ):
            self.assertIn(word, done.stdout)

    def test_bad_input(self):
        self.assert_refused("no allocator 'hoard'; there are: talc", "--alloc", "hoard")
        self.assert_refused("no such file", "--alloc", "mine=/nowhere/lib.so")
        self.assert_refused("invalid choice: 'speed'", "--suite", "speed")
        self.assert_refused("no case 'larsen'", "--case", "larsen")
        self.assert_refused("not a positive whole number", "--rounds", "0")
        self.assert_refused("not a positive whole number", "--rounds", "many")
        self.assert_refused("not a positive whole number", "--scale", "0")
        self.assert_refused("'100001' is more than 100000", "--scale", "100001")
        self.assert_refused("'sometimes' is neither of", "--thp", "sometimes")
        self.assert_refused("unrecognized arguments: fast", "fast")
        (self.root / "file").touch()
        self.assert_refused("is not a folder", "--out", "file/below")
        self.assert_refused("holds nothing that could be drawn", "--draw", "--out", "out")

    def test_what_is_not_built_is_said(self):
        (self.build / "bench/launcher/launcher").unlink()
        self.assert_refused("is not built; start this by scripts/bench", "--suite", "patterns")

    def test_a_list_of_cases(self):
        done = self.bench("--list", "--suite", "patterns")
        self.assertEqual(
            (done.returncode, done.stdout.splitlines()[1:]),
            (0, ["  unprepared", "  quick", "  quick x2", "  slow", "  scaled"]),
        )

    def test_who_reads_the_list_may_stop_early(self):
        reads, writes = os.pipe()
        os.close(reads)
        with os.fdopen(writes, "wb") as closed:
            done = subprocess.run(
                self.command("--list"),
                env=self.environment,
                stdout=closed,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                cwd=self.root,
            )
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_run_leaves_figures_and_a_summary(self):
        done = self.bench(
            "--case",
            "quick",
            "--suite",
            "patterns",
            "--alloc",
            "glibc",
            "--out",
            "out",
            "--rounds",
            "2",
            "--quick",
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("[2/2] patterns: quick x2, about", done.stderr)
        self.assertEqual(len(results.read(self.out / "patterns.csv")), 4)
        self.assertEqual((self.out / "summary.txt").read_text(), done.stdout)
        self.assertIn("--case quick", results.read_head(self.out / "patterns.csv")["command"])

    def test_how_much_work_there_is_can_be_said(self):
        options = ("--case", "scaled", "--alloc", "glibc", "--out", "out", "--rounds", "1")
        self.assertEqual(self.bench(*options, "--scale", "250").returncode, 0)
        self.assertEqual(self.bench(*options).returncode, 1)

    def test_a_crash_is_in_the_exit_status(self):
        broken = self.broken_library("raise(SIGABRT);")
        done = self.bench(
            "--case",
            "quick",
            "--suite",
            "patterns",
            "--alloc",
            f"broken={broken}",
            "--alloc",
            "glibc",
            "--out",
            "out",
            "--quick",
        )
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("patterns: quick: broken: signal 6", done.stdout)
        self.assertIn("quick x2", done.stderr)

    def test_an_error_in_one_case_does_not_end_the_run(self):
        names = ("--case", "unprepared", "--case", "quick")
        done = self.bench(
            *names, "--suite", "patterns", "--alloc", "glibc", "--out", "out", "--quick"
        )
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("patterns: unprepared: error (ReadError: ", done.stdout)
        self.assertEqual(results.read(self.out / "failures.csv")[0]["status"], "error")
        self.assertTrue(results.read(self.out / "patterns.csv"))

    def test_an_earlier_run_is_set_aside(self):
        (self.out / "patterns.csv").write_text("an earlier run")
        done = self.bench(
            "--case", "quick", "--suite", "patterns", "--alloc", "glibc", "--out", "out", "--quick"
        )
        self.assertIn("what an earlier run left is now in", done.stderr)
        (before,) = self.out.glob("before-*/patterns.csv")
        self.assertEqual(before.read_text(), "an earlier run")

    def test_an_interrupted_run_keeps_what_it_has(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                self.interrupt_when_slow(number)

    def test_a_run_in_the_background_which_ignores_ctrl_c_can_be_ended(self):
        self.interrupt_when_slow(signal.SIGTERM, sigint=signal.SIG_IGN)

    def test_being_told_twice_is_as_being_told_once(self):
        # `timeout` signals its child, and then its group.
        self.interrupt_when_slow(signal.SIGTERM, signal.SIGTERM)

    def interrupt_when_slow(
        self, *numbers: signal.Signals, sigint: signal.Handlers = signal.SIG_DFL
    ) -> None:
        run = subprocess.Popen(
            self.command(
                "--suite", "patterns", "--alloc", "glibc", "--out", "out", "--rounds", "1"
            ),
            env=self.environment,
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, sigint),
        )
        assert run.stderr is not None
        for line in run.stderr:
            if "patterns: slow" in line:
                break
        for number in numbers:
            # The second one when the first has been heard: python waits a quarter of a second for what runs.
            time.sleep(0.5)
            run.send_signal(number)
        _, said = run.communicate(timeout=30)
        self.assertEqual(run.returncode, 130, said)
        self.assertIn(f"interrupted; what was measured is kept in {self.out.resolve()}", said)
        self.assertNotIn("Traceback", said)
        self.assertRegex(said, "pictures in |no pictures: ")
        self.assertTrue((self.out / "summary.txt").read_text())
        self.assertEqual(
            [row["case"] for row in results.read(self.out / "patterns.csv")], ["quick"] * 2
        )


if __name__ == "__main__":
    unittest.main()
