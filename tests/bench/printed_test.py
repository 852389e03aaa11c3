"""Programs that print their figures: their rows, what is said of those that print nonsense or
nothing, and the calls of those that are traced.
"""
import shutil
import unittest
import unittest.mock

from support import GLIBC, Folders, case

from talcbench import machine, passes, results, suites
from talcbench.printed import Printed, run_printed


def printed(script: str, **more: object) -> Printed:
    command = ("sh", "-c", script)
    return Printed("memory", "table", "name", command, command, **more)


class Printing(Folders):
    def test_rows_go_into_the_table_behind_who_and_when(self):
        with self.session() as session:
            run_printed(printed("echo a,b; echo 1,2"), session, None, 0)
        self.assertEqual(
            results.read(self.out / "table.csv"),
            [
                {"alloc": name, "thp": machine.thp_setting(), "round": "1", "a": "1", "b": "2"}
                for name in ("other", "glibc")
            ],
        )

    def test_output_that_is_not_understood_is_a_failure(self):
        with self.session() as session:
            run_printed(printed("echo nonsense", json=True), session, None, 0)
        rows = results.read(self.out / "failures.csv")
        self.assertEqual([row["status"] for row in rows], ["output not understood"] * 2)

    def test_no_output_is_a_failure(self):
        with self.session() as session:
            run_printed(printed("echo a,b"), session, None, 0)
        rows = results.read(self.out / "failures.csv")
        self.assertEqual([row["status"] for row in rows], ["no figures"] * 2)

    def test_a_traced_program_has_its_calls_beside_its_figures(self):
        if not passes.trace(case("true"), GLIBC, self.place, 20):
            self.skipTest("no strace, or not allowed")
        calls = ("chdir", "rmdir", "chroot")  # three, two of which one fails, none
        script = "mkdir x; rmdir x; rmdir x; cd /; cd /; cd /"
        with self.session() as session:
            run_printed(printed(f"echo a; echo 1; {script}", traced=calls), session, None, 0)
        self.assertEqual(
            [row | {"thp": ""} for row in results.read(self.out / "table.csv")],
            [
                {"alloc": name, "thp": "", "round": "1", "a": "1"}
                | {"chdir": "3", "rmdir": "2", "chroot": "0"}
                for name in ("other", "glibc")
            ],
        )

    def test_what_cannot_be_traced_is_left_out_or_a_failure(self):
        traced = printed("echo a; echo 1", traced=("chdir",))
        with unittest.mock.patch("shutil.which", return_value=None), self.session() as session:
            run_printed(traced, session, None, 0)
        self.assertIn("apt-get install strace", session.left_out[0])
        with (
            unittest.mock.patch("shutil.which", return_value="strace"),
            unittest.mock.patch("talcbench.passes.trace", return_value={}),
            self.session() as session,
        ):
            run_printed(traced, session, None, 0)
        self.assertEqual(len(session.failures), 2)
        self.assertIn("not traced", session.failures[0])

    def test_what_has_no_quick_command_is_left_out_of_a_quick_run(self):
        slow = [what.name for what in suites.PRINTED if what.quick_command is None]
        self.assertIn("cyclic", slow)
        quick = {step.label for step in suites.steps(["memory"], quick=True)}
        whole = {step.label for step in suites.steps(["memory"], quick=False)}
        self.assertEqual(whole - quick, set(slow))

    def test_no_program_gets_more_time_than_is_left(self):
        with self.session() as session:
            session.limit_s = 0.3
            run_printed(printed("sleep 60", preloaded=False), session, None, 0)
        self.assertIn("timeout", session.failures[0])


if __name__ == "__main__":
    unittest.main()
