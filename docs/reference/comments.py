#!/usr/bin/env python3
"""Doxygen's input filter: prints a header with its comments in the form that Doxygen reads.

    comments.py HEADER

The headers are written for people who read them: plain comments, pictures by indentation, `Requires:`.
Here a comment becomes one of documentation

- at the head of a file: of the type that the file is named after, else of the file;
- directly before a declaration, and behind one on the same line;
- in a C header, under a heading `---- … ----`: of the group of what follows.

Comments in function bodies stay what they are, and so do those before an empty line. Lines keep their
numbers, so that Doxygen's warnings are about those of the header.
"""
from __future__ import annotations

import pathlib
import re
import sys

SECTIONS = {"Requires": "@pre", "Ensures": "@post", "Cost": "@cost", "Locks": "@locks"}
SECTION = re.compile(r"(^|(?<=[.;)] ))(Requires|Ensures|Cost|Locks): ")
# What is before a brace, strings being empty, that has declarations in it.
SCOPE = re.compile(r'^(template\s*<.*>\s*)?(class|struct|union|enum|(inline )?namespace|extern "")')
TRAILING = re.compile(r"^(?P<code>.*[;,}\w]) +(?://|/\*) ?(?P<text>.*?)(?: ?\*/)?$")
HEADING = re.compile(r"^\s*/\* ---- (.*) ----( \*/)?$")
DEFAULTED = re.compile(r"^\s.*= (delete|default);$")
DEFINITION = re.compile(r"^[\w<>:,*& ]*\w>?::\w+\([^;]*\{$")
ATTRIBUTE = re.compile(r"\[\[[^\]]*\]\] ?|\bconstinit ")


# ---- the text of a comment ----


