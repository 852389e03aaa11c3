"""Makes what the real programs work on: the same bytes each time, so that any two runs compare.

Each function takes the folder {inputs} and makes one thing there; programs.py names it as its
case's `prepare`. Random numbers come from a seeded generator. All of them together take under 20 s.
"""
from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

CITIES = ("Aarhus", "Bergen", "Cork", "Delft", "Évora", "Fribourg", "Graz", "Hull")
WORDS = ("apple", "birch", "cedar", "delta", "ember", "flint", "grove", "heron", "inlet", "juniper")

PAINTS = ("fill", "[4 2] 0 setdash stroke", "closepath eofill")


def _text(generator: random.Random, count: int) -> str:
    return " ".join(generator.choices(WORDS, k=count))


def json_records(inputs: Path) -> None:
    """records.json: 14 MB, an array of 42,000 nested objects."""
    generator = random.Random(1)
    records = [{
        "id": i,
        "name": f"{_text(generator, 2)} {i}",
        "active": generator.random() < 0.8,
        "age": generator.randrange(100),
        "balance": generator.randrange(1_000_000),
        "address": {"street": _text(generator, 3), "city": generator.choice(CITIES),
                    "at": [generator.randrange(90_000), generator.randrange(180_000)]},
        "tags": [f"{generator.choice(WORDS)}{generator.randrange(200)}" for _ in range(6)],
        "note": _text(generator, 10),
    } for i in range(42_000)]
    (inputs / "records.json").write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")


def xml_catalogue(inputs: Path) -> None:
    """catalogue.xml: 14 MB, 62,000 entries with attributes and children."""
    generator = random.Random(2)
    with open(inputs / "catalogue.xml", "w", encoding="utf-8") as out:
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n<catalogue>\n')
        for i in range(62_000):
            out.write(f'  <entry id="e{i}" city="{generator.choice(CITIES)}">'
                      f"<title>{_text(generator, 4)}</title>"
                      f'<price unit="cent">{generator.randrange(100_000)}</price>'
                      f"<p>{_text(generator, 8)} <b>{_text(generator, 2)}</b> &amp; so on</p>"
                      "</entry>\n")
        out.write("</catalogue>\n")


def redis_commands(inputs: Path) -> None:
    """redis-commands: 500,000 commands in redis's own protocol, over 60,000 keys of five types."""
    generator = random.Random(3)
    value = _text(generator, 200)

    def command() -> tuple[str, ...]:
        key = str(generator.randrange(12_000))
        piece = value[:generator.randrange(4, 400)]
        return generator.choice((
            ("SET", f"string:{key}", piece),
            ("SET", f"string:{key}", piece),
            ("APPEND", f"string:{key}", piece[:40]),
            ("GET", f"string:{key}"),
            ("RPUSH", f"list:{key}", piece, key),
            ("LPOP", f"list:{key}"),
            ("LRANGE", f"list:{key}", "0", "3"),
            ("HSET", f"hash:{key}", piece[:12], piece, key, key),
            ("HGETALL", f"hash:{key}"),
            ("SADD", f"set:{key}", piece[:20], key),
            ("ZADD", f"sorted:{key}", key, piece[:30]),
            ("DEL", f"string:{key}", f"hash:{key}", f"list:{key}"),
        ))

    with open(inputs / "redis-commands", "w", encoding="utf-8", newline="") as out:
        for _ in range(500_000):
            words = command()
            out.write(f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words))


def _history(generator: random.Random) -> Iterator[str]:
    """3,000 commits over 300 files, as git fast-import reads them."""
    files = [[_text(generator, 8) for _ in range(60)] for _ in range(300)]
    for commit in range(3_000):
        message = f"Change {commit}: {_text(generator, 6)}\n"
        yield ("commit refs/heads/main\n"
               f"committer A Person <person@example.org> {1_600_000_000 + commit * 600} +0000\n"
               f"data {len(message)}\n{message}")
        # The first one adds all files.
        chosen = range(300) if commit == 0 else generator.sample(range(300), 3)
        for index in chosen:
            lines = files[index]
            lines[generator.randrange(len(lines))] = _text(generator, 8)
            lines.insert(generator.randrange(len(lines)), f"line of {commit}")
            content = "\n".join(lines) + "\n"
            yield (f"M 100644 inline folder{index % 20}/file{index}.txt\n"
                   f"data {len(content)}\n{content}\n")


def git_repository(inputs: Path) -> None:
    """repository.git: a bare one. Without deltas, which would take most of the time to make."""
    environment = os.environ | {"GIT_CONFIG_NOSYSTEM": "1", "HOME": str(inputs)}
    repository = str(inputs / "repository.git")
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", repository], check=True,
                   env=environment)
    subprocess.run(["git", "-C", repository, "-c", "core.compression=1",
                    "fast-import", "--quiet", "--depth=0"],
                   check=True, env=environment, input="".join(_history(random.Random(4))).encode())


def postscript_pages(inputs: Path) -> None:
    """pages.ps: strings of 6 to 25 KB that a collector must free; pages of curves and text."""
    generator = random.Random(5)

    def point() -> str:
        return f"{generator.randrange(612)} {generator.randrange(792)}"

    with open(inputs / "pages.ps", "w", encoding="ascii") as out:
        out.write("%!PS-Adobe-3.0\n%%Pages: 3\n/colour { 3 { rand 1000 mod 1000 div } repeat "
                  "setrgbcolor } def\n42 srand\n/kept 300 array def\n0 1 40000 { dup 300 mod exch "
                  "977 mod 20 mul 6000 add string kept 3 1 roll put } for\n")
        for page in range(1, 4):
            out.write(f"%%Page: {page} {page}\n")
            for i in range(1_500):
                size = generator.randrange(6, 40)
                out.write(f"gsave colour newpath {point()} moveto "
                          f"{point()} {point()} {point()} curveto "
                          f"{point()} {point()} {point()} curveto "
                          f"{PAINTS[i % len(PAINTS)]} grestore\n"
                          f"/Times-Roman findfont {size} scalefont setfont {point()} moveto "
                          f"({_text(generator, 3)}) show\n")
            out.write("showpage\n")


def smt_problem(inputs: Path) -> None:
    """puzzle.smt2: four satisfiable puzzles of sums and products of 16 bits, one after another."""
    names = [f"x{i}" for i in range(60)]
    lines = []
    for seed in (6, 7, 8, 9):
        generator = random.Random(seed)
        lines += ["(reset)", "(set-logic QF_BV)"]
        lines += [f"(declare-const {name} (_ BitVec 16))" for name in names]
        for _ in range(40):
            choices = []
            for _ in range(3):
                a, b, c = generator.sample(names, 3)
                choices.append(f"(= (bvadd {a} (bvmul {b} #x{generator.randrange(1, 40):04x})) "
                               f"(bvxor {c} #x{generator.randrange(65536):04x}))")
            lines.append(f"(assert (or {' '.join(choices)}))")
        lines.append("(check-sat)")
    (inputs / "puzzle.smt2").write_text("\n".join(lines) + "\n", encoding="ascii")
