"""What `meson install` installs: these files, the headers and modules of the source, and no others."""
import os
import re
import subprocess
import unittest

from installation import installation, version
from support import SOURCE, clean_environment

FILES = """
    {bindir}/talc-report
    {bindir}/talc-run
    {datadir}/bash-completion/completions/talc-report
    {datadir}/bash-completion/completions/talc-run
    {datadir}/fish/vendor_completions.d/talc-report.fish
    {datadir}/fish/vendor_completions.d/talc-run.fish
    {datadir}/gdb/auto-load{prefix}/{libdir}/libtalc-hardened.so.{version}-gdb.py
    {datadir}/gdb/auto-load{prefix}/{libdir}/libtalc.so.{version}-gdb.py
    {datadir}/zsh/site-functions/_talc-report
    {datadir}/zsh/site-functions/_talc-run
    {libdir}/cmake/talc/talcConfig.cmake
    {libdir}/cmake/talc/talcConfigVersion.cmake
    {libdir}/libtalc-hardened.so
    {libdir}/libtalc-hardened.so.1
    {libdir}/libtalc-hardened.so.{version}
    {libdir}/libtalc.a
    {libdir}/libtalc.so
    {libdir}/libtalc.so.1
    {libdir}/libtalc.so.{version}
    {libdir}/pkgconfig/talc-hardened.pc
    {libdir}/pkgconfig/talc-headers.pc
    {libdir}/pkgconfig/talc.pc
    {libexecdir}/talc/launcher
    {mandir}/man1/talc-report.1
    {mandir}/man1/talc-run.1
    {mandir}/man3/libtalc.3
    {mandir}/man7/talc.7
"""


def functions() -> list[str]:
    """Those of the C API, which have a name in section 3 each."""
    headers = "".join((SOURCE / f"lib/talc/{name}.h").read_text() for name in ("control", "talc"))
    found = re.findall(r"^(?!typedef)[a-z].*?\b(talc_\w+)\(", headers, re.M)
    assert len(found) > 10
    return found


class Files(unittest.TestCase):
    def expected(self) -> set[str]:
        folders = installation().folders | {"version": version()}
        listed = {line.strip().format(**folders) for line in FILES.strip().splitlines()}
        listed |= {f"{folders['mandir']}/man3/{name}.3" for name in functions()}
        for source, target, pattern in (
            ("lib/talc", "{includedir}/talc", "*.h*"),
            ("interpose/tools/talctools", "{datadir}/talc/talctools", "*.py"),
        ):
            for path in (SOURCE / source).rglob(pattern):
                relative = path.relative_to(SOURCE / source)
                listed.add(f"{target.format(**folders)}/{relative}")
        return listed

    def test_are_those_that_are_listed(self):
        prefix = installation().prefix
        found = {
            os.path.relpath(os.path.join(folder, name), prefix)
            for folder, _, names in os.walk(prefix)
            for name in names
        }
        self.assertEqual(found, self.expected())

    def test_lead_from_the_name_for_linking_over_the_soname_to_the_library(self):
        libraries = installation().libraries
        for name in ("libtalc", "libtalc-hardened"):
            self.assertEqual(os.readlink(libraries / f"{name}.so"), f"{name}.so.1")
            self.assertEqual(os.readlink(libraries / f"{name}.so.1"), f"{name}.so.{version()}")
            dynamic = subprocess.run(
                ["readelf", "-d", libraries / f"{name}.so"], capture_output=True, text=True
            ).stdout
            self.assertIn(f"Library soname: [{name}.so.1]", dynamic)
            self.assertNotIn("RUNPATH", dynamic)

    def test_of_the_manual_are_found_by_man(self):
        environment = clean_environment(
            {"MANPATH": str(installation().manuals), "MANPAGER": "cat", "LC_ALL": "C.UTF-8"}
        )
        for page, words in (
            (["7", "talc"], "TALC_PURGE_DELAY"),
            (["3", "libtalc"], "talc_stats_get"),
            (["talc_ctl"], "ERANGE"),
            (["talc-run"], "--compare"),
            (["talc-report"], "--title"),
        ):
            with self.subTest(page):
                shown = subprocess.run(
                    ["man", *page], env=environment, capture_output=True, text=True
                )
                self.assertEqual((shown.returncode, shown.stderr), (0, ""))
                self.assertIn(words, shown.stdout)

    def test_tell_pkg_config_where_and_which(self):
        prefix = installation().configured_prefix
        include = f"-I{prefix}/{installation().folders['includedir']}"
        library = f"-L{prefix}/{installation().folders['libdir']}"
        for name, flags in (
            ("talc", f"{include} {library} -ltalc"),
            ("talc-hardened", f"{include} {library} -ltalc-hardened"),
            ("talc-headers", include),
        ):
            with self.subTest(name):
                self.assertEqual(self.pkg_config("--modversion", name), version())
                self.assertEqual(self.pkg_config("--cflags", "--libs", name), flags)

    @staticmethod
    def pkg_config(*arguments: str) -> str:
        return subprocess.run(
            ["pkg-config", "--keep-system-cflags", "--keep-system-libs", *arguments],
            env=clean_environment(
                {"PKG_CONFIG_LIBDIR": str(installation().libraries / "pkgconfig")}
            ),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()


if __name__ == "__main__":
    unittest.main()
