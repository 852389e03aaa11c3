"""talc-run --watch: the page it reads, the panel it draws, and that the command notices neither."""
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest
from unittest import mock

import pages
from emulator import Terminal
from support import RUN, SOURCE, Scratch, clean_environment

from talctools import live_page, view, watching
from talctools.watched import History, Processes, Watched

SHOWS = [sys.executable, pages.__file__]


class Page(Scratch):
    def read(self, image: bytes) -> live_page.Sample | None:
        path = self.root / "page"
        path.write_bytes(image)
        return live_page.read(str(path))

    def test_is_read(self):
        counters = {name: 100 + i for i, name in enumerate(live_page.COUNTERS)}
        sample = self.read(pages.page(7, b"a b", **counters))
        self.assertEqual((sample.process, sample.program, sample.uptime_s), (7, "a b", 1.5))
        self.assertEqual(sample.counters, counters)

    def test_is_laid_out_as_the_library_does(self):
        header = (SOURCE / "lib/talc/live_page.h").read_text()
        members = re.findall(r"^  (\w+) (\w+)(?:\[(\d+)\])?;", header, re.M)
        sizes = {"char": 1, "uint32_t": 4, "uint64_t": 8}
        offsets, at = {}, 0
        for kind, name, count in members:
            offsets[name] = at
            at += sizes[kind] * int(count or 1)
        self.assertEqual(offsets["uptime_ms"] + 8, live_page.HEAD.size)
        self.assertEqual(at, live_page.HEAD.size + live_page.BODY.size)
        self.assertEqual(list(offsets)[-len(live_page.COUNTERS) :], list(live_page.COUNTERS))
        self.assertEqual(offsets["sequence"], live_page._SEQUENCE_AT)
        self.assertIn(f"VERSION {live_page.VERSION}\n", header)

    def test_that_is_being_written_or_is_none_is_not_believed(self):
        for name, image in (
            ("odd", pages.page(7, sequence=3)),
            ("never written", pages.page(7, sequence=0)),
            ("magic", pages.page(7, magic=b"talcpagf")),
            ("version", pages.page(7, version=2)),
            ("short", pages.page(7)[:200]),
            ("empty", b""),
        ):
            with self.subTest(name):
                self.assertIsNone(self.read(image))

    def test_that_changed_while_it_was_read_is_read_again(self):
        old, new = (pages.page(7, sequence=n, allocated=n) for n in (2, 4))
        reads = [old[16:24], old, new[16:24], new[16:24], new, new[16:24]]
        (self.root / "page").write_bytes(old)
        with mock.patch("os.pread", side_effect=reads):
            sample = live_page.read(str(self.root / "page"))
        self.assertEqual(sample.counters["allocated"], 4)

    def test_is_not_sought_behind_a_link(self):
        (self.root / "page").write_bytes(pages.page(7))
        (self.root / "link").symlink_to("page")
        with self.assertRaises(OSError):
            live_page.read(str(self.root / "link"))


