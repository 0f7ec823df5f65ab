"""What agreement is worth: the same code is run in several arithmetics, and each gives its judgement.

A check is a function `run` from an arithmetic to the two sides it compares, gradients by name. The strongest arithmetic
that can decide gives the verdict; see `compare.report.VERDICTS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd.number.degree import Atoms
from autograd.number.residue import Residue, ZeroResidue
from autograd.number.show import in_full as show
from autograd.number.vocabulary import shadows
from compare.report.report import DIGITS, EXACT, PROVED, ROUNDING, Mismatch, Row, counted
from compare.subject.arithmetic import (
    EXACT_NUMBERS,
    ROUNDED,
    Arithmetic,
    degrees,
    digits,
    precise,
    residues,
    same,
)
from compare.verdict.chance import chance_of_error, evidence_of

Array = NDArray[Any]

POINTS = 2  # random points of a proof


class Sides(NamedTuple):
    """The gradients of one run by name: the hand-written ones, and those of the chain rule.

    `alone` runs each hand-written step on the chain rule's own arrays, where the check knows the steps; it is a
    function, for it is asked only where something differs. It gives the arrays and what was raised.
    """

    ours: dict[str, Any]
    chain: dict[str, Array]
    alone: Callable[[], tuple[dict[str, Any], dict[str, str]]] = lambda: ({}, {})

    def pair(self, name: str) -> tuple[Any, Array]:
        """Ours and the chain rule's."""
        return self.ours.get(name), self.chain[name]


class Judge(NamedTuple):
    """What one arithmetic says: which entries of each gradient are equal, and what that is worth.

    `full` is for the hand-written steps one after the other, `alone` for each on the chain rule's own arrays;
    `problems` is what they raised there.
    """

    verdict: str
    evidence: str
    full: dict[str, Array]
    alone: dict[str, bool]
    problems: dict[str, str]

    def agrees(self) -> bool:
        """Whether everything is equal."""
        return all(equal.all() for equal in self.full.values())


