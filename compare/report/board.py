"""Both passes beside each other, as on a board: each line of one, and the lines of the other that belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from compare.report.table import CSS, as_text, escaped, framed, grid, paragraph

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

    Row: TypeAlias = tuple[Text, Text, Text]  # the number of a line, its source, and what is said of it
    Rows: TypeAlias = tuple[tuple[Text, Text] | None, list[Row]]  # a forward line, those back

WIDE = 100  # columns from which on the passes stand beside each other, and not one below the other


class Board:
    """Lines of the forward pass, the last first, beside those of the backward pass that belong to them.

    >>> from rich.text import Text
    >>> z, dz = (Text("3"), Text("z = w * x")), (Text("7"), Text("dz = a - y"), Text("dJ/dz"))
    >>> print(Board("mine", [(z, [dz])]))
    mine
       forward, from the end     backward
    3  z = w * x              7  dz = a - y  dJ/dz
    """

    HEADS = "forward, from the end", "backward"

    def __init__(self, title: str, groups: Sequence[Rows], remarks: Sequence[str] = ()) -> None:
        self.title, self.groups = title, list(groups)
        self.remarks = tuple(remarks)  # what is wrong where no line is mistaken

    @property
    def beside(self) -> list[tuple[Text, ...]]:
        """The rows with both passes beside each other, below their heads."""
        from rich.text import Text

        forward, backward = (Text(head, "bold") for head in self.HEADS)
        rows: list[tuple[Text, ...]] = [(Text(), forward, Text(), backward, Text())]
        for line, belonging in self.groups:
            left = line or (Text(), Text())
            for row in belonging or [(Text(), Text(), Text())]:
                rows.append((*left, *row))
                left = Text(), Text()
        return rows

    @property
    def below(self) -> list[tuple[Text, ...]]:
        """The rows with the lines of the backward pass below the one that they belong to."""
        from rich.text import Text

        rows: list[tuple[Text, ...]] = []
        for line, belonging in self.groups:
            if line:
                rows.append((Text(line[0].plain, "bold"), Text(line[1].plain, "bold"), Text()))
            rows += [(number, Text("  ").append_text(source), says) for number, source, says in belonging]
        return rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self._above()
        yield grid(self.beside if options.max_width >= WIDE else self.below)

    def _above(self) -> list[Text]:
        from rich.text import Text

        return [Text(self.title, "bold"), *(Text(remark, "bold red") for remark in self.remarks)]

    def __str__(self) -> str:
        return as_text(self, WIDE)

    def __repr__(self) -> str:
        return f"<Board {self.title!r}: {sum(line is not None for line, _ in self.groups)} forward lines>"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr>{''.join(map(_cell, range(5), row))}</tr>" for row in self.beside)
        return framed("backprop-board", *map(paragraph, self._above()), f"<table>{rows}</table>")


def _cell(column: int, text: Text) -> str:
    """A cell of a page; the columns of sources keep their spaces."""
    shown = escaped(text.plain)
    if column in (1, 3):
        shown = f'<code style="white-space:pre-wrap">{shown}</code>'
    return f'<td style="text-align:left;vertical-align:top;{CSS[str(text.style)]}">{shown}</td>'
