"""talc-run as a user meets it: what it runs is as if run directly, but on talc."""
import os
import re
import signal
import stat
import subprocess
import unittest

from support import BUILD, RUN, SOURCE, Scratch, clean_environment

from talctools.environment import parse
from talctools.errors import UserError
from talctools.executables import why_not_preloaded
from talctools.installation import Installation
from talctools.options import FLAGS

PRINT_LINES = "import sys; print(sys.argv[1:]); sys.exit(7)"
SHOWS_MAPS = "grep -c -E 'libtalc[^/]*[.]so' /proc/self/maps"


class Command(Scratch):
    def test_is_served_by_talc(self):
        done = self.run_tool("--stats", "/bin/ls", "/")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"^talc: ls, process \d+\b")
        self.assertIn("etc\n", done.stdout)

    def test_is_served_by_the_hardened_one(self):
        done = self.run_tool("--hardened", "cat", "/proc/self/maps")
        self.assertIn("/libtalc-hardened.so", done.stdout)
        self.assertNotIn("/libtalc.so", done.stdout)

    def test_gets_its_arguments_and_gives_its_exit_status(self):
        done = self.run_tool("python3", "-c", PRINT_LINES, "--stats", "-h", "", "é ü")
        self.assertEqual(done.stdout, "['--stats', '-h', '', 'é ü']\n")
        self.assertEqual((done.returncode, done.stderr), (7, ""))

    def test_that_begins_with_a_dash_comes_after_two(self):
        self.script("-x", "#!/bin/sh\necho dashed\n")
        done = self.run_tool("--", "-x", env={"PATH": f"{self.root}:{os.environ['PATH']}"})
        self.assertEqual(done.stdout, "dashed\n")

    def test_ends_by_its_signal(self):
        done = self.run_tool("sh", "-c", "kill -TERM $$")
        self.assertEqual(done.returncode, -signal.SIGTERM)

    def test_is_the_same_process(self):
        run = subprocess.Popen([RUN, "sh", "-c", "echo $$"], stdout=subprocess.PIPE, text=True)
        self.assertEqual(run.communicate()[0], f"{run.pid}\n")

    def test_finds_signals_as_its_caller_left_them(self):
        lines = "grep -E '^Sig(Blk|Ign)' /proc/self/status"
        direct = subprocess.run(["sh", "-c", lines], capture_output=True, text=True)
        self.assertEqual(self.run_tool("sh", "-c", lines).stdout, direct.stdout)
        ignoring = subprocess.run(
            ["sh", "-c", f"trap '' HUP; {RUN} sh -c \"{lines}\""], capture_output=True, text=True
        )
        self.assertRegex(ignoring.stdout, r"SigIgn:\s*0*1\n")

    def test_finds_the_environment_as_its_caller_left_it(self):
        before = {
            "LC_ALL": "",
            "LANG": "C",
            "PYTHONPATH": "/nowhere",
            "ODD": "\udcff\n=x",
            "PATH": "/bin:/usr/bin",
        }
        done = subprocess.run([RUN, "env", "-0"], env=before, capture_output=True)
        found = {
            line.partition(b"=")[0]: line.partition(b"=")[2]
            for line in done.stdout.split(b"\0")
            if line
        }
        preload = found.pop(b"LD_PRELOAD")
        self.assertRegex(os.fsdecode(preload), r"/libtalc\.so(\.1)?$")
        self.assertEqual(found, {os.fsencode(k): os.fsencode(v) for k, v in before.items()})

    def test_sees_the_first_variable_of_a_name(self):
        self.assertEqual(parse(b"A=1\0A=2\0odd\0B=\0C==\0"), {b"A": b"1", b"B": b"", b"C": b"="})

    def test_keeps_what_is_preloaded_already_but_for_another_talc(self):
        other = self.root / "other.so"
        subprocess.run(["cc", "-shared", "-x", "c", "/dev/null", "-o", other], check=True)
        before = f"{BUILD}/libtalc-hardened.so:{other}"
        done = self.run_tool("sh", "-c", "echo $LD_PRELOAD", env={"LD_PRELOAD": before})
        self.assertRegex(done.stdout, rf"^\S+/libtalc\.so(\.1)?:{other}\n$")
        self.assertEqual(done.stderr, "")

    def test_that_is_a_script_without_a_first_line_is_run_by_sh(self):
        self.script("plain", "echo by $0: $1\n")
        self.assertEqual(self.run_tool("./plain", "x").stdout, "by ./plain: x\n")

    def test_that_cannot_be_run_is_as_for_env(self):
        (self.root / "data").write_text("")
        for command in ("no-such-program", "./no-such-file", "./data", str(self.root), "data/x"):
            with self.subTest(command):
                done = self.run_tool(command)
                direct = self.run_tool(command, tool="/usr/bin/env")
                self.assertEqual(done.returncode, direct.returncode)
                self.assertEqual(done.stderr.count("\n"), 1)
                self.assertTrue(done.stderr.startswith(f"talc-run: {command}: "), done.stderr)