class Known(Scratch):
    def show(self, process: int, **more: int) -> None:
        (self.root / str(process)).write_bytes(pages.page(process, **more))

    def test_processes_come_first_by_being_the_command_then_by_size(self):
        parents = [os.getpid(), os.getppid(), 1]
        for i, process in enumerate(parents):
            self.show(process, resident=[1, 5, 9][i])
        processes = Processes(str(self.root), parents[0])
        processes.refresh()
        order = [known.sample.process for known in processes.in_order()]
        self.assertEqual(order, [parents[0], 1, parents[1]])

    def test_who_has_ended_is_gone_but_the_command_is_remembered(self):
        ended = subprocess.Popen(["true"])
        ended.wait()
        self.show(ended.pid, resident=9)
        processes = Processes(str(self.root), ended.pid)
        processes.refresh()
        self.assertEqual(processes.in_order(), [])
        self.assertEqual(processes.first_seen.most_resident, 9)
        self.assertEqual(os.listdir(self.root), [])

    def test_a_page_that_is_being_written_loses_nobody(self):
        process = os.getpid()
        processes = Processes(str(self.root), process)
        for sequence in (2, 3, 4):
            self.show(process, sequence=sequence, resident=sequence)
            processes.refresh()
            self.assertEqual(
                [known.most_resident for known in processes.in_order()], [sequence & ~1]
            )
        self.assertEqual(processes.first_seen.resident.values, [2, 4])

    def test_rates_are_of_the_time_between(self):
        process = os.getpid()
        processes = Processes(str(self.root), process)
        for uptime, allocations in ((1000, 50), (1500, 150)):
            self.show(process, uptime_ms=uptime, allocations=allocations)
            processes.refresh()
        self.assertEqual(processes.first_seen.rate, 200.0)

    def test_history_keeps_the_maxima_of_all_time(self):
        history = History(most=8)
        for value in range(1000):
            history.add(1000 - value)
        self.assertLess(len(history.values), 8)
        self.assertEqual(history.values[0], 1000)
        self.assertEqual(history.values, sorted(history.values, reverse=True))


def known(process: int, **counters: int) -> Watched:
    values = {name: 0 for name in live_page.COUNTERS} | counters
    return Watched(live_page.Sample(process, "p\x1b[2J\n", 1.0, values))


class Lines(unittest.TestCase):
    def test_of_the_panel_fit_and_command_no_terminal(self):
        many = [known(i, mapped=5 << 30, active=1 << 30, purged=4 << 30) for i in range(40)]
        for width in (40, 60, 80, 200):
            for line in view.panel("c\x1b[0m" * 30, 7200.0, many, width):
                with self.subTest(width=width, line=line):
                    self.assertLessEqual(len(line), width)
                    self.assertNotIn("\x1b", line)
        self.assertIn("and 34 more processes", view.panel("c", 1.0, many, 80)[-3])

    def test_parts_sum_up_to_what_is_mapped(self):
        one = known(
            1,
            mapped=100,
            active=40,
            metadata=5,
            retained=55,
            cached=10,
            in_transit=2,
            dirty=30,
            purged=25,
        )
        parts = view.parts([one, one])
        self.assertEqual(sum(parts.values()), 200)
        self.assertEqual(parts["caches"], 24)
        untouched = known(1, mapped=100, active=40, metadata=5, retained=55, cached=35, dirty=30)
        untouched.sample.counters["purged"] = 25
        self.assertEqual(sum(view.parts([untouched]).values()), 100)


class PassedOn(unittest.TestCase):
    def test_is_what_somebody_sent_and_not_what_a_terminal_sent_to_both(self):
        kernel, user = 128, 0
        told = [
            mock.Mock(si_signo=signal.SIGINT, si_code=kernel, si_pid=0),
            mock.Mock(si_signo=signal.SIGINT, si_code=user, si_pid=1),
            mock.Mock(si_signo=signal.SIGWINCH, si_code=user, si_pid=1),
            mock.Mock(si_signo=signal.SIGPIPE, si_code=user, si_pid=os.getpid()),
            mock.Mock(si_signo=signal.SIGCHLD),
        ]
        with (
            mock.patch("signal.sigtimedwait", side_effect=told),
            mock.patch("os.waitpid", return_value=(77, 9)),
            mock.patch("os.kill") as kill,
        ):
            self.assertEqual(watching._attend(77, lambda: None, lambda: None), 9)
        self.assertEqual(kill.mock_calls, [mock.call(77, signal.SIGINT)])


