"""Whatever says which version of talc it is says the same: that of meson.build.

The libraries' own lines are compared by tests/interpose/configuration_test.cpp, the Debian packages by
tests/package/deb_test.py; the API reference and the packages take theirs from meson.build.
"""
import json
import re
import subprocess
import unittest

from installation import installation, version
from support import SOURCE, Scratch, clean_environment


def read(name: str) -> str:
    return (SOURCE / name).read_text()


class Version(Scratch):
    def test_is_a_semantic_one(self):
        self.assertRegex(version(), r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$")

    def test_is_what_the_sources_say(self):
        self.assertIn(f'kVersion[] = "{version()}"', read("lib/talc/base/version.hpp"))
        self.assertEqual(re.search(r"^## \[(.*?)\]", read("CHANGELOG.md"), re.M)[1], version())

    def test_is_what_reports_say(self):
        for name in ("libtalc.so", "libtalc-hardened.so"):
            preload = {"LD_PRELOAD": str(installation().libraries / name), "TALC_STATS": "json"}
            report = subprocess.run(
                ["true"], env=clean_environment(preload), capture_output=True, text=True
            ).stderr
            self.assertEqual(json.loads(report)["version"], version())

    def test_is_what_the_tools_say(self):
        for path in (installation().prefix / installation().folders["bindir"]).iterdir():
            said = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
            self.assertEqual(said, f"{path.name} (talc) {version()}\n")

    def test_is_what_build_systems_are_told(self):
        packages = [path.read_text() for path in (installation().libraries / "pkgconfig").iterdir()]
        self.assertEqual(len(packages), 3)
        for text in packages:
            self.assertIn(f"\nVersion: {version()}\n", text)
        cmake = installation().libraries / "cmake/talc/talcConfigVersion.cmake"
        self.assertIn(f"set(PACKAGE_VERSION {version()})\n", cmake.read_text())

    def test_names_the_libraries_in_documents(self):
        named = {}
        for path in (SOURCE / "README.md", *(SOURCE / "docs").rglob("*.md"), *(SOURCE / "docs/man").iterdir()):
            for found in re.findall(r"libtalc(?:-hardened)?\.so\.(\d+\.\d+\.\d+)", path.read_text()):
                named[path.name] = found
        self.assertEqual(set(named.values()) - {version()}, set(), named)

    def test_has_brought_no_symbol_before_its_time(self):
        """And the soname is that of the major version."""
        abi = read("interpose/libtalc.abi")
        brought = {tuple(map(int, day.split("."))) for day in re.findall(r"^symbol \S+ (\S+)$", abi, re.M)}
        now = tuple(map(int, version().split(".")))
        self.assertLessEqual(max(brought), now)
        self.assertIn(f"\nsoname libtalc.so.{now[0]}\n", abi)


if __name__ == "__main__":
    unittest.main()
