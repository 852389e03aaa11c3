"""The manual pages say what the headers and the tools say, and man has nothing to complain of.

The options of talc(7), and those that libtalc(3) names, are compared with the table by
tests/interpose/options_test.cpp.
"""
import re
import shutil
import subprocess
import unittest

from support import REPORT, RUN, SOURCE, Scratch, clean_environment

from talctools.options import FLAGS, Flag

FOLDER = SOURCE / "docs/man"
PAGES = sorted(FOLDER.glob("*.[0-9]"))
HEADERS = {name: (SOURCE / f"lib/talc/{name}.h").read_text() for name in ("control", "talc")}
# Of .Fn: in quotes, or a word.
ARGUMENT = re.compile(r'"([^"]*)"|(\w+)')


def section(text: str, name: str) -> str:
    return re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", text, re.M | re.S)[1]


class Pages(unittest.TestCase):
    def test_are_there(self):
        names = ["libtalc.3", "talc-report.1", "talc-run.1", "talc.7"]
        self.assertEqual([path.name for path in PAGES], names)

    def test_are_clean(self):
        for path in PAGES:
            with self.subTest(path.name):
                shown = subprocess.run(
                    ["man", "--warnings=w", "-E", "UTF-8", "-l", path],
                    env=clean_environment({"LC_ALL": "C.UTF-8", "MANPAGER": "cat"}),
                    capture_output=True,
                    text=True,
                )
                self.assertEqual((shown.returncode, shown.stderr), (0, ""))
                self.assertIn("SEE ALSO", shown.stdout)

    @unittest.skipUnless(shutil.which("mandoc"), "for who has it")
    def test_are_clean_to_mandoc(self):
        found = subprocess.run(
            ["mandoc", "-T", "lint", "-W", "warning", *PAGES], capture_output=True, text=True
        )
        self.assertEqual((found.returncode, found.stdout), (0, ""))


class Libtalc(Scratch):
    def setUp(self) -> None:
        super().setUp()
        self.page = (FOLDER / "libtalc.3").read_text()
        synopsis = section(self.page, "SYNOPSIS")
        self.functions = re.findall(r"^\.Ft (.*)\n\.Fn (\w+) (.*)$", synopsis, re.M)

    def test_has_every_function(self):
        declared = re.findall(r"^[a-z][\w *]*?\b(talc_\w+)\(", "".join(HEADERS.values()), re.M)
        self.assertCountEqual([name for _, name, _ in self.functions], declared)
        names = [name for kind, name, _ in self.functions if "typedef" not in kind]
        named = re.findall(r"^\.Nm (\w+)", section(self.page, "NAME"), re.M)
        self.assertCountEqual(named, names)

    def test_declares_them_as_the_headers_do(self):
        source = "#include <talc/control.h>\n#include <talc/talc.h>\n"
        for kind, name, rest in self.functions:
            arguments = ", ".join(quoted or word for quoted, word in ARGUMENT.findall(rest))
            source += f"{kind} {name}({arguments});\n"
        self.program("synopsis.o", source, "-c", "-std=c11", "-Werror", f"-I{SOURCE}/lib")

    def test_has_every_field(self):
        listed = re.findall(r"^\.It Fa (\w+)$", self.page, re.M)
        fields = []
        for header, name in (("control", "talc_stats"), ("talc", "talc_counters")):
            body = re.search(rf"^struct {name} {{(.*?)^}};", HEADERS[header], re.M | re.S)[1]
            fields += re.findall(r"^  size_t (\w+);", body, re.M)
        self.assertEqual(listed, fields)

    def test_has_every_error(self):
        named = set(re.findall(r"\bE[A-Z]{3,}\b", "".join(HEADERS.values())))
        self.assertEqual(set(re.findall(r"^\.It Er (\w+)", self.page, re.M)), named)


class Tools(unittest.TestCase):
    def flags_of_help(self, tool: str) -> list[str]:
        text = subprocess.run([tool, "--help"], capture_output=True, text=True, check=True).stdout
        terms = re.findall(r"^  (-.*?)(?:  |$)", text, re.M)
        return [flag for term in terms for flag in re.findall(r"--[a-z-]+", term)]

    def flags_of_page(self, text: str) -> list[str]:
        terms = re.findall(r"^\.It (Fl .*)$", text, re.M)
        return ["-" + flag for term in terms for flag in re.findall(r"\\(-[a-z-]+)", term)]

    def test_have_their_flags_in_their_pages(self):
        for tool, name in ((RUN, "talc-run.1"), (REPORT, "talc-report.1")):
            with self.subTest(name):
                flags = self.flags_of_page((FOLDER / name).read_text())
                self.assertCountEqual(flags, self.flags_of_help(tool))

    def test_have_their_values_and_defaults_there(self):
        text = (FOLDER / "talc-run.1").read_text()
        for flag in FLAGS:
            with self.subTest(flag.name):
                head = f".It Fl \\-{flag.name} {self.value(flag)}\n"
                self.assertIn(head, text)
                entry = text.partition(head)[2].partition("\n.It ")[0].replace("\n", " ")
                meaning = flag.meaning[0].upper() + flag.meaning[1:]
                entry = entry.replace("\\-", "-")
                self.assertIn(f"{meaning}. Default: {flag.preset}.", entry)

    @staticmethod
    def value(flag: Flag) -> str:
        return f"Ns Op = Ns Ar {flag.values}" if flag.bare else f"Ar {flag.values}"


if __name__ == "__main__":
    unittest.main()
