"""The page: well formed, complete, harmless whatever the reports say, and seen by a browser."""
import os
import re
import shutil
import struct
import subprocess
import unittest
import zlib
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import samples
from support import Scratch

from talctools import charts, reports
from talctools.page import page
from talctools.style import STYLE

VOID = {"meta"}
EVIL = "<script>alert(1)</script>\"'&\u202e\ud800\x00\x1b[2J<img src=x onerror=alert(2)>"


class Strict(HTMLParser):
    """Every element is closed in order; text, tags and attributes are kept."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text = ""
        self.faults: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]
        if len({name for name, _ in attrs}) < len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else, at {self.getpos()}")

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data


def parse(text: str) -> Strict:
    parser = Strict()
    parser.feed(text)
    parser.close()
    return parser


class Made(Scratch):
    def page(self, *found: dict) -> str:
        path = self.root / "in.json"
        path.write_text(samples.lines(list(found)))
        return page(reports.read([str(path)]), "a title", "1.0.0")


class Pages(Made):
    def assert_sound(self, text: str) -> Strict:
        parsed = parse(text)
        self.assertEqual(parsed.faults, [])
        self.assertEqual(parsed.open, [])
        ids = [value for _, name, value in parsed.attributes if name == "id"]
        self.assertEqual(len(ids), len(set(ids)))
        for tag, name, value in parsed.attributes:
            self.assertFalse(name.startswith("on"), name)
            self.assertNotIn(name, ("src", "srcset", "action", "data", "style"))
            if name == "href":
                self.assertIn(value.removeprefix("#"), ids)
            if name in ("x", "y", "width", "height", "points", "d", "viewbox"):
                self.assertNotRegex(value, "nan|inf|e[+]|--", tag)
        self.assertEqual(
            set(parsed.tags) & {"script", "link", "img", "iframe", "object", "form"}, set()
        )
        self.assertNotIn("url(", text)
        self.assertNotIn("@import", text)
        return parsed

    def test_every_part_is_there(self):
        last = samples.report(uptime=10.0, timestamp=1795669609.0)
        parsed = self.assert_sound(self.page(*samples.series(9), last))
        for title in (
            "What to do about it",
            "Where the bytes are",
            "Over time",
            "Size classes by waste",
            "Threads' caches",
            "A map of the heaps",
            "The kernel",
            "Arenas",
            "Options in effect",
        ):
            self.assertIn(title, parsed.text)
        self.assertIn("77.0 MiB", parsed.text)
        self.assertEqual(parsed.tags["polyline"], 4)
        self.assertIn("TALC_PURGE_DELAY", parsed.text)

    def test_parts_without_figures_are_left_out(self):
        bare = {
            "schema": 1,
            "program": "p",
            "process": 1,
            "allocated": 0,
            "active": 0,
            "metadata": 0,
            "retained": 0,
            "mapped": 0,
        }
        parsed = self.assert_sound(self.page(bare))
        titles = "What to do|Over time|Size classes|Threads|map of|The kernel|Arenas|Options"
        self.assertEqual(re.findall(titles, parsed.text), [])

    def test_several_processes_have_an_overview(self):
        other = samples.report(process=2, program="other")
        parsed = self.assert_sound(self.page(samples.report(), other))
        self.assertEqual((parsed.tags["nav"], parsed.tags["article"], parsed.tags["a"]), (1, 2, 2))
        self.assertEqual(parse(self.page(samples.report())).tags["nav"], 0)

    def test_of_very_many_those_with_the_largest_peaks_are_shown_closely(self):
        many = [samples.report(process=i, peak=i << 20, heap_map=[]) for i in range(100)]
        parsed = self.assert_sound(self.page(*many))
        self.assertEqual(parsed.tags["article"], 32)
        ids = [value for tag, name, value in parsed.attributes if (tag, name) == ("article", "id")]
        self.assertEqual(ids, [f"p{i}" for i in range(68, 100)])
        self.assertIn("Below are the 32 with the largest peaks.", parsed.text)

    def test_whatever_a_report_says_stays_text(self):
        evil = samples.report(
            program=EVIL,
            library=EVIL,
            version=EVIL,
            reason=EVIL,
            options={EVIL: EVIL, "list": [EVIL], "deep": {"a": EVIL}},
            calls={"mmap": 1, EVIL: 2},
            heap_map=[
                {"arena": 0, "base": EVIL, "bytes": 1, "cell": 1, "cells": EVIL + "#" * 9000}
            ],
        )
        text = self.page(evil, samples.report(process=1))
        self.assertIsNotNone(text.encode())
        parsed = self.assert_sound(text)
        self.assertIn("<script>alert(1)</script>", parsed.text)
        self.assertNotIn("<img", text)
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\u202e", text)

    def test_names_are_read_as_utf8_where_they_are(self):
        parsed = self.assert_sound(self.page(samples.report(program="caf\u00c3\u00a9")))
        self.assertIn("café", parsed.text)
        parsed = self.assert_sound(self.page(samples.report(program="caf\u00e9")))
        self.assertIn("café", parsed.text)

    def test_what_is_left_out_is_said(self):
        parsed = self.assert_sound(self.page(samples.report(threads_left_out=7, heaps_left_out=9)))
        self.assertIn("and 7 more", parsed.text)
        self.assertIn("and 9 more", parsed.text)

    def test_edges_of_figures_make_no_odd_page(self):
        top = 2**64 - 1
        for changed in (
            {
                "mapped": top,
                "retained": top,
                "purged": top,
                "peak": top,
                "timestamp": top,
                "uptime": top,
            },
            {"classes": [dict.fromkeys(("size", "slots", "live", "free"), top), {}]},
            {"threads": [{}] * 300, "threads_left_out": 5, "arenas": [{}], "calls": {"mmap": top}},
            {"allocated": 100, "active": 1, "mapped": 0, "dirty": top},
            {"heap_map": [{"cells": ""}, {"cells": "?"}, {"cells": 3}, {}]},
        ):
            with self.subTest(changed=changed):
                self.assert_sound(self.page(samples.report(**changed)))

    def test_a_long_series_stays_small(self):
        text = self.page(*samples.series(20_000))
        self.assertLess(len(text), 120_000)
        self.assertIn("20,000 reports", text)
        lowest = min(one["allocated"] for one in samples.series(40))
        self.assertIn(f"{lowest >> 20}", text)

    def test_every_class_of_a_picture_has_a_style(self):
        last = samples.report(uptime=3.0, timestamp=1795669602.0)
        text = self.page(*samples.series(2), last)
        used = {
            one
            for value in re.findall(r'<(?:rect|path|text|polyline|line) class="([^"]*)"', text)
            for one in value.split()
        }
        self.assertGreater(len(used), 20)
        for one in used:
            self.assertIn(f".{one}", STYLE)
        for name in re.findall(r"var\((--[\w-]+)", STYLE):
            self.assertEqual(STYLE.count(f"{name}: #"), 3, name)


class Pictures(unittest.TestCase):
    def test_a_bar_is_as_long_as_its_parts_are_large(self):
        from talctools.accounting import parts

        bar = charts.stacked_bar(parts(samples.report()))
        rects = re.findall(r'class="fill-(\w+)" x="([\d.]+)" y="0" width="([\d.]+)"', bar)
        sizes = {part.key: part.size_bytes for part in parts(samples.report())}
        for key, _, width in rects:
            expected = 960 * sizes[key] / (160 * samples.MIB)
            self.assertAlmostEqual(float(width), max(0.5, expected - 1), delta=0.06)
        self.assertEqual(len(rects), 8)  # what is in transit would be too thin to see

    def test_the_extremes_of_a_series_are_kept(self):
        points = [(float(i), 5.0) for i in range(10_000)]
        points[1234] = (1234.0, 99.0)
        points[4321] = (4321.0, 1.0)
        kept = charts._thinned(points)
        self.assertLess(len(kept), 600)
        self.assertTrue({points[0], points[1234], points[4321], points[-1]} <= set(kept))
        self.assertEqual(kept, sorted(kept))

    def test_labels_are_apart(self):
        places = charts._apart([100, 101, 99, 300])
        self.assertEqual(sorted(places), [99, 115, 131, places[3]])
        self.assertLessEqual(max(charts._apart([286.0] * 4)), 286)

    def test_a_map_has_a_square_for_each_known_character(self):
        drawn = charts.heap_map("##=~.m?" + "#" * 100)
        self.assertEqual(drawn.count("h11v11h-11z"), 106)
        self.assertIn("M480 12h", drawn)
        self.assertIn('viewBox="0 0 768 24"', drawn)
        self.assertEqual(charts.heap_map("#" * 99_999).count("h11v11h-11z"), 4096)


def browser() -> str | None:
    return (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )


def colours(png: bytes) -> Counter[tuple[int, ...]]:
    """How often each colour occurs, of a PNG of 8 bits that is not interlaced."""
    width, height, _, kind = struct.unpack_from(">IIBB", png, 16)
    size = {2: 3, 6: 4}[kind]
    data, at = b"", 8
    while at < len(png):
        length, name = struct.unpack_from(">I4s", png, at)
        data += png[at + 8 : at + 8 + length] if name == b"IDAT" else b""
        at += length + 12
    raw, stride = zlib.decompress(data), width * size
    found: Counter[tuple[int, ...]] = Counter()
    above = bytes(stride)
    for row in range(height):
        start = row * (stride + 1)
        line = bytearray(raw[start + 1 : start + 1 + stride])
        unfilter(raw[start], line, above, size)
        found.update(zip(*(line[i::size] for i in range(3)), strict=True))
        above = bytes(line)
    return found


def unfilter(kind: int, line: bytearray, above: bytes, size: int) -> None:
    for i in range(len(line)):
        left = line[i - size] if i >= size else 0
        corner = above[i - size] if i >= size else 0
        if kind == 1:
            line[i] = (line[i] + left) & 255
        elif kind == 2:
            line[i] = (line[i] + above[i]) & 255
        elif kind == 3:
            line[i] = (line[i] + (left + above[i]) // 2) & 255
        elif kind == 4:
            guess = left + above[i] - corner
            nearest = min((abs(guess - v), n, v) for n, v in enumerate((left, above[i], corner)))
            line[i] = (line[i] + nearest[2]) & 255


@unittest.skipUnless(browser(), "there is no chromium: apt-get install chromium")
class Browser(Made):
    def look(self, *flags: str) -> subprocess.CompletedProcess[bytes]:
        file = self.root / "page.html"
        file.write_text(
            self.page(*samples.series(10), samples.report(program=EVIL)), errors="replace"
        )
        return subprocess.run(
            [
                browser(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={self.root}/profile",
                "--enable-logging=stderr",
                "--window-size=700,900",
                *flags,
                f"file://{file}",
            ],
            capture_output=True,
            timeout=100,
            env=os.environ | {"HOME": str(self.root)},
        )

    def test_it_is_shown_in_colour_and_nothing_is_complained_of(self):
        done = self.look(f"--screenshot={self.root}/page.png")
        self.assertNotIn(b"CONSOLE", done.stderr)
        found = colours(Path(self.root / "page.png").read_bytes())
        for name in ("live", "slab_free", "kept", "metadata"):
            red, green, blue = bytes.fromhex(re.search(rf"--{name}: #(\w+)", STYLE)[1])
            self.assertGreater(found[(red, green, blue)], 40, name)

    def test_it_is_what_was_written_and_no_script_ran(self):
        done = self.look("--dump-dom")
        self.assertIn(b"<title>a title</title>", done.stdout)
        self.assertNotIn(b"<img", done.stdout)
        self.assertNotIn(b"<script", done.stdout)


if __name__ == "__main__":
    unittest.main()
