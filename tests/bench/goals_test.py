"""What is compared with the project's goals, which cases are beyond them, and how it is printed."""
import contextlib
import io
import unittest
import unittest.mock

from support import Folders

from talcbench import cli, goals, report, statistics
from talcbench.results import Table


def rows(case, walls, rss=None, threads=1, suite="patterns", thp="madvise"):
    """A row for each allocator and round; one number instead of several is a single round."""
    found = []
    for alloc, times in walls.items():
        times = times if isinstance(times, tuple) else (times,)
        for number, wall in enumerate(times, start=1):
            found.append(
                {
                    "suite": suite,
                    "case": case,
                    "threads": str(threads),
                    "alloc": alloc,
                    "thp": thp,
                    "round": str(number),
                    "wall_s": str(wall),
                    "user_s": "1",
                    "system_s": "0",
                    "peak_rss_kib": str((rss or {}).get(alloc, 100)),
                    "minor_faults": "1",
                    "major_faults": "0",
                    "status": "ok",
                }
            )
    return found


def micro_rows(benchmark, alloc, *times):
    return [
        {
            "alloc": alloc,
            "thp": "madvise",
            "round": str(number),
            "benchmark": benchmark,
            "real_ns": "99",
            "cpu_ns": str(time),
        }
        for number, time in enumerate(times, start=1)
    ]


def wall(found):
    return goals.compared(found, "wall")


def triples(losses):
    return [(loss.case, round(loss.ratio, 4), loss.best) for loss in losses]


