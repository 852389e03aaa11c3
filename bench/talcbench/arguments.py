"""The command line. Run by itself it only checks one, as scripts/bench does before it builds."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from talcbench import allocators, suites
from talcbench.errors import UserError

THPS = ("system", "always", "madvise", "never")
QUICK_SECONDS = 270.0

_EPILOG = f"""\
suites, in the order in which they run:
{chr(10).join(f'  {name:13} {text}' for name, text in suites.DESCRIPTIONS.items())}

allocators: {' '.join(allocators.NAMES)}
  glibc is what runs when nothing is preloaded. Without --alloc all that are installed take part.

examples:
  scripts/bench --quick
  scripts/bench --suite programs --alloc talc --alloc glibc --rounds 9
  scripts/bench --suite patterns --alloc talc --alloc mine=./libmine.so

Ctrl-C ends a run at any time: what was measured stays in the CSV files, and is drawn.
docs/BENCHMARKS.md says how it measures and how to read the pictures.
"""


@dataclass(frozen=True)
class Arguments:
    build: Path
    out: Path
    suites: tuple[str, ...]
    cases: tuple[str, ...]
    allocators: tuple[str, ...]
    rounds: int
    thps: tuple[str, ...]
    quick: bool
    scale_percent: int | None
    timeout_s: float
    list_cases: bool
    only_draw: bool


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive whole number")
    return int(text)


# What the programs of bench/patterns take.
_MAX_SCALE_PERCENT = 100000


def _scale(text: str) -> int:
    if (value := _positive(text)) > _MAX_SCALE_PERCENT:
        raise argparse.ArgumentTypeError(f"'{text}' is more than {_MAX_SCALE_PERCENT}")
    return value


def _thps(text: str) -> tuple[str, ...]:
    values = tuple(dict.fromkeys(text.split(",")))
    for value in values:
        if value not in THPS:
            raise argparse.ArgumentTypeError(f"'{value}' is neither of: {' '.join(THPS)}")
    return values


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        description="Compares talc with other allocators; leaves CSV files and pictures.",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="at most five minutes, besides installing and building: less work in each case, "
        "fewer thread counts, as many rounds as there is time for, no count of mappings and "
        "system calls; what is left out is said",
    )
    parser.add_argument(
        "--suite",
        action="append",
        choices=suites.SUITES,
        metavar="SUITE",
        help="only this suite; may be repeated",
    )
    parser.add_argument(
        "--case",
        action="append",
        default=[],
        metavar="NAME",
        help="only this case, as --list has it; may be repeated",
    )
    parser.add_argument(
        "--alloc",
        action="append",
        default=[],
        metavar="NAME[=LIB.so]",
        help="only this allocator, or a library of your own; may be repeated",
    )
    parser.add_argument(
        "--rounds",
        type=_positive,
        default=5,
        metavar="N",
        help="rounds of each case (default 5; under --quick the most)",
    )
    parser.add_argument(
        "--thp",
        type=_thps,
        default=("system",),
        metavar="LIST",
        help="transparent huge pages: system (as it is set), always, madvise or never, or several "
        "with commas between; a process can be given fewer than the system has, not more (default "
        "system)",
    )
    parser.add_argument(
        "--scale",
        type=_scale,
        metavar="PERCENT",
        help="how much work the patterns do (default 100; under --quick 20): more where many "
        "processors would be done with it before there is anything to measure",
    )
    parser.add_argument(
        "--timeout",
        type=_positive,
        default=120,
        metavar="SECONDS",
        help="of one run of a case (default 120)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where CSV and PNG files go (default build/bench)"
    )
    parser.add_argument(
        "--draw",
        action="store_true",
        help="measures nothing: draws the pictures of what DIR holds again, and prints how talc "
        "stands against its goals there",
    )
    parser.add_argument(
        "--list", action="store_true", help="lists suites and their cases, and ends"
    )
    parser.add_argument("--build-dir", type=Path, default=Path("build"), help=argparse.SUPPRESS)
    return parser


def parse(argv: Sequence[str]) -> Arguments:
    """Ends the process with status 2 and a message if something is wrong."""
    parser = build_parser()
    given = parser.parse_args(argv)
    out = given.out or given.build_dir / "bench"
    wanted = tuple(given.suite or suites.SUITES)
    try:
        suites.steps(wanted, given.quick, given.case)
        allocators.check_selection(given.alloc)
        _check_folder(out)
    except UserError as error:
        parser.error(str(error))
    return Arguments(
        build=given.build_dir.resolve(),
        out=out.resolve(),
        suites=wanted,
        cases=tuple(given.case),
        allocators=tuple(given.alloc),
        rounds=given.rounds,
        thps=given.thp,
        quick=given.quick,
        scale_percent=given.scale,
        timeout_s=float(given.timeout),
        list_cases=given.list,
        only_draw=given.draw,
    )


def _check_folder(out: Path) -> None:
    """What --out names must be a folder, or one that can be made."""
    existing = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise UserError(f"--out {out}: {existing} is not a folder")


if __name__ == "__main__":
    parse(sys.argv[1:])
