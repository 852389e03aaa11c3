"""talc-run from the command line to the command.

Exit status: the command's; 127 if it is not found, 126 if it cannot be run, 125 if talc is not
where it should be, 2 for a wrong command line.
"""
from __future__ import annotations

import signal
from collections.abc import Sequence

from talctools import environment, executables, launch
from talctools.arguments import USAGE, Arguments, parse
from talctools.errors import UsageError, UserError
from talctools.installation import HARDENED, PLAIN, Installation
from talctools.messages import say


def main(argv: Sequence[str], installation: Installation) -> int:
    # Who reads the help may stop early.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        arguments = parse(argv)
        if arguments.help:
            from talctools.help import text

            print(text())
            return 0
        if arguments.version:
            print(f"talc-run (talc) {installation.version}")
            return 0
        return run(arguments, installation)
    except UsageError as error:
        say(f"{error}\n{USAGE}\n'talc-run --help' says more.")
        return 2
    except UserError as error:
        say(str(error))
        return error.status


def run(arguments: Arguments, installation: Installation) -> int:
    before = environment.inherited()
    path = executables.resolve(arguments.command[0], before)
    library = installation.library(HARDENED if arguments.hardened else PLAIN)
    if reason := executables.why_not_preloaded(path, library):
        say(f"warning: {reason}: talc will not serve it")
    wanted = environment.with_variables(before, arguments.variables)
    if arguments.compare:
        from talctools.comparing import compare

        return compare(arguments, installation, launch.Program(path, arguments.command, wanted))
    preloaded = environment.with_preload(wanted, library)
    program = launch.Program(path, arguments.command, preloaded)
    if arguments.watch:
        from talctools.watching import watch

        return watch(program)
    launch.become(program)
