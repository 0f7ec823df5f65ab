"""Whether the numbers that a user's own code returns are the gradient, up to the rounding that explains them.

A formula that is right may still give nan, or nothing but rounding errors; and code may take another way when it is run
as it is than when it is recorded.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.number.vocabulary import shadows
from compare.report.report import DIFFERENT, UNSTABLE
from compare.subject.arithmetic import OF_THE_DATA, ROUNDED, precise
from compare.subject.runs import CANNOT, Runs
from compare.subject.subject import FLOATS
from compare.verdict.agree import bounds_between, errors
from compare.verdict.formula import FAR, SINGLE, TRUE, Finding

Array = NDArray[Any]


class Numbers:
    """Holds the numbers of a user's own run against the true gradient, array by array."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs

    def judged(self, name: str, finding: Finding) -> Finding:
        """The finding about a formula that is right, or that its numbers are not."""
        called, (ours, chain) = self.runs.subject.called(name), self.runs.floats.pair(name)
        ours = np.asarray(ours)
        if ours.dtype.kind not in "fiub" or np.shape(ours) != np.shape(chain):
            return finding
        in_single = self.runs.subject.in_single or (ours.dtype.kind == "f" and ours.dtype.itemsize < 8)
        ours = ours.astype(float)
        if self._are_near(name, ours, chain):
            return finding
        true = self.true(name)
        finite = np.isfinite(ours)
        if not finite.all():
            at = np.argwhere(~finite)[0]
            says = f"{called} is {ours[tuple(at)]} at {at.tolist()}, where the gradient is {true[tuple(at)]:.4g}"
            return self._unstable(finding, finite, says)
        with np.errstate(all="ignore"):
            error, largest = np.abs(ours - true), float(np.max(np.abs(true), initial=0))
        bound = self.bound(name)
        explained = error <= bound + np.spacing(np.abs(true))
        # a saturated unit has a gradient of 1e-50, for which float64 has 0; it would change J by nothing
        reach = float(np.max(np.abs(self.runs.subject.arrays.get(name, np.ones(()))), initial=0))
        immaterial = error * (reach or 1.0) <= FAR * abs(self.runs.J) if np.isfinite(self.runs.J) else False
        small = (error <= FAR * largest) | immaterial
        if (explained & small).all():
            return finding
        if explained.all():
            if (small | (error <= 100 * self._of_the_data(name) + np.spacing(largest))).all():  # as near an optimum
                return finding
            says = f"{called} is off by up to {_part(error, largest)}: rounding, as where large terms cancel"
            return self._unstable(finding, small, says)
        if in_single and (error <= SINGLE * bound + FAR * largest).all():
            return finding
        return self._unexplained(name, finding, error, explained, largest)

    def _are_near(self, name: str, ours: Array, chain: Array) -> bool:
        """Whether both sides are as near as rounding explains, and that is near: no need of the true gradient.

        Not where rounding may have decided on which side of a kink a unit is, or what code asked about its numbers.
        """
        tape = self.runs.tape
        if tape is None:
            return False
        with contextlib.suppress(*CANNOT), np.errstate(all="ignore"):
            bounds = bounds_between(self.runs.sides(ROUNDED), name)
            largest, apart = np.max(np.abs(chain), initial=0), np.abs(ours - chain)
            return not tape.doubtful and any(
                bool(((bound <= FAR * largest) & (apart <= bound + np.spacing(np.abs(chain)))).all())
                for bound in bounds
            )
        return False

    def true(self, name: str) -> Array:
        """The true gradient, as floats; of a large graph, and without long floats, what the chain rule gives."""
        if self.runs.knows_truth:
            with contextlib.suppress(*CANNOT):
                return np.asarray(shadows(self.runs.sides(precise(TRUE)).chain[name]), float)
        return np.asarray(self.runs.floats.chain[name], float)

    def bound(self, name: str) -> Array:
        """The most that rounding in float64 can have done to the hand-written side, and to what stands for truth."""
        shape = np.shape(self.runs.floats.chain[name])
        bound = np.full(shape, np.inf)
        with contextlib.suppress(*CANNOT):
            ours, chain = self.runs.sides(ROUNDED).pair(name)
            if ours is not None and np.shape(ours) == shape:
                bound = errors(ours) + (0.0 if self.runs.knows_truth else errors(chain))
        return np.where(np.isnan(bound), np.inf, bound)

    def _of_the_data(self, name: str) -> Any:
        """What a change of the last place of the data can do to the gradient, as near an optimum."""
        try:
            change = errors(self.runs.sides(OF_THE_DATA).chain[name])
            return np.where(np.isfinite(change), change, 0.0)  # an infinite one says nothing
        except CANNOT:
            return 0.0

    def _unstable(self, finding: Finding, equal: Array, says: str) -> Finding:
        where = self.runs.subject.trouble()
        return finding._replace(verdict=UNSTABLE, equal=equal, says=f"{says}{f' ({where})' if where else ''}")

    def _unexplained(self, name: str, finding: Finding, error: Array, explained: Array, largest: float) -> Finding:
        """Off by more than rounding: a narrow type, memory that nobody filled, or another way than was recorded."""
        dtype = np.asarray(self.runs.floats.ours[name]).dtype
        if dtype.kind in "iu":
            says = f"{self.runs.subject.called(name)} has dtype {dtype}: what was written into it was truncated"
            return finding._replace(verdict=DIFFERENT, equal=explained, says=says)
        try:
            tape = self.runs.tape
            sides = self.runs.sides(FLOATS) if tape is None else tape.floats
            recorded = np.asarray(shadows(sides.ours[name]), float)
            same = np.allclose(recorded, np.asarray(self.runs.floats.ours[name], float), rtol=1e-12, atol=0)
        except CANNOT:
            same = False
        called, off = self.runs.subject.called(name), _part(error, largest)
        if same and not self.runs.knows_truth and not self.runs.subject.in_single and (error > FAR * largest).any():
            says = f"{called} is off by up to {off}: more than rounding can explain"
            return finding._replace(verdict=DIFFERENT, equal=explained, says=says)  # a factor that the prime hides
        if same or self.runs.subject.in_single:
            return self._unstable(finding, explained, f"{called} is off by up to {off} in its own floats")
        tests = self.runs.subject.tests_of_types()
        why = f"by a test of types ({tests})" if tests else "by a type, or memory that nothing was written into"
        says = (
            f"the numbers that your code returns for d{name} are off by up to {off}, though its formula is right where"
            f" it is recorded: it takes another way when it runs as it is, {why}"
        )
        return finding._replace(verdict=DIFFERENT, equal=explained, says=says)


def another_way(runs: Runs) -> str:
    """That the cost is another one where it is recorded, "" if it is the same."""
    plain, recorded = runs.subject.plain_J, runs.J
    if plain is None or not np.isfinite([plain, recorded]).all():
        return ""  # an overflow: the gradients tell
    if abs(plain - recorded) <= FAR * max(abs(plain), abs(recorded)):
        return ""
    tests = runs.subject.tests_of_types()
    return (
        f"your cost gives {plain:.6g} when it runs as it is, and {recorded:.6g} where it is recorded: it takes another"
        f" way, by a test of types{f' ({tests})' if tests else ''} or by what it remembers from another run"
    )


def _part(error: Array, largest: float) -> str:
    most = float(np.max(error))
    return f"{most / largest:.2g} of its largest entry" if largest else f"{most:.2g}, where it is 0"