class Watching(Scratch):
    """In a terminal of 16 lines of 100 characters."""

    def setUp(self) -> None:
        super().setUp()
        self.terminal = Terminal(16, 100)
        self.pid = 0

    def start(self, *command: str, preamble: str = "", flags: tuple[str, ...] = ()) -> None:
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            try:
                size = struct.pack("HHHH", self.terminal.rows, self.terminal.columns, 0, 0)
                fcntl.ioctl(0, termios.TIOCSWINSZ, size)
                environment = clean_environment({"PYTHONPATH": os.environ["PYTHONPATH"]})
                line = [RUN, "--watch", *flags, *command]
                if preamble:
                    line = ["sh", "-c", preamble + '; exec "$@"', "sh", *line]
                os.execvpe(line[0], line, environment)
            finally:
                os._exit(99)
        self.addCleanup(self.reap)

    def reap(self) -> None:
        os.close(self.descriptor)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def read_until(self, done, limit_s: float = 20.0) -> None:
        """Feeds the emulator until `done()`, or until the other side hangs up."""
        end = time.monotonic() + limit_s
        os.set_blocking(self.descriptor, False)
        while not done():
            try:
                self.terminal.feed(os.read(self.descriptor, 1 << 16).decode())
            except BlockingIOError:
                self.assertLess(time.monotonic(), end, "\n".join(self.terminal.lines()))
                time.sleep(0.02)
            except OSError:
                return

    def end(self) -> int:
        self.read_until(lambda: False)
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return status

    def panel_top(self) -> int | None:
        """The index of its first line."""
        tops = [i for i, line in enumerate(self.terminal.lines()) if line.startswith("── talc-run")]
        return tops[0] if tops else None

    def has_figures(self) -> bool:
        return any(" made up " in line for line in self.terminal.lines())

    def assert_restored(self) -> None:
        self.assertEqual(self.terminal.region, (1, self.terminal.rows))
        self.assertIsNone(self.panel_top())

    def test_the_panel_stays_at_the_bottom_while_output_scrolls(self):
        self.start(*SHOWS, "6", "out")
        self.read_until(lambda: "out 15" in self.terminal.lines())
        top = self.panel_top()
        lines = self.terminal.lines()
        self.assertEqual(top, 11, lines)
        self.assertRegex(
            lines[12], r"^process +allocated +resident +mapped +dirty +caches +allocs/s"
        )
        self.assertRegex(
            lines[13], r"^\d+ made up +10.0 MiB +3\d.0 MiB +40.0 MiB +8.0 MiB +2.0 MiB +\d\.\d k"
        )
        self.assertRegex(lines[14], "^█+▓+▒+·+m+$")
        self.assertEqual(len(lines[14]), 100)
        self.assertIn("▒ dirty 6.0 MiB", lines[15])
        self.assertEqual(self.end(), 0)
        self.assert_restored()
        printed = [line for line in self.terminal.scrolled + self.terminal.lines() if "out" in line]
        self.assertEqual(printed, [f"out {i}" for i in range(24)])
        last = [line for line in self.terminal.lines() if line][-1]
        self.assertRegex(
            last, r"made up \d+: .* 23.0 k allocations, most resident 43.0 MiB, most mapped 45.0"
        )

    def test_what_was_printed_before_is_not_covered(self):
        self.start(*SHOWS, "2", "out", preamble="seq -f 'before %g' 20; printf prompt")
        self.read_until(lambda: "out 5" in self.terminal.lines())
        self.assertEqual(self.panel_top(), 11)
        self.assertEqual(self.end(), 0)
        lines = [line for line in self.terminal.scrolled + self.terminal.lines() if line]
        self.assertEqual(lines[:20], [f"before {i}" for i in range(1, 21)])
        self.assertEqual(lines[20], "promptout 0")
        self.assertEqual(lines[21:-1], [f"out {i}" for i in range(1, 8)])

    def test_ctrl_c_ends_the_command_and_restores_the_terminal(self):
        self.start(*SHOWS, "60")
        self.read_until(self.has_figures)
        os.write(self.descriptor, b"\x03")
        self.assertEqual(os.WTERMSIG(self.end()), signal.SIGINT)
        self.assert_restored()

    def test_ctrl_c_that_the_command_survives_goes_on(self):
        self.start("sh", "-c", f"trap 'echo caught' INT; {' '.join(SHOWS)} 60; exit 5")
        self.read_until(self.has_figures)
        os.write(self.descriptor, b"\x03")
        self.assertEqual(os.waitstatus_to_exitcode(self.end()), 5)
        self.assertEqual(self.terminal.lines().count("caught"), 1)
        self.assert_restored()

    def test_ctrl_z_stops_both_with_the_terminal_restored(self):
        self.start(*SHOWS, "3")
        self.read_until(self.has_figures)
        # An orphaned group is not stopped by a terminal: it has no shell that could continue it.
        # Therefore the command is stopped as the shell's ^Z would.
        child = int(self.terminal.lines()[13].split()[0])
        os.kill(child, signal.SIGSTOP)
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        self.assertTrue(os.WIFSTOPPED(status))
        self.read_until(lambda: self.panel_top() is None)
        self.assert_restored()
        os.killpg(self.pid, signal.SIGCONT)
        self.read_until(self.has_figures)
        self.assertEqual(self.end(), 0)

    def test_a_resized_terminal_gets_its_panel_where_it_now_ends(self):
        self.start(*SHOWS, "60", "out")
        self.read_until(self.has_figures)
        self.terminal = Terminal(12, 90)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 90, 0, 0))
        self.read_until(lambda: self.panel_top() == 7)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 5, 90, 0, 0))
        self.terminal = Terminal(5, 90)
        self.read_until(lambda: sum("out" in line for line in self.terminal.lines()) > 2)
        self.assertIsNone(self.panel_top())

    def test_the_command_has_the_terminal_to_itself(self):
        self.start("sh", "-c", "read line; echo got $line; test -t 0 && test -t 1 && test -t 2")
        time.sleep(0.5)
        os.write(self.descriptor, b"typed\n")
        self.assertEqual(self.end(), 0)
        self.assertIn("got typed", self.terminal.lines())

    def test_with_errors_redirected_the_panel_is_on_the_terminal_still(self):
        self.start(*SHOWS, "1.5", preamble="exec 2>/dev/null")
        self.read_until(self.has_figures)
        self.assertEqual(self.end(), 0)

    def test_no_escape_is_sent_from_the_background(self):
        self.start(preamble=f"set -m; {RUN} --watch {' '.join(SHOWS)} 1 & wait; exit; ")
        self.read_until(lambda: any("most resident" in line for line in self.terminal.lines()))
        self.assertEqual(len([line for line in self.terminal.lines() if line]), 1)


