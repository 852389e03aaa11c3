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
]


class Statistics(unittest.TestCase):
    def test_spread_is_the_median_and_the_extremes(self):
        self.assertEqual(statistics.spread([3, 1, 10, 2]), statistics.Spread(2.5, 1, 10, 4))
        with self.assertRaises(ValueError):
            statistics.spread([])

    def test_geometric_mean(self):
        self.assertAlmostEqual(statistics.geometric_mean([0.5, 2, 4]), 4 ** (1 / 3))
        self.assertTrue(math.isnan(statistics.geometric_mean([])))

    def test_who_failed_in_any_round_has_no_figure_for_the_case(self):
        figures = statistics.gather([*ROWS, row("b", "talc", 9, status="signal 11")], "wall")
        self.assertEqual(figures["a"]["glibc"], statistics.Spread(3, 2, 4, 3))
        self.assertEqual(figures["a"]["talc"], statistics.Spread(1.5, 1.5, 1.5, 1))
        self.assertEqual(list(figures["b"]), ["glibc"])

    def test_ratios_and_means(self):
        ratios = statistics.ratios(statistics.gather(ROWS, "wall"), "glibc")
        self.assertEqual(ratios, {"a": {"glibc": 1, "talc": 0.5}, "b": {"glibc": 1, "talc": 2}})
        self.assertAlmostEqual(statistics.means(ratios)["talc"], 1.0)

    def test_means_are_over_cases_that_all_finished(self):
        table = {"a": {"x": 1.0, "y": 4.0}, "b": {"x": 8.0}}
        self.assertEqual(statistics.means(table), {"x": 1.0, "y": 4.0})
        self.assertEqual(statistics.means({"a": {"x": 1.0}, "b": {"y": 1.0}}), {})

    def test_each_pattern_weighs_the_same_in_a_mean(self):
        table = {
            "a": {"x": 2.0, "y": 1.0},
            "a x2": {"x": 8.0, "y": 1.0},
            "a x4": {"x": 99.0},
            "b": {"x": 1.0, "y": 1.0},
        }
        self.assertAlmostEqual(statistics.means(table)["x"], 2.0)
        self.assertEqual(statistics.count_shared(table), "2 patterns (3 of 4 cases)")
        self.assertEqual(statistics.count_shared({"a": {"x": 1.0}}), "1 of 1 cases")

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

    def test_ratios_are_taken_within_a_round(self):
        rows = [
            row("a", "talc", 1.0) | {"round": "1"},
            row("a", "glibc", 2.0) | {"round": "1"},
            row("a", "talc", 3.0) | {"round": "2"},
            row("a", "glibc", 6.0) | {"round": "2"},
            row("a", "talc", 3.1) | {"round": "3"},
            row("a", "glibc", 2.1) | {"round": "3"},
        ]
        figures = statistics.gather(rows, "wall")
        self.assertEqual(statistics.ratios(figures, "glibc")["a"]["talc"], 0.5)
        self.assertEqual(statistics.losses(figures, "wall"), [])

    def test_a_loss_that_is_not_in_every_round_is_marked(self):
        rows = [
            row("a", alloc, wall) | {"round": str(number)}
            for alloc, walls in (("talc", (1.0, 1.4, 1.3)), ("x", (1.1, 1.1, 1.1)))
            for number, wall in enumerate(walls)
        ]
        loss = statistics.losses(statistics.gather(rows, "wall"), "wall")[0]
        self.assertTrue(loss.may_be_chance)
        self.assertAlmostEqual(loss.ratio, 1.3 / 1.1)

    def test_huge_page_settings_are_told_apart(self):
        rows = [row("a", "talc", 1), row("a", "talc", 2, thp="never")]
        self.assertEqual(list(statistics.gather(rows, "wall")["a"]), ["talc", "talc, THP never"])
        self.assertEqual(len(statistics.one_thp(rows)), 1)
        rows = [row("a", "talc", 2, thp="never"), row("a", "talc", 1, thp="madvise")]
        self.assertEqual(list(statistics.gather(rows, "wall")["a"]), ["talc, THP never", "talc"])
        self.assertEqual(statistics.one_thp(rows), rows[1:])
        rows = [row("a", "talc", 2, thp="madvise"), row("a", "talc", 1, thp="always")]
        self.assertEqual(statistics.one_thp(rows), rows[1:])
        self.assertEqual(list(statistics.gather(rows[:1], "wall")["a"]), ["talc"])

    def test_thread_counts_are_cases_of_their_own(self):
        figures = statistics.gather([row("a", "x", 1), row("a", "x", 1, threads="4")], "wall")
        self.assertEqual(list(figures), ["a", "a x4"])

    def test_nothing_on_either_side_is_equal(self):
        figures = statistics.gather([row("a", "glibc", 0), row("a", "talc", 0)], "cpu")
        self.assertEqual(statistics.ratios(figures, "glibc")["a"]["talc"], 1.0)


if __name__ == "__main__":
    unittest.main()
