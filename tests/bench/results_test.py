"""CSV files: their heads, and that each row is there as soon as it is written."""
import csv
import unittest

from support import GLIBC, OTHER, Folders

from talcbench import machine, results
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
        head = machine.describe(self.root, [GLIBC, OTHER], "fixed")
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
            "allocator glibc",
            "allocator other",
            "command",
            "seed",
        ):
            self.assertIn(key, head)
            self.assertNotIn("\n", head[key])


if __name__ == "__main__":
    unittest.main()
