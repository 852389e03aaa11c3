"""One run from the command line to the pictures. Its exit status: 0; 1 if something failed; 2 if
the command line or the machine will not do; 130 if it was interrupted.
"""
from __future__ import annotations

import math
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from talcbench import allocators, machine, measuring, report, suites
from talcbench.arguments import QUICK_SECONDS, Arguments, parse
from talcbench.errors import UserError
from talcbench.processes import Workplace
from talcbench.progress import Progress
from talcbench.session import Budget, Session, Settings

_ROOT = Path(__file__).resolve().parents[2]
_SEED = "fixed in each program; the order of allocators rotates from round to round"
_QUICK_SCALE_PERCENT = 20
INTERRUPTED = 130


def main(argv: Sequence[str]) -> int:
    # A `timeout` or a CI that ends the run shall keep what was measured, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    arguments = parse(argv)
    try:
        if arguments.list_cases:
            list_cases(arguments.suites)
            return 0
        if arguments.only_draw:
            return draw(arguments.out)
        with tempfile.TemporaryDirectory(prefix="talc-bench-") as scratch:
            return run(arguments, Path(scratch))
    except UserError as error:
        print(f"scripts/bench: {error}", file=sys.stderr)
        return 2


def list_cases(wanted: Sequence[str]) -> None:
    for suite in suites.SUITES:
        if suite in wanted:
            print(f"{suite}: {suites.DESCRIPTIONS[suite]}")
            for step in suites.steps([suite], quick=False):
                print(f"  {step.label}")


def draw(out: Path) -> int:
    """Draws what the folder holds. Without matplotlib the figures have to do."""
    try:
        from talcbench import plots
    except ImportError as error:
        print(f"no pictures: {error}: apt-get install python3-matplotlib", file=sys.stderr)
        return 0
    made = plots.draw_all(out)
    if not made:
        raise UserError(f"{out} holds nothing that could be drawn")
    print(f"pictures in {out}: {' '.join(path.name for path in made)}", file=sys.stderr)
    return 0


def run(arguments: Arguments, scratch: Path) -> int:
    place = Workplace(
        arguments.build,
        arguments.build / "bench/inputs",
        scratch,
        _QUICK_SCALE_PERCENT if arguments.quick else 100,
    )
    if not place.launcher.exists():
        raise UserError(f"{place.launcher} is not built; start this by scripts/bench")
    chosen, remarks = allocators.select(arguments.allocators, arguments.build)
    arguments.out.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        chosen,
        arguments.thps,
        arguments.rounds,
        arguments.quick,
        arguments.out,
        place,
        arguments.timeout_s,
    )
    steps = suites.steps(arguments.suites, arguments.quick, arguments.cases)
    (arguments.out / "failures.csv").unlink(missing_ok=True)
    seconds = QUICK_SECONDS if arguments.quick else math.inf
    progress = Progress([step.weight for step in steps], limit_s=seconds)
    with Session(settings, machine.describe(_ROOT, chosen, _SEED), progress) as session:
        for remark in remarks:
            session.progress.say(remark)
        interrupted = not _run_steps(steps, session, seconds)
    print(report.summary(arguments.out, session))
    if interrupted:
        print(f"interrupted; what was measured is kept in {arguments.out}", file=sys.stderr)
    if any(arguments.out.glob("*.csv")):
        draw(arguments.out)
    return INTERRUPTED if interrupted else int(bool(session.failures))


def _run_steps(steps: Sequence[suites.Step], session: Session, seconds: float) -> bool:
    """False if it was interrupted."""
    budget = Budget(seconds, [step.weight for step in steps])
    try:
        measuring.refresh_inputs(suites.all_cases(), session.settings.place.inputs)
        for turn, step in enumerate(steps):
            session.progress.step(f"{step.suite}: {step.label}")
            step.run(session, budget.next_share(), turn)
            session.progress.done()
    except KeyboardInterrupt:
        return False
    return True
