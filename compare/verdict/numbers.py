"""Whether the numbers that a user's own code returns are the gradient, up to the rounding that explains them.

A formula that is right may still give nan, or nothing but rounding errors; and code may take another way when it is run
as it is than when it is recorded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.number.vocabulary import shadows
from compare.report.report import DIFFERENT, UNSTABLE
from compare.subject.arithmetic import OF_THE_DATA, ROUNDED, precise
from compare.subject.runs import CANNOT, Runs
from compare.subject.subject import FLOATS
from compare.verdict.agree import errors
from compare.verdict.formula import FAR, Finding

Array = NDArray[Any]

BITS = 200  # of the long floats that the true gradient is computed in
SINGLE = 2.0**29  # the roundoff of float32 in those of float64


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
        ours = ours.astype(float)
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
        small = error <= FAR * largest
        if (explained & small).all():
            return finding
        if explained.all():
            if (small | (error <= 100 * self._of_the_data(name) + np.spacing(largest))).all():  # as near an optimum
                return finding
            says = f"{called} is off by up to {_part(error, largest)}: rounding, as where large terms cancel"
            return self._unstable(finding, small, says)
        if self.runs.subject.in_single and (error <= SINGLE * bound + FAR * largest).all():
            return finding
        return self._unexplained(name, finding, error, explained, largest)

    def true(self, name: str) -> Array:
        """The true gradient, as floats."""
        try:
            return np.asarray(shadows(self.runs.sides(precise(BITS)).chain[name]), float)
        except CANNOT:
            return np.asarray(self.runs.floats.chain[name], float)

    def bound(self, name: str) -> Array:
        """The most that rounding in float64 can have done to the hand-written side."""
        shape = np.shape(self.runs.floats.chain[name])
        try:
            rounded = self.runs.sides(ROUNDED).ours.get(name)
        except CANNOT:
            rounded = None
        if rounded is None or np.shape(rounded) != shape:
            return np.full(shape, np.inf)
        bound = errors(rounded)
        return np.where(np.isnan(bound), np.inf, bound)

    def _of_the_data(self, name: str) -> Any:
        """What a change of the last place of the data can do to the gradient, as near an optimum."""
        try:
            return errors(self.runs.sides(OF_THE_DATA).chain[name])
        except CANNOT:
            return 0.0

    def _unstable(self, finding: Finding, equal: Array, says: str) -> Finding:
        where = self.runs.subject.trouble()
        return finding._replace(verdict=UNSTABLE, equal=equal, says=f"{says}{f' ({where})' if where else ''}")

    def _unexplained(self, name: str, finding: Finding, error: Array, explained: Array, largest: float) -> Finding:
        """Off by more than rounding: a narrow type, memory that nobody filled, or another way than was recorded."""
        try:
            recorded = np.asarray(shadows(self.runs.sides(FLOATS).ours[name]), float)
            same = np.allclose(recorded, np.asarray(self.runs.floats.ours[name], float), rtol=1e-12, atol=0)
        except CANNOT:
            same = False
        called, off = self.runs.subject.called(name), _part(error, largest)
        if same or self.runs.subject.in_single:
            return self._unstable(finding, explained, f"{called} is off by up to {off} in its own floats")
        says = (
            f"the numbers that your code returns for d{name} are off by up to {off}, though its formula is right where"
            " it is recorded: it takes another way when it runs as it is, by a type, a dtype, or memory left unfilled"
        )
        return finding._replace(verdict=DIFFERENT, equal=explained, says=says)


def _part(error: Array, largest: float) -> str:
    most = float(np.max(error))
    return f"{most / largest:.2g} of its largest entry" if largest else f"{most:.2g}, where it is 0"
