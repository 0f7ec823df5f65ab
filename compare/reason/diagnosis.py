"""Proof-reading a backward pass: its lines with what each is, and its mistakes with what each ought to be."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compare.reason.data import meant
from compare.reason.derived import derived
from compare.reason.laws import laws
from compare.reason.mistakes import Finding, Mistakes
from compare.reason.trial import Court, close
from compare.reason.words import mistake
from compare.report.lines import MISTAKE, Line, Mistake
from compare.steps.lines import lines_of
from compare.steps.pairs import Pairs
from compare.steps.passes import Event, Passes, quiet
from compare.subject.points import redrawn
from compare.subject.runs import CANNOT, Runs
from compare.subject.source import stabilisers
from compare.subject.subject import Sides, UserCode

Array = NDArray[Any]

PART_ELSEWHERE = 1e-5
DERIVED_AT = 1.7  # from this cost of an edit on, the derived line is easier to read
PART, PART_WITH_STABILISERS = 1e-8, 1e-5  # of the largest entry: what is right up to rounding, or up to an eps


class Diagnosis(NamedTuple):
    """The mistakes, the lines, and what is true of the wrong arrays, where that says more or no line was found."""

    mistakes: list[Mistake]
    lines: list[Line]
    remarks: list[str]


def diagnosis(subject: UserCode, floats: Sides, wrong: list[str], seed: int = 0) -> Diagnosis:
    """The lines and the mistakes of a backward pass whose gradients of these names are wrong."""
    if wrong and (says := meant(subject)):
        return Diagnosis([], lines(subject), [says])
    true = {
        name: np.asarray(x, float)
        for name, x in floats.chain.items()
        if name in wrong or floats.ours.get(name) is not None
    }
    passes = Passes(subject)
    elsewhere = _Elsewhere(passes, list(true), seed)
    tolerance = PART_WITH_STABILISERS if stabilisers(subject.functions) else PART
    court = Court(true, wrong, tolerance, elsewhere.agrees)
    remarks: list[str] = []
    findings: list[Finding] = []
    mended: set[str] = set()
    stopped = False
    with quiet():
        if passes.sites:
            search = Mistakes(passes, court)
            findings = search.find() if wrong else []
            findings = [_as_derived(passes, court, finding) for finding in findings[:1]] + findings[1:]
            mended = {name for finding in findings if finding.edit is not None for name in finding.mended}
            stopped = search.stopped and not mended.issuperset(wrong)
        elif wrong:
            remarks.append("the source of your code is not at hand, so no line of it can be named")
        mistakes = [mistake(passes, finding) for finding in findings]
        read = _lines(passes, findings, mistakes)
    numbers = list(subject.known_numbers())
    for name in wrong:
        if name not in mended:
            remarks += laws(name, floats.ours.get(name), true, numbers)
    if stopped:
        remarks.append("the search for the mistake stopped before everything was tried")
    return Diagnosis(mistakes, read, remarks)


def lines(subject: UserCode) -> list[Line]:
    """The lines of a backward pass that has no mistake."""
    with quiet():
        return _lines(Passes(subject), [], [])


def forward_lines(subject: UserCode) -> list[Line]:
    """The lines of the forward pass."""
    with quiet():
        return Pairs(Passes(subject)).forward


def _lines(passes: Passes, findings: list[Finding], mistakes: list[Mistake]) -> list[Line]:
    if not passes.sites:
        return []
    with passes.ready():
        events = passes.backward()
        base = passes.run()

        def reaches(sites: Iterable[int]) -> bool:
            return base is not None and passes.reaches(base, sites)

        mistaken = {id(f.site.statement): one for f, one in zip(findings, mistakes, strict=True)}
        mended = _mended(passes, findings)
        found = lines_of(passes, events, reaches, mistaken, lambda site: site in mended)
    for finding, one in zip(findings, mistakes, strict=True):
        is_loop = hasattr(finding.site.statement, "body")  # which has no line there
        if is_loop and all((line.file, line.number) != (one.file, one.line) for line in found):
            found.append(Line(one.line, one.source, MISTAKE, one.says, (), one.file))
    return sorted(found, key=lambda line: (line.file, line.number))


def _as_derived(passes: Passes, court: Court, finding: Finding) -> Finding:
    """The mistake with the derived line, where no small edit was found that is as easy to read."""
    if finding.edit is not None and finding.edit.cost < DERIVED_AT:
        return finding
    return derived(passes, court, finding) or finding


class _Elsewhere:
    """The same code at a point drawn anew: what is right here by accident is not right there."""

    def __init__(self, passes: Passes, names: list[str], seed: int) -> None:
        self.passes, self.names, self.seed = passes, names, seed

    @functools.cached_property
    def _there(self) -> tuple[Passes, dict[str, Array]] | None:
        """The passes there, and the true gradients; None where the code cannot be run there."""
        try:
            subject = self.passes.subject.moved(redrawn([self.seed, 5]), data=False)
            true = Runs(subject, lambda step: None).floats.chain
        except CANNOT:
            return None
        found = {name: np.asarray(true[name], float) for name in self.names if name in true}
        return self.passes.at(subject), found

    def agrees(self, mended: frozenset[str], right: list[str]) -> bool:
        """Whether the last run mends these there, too, and leaves what is right as it is."""
        if self._there is None:
            return True
        there, true = self._there
        with contextlib.suppress(*CANNOT), there.ready():
            ours = there.run(self.passes.last[0])
            if ours is None:
                return False
            usable = [name for name in (*mended, *right) if np.isfinite(true.get(name, np.nan)).all()]
            return all(close(ours.get(name), true[name], PART_ELSEWHERE) for name in usable)
        return True


def _mended(passes: Passes, findings: list[Finding]) -> set[int]:
    """The sites whose values are others when the mistakes are mended."""
    if not findings or any(finding.after is None and finding.changes is None for finding in findings):
        return set()
    first = findings[0]
    before = _values(passes.backward())
    after = passes.edited(first.site.file, first.changes_in(passes.source))
    with after.ready():
        now = _by_place(after)
    return {k for k, values in before.items() if (place := _place(passes, k)) in now and not _same(values, now[place])}


def _values(events: list[Event]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for event in events:
        found.setdefault(event.site, []).append(event.value)
    return found


def _place(passes: Passes, site: int) -> tuple[Any, ...]:
    found = passes.sites[site]
    return found.file, found.node.lineno, found.node.col_offset, found.target, type(found.node)


def _by_place(passes: Passes) -> dict[tuple[Any, ...], list[Any]]:
    return {_place(passes, k): values for k, values in _values(passes.backward()).items()}


def _same(one: list[Any], other: list[Any]) -> bool:
    def equal(x: Any, y: Any) -> bool:
        return np.shape(x) == np.shape(y) and bool(np.allclose(x, y, rtol=1e-9, atol=0, equal_nan=True))

    return len(one) == len(other) and all(map(equal, one, other))
