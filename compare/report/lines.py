"""The lines of a backward pass, proof-read: what each line is, which one is mistaken, and what it ought to be."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, overload

from compare.report.board import Board
from compare.report.places import called
from compare.report.table import CSS, as_text, box, escaped, framed, grid, hanging, paragraph

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from compare.report.board import Row, Rows

RIGHT, MISTAKE, FOLLOWS, UNUSED, OTHER = "right", "mistake", "follows", "unused", ""

#: status -> (mark, colour)
MARKS = {
    RIGHT: ("✓", "green"),
    MISTAKE: ("✗", "bold red"),
    FOLLOWS: ("·", "yellow"),
    UNUSED: ("○", "yellow"),
    OTHER: (" ", ""),
}


@dataclass(frozen=True)
class Line:
    """One line of a backward pass: its number, its source, what it is, and the names that it gives a value to.

    `status` is "right" where it is what the chain rule knows, "mistake", "follows" where it works on a mistaken one,
    "unused" where no gradient depends on it, and "" where it is something on the way. `of` is the line of the forward
    pass that it belongs to: for dJ/dS the one that makes S; 0 where there is none.
    """

    number: int
    source: str
    status: str
    says: str = ""
    names: tuple[str, ...] = ()
    file: str = ""
    of: int = 0


@dataclass(frozen=True)
class Mistake:
    """A mistaken line: what is wrong, how the line ought to read ("" where that was not found), what it spoils.

    `place` is "" where the line is to be replaced, "after" where a line is missing after it, "moved" where it stands in
    the wrong place; "pass" as `should` means that the line must go.
    """

    line: int
    source: str
    says: str
    should: str
    names: tuple[str, ...] = ()
    place: str = ""
    file: str = ""

    @property
    def pair(self) -> list[tuple[str, str]]:
        """The line before and after, as a comparison of texts shows them."""
        if self.place == "after":
            return [(" ", self.source), ("+", self.should)]
        found = [("-", self.source)]
        if self.place == "moved":
            return found
        return found + [("+", self.should)] * (bool(self.should) and self.should != "pass")

    @property
    def sentence(self) -> str:
        """It in one sentence."""
        if self.place == "after":
            ought = f"after line {self.line}, `{self.source}`, `{self.should}` is missing"
        elif self.place == "moved" or not self.should:
            ought = f"line {self.line}, `{self.source}`"
        elif self.should == "pass":
            ought = f"line {self.line}, `{self.source}`, must go"
        else:
            ought = f"line {self.line}, `{self.source}`, ought to be `{self.should}`"
        return f"{ought}: {self.says}"

    @property
    def place_in_words(self) -> str:
        """Where it is."""
        head = "a line is missing after line" if self.place == "after" else "the mistake is in line"
        return f"{head} {self.line}{f' of {called(self.file)}' if self.file else ''}:"

    def code(self) -> list[Text]:
        """The line before and after, in colours."""
        from rich.text import Text

        styles = {"-": "red", "+": "green", " ": ""}
        return [Text(f"{mark} {source}", style=styles[mark]) for mark, source in self.pair]

    def shown(self) -> list[RenderableType]:
        """It for a terminal."""
        from rich.text import Text

        head = Text(self.place_in_words, style="bold")
        return [head, *(hanging(Text("  ") + line, 4) for line in self.code()), hanging(Text(f"  {self.says}"), 2)]

    def html(self) -> str:
        """It in a box, for a page."""
        from rich.text import Text

        return box(self.says, Text(self.place_in_words, style="bold"), self.code())


class Reading(Sequence[Line]):
    """The lines of a backward pass with what each is; prints itself, and shows itself in a notebook.

    >>> print(Reading("mine", [Line(3, "dz = a - y", RIGHT, "dJ/dz")]))
    mine
       3  dz = a - y  ✓ dJ/dz
    """

    def __init__(
        self,
        title: str,
        lines: Sequence[Line],
        mistakes: Sequence[Mistake] = (),
        remarks: Sequence[str] = (),
        *,
        forward: Callable[[], Sequence[Line]] = tuple,  # gives the lines of the forward pass
    ) -> None:
        self.title, self.lines, self.mistakes, self._forward = title, tuple(lines), tuple(mistakes), forward
        self.remarks = tuple(remarks)  # what is wrong where no line is mistaken

    @functools.cached_property
    def forward(self) -> tuple[Line, ...]:
        """The lines of the forward pass, in their order."""
        return tuple(self._forward())

    def titled(self, title: str) -> Reading:
        """The same under another title."""
        return Reading(title, self.lines, self.mistakes, self.remarks, forward=lambda: self.forward)

    def beside(self) -> Board:
        """Both passes beside each other: each forward line, from the last to the first, with its lines of the way back.

        >>> reading = Reading("mine", [Line(7, "dz = a - y", RIGHT, "dJ/dz", of=3)], forward=lambda: [
        ...     Line(3, "z = w * x", "")])
        >>> print(reading.beside())
        mine
              forward, from the end        backward
           3  z = w * x                 7  dz = a - y  ✓ dJ/dz
        """
        from rich.text import Text

        groups: list[Rows] = []
        for line, belonging in self._pairs():
            left = (Text(f"{line.number:4d}"), Text(line.source)) if line else None
            groups.append((left, [row for x in belonging for row in self.rows_of(x)]))
        return Board(self.title, groups, self.remarks)

    def _pairs(self) -> list[tuple[Line | None, list[Line]]]:
        """The forward lines from the last to the first, each with its backward lines; before them what prepares.

        A line that is only something on the way goes with the next one that belongs somewhere.
        """
        forward = backwards(self.forward)
        there = {line.number: line.file for line in forward}
        lines = [line for line in self.lines if there.get(line.number) != line.file]
        of = [line.of if line.of in there else 0 for line in lines]
        first = next((k for k, number in enumerate(of) if number), len(of))
        for k in range(len(of) - 2, first, -1):
            of[k] = of[k] or of[k + 1]
        for k in range(first + 1, len(of)):
            of[k] = of[k] or of[k - 1]
        found = dict[int, list[Line]]()
        for line, number in zip(lines, of, strict=True):
            found.setdefault(number, []).append(line)
        before: list[tuple[Line | None, list[Line]]] = [(None, found[0])] if 0 in found else []
        return before + [(line, found.pop(line.number, [])) for line in forward]

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | Sequence[Line]:
        return self.lines[index]

    def __len__(self) -> int:
        return len(self.lines)

    def __bool__(self) -> bool:
        return not self.mistakes and not self.remarks

    def rows_of(self, line: Line) -> Iterator[Row]:
        """Number, source and what it is; below a mistaken line the one that it ought to be."""
        from rich.text import Text

        is_first = line is next(other for other in self.lines if other.number == line.number)
        here = [mistake for mistake in self.mistakes if is_first and mistake.line == line.number]
        mark, style = MARKS[MISTAKE if here else line.status]
        says = here[0].says if here else line.says
        yield Text(f"{line.number:4d}"), Text(line.source), Text(f"{mark} {says}".rstrip(), style)
        for mistake in here:
            if mistake.should and mistake.place != "moved":
                ought = "(this line must go)" if mistake.should == "pass" else mistake.should
                after = "after it" if mistake.place == "after" else "ought to be"
                yield Text("   +", "green"), Text(ought, "green"), Text(f"  {after}", "green")

    def _rows(self) -> Iterator[Row]:
        """The rows of all lines, and of the mistakes that stand in none of them."""
        from rich.text import Text

        for line in self.lines:
            yield from self.rows_of(line)
        there = {line.number for line in self.lines}
        for mistake in (mistake for mistake in self.mistakes if mistake.line not in there):
            yield Text(f"{mistake.line:4d}"), Text(mistake.source), Text(f"✗ {mistake.says}", MARKS[MISTAKE][1])
            if mistake.should:
                yield Text("   +", "green"), Text(mistake.should, "green"), Text("  ought to be", "green")

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        remarks = (Text(remark, style="bold red") for remark in self.remarks)
        return Group(Text(self.title, style="bold"), *remarks, grid(list(self._rows())))

    def __str__(self) -> str:
        return as_text(self)

    def __repr__(self) -> str:
        return f"<Reading {self.title!r}: {len(self.lines)} lines, {len(self.mistakes)} mistaken>"

    def _repr_html_(self) -> str:
        from rich.text import Text

        rows = "".join(
            f'<tr><td style="text-align:right">{number.plain}</td><td style="{CSS[str(source.style)]}">'
            f"<code>{escaped(source.plain)}</code></td>"
            f'<td style="{CSS[str(says.style)]}">{escaped(says.plain)}</td></tr>'
            for number, source, says in self._rows()
        )

        above = [paragraph(Text(self.title, "bold")), *(paragraph(Text(remark, "bold red")) for remark in self.remarks)]
        return framed("backprop-reading", *above, f"<table>{rows}</table>")

    def to_json(self) -> str:
        """All lines and mistakes, as a JSON object.

        >>> import json
        >>> json.loads(Reading("mine", []).to_json())["mistakes"]
        []
        """
        found = {
            "title": self.title,
            "lines": list(map(asdict, self.lines)),
            "mistakes": list(map(asdict, self.mistakes)),
            "remarks": list(self.remarks),
        }
        import json

        return json.dumps(found, indent=2)


def backwards(lines: Sequence[Line]) -> list[Line]:
    """The lines from the last to the first; the head of a block stays above what stands in it.

    >>> lines = [Line(n, source, "") for n, source in enumerate(["a", "for t in s:", "    b", "    c", "d"])]
    >>> [line.number for line in backwards(lines)]
    [4, 1, 3, 2, 0]
    """
    blocks: list[list[Line]] = []
    first = min((_indent(line) for line in lines), default=0)
    for line in lines:
        if blocks and _indent(line) > first:
            blocks[-1].append(line)
        else:
            blocks.append([line])
    return [line for head, *inner in reversed(blocks) for line in (head, *backwards(inner))]


def _indent(line: Line) -> int:
    return len(line.source) - len(line.source.lstrip())
