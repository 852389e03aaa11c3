"""What --watch shows: the lines of its panel, and the line a second where there is no terminal."""
from __future__ import annotations

from collections.abc import Sequence

from talctools.text import columns, duration, magnitude, printable, short_count, sparkline
from talctools.watched import Watched

MOST_ROWS = 6

_HEAD = ("process", "allocated", "resident", "mapped", "dirty", "caches", "allocs/s")
_PROGRAM_WIDTH = 15
_LINE_WIDTH = 24

# Parts of what is mapped, and how they are drawn; all that is left is live, with what it costs.
_PARTS = (
    ("live", "█"),
    ("caches", "▓"),
    ("dirty", "▒"),
    ("purged", "·"),
    ("metadata", "m"),
)


def _caches(known: Watched) -> int:
    return known.sample.counters["cached"] + known.sample.counters["in_transit"]


def _row(known: Watched) -> list[str]:
    counters = known.sample.counters
    program = printable(known.sample.program)[:_PROGRAM_WIDTH]
    sizes = [counters["allocated"], counters["resident"], counters["mapped"], counters["dirty"]]
    return [
        f"{known.sample.process} {program}",
        *map(magnitude, sizes),
        magnitude(_caches(known)),
        short_count(known.rate),
    ]


def parts(known: Sequence[Watched]) -> dict[str, int]:
    """Where what is mapped is, of all the processes; the parts' sum is what is mapped."""
    total = {name: 0 for name, _ in _PARTS}
    for one in known:
        counters = one.sample.counters
        caches = _caches(one)
        total["live"] += counters["active"]
        total["caches"] += min(caches, counters["dirty"])
        total["dirty"] += max(0, counters["dirty"] - caches)
        total["purged"] += counters["purged"]
        total["metadata"] += counters["metadata"]
    return total


def _bar(known: Sequence[Watched], width: int) -> list[str]:
    """A line of the parts, as long as they are large, and their legend."""
    sizes = parts(known)
    whole = sum(sizes.values())
    bar, drawn, so_far = "", 0, 0
    for name, sign in _PARTS:
        so_far += sizes[name]
        until = round(width * so_far / whole) if whole else 0
        bar += sign * (until - drawn)
        drawn = until
    return [bar, "  ".join(f"{sign} {name} {magnitude(sizes[name])}" for name, sign in _PARTS)]


def panel(command: str, seconds: float, known: Sequence[Watched], width: int) -> list[str]:
    """At most MOST_ROWS + 5 lines, none longer than `width` characters."""
    title = f"── talc-run: {printable(command)} "
    clock = f" {duration(seconds)} ──"
    room = max(0, width - len(clock))
    lines = [title[:room].ljust(room, "─") + clock]
    if not known:
        return [line[:width] for line in (*lines, "no process shows its counters yet")]
    shown = known[:MOST_ROWS]
    table = columns([_HEAD, *map(_row, shown)])
    wide = max(map(len, table))
    space = min(_LINE_WIDTH, width - wide - 2)
    lines.append(table[0].ljust(wide) + ("  resident so far" if space >= 16 else ""))
    for line, one in zip(table[1:], shown, strict=True):
        picture = sparkline(one.resident.values[-space:]) if space >= 8 else ""
        lines.append(f"{line.ljust(wide)}  {picture}")
    if len(known) > MOST_ROWS:
        rest = known[MOST_ROWS:]
        resident = sum(one.sample.counters["resident"] for one in rest)
        lines.append(f"… and {len(rest)} more processes, resident {magnitude(resident)}")
    lines += _bar(known, width)
    return [line[:width].rstrip() for line in lines]


def line(known: Watched) -> str:
    counters = known.sample.counters
    figures = ", ".join(
        f"{name} {magnitude(size)}"
        for name, size in (
            ("allocated", counters["allocated"]),
            ("resident", counters["resident"]),
            ("mapped", counters["mapped"]),
            ("dirty", counters["dirty"]),
            ("caches", _caches(known)),
        )
    )
    who = f"{printable(known.sample.program)} {known.sample.process}"
    rate = f"{short_count(known.rate)} allocations/s"
    return f"{who}: {duration(known.sample.uptime_s)}: {figures}, {rate}"


def last_line(known: Watched | None, seconds: float) -> str:
    if known is None:
        return (
            f"after {duration(seconds)}: the command showed no counters; "
            "it was too quick, or talc did not serve it"
        )
    counters = known.sample.counters
    return (
        f"{printable(known.sample.program)} {known.sample.process}: "
        f"{duration(seconds)}, {short_count(counters['allocations'])} allocations, "
        f"most resident {magnitude(known.most_resident)}, "
        f"most mapped {magnitude(counters['peak'])}"
    )
