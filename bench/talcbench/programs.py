"""The real programs: a dozen and a half that people run, from Debian's packages, 0.5 to 4 s each.

Each does a fixed amount of work and prints what must not depend on the allocator, mostly a checksum
of what it made. Their sources and scripts lie in bench/programs, their inputs are made by inputs.py.
A `sh -c` is there where several programs take part; those besides the one that is measured are
preloaded, too, and cost next to nothing.
"""
from __future__ import annotations

from pathlib import Path

from talcbench import inputs
from talcbench.cases import Case

FOLDER = Path(__file__).resolve().parent.parent / "programs"

# What a user has configured must not change what is measured.
GIT = {"GIT_CONFIG_NOSYSTEM": "1", "HOME": "{work}"}


def _script(name: str) -> str:
    return str(FOLDER / name)


def _compile(compiler: str, options: str) -> tuple[str, ...]:
    return ("sh", "-c",
            f"{compiler} {options} -c '{_script('heavy.cpp')}' -o heavy.o && cksum heavy.o")


LANGUAGES = [
    # Debian's, as all others: the python on PATH may be a shell script, or have its own allocator.
    Case("programs", "python3", ("/usr/bin/python3", _script("objects.py")),
         environment={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}),
    Case("programs", "perl", ("perl", _script("text.pl")), needs=("perl",),
         environment={"PERL_HASH_SEED": "0"}),
    Case("programs", "gawk", ("gawk", "-f", _script("records.awk")), needs=("gawk",)),
    Case("programs", "lua", ("lua5.4", _script("tables.lua")), needs=("lua5.4",)),
    Case("programs", "ruby", ("ruby", _script("objects.rb")), needs=("ruby",)),
    Case("programs", "node", ("node", _script("workers.js")), threads=4, needs=("node",)),
]

COMPILERS = [
    Case("programs", "g++", _compile("g++", "-std=c++20 -O1"), needs=("g++",), binary="cc1plus"),
    Case("programs", "clang++", _compile("clang++", "-std=c++20 -O1"), needs=("clang++",),
         binary="clang"),
]

DATA = [
    Case("programs", "sqlite3", ("sqlite3", ":memory:", f".read '{_script('tables.sql')}'"),
         needs=("sqlite3",)),
    # Debian's redis has its malloc from libjemalloc.so, under the plain name: a preloaded library
    # comes before that, and serves it. For glibc to do so it must be preloaded, too.
    Case("programs", "redis",
         ("sh", "-c", "LD_PRELOAD=${LD_PRELOAD:-libc.so.6} exec redis-server --port 0 --save '' "
          "--unixsocket socket --appendonly no --enable-debug-command local"),
         client=("sh", _script("load_redis.sh"), "socket", "{inputs}/redis-commands"),
         ready="{work}/socket", needs=("redis-server", "redis-cli"), prepare=inputs.redis_commands,
         binary="redis-server"),
    Case("programs", "jq", ("jq", "-c", "-f", _script("group.jq"), "{inputs}/records.json"),
         needs=("jq",), prepare=inputs.json_records),
    Case("programs", "xmllint",
         ("xmllint", "--xpath", "concat(count(//entry[@city='Cork']), ' ', sum(//price))",
          "{inputs}/catalogue.xml", "{inputs}/catalogue.xml"),
         needs=("xmllint",), prepare=inputs.xml_catalogue),
]

TOOLS = [
    Case("programs", "git log",
         ("sh", "-c", "git -C '{inputs}/repository.git' log -p --stat -M | cksum"),
         environment=GIT, needs=("git",), prepare=inputs.git_repository, binary="git"),
    # Which deltas two threads find depends on their pace, so the pack's bytes do too. What it holds
    # does not, and is what is printed.
    Case("programs", "git pack",
         ("sh", "-c", "git -C '{inputs}/repository.git' pack-objects --all --no-reuse-delta -q "
          "--threads=2 \"$PWD/pack\" </dev/null >/dev/null && "
          "cat pack-*.idx | git show-index | cut -d' ' -f2 | cksum"),
         threads=2, environment=GIT, needs=("git",), prepare=inputs.git_repository, binary="git"),
    # Its objects live in an allocator of its own, but for those too large for that.
    Case("programs", "ghostscript",
         ("sh", "-c", "gs -q -dSAFER -dBATCH -dNOPAUSE -sDEVICE=png16m -r100 "
          "-sOutputFile=page%d.png '--permit-file-read={inputs}/' '{inputs}/pages.ps' && "
          "cat page*.png | cksum"),
         needs=("gs",), prepare=inputs.postscript_pages, binary="gs"),
    Case("programs", "z3", ("z3", "{inputs}/puzzle.smt2"), needs=("z3",),
         prepare=inputs.smt_problem),
]

CASES = [*LANGUAGES, *COMPILERS, *DATA, *TOOLS]
