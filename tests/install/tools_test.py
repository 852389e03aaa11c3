"""Installed elsewhere than configured (DESTDIR), and moved from there, the tools work the same."""
import json
import subprocess
import unittest

from installation import installation
from support import BUILD, SOURCE, Scratch, clean_environment


class InstalledTools(Scratch):
    def setUp(self) -> None:
        super().setUp()
        moved = installation()
        self.moved = moved.prefix
        self.bin = moved.prefix / moved.folders["bindir"]
        self.package = moved.data / "talc/talctools"

    def test_the_tools_work_from_where_they_are(self):
        done = self.run_tool(
            "--stats=json",
            "--stats-file",
            "out.json",
            "cat",
            "/proc/self/maps",
            tool=self.bin / "talc-run",
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"{self.moved}/", done.stdout)
        self.assertNotIn(f"{BUILD}/", done.stdout)
        self.assertGreater(json.loads((self.root / "out.json").read_text())["allocations"], 0)
        done = self.run_tool("--compare", "--rounds=1", "/bin/ls", tool=self.bin / "talc-run")
        self.assertIn("\ntalc ", done.stdout)
        done = self.run_tool("--version", tool=self.bin / "talc-report")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_they_say_nothing_of_where_they_were_built(self):
        for path in (*self.bin.iterdir(), *self.package.iterdir()):
            text = path.read_text()
            self.assertNotIn(str(BUILD), text)
            self.assertNotIn(str(SOURCE), text)

    def test_every_module_is_there(self):
        sources = sorted(path.name for path in (SOURCE / "interpose/tools/talctools").glob("*.py"))
        self.assertEqual(sorted(path.name for path in self.package.iterdir()), sources)

    def test_anyone_may_run_them(self):
        for path in self.bin.iterdir():
            self.assertEqual(path.stat().st_mode & 0o777, 0o755)
        done = subprocess.run(
            [self.bin / "talc-run", "true"], env=clean_environment({"PATH": "/usr/bin"})
        )
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
