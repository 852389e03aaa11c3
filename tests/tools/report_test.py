"""talc-report as a user meets it: what it reads, what it refuses and how, where it writes."""
import json
import subprocess
import sys
import unittest
from pathlib import Path

import samples
from support import REPORT, SOURCE, Scratch, clean_environment

from talctools import charts, reports
from talctools.accounting import parts


class CommandLine(Scratch):
    def report(self, *arguments: str | Path, **more) -> subprocess.CompletedProcess[str]:
        return self.run_tool(*arguments, tool=REPORT, **more)

    def write(self, text: str, name: str = "in.json") -> Path:
        path = self.root / name
        path.write_text(text)
        return path

    def test_writes_a_page(self):
        self.write(samples.lines([samples.report()]))
        done = self.report("in.json", "-o", "out.html", "--title", "of <today>")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        page = (self.root / "out.html").read_text()
        self.assertTrue(page.startswith("<!DOCTYPE html>"))
        self.assertIn("<h1>of &lt;today&gt;</h1>", page)

    def test_reads_and_writes_pipes(self):
        text = samples.lines([samples.report()])
        done = self.report("-", input=text)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, self.report(self.write(text)).stdout)

    def test_files_that_are_no_reports_are_refused_with_their_line(self):
        good = json.dumps(samples.report())
        for name, text, message in (
            ("empty", "", "in.json: no report in it"),
            ("blank", "\n \n", "in.json: no report in it"),
            (
                "text",
                "talc: ls, process 3\n",
                "in.json:1: no report of talc in JSON, as TALC_STATS=json writes",
            ),
            (
                "binary",
                "\x7fELF\x00\x01",
                "in.json:1: no report of talc in JSON, as TALC_STATS=json writes",
            ),
            (
                "broken off",
                good + "\n" + good[:50],
                "in.json:2: no report of talc in JSON, as TALC_STATS=json writes, and breaks off",
            ),
            ("other JSON", "[1]", "in.json:1: JSON, but no report of talc"),
            (
                "deep",
                "[" * 100_000,
                "in.json:1: no report of talc in JSON, as TALC_STATS=json writes",
            ),
            (
                "no number",
                good.replace("167772160", "NaN"),
                "in.json:1: no report of talc in JSON, as TALC_STATS=json writes",
            ),
            (
                "newer",
                good.replace('"schema": 1', '"schema": 2'),
                "in.json:1: schema 2 is newer than this talc-report, which knows 1",
            ),
            (
                "without schema",
                good.replace('"schema": 1, ', ""),
                "in.json:1: schema None is not known",
            ),
        ):
            with self.subTest(name):
                self.write(text)
                done = self.report("in.json", "-o", "out.html")
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertTrue(done.stderr.startswith(f"talc-report: {message}"), done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1)
                self.assertFalse((self.root / "out.html").exists())

    def test_parts_of_another_kind_are_refused(self):
        for changed, message in (
            ({"mapped": "x"}, "'mapped' is no figure"),
            ({"mapped": -1}, "'mapped' is no figure"),
            ({"mapped": 1e300}, "'mapped' is no figure"),
            ({"program": 3}, "'program' is not text"),
            ({"kernel": []}, "'kernel' is not an object"),
            ({"kernel": {"rss": "<b>"}}, "in 'kernel': 'rss' is no figure"),
            ({"classes": {}}, "'classes' is not a list of objects"),
            ({"classes": [1]}, "'classes' is not a list of objects"),
            ({"classes": [{"size": "<b>"}]}, "in 'classes': 'size' is no figure"),
            ({"threads": [{"cached": []}]}, "in 'threads': 'cached' is no figure"),
            ({"process": {}}, "'process' is no figure"),
            ({"process": None}, "there is no 'process'"),
            ({"process": True}, "'process' is no figure"),
            ({"options": 1}, "'options' is not an object"),
        ):
            with self.subTest(changed=changed):
                self.write(samples.lines([samples.report(**changed)]))
                done = self.report("in.json")
                self.assertEqual(done.returncode, 1, done.stdout[:200])
                self.assertIn(f"talc-report: in.json:1: {message}", done.stderr)

    def test_a_key_that_is_missing_is_named(self):
        report = samples.report()
        del report["retained"]
        self.write(samples.lines([report]))
        self.assertIn("in.json:1: there is no 'retained'", self.report("in.json").stderr)

    def test_files_that_cannot_be_read_or_written_are_named(self):
        self.write(samples.lines([samples.report()]))
        for arguments, message in (
            (["absent.json"], "absent.json: No such file or directory"),
            ([str(self.root)], f"{self.root}: Is a directory"),
            (["in.json", "-o", "no/out.html"], "no/out.html: No such file or directory"),
        ):
            with self.subTest(arguments=arguments):
                done = self.report(*arguments)
                self.assertEqual((done.returncode, done.stderr), (1, f"talc-report: {message}\n"))

    def test_a_wrong_command_line_gives_the_usage_and_status_2(self):
        self.write(samples.lines([samples.report()]))
        for arguments, message in (
            ([], "the following arguments are required: FILE"),
            (["--bogus", "in.json"], "--bogus"),
            (["in.json", "-o"], "expected one argument"),
            (["in.json", "-o", "in.json"], "-o in.json is one of the files to read"),
            (["in.json", "--out", "x"], "--out"),
        ):
            with self.subTest(arguments=arguments):
                done = self.report(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn("usage: talc-report [OPTION...] FILE...", done.stderr)
                self.assertIn(message, done.stderr)

    def test_a_terminal_is_no_place_for_it(self):
        self.write(samples.lines([samples.report()]))
        done = subprocess.run(
            ["script", "-qec", f"{REPORT} in.json", "/dev/null"],
            capture_output=True,
            text=True,
            cwd=self.root,
            env=clean_environment(),
        )
        self.assertEqual(done.returncode, 2)
        self.assertIn("standard output is a terminal: name a file with -o", done.stdout)

    def test_help_and_version(self):
        done = self.report("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("talc-report report.json -o report.html", done.stdout)
        version = self.run_tool("--version").stdout.replace("talc-run", "talc-report")
        self.assertEqual(self.report("--version").stdout, version)
        self.assertIn("version: '" + version.split()[-1], (SOURCE / "meson.build").read_text())


SOURCE_CODE = """
import threading, time
def work(): return [bytearray(size) for size in (30, 300, 3000, 30_000, 5_000_000) * 40]
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
held = work()
time.sleep(1)
"""


class Written(Scratch):
    """By the library itself."""

    def written(self, *flags: str) -> Path:
        path = self.root / "reports.json"
        done = self.run_tool(
            *flags,
            "--stats-interval=0.25",
            f"--stats-file={path}",
            sys.executable,
            "-c",
            SOURCE_CODE,
            env={"PYTHONMALLOC": "malloc"},
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return path

    def test_reports_of_both_libraries_make_a_page_that_accounts_for_every_byte(self):
        for flags in ([], ["--hardened"]):
            with self.subTest(flags=flags):
                path = self.written(*flags)
                (process,) = reports.read([str(path)])
                self.assertGreater(len(process.points), 3)
                sizes = {part.key: part.size_bytes for part in parts(process.last)}
                self.assertEqual(sum(sizes.values()), process.last["mapped"])
                self.assertEqual(sizes["purged"], process.last["purged"])
                self.assertGreater(max(one.figures["allocated"] for one in process.points), 200e6)
                done = self.run_tool(path, tool=REPORT)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("<h3>Over time</h3>", done.stdout)
                path.unlink()

    def test_every_figure_that_is_read_is_written(self):
        (process,) = reports.read([str(self.written())])
        report = process.last
        missing = {key for key in reports._FIGURES if key not in report}
        for key, figures in (*reports._OBJECTS.items(), *reports._LISTS.items()):
            if key not in report:
                missing.add(key)
                continue
            values = report[key][0] if key in reports._LISTS else report[key]
            missing |= {f"{key}.{figure}" for figure in figures if figure not in values}
        self.assertEqual(missing, set())
        for row in report["heap_map"]:
            self.assertLessEqual(set(row["cells"]), set(charts.CELLS))


class Reading(Scratch):
    def read(self, *files: list[dict]) -> list[reports.Process]:
        paths = []
        for index, found in enumerate(files):
            path = self.root / str(index)
            path.write_text(samples.lines(found))
            paths.append(str(path))
        return reports.read(paths)

    def test_one_process_is_a_series_wherever_its_reports_are(self):
        series = samples.series(6)
        (process,) = self.read(series[3:], series[:3])
        self.assertEqual([point.uptime for point in process.points], [1, 2, 3, 4, 5, 6])
        self.assertEqual(process.last["uptime"], 6)
        self.assertEqual(process.points[0].figures["resident"], series[0]["kernel"]["rss"])

    def test_a_number_that_is_used_again_is_another_process(self):
        again = samples.report(timestamp=samples.report()["timestamp"] + 100)
        found = self.read([again, samples.report()])
        self.assertEqual([one.last["timestamp"] for one in found], [1795669612.5, 1795669712.5])

    def test_programs_and_numbers_are_told_apart(self):
        found = self.read(
            [samples.report(), samples.report(program="b"), samples.report(process=1)]
        )
        self.assertEqual(len(found), 3)

    def test_what_a_report_lacks_is_no_error(self):
        bare = {
            "schema": 1,
            "program": "p",
            "process": 1,
            "allocated": 1,
            "active": 1,
            "metadata": 1,
            "retained": 1,
            "mapped": 3,
        }
        (process,) = self.read([bare])
        self.assertEqual(reports.resident(process.last), 0)

    def test_unknown_keys_are_left_alone(self):
        for value in (7, "text", {"a": []}, None):
            (process,) = self.read([samples.report(new=value)])
            self.assertEqual(process.last["new"], value)


if __name__ == "__main__":
    unittest.main()
