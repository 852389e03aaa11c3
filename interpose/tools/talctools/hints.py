"""What to do about it: short, and only where the figures say so. Each has its own threshold."""
from __future__ import annotations

from collections.abc import Iterator

from talctools.accounting import by_waste, steady_growth
from talctools.reports import Process, Report, number
from talctools.text import duration, magnitude

_MIB = 1 << 20


def hints(process: Process) -> list[str]:
    """In plain text, the most telling ones first."""
    report = process.last
    return [
        *_limit(report),
        *_growth(process),
        *_not_ours(report),
        *_dirty(report),
        *_slabs(report),
        *_caches(report),
        *_huge_pages(report),
        *_calls(report),
        *_peak(process),
    ]


def _limit(report: Report) -> Iterator[str]:
    limit = number(report, "heap_limit")
    used = number(report, "mapped") - number(report, "purged")
    if limit and used > 0.9 * limit:
        yield (
            f"{magnitude(used)} of the heap limit of {magnitude(limit)} are used: beyond it "
            "allocations fail. Raise TALC_HEAP_LIMIT, or find what is live below."
        )


def _growth(process: Process) -> Iterator[str]:
    grown = steady_growth(process.points, "allocated")
    if grown and grown.last - grown.first > 8 * _MIB:
        yield (
            f"Live blocks grew from {magnitude(grown.first)} to {magnitude(grown.last)} within "
            f"{duration(grown.seconds)} and hardly ever shrank: a leak, or a cache of the program's "
            "own without a bound."
        )


def _not_ours(report: Report) -> Iterator[str]:
    rss, ours = number(report.get("kernel", {}), "rss"), number(report, "resident")
    if ours and rss > 2 * ours and rss - ours > 64 * _MIB:
        yield (
            f"{magnitude(rss - ours)} of the process's {magnitude(rss)} in memory are not talc's: "
            "mapped files, stacks, code, or memory that the program maps by itself. "
            "Options of talc do not change them."
        )


def _dirty(report: Report) -> Iterator[str]:
    dirty, live = number(report, "dirty"), number(report, "allocated")
    if dirty <= 32 * _MIB or dirty <= 0.5 * live:
        return
    options = report.get("options", {})
    delay, ratio = options.get("purge_delay"), options.get("dirty_ratio")
    if delay in (-1, "-1"):
        yield (
            f"{magnitude(dirty)} are free and still in memory, and TALC_PURGE_DELAY is -1: they "
            "never go back to the kernel by themselves. Set it to milliseconds, such as 1000."
        )
    elif isinstance(delay, (int, float)) and delay > 0:
        yield (
            f"{magnitude(dirty)} are free and still in memory: lower TALC_PURGE_DELAY (now "
            f"{delay:.0f} ms)"
            + (
                f" or TALC_DIRTY_RATIO (now {ratio:.0f}%)"
                if isinstance(ratio, (int, float))
                else ""
            )
            + ", or call malloc_trim(0) after a large phase."
        )


def _slabs(report: Report) -> Iterator[str]:
    free, mapped = number(report, "slab_free"), number(report, "mapped")
    worst = by_waste(report)
    if free > 16 * _MIB and free > 0.2 * mapped and worst:
        one = worst[0]
        yield (
            f"{magnitude(free)} are free slots of slabs that live blocks hold on to, most of it in "
            f"blocks of {one.size:.0f} bytes ({one.use:.0%} of its slots live): blocks that live "
            "long lie between those that are freed."
        )


def _caches(report: Report) -> Iterator[str]:
    cached, mapped = number(report, "cached"), number(report, "mapped")
    threads = len(report.get("threads", [])) + number(report, "threads_left_out")
    if cached > 16 * _MIB and cached > 0.15 * mapped:
        yield (
            f"The caches of {threads:.0f} threads hold {magnitude(cached)}, which others cannot use: "
            "fewer threads hold less."
        )


def _huge_pages(report: Report) -> Iterator[str]:
    """A huge page brings in more than was touched: memory that nothing known to talc accounts for."""
    huge = number(report.get("kernel", {}), "anon_huge_pages")
    known = sum(number(report, key) for key in ("active", "metadata", "dirty"))
    excess = number(report, "resident") - known
    if huge > 32 * _MIB and excess > 32 * _MIB and excess > 0.2 * known:
        yield (
            f"{magnitude(excess)} are in memory without being used or having been, and "
            f"{magnitude(huge)} are huge pages: TALC_THP=never may need less."
        )


def _calls(report: Report) -> Iterator[str]:
    counts = report.get("calls", {})
    calls = sum(number(counts, name) for name in counts)
    uptime = number(report, "uptime")
    is_at_once = report.get("options", {}).get("purge_delay") == 0
    if uptime >= 1 and calls > (1000 if is_at_once else 10_000) * uptime:
        why = "raise TALC_PURGE_DELAY, which is 0" if is_at_once else "see which below"
        yield f"{calls / uptime:,.0f} calls of the kernel a second for memory: {why}."


def _peak(process: Process) -> Iterator[str]:
    """Where there is nothing that shows memory over time."""
    report = process.last
    if len(process.points) > 1:
        return
    peak, mapped = number(report, "peak"), number(report, "mapped")
    when = number(report, "peak_uptime")
    if peak > 3 * mapped and peak > 64 * _MIB and when:
        yield (
            f"At most {magnitude(peak)} were mapped, {duration(when)} after the start, against "
            f"{magnitude(mapped)} now: what this report shows is not what the peak was made of. "
            "TALC_STATS_INTERVAL, or TALC_STATS_SIGNAL in time, shows more."
        )
