"""Each hint is given where the figures say so, and only there; the parts are the whole."""
import unittest

import samples
from samples import MIB

from talctools.accounting import by_waste, parts, steady_growth
from talctools.hints import hints
from talctools.reports import Point, Process


def process(points: list[Point] | None = None, **changed: object) -> Process:
    return Process(samples.report(**changed), points or [])


def quiet(**changed: object) -> Process:
    """A process of which there is nothing to say, but for what is changed."""
    plain = {"dirty": 5 * MIB, "slab_free": MIB, "cached": MIB, "peak": 170 * MIB}
    return process(**(plain | changed))


CALLS = {"madvise": 40_000}
MANY_CALLS = {"madvise": 200_000}

# What changes, and what the hint says.
CASES = (
    ({"heap_limit": 170 * MIB, "purged": 0}, "of the heap limit of 170.0 MiB are used"),
    (
        {"kernel": {"rss": 500 * MIB}},
        "382.0 MiB of the process's 500.0 MiB in memory are not talc's",
    ),
    (
        {"dirty": 60 * MIB},
        "60.0 MiB are free and still in memory: lower TALC_PURGE_DELAY (now 1000 ms)",
    ),
    ({"dirty": 60 * MIB, "options": {"purge_delay": -1}}, "TALC_PURGE_DELAY is -1"),
    ({"slab_free": 40 * MIB}, "most of it in blocks of 48 bytes (55% of its slots live)"),
    ({"cached": 30 * MIB}, "The caches of 5 threads hold 30.0 MiB"),
    (
        {"kernel": {"rss": 200 * MIB, "anon_huge_pages": 150 * MIB}, "resident": 185 * MIB},
        "97.0 MiB are in memory without being used or having been, and 150.0 MiB are huge pages",
    ),
    ({"calls": MANY_CALLS}, "calls of the kernel a second for memory: see which below"),
    ({"calls": CALLS, "options": {"purge_delay": 0}}, "raise TALC_PURGE_DELAY, which is 0"),
    ({"peak": 600 * MIB}, "At most 600.0 MiB were mapped, 8.12 s after the start"),
)


class Hints(unittest.TestCase):
    def test_none_without_need(self):
        self.assertEqual(hints(quiet()), [])
        self.assertEqual(hints(quiet(calls=CALLS)), [])
        series = quiet(peak=600 * MIB)
        series.points = [Point(float(i), {"allocated": MIB}) for i in range(3)]
        self.assertEqual(hints(series), [])

    def test_each_where_the_figures_say_so(self):
        for changed, said in CASES:
            with self.subTest(said):
                found = hints(quiet(**changed))
                self.assertEqual(len(found), 1, found)
                self.assertIn(said, found[0])

    def test_growth_is_told_and_noise_is_not(self):
        def live(values: list[int]) -> list[Point]:
            return [Point(float(i), {"allocated": v * MIB}) for i, v in enumerate(values)]

        grown = quiet()
        grown.points = live([10, 14, 18, 22, 26, 30, 34, 38])
        self.assertIn("Live blocks grew from 18.0 MiB to 38.0 MiB within 5.00 s", hints(grown)[0])
        for values in (
            [10, 40],
            [10, 40, 10, 40, 10, 40, 10, 40],
            [30] * 8,
            [1, 30, 30, 30, 30, 30, 31, 31],
        ):
            grown.points = live(values)
            self.assertEqual(hints(grown), [])
            self.assertIsNone(steady_growth(grown.points, "allocated"))


class Accounting(unittest.TestCase):
    def test_parts_are_what_is_mapped(self):
        for changed in ({}, {"purged": 77 * MIB}, {"purged": 0}, {"kept": 0, "slab_free": 0}):
            with self.subTest(changed=changed):
                found = parts(samples.report(**changed))
                self.assertEqual(sum(part.size_bytes for part in found), 160 * MIB)
                self.assertTrue(all(part.size_bytes >= 0 for part in found))

    def test_gaps_are_what_is_dirty_and_nobody_holds(self):
        sizes = {part.key: part.size_bytes for part in parts(samples.report())}
        report = samples.report()
        held = sum(report[key] for key in ("cached", "in_transit", "slab_free", "kept"))
        self.assertEqual(sizes["gaps"], report["dirty"] - held)
        self.assertEqual(sizes["purged"], report["purged"])

    def test_what_is_purged_beyond_gaps_is_of_slabs(self):
        report = samples.report()
        space = report["gaps"] + report["group_free"]
        sizes = {p.key: p.size_bytes for p in parts(samples.report(purged=space + 5 * MIB))}
        self.assertEqual(sizes["gaps"], 0)
        self.assertEqual(sizes["purged"], space + 5 * MIB)
        self.assertEqual(sizes["slab_free"], report["slab_free"] - 5 * MIB)

    def test_classes_are_in_the_order_of_their_waste(self):
        found = by_waste(samples.report())
        self.assertEqual([one.size for one in found], [48, 256, 1024, 32])
        self.assertEqual(found[0].waste, 48 * (400 * (65536 // 48) - 300_000))
        self.assertEqual((found[-1].waste, found[-1].use), (0, 1.0))


if __name__ == "__main__":
    unittest.main()
