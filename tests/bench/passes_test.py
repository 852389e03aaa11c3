"""Who served malloc, as the loader's log tells it, and the counts of the separate pass."""
import shutil
import unittest
from pathlib import Path

from support import GLIBC, Folders, case

from talcbench import passes
from talcbench.allocators import Allocator
from talcbench.cases import Case
from talcbench.passes import served_by
from talcbench.processes import ENOUGH

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

    def test_without_a_library_it_is_the_libcs(self):
        self.assertTrue(served_by(program("jq", "/lib/libc.so.6"), "jq", None))
        self.assertFalse(served_by(program("jq", "/lib/libjemalloc.so.2"), "jq", None))

    def test_what_is_bound_late_counts(self):
        late = "17:\tbinding file jq [0] to /lib/libc.so.6 [0]: normal symbol `malloc'\n"
        self.assertFalse(served_by(program("jq", str(LIBRARY)) + late, "jq", LIBRARY))


class Passes(Folders):
    def test_a_real_program(self):
        found = self.watch(case("sleep 0.1"), GLIBC)
        self.assertEqual((found.served, found.run.status), ("-", "ok"))
        self.assertGreater(found.mappings, 5)
        if shutil.which("strace"):
            # Where tracing is not allowed there is no count.
            calls = passes.count_syscalls(case("true"), GLIBC, self.place, 20)
            self.assertTrue(calls == "" or int(calls) > 10)

    def watch(self, what: Case, allocator: Allocator, whole: bool = True) -> passes.Binding:
        return passes.watch_bindings(what, allocator, "system", self.place, 20, whole)

    def test_what_ends_while_it_is_looked_at_does_no_harm(self):
        brief = case("for i in $(seq 2000); do /bin/true & done; wait")
        self.assertEqual(self.watch(brief, GLIBC).run.status, "ok")

    def test_a_library_without_malloc_does_not_serve(self):
        idle = Allocator("idle", self.broken_library("", serves=False))
        self.assertEqual(self.watch(case("true"), idle).served, "no")

    def test_one_that_is_there_to_be_empty_leaves_malloc_to_the_libc(self):
        empty = Allocator("empty", self.broken_library("", serves=False))
        self.assertEqual(self.watch(case("true"), empty).served, "-")
        self.assertEqual(self.watch(case("sleep 0.01", binary="sh"), empty).served, "yes")

    def test_a_library_with_malloc_serves(self):
        serving = Allocator("serving", self.broken_library(""))
        self.assertEqual(self.watch(case("true"), serving).served, "yes")

    def test_a_run_that_need_not_be_whole_ends_when_the_program_runs(self):
        serving = Allocator("serving", self.broken_library(""))
        found = self.watch(case("sleep 60"), serving, whole=False)
        self.assertEqual((found.served, found.run.status), ("yes", ENOUGH))

    def test_without_a_library_a_named_binary_must_have_the_libcs(self):
        self.assertEqual(self.watch(case("sleep 0.01", binary="sh"), GLIBC).served, "yes")
        self.assertEqual(self.watch(case("sleep 0.01", binary="nothing"), GLIBC).served, "no")


if __name__ == "__main__":
    unittest.main()