class Goals(unittest.TestCase):
    def test_medians_are_compared_not_rounds(self):
        # Within the rounds: 2, 0.5 and 1.5.
        found = rows("a", {"talc": (2.0, 3.0, 6.0), "glibc": (1.0, 6.0, 4.0)})
        self.assertEqual(goals.over_peers(wall(found)), {"a": {"glibc": 0.75}})

    def test_means_weigh_each_pattern_the_same(self):
        found = [
            *rows("a", {"talc": 2.0, "glibc": 1.0}),
            *rows("a", {"talc": 8.0, "glibc": 1.0}, threads=2),
            *rows("b", {"talc": 1.0, "glibc": 4.0}),
        ]
        means = statistics.means(goals.over_peers(wall(found)))
        self.assertAlmostEqual(means["glibc"], 1.0)  # (√(2 × 8) × 1/4)^½

    def test_the_best_peer_is_the_one_with_the_lowest_mean(self):
        # mimalloc is the fastest in one case, tcmalloc over both.
        found = [
            *rows("a", {"talc": 4.0, "mimalloc": 4.0, "tcmalloc": 5.0, "glibc": 9.0}),
            *rows("b", {"talc": 4.0, "mimalloc": 20.0, "tcmalloc": 5.0, "glibc": 9.0}),
        ]
        means = statistics.means(goals.over_peers(wall(found)))
        self.assertEqual(goals.best_peer(means), "tcmalloc")
        self.assertAlmostEqual(means["tcmalloc"], 0.8)
        self.assertAlmostEqual(means["mimalloc"], 0.2**0.5)

    def test_a_library_of_the_users_own_is_no_peer(self):
        found = rows("a", {"talc": 2.0, "glibc": 3.0, "empty": 1.0, "old": 1.0})
        self.assertEqual(list(goals.over_peers(wall(found))["a"]), ["glibc"])
        self.assertEqual(goals.slow_cases(wall(found), 1.02), [])
        self.assertEqual(wall(rows("a", {"talc": 2.0, "empty": 1.0})), {})
        self.assertEqual(wall(rows("a", {"mimalloc": 2.0, "glibc": 1.0})), {})

    def test_slow_cases_are_beside_their_own_best_peer_worst_first(self):
        found = [
            *rows("within", {"talc": 1.05, "glibc": 1.0, "mimalloc": 9.0}),
            *rows("beyond", {"talc": 1.06, "glibc": 1.0, "mimalloc": 9.0}),
            *rows("beyond", {"talc": 3.0, "glibc": 9.0, "mimalloc": 2.0}, threads=4),
            *rows("ahead", {"talc": 1.0, "glibc": 2.0, "mimalloc": 2.0}),
        ]
        self.assertEqual(
            triples(goals.slow_cases(wall(found), 1.05)),
            [("beyond x4", 1.5, "mimalloc"), ("beyond", 1.06, "glibc")],
        )
        self.assertEqual(len(goals.slow_cases(wall(found), 1.02)), 3)

    def test_a_case_that_keeps_to_its_goal_in_some_round_is_marked(self):
        found = [
            *rows("a", {"talc": (1.04, 1.2, 1.2), "glibc": (1.0, 1.0, 1.0)}),
            *rows("b", {"talc": (1.06, 1.2, 1.2), "glibc": (1.0, 1.0, 1.0)}),
        ]
        marks = {loss.case: loss.may_be_chance for loss in goals.slow_cases(wall(found), 1.05)}
        self.assertEqual(marks, {"a": True, "b": False})

    def large(self, *found):
        every = [row for case in found for row in case]
        return triples(goals.large_cases(wall(every), goals.compared(every, "rss")))

    def test_memory_is_compared_with_the_three_fastest_only(self):
        times = {"talc": 1.0, "mimalloc": 2.0, "tcmalloc": 3.0, "glibc": 4.0}
        sizes = {"talc": 150, "mimalloc": 120, "tcmalloc": 100, "glibc": 10}
        self.assertEqual(self.large(rows("a", times, sizes)), [("a", 1.5, "tcmalloc")])
        # Where talc is slow it is compared with three others.
        self.assertEqual(
            self.large(rows("a", times | {"talc": 9.0}, sizes)), [("a", 15.0, "glibc")]
        )
        self.assertEqual(self.large(rows("a", times, sizes | {"talc": 125})), [])
        self.assertEqual(self.large(rows("a", times, sizes | {"talc": 20})), [])

    def test_two_allocators_are_not_three_fastest(self):
        found = rows("a", {"talc": 1.0, "glibc": 2.0}, {"talc": 900, "glibc": 1})
        self.assertEqual(self.large(found), [])
        self.assertEqual(goals.ranked(wall(found)), [])

    def test_memory_of_programs_is_beside_glibc_alone(self):
        found = [
            *rows("a", {"talc": 1, "glibc": 1, "mimalloc": 1}, {"talc": 400, "mimalloc": 1}),
            *rows("b", {"talc": 1, "glibc": 1}),
        ]
        means = statistics.means(goals.rss_over_glibc(found))
        self.assertEqual(list(means), ["glibc"])
        self.assertAlmostEqual(means["glibc"], 2.0)

    def test_exec_beside_an_empty_library(self):
        found = [
            *rows("exec", {"talc": (1.0, 3.0, 9.0), "empty": (2.0, 2.0, 8.0), "glibc": 1.0}),
            *rows("other", {"talc": 9.0, "empty": 1.0}),
        ]
        self.assertEqual(goals.exec_over_empty(found), 1.5)
        self.assertIsNone(goals.exec_over_empty(rows("exec", {"talc": 1.0, "glibc": 1.0})))
        self.assertIsNone(goals.exec_over_empty(rows("other", {"talc": 1.0, "empty": 1.0})))

    def test_pairs_beside_the_floor_of_the_same_size(self):
        found = [
            *micro_rows("pair/32", "talc", 3.0, 5.0, 4.0),
            *micro_rows("floor/pair/32", "talc", 2.0, 2.5, 9.0),
            *micro_rows("pair/32", "glibc", 1.0),
            *micro_rows("floor/pair/32", "glibc", 1.0),
            *micro_rows("floor/pair/64", "talc", 1.0),
        ]
        self.assertEqual(goals.pair_over_floor(found), 4.0 / 2.5)
        self.assertIsNone(goals.pair_over_floor(micro_rows("pair/32", "talc", 1.0)))
        self.assertIsNone(goals.pair_over_floor(found[6:]))

    def test_huge_page_settings_are_not_mixed(self):
        found = [
            *rows("a", {"talc": 1.0, "glibc": 2.0}),
            *rows("a", {"talc": 9.0, "glibc": 1.0}, thp="never"),
        ]
        self.assertEqual(goals.over_peers(wall(found)), {"a": {"glibc": 0.5}})


