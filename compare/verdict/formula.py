"""Whether hand-written code is, as a formula, the derivative of the cost: for all values of its parameters.

The strongest arithmetic that can decide gives the verdict. No weaker one overrules it at a special point: what residues
at random points find different is equal only if long floats find it so at random points too, never at the user's alone.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd.number.array import NumberArray
from autograd.number.precise import Precise
from autograd.number.residue import KnowingResidueArray, Residue, ResidueArray, ZeroResidue
from autograd.number.vocabulary import Refused, shadows
from compare.report.report import DATA, DIFFERENT, DIGITS, EXACT, PROVED, ROUNDING
from compare.subject.arithmetic import EXACT_NUMBERS, OF_THE_DATA, ROUNDED, precise
from compare.subject.points import Move, near, redrawn
from compare.subject.runs import CANNOT, Runs
from compare.subject.subject import Sides
from compare.subject.tape import OnTape
from compare.verdict.agree import apart, errors, same, size_of
from compare.verdict.chance import chance_of_error, enough_points, evidence_of

Array = NDArray[Any]

POINTS = 2  # random points of a proof by residues, on a tape of no more than so many edges; beyond, one more
FEW_EDGES = 10_000
LIKELY = 1e-9  # a chance beyond which long floats judge what laws of functions found equal
TRUE = 200  # bits of the long floats that the true gradient is computed in
SHORT, LONG = 1000, 2000  # bits of those that judge
SHRUNK = 500  # bits by which a difference that is rounding shrinks at least, from the short ones to the long ones
FAR = 1e-6  # the part of the largest entry beyond which a difference in float64 is none of rounding
SINGLE = 2.0**29  # the roundoff of float32 in those of float64
FAR_IN_SINGLE = 1e-3
SEEN = 2.0**-20  # rounding in the data, where it is all that differs, shows in this part of its bound somewhere
VANISHED = (
    "equal to 2,000 digits: at this point and at random ones, where the exponential of a number below -5,000, as of a"
    " mask of -1e9, counts as the 0 that it is in floats."
)
SCALES = (1.0, 0.1)  # of the random points at which long floats judge, beside the user's


class Finding(NamedTuple):
    """What was found about one gradient: the verdict, which entries are equal, and a sentence about it."""

    verdict: str
    equal: Array
    says: str = ""


class Formula:
    """Judges the gradients of a subject as formulas. `findings` are by name, `evidence` says what they rest on."""

    def __init__(self, runs: Runs, arithmetic: str | None, seed: int) -> None:
        self.runs, self.seed = runs, seed
        self.names = list(runs.floats.chain)
        self.findings: dict[str, Finding] = {}
        self.evidence: dict[str, str] = {}
        self.remarks: list[str] = []
        self.elsewhere: dict[str, Runs] = {}  # another point, for what is equal at the given one only
        self.judged: list[Sides] = []  # in numbers that know no rounding: what the steps are judged alone by
        match arithmetic:
            case "exact":
                self._by_fractions()
            case "precise":
                self._by_long_floats(self.names, [self.runs])
            case "float64":
                self._by_floats(self.names)
            case "residue" | "symbolic":
                self._by_residues()
            case _:
                self._by_the_strongest()

    def _left(self) -> list[str]:
        return [name for name in self.names if self._verdict(name) == DIFFERENT]

    def _verdict(self, name: str) -> str:
        return self.findings[name].verdict if name in self.findings else DIFFERENT

    def _find(self, verdict: str, name: str, equal: Array, says: str = "") -> None:
        """Note which entries are equal; the verdict where all are."""
        if self._verdict(name) == DIFFERENT:
            self.findings[name] = Finding(verdict if equal.all() else DIFFERENT, equal, says)

    def _by_the_strongest(self) -> None:
        try:
            self._by_residues()
        except (*CANNOT, ZeroResidue) as problem:
            self.remarks.append(str(problem))
        for name in self._by_collusion():
            del self.findings[name]
        left = [name for name in self._left() if not self._far(name)]
        without = self._without_vanishing(left) if left else []
        left = [name for name in left if name not in without]
        try:
            if left:
                self._by_long_floats(left, [self.runs, *self._elsewhere(self._has_digits)])
        except CANNOT as problem:
            self.remarks.append(str(problem))
        if without:
            self.evidence[DIGITS] = f"{VANISHED} {self.evidence.get(DIGITS, '')}".strip()
        if not self.findings:
            self._by_floats(self.names)
        for name in self.names:
            self.findings.setdefault(name, Finding(DIFFERENT, np.zeros(self.runs.floats.chain[name].shape, bool)))

    def _by_residues(self) -> None:
        try:
            self._at_random_points()
        except Refused as problem:
            self.runs.leave_tape(problem)
            self._at_random_points()

    def _at_random_points(self) -> None:
        """Equal at random points modulo a prime, as many as make a false agreement unlikely enough."""
        tape, points, chance = self.runs.tape, POINTS, 0.0
        if tape is not None:
            run, equal, points, chance = self._at_enough_points(tape, self.names, ResidueArray.collecting)
            self.judged = [run]
        else:
            self.judged = self.runs.residues(points, self.seed)
            equal = {name: np.logical_and.reduce([same(*run.pair(name)) for run in self.judged]) for name in self.names}
        for name in self.names:
            self._find(PROVED, name, equal[name])
        if tape is not None:
            points, more = self._by_laws(tape, points)
            chance += more
        elif any(finding.verdict == PROVED for finding in self.findings.values()):
            chance = chance_of_error(*self.runs.degrees(), points, Residue)
        numbers = Residue if tape is None else ResidueArray
        self.evidence[PROVED] = evidence_of(self.runs.subject.scope, points, numbers, self.seed, chance)

    def _at_enough_points(
        self, tape: OnTape, names: list[str], numbers_of: Callable[[], type[ResidueArray]]
    ) -> tuple[Sides, dict[str, Array], int, float]:
        """A run at random points and what is equal in it, at how many points, and the chance of a false agreement.

        It is repeated at more points where it agrees and its degrees show that more are needed.
        """
        points = POINTS if tape.edges <= FEW_EDGES else POINTS + 1
        while True:
            run, numbers = tape.residues(points, self.seed, numbers_of)
            equal = {name: same(*run.pair(name)) for name in names}
            sides, atoms = [run.pair(name) for name in run.chain], numbers.met()
            if not any(x.all() for x in equal.values()):
                return run, equal, points, 0.0
            enough, chance = enough_points(sides, atoms, points)
            if enough == points:
                return run, equal, points, chance
            points = enough

    def _by_laws(self, tape: OnTape, points: int) -> tuple[int, float]:
        """Equal in residues that know more of roots and exponentials: at how many points, and how likely an error."""
        left = [name for name in self._left() if not self._far(name)]
        if not left or not tape.has_laws:
            return points, 0.0
        try:
            _, equal, needed, chance = self._at_enough_points(tape, left, KnowingResidueArray.collecting)
        except (*CANNOT, ZeroResidue):
            return points, 0.0
        found = {name: x for name, x in equal.items() if x.all()}
        if not found or chance > LIKELY:
            return points, 0.0
        for name, x in found.items():
            self._find(PROVED, name, x)
        return max(needed, points), chance

    def _without_vanishing(self, names: list[str]) -> list[str]:
        """Those that are equal where exp(-1e9) counts as 0, as for floats of any length; here and at random points.

        Not those that such exponentials are all of: there they are what is compared.
        """
        tape = self.runs.tape
        if tape is None or not tape.has_vanishing or not self.judged:
            return []
        equal: dict[str, Array] = {name: np.ones((), bool) for name in names}
        vanishing = functools.partial(KnowingResidueArray.collecting, vanishing=True)
        try:
            for point in (self.runs, *self._elsewhere(self._is_finite)):
                if point.tape is None:
                    return []
                run, _ = point.tape.residues(POINTS, self.seed, vanishing)
                for name in names:
                    equal[name] = equal[name] & same(*run.pair(name))
                    if point is self.runs and run.chain[name].same(0).all():
                        equal[name] &= self.judged[0].chain[name].same(0).all()
        except (*CANNOT, ZeroResidue):
            return []
        found = [name for name in names if equal[name].all()]
        for name in found:
            self._find(DIGITS, name, equal[name])
        return found

    def _by_collusion(self) -> list[str]:
        """What residues found equal and long floats do not: a constant, or a number of the data, hides from the prime.

        On a tape each point has a prime of its own, and none hides from two of them. Short floats tell, longer ones
        confirm it.
        """
        found: list[str] = []
        with contextlib.suppress(*CANNOT):
            for name in self.names if self.runs.tape is None else ():
                sides = self.runs.sides(precise(TRUE))
                nothing = size_of(sides.chain[name]) - 0.75 * TRUE
                differs = apart(*sides.pair(name))
                differs = np.isfinite(differs) & (differs > nothing)
                if (
                    self._verdict(name) == PROVED
                    and differs.any()
                    and (differs & ~self._shrinks(name, self.runs)).any()
                ):
                    found.append(name)
        return found

    def _by_fractions(self) -> None:
        """Equal as fractions, at this point."""
        self.evidence[EXACT] = "exact: the same fractions for these parameters and data, compared with ==."
        self.judged = [self.runs.sides(EXACT_NUMBERS)]
        for name in self.names:
            self._find(EXACT, name, same(*self.judged[0].pair(name)))

    def _by_floats(self, names: list[str]) -> None:
        """Equal within the rounding that float64 can explain, measured from the true gradient."""
        self.evidence[ROUNDING] = (
            "within rounding: no further from the true gradient than float64 arithmetic can explain."
        )
        true, rounded = self.runs.sides(precise(TRUE)), self.runs.sides(ROUNDED)
        self.judged = [true]
        for name in names:
            ours, theirs, bound = self.runs.floats.ours[name], true.chain[name], rounded.ours.get(name)
            equal = np.zeros(np.shape(theirs), bool)
            if not any(x is None or np.shape(x) != np.shape(theirs) for x in (ours, bound)):
                exactly = shadows(theirs)
                equal = np.abs(ours - exactly) <= errors(bound) + np.spacing(np.abs(exactly))
            self._find(ROUNDING, name, equal)

    def _by_long_floats(self, names: list[str], points: list[Runs]) -> None:
        """Equal where the difference shrinks as the precision grows, or is no more than rounding in the data causes."""
        digits, by_data = np.inf, []
        for name in names:
            exactly, here, within = self._at_each(name, points)
            if exactly.all():
                digits = min(digits, self._digits(name, points))
                self._find(DIGITS, name, exactly)
            else:
                says = "" if within.all() or not here.all() else self._only_here(name, points)
                by_data += [name] * bool(within.all())
                self._find(DATA, name, within, says)
        count = "all" if np.isinf(digits) else f"{digits:.0f}"
        where = f"at this point and at {len(points) - 1} random ones; " if len(points) > 1 else ""
        self.evidence[DIGITS] = (
            f"equal to {count} digits: in floats of {LONG} bits, and to about half as many in {SHORT}; {where}the"
            " difference shrinks as the precision grows, so it is rounding."
        )
        self.evidence[DATA] = (
            f"within rounding of the data: {where}the two sides differ by no more than a change of a few units in the"
            f" last place of {self._data()} causes."
        )
        self.judged += [self.runs.sides(precise(SHORT))]

    def _at_each(self, name: str, points: list[Runs]) -> tuple[Array, Array, Array]:
        """Which entries are equal: exactly at each point, at the first one, and within rounding of the data at each.

        A difference that is nowhere near what rounding of the data causes is another formula, as where exp(-900) is
        what differs.
        """
        exactly, within, most = [], [], 0.0
        for point in points:
            exactly.append(self._shrinks(name, point))
            parts = np.zeros(exactly[-1].shape) if exactly[-1].all() else self._parts(name, point, point is points[0])
            within.append(exactly[-1] | (parts <= 1))
            most = max(most, float(np.max(parts[~exactly[-1]], initial=0)))
        if most < SEEN:
            within = exactly
        return np.logical_and.reduce(exactly), within[0], np.logical_and.reduce(within)

    def _shrinks(self, name: str, point: Runs) -> Array:
        """Where the difference of the two sides is the rounding of long floats, and so goes away in longer ones."""
        short, long = (point.sides(precise(bits)) for bits in (SHORT, LONG))
        before, after = apart(*short.pair(name)), apart(*long.pair(name))
        nothing = size_of(long.chain[name]) - LONG + SHRUNK  # as good as equal, beside the largest entry
        shrunk = (after == -np.inf) | (after <= before - SHRUNK) | ((before == -np.inf) & (after <= nothing))
        found: Array = shrunk & (after < np.inf)  # nan, inf and another shape are no numbers that could be equal
        return found

    def _digits(self, name: str, points: list[Runs]) -> float:
        """To how many decimal digits of the largest entry both sides agree in the longer floats."""
        sides = [point.sides(precise(LONG)) for point in points]
        apart_by = max(float(np.max(apart(*side.pair(name)), initial=-np.inf)) for side in sides)
        return (size_of(sides[0].chain[name]) - apart_by) * float(np.log10(2)) if np.isfinite(apart_by) else np.inf

    def _parts(self, name: str, point: Runs, is_given: bool) -> Array:
        """How far the sides differ, in parts of what rounding in the data and the constants causes at most."""
        ours, chain = point.sides(precise(SHORT)).pair(name)
        nothing = np.full(np.shape(chain), np.inf)
        try:
            of_ours, of_chain = point.sides(OF_THE_DATA).pair(name)
        except CANNOT:
            return nothing
        if any(x is None or np.shape(x) != np.shape(chain) for x in (ours, of_ours)):
            return nothing
        bound, far = errors(of_ours) + errors(of_chain), FAR
        if self.runs.subject.in_single:
            bound, far = SINGLE * bound, FAR_IN_SINGLE
        if not is_given and np.max(bound, initial=0) > far * np.max(np.abs(shadows(chain)), initial=0):
            return nothing  # such a bound says nothing
        difference = np.abs(np.asarray(shadows(np.asarray(ours, object) - np.asarray(chain, object)), float))
        with np.errstate(all="ignore"):
            return np.where(difference == 0, 0.0, difference / bound)

    def _far(self, name: str) -> bool:
        """Whether the sides differ in float64 by more than any rounding, so that no arithmetic can find them equal."""
        ours, chain = self.runs.floats.pair(name)
        chain = np.asarray(shadows(chain), float)
        if ours is None or np.shape(ours) != np.shape(chain) or np.asarray(ours).dtype.kind not in "fiub":
            return True
        with np.errstate(all="ignore"):
            difference = np.abs(ours - chain)
            far = difference > FAR * np.max(np.abs(chain), initial=0)
        if not np.isfinite(self.runs.J) or not np.isfinite(difference).all() or not far.any():
            return False
        try:
            sides = self.runs.sides(ROUNDED)
            bound = errors(sides.ours[name]) + errors(sides.chain[name])
        except CANNOT:
            return True
        return bool((far & (difference > 100 * bound)).any())

    def _elsewhere(self, is_good: Callable[[Runs], bool]) -> Iterator[Runs]:
        """The same code at random points: drawn anew, or where the code does not run there, nearer and nearer."""
        for k, scale in enumerate(SCALES):
            seed = [self.seed, 5, k]
            moves: list[Move] = [redrawn(seed, scale), *(near(seed, size) for size in (0.3, 0.03, 1e-3, 1e-5))]
            for move in moves:
                try:
                    point = self.runs.moved(move, data=False)
                    good = is_good(point)
                except CANNOT:
                    continue
                if good:
                    yield point
                    break

    @staticmethod
    def _has_digits(point: Runs) -> bool:
        """Whether the gradients are numbers in long floats."""
        return not any(size_of(x) == np.inf for x in point.sides(precise(SHORT)).chain.values())

    @staticmethod
    def _is_finite(point: Runs) -> bool:
        """Whether the gradients are numbers in float64."""
        return all(np.isfinite(x).all() for x in point.floats.chain.values())

    def _only_here(self, name: str, points: list[Runs]) -> str:
        """What the gradient is elsewhere that agrees at the given point."""
        zero = next((other for other, x in self.runs.subject.arrays.items() if x.size and not x.any()), "")
        because = f", because {zero} is 0 here" if zero else ""
        for point in points[1:]:
            ours, chain = (np.asarray(shadows(x), float) for x in point.sides(precise(SHORT)).pair(name))
            if np.shape(ours) == np.shape(chain) and chain.any() and not np.allclose(ours, chain, rtol=1e-9):
                with np.errstate(all="ignore"):
                    ratios = (ours / chain)[chain != 0]
                is_factor = np.allclose(ratios, ratios[0], rtol=1e-9) and not ours[chain == 0].any()
                other = f"{ratios[0]:.4g} times the gradient" if is_factor else "another one"
                self.elsewhere[name] = point
                return f"equal at this point only{because}; at other points {self.runs.subject.called(name)} is {other}"
        return f"equal at this point only{because}"

    def _data(self) -> str:
        """The data that may be rounded, by name."""
        subject = self.runs.subject
        names = [
            other
            for other, x in (*subject.named(), *subject.in_reach)
            if isinstance(x, np.ndarray) and x.dtype.kind == "f" and not (x == np.round(x)).all()
        ]
        given = [other for other in dict.fromkeys(names) if other and other not in subject.arrays]
        return ", ".join(given[:4]) or ("the data" if "" in names else "the constants of the code")

    # steps alone

    def alone(self) -> tuple[set[str], dict[str, str]]:
        """The gradients whose step is right on the chain rule's own arrays, and what the steps raised there."""
        right: set[str] = set(self.names)
        problems: dict[str, str] = {}
        for run in self.judged:
            ours, problems = run.alone()
            right &= {name for name in right if self._same(ours.get(name), run.chain[name])}
        return right if self.judged else set(), problems

    @staticmethod
    def _same(ours: Any, chain: Any) -> bool:
        if same(ours, chain).all():
            return True
        if isinstance(chain, NumberArray) or not all(isinstance(x, Precise) for x in chain.flat):
            return False  # residues and fractions know no rounding
        as_good = chain.flat[0].context.precision // 2  # bits; what long floats lose on the way is far less than half
        return bool((apart(ours, chain) < size_of(chain) - as_good).all())