class Court:
    """Runs a check in the arithmetics that are asked for, each at most once.

    `floats` are the two sides in float64; `scope` says what a proof is about.
    """

    def __init__(self, run: Callable[[Arithmetic], Sides], floats: Sides, scope: str) -> None:
        self.run, self.floats, self.scope = run, floats, scope
        self.names = list(floats.chain)
        self._runs: dict[str, Sides] = {}

    def sides(self, arithmetic: Arithmetic) -> Sides:
        """The two sides in an arithmetic without chance, kept."""
        if arithmetic.name not in self._runs:
            self._runs[arithmetic.name] = self.run(arithmetic)
        return self._runs[arithmetic.name]

    def judges(self, arithmetic: str | None, seed: int) -> list[Judge]:
        """The judgement of the arithmetic that was asked for; by default the strongest that can decide."""
        match arithmetic:
            case "exact":
                return [self.by_fractions()]
            case "precise":
                return [self.by_long_floats()]
            case "float64":
                return [self.by_floats()]
        judge = self.by_residues(seed)
        if arithmetic is None and not judge.agrees():
            return [judge, self.by_long_floats()]
        return [judge]

    def _judge(self, verdict: str, evidence: str, runs: list[Sides], equal: Callable[[Any, Array], Array]) -> Judge:
        """Equal is what is equal in every run; the steps are judged alone where something differs."""
        full = {name: np.logical_and.reduce([equal(*run.pair(name)) for run in runs]) for name in self.names}
        judge = Judge(verdict, evidence, full, dict.fromkeys(self.names, True), {})
        if judge.agrees():
            return judge
        problems: dict[str, str] = {}
        for run in runs:
            ours, problems = run.alone()
            for name in self.names:
                judge.alone[name] &= bool(equal(ours.get(name), run.chain[name]).all())
        return judge._replace(problems=problems)

    def by_residues(self, seed: int) -> Judge:
        """Equal at random points modulo a prime."""
        rng = np.random.default_rng(seed)
        runs: list[Sides] = []
        while len(runs) < POINTS:
            try:
                runs.append(self.run(residues(rng)))
            except ZeroResidue:  # a division by a number that is 0 modulo the prime: take another point
                continue
        judge = self._judge(PROVED, "", runs, same)
        if not any(equal.all() for equal in judge.full.values()):
            return judge
        atoms: list[Atoms] = []
        of_degrees = self.run(degrees(atoms))
        chance = chance_of_error(map(of_degrees.pair, self.names), atoms, POINTS, Residue)
        return judge._replace(evidence=evidence_of(self.scope, POINTS, Residue.prime, seed, chance))

    def by_fractions(self) -> Judge:
        """Equal as fractions."""
        text = "exact: the same fractions for these parameters and data, compared with ==."
        return self._judge(EXACT, text, [self.sides(EXACT_NUMBERS)], same)

    def by_long_floats(self) -> Judge:
        """Equal where the digits that agree grow with the precision."""
        short, long = self.sides(precise(1000)), self.sides(precise(2000))

        def grows(name: str) -> Array:
            few, many = digits(*short.pair(name)), digits(*long.pair(name))
            grown: Array = ((few > 150) & (many > few + 150)) | (few == np.inf)
            return grown

        judge = self._judge(DIGITS, "", [short, long], lambda ours, theirs: digits(ours, theirs) > 150)
        full = {name: grows(name) for name in self.names}
        agreeing = [digits(*long.pair(name)).min(initial=np.inf) for name in self.names if full[name].all()]
        least = min(agreeing, default=np.inf)
        count = "all" if np.isinf(least) else f"{least:.0f}"
        evidence = (
            f"equal to {count} digits: in floats of 2000 bits, and to about half as many in 1000 bits; the difference"
            " shrinks as the precision grows, so it is rounding."
        )
        return judge._replace(full=full, evidence=evidence)

    def by_floats(self) -> Judge:
        """Equal within the rounding that float64 can explain, measured from the true gradient."""
        true, rounded = self.sides(precise(200)), self.sides(ROUNDED)

        def within(name: str) -> Array:
            ours, theirs, bound = self.floats.pair(name)[0], true.chain[name], rounded.pair(name)[0]
            if any(x is None or np.shape(x) != theirs.shape for x in (ours, bound)):
                return np.zeros(theirs.shape, bool)
            exactly = shadows(theirs)
            close: Array = np.abs(ours - exactly) <= errors(bound) + np.spacing(np.abs(exactly))
            return close

        evidence = "within rounding: no further from the true gradient than float64 arithmetic can explain."
        full = {name: within(name) for name in self.names}
        judge = self._judge(ROUNDING, evidence, [true], lambda ours, theirs: digits(ours, theirs) > 30)
        return judge._replace(full=full)

    def mismatches(self, name: str, equal: Array, most: int = 3) -> tuple[Mismatch, ...]:
        """The first entries that differ, with the numbers of both sides."""
        ours, theirs = self.sides(precise(200)).pair(name)
        found = []
        for index in np.argwhere(~equal)[:most]:
            place = tuple(map(int, index))
            if ours is None:
                mine = "nothing"
            elif np.shape(ours) != theirs.shape:
                mine = f"an array of shape {np.shape(ours)}"
            else:
                mine = show(ours[place])
                if mine == show(theirs[place]):  # the same digits, yet not the same
                    mine += f" (off by {show(ours[place] - theirs[place], 2)})"
            found.append(Mismatch(place, mine, show(theirs[place])))
        return tuple(found)

    def ulps(self, name: str) -> dict[str, float]:
        """Errors of both sides in float64, and the bound on ours, in ulps of the largest entry."""
        true, bound = shadows(self.sides(precise(200)).chain[name]), self.sides(ROUNDED).pair(name)[0]
        ours, theirs = self.floats.pair(name)
        found = {
            "ulps": largest_difference(ours, true),
            "ulps_chain_rule": largest_difference(theirs, true),
            "ulps_bound": None if bound is None else float(np.max(errors(bound), initial=0)),
        }
        with np.errstate(all="ignore"):
            ulp = float(np.spacing(np.max(np.abs(true), initial=0))) or 1.0
        in_ulps = {key: error / ulp for key, error in found.items() if error is not None}
        return in_ulps if np.isfinite(list(in_ulps.values())).all() else {}


def errors(array: Any) -> Array:
    """The bounds on the rounding errors of an array of `Rounded` numbers."""
    array = np.asarray(array, object)
    return np.array([getattr(x, "error", 0.0) for x in array.flat]).reshape(array.shape)


def about_floats(rows: list[Row]) -> list[str]:
    """What the difference in float64 is, where the exact runs agree."""
    bounded = [row for row in rows if row.ulps is not None and row.ulps_chain_rule is not None]
    if not bounded:
        return []
    largest = max(bounded, key=lambda row: row.largest_difference or 0)
    if not largest.largest_difference:
        return ["float64: the two sides are the same to the last bit."]
    ours = sum((row.ulps or 0) < (row.ulps_chain_rule or 0) for row in bounded)
    theirs = sum((row.ulps or 0) > (row.ulps_chain_rule or 0) for row in bounded)
    exactly = all(row.verdict != ROUNDING for row in rows)
    return [
        f"float64: the two sides differ by up to {largest.largest_difference:.2g} ({largest.name})"
        + (": rounding, since they agree exactly." if exactly else ".")
        + f" The hand-written side is closer to the true gradient in {counted(ours, 'array')}, the scalar sum in"
        f" {theirs}. ulps: distance from the true gradient ≤ the most that rounding can cause."
    ]


def largest_difference(ours: Any, theirs: Array) -> float | None:
    """The largest difference of two float arrays; None where there is none to speak of."""
    if ours is None or np.shape(ours) != theirs.shape:
        return None
    try:
        with np.errstate(all="ignore"):
            difference = float(np.max(np.abs(np.asarray(ours) - theirs).astype(float), initial=0))
    except TypeError:  # the formula under test gave something else than numbers
        return None
    return difference if np.isfinite(difference) else None
