"""Who served malloc, as the loader's log tells it, and the counts of the separate pass."""
import shutil
import unittest
from pathlib import Path

from support import GLIBC, Folders, case

from talcbench import passes
from talcbench.allocators import Allocator
from talcbench.passes import served_by

LIBRARY = Path("/opt/libmine.so")


def program(name: str, *targets: str) -> str:
    """The lines of one program's start: whom the malloc of each object was bound to."""
    lines = ["find library=libm.so.6 [0]; searching", "find library=libc.so.6 [0]; searching"]
    lines += [
        f"binding file /lib/libx.so [0] to {target} [0]: normal symbol `malloc' [GLIBC_2.2.5]"
        for target in targets
    ]
    lines.append(f"binding file {LIBRARY} [0] to /lib/libc.so.6 [0]: normal symbol `malloc'")
    return (
        "\n".join(f"      17:\t{line}" for line in [*lines, "", f"transferring control: {name}"])
        + "\n"
    )


class Served(unittest.TestCase):
    def test_all_bound_to_the_library(self):
        self.assertTrue(served_by(program("jq", str(LIBRARY), str(LIBRARY)), "jq", LIBRARY))

    def test_one_bound_elsewhere(self):
        self.assertFalse(served_by(program("jq", str(LIBRARY), "/lib/libc.so.6"), "jq", LIBRARY))

    def test_none_bound(self):
        self.assertFalse(served_by(program("jq"), "jq", LIBRARY))
        self.assertFalse(served_by("", "jq", LIBRARY))

    def test_a_program_with_a_malloc_of_its_own(self):
        self.assertFalse(served_by(program("node", "node"), "node", LIBRARY))

    def test_a_program_whose_jump_leads_to_the_library(self):
        self.assertTrue(served_by(program("/bin/p", "/bin/p", str(LIBRARY)), "p", LIBRARY))

    def test_one_process_that_runs_several_programs(self):
        log = program("sh", "/lib/libc.so.6") + program("jq", str(LIBRARY))
        self.assertTrue(served_by(log, "jq", LIBRARY))
        self.assertFalse(served_by(log, "sh", LIBRARY))
        self.assertTrue(served_by(program("jq", str(LIBRARY)) + program("cat"), "jq", LIBRARY))

    def test_what_is_bound_late_counts(self):
        late = "17:\tbinding file jq [0] to /lib/libc.so.6 [0]: normal symbol `malloc'\n"
        self.assertFalse(served_by(program("jq", str(LIBRARY)) + late, "jq", LIBRARY))


class Passes(Folders):
    def test_a_real_program(self):
        found = passes.inspect_case(case("sleep 0.1"), GLIBC, self.place, 20)
        self.assertEqual(found.served, "-")
        self.assertGreater(int(found.mappings), 5)
        if shutil.which("strace"):
            # Where tracing is not allowed there is no count.
            self.assertTrue(found.syscalls == "" or int(found.syscalls) > 10)

    def test_a_library_without_malloc_does_not_serve(self):
        idle = Allocator("idle", self.broken_library(""))
        self.assertEqual(passes.inspect_case(case("true"), idle, self.place, 20).served, "no")

    def test_a_library_with_malloc_serves(self):
        source = self.broken_library("} void* malloc(unsigned long size) { (void)size; return 0;")
        self.assertEqual(
            passes.inspect_case(case("true"), Allocator("null", source), self.place, 20).served,
            "yes",
        )


if __name__ == "__main__":
    unittest.main()
