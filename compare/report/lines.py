"""The lines of a backward pass, proof-read: what each line is, which one is mistaken, and what it ought to be."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, overload

from compare.report.places import called
from compare.report.table import CSS, as_text, box, framed, grid, hanging, paragraph

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

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
    "unused" where no gradient depends on it, and "" where it is something on the way.
    """

    number: int
    source: str
    status: str
    says: str
    names: tuple[str, ...] = ()
    file: str = ""


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
        self, title: str, lines: Sequence[Line], mistakes: Sequence[Mistake] = (), remarks: Sequence[str] = ()
    ) -> None:
        self.title, self.lines, self.mistakes = title, tuple(lines), tuple(mistakes)
        self.remarks = tuple(remarks)  # what is wrong where no line is mistaken

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

    def _rows(self) -> Iterator[tuple[Text, Text, Text]]:
        """Number, source and what it is, line by line; below a mistaken line the one that it ought to be."""
        from rich.text import Text

        left = list(self.mistakes)
        for line in self.lines:
            here = [mistake for mistake in left if mistake.line == line.number]
            mark, style = MARKS[MISTAKE if here else line.status]
            left = [mistake for mistake in left if mistake not in here]
            says = here[0].says if here else line.says
            yield Text(f"{line.number:4d}"), Text(line.source), Text(f"{mark} {says}".rstrip(), style)
            for mistake in here:
                if mistake.should and mistake.place != "moved":
                    ought = "(this line must go)" if mistake.should == "pass" else mistake.should
                    after = "after it" if mistake.place == "after" else "ought to be"
                    yield Text("   +", "green"), Text(ought, "green"), Text(f"  {after}", "green")
        for mistake in left:
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
            f"<code>{html.escape(source.plain)}</code></td>"
            f'<td style="{CSS[str(says.style)]}">{html.escape(says.plain)}</td></tr>'
            for number, source, says in self._rows()
        )
        above = [paragraph(Text(self.title, "bold")), *(paragraph(Text(remark, "bold red")) for remark in self.remarks)]
        return framed("backprop-reading", *above, f"<table>{rows}</table>")

    def to_json(self) -> str:
        """All lines and mistakes, as a JSON object.

        >>> json.loads(Reading("mine", []).to_json())["mistakes"]
        []
        """
        found = {
            "title": self.title,
            "lines": list(map(asdict, self.lines)),
            "mistakes": list(map(asdict, self.mistakes)),
            "remarks": list(self.remarks),
        }
        return json.dumps(found, indent=2)
