"""A case through its rounds: what is measured, and what crashes, lies and hangs leave behind."""
import math
import os
import subprocess
import time
import unittest
import unittest.mock
from dataclasses import replace

from support import GLIBC, OTHER, Folders, case

from talcbench import cli, machine, measuring, processes, results
from talcbench.allocators import Allocator
from talcbench.errors import UserError
from talcbench.measuring import rounds_in, run_case
from talcbench.session import Budget, Variant, rotated


class Measuring(Folders):
    def rows(self, name: str = "patterns") -> list[dict[str, str]]:
        return results.read(self.out / f"{name}.csv")

    def statuses(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for row in self.rows():
            found.setdefault(row["alloc"], []).append(row["status"])
        return found

    def test_each_allocator_has_a_row_each_round(self):
        with self.session(rounds=3) as session:
            run_case(case("echo hello"), session, None, 0)
        self.assertEqual(self.statuses(), {"glibc": ["ok"] * 3, "other": ["ok"] * 3})
        row = self.rows()[0]
        self.assertGreater(float(row["wall_s"]), 0)
        self.assertGreater(int(row["peak_rss_kib"]), 100)
        self.assertEqual((row["threads"], row["round"]), ("1", "1"))
        self.assertEqual(row["thp"], machine.thp_setting())

    def test_the_drivers_own_memory_is_not_counted(self):
        ballast = bytearray(os.urandom(1 << 20)) * 64
        with self.session(rounds=1) as session:
            run_case(case("true"), session, None, 0)
        self.assertLess(int(self.rows()[0]["peak_rss_kib"]), len(ballast) >> 11)

    def test_memory_that_is_made_warm_is_not_counted(self):
        self.place = replace(self.place, warm_mib=64)
        with self.session(rounds=1) as session:
            run_case(case("true"), session, None, 0)
        (row, *_) = self.rows()
        self.assertLess(int(row["peak_rss_kib"]), 64 << 10)
        self.assertLess(int(row["minor_faults"]), 64 << 8)

    def test_huge_pages_are_switched_off_for_the_program(self):
        seen = case("grep '^THP_enabled' /proc/self/status >&2")
        for thp, state in (("system", "1"), ("never", "0")):
            run = processes.measure(seen, GLIBC, thp, self.place, 20)
            self.assertEqual(run.complaint, f"THP_enabled:\t{state}")

    def test_a_setting_of_huge_pages_that_the_kernel_refuses_is_said(self):
        cli.check_thps(("system", "never"), self.place)
        with self.assertRaisesRegex(UserError, "--thp always cannot be had here"):
            cli.check_thps(("system", "always"), self.place)

    def test_the_launcher_refuses_what_it_does_not_understand(self):
        for warm in ("", "much", "1x"):
            command = self.place.launched("report", "-", "system", ("true",))
            command[4] = warm
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn("usage: launcher", done.stderr)

    def test_a_crash_is_reported_and_the_rest_goes_on(self):
        broken = Allocator("broken", self.broken_library("raise(SIGSEGV);"))
        with self.session([broken, GLIBC]) as session:
            run_case(case("echo a", "first"), session, None, 0)
            run_case(case("echo b", "second"), session, None, 1)
        self.assertEqual(self.statuses(), {"broken": ["signal 11"] * 2, "glibc": ["ok"] * 4})
        self.assertEqual(len(session.failures), 2)
        self.assertIn("patterns: first: broken: signal 11", self.log.getvalue())
        self.assertEqual(len(self.rows("failures")), 2)

    def test_wrong_output_is_reported(self):
        liar = Allocator("liar", self.broken_library('write(1, "surprise", 8);'))
        with self.session([GLIBC, liar]) as session:
            run_case(case("echo a"), session, None, 0)
        self.assertEqual(self.statuses()["liar"], ["wrong output"])
        self.assertEqual(self.statuses()["glibc"], ["ok", "ok"])

    def test_who_is_not_served_is_left_out_of_the_case(self):
        idle = Allocator("idle", self.broken_library("", serves=False))
        for quick in (True, False):
            with self.subTest(quick=quick), self.session([idle, GLIBC], quick=quick) as session:
                run_case(case("echo a"), session, None, 0)
                self.assertEqual(self.statuses(), {"idle": ["not served"], "glibc": ["ok", "ok"]})
                self.assertEqual(self.rows("failures")[0]["status"], "not served")

    def test_the_separate_pass_counts(self):
        with self.session(quick=False) as session:
            run_case(case("sleep 0.05"), session, None, 0)
        rows = self.rows("passes")
        self.assertEqual([row["alloc"] for row in rows], ["glibc", "other"])
        self.assertGreater(int(rows[0]["mappings"]), 5)

    def test_a_case_of_which_nothing_is_counted_warms_up_only_till_it_runs(self):
        runs = self.root / "runs"
        for inspected in (True, False):
            runs.write_text("")
            short = case(f"sleep 0.3; echo run >>{runs}", inspected=inspected)
            with self.session(rounds=1, quick=False) as session:
                run_case(short, session, None, 0)
            # Without any allocator, and a round of both; before it both warm up, after it they may
            # be traced.
            times = runs.read_text().count("run")
            self.assertTrue(times >= 5 if inspected else times == 3, times)

    def test_a_hang_is_ended_with_all_its_processes(self):
        stuck = Allocator("stuck", self.broken_library("for (;;) pause();"))
        with self.session([stuck, GLIBC], timeout_s=0.5) as session:
            run_case(case("echo a; sleep 0.01 & wait"), session, None, 0)
        self.assertEqual(self.statuses()["stuck"], ["timeout"])
        self.assertEqual(self.statuses()["glibc"], ["ok", "ok"])

    def test_a_case_that_fails_without_any_allocator_is_not_run(self):
        with self.session() as session:
            run_case(case("echo oh >&2; exit 3"), session, None, 0)
        self.assertEqual(self.statuses(), {"glibc": ["exit 3"]})
        self.assertIn("exit 3 (oh)", session.failures[0])

    def test_a_missing_program_leaves_the_case_out_and_names_the_package(self):
        with self.session() as session:
            run_case(case("true", needs=("no-such-program",)), session, None, 0)
        self.assertIn("apt-get install no-such-program", session.left_out[0])
        with unittest.mock.patch("shutil.which", return_value=None):
            self.assertIn(
                "apt-get install ghostscript", measuring.missing_needs(case("true", needs=("gs",)))
            )

    def test_inputs_are_made_once_and_their_folders_are_filled_in(self):
        made = []

        def prepare(inputs):
            made.append(inputs)
            (inputs / "text").write_text("from the inputs")

        uses = case('cat {inputs}/text; pwd; test -z "$(ls)" && touch left', prepare=prepare)
        measuring.refresh_inputs([uses], self.place.inputs)
        with self.session() as session:
            run_case(uses, session, None, 0)
            run_case(uses, session, None, 1)
        self.assertEqual(len(made), 1)
        self.assertEqual(set(sum(self.statuses().values(), [])), {"ok"})

    def test_half_made_inputs_do_not_stay(self):
        def prepare(inputs):
            (inputs / "half").touch()
            raise OSError("disk full")

        broken = case("true", prepare=prepare)
        measuring.refresh_inputs([broken], self.place.inputs)
        with self.assertRaises(OSError):
            measuring.prepare(broken, self.place.inputs)
        self.assertFalse((self.place.inputs / "half").exists())

    def test_a_server_is_measured_and_its_client_is_timed_and_compared(self):
        server = case(
            "sleep 0.1; touch ready; while ! [ -e stop ]; do sleep 0.01; done; echo chatter $$",
            client=("sh", "-c", "test -e ready && echo answer && touch stop"),
            ready="{work}/ready",
        )
        for quick in (True, False):
            with self.subTest(quick=quick), self.session(rounds=1, quick=quick) as session:
                run_case(server, session, None, 0)
                self.assertEqual(self.statuses(), {"glibc": ["ok"], "other": ["ok"]})
                # The time is the client's, the launcher's figure and not that of a poll.
                self.assertLess(float(self.rows()[0]["wall_s"]), 0.05)
        with self.session(rounds=1) as session:
            failing = case(
                "touch ready; sleep 60", client=("sh", "-c", "exit 7"), ready="{work}/ready"
            )
            run_case(failing, session, None, 0)
        self.assertEqual(self.statuses(), {"glibc": ["client exit 7"]})
        with self.session(rounds=1) as session:
            run_case(case("exit 1", client=("true",), ready="{work}/never"), session, None, 0)
        self.assertEqual(self.statuses(), {"glibc": ["exit 1"]})

    def test_options_of_allocators_do_not_reach_the_program(self):
        os.environ["MALLOC_ARENA_MAX"] = "1"
        self.addCleanup(os.environ.pop, "MALLOC_ARENA_MAX")
        with self.session() as session:
            run_case(
                case('test -z "$MALLOC_ARENA_MAX" && test "$OWN" = 1', environment={"OWN": "1"}),
                session,
                None,
                0,
            )
        self.assertEqual(session.failures, [])


class Plan(unittest.TestCase):
    def test_everyone_begins_once(self):
        variants = [Variant(GLIBC, "system"), Variant(OTHER, "system"), Variant(OTHER, "never")]
        orders = [list(rotated(variants, turn)) for turn in range(3)]
        self.assertEqual({order[0] for order in orders}, set(variants))
        self.assertTrue(all(set(order) == set(variants) for order in orders))

    def test_rounds_fit_into_the_time(self):
        self.assertEqual(rounds_in(None, 10, 10, 6, 5), 5)
        self.assertEqual(rounds_in(100, 2, 0.99, 5, 5), 5)
        self.assertEqual(rounds_in(17, 2, 0.99, 5, 5), 3)
        self.assertEqual(rounds_in(4, 2, 0.99, 5, 5), 1)
        self.assertEqual(rounds_in(1, 2, 0.99, 5, 5), 0)

    def test_the_budget_hands_on_what_is_left_over(self):
        self.assertIsNone(Budget(math.inf, [1, 2]).next_share())
        budget = Budget(30, [1, 2])
        self.assertAlmostEqual(budget.next_share(), 10, delta=0.5)
        self.assertAlmostEqual(budget.next_share(), 30, delta=0.5)
        late = Budget(0.001, [1])
        time.sleep(0.002)
        self.assertEqual(late.next_share(), 0.0)


if __name__ == "__main__":
    unittest.main()
