"""Which cases the patterns are."""
import unittest

from talcbench import patterns


class Patterns(unittest.TestCase):
    def test_threads_are_doubled_up_to_the_processors(self):
        for processors, counts in (
            (1, (1, 2, 4, 8)),
            (15, (1, 2, 4, 8)),
            (16, (1, 2, 4, 8, 16)),
            (63, (1, 2, 4, 8, 16, 32)),
            (1000, (1, 2, 4, 8, 16, 32, 64)),
        ):
            self.assertEqual(patterns.thread_counts(processors), counts)

    def test_most_patterns_run_with_each_number_of_threads_and_some_with_one(self):
        by_name: dict[str, list[int]] = {}
        for case in patterns.CASES:
            by_name.setdefault(case.name, []).append(case.threads)
        self.assertEqual(by_name["larson"], list(patterns.THREADS))
        self.assertEqual(by_name["exec"], [1])

    def test_what_is_counted_is_counted_with_one_thread_and_eight_on_any_machine(self):
        inspected = {case.threads for case in patterns.CASES if case.inspected}
        self.assertEqual(inspected, {1, 8})


if __name__ == "__main__":
    unittest.main()
