"""What can be run, in the order in which it is: the suites, and each as a list of steps."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from talcbench import patterns, programs
from talcbench.cases import Case
from talcbench.errors import UserError
from talcbench.measuring import run_case
from talcbench.printed import Printed, run_printed
from talcbench.session import Session

DESCRIPTIONS = {
    "programs": "real programs from Debian's packages",
    "patterns": "our own programs after the classical allocator benchmarks",
    "latency": "the tail of single calls: p50, p99, p99.9, maximum",
    "memory": "resident memory over time, and fragmentation after long churn",
    "micro": "Google Benchmark, one hot path each",
    "engine": "the engine alone in one arena, beside Boost's and the standard library's",
    "instructions": "exact instruction counts of the hot paths, by callgrind",
}
SUITES = tuple(DESCRIPTIONS)

# Seconds that a case of each takes in a quick run with all allocators; it divides the time.
_CASE_WEIGHTS = {"programs": 9.0, "patterns": 1.2}


@dataclass(frozen=True)
class Step:
    suite: str
    label: str
    weight: float
    table: str  # the CSV that its rows go into
    run: Callable[[Session, float | None, int], None]


def _program(path: str) -> str:
    return "{build}/bench/" + path


# It preloads talc by itself: valgrind stands between.
_COUNT = (
    "/usr/bin/python3",
    str(Path(__file__).resolve().parents[1] / "instructions/measure.py"),
    "--build",
    "{build}",
    "--library",
    "{talc}",
)

PRINTED = (
    *(
        Printed(
            "latency",
            "latency",
            f"latency x{threads}",
            (_program("latency/latency"), str(threads)),
            (_program("latency/latency"), str(threads), "10"),
            rounds=5,
            weight=4.0 * threads,
            labels={"threads": str(threads)},
        )
        for threads in (1, 4)
    ),
    Printed(
        "memory",
        "memory-cycle",
        "cycle",
        (_program("phases/phases"), "cycle"),
        (_program("phases/phases"), "cycle", "8"),
        rounds=2,
        weight=10,
    ),
    Printed(
        "memory",
        "memory-fragmentation",
        "fragmentation",
        (_program("phases/phases"), "fragmentation"),
        (_program("phases/phases"), "fragmentation", "10"),
        rounds=2,
        weight=8,
    ),
    *(
        Printed(
            "memory",
            "memory-give-back",
            name,
            (_program("phases/phases"), name),
            quick_command,
            rounds=2,
            weight=25,
            labels={"freed_by": freed_by},
        )
        for name, freed_by, quick_command in (
            ("give-back", "four threads", (_program("phases/phases"), "give-back", "25")),
            ("give-back-one", "one thread", None),
        )
    ),
    Printed(
        "memory",
        "memory-cyclic",
        "cyclic",
        (_program("phases/phases"), "cyclic"),
        None,
        traced=("madvise", "munmap", "brk", "mmap", "mremap"),
        weight=30,
    ),
    Printed(
        "micro",
        "micro",
        "micro",
        (_program("micro/micro"), "--benchmark_format=json", "--benchmark_min_time=0.05"),
        (_program("micro/micro"), "--benchmark_format=json", "--benchmark_min_time=0.02"),
        json=True,
        rounds=3,
        weight=12,
    ),
    Printed(
        "engine",
        "engine-heap-efficiency",
        "heap efficiency",
        (_program("engine/heap_efficiency"), "300"),
        (_program("engine/heap_efficiency"), "1"),
        preloaded=False,
        weight=4,
    ),
    *(
        Printed(
            "engine",
            "engine-random-actions",
            f"random actions x{threads}",
            # With four threads a round takes some three times as long.
            (_program("engine/random_actions"), str(threads), rounds, "200000"),
            (_program("engine/random_actions"), str(threads), "1", "200000"),
            preloaded=False,
            weight=3,
        )
        for threads, rounds in ((1, "7"), (4, "3"))
    ),
    Printed(
        "engine",
        "engine-operation-latency",
        "operation latency",
        (_program("engine/operation_latency"),),
        (_program("engine/operation_latency"), "20"),
        preloaded=False,
        weight=2,
    ),
    Printed(
        "instructions",
        "instructions",
        "hot paths",
        _COUNT,
        _COUNT,
        preloaded=False,
        weight=8,
        labels={"alloc": "talc"},
    ),
)


def all_cases() -> list[Case]:
    return [*programs.CASES, *patterns.CASES]


def cases_of(suite: str, quick: bool) -> list[Case]:
    return [case for case in all_cases() if case.suite == suite and (case.quick or not quick)]


def steps(wanted: Sequence[str], quick: bool, names: Sequence[str] = ()) -> list[Step]:
    """The steps of the wanted suites, in the order of SUITES; with `names` only those of such a
    name.

    A name is a step's label, or a pattern's name for all its thread counts.
    """
    chosen = [
        step
        for step in _all_steps(wanted, quick)
        if not names or step.label in names or step.label.split(" x")[0] in names
    ]
    for name in names:
        if not any(name in (step.label, step.label.split(" x")[0]) for step in chosen):
            raise UserError(f"no case '{name}' in {' '.join(wanted)}; --list lists them")
    return chosen


def _all_steps(wanted: Sequence[str], quick: bool) -> list[Step]:
    found: list[Step] = []
    for suite in SUITES:
        if suite not in wanted:
            continue
        found += [
            Step(suite, case.label, _CASE_WEIGHTS[suite], suite, partial(run_case, case))
            for case in cases_of(suite, quick)
        ]
        found += [
            Step(suite, printed.name, printed.weight, printed.table, partial(run_printed, printed))
            for printed in PRINTED
            if printed.suite == suite and not (quick and printed.quick_command is None)
        ]
    # Cases fit themselves into the time that is left, the others cannot: those come first, then the
    # short cases.
    return sorted(found, key=lambda step: _CASE_WEIGHTS.get(step.suite, 0.0)) if quick else found
