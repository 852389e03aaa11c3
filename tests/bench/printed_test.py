"""Programs that print their figures: their rows, and what is said of those that print nonsense."""
import unittest

from support import Folders

from talcbench import machine, results
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

    def test_no_program_gets_more_time_than_is_left(self):
        with self.session() as session:
            session.limit_s = 0.3
            run_printed(printed("sleep 60", preloaded=False), session, None, 0)
        self.assertIn("timeout", session.failures[0])


if __name__ == "__main__":
    unittest.main()
