"""HTML from text. Everything that comes out of a report passes through `escaped`."""
from __future__ import annotations

import html
from collections.abc import Sequence

from talctools.text import printable


def escaped(value: object) -> str:
    """Safe within elements and quoted attributes; on one line, in letters that can be written."""
    text = printable(str(value)).encode("utf-8", errors="replace").decode("utf-8")
    return html.escape(text, quote=True)


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], texts: Sequence[int] = (0,), name: str = ""
) -> str:
    """Cells are markup already. The columns whose index is in `texts` are to the left."""
    kinds = ["t" if i in texts else "n" for i in range(len(heads))]
    head = "".join(
        f'<th scope="col" class="{k}">{h}</th>' for k, h in zip(kinds, heads, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{k}">{c}</td>' for k, c in zip(kinds, row, strict=True))
        + "</tr>\n"
        for row in rows
    )
    caption = f"<caption>{escaped(name)}</caption>" if name else ""
    return (
        f'<div class="scroll"><table>{caption}<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}</tbody></table></div>\n"
    )


def folded(summary: str, content: str) -> str:
    return f"<details><summary>{escaped(summary)}</summary>\n{content}</details>\n"


def block(title: str, content: str, note: str = "") -> str:
    """A part of a page; nothing where there is no content."""
    if not content:
        return ""
    said = f'<p class="note">{note}</p>\n' if note else ""
    return f"<section>\n<h3>{escaped(title)}</h3>\n{said}{content}</section>\n"