LIVES = """
import os, time
blocks = [bytearray(1000) for _ in range(30_000)]
if os.fork() == 0:
    more = [bytearray(1000) for _ in range(60_000)]
    time.sleep(2)
    os._exit(0)
time.sleep(2)
"""


class Served(Scratch):
    """By the library itself."""

    def test_a_process_and_its_child_show_their_own_memory(self):
        done = self.run_tool(
            "--watch",
            sys.executable,
            "-c",
            LIVES,
            env={"PYTHONMALLOC": "malloc"},
            start_new_session=True,
        )
        line = r"^talc-run: python\S* (\d+): .*: allocated (\d+)\.\d MiB, resident (\d+)\.\d MiB, "
        shown = re.findall(line, done.stderr, re.M)
        most = {int(process): (int(live), int(rss)) for process, live, rss in shown}
        last = re.search(r"^talc-run: python\S* (\d+): .* most resident (\d+)\.", done.stderr, re.M)
        parent = most.pop(int(last[1]))
        ((_, child),) = most.items()
        self.assertGreater(parent[0], 28)
        self.assertLess(parent[0], 60)
        self.assertGreater(child[0], 85)
        for live, resident in (parent, child):
            self.assertGreater(resident, live)
        self.assertGreaterEqual(int(last[2]), parent[1])

    def test_the_last_words_of_a_quick_command_are_read(self):
        done = self.run_tool("--watch", "/bin/ls", start_new_session=True)
        self.assertRegex(done.stderr, r"^talc-run: ls \d+: .* \d+ allocations, most resident \d")

    def test_each_byte_of_what_is_mapped_is_in_a_part(self):
        path = self.root / "page"
        source = "x = [bytearray(5000) for _ in range(9999)]; del x[::2]; import os, time; time.sleep(1); os._exit(0)"
        self.run_tool("--", sys.executable, "-c", source, env={"TALC_WATCH": str(path)})
        sample = live_page.read(str(path))
        parts = view.parts([Watched(sample)])
        self.assertGreater(parts["live"], 20 << 20)
        self.assertEqual(sum(parts.values()), sample.counters["mapped"])


