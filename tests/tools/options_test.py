"""The flags of talc-run are the options of the library, and both take the same values."""
import re
import subprocess
import unittest

from support import BUILD, SOURCE, Scratch, clean_environment

from talctools.options import FLAGS

# Set by flags that do more; and the one that holds others.
OTHERWISE_SET = {"watch"}
NOT_IN_THE_TABLE = {"conf"}

# Values at the edges of what each takes, for all flags.
VALUES = (
    "0",
    "1",
    "-1",
    "-2",
    "2",
    "64",
    "65",
    "100%",
    "101%",
    "0%",
    "5%",
    "%",
    "10000",
    "10001",
    "2147483647",
    "2147483648",
    "99999999999999999999",
    "1.5",
    "1.1234",
    ".5",
    "5.",
    "+1",
    " 1",
    "2G",
    "2g",
    "1T",
    "0K",
    "K",
    "1KB",
    "18446744073709551615",
    "16777216T",
    "none",
    "yes",
    "NO",
    "On",
    "off",
    "true",
    "False",
    "text",
    "JSON",
    "prom",
    "xml",
    "html",
    "adaptive",
    "always",
    "never",
    "abort",
    "ignore",
    "libc",
    "USR2",
    "SIGusr1",
    "KILL",
    "9",
    "11",
    "10",
    "%p.%e%n%%",
    "%x",
    "a%",
    "fd:2",
    "fd:x",
    "fd:",
    "fd:1048577",
    "a:b",
    "stats:json",
    "stats:json,",
)


class Table(unittest.TestCase):
    def test_has_a_flag_for_each_option(self):
        text = (SOURCE / "interpose/options.cpp").read_text()
        rows = re.findall(r'^ {4}\{"([a-z_]+)", (?:word|number|on_off), ', text, re.M)
        count = re.search(r"kOptionCount = (\d+)", (SOURCE / "interpose/options.hpp").read_text())
        self.assertEqual(len(rows), int(count[1]))
        names = {flag.name.replace("-", "_") for flag in FLAGS} - NOT_IN_THE_TABLE
        self.assertEqual(names, set(rows) - OTHERWISE_SET)

    def test_has_the_defaults_of_the_library(self):
        text = (SOURCE / "interpose/options.cpp").read_text()
        for flag in FLAGS:
            row = re.search(
                rf'{{"{flag.name.replace("-", "_")}", (?:word|number).*?",\s*"([^"]*)",\s*"[A-Z]',
                text,
                re.S,
            )
            if row:
                with self.subTest(flag.name):
                    self.assertEqual(
                        row[1].split(";")[0].split(",")[0].replace("none", "0"),
                        flag.preset.split(";")[0].split(",")[0].replace("none", "0"),
                    )

    def test_is_that_of_the_documentation(self):
        text = (SOURCE / "docs/TOOLS.md").read_text()
        rows = dict(re.findall(r"^\| `--([a-z-]+)` \| .* \| (.*?) \|$", text, re.M))
        for flag in FLAGS:
            with self.subTest(flag.name):
                self.assertEqual(rows[flag.name].replace("`", ""), flag.preset)


class Values(Scratch):
    def is_taken(self, variable: str, value: str) -> bool:
        done = subprocess.run(
            ["/bin/true"],
            capture_output=True,
            text=True,
            env=clean_environment({"LD_PRELOAD": f"{BUILD}/libtalc.so", variable: value}),
            cwd=self.root,
        )
        self.assertEqual(done.returncode, 0)
        return "must be" not in done.stderr and "unknown option" not in done.stderr

    def test_that_a_flag_takes_the_library_takes_and_no_others(self):
        for flag in FLAGS:
            for value in VALUES:
                if (flag.name, value) == ("conf", "stats:json,"):
                    continue  # the library forgives a comma too many
                with self.subTest(flag=flag.name, value=value):
                    self.assertEqual(flag.is_value(value), self.is_taken(flag.variable, value))

    def test_of_a_bare_flag_are_its_values(self):
        for flag in FLAGS:
            if flag.bare is not None:
                self.assertTrue(flag.is_value(flag.bare))


if __name__ == "__main__":
    unittest.main()
