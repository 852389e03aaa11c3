"""The programs that look at memory over time: what they print, which the pictures are drawn from."""
import os
import subprocess
import unittest

from talcbench import results


class Phases(unittest.TestCase):
    def run_one(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [os.environ["TEST_PHASES"], *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=100)

    def rows(self, *arguments: str) -> list[results.Row]:
        done = self.run_one(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return results.parse(done.stdout.splitlines())

    def test_give_back_fills_what_it_should_and_looks_three_times(self):
        for name in ("give-back", "give-back-one"):
            (row,) = self.rows(name, "3")
            # 3% of 1 GiB, as it fills every block.
            self.assertGreater(int(row["full_bytes"]), 30 << 20)
            self.assertLess(int(row["full_bytes"]), 60 << 20)
            for moment in ("freed_bytes", "after_1s_bytes", "after_3s_bytes"):
                self.assertLessEqual(int(row[moment]), int(row["full_bytes"]) + (1 << 20))

    def test_cyclic_keeps_to_its_schedule(self):
        (row,) = self.rows("cyclic", "8")
        self.assertEqual(int(row["cycles"]), 20)
        self.assertGreaterEqual(float(row["seconds"]), 0.39)
        self.assertGreater(int(row["minor_faults"]), 0)

    def test_fragmentation_comes_to_what_it_aims_at(self):
        rows = self.rows("fragmentation", "5")
        self.assertEqual(rows[-1]["phase"], "end")
        self.assertAlmostEqual(int(rows[-1]["live_bytes"]) / 2**20, 48, delta=1)

    def test_cycle_has_its_phases(self):
        phases = list(dict.fromkeys(row["phase"] for row in self.rows("cycle", "5")))
        once = ["grow", "churn", "free", "idle"]
        self.assertEqual(phases, [*once, "grow again", "churn again", "free all", "idle again"])

    def test_bad_arguments(self):
        for arguments in ((), ("give-up",), ("cyclic", "0"), ("cyclic", "1", "2")):
            done = self.run_one(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("usage: phases cycle|", done.stderr)


if __name__ == "__main__":
    unittest.main()
