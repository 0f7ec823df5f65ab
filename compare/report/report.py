"""What a check found: a `Report` of rows, shown as text, as HTML in a notebook, and as JSON.

A row is one gradient array. Its verdict names what it rests on; see `VERDICTS`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from autograd import late
from compare.report.lines import Line, Mistake
from compare.report.table import Column, Table, as_text, box, folded, framed, paragraph

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

PROVED, EXACT, DIGITS, ROUNDING = "proved", "exact at this point", "equal to many digits", "within rounding"
DATA, CONVENTION = "within rounding of the data", "another convention"
STABILISED = "equal apart from a stabiliser"
UNSTABLE, DIFFERENT, INHERITED = "unstable", "different", "inherited"

#: verdict -> (mark and short form, what it means, colour)
VERDICTS = {
    PROVED: ("✓ proved", "the same for all inputs of this branch: equal at random points modulo a prime", "green"),
    EXACT: ("✓ exact", "the same fractions, compared with ==: no rounding, no tolerance", "green"),
    DIGITS: ("✓ digits", "floats of 1000 and of 2000 bits agree: the difference shrinks with the precision", "green"),
    ROUNDING: ("✓ within rounding", "floats that differ by no more than rounding can explain", "green"),
    DATA: ("✓ within rounding", "no more apart than rounding in the data or in constants of the code causes", "green"),
    STABILISED: (
        "✓ but for eps",
        "the same where a small constant, against log 0 or x / 0, is left out",
        "green",
    ),
    CONVENTION: ("✓ convention", "J has no derivative here, at a kink or a tie; right at every point nearby", "green"),
    UNSTABLE: ("✗ unstable", "the formula is right, the numbers that the code returns in float64 are not", "bold red"),
    DIFFERENT: ("✗ different", "another formula: this step is wrong", "bold red"),
    INHERITED: ("✗ inherited", "this step is right, but it works on a result that is wrong", "yellow"),
}


@dataclass(frozen=True)
class Mismatch:
    """One entry that differs: where, what the formula gives, and what the chain rule gives."""

    index: tuple[int, ...]
    yours: str
    chain_rule: str


@dataclass(frozen=True)
class Row:
    """One gradient array and what was found about it.

    `equal` of `size` entries are equal in the arithmetic of the verdict. `largest_difference` is that of the two
    float64 arrays, `ulps` the same in units in the last place of the largest entry, and `ulps_bound` the most that
    rounding can do to the chain rule's own, to both where that does not explain it, in the same units. `because` names
    the row whose mistake an inherited one carries on; `problem` is what was raised where an array could not be
    computed; `says` is a sentence about the verdict; `expression` is the first entry as an expression, where that was
    asked for.
    """

    name: str
    statement: str
    formula: str
    shape: tuple[int, ...]
    equal: int
    size: int
    verdict: str
    ulps: float | None = None
    ulps_bound: float | None = None
    largest_difference: float | None = None
    because: str = ""
    problem: str = ""
    says: str = ""
    mismatches: tuple[Mismatch, ...] = ()
    expression: str = ""

    @property
    def ok(self) -> bool:
        """Whether the two sides agree."""
        return self.verdict not in (UNSTABLE, DIFFERENT, INHERITED)

    @property
    def gradient(self) -> str:
        """What a sentence calls it: dW of a user's W, dJdW[1] as it is."""
        return self.name if self.name.startswith("dJd") else f"d{self.name}"


class Page(Protocol):
    """A page that can be saved."""

    @property
    def html(self) -> str: ...

    def save(self, path: str) -> Path: ...


class Checked(Protocol):
    """What a report is about; a subject of `compare.subject` is one."""

    title: str


