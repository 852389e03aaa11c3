"""The little of an ELF file that says whether a library can be preloaded into it."""
from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass

_INTERPRETER = 3
_DYNAMIC_SYMBOLS = 11


@dataclass(frozen=True)
class Elf:
    bits: int
    machine: int
    interpreter: str | None  # the dynamic linker; None: nothing is linked when it starts
    defines_malloc: bool


def read(path: str) -> Elf | None:
    """None if it is no ELF file, or one that does not hold together. Errors: OSError."""
    with open(path, "rb") as file:
        if file.read(4) != b"\x7fELF":
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image:
            try:
                return _parse(image)
            except (struct.error, IndexError, KeyError, ValueError):
                return None


def _parse(image: mmap.mmap) -> Elf:
    wide = {1: False, 2: True}[image[4]]
    order = {1: "<", 2: ">"}[image[5]]
    (machine,) = struct.unpack_from(order + "H", image, 18)
    header = order + ("QQQIHHHHHH" if wide else "IIIIHHHHHH")
    _, programs, sections, _, _, size, count, section_size, section_count, _ = struct.unpack_from(
        header, image, 24
    )
    interpreter = None
    for at in range(programs, programs + size * count, size or 1):
        kind, offset, length = _program(image, at, order, wide)
        if kind == _INTERPRETER:
            interpreter = image[offset : offset + length].rstrip(b"\0").decode(errors="replace")
    sections_at = [sections + section_size * i for i in range(section_count)]
    return Elf(
        64 if wide else 32,
        machine,
        interpreter,
        interpreter is not None and _defines_malloc(image, sections_at, order, wide),
    )


def _program(image: mmap.mmap, at: int, order: str, wide: bool) -> tuple[int, int, int]:
    """Kind, offset and size in the file of what a program header describes."""
    if wide:
        kind, _, offset, _, _, length = struct.unpack_from(order + "IIQQQQ", image, at)
    else:
        kind, offset, _, _, length = struct.unpack_from(order + "IIIII", image, at)
    return kind, offset, length


def _section(image: mmap.mmap, at: int, order: str, wide: bool) -> tuple[int, int, int, int]:
    """Kind, offset, size and link of a section."""
    shape = "IIQQQQI" if wide else "IIIIIII"
    _, kind, _, _, offset, size, link = struct.unpack_from(order + shape, image, at)
    return kind, offset, size, link


def _defines_malloc(image: mmap.mmap, sections: list[int], order: str, wide: bool) -> bool:
    for at in sections:
        kind, offset, size, link = _section(image, at, order, wide)
        if kind != _DYNAMIC_SYMBOLS:
            continue
        _, names, names_size, _ = _section(image, sections[link], order, wide)
        # The name's offset in the table of names, where the word is; a suffix of another name too.
        strings = image[names : names + names_size]
        wanted = {i + 1 for i in _all(strings, b"\0malloc\0")}
        step, shape = (24, "IBBH") if wide else (16, "IIIBBH")
        for symbol in range(offset, offset + size, step):
            fields = struct.unpack_from(order + shape, image, symbol)
            if fields[0] in wanted and fields[-1] != 0:
                return True
    return False


def _all(text: bytes, part: bytes) -> list[int]:
    found, at = [], text.find(part)
    while at >= 0:
        found.append(at)
        at = text.find(part, at + 1)
    return found