class Options(Scratch):
    def test_become_variables(self):
        done = self.run_tool(
            "--stats=json",
            "--stats-file",
            "a%p",
            "--purge-delay=0",
            "--dirty-ratio",
            "7",
            "--verbose",
            "--heap-limit=80%",
            "--conf",
            "thp:never,purge_delay:5",
            "env",
            env={"TALC_PURGE_DELAY": "9", "TALC_FOREIGN": "ignore"},
        )
        found = sorted(line for line in done.stdout.splitlines() if line.startswith("TALC_"))
        self.assertEqual(
            found,
            [
                "TALC_CONF=thp:never,purge_delay:5",
                "TALC_DIRTY_RATIO=7",
                "TALC_FOREIGN=ignore",
                "TALC_HEAP_LIMIT=80%",
                "TALC_PURGE_DELAY=0",
                "TALC_STATS=json",
                "TALC_STATS_FILE=a%p",
                "TALC_VERBOSE=yes",
            ],
        )

    def test_that_are_wrong_are_told_with_the_usage_and_status_2(self):
        for arguments, message in (
            ([], "there is no command to run"),
            (["--stats"], "there is no command to run"),
            (["--bogus", "true"], "unknown option --bogus"),
            (["-x", "true"], "unknown option -x"),
            (["--stat", "true"], "did you mean --stats?"),
            (["--purge-delay"], "--purge-delay needs a value"),
            (["--purge-delay", "soon", "true"], "'soon' is no value for --purge-delay MS"),
            (["--heap-limit=0", "true"], "'0' is no value for --heap-limit"),
            (["--conf", "purge_delay:x", "true"], "'purge_delay:x' is no value for --conf"),
            (["--hardened=1", "true"], "--hardened takes no value"),
            (["--rounds", "3", "true"], "--rounds is for --compare"),
            (["--compare", "--rounds", "0", "true"], "--rounds must be a number"),
            (["--compare", "--watch", "true"], "--watch and --compare exclude each other"),
            (["--compare", "--stats", "true"], "--stats and --compare exclude each other"),
        ):
            with self.subTest(arguments=arguments):
                done = self.run_tool(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(message, done.stderr)
                self.assertIn("\nusage: talc-run [OPTION...] COMMAND", done.stderr)

    def test_behind_the_command_are_the_commands(self):
        self.assertEqual(self.run_tool("echo", "--stats", "--bogus").stdout, "--stats --bogus\n")

    def test_the_help_names_each_and_may_be_read_in_part(self):
        done = self.run_tool("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for flag in (*(flag.name for flag in FLAGS), "watch", "compare", "rounds", "hardened"):
            self.assertIn(f"\n  --{flag}", done.stdout)
        self.assertLess(max(map(len, done.stdout.splitlines())), 101)
        piped = subprocess.run(["sh", "-c", f"{RUN} --help | head -n 1"], capture_output=True)
        self.assertEqual(piped.stderr, b"")

    def test_version_is_that_of_the_project(self):
        project = re.search(r"version: '([^']+)'", (SOURCE / "meson.build").read_text())
        self.assertEqual(self.run_tool("--version").stdout, f"talc-run (talc) {project[1]}\n")


class Warnings(Scratch):
    EMPTY = "int main(void) { return 3; }"

    def assert_warned(self, command, reason):
        done = self.run_tool(command)
        self.assertEqual(done.returncode, 3)
        self.assertRegex(
            done.stderr, rf"^talc-run: warning: \S+ {reason}: talc will not serve it\n$"
        )

    def test_of_a_static_program(self):
        self.program("still", self.EMPTY, "-static")
        self.assert_warned("./still", "is statically linked")

    def test_of_a_script_whose_interpreter_is_static(self):
        still = self.program("still", self.EMPTY, "-static")
        self.assert_warned(self.script("script", f"#! {still} -x\n"), "is statically linked")

    def test_of_a_program_with_its_own_malloc(self):
        source = "#include <stddef.h>\nvoid* malloc(size_t n) { (void)n; return NULL; }\n"
        self.program("own", source + self.EMPTY, "-rdynamic")
        self.assert_warned("./own", "brings its own malloc")

    @unittest.skipUnless(os.getuid() == 0, "only root can make a program of another user")
    def test_of_a_set_uid_program(self):
        path = self.program("other", self.EMPTY)
        os.chown(path, 65534, -1)
        path.chmod(0o755 | stat.S_ISUID)
        if os.statvfs(path).f_flag & os.ST_NOSUID:
            self.skipTest("set-uid bits count for nothing here")
        self.root.chmod(0o755)
        self.assert_warned("./other", "runs with more privileges than its caller .*")

    def test_of_what_the_file_says_of_other_worlds(self):
        library = str(BUILD / "libtalc.so")
        linker = "-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"
        musl = self.program("musl", self.EMPTY, linker)
        self.assertIn("linked with musl", why_not_preloaded(str(musl), library))
        foreign = self.root / "foreign"
        image = bytearray(self.program("plain", self.EMPTY).read_bytes())
        image[18:20] = b"\xf3\x00"  # the machine: RISC-V
        foreign.write_bytes(image)
        self.assertIn("for another processor", why_not_preloaded(str(foreign), library))
        for size in (0, 3, 5, 20, 63, 70, 200, len(image) // 2):
            foreign.write_bytes(image[:size])
            why_not_preloaded(str(foreign), library)

    def test_none_of_ordinary_programs(self):
        self.program("plain", self.EMPTY)
        for command in (
            ["./plain"],
            ["sh", "-c", "exit 3"],
            [self.script("s", "#!/bin/sh\nexit 3\n")],
        ):
            with self.subTest(command):
                done = self.run_tool(*command)
                self.assertEqual((done.returncode, done.stderr), (3, ""))


class Places(Scratch):
    def test_a_missing_library_is_told(self):
        moved = self.root / "talc-run"
        text = (BUILD / "talc-run").read_text()
        moved.write_text(
            re.sub(r"libraries=.*", f'libraries="{self.root}",', text).replace(
                "_HERE = ", f'_HERE = "{BUILD}"  # '
            )
        )
        moved.chmod(0o755)
        done = self.run_tool("true", tool=moved)
        self.assertEqual(done.returncode, 125)
        self.assertEqual(done.stderr, f"talc-run: there is no libtalc.so.1 in {self.root}\n")

    def test_a_place_that_cannot_be_preloaded_is_told(self):
        for name in ("with space", "colon:", "$ORIGIN"):
            folder = self.root / name
            folder.mkdir()
            (folder / "libtalc.so").touch()
            with self.assertRaisesRegex(UserError, "LD_PRELOAD cannot hold"):
                Installation("0", str(folder), "").library("talc")

    def test_works_through_a_link(self):
        (self.root / "linked").symlink_to(RUN)
        done = subprocess.run(
            [self.root / "linked", "sh", "-c", SHOWS_MAPS],
            capture_output=True,
            text=True,
            env=clean_environment(),
        )
        self.assertGreater(int(done.stdout), 0)


if __name__ == "__main__":
    unittest.main()
