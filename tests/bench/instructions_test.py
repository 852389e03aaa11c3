"""The comparison of instruction counts with their baseline."""
import importlib.util
import unittest
from pathlib import Path

_FILE = Path(__file__).resolve().parents[2] / "bench/instructions/measure.py"
_SPEC = importlib.util.spec_from_file_location("measure", _FILE)
measure = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(measure)


class Compare(unittest.TestCase):
    def test_what_is_within_two_percent_is_not_mentioned(self):
        self.assertEqual(
            measure.compare({"a": 102.0, "b": 98.0}, {"a": 100.0, "b": 100.0}), ([], [])
        )

    def test_worse_and_better_are_told_apart(self):
        worse, better = measure.compare({"a": 10.3, "b": 9.7}, {"a": 10.0, "b": 10.0})
        self.assertEqual(worse, ["a: 10.30 instructions, +3.0% from 10.00"])
        self.assertEqual(better, ["b: 9.70 instructions, -3.0% from 10.00"])

    def test_what_only_one_has_is_worse(self):
        worse, _ = measure.compare({"new": 1.0}, {"old": 1.0})
        self.assertEqual(worse, ["new: only in the program", "old: only in baseline.csv"])


if __name__ == "__main__":
    unittest.main()