def escaped(text: str) -> str:
    """Nothing in it is a command or a tag to Doxygen, but for what is in backquotes anyway."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([@\\<>&#%])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def is_indented(line: str) -> bool:
    return line.startswith("  ")


def documented(lines: list[str]) -> list[str]:
    """The same lines, with sections as commands and pictures verbatim."""
    result: list[str] = []
    i = 0
    while i < len(lines):
        if not is_indented(lines[i]) or lines[i].lstrip().startswith("- ") or not result:
            text = SECTION.sub(lambda match: SECTIONS[match[2]] + " ", escaped(lines[i].strip()))
            text = re.sub(r"(?<=[.;)] )Returns ", "@return ", text)
            if i > 0:
                text = re.sub(r"^Returns ", "@return ", text)
            result.append(text)
            i += 1
            continue
        end = i
        for j in range(i, len(lines)):
            if is_indented(lines[j]):
                end = j
            elif lines[j].strip():
                break
        result[-1] += " @verbatim"
        result += [*lines[i:end], lines[end] + " @endverbatim"]
        i = end + 1
    return result


def comment(lines: list[str], indent: str, command: str = "") -> list[str]:
    """A documentation comment of as many lines as there are, and one for the command if there is one."""
    text = [*documented(lines), *([command] if command else [])]
    text[0] = f"{indent}/** {text[0]}"
    text[-1] += " */"
    return text


# ---- where code is declarations ----


class Braces:
    """What the braces that are open belong to: True for a type or a namespace, False for a body."""

    def __init__(self) -> None:
        self.open: list[bool] = []
        self.statement = ""

    def in_body(self) -> bool:
        return False in self.open

    def read(self, line: str) -> None:
        if re.match(r"\s*(#|(public|private|protected):)|.*\\$", line):
            return
        code = re.sub(r"//.*|/\*.*\*/", "", re.sub(r"\"(\\.|[^\"])*\"|'(\\.|[^'])*'", '""', line))
        # A value such as `Config{}` begins no body.
        for character in re.sub(r"(?<=\w)\{\}", "", code) + " ":
            if character == "{":
                self.open.append(bool(SCOPE.match(self.statement.strip())))
            elif character == "}" and self.open:
                self.open.pop()
            if character in "{};":
                self.statement = ""
            elif self.statement or not character.isspace():
                self.statement += character


# ---- a header ----


def indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


class Header:
    def __init__(self, path: str) -> None:
        self.lines = pathlib.Path(path).read_text().splitlines()
        self.name = "talc/" + path.rpartition("lib/talc/")[2]
        self.is_c = path.endswith(".h")
        self.result: list[str] = []
        self.braces = Braces()
        self.has_group = False
        # What keeps a C header from being included twice.
        guard = re.compile(r"#(ifndef|define) TALC_[A-Z]+_H$")
        self.guards = {i for i, line in enumerate(self.lines) if guard.match(line)}
        self.guards |= {len(self.lines) - 1} if self.is_c else set()

    def main_type(self) -> str | None:
        """The type that the file is named after, if only the head of the file says what it is."""
        stem = "".join(word.capitalize() for word in pathlib.Path(self.name).stem.split("_"))
        for i, line in enumerate(self.lines):
            if found := re.match(rf"^(class|struct) ((?:Basic)?{stem})\b[^;]*\{{$", line):
                is_template = self.lines[i - 1].startswith("template")
                before = self.lines[i - 2 if is_template else i - 1]
                return None if before.startswith("//") else f"@{found[1]} talc::{found[2]}"
        return None

    def end_of_comment(self, i: int) -> int:
        """The line behind the comment that begins at line i."""
        if self.is_c:
            while "*/" not in self.lines[i]:
                i += 1
            return i + 1
        while i < len(self.lines) and self.lines[i].lstrip().startswith("//"):
            i += 1
        return i

    def text_of(self, i: int, end: int) -> list[str]:
        """What the comment from line i up to line `end` says."""
        margin = len(indent_of(self.lines[i])) + 3
        text = [line[margin:] for line in self.lines[i:end]]
        if self.is_c:
            text[-1] = text[-1].removesuffix("*/").rstrip()
        return text

    def head(self) -> int:
        end = self.end_of_comment(0)
        text = self.text_of(0, end)
        if self.is_c:
            # The command has a line of its own: the first two lines of the text become one.
            text = documented([text[0] + " " + text[1], *text[2:]])
            self.result += [f"/** @file {self.name}", *text[:-1], text[-1] + " */"]
            return end
        # `#pragma once` follows, and gives its line.
        assert self.lines[end] == "#pragma once", self.name
        self.result += comment(text, "", self.main_type() or f"@file {self.name}")
        return end + 1

    def group(self, i: int, end: int, title: str) -> None:
        """Begins a group, with what the comment says below its title."""
        closing = "/**@}*/ " if self.has_group else ""
        text = documented(self.text_of(i, end)[1:])
        text = [f"{closing}/** @name {title[:1].upper() + title[1:]}", *text]
        text[-1] += " */ /**@{*/"
        self.result += text
        self.has_group = True

    def close_group(self) -> None:
        if self.has_group and self.result[-1] == "":
            self.result[-1] = "/**@}*/"
            self.has_group = False

    def own_comment(self, i: int) -> int:
        end = self.end_of_comment(i)
        heading = HEADING.match(self.lines[i])
        following = self.lines[end] if end < len(self.lines) else ""
        stays = not following.strip() or following.lstrip().startswith("}") or self.braces.in_body()
        if heading and self.is_c:
            self.group(i, end, heading[1])
        elif stays:
            self.result += self.lines[i:end]
        else:
            self.result += comment(self.text_of(i, end), indent_of(self.lines[i]))
        return end

    def code(self, i: int) -> None:
        line = ATTRIBUTE.sub("", self.lines[i])
        is_body = self.braces.in_body()
        self.braces.read(line)
        trailing = TRAILING.match(line)
        if line == "#ifdef __cplusplus":
            self.close_group()
        if i in self.guards:
            line = ""
        elif DEFAULTED.match(line) and not self.lines[i - 1].lstrip().startswith("//"):
            line = ""  # nothing is to be said of it
        elif trailing and not is_body and not trailing["text"].startswith(("NOLINT", "IWYU")):
            if not trailing["code"].lstrip().startswith(("#", "}", "static_assert", "friend")):
                line = f"{trailing['code']}  /**< {escaped(trailing['text'])} */"
        self.result.append(line)

    def end_of_definition(self, i: int) -> int:
        """The line behind the definition of a member that begins at line i; i if there is none."""
        for end, line in enumerate(self.lines[i : i + 3], i):
            if DEFINITION.match(line):
                return self.lines.index("}", end) + 1
            if not line.startswith("template"):
                break
        return i

    def convert(self) -> str:
        i = self.head()
        while i < len(self.lines):
            if (end := self.end_of_definition(i)) != i:
                self.result += [""] * (end - i)  # documented where it is declared
                i = end
            elif self.lines[i].lstrip().startswith("/*" if self.is_c else "//"):
                i = self.own_comment(i)
            else:
                self.code(i)
                i += 1
        return "\n".join(self.result) + "\n"


if __name__ == "__main__":
    sys.stdout.write(Header(sys.argv[1]).convert())
