"""CSV files: their heads, and that each row is there as soon as it is written."""
import csv
import unittest

from support import GLIBC, OTHER, Folders

from talcbench import folder, machine, report, results
from talcbench.errors import UserError
from talcbench.results import Table


class Results(Folders):
    def test_a_file_has_its_head_its_columns_and_each_row_at_once(self):
        path = self.out / "a.csv"
        with Table(path, {"date": "today", "kernel": "Linux: 6"}) as table:
            self.assertFalse(path.exists())
            table.add({"case": "a, b", "wall_s": 0.123456789})
            self.assertEqual(
                path.read_text(),
                "# date: today\n# kernel: Linux: 6\ncase,wall_s\n" '"a, b",0.123457\n',
            )
            table.add({"case": "c"})
            self.assertEqual(results.read(path)[1], {"case": "c", "wall_s": ""})
        self.assertEqual(results.read_head(path), {"date": "today", "kernel": "Linux: 6"})

    def test_no_file_is_no_rows(self):
        self.assertEqual(results.read(self.out / "none.csv"), [])

    def test_rows_can_be_read_by_others(self):
        path = self.out / "a.csv"
        with Table(path, {"x": "y"}) as table:
            table.add({"n": 1})
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        self.assertEqual(list(csv.DictReader(lines)), [{"n": "1"}])

    def test_the_head_says_where_figures_come_from(self):
        head = machine.describe(self.root, self.build, [GLIBC, OTHER], "fixed")
        for key in (
            "date",
            "processor",
            "cores",
            "memory",
            "kernel",
            "transparent huge pages",
            "libc",
            "compiler",
            "load average",
            "talc commit",
            "talc build",
            "allocator glibc",
            "allocator other",
            "command",
            "seed",
        ):
            self.assertIn(key, head)
            self.assertNotIn("\n", head[key])

    def test_how_talc_was_built(self):
        self.assertEqual(machine.build_options(self.build), "unknown")
        (self.build / "meson-info").mkdir()
        (self.build / "meson-info/intro-buildoptions.json").write_text(
            '[{"name": "buildtype", "value": "release"}, {"name": "debug_checks", "value": false}]'
        )
        self.assertEqual(machine.build_options(self.build), "buildtype release, debug_checks False")

    def test_versions_of_programs(self):
        found = machine.versions(["/usr/bin/python3", "no-such-program"])
        self.assertRegex(found.pop("program python3"), r"^Python 3")
        self.assertEqual(found, {})

    def test_huge_pages_in_force(self):
        self.assertEqual(machine.thp_in_force("never"), "never")
        self.assertEqual(machine.thp_in_force("system"), machine.thp_setting())

    def test_a_process_can_have_fewer_huge_pages_than_the_system(self):
        all_of_them = ("always", "madvise", "never")
        self.assertEqual(
            machine.thp_options(all_of_them, "always"), ("system", "madvise", "never")
        )
        self.assertEqual(machine.thp_options(("system", "madvise"), "madvise"), ("system",))
        self.assertEqual(machine.thp_options(("never", "system"), "never"), ("system",))
        self.assertEqual(machine.thp_options(("system", "never"), "unknown"), ("system", "never"))
        for wanted, setting in (("always", "madvise"), ("madvise", "never")):
            with self.assertRaisesRegex(UserError, f"the system says {setting}"):
                machine.thp_options((wanted,), setting)

    def test_what_an_earlier_run_left_is_set_aside(self):
        for name in ("programs.csv", "programs.png", "summary.txt", "micro.csv"):
            (self.out / name).write_text(name)
        before = folder.set_aside(self.out, ["programs"])
        self.assertEqual(
            {path.name for path in before.iterdir()},
            {"programs.csv", "programs.png", "summary.txt"},
        )
        self.assertRegex(before.name, r"^before-\d{8}-\d{6}$")
        self.assertEqual({path.name for path in self.out.iterdir()}, {before.name, "micro.csv"})
        self.assertIsNone(folder.set_aside(self.out, ["programs"]))

    def test_the_summary_has_faults_and_what_the_separate_pass_counted(self):
        rows = [
            {
                "case": "a",
                "threads": "1",
                "alloc": name,
                "thp": "madvise",
                "round": "1",
                "wall_s": wall,
                "user_s": wall,
                "system_s": "0",
                "peak_rss_kib": "9",
                "minor_faults": "4",
                "major_faults": "0",
                "status": "ok",
            }
            for name, wall in (("talc", "1"), ("glibc", "2"))
        ]
        table = report.means_table("programs", rows)
        self.assertIn("1 of 1 cases", table)
        self.assertRegex(table, r"talc +0\.500 +0\.500 +1\.000 +1\.000")
        self.assertIn("page faults", table)
        counts = [
            {
                "suite": "programs",
                "case": "a",
                "threads": "1",
                "alloc": name,
                "mappings": mappings,
                "syscalls": "",
                "served": "-",
            }
            for name, mappings in (("talc", "30"), ("glibc", "20"))
        ]
        self.assertRegex(report.counts_table("programs", counts), r"talc +1\.500")
        self.assertEqual(report.counts_table("patterns", counts), "")

    def test_the_summary_has_what_memory_comes_to(self):
        run = {"thp": "madvise", "round": 1}
        tables = {
            "memory-fragmentation": [
                run | {"alloc": name, "live_bytes": 100, "resident_bytes": resident}
                for name, ends in (("glibc", (999, 160)), ("talc", (999, 150)))
                for resident in ends
            ],
            "memory-give-back": [
                run | {"alloc": name, "freed_by": way, "full_bytes": 100, "after_3s_bytes": bytes}
                for name, ways in (("glibc", (90, 80)), ("talc", (2, 3)))
                for way, bytes in zip(("four threads", "one thread"), ways)
            ],
            "memory-cyclic": [
                run | {"alloc": "talc", "seconds": 5, "madvise": 2, "munmap": 2, "brk": 1}
            ],
        }
        for name, rows in tables.items():
            with Table(self.out / f"{name}.csv", {}) as table:
                for row in rows:
                    table.add(row)
        lines = report.memory_table(self.out, tables).splitlines()
        self.assertEqual(lines[2].split(), "churned by four by one calls/s".split())
        self.assertEqual(lines[3].split(), ["talc", "1.500", "0.020", "0.030", "1.000"])
        self.assertEqual(lines[4].split(), ["glibc", "1.600", "0.900", "0.800", "-"])
        self.assertEqual(report.memory_table(self.out, ["programs"]), "")


if __name__ == "__main__":
    unittest.main()
