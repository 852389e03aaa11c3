"""Every picture is drawn from what a run leaves, also an interrupted one; twice it is the same."""
import contextlib
import importlib.util
import io
import unittest

from support import Folders

from talcbench import folder
from talcbench.results import Table

CASE = {
    "suite": "patterns",
    "case": "larson",
    "threads": 1,
    "alloc": "talc",
    "thp": "system",
    "round": 1,
    "wall_s": 1.5,
    "user_s": 1.0,
    "system_s": 0.1,
    "peak_rss_kib": 5000,
    "minor_faults": 9,
    "major_faults": 0,
    "status": "ok",
}
RUN = {"alloc": "talc", "thp": "system", "round": 1}
ALLOCATORS = ("talc", "glibc", "the user's own")
ENGINES = ("talc", "glibc", "boost_rbtree")

TABLES = {
    "patterns": [
        CASE | {"alloc": name, "threads": threads} for name in ALLOCATORS for threads in (1, 4)
    ],
    "programs": [CASE | {"alloc": name, "suite": "programs"} for name in ALLOCATORS],
    "latency": [
        RUN
        | {
            "alloc": name,
            "threads": 1,
            "operation": operation,
            "p50_ns": 20,
            "p99_ns": 90,
            "p99_9_ns": 1000,
            "max_ns": 1e6,
        }
        for name in ALLOCATORS
        for operation in ("malloc", "free")
    ],
    "memory-cycle": [
        RUN
        | {
            "alloc": name,
            "time_s": time,
            "phase": phase,
            "live_bytes": 1 << 20,
            "resident_bytes": 3 << 20,
        }
        for name in ALLOCATORS
        for time, phase in ((0, "grow"), (1, "grow"), (2, "idle"))
    ],
    "memory-fragmentation": [
        RUN
        | {"alloc": name, "time_s": 1, "phase": "churn", "live_bytes": 100, "resident_bytes": 120}
        for name in ALLOCATORS
    ],
    "memory-give-back": [
        RUN
        | {
            "alloc": name,
            "freed_by": way,
            "full_bytes": 1 << 30,
            "freed_bytes": 1 << 29,
            "after_1s_bytes": 1 << 28,
            "after_3s_bytes": 0,
        }
        for name in ALLOCATORS
        for way in ("four threads", "one thread")
    ],
    "memory-cyclic": [
        RUN
        | {"alloc": name, "seconds": 5, "cycles": 250, "minor_faults": 100}
        | {"madvise": calls, "munmap": 1, "brk": 0, "mmap": 9, "mremap": 0}
        for name, calls in zip(ALLOCATORS, (0, 0, 5000))
    ],
    "micro": [
        RUN | {"alloc": name, "benchmark": "BM_pair/16", "real_ns": 9, "cpu_ns": 9}
        for name in ALLOCATORS
    ],
    "engine-heap-efficiency": [
        {"round": 1, "workload": "eff", "allocator": name, "percent": 98} for name in ENGINES
    ],
    "engine-random-actions": [
        {"round": 1, "allocator": name, "threads": 1, "realloc": 1, "max_size": 200, "mops": 50}
        for name in ENGINES
    ],
    "engine-operation-latency": [
        {
            "round": 1,
            "allocator": name,
            "operation": "allocate",
            "p5_ns": 0,
            "p25_ns": 12,
            "p50_ns": 14,
            "p75_ns": 20,
            "p95_ns": 90,
        }
        for name in ENGINES
    ],
}


@unittest.skipUnless(importlib.util.find_spec("matplotlib"), "no matplotlib")
class Plots(Folders):
    def write(self, tables: dict[str, list[dict[str, object]]]) -> None:
        for name, rows in tables.items():
            with Table(self.out / f"{name}.csv", {}) as table:
                for row in rows:
                    table.add(row)

    def draw(self) -> dict[str, bytes]:
        from talcbench import plots

        return {path.name: path.read_bytes() for path in plots.draw_all(self.out)}

    def test_all_pictures_and_the_same_again(self):
        self.write(TABLES)
        first = self.draw()
        self.assertEqual(
            set(first),
            {
                "patterns-wall.png",
                "patterns-rss.png",
                "scaling.png",
                "programs.png",
                "time-and-memory.png",
                "latency.png",
                "memory-cycle.png",
                "memory-fragmentation.png",
                "memory-give-back.png",
                "memory-cyclic.png",
                "micro.png",
                "engine-heap-efficiency.png",
                "engine-random-actions.png",
                "engine-operation-latency.png",
            },
        )
        self.assertEqual(self.draw(), first)

    def test_one_row_of_each_is_enough_or_gives_no_picture(self):
        self.write({name: rows[:1] for name, rows in TABLES.items()})
        self.assertIn("patterns-wall.png", self.draw())

    def test_runs_that_all_failed_give_no_picture(self):
        self.write(
            {
                "patterns": [CASE | {"status": "signal 11"}],
                "programs": [CASE | {"status": "timeout"}],
            }
        )
        self.assertEqual(self.draw(), {})

    def test_all_pictures_are_set_aside(self):
        self.write(TABLES)
        self.assertLessEqual(set(self.draw()), folder.files_of(TABLES))

    def test_only_what_is_asked_for(self):
        from talcbench import plots

        self.write(TABLES)
        made = plots.draw_all(self.out, {"programs", "passes"})
        self.assertEqual([path.name for path in made], ["programs.png", "time-and-memory.png"])

    def test_a_picture_that_fails_does_not_keep_the_others(self):
        self.write(TABLES | {"micro": [{"nothing": "useful"}]})
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertNotIn("micro.png", self.draw())
        self.assertIn("micro.png could not be drawn", said.getvalue())

    def test_an_empty_folder(self):
        self.assertEqual(self.draw(), {})


if __name__ == "__main__":
    unittest.main()
