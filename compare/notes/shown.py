"""The notes, executed, and how they are shown: as tables in a terminal or a notebook, and as JSON.

>>> found = notes()
>>> bool(found), found["C2"].verdict
(True, 'holds')
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import overload

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.text import Text

import compare.notes.statements  # noqa: F401  registers the statements
from autograd.number.show import as_written as show
from compare.notes.claims import COLUMNS, ENTRIES, EVIDENCE, FAILS, HOLDS, MARKS, Claim, executed
from compare.notes.derivation import Step, as_formula, derivation
from compare.notes.example import Short
from compare.report.report import counted
from compare.report.table import Column, Table, as_text, framed, paragraph

WIDTH = 100  # of the printed table

SECTIONS = {
    "A": "A  Logistic regression",
    "B": "B  Back propagation, one layer at a time, starting with the last",
    "C": "C  The multivariate chain rule",
    "D": "D  Why B1 holds",
    "E": "E  Where the notes contradict themselves: both readings are run",
}

_PREFACE = (
    "Each statement is run on a graph of scalars, and the chain rule over that graph decides. The numbers are exact"
    " fractions, compared with ==. A short fraction near g(z) stands for g(z)"
    f" ({show(Short(1).sigmoid())} for g(1) = 0.731), so that you can check everything by hand.",
    "Logistic regression: p = 3, m = 4. Network: n₀ = 5, n₁ = 3, n₂ = 2, n₃ = 1, m = 4."
    " (1, 2; 3, 4) is a matrix with the rows 1, 2 and 3, 4.",
)
_ANY_SIZES = "From D1 to D6 for any n₁, n₂ and m; in the same way B4, B3, A7 and B5"
_LEGEND = (
    "k, s: units of layer 2, 1 to n₂. j, p: units of layer 1, 1 to n₁. i, r: observations, 1 to m. w[k,p]: weight of"
    " unit k for unit p. dJdz[k,i]: dJ⁽ⁱ⁾/dz of unit k, whatever it is. δ(i,r): 1 if i = r, else 0."
)


@dataclass(frozen=True)
class Notes(Sequence[Claim]):
    """All statements in the order of the notes, and the derivation; true when everything is as expected.

    >>> found = notes()
    >>> found["E1"].as_written.verdict, found["E1"].that_holds.verdict
    ('fails', 'holds')

    Printing it gives tables, a notebook shows it as HTML, `to_json()` gives everything it holds.
    """

    claims: Sequence[Claim]
    derivation: Sequence[Step] = field(default=())

    def __len__(self) -> int:
        return len(self.claims)

    @overload
    def __getitem__(self, key: int | str) -> Claim: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[Claim]: ...
    def __getitem__(self, key: int | str | slice) -> Claim | Sequence[Claim]:
        if not isinstance(key, str):
            return self.claims[key]
        for claim in self.claims:
            if claim.id == key:
                return claim
        raise KeyError(f"the notes have no statement {key!r}; they have {', '.join(claim.id for claim in self.claims)}")

    def __iter__(self) -> Iterator[Claim]:
        return iter(self.claims)

    def __bool__(self) -> bool:
        return all(claim.as_expected for claim in self.claims) and all(step.holds for step in self.derivation)

    def __str__(self) -> str:
        return as_text(self, WIDTH)

    def __repr__(self) -> str:
        return f"<Notes: {self.summary}>"

    def __rich__(self) -> RenderableType:
        return Constrain(Group(*_parts(self)), WIDTH)

    def _repr_html_(self) -> str:
        parts = (part.html() if isinstance(part, Table) else paragraph(part) for part in _parts(self) if part)
        return framed("backprop-notes", *parts)

    def to_json(self) -> str:
        """All that was found, as a JSON object.

        >>> json.loads(notes().to_json())["agree"]
        True
        """
        steps = [{"id": s.id, "text": s.text, "rule": s.rule, "holds": s.holds} for s in self.derivation]
        claims = [{**asdict(claim), "as_expected": claim.as_expected} for claim in self.claims]
        return json.dumps(
            {"agree": bool(self), "summary": self.summary, "claims": claims, "derivation": steps}, indent=2
        )

    @property
    def summary(self) -> str:
        """What was found, in a few short sentences."""
        plain = [claim for claim in self.claims if claim.as_written is None]
        settled = [claim for claim in self.claims if claim.as_written is not None]
        wrong = [claim.id for claim in self.claims if not claim.as_expected]
        broken = [step.id for step in self.derivation if not step.holds]
        if wrong or broken:
            parts = [f"Not as expected: {', '.join(wrong)}."] if wrong else []
            return " ".join(parts + ([f"Steps that do not follow: {', '.join(broken)}."] if broken else []))
        parts = [f"All {counted(len(plain), 'statement')} hold."]
        if settled:
            parts.append(
                f"All {counted(len(settled), 'contradiction')} are settled: one reading fails, the other holds."
            )
        if self.derivation:
            parts.append(f"All {counted(len(self.derivation), 'step')} of the derivation follow, for any sizes.")
        return " ".join(parts)


def notes() -> Notes:
    """Run every statement of the notes.

    >>> [claim.id for claim in notes()][:3]
    ['A1', 'A2', 'A3']
    """
    return Notes([executed(entry) for entry in ENTRIES], derivation())


def contradictions() -> list[Claim]:
    """Run both readings of each contradiction of the notes, E1 to E7.

    >>> [claim.id for claim in contradictions()][:2]
    ['E1', 'E2']
    """
    return [executed(entry) for entry in ENTRIES if entry.as_written]


def _parts(found: Notes) -> Iterator[Text | Table]:
    """The lines and the tables, from top to bottom."""
    yield Text("The notes, executed", style="bold")
    yield from map(Text, (*_PREFACE, ""))
    for letter, title in SECTIONS.items():
        claims = [claim for claim in found if claim.id.startswith(letter)]
        if claims:
            yield Text(title, style="bold")
            id, text, verdict = COLUMNS
            text = Column("reading", share=text.share) if letter == "E" else text
            yield Table([id, text, verdict, EVIDENCE], [cells for claim in claims for cells in claim.cells()])
    yield Text(_ANY_SIZES, style="bold")
    yield Text(_LEGEND)
    marks = (MARKS[HOLDS if step.holds else FAILS] for step in found.derivation)
    steps = [(step.id, _with_reason(step), mark) for step, mark in zip(found.derivation, marks, strict=True)]
    id, _, verdict = COLUMNS
    yield Table([id, Column("step", share=1), verdict], steps)
    yield Text(found.summary, style="bold green" if found else "bold red")


def _with_reason(step: Step) -> Text:
    reason = step.rule if step.holds else f"{step.rule}? It should be {as_formula(step.says)}"
    return Text(f"{step.text}\n").append(f"  {reason}", style="italic")