@dataclass(frozen=True)
class Report:
    """What a check found, row by row; true when all rows agree.

    >>> row = Row("dJdb[1]", "A5", "np.mean(dJdz[1], axis=1, keepdims=True)", (1, 1), 1, 1, EXACT)
    >>> report = Report("logistic regression", [row])
    >>> bool(report), "dJdb[1]" in report, [row.verdict for row in report]
    (True, True, ['exact at this point'])

    Printing it gives a table, a notebook shows it as HTML, `to_json()` gives everything it holds.
    """

    title: str
    rows: Sequence[Row]
    preface: Sequence[str] = ()
    evidence: Sequence[str] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    ours: str = "the formula gives"
    theirs: str = "the chain rule"
    subject: Checked | None = field(default=None, repr=False, compare=False)  # what was checked, for `explain`
    mistakes: Sequence[Mistake] = ()
    remarks: Sequence[str] = ()  # what is true of the wrong arrays, where no line explains them
    read: Callable[[], Sequence[Line]] | None = field(default=None, repr=False, compare=False)  # gives the lines

    def __bool__(self) -> bool:
        return all(row.ok for row in self.rows)

    @functools.cached_property
    def lines(self) -> Sequence[Line]:
        """The lines of the user's backward pass, each with what it is; none where there is no such code."""
        return () if self.read is None else tuple(self.read())

    def lesson(self) -> Page:
        """The lesson of the network, or of the user's own code, that was checked: a page that works offline."""
        page: Page = late.bound("Report.lesson")(self)  # a lesson builds on reports
        return page

    def why(self, name: str) -> str:
        """The reason for one gradient in a sentence, "" where there is none."""
        row = self[name]
        mistakes = (mistake.sentence for mistake in self.mistakes if name in mistake.names)
        about = (remark for remark in self.remarks if f"d{name} " in remark)
        return row.problem or next(mistakes, "") or next(about, "") or (row.says if not row.ok else "")

    @property
    def reasons(self) -> list[str]:
        """Why what is wrong is wrong, each cause once."""
        explained = {name for mistake in self.mistakes if mistake.should for name in mistake.names}
        rows = [row for row in self.differing if row.name not in explained and (row.problem or row.says)]
        problems = [f"{row.gradient}: {row.problem or row.says}" for row in rows]
        return [*(mistake.sentence for mistake in self.mistakes), *self.remarks, *problems]

    @property
    def unexplained(self) -> list[str]:
        """What is wrong and no line is mistaken for; none where one is, or where all agree."""
        return [] if self or self.mistakes else [self.summary, *(f"{_as_sentence(text)}." for text in self.reasons)]

    @property
    def differing(self) -> list[Row]:
        """The rows that do not agree."""
        return [row for row in self.rows if not row.ok]

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"the report has no row {name!r}; it has {', '.join(row.name for row in self.rows)}")

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __contains__(self, name: object) -> bool:
        return any(name == row.name for row in self.rows)

    def _ipython_key_completions_(self) -> list[str]:
        return [row.name for row in self.rows]

    def __str__(self) -> str:
        return as_text(self)

    def __repr__(self) -> str:
        return f"<Report {self.title!r}: {self.summary}>"

    def _above(self, verbose: bool = False) -> list[Text]:
        """The first lines: of a report that fails what is wrong."""
        from rich.text import Text

        lines = [Text(self.title, style="bold"), *(map(Text, self.preface) if self or verbose else ())]
        return lines if self else [*lines, Text(self.summary, style="bold red")]

    def _below(self, verbose: bool) -> list[Text]:
        """The lines below the table: what the verdicts rest on, and the entries that differ."""
        from rich.text import Text

        lines = list(map(Text, self.evidence)) if self or verbose else []
        lines += [Text(line, style="red") for line in self._failures(verbose)]
        return lines + ([Text(self.summary, style="bold green")] if self else [])

    def shown(self, verbose: bool = False) -> RenderableType:
        """It for a terminal; of a report that fails `verbose` shows more entries, and what the verdicts rest on."""
        from rich.console import Group
        from rich.text import Text

        expressions = (row for row in self.rows if 0 < len(row.expression) < 200)
        first = [Text(f"{row.name}[0,0] = {row.expression}") for row in expressions]
        reasons: list[RenderableType] = []
        for mistake in self.mistakes:
            reasons += [Text(), *mistake.shown()]
        reasons += [Text(f"{_as_sentence(remark)}.") for remark in self.remarks]
        return Group(*self._above(verbose), *reasons, _table(self.rows), *first, *self._below(verbose))

    def __rich__(self) -> RenderableType:
        return self.shown()

    def _repr_html_(self) -> str:
        above = "".join(map(paragraph, self._above()))
        table = _table(self.rows).html()
        if self:
            return framed("backprop-report", above, table, *map(paragraph, self._below(False)))
        others = self.reasons[len(self.mistakes) :]
        boxes = [*(mistake.html() for mistake in self.mistakes), *(box(f"{_as_sentence(text)}.") for text in others)]
        more = folded("The entries that differ", self._failures(True))
        return framed("backprop-report", above, *boxes, table, more, folded("What the verdicts rest on", self.evidence))

    def to_json(self) -> str:
        """All that the report holds, as a JSON object.

        >>> import json
        >>> json.loads(Report("nothing", []).to_json())["agree"]
        True
        """
        import json

        return json.dumps(
            {
                "title": self.title,
                "agree": bool(self),
                "summary": self.summary,
                "preface": list(self.preface),
                "evidence": list(self.evidence),
                "facts": self.facts,
                "rows": [{**asdict(row), "ok": row.ok} for row in self.rows],
                "mistakes": [asdict(mistake) for mistake in self.mistakes],
                "lines": [asdict(line) for line in self.lines],
                "remarks": list(self.remarks),
            },
            indent=2,
            allow_nan=False,
        )

    @property
    def summary(self) -> str:
        """One sentence: do they agree, and how many entries were compared."""
        entries, arrays = sum(row.size for row in self.rows), len(self.rows)
        if self:
            every, agree = ("The", "agrees") if entries == 1 else ("All", "agree")
            of_arrays = counted(arrays, "gradient array")
            return f"{every} {counted(entries, 'entry', 'entries')} of {of_arrays} {agree} with {self.theirs}."
        differing = self.differing
        wrong = sum(row.size - row.equal for row in differing)
        names = [row.name for row in differing]
        which = ", ".join(names if len(names) <= 6 else [*names[:5], f"and {len(names) - 5} more"])
        return (
            f"{len(differing)} of {counted(arrays, 'gradient array')} differ{'s' * (len(differing) == 1)} from"
            f" {self.theirs}: {which} ({wrong:,} of {counted(entries, 'entry', 'entries')})."
        )

    @property
    def headline(self) -> str:
        """The summary with the first reason, in one line."""
        return " ".join([self.summary, *map(_as_sentence, self.reasons[:1])])

    def _failures(self, verbose: bool) -> list[str]:
        """For each array that differs, what differs, in the manner of numpy.testing."""
        lines = []
        for row in self.differing:
            differing = row.size - row.equal
            if row.mismatches and row.verdict != INHERITED and not (verbose or row.formula or row.problem or row.says):
                at, yours, chain_rule = astuple(row.mismatches[0])
                line = f"{row.name}: {differing:,} of {counted(row.size, 'entry', 'entries')} differ"
                lines.append(f"{line}; at {list(at)} {self.ours} {yours}, {self.theirs} {chain_rule}")
                continue
            line = f"{row.name}: mismatched elements: {differing} / {row.size} ({100 * differing / row.size:.3g}%)"
            if row.verdict == INHERITED:
                lines.append(f"{line}, only because {row.because} is wrong.")
                continue
            lines.append(f"{line}. The formula is {row.formula}." if row.formula else f"{line}.")
            if row.problem:
                lines.append(f"    it raised {row.problem}" if row.formula else f"    {row.problem}")
            if row.says:
                lines.append(f"    {row.says}")
            for mismatch in row.mismatches if verbose else row.mismatches[:1]:
                at = f"    at {list(mismatch.index)}: "
                lines.append(f"{at}{self.ours} {mismatch.yours}, {self.theirs} {mismatch.chain_rule}")
        return lines


