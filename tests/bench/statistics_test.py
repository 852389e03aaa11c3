"""Medians, spreads, ratios, geometric means, and where talc loses."""
import math
import unittest

from talcbench import statistics


def row(case, alloc, wall, rss=100, status="ok", threads="1", thp="system"):
    return {
        "case": case,
        "threads": threads,
        "alloc": alloc,
        "thp": thp,
        "wall_s": str(wall),
        "user_s": str(wall),
        "system_s": "0",
        "peak_rss_kib": str(rss),
        "minor_faults": "1",
        "major_faults": "0",
        "status": status,
    }


ROWS = [
    row("a", "glibc", 2),
    row("a", "glibc", 4),
    row("a", "glibc", 3),
    row("a", "talc", 1.5),
    row("b", "glibc", 1),
    row("b", "talc", 2),
    row("b", "talc", 9, status="signal 11"),
]


class Statistics(unittest.TestCase):
    def test_spread_is_the_median_and_the_extremes(self):
        self.assertEqual(statistics.spread([3, 1, 10, 2]), statistics.Spread(2.5, 1, 10, 4))
        with self.assertRaises(ValueError):
            statistics.spread([])

    def test_geometric_mean(self):
        self.assertAlmostEqual(statistics.geometric_mean([0.5, 2, 4]), 4 ** (1 / 3))
        self.assertTrue(math.isnan(statistics.geometric_mean([])))

    def test_only_good_runs_count(self):
        figures = statistics.gather(ROWS, "wall")
        self.assertEqual(figures["a"]["glibc"], statistics.Spread(3, 2, 4, 3))
        self.assertEqual(figures["b"]["talc"], statistics.Spread(2, 2, 2, 1))

    def test_ratios_and_means(self):
        ratios = statistics.ratios(statistics.gather(ROWS, "wall"), "glibc")
        self.assertEqual(ratios, {"a": {"glibc": 1, "talc": 0.5}, "b": {"glibc": 1, "talc": 2}})
        self.assertAlmostEqual(statistics.means(ratios)["talc"], 1.0)

    def test_means_are_over_cases_that_all_finished(self):
        table = {"a": {"x": 1.0, "y": 4.0}, "b": {"x": 8.0}}
        self.assertEqual(statistics.means(table), {"x": 1.0, "y": 4.0})
        self.assertEqual(statistics.means({"a": {"x": 1.0}, "b": {"y": 1.0}}), {})

    def test_without_glibc_the_first_is_the_baseline(self):
        figures = statistics.gather([row("a", "talc", 1), row("a", "mine", 2)], "wall")
        self.assertEqual(statistics.baseline_of(figures), "talc")

    def test_losses_are_to_the_best_peer_worst_first(self):
        rows = [
            *ROWS,
            row("a", "other", 1.0),
            row("b", "other", 1.9),
            row("c", "talc", 1),
            row("c", "other", 2),
        ]
        found = statistics.losses(statistics.gather(rows, "wall"), "wall")
        self.assertEqual(
            [(loss.case, loss.best, round(loss.ratio, 2)) for loss in found],
            [("b", "glibc", 2.0), ("a", "other", 1.5)],
        )

    def test_a_loss_within_the_spread_is_marked(self):
        rows = [row("a", "talc", 1.0), row("a", "talc", 1.4), row("a", "x", 1.1)]
        self.assertTrue(statistics.losses(statistics.gather(rows, "wall"), "wall")[0].within_spread)

    def test_huge_page_settings_are_told_apart(self):
        rows = [row("a", "talc", 1), row("a", "talc", 2, thp="never")]
        self.assertEqual(list(statistics.gather(rows, "wall")["a"]), ["talc", "talc, THP never"])
        self.assertEqual(len(statistics.one_thp(rows)), 1)

    def test_thread_counts_are_cases_of_their_own(self):
        figures = statistics.gather([row("a", "x", 1), row("a", "x", 1, threads="4")], "wall")
        self.assertEqual(list(figures), ["a", "a x4"])

    def test_nothing_on_either_side_is_equal(self):
        figures = statistics.gather([row("a", "glibc", 0), row("a", "talc", 0)], "cpu")
        self.assertEqual(statistics.ratios(figures, "glibc")["a"]["talc"], 1.0)


if __name__ == "__main__":
    unittest.main()
