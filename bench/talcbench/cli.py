"""One run from the command line to the pictures. Its exit status: 0; 1 if something failed; 2 if
the command line or the machine will not do; 130 if it was interrupted.
"""
from __future__ import annotations

import math
import os
import signal
import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

from talcbench import allocators, folder, machine, measuring, programs, report, suites
from talcbench.arguments import QUICK_SECONDS, Arguments, parse
from talcbench.cases import Case
from talcbench.errors import UserError
from talcbench.processes import OK, Workplace, measure
from talcbench.progress import Progress
from talcbench.session import Budget, Session, Settings

_ROOT = Path(__file__).resolve().parents[2]
_SEED = "fixed in each program; the order of allocators rotates from round to round"
_SCALE_PERCENT = 100
_QUICK_SCALE_PERCENT = 20
_WARM_MIB = 512
_QUICK_WARM_MIB = 64
INTERRUPTED = 130


def main(argv: Sequence[str]) -> int:
    # A `timeout` or a CI that ends the run shall keep what was measured, too; and a run in the
    # background, for which a shell that has no job control has Ctrl-C ignored, is ended by it alone.
    signal.signal(signal.SIGTERM, _interrupt)
    arguments = parse(argv)
    try:
        if arguments.list_cases:
            return list_cases(arguments.suites)
        if arguments.only_draw:
            return draw_again(arguments.out)
        with tempfile.TemporaryDirectory(prefix="talc-bench-") as scratch:
            return run(arguments, Path(scratch))
    except UserError as error:
        print(f"scripts/bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _interrupt(number: int, frame: FrameType | None) -> None:
    """As Ctrl-C does; once, since `timeout` sends its signal twice, and the second must not cut short what
    keeps and draws the figures.
    """
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def list_cases(wanted: Sequence[str]) -> int:
    try:
        for suite in suites.SUITES:
            if suite in wanted:
                print(f"{suite}: {suites.DESCRIPTIONS[suite]}")
                for step in suites.steps([suite], quick=False):
                    print(f"  {step.label}")
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has seen enough. What is still buffered must not be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def draw_again(out: Path) -> int:
    """The pictures of an earlier run, and what its figures say of the goals as they are today."""
    status = draw(out)
    if text := report.goals_text(out, suites.SUITES):
        print(text)
    return status


def draw(out: Path, tables: Collection[str] | None = None) -> int:
    """Draws what the folder holds, or of these tables only. Without matplotlib the figures have to do."""
    try:
        from talcbench import plots
    except ImportError as error:
        print(f"no pictures: {error}: apt-get install python3-matplotlib", file=sys.stderr)
        return 0
    made = plots.draw_all(out, tables)
    if not made and tables is None:
        raise UserError(f"{out} holds nothing that could be drawn")
    names = " ".join(path.name for path in made)
    print(f"pictures in {out}: {names or 'none'}", file=sys.stderr)
    return 0


def run(arguments: Arguments, scratch: Path) -> int:
    place = Workplace(
        arguments.build,
        arguments.build / "bench/inputs",
        scratch,
        arguments.scale_percent or (_QUICK_SCALE_PERCENT if arguments.quick else _SCALE_PERCENT),
        _QUICK_WARM_MIB if arguments.quick else _WARM_MIB,
    )
    if not place.launcher.exists():
        raise UserError(f"{place.launcher} is not built; start this by scripts/bench")
    chosen, remarks = allocators.select(arguments.allocators, arguments.build)
    chosen = [allocators.pin(allocator, scratch / "pinned") for allocator in chosen]
    talc = next((allocator.library for allocator in chosen if allocator.name == "talc"), None)
    place = replace(place, talc=talc)
    thps = machine.thp_options(arguments.thps, machine.thp_setting())
    check_thps(thps, place)
    arguments.out.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        chosen,
        thps,
        arguments.rounds,
        arguments.quick,
        arguments.out,
        place,
        arguments.timeout_s,
    )
    steps = suites.steps(arguments.suites, arguments.quick, arguments.cases)
    if before := folder.set_aside(arguments.out, {step.table for step in steps}):
        remarks.append(f"what an earlier run left is now in {before}")
    seconds = QUICK_SECONDS if arguments.quick else math.inf
    progress = Progress([step.weight for step in steps], limit_s=seconds)
    head = machine.describe(_ROOT, arguments.build, chosen, _SEED)
    more = {}
    if "programs" in arguments.suites:
        needed = dict.fromkeys(name for case in programs.CASES for name in case.needs)
        more["programs"] = machine.versions(["/usr/bin/python3", *needed])
    with Session(settings, head, progress, more, seconds) as session:
        for remark in remarks:
            session.progress.say(remark)
        interrupted = not _run_steps(steps, session, seconds)
    print(report.summary(arguments.out, session))
    if interrupted:
        print(f"interrupted; what was measured is kept in {arguments.out}", file=sys.stderr)
    if session.tables():
        draw(arguments.out, session.tables())
    return INTERRUPTED if interrupted else int(bool(session.failures))


def check_thps(thps: Sequence[str], place: Workplace) -> None:
    """Complains of one that this kernel does not know: madvise for a process came with 6.18."""
    for thp in thps:
        probe = measure(Case("", "thp", ("true",)), allocators.Allocator("glibc"), thp, place, 20.0)
        if probe.status != OK:
            raise UserError(f"--thp {thp} cannot be had here: {probe.complaint or probe.status}")


def _run_steps(steps: Sequence[suites.Step], session: Session, seconds: float) -> bool:
    """False if it was interrupted."""
    budget = Budget(seconds, [step.weight for step in steps])
    try:
        measuring.refresh_inputs(suites.all_cases(), session.settings.place.inputs)
        for turn, step in enumerate(steps):
            session.progress.step(f"{step.suite}: {step.label}")
            try:
                step.run(session, budget.next_share(), turn)
            except Exception as error:
                complaint = " ".join(f"{type(error).__name__}: {error}".split())
                session.fail(step.suite, step.label, None, "error", complaint)
            session.progress.done()
    except KeyboardInterrupt:
        return False
    return True
