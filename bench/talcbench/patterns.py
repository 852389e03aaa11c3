"""The patterns: programs of bench/patterns/, each after a classical benchmark that its source names."""
from __future__ import annotations

import os

from talcbench.cases import Case

_ALWAYS = (1, 2, 4, 8)
_MOST = 64  # kMaxThreads of bench/common/program.hpp


def thread_counts(processors: int) -> tuple[int, ...]:
    """Up to eight anywhere; on a larger machine as many as it has, by doubling."""
    more = (count for count in (16, 32, _MOST) if count <= processors)
    return (*_ALWAYS, *more)


THREADS = thread_counts(len(os.sched_getaffinity(0)))
ONE_THREAD = (1,)

# Whose threads free one another's blocks, or take over from one another: what --quick runs with four.
_INTERACTING = {"larson", "xmalloc", "mstress", "rptest", "cache-scratch", "leak-and-exit"}

# Shown as NAME; the program's own name, its parameter if it has one, the thread counts.
_PROGRAMS: tuple[tuple[str, str, str | None, tuple[int, ...]], ...] = (
    ("larson", "larson", None, THREADS),
    ("xmalloc", "xmalloc", None, THREADS),
    ("shbench", "shbench", None, THREADS),
    ("mstress", "mstress", None, THREADS),
    ("rptest", "rptest", None, THREADS),
    ("cache-scratch", "cache_scratch", None, THREADS),
    ("cache-thrash", "cache_thrash", None, THREADS),
    ("replace-1e3", "replace", "1000", THREADS),
    ("replace-1e5", "replace", "100000", THREADS),
    ("replace-1e6", "replace", "1000000", THREADS),
    ("batch-1e3", "batch", "1000", THREADS),
    ("batch-1e5", "batch", "100000", THREADS),
    ("bigint", "bigint", None, ONE_THREAD),
    ("logic", "logic", None, ONE_THREAD),
    ("large", "large", None, ONE_THREAD),
    ("realloc-growth", "realloc_growth", None, THREADS),
    ("aligned-mix", "aligned_mix", None, THREADS),
    ("leak-and-exit", "leak_and_exit", None, THREADS),
    ("thread-spawn", "thread_spawn", None, THREADS),
    ("exec", "exec", None, ONE_THREAD),
)


def _case(name: str, program: str, parameter: str | None, threads: int) -> Case:
    rest = ("{scale}",) if parameter is None else ("{scale}", parameter)
    return Case(
        suite="patterns",
        name=name,
        command=(f"{{build}}/bench/patterns/{program}", str(threads), *rest),
        threads=threads,
        # What is counted hardly depends on how many threads do it: the extremes will do.
        inspected=threads in (_ALWAYS[0], _ALWAYS[-1]),
        quick=threads == 1 or (threads == 4 and name in _INTERACTING),
    )


CASES: tuple[Case, ...] = tuple(
    _case(name, program, parameter, threads)
    for name, program, parameter, counts in _PROGRAMS
    for threads in counts
)