def _as_sentence(text: str) -> str:
    """With a capital letter, unless the first word is a name, as dW.

    >>> _as_sentence("the factor"), _as_sentence("dW: your"), _as_sentence("dW is twice")
    ('The factor', 'dW: your', 'dW is twice')
    """
    return text if re.match(r"d[A-Z\[]|\w*[\[.:_\d]", text) else f"{text[:1].upper()}{text[1:]}"


def counted(number: int, one: str, many: str = "") -> str:
    """A number and its noun.

    >>> counted(1, "entry", "entries"), counted(1200, "row")
    ('1 entry', '1,200 rows')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


_COLUMNS = (
    Column("gradient", no_wrap=True),
    Column("by hand"),
    Column("id"),
    Column("shape", "right"),
    Column("equal", "right"),
    Column("verdict"),
    Column("ulps", "right"),
)


def _table(rows: Sequence[Row]) -> Table:
    """The rows, in the columns that hold anything."""
    cells = [_cells(row) for row in rows]
    shown = [k for k in range(len(_COLUMNS)) if not rows or any(line[k].plain for line in cells)]
    return Table([_COLUMNS[k] for k in shown], [[line[k] for k in shown] for line in cells])


def _cells(row: Row) -> list[Text]:
    from rich.text import Text

    mark, _, colour = VERDICTS[row.verdict]
    verdict = Text(mark + (f" from {row.because}" if row.because else ""), style=colour)
    ulps = "" if row.ulps is None else f"{row.ulps:.2g}"
    if row.ulps_bound is not None:
        ulps += f" ≤ {row.ulps_bound:.0f}"
    before = (row.name, row.formula, row.statement, str(row.shape), f"{row.equal}/{row.size}")
    return [*map(Text, before), verdict, Text(ulps)]
