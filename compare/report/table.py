"""The one place where tables are made: each is described once, and shown as text in a terminal and as HTML in a page.

>>> print(as_text(Table([Column("gradient"), Column("equal", "right")], [["dJdW[1]", "6/6"]])))
<BLANKLINE>
 gradient   equal
 ────────────────
 dJdW[1]      6/6
<BLANKLINE>
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:  # it takes longer to load than the whole engine, and a check that passes shows nothing
    from rich.console import RenderableType
    from rich.text import Text

#: the colours of a page for the styles of a terminal; a notebook with a dark theme has lighter ones, see `framed`
CSS = {
    "": "",
    "bold": "font-weight:bold",
    "green": "color:var(--backprop-good,#00694d)",
    "bold green": "color:var(--backprop-good,#00694d)",
    "red": "color:var(--backprop-bad,#a3280f);font-weight:bold",
    "bold red": "color:var(--backprop-bad,#a3280f);font-weight:bold",
    "yellow": "color:var(--backprop-dim,#7a5600)",
}
_DARK = ("[data-jp-theme-light=false]", ".vscode-dark", "html[theme=dark]")  # JupyterLab, VS Code, Colab
_COLOURS = "--backprop-good:#4cc49f;--backprop-bad:#ff8f75;--backprop-dim:#e0b25a"
_STYLE = f"{','.join(f'{theme} .backprop' for theme in _DARK)}{{{_COLOURS}}}"

Cell: TypeAlias = "str | Text"  # a Text has a style, and may have parts of another


@dataclass(frozen=True)
class Column:
    """A column: its header, on which side its cells stand, whether their lines stay whole, and its share of the width.

    Where any column has a share, the table is as wide as its place.
    """

    header: str
    justify: Literal["left", "right"] = "left"
    no_wrap: bool = False
    share: int | None = None


@dataclass(frozen=True)
class Table:
    """A table of cells, row by row; `footer` is a last row in bold, and `tight` leaves less room between columns."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    footer: Sequence[str] = ()
    tight: bool = False

    def __rich__(self) -> RenderableType:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(
            header_style="bold",
            box=SIMPLE_HEAD,
            pad_edge=self.tight,
            padding=0 if self.tight else (0, 1),
            show_footer=bool(self.footer),
            expand=any(column.share for column in self.columns),
        )
        for k, column in enumerate(self.columns):
            table.add_column(
                column.header,
                self.footer[k] if self.footer else "",
                justify=column.justify,
                no_wrap=column.no_wrap,
                ratio=column.share,
                overflow="fold",
            )
        for row in self.rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
        return table

    def html(self) -> str:
        """The table as an HTML element.

        >>> Table([Column("equal", "right")], [["6/6"]]).html()[-62:]
        '<tr><td style="text-align:right">6/6</td></tr></tbody></table>'
        """
        from rich.text import Text

        head = self._line("th", [column.header for column in self.columns])
        body = "".join(self._line("td", row) for row in self.rows)
        if self.footer:
            body += self._line("td", [Text(cell, "bold") for cell in self.footer])
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"

    def _line(self, tag: str, cells: Sequence[Cell]) -> str:
        sides = (f"text-align:{column.justify}" for column in self.columns)
        return f"<tr>{''.join(_element(tag, cell, side) for cell, side in zip(cells, sides, strict=True))}</tr>"


def grid(rows: Sequence[Sequence[Text]]) -> RenderableType:
    """Texts in columns without lines or a header; what is too long goes on in its own column."""
    from rich.table import Table as RichTable

    table = RichTable.grid(padding=(0, 2))
    for _ in max(rows, key=len, default=()):
        table.add_column(overflow="fold")  # a long word, too
    for row in rows:
        table.add_row(*row)
    return table


def hanging(text: Text, by: int) -> RenderableType:
    """A line whose further lines, where it is too long, begin as far in as its own text does.

    >>> from rich.text import Text
    >>> print(as_text(hanging(Text("  + dx = dout * (1 - a ** 2)"), 4), width=20))
      + dx = dout * (1 -
        a ** 2)
    """
    from rich.table import Table as RichTable

    table = RichTable.grid()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(text[:by], text[by:])
    return table


def paragraph(text: Cell) -> str:
    """A line of text as an HTML paragraph.

    >>> from rich.text import Text
    >>> paragraph("a < b"), paragraph(Text("✓", "green"))
    ('<p>a &lt; b</p>', '<p style="color:var(--backprop-good,#00694d)">✓</p>')
    """
    return _element("p", text)


def box(says: str, head: Cell = "", code: Sequence[Text] = ()) -> str:
    """A reason in a box, below its heading and the lines of code that it is about."""
    lines = [_element("pre", line, "margin:0;white-space:pre-wrap") for line in code]
    parts = [paragraph(head)] * bool(head) + [*lines, paragraph(says)]
    border = "border-left:4px solid var(--backprop-bad,#a3280f);padding:.1em 1em;margin:.6em 0"
    return f'<div style="{border}">{"".join(parts)}</div>'


def folded(summary: str, lines: Sequence[Cell]) -> str:
    """Lines that are read on request, "" for none."""
    inside = "".join(map(paragraph, lines))
    return f"<details><summary>{escaped(summary)}</summary>{inside}</details>" if lines else ""


def framed(kind: str, *parts: str) -> str:
    """Parts as one element of a page, in colours that are read on a light and on a dark ground."""
    return f'<div class="backprop {kind}"><style>{_STYLE}</style>{"".join(parts)}</div>'


def escaped(text: str) -> str:
    """Text as it stands in a page.

    >>> escaped("a < b")
    'a &lt; b'
    """
    from html import escape  # with a table of all names of characters, which a terminal does not need

    return escape(text)


def _element(tag: str, text: Cell, *styles: str) -> str:
    style = ";".join(filter(None, (*styles, "" if isinstance(text, str) else CSS[str(text.style)])))
    opening = f'{tag} style="{style}"' if style else tag
    return f"<{opening}>{escaped(str(text)).replace(chr(10), '<br/>')}</{tag}>"


def as_text(shown: RenderableType, width: int = 120) -> str:
    """A report, or anything else that a terminal shows, as plain text."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    console.print(shown)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines())
