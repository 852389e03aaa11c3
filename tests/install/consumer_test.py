"""Somebody's project (consumer/) with an installed talc, by pkg-config, by CMake and by hand, and with
talc as a subproject of Meson: each program says that talc has served it.
"""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from unittest import main

from installation import installation, version
from support import SOURCE, Scratch, clean_environment

CONSUMER = SOURCE / "tests/install/consumer"
SERVED = "talc served 1000 blocks\n"
# The programs of consumer/ are called after these, and the language.
NEEDED = {"shared": ["libtalc.so.1"], "hardened": ["libtalc-hardened.so.1"], "static": []}
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")


class Consumer(Scratch):
    def do(self, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=clean_environment(environment),
            cwd=self.root,
            capture_output=True,
            text=True,
        )

    def succeed(self, *command: str | Path) -> str:
        done = self.do(*command)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def expect_served(self, program: Path, **environment: str) -> None:
        done = self.do(program, **environment)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, SERVED, ""))

    def expect_libraries_served(self, program: Path) -> None:
        done = self.do(program, TALC_STATS="json")
        self.assertEqual(done.returncode, 0)
        self.assertGreater(json.loads(done.stderr or "{}").get("allocations", 0), 10)

    def expect_programs(self, build: Path, *served: str) -> None:
        """What consumer/ makes of each part of talc: programs that it serves, and two others."""
        for name in served:
            with self.subTest(name):
                self.assertEqual(self.needed(build / name), NEEDED[name.partition("_")[0]])
                self.expect_served(build / name)
        self.expect_libraries_served(build / "static_strings")
        self.assertFalse(self.has_talc(build / "headers"))
        self.succeed(build / "headers")

    def needed(self, program: Path) -> list[str]:
        """What of talc the dynamic linker loads for it."""
        return re.findall(r"\[(libtalc\S*)\]", self.succeed("readelf", "-d", program))

    def has_talc(self, program: Path) -> bool:
        return " talc_" in self.succeed("nm", program)


class PkgConfig(Consumer):
    """The file says where talc was configured to be: an installation that was moved says so itself."""

    def flags(self, *arguments: str) -> list[str]:
        done = self.do(
            "pkg-config",
            f"--define-variable=prefix={installation().prefix}",
            *arguments,
            PKG_CONFIG_PATH=str(installation().libraries / "pkgconfig"),
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def build(self, source: str, *flags: str) -> Path:
        program = self.root / "program"
        compiler = ("cc", "-std=c11") if source.endswith(".c") else ("c++", "-std=c++20")
        self.succeed(*compiler, *WARNINGS, "-O1", CONSUMER / source, "-o", program, *flags)
        return program

    def test_links_programs_in_c_and_cxx(self):
        for source in ("served.c", "served.cpp"):
            for package, needed in (("talc", NEEDED["shared"]), ("talc-hardened", NEEDED["hardened"])):
                with self.subTest(source, package=package):
                    program = self.build(source, *self.flags("--cflags", "--libs", package))
                    self.assertEqual(self.needed(program), needed)
                    self.expect_served(program, LD_LIBRARY_PATH=str(installation().libraries))

    def test_puts_all_of_it_into_a_program(self):
        compile_flags = self.flags("--cflags", "talc")
        (folder,) = self.flags("--variable=libdir", "talc")
        for source in ("served.c", "served.cpp"):
            with self.subTest(source):
                program = self.build(source, *compile_flags, f"-L{folder}", "-l:libtalc.a")
                self.assertEqual(self.needed(program), [])
                self.expect_served(program)

    def test_links_a_static_program(self):
        flags = self.flags("--static", "--cflags", "--libs", "talc")
        self.expect_served(self.build("served.c", "-static", *flags))

    def test_has_the_headers_alone(self):
        program = self.build("engine.cpp", *self.flags("--cflags", "--libs", "talc-headers"))
        self.assertFalse(self.has_talc(program))
        self.succeed(program)


class CMake(Consumer):
    def configure(
        self, wanted: str, prefix: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        return self.do(
            "cmake",
            *("-G", "Ninja"),
            *("-S", CONSUMER),
            *("-B", self.root / "build"),
            f"-DCMAKE_PREFIX_PATH={prefix or installation().prefix}",
            f"-DWANTED={wanted}",
        )

    def test_finds_it_where_it_is(self):
        configured = self.configure(version())
        self.assertEqual((configured.returncode, configured.stderr), (0, ""), configured.stdout)
        build = self.root / "build"
        self.succeed("cmake", "--build", build)
        self.expect_programs(build, *(f"{way}_{end}" for way in NEEDED for end in ("c", "cpp")))

    def test_says_when_it_is_not_of_the_version_wanted(self):
        major = int(version().split(".")[0])
        for wanted in (f"{major}.999", f"{major + 1}.0"):
            with self.subTest(wanted):
                configured = self.configure(wanted)
                self.assertNotEqual(configured.returncode, 0)
                self.assertIn(f"version: {version()}", configured.stderr)

    def test_says_when_a_part_of_it_is_missing(self):
        moved = self.root / "prefix"
        shutil.copytree(installation().prefix, moved, symlinks=True)
        (moved / installation().folders["libdir"] / "libtalc.a").unlink()
        configured = self.configure(version(), moved)
        self.assertNotEqual(configured.returncode, 0)
        self.assertIn("there is no", configured.stderr)


class Subproject(Consumer):
    # Optimising it takes most of a minute.
    SETUP = ("--buildtype=plain", "--wrap-mode=forcefallback")

    def setUp(self) -> None:
        super().setUp()
        self.project = self.root / "project"
        shutil.copytree(CONSUMER, self.project)
        (self.project / "subprojects").mkdir()
        os.symlink(SOURCE, self.project / "subprojects/talc")

    def test_is_built_with_the_project(self):
        build = self.root / "build"
        self.succeed("meson", "setup", *self.SETUP, build, self.project)
        targets = self.succeed("ninja", "-C", build, "-t", "targets", "all")
        for folder in ("talc/tests/", "talc/bench/"):
            self.assertNotIn(f"subprojects/{folder}", targets)
        served = ("shared_c", "shared_cpp", "static_c")
        self.succeed("ninja", "-C", build, *served, "static_strings", "headers")
        self.expect_programs(build, *served)


if __name__ == "__main__":
    main()
