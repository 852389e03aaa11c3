#!/usr/bin/env python3
"""Instructions per operation of libtalc.so's hot paths, counted by callgrind; scripts/instructions runs it.

Prints CSV. --check compares with baseline.csv instead, is silent where nothing has changed, fails where a
path costs over 2% more, and says where one costs over 2% less; --update writes baseline.csv. Callgrind does not replace malloc, so the preloaded
library serves as it would without it. What it counts depends on the compiler, not on the machine:
glibc's choice of memset by CPU, for one, is fixed below.
"""
from __future__ import annotations

import argparse
import concurrent.futures
import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
BASELINE = FOLDER / "baseline.csv"
OPERATIONS = 20_000
TOLERANCE = 0.02
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "LC_ALL": "C.UTF-8",
    "LD_BIND_NOW": "1",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX,-AVX512F,-AVX512VL,-ERMS,-FSRM",
}


class Failure(Exception):
    """What the user is told instead of figures."""


def total_of(dump: Path) -> int:
    text = dump.read_text()
    match = re.search(r"^totals: (\d+)", text, re.M)
    if match is None:
        raise Failure(f"callgrind left no total in {dump.name}")
    if "libtalc.so" not in text:
        raise Failure("the preloaded library was not called")
    return int(match.group(1))


def measure(program: Path, library: Path, path: str) -> float:
    with tempfile.TemporaryDirectory(prefix="instructions-") as folder:
        command = [
            "valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/dump",
            "-q", str(program), path, str(OPERATIONS),
        ]
        environment = ENVIRONMENT | {"LD_PRELOAD": str(library)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"{path}: {' '.join(command)} failed\n{done.stderr.strip()}")
        once, twice = (total_of(Path(folder, f"dump.{number}")) for number in (1, 2))
    return (twice - once) / OPERATIONS


def measure_all(build: Path, library: Path, jobs: int) -> dict[str, float]:
    program = build / "bench/instructions/instructions"
    if shutil.which("valgrind") is None:
        raise Failure("valgrind is missing; on Debian: apt-get install valgrind")
    for file in (program, library):
        if not file.exists():
            raise Failure(f"{file} is missing; scripts/instructions builds it")
    names = subprocess.run([program, "list"], check=True, capture_output=True, text=True).stdout.split()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        figures = pool.map(lambda name: measure(program, library, name), names)
        return dict(zip(names, figures))


def write_csv(stream, figures: dict[str, float]) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["path", "instructions"])
    writer.writerows((name, f"{figure:.2f}") for name, figure in figures.items())


def read_baseline() -> dict[str, float]:
    try:
        with BASELINE.open(newline="") as stream:
            return {row["path"]: float(row["instructions"]) for row in csv.DictReader(stream)}
    except FileNotFoundError:
        raise Failure(f"there is no {BASELINE.name} yet: scripts/instructions --update") from None


def compare(figures: dict[str, float], baseline: dict[str, float]) -> tuple[list[str], list[str]]:
    """What is worse than the baseline, or not comparable with it; and what is better."""
    worse, better = [], []
    for name in sorted(baseline.keys() | figures.keys()):
        if name not in baseline or name not in figures:
            worse.append(f"{name}: only in {'the program' if name in figures else 'baseline.csv'}")
            continue
        before, now = baseline[name], figures[name]
        if abs(now - before) > before * TOLERANCE:
            line = f"{name}: {now:.2f} instructions, {now / before - 1:+.1%} from {before:.2f}"
            (worse if now > before else better).append(line)
    return worse, better


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/instructions", description=__doc__.splitlines()[0])
    deed = parser.add_mutually_exclusive_group()
    deed.add_argument("--check", action="store_true", help="fail if a path costs over 2%% more")
    deed.add_argument("--update", action="store_true", help="make these figures the baseline")
    parser.add_argument("--build", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--library", type=Path, help="another one than the build's libtalc.so")
    parser.add_argument("--jobs", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    try:
        build = options.build.resolve()
        library = (options.library or build / "libtalc.so").absolute()
        figures = measure_all(build, library, options.jobs)
        if options.check:
            worse, better = compare(figures, read_baseline())
            if better:
                better.append("Better: scripts/instructions --update keeps it so")
                print("\n".join(better))
            if worse:
                worse.append("If that is the price of something better: scripts/instructions --update")
                raise Failure("\n".join(worse))
        elif options.update:
            with BASELINE.open("w", newline="") as stream:
                write_csv(stream, figures)
        else:
            write_csv(sys.stdout, figures)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
