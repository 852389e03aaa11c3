"""talc-report from the command line to the page.

Exit status: 0; 1 for a file that cannot be read, is no report, or cannot be written; 2 for a wrong
command line.
"""
from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from talctools import reports
from talctools.errors import UsageError, UserError
from talctools.page import page

_DESCRIPTION = """\
Writes one page in HTML from JSON reports of talc: where the bytes are, size classes by waste, threads,
a map of the heaps, memory over time. It needs no network and no script; a browser shows it."""

_EPILOG = """\
A file holds one report a line, of any programs and processes; several reports of one process show it
over time. - is standard input.

examples:
  talc-run --stats=json --stats-file report.json ./program
  talc-report report.json -o report.html

  talc-run --stats-interval 1 --stats-file server-%p.json ./server
  talc-report server-*.json -o server.html --title 'the server on Monday'

Exit status: 0; 1 for a file that cannot be read or is no report; 2 for a wrong command line."""


def main(argv: Sequence[str], version: str) -> int:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    parser = _parser(version)
    given = parser.parse_args(argv)
    try:
        _check(given)
        processes = reports.read(given.files)
        _write(given.output, page(processes, given.title, version))
    except UsageError as error:
        parser.error(str(error))
    except UserError as error:
        print(f"talc-report: {error}", file=sys.stderr)
        return error.status
    return 0


def _parser(version: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="talc-report",
        usage="talc-report [OPTION...] FILE...",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="JSON reports, or - for standard input"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        default="-",
        help="the page to write, which replaces a file of that name (default: standard output)",
    )
    parser.add_argument(
        "--title",
        default="talc: memory report",
        metavar="TEXT",
        help="the title (default: %(default)s)",
    )
    parser.add_argument("--version", action="version", version=f"talc-report (talc) {version}")
    return parser


def _check(given: argparse.Namespace) -> None:
    if given.output == "-" and sys.stdout.isatty():
        raise UsageError("standard output is a terminal: name a file with -o")
    for path in given.files:
        if path != "-" and given.output != "-" and _is_same(path, given.output):
            raise UsageError(f"-o {given.output} is one of the files to read")


def _is_same(path: str, other: str) -> bool:
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False


def _write(path: str, text: str) -> None:
    data = text.encode("utf-8", errors="replace")
    try:
        if path == "-":
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            with open(path, "wb") as file:
                file.write(data)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
