"""The Debian packages: made by scripts/package, looked through by lintian, installed, upgraded and removed in a small
system, used there as their users would. Skipped where chroot is not allowed, or without what makes packages.
"""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from minimal_root import MinimalRoot, may_chroot

SOURCE = Path(os.environ["TEST_SOURCE"])
BUILD = Path(os.environ["BUILD_DIR"])
NAMES = ("libtalc1", "libtalc-dev", "talc-tools")
EARLIER = "0.9.0"

WAYS = {
    "shared": ["-ltalc"],
    "archive": ["-l:libtalc.a"],
    "static": ["-l:libtalc.a", "-static"],
}


def skip_unless_possible() -> None:
    reasons = [f"no {tool}" for tool in ("dh", "lintian") if not shutil.which(tool)]
    reasons += [] if may_chroot() else ["chroot is not allowed"]
    if reasons:
        print("skipped:", ", ".join(reasons))
        sys.exit(77)


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        made = subprocess.run(
            [SOURCE / "scripts/package", "deb"], stdout=subprocess.PIPE, text=True, check=False
        )
        if made.returncode != 0:
            raise AssertionError(made.stdout)
        cls.packages = {Path(line).name.partition("_")[0]: Path(line) for line in made.stdout.split()
                        if line.endswith(".deb")}
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.root = MinimalRoot(Path(scratch.name), ["python3"])
        for name in NAMES:
            shutil.copy(cls.packages[name], cls.root.folder / f"tmp/{name}.deb")
        # Python keeps what it has compiled of itself.
        cls.root.run("python3", "-c", "pass")
        cls.at_first = cls.root.contents()

    def setUp(self) -> None:
        self.dpkg("--install", *(f"/tmp/{name}.deb" for name in NAMES))
        self.addCleanup(self.dpkg, "--purge", *NAMES)

    def dpkg(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.root.run("dpkg", "--force-unsafe-io", *arguments, check=check)

    def allocations_of(self, *command: str) -> int:
        """How many blocks talc says that it served to a command in the small system."""
        return json.loads(self.root.run("env", "TALC_STATS=json", *command).stderr)["allocations"]

    def test_nothing_is_left_when_they_are_gone(self):
        installed = self.root.contents() - self.at_first
        self.assertGreater(len(installed), 100)
        self.root.run("talc-run", "true")
        self.dpkg("--purge", *NAMES)
        self.assertEqual(self.root.contents() ^ self.at_first, set())
        records = self.root.folder / "var/lib/dpkg/info"
        self.assertEqual([path.name for path in records.iterdir() if "talc" in path.name], [])
        self.assertNotIn("talc", self.root.run("ldconfig", "-p").stdout)

    def version_of(self, name: str) -> str:
        field = ["dpkg-deb", "--field", self.packages[name], "Version"]
        return subprocess.check_output(field, text=True).strip()

    def test_they_have_the_version_of_the_project(self):
        info = json.loads((BUILD / "meson-info/intro-projectinfo.json").read_text())
        for name in NAMES:
            self.assertEqual(self.version_of(name), info["version"])

    def install_earlier(self, name: str) -> None:
        """The package as an earlier version of it, with a file that is no longer in it."""
        tree = self.root.folder / "tmp" / name
        package = self.root.folder / "tmp/earlier.deb"
        self.addCleanup(package.unlink, missing_ok=True)
        subprocess.run(["dpkg-deb", "--raw-extract", self.packages[name], tree], check=True)
        control = tree / "DEBIAN/control"
        control.write_text(control.read_text().replace(self.version_of(name), EARLIER))
        for link in tree.glob("usr/lib/*/libtalc*.so.1"):
            (link.parent / os.readlink(link)).rename(link.with_suffix(f".{EARLIER}"))
            link.unlink()
            link.symlink_to(link.with_suffix(f".{EARLIER}").name)
        (tree / f"usr/share/doc/{name}/gone").touch()
        made = ["dpkg-deb", "-Znone", "--root-owner-group", "--build", tree, package]
        subprocess.run(made, stdout=subprocess.DEVNULL, check=True)
        shutil.rmtree(tree)
        self.dpkg("--install", "/tmp/earlier.deb")
        package.unlink()

    def test_they_take_the_place_of_earlier_ones(self):
        fresh = self.root.contents()
        self.dpkg("--purge", *NAMES)
        for name in NAMES:
            self.install_earlier(name)
        script = "print(1, flush=True); input(); print(len([bytes(1000) for i in range(10 ** 5)]))"
        served = ["env", "LD_PRELOAD=libtalc.so.1", "TALC_STATS=json", "python3", "-IS", "-c", script]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(["chroot", self.root.folder, *served], text=True, **pipes) as program:
            self.assertEqual(program.stdout.readline(), "1\n")
            refused = self.dpkg("--install", "/tmp/talc-tools.deb", check=False)
            self.assertIn(f"on system is {EARLIER}", refused.stderr)
            self.dpkg("--install", *(f"/tmp/{name}.deb" for name in NAMES))
            # What runs keeps the library that it began with.
            printed, report = program.communicate("\n")
        self.assertEqual(printed, "100000\n")
        self.assertGreater(json.loads(report)["allocations"], 10**5)
        self.assertEqual(self.root.contents() ^ fresh, set())
        self.root.run("talc-run", "true")

    def test_one_needs_another(self):
        self.dpkg("--purge", *NAMES)
        done = self.dpkg("--install", "/tmp/talc-tools.deb", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("talc-tools depends on libtalc1", done.stderr)

    def test_the_libraries_are_found_by_their_names(self):
        for library in ("libtalc.so.1", "libtalc-hardened.so.1"):
            self.assertIn(f"\t{library} ", self.root.run("ldconfig", "-p").stdout)
            served = self.allocations_of(f"LD_PRELOAD={library}", "python3", "-IS", "-c", "list('ab')")
            self.assertGreater(served, 100)

    def test_the_tools_work(self):
        self.root.run("talc-run", "true")
        self.assertGreater(self.allocations_of("talc-run", "--hardened", "ls"), 10)
        self.root.run("talc-run", "--stats=json", "--stats-file=/tmp/report.json", "ls")
        page = self.root.run("talc-report", "/tmp/report.json").stdout
        self.root.run("rm", "/tmp/report.json")
        self.assertIn("<!doctype html>", page[:100].lower())
        compared = self.root.run("talc-run", "--compare", "--rounds=1", "ls").stdout
        self.assertIn("\ntalc ", compared)

    def compile(self, source: str, flags: list[str]) -> str:
        """With the compiler of this system, and nothing of talc but what the packages have there."""
        folder = self.root.folder
        self.addCleanup((folder / "tmp/program").unlink, missing_ok=True)
        libraries = next(folder.glob("usr/lib/*/pkgconfig")).parent
        subprocess.run(
            ["cc", "-O1", "-Wno-free-nonheap-object", SOURCE / "tests/interpose/programs" / source,
             "-o", folder / "tmp/program", "-pthread", f"-I{folder}/usr/include", f"-L{libraries}", *flags],
            check=True,
        )
        return "/tmp/program"

    def test_programs_are_linked_with_them(self):
        for name, flags in WAYS.items():
            with self.subTest(name):
                self.assertGreater(self.allocations_of(self.compile("linked.c", flags)), 50_000)

    def test_a_program_finds_them_with_pkg_config(self):
        files = next(self.root.folder.glob("usr/lib/*/pkgconfig"))
        flags = subprocess.check_output(
            ["pkg-config", "--cflags", "--libs-only-l", "talc"],
            env=os.environ | {"PKG_CONFIG_LIBDIR": str(files)},
            text=True,
        )
        self.assertIn("-ltalc", flags.split())
        self.root.run(self.compile("controlled.c", flags.split()))

    def test_the_code_is_what_is_tested(self):
        texts = json.loads((BUILD / "meson-info/intro-buildoptions.json").read_text())
        options = {option["name"]: option["value"] for option in texts}
        plain = {"buildtype": "release", "debug_checks": False, "cpp_args": [], "b_lto": False}
        if plain != {name: options[name] for name in plain}:
            self.skipTest("the build to compare with has options of its own")
        for library in ("libtalc.so", "libtalc-hardened.so"):
            packaged = next(self.root.folder.glob(f"usr/lib/*/{library}.1.*"))
            self.assertEqual(self.text_of(packaged), self.text_of(BUILD / library), library)

    def text_of(self, library: Path) -> bytes:
        section = self.root.folder / "tmp/text"
        subprocess.run(
            ["objcopy", "-O", "binary", "--only-section=.text", library, section], check=True
        )
        text = section.read_bytes()
        section.unlink()
        return text


if __name__ == "__main__":
    skip_unless_possible()
    unittest.main()