class WithoutTerminal(Scratch):
    def watch(self, *command: str, **more) -> subprocess.CompletedProcess[str]:
        path = {"PYTHONPATH": os.environ["PYTHONPATH"]}
        return self.run_tool("--watch", *command, env=path, start_new_session=True, **more)

    def test_there_is_a_line_a_second(self):
        begin = time.monotonic()
        done = self.watch(*SHOWS, "2.5", "out")
        self.assertEqual(done.stdout, "".join(f"out {i}\n" for i in range(10)))
        lines = [line for line in done.stderr.splitlines() if line.startswith("talc-run")]
        self.assertRegex(
            lines[0],
            r"^talc-run: made up \d+: .*: allocated 10.0 MiB, resident 2\d.0 MiB, mapped 40.0 MiB, "
            r"dirty 8.0 MiB, caches 2.0 MiB, \d\.\d k allocations/s$",
        )
        self.assertIn("most resident", lines[-1])
        self.assertGreaterEqual(len(lines), 3)
        self.assertLessEqual(len(lines), time.monotonic() - begin + 1)
        self.assertNotIn("\x1b", done.stderr)

    def test_status_and_signals_are_the_commands(self):
        self.assertEqual(self.watch("sh", "-c", "exit 7").returncode, 7)
        self.assertEqual(self.watch("sh", "-c", "kill -KILL $$").returncode, -signal.SIGKILL)
        self.assertEqual(self.watch("sh", "-c", "kill -SEGV $$").returncode, -signal.SIGSEGV)
        self.assertEqual(self.watch("no-such-program").returncode, 127)
        self.assertEqual(self.watch("/etc/passwd").returncode, 126)
        self.assertEqual(self.watch(self.script("plain", "exit 4\n")).returncode, 4)

    def test_signals_for_it_are_passed_on(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
            with self.subTest(number.name):
                script = "trap 'exit 9' TERM INT USR1 HUP; echo ready; while :; do sleep 0.1; done"
                run = subprocess.Popen(
                    [RUN, "--watch", "sh", "-c", script],
                    text=True,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                    env=clean_environment(),
                )
                self.assertEqual(run.stdout.readline(), "ready\n")
                os.kill(run.pid, number)
                run.communicate(timeout=20)
                self.assertEqual(run.returncode, 9)

    def test_the_command_finds_signals_as_ever(self):
        line = "grep -E '^Sig(Blk|Ign)' /proc/self/status"
        direct = subprocess.run(["sh", "-c", line], capture_output=True, text=True)
        self.assertEqual(self.watch("sh", "-c", line).stdout, direct.stdout)

    def test_a_reader_that_leaves_does_not_end_the_command(self):
        reads, writes = os.pipe()
        os.close(reads)
        quiet = ("sh", "-c", 'exec "$@" 2>/dev/null', "sh", *SHOWS, "1.5")
        done = self.watch(*quiet, capture_output=False, stdout=subprocess.PIPE, stderr=writes)
        os.close(writes)
        self.assertEqual(done.returncode, 0)

    def test_nothing_is_left(self):
        self.watch(*SHOWS, "0.5")
        folder = self.root / "tmp"
        folder.mkdir()
        path = {"PYTHONPATH": os.environ["PYTHONPATH"], "TMPDIR": str(folder)}
        self.run_tool("--watch", *SHOWS, "0.5", env=path, start_new_session=True)
        self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    unittest.main()
