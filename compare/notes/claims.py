"""What a statement of the notes is, how it is written down and run, and what was found: claims and readings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from rich.text import Text

from compare.report.table import Cell, Column, Table

HOLDS, FAILS = "holds", "fails"

MARKS = {HOLDS: Text("✓ holds", "green"), FAILS: Text("✗ fails", "bold red")}
COLUMNS = (Column("id", no_wrap=True), Column("statement", share=9), Column("verdict", no_wrap=True))
EVIDENCE = Column("what was computed", share=11)


@dataclass(frozen=True)
class Reading:
    """One way to read a statement: what it says, whether it holds, and the numbers that decide."""

    statement: str
    verdict: str
    evidence: str


@dataclass(frozen=True)
class Claim:
    """A statement of the notes, its verdict, and what was computed.

    For a contradiction `as_written` and `that_holds` are its two readings, and the verdict is that of the second.
    """

    id: str
    statement: str
    verdict: str
    evidence: str
    as_written: Reading | None = None
    that_holds: Reading | None = None

    @property
    def as_expected(self) -> bool:
        """Whether nothing speaks against it: the statement holds, and a reading to be refuted fails."""
        return self.verdict != FAILS and (self.as_written is None or self.as_written.verdict != HOLDS)

    def cells(self) -> Iterator[list[Cell]]:
        """The rows of a table: id, text, verdict, evidence; a contradiction has one more for each reading."""
        if self.as_written is None or self.that_holds is None:
            yield [self.id, self.statement, MARKS[self.verdict], self.evidence]
            return
        yield [self.id, self.statement, "", ""]
        for name, reading, wanted in (("as written", self.as_written, FAILS), ("that holds", self.that_holds, HOLDS)):
            expected = reading.verdict == wanted
            style = "green" if expected and wanted == HOLDS else "yellow" if expected else "bold red"
            yield ["", f"{name}: {reading.statement}", Text(MARKS[reading.verdict].plain, style), reading.evidence]

    def _repr_html_(self) -> str:
        return Table([*COLUMNS, EVIDENCE], list(self.cells())).html()


class Entry(NamedTuple):
    """A statement as it is written down: `run` finds one thing, or for a contradiction one for each reading."""

    id: str
    statement: str
    run: Callable[[], Any]
    as_written: str = ""
    that_holds: str = ""


class Finding(NamedTuple):
    """What a statement's function found."""

    holds: bool
    evidence: str

    @property
    def verdict(self) -> str:
        return HOLDS if self.holds else FAILS


ENTRIES: list[Entry] = []


def statement(id: str, text: str) -> Callable[[Callable[[], Finding]], Callable[[], Finding]]:
    """Register the function that runs a statement."""

    def register(run: Callable[[], Finding]) -> Callable[[], Finding]:
        ENTRIES.append(Entry(id, text, run))
        return run

    return register


Settling = Callable[[], tuple[Finding, Finding]]


def contradiction(id: str, text: str, as_written: str, that_holds: str) -> Callable[[Settling], Settling]:
    """Register the function that runs both readings of a contradiction, the written one first."""

    def register(run: Settling) -> Settling:
        ENTRIES.append(Entry(id, text, run, as_written, that_holds))
        return run

    return register


def executed(entry: Entry) -> Claim:
    """Run a statement; one that raises does not hold."""
    verdict, raised = "", ""
    try:
        found = entry.run()
    except Exception as problem:  # a formula under test may raise anything; that is a finding
        verdict, raised = FAILS, f"it raised {type(problem).__name__}: {problem}"
    if not entry.as_written:
        return Claim(entry.id, entry.statement, verdict or found.verdict, raised or found.evidence)
    readings = [
        Reading(text, verdict or found[place].verdict, raised or found[place].evidence)
        for place, text in enumerate((entry.as_written, entry.that_holds))
    ]
    evidence = f"as written: {readings[0].evidence}; that holds: {readings[1].evidence}"
    return Claim(entry.id, entry.statement, readings[1].verdict, evidence, *readings)
