"""Which allocators are chosen, and what is said of a wrong choice."""
import hashlib
import unittest
from pathlib import Path
from unittest import mock

from support import Folders

from talcbench import allocators
from talcbench.errors import UserError


class Allocators(Folders):
    def refused(self, *wanted: str) -> str:
        with self.assertRaises(UserError) as caught:
            allocators.select(wanted, self.build)
        return str(caught.exception)

    def test_an_unknown_name_lists_the_known_ones(self):
        message = self.refused("hoard")
        self.assertIn("no allocator 'hoard'", message)
        for name in allocators.NAMES:
            self.assertIn(name, message)

    def test_wrong_paths(self):
        self.assertIn("no such file", self.refused("mine=/nowhere/libmine.so"))
        text = self.root / "text.so"
        text.write_text("no library")
        self.assertIn("not a shared library", self.refused(f"mine={text}"))
        self.assertIn("no such file", self.refused(f"mine={self.root}"))

    def test_what_ld_preload_cannot_hold(self):
        for name in ("lib one.so", "lib:one.so"):
            odd = self.root / name
            odd.write_bytes(b"\x7fELF")
            self.assertIn("spaces or colons", self.refused(f"mine={odd}"))

    def test_a_library_that_may_be_built_anew_is_copied(self):
        library = self.broken_library("")
        chosen, _ = allocators.select((f"mine={library}", "glibc"), self.build)
        mine, glibc = (allocators.pin(allocator, self.root / "pinned") for allocator in chosen)
        self.assertEqual(glibc, chosen[1])
        content = library.read_bytes()
        library.write_bytes(b"built anew")
        self.assertEqual(mine.library.read_bytes(), content)
        self.assertIn(hashlib.sha256(content).hexdigest(), mine.describe())
        self.assertIn(library.name, mine.describe())

    def test_other_nonsense(self):
        self.assertIn("twice", self.refused("glibc", "glibc"))
        self.assertIn("a name is", self.refused("=/lib/x.so"))
        self.assertIn("nothing preloaded", self.refused("glibc=/lib/x.so"))

    def test_a_peer_asked_for_must_be_installed(self):
        with mock.patch.object(allocators, "find_library", return_value=None):
            self.assertIn("apt-get install libjemalloc2", self.refused("jemalloc"))

    def test_a_peer_not_asked_for_is_left_out_and_named(self):
        (self.build / "libtalc.so").touch()
        with mock.patch.object(allocators, "find_library", return_value=None):
            chosen, remarks = allocators.select((), self.build)
        self.assertEqual([allocator.name for allocator in chosen], ["talc", "glibc"])
        self.assertEqual(len(remarks), len(allocators.PEERS))
        self.assertIn("apt-get install", remarks[0])

    def test_talc_must_be_built(self):
        self.assertIn("is not built", self.refused("talc"))

    def test_a_library_of_ones_own(self):
        library = self.broken_library("")
        chosen, _ = allocators.select((f"mine={library}", "glibc"), self.build)
        self.assertEqual(
            [(a.name, a.library) for a in chosen], [("mine", library), ("glibc", None)]
        )
        self.assertEqual(chosen[1].preload, "-")

    def test_a_library_is_found_where_the_loader_finds_it(self):
        found = allocators.find_library("libc.so.6")
        self.assertTrue(found and Path(found).exists())
        self.assertIsNone(allocators.find_library("libnowhere.so.77"))


if __name__ == "__main__":
    unittest.main()