PROGRAMS = [
    *rows("a", {"talc": 0.6, "mimalloc": 1.0, "glibc": 2.0}, {"talc": 106}, suite="programs"),
    *rows("b", {"talc": 0.8, "mimalloc": 1.0, "glibc": 0.5}, {"talc": 106}, 4, suite="programs"),
]
PATTERNS = [
    *rows("a", {"talc": 0.8, "mimalloc": 1.0, "glibc": 2.0}, {"talc": 130}),
    *rows("exec", {"talc": 0.8, "mimalloc": 1.0, "glibc": 2.0, "empty": 0.5}),
]
MICRO = [*micro_rows("pair/32", "talc", 3.0), *micro_rows("floor/pair/32", "talc", 2.0)]
TABLES = {"programs": PROGRAMS, "patterns": PATTERNS, "micro": MICRO}


class Printed(Folders):
    def setUp(self) -> None:
        super().setUp()
        self.write(TABLES)

    def write(self, tables):
        for name, found in tables.items():
            with Table(self.out / f"{name}.csv", {}) as table:
                for row in found:
                    table.add(row)

    def text(self, *tables):
        return report.goals_text(self.out, tables)

    def test_programs(self):
        lines = self.text("programs").splitlines()
        self.assertEqual(lines[1], "  wall time, geometric means over 2 of 2 cases:")
        self.assertEqual(
            [line.split() for line in lines[2:5]],
            [
                "÷ mimalloc 0.693 goal 0.70: met".split(),
                "÷ glibc 0.693".split(),
                "÷ the best, mimalloc 0.693".split(),
            ],
        )
        self.assertEqual(
            lines[5:8],
            [
                "  wall time above 1.02 × the best peer of the case: 1 of 2 cases "
                "(~: not in every round)",
                "    b x4                          1.600 × glibc",
                "  peak memory, geometric mean over 2 of 2 cases:",
            ],
        )
        self.assertEqual(lines[8].split(), "÷ glibc 1.060 goal 1.05: missed".split())
        self.assertEqual(len(lines), 9)

    def test_patterns(self):
        text = self.text("patterns")
        self.assertRegex(text, r"÷ the best, mimalloc +0\.800  goal 0\.80: met\n")
        self.assertNotRegex(text, r"÷ mimalloc +0\.800  goal")
        self.assertIn("wall time above 1.05 × the best peer of the case: 0 of 2 cases\n", text)
        self.assertIn("above 1.25 × the smallest of the three fastest: 1 of 2 cases", text)
        self.assertRegex(text, r"    a +1\.300 × (mimalloc|glibc)\n")
        self.assertRegex(text, r"exec:\n    ÷ a library that is empty +1\.600  goal 1\.05: missed$")

    def test_micro(self):
        self.assertRegex(
            self.text("micro"), r"pair/32 ÷ floor/pair/32 +1\.500  goal 1\.50: met$"
        )

    def test_only_what_the_run_has(self):
        self.assertEqual(self.text(), "")
        self.assertNotIn("patterns", self.text("programs", "micro"))
        # One with an empty library and nothing else beside talc.
        self.write({"patterns": rows("exec", {"talc": 1.1, "empty": 1.0})})
        self.assertEqual(len(self.text("patterns").splitlines()), 3)
        self.write({"patterns": rows("a", {"glibc": 1.0})})
        self.assertEqual(self.text("patterns", "latency"), "")

    def test_it_is_in_the_summary(self):
        session = unittest.mock.Mock(failures=[], left_out=[])
        session.tables.return_value = {"programs", "micro"}
        text = report.summary(self.out, session)
        self.assertTrue(text.endswith(self.text("programs", "micro")))

    def test_it_is_printed_when_a_folder_is_drawn_again(self):
        said = io.StringIO()
        with (
            unittest.mock.patch.object(cli, "draw", return_value=0),
            contextlib.redirect_stdout(said),
        ):
            self.assertEqual(cli.draw_again(self.out), 0)
        self.assertEqual(said.getvalue(), self.text(*TABLES) + "\n")
        self.assertFalse((self.out / "summary.txt").exists())


if __name__ == "__main__":
    unittest.main()
