"""The text of talc-run --help: from the table of flags, and the few flags beside it."""
from __future__ import annotations

import textwrap

from talctools.arguments import MOST_ROUNDS, USAGE
from talctools.options import FLAGS, Flag

_WIDTH = 96
_INDENT = 22

_HEAD = """\
Runs a command with talc as its malloc. Its exit status, signals and output are those of the command
run directly; its children are served, too."""

_OWN = (
    ("--hardened", "take libtalc-hardened.so: slower, and finds more misuse"),
    (
        "--watch",
        "show what the command's memory does while it runs, below its output in the terminal, or "
        "as a line a second on standard error where there is none. It is read from a page that "
        "the library shares; no process is disturbed",
    ),
    (
        "--compare",
        "run the command under glibc's malloc, under talc, and under those of mimalloc, jemalloc, "
        "tcmalloc and tbbmalloc that are installed, one after the other; then print time, memory "
        "and page faults of each. The command's standard input is empty and its output is not "
        "shown, only compared. Exit status 1 if a run failed or outputs differ",
    ),
    (
        "--rounds N",
        f"with --compare: how often each runs, 1 to {MOST_ROUNDS}, after one run that is not "
        "counted. Default: 3",
    ),
    ("-h, --help", "print this"),
    ("--version", "print the version"),
)

_TAIL = """\
An option that is not given is left to its variable, TALC_ and its name in capitals, if that is set:
TALC_PURGE_DELAY for --purge-delay. Switches take 1/0, yes/no, on/off or true/false.

"--" ends the options.

Exit status: the command's. 127: it is not found. 126: it cannot be run. 125: talc's library is not
where it should be. 130: --compare was interrupted. 2: the command line is wrong.

Examples:
  talc-run --stats sqlite3 :memory: 'select 6 * 7'
  talc-run --watch redis-server
  talc-run --compare --rounds 5 git log --oneline
  talc-run --stats=json --stats-interval 1 --stats-file server.json ./server
  talc-report server.json -o server.html
  talc-run --heap-limit 2G --purge-delay 0 ./batch-job"""


def _entry(term: str, text: str) -> str:
    lines = textwrap.wrap(text, _WIDTH - _INDENT)
    indented = ("\n" + " " * _INDENT).join(lines)
    if len(term) + 4 > _INDENT:
        return f"  {term}\n{' ' * _INDENT}{indented}"
    return f"  {term:{_INDENT - 2}}{indented}"


def _of(flag: Flag) -> str:
    term = f"--{flag.name}[={flag.values}]" if flag.bare else f"--{flag.name} {flag.values}"
    return _entry(term, f"{flag.meaning}. Default: {flag.preset}")


def text() -> str:
    own = "\n".join(_entry(term, what) for term, what in _OWN)
    options = "\n".join(_of(flag) for flag in FLAGS)
    return f"{USAGE}\n\n{_HEAD}\n\n{own}\n\nOptions of the library:\n{options}\n\n{_TAIL}"
