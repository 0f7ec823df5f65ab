"""A subject on a `Tape`: both passes are recorded once, and swept in any numbers.

The observations of a network are recorded and swept in groups, so that the memory of a sweep does not grow with their
number.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd import Tape
from autograd.number.array import NumberArray
from autograd.number.exact import ExactArray
from autograd.number.laws import KNOWN, VANISHING
from autograd.number.number import Number
from autograd.number.ops import KINKED, Op
from autograd.number.residue import ResidueArray, ZeroResidue
from autograd.number.rounded import PerturbedArray, RoundedArray
from autograd.number.vocabulary import Refused
from autograd.tape.tape import Run
from compare.subject.arithmetic import EXACT_NUMBERS, OF_THE_DATA, ROUNDED, Arithmetic
from compare.subject.subject import SATURATING, Leaves, Recorded, Sides, Subject, Units

Array = NDArray[Any]

GROUP = 1 << 22  # products w * a that are recorded together
MOST_TRIES = 20  # to draw random points at which no divisor is 0
MOST_SMALL_BLOCKS, FEWEST_EDGES_A_BLOCK = 2_000, 50


class OnTape:
    """Both sides of a subject, from one recording of each group of its observations.

    `progress` is told each group of each sweep. With `bounds` the floats come from a sweep with rounding bounds, which
    then need none of their own. Raises Refused for what a tape cannot record.
    """

    def __init__(self, subject: Subject, progress: Callable[[str], None], bounds: bool = False) -> None:
        self.subject, self.progress = subject, progress
        self.tape = _Tape()
        self.groups = subject.parts(GROUP)
        self.nodes = self.edges = 0
        self._only: Recorded | None = None  # where there is one group, it stays recorded
        self.J = 0.0
        self.doubtful = False  # whether rounding may have decided a kink, or what code asked about its numbers
        self.rounded: Sides | None = None
        """Both sides in floats with bounds, if they were asked for."""
        floats, rounded = _Parts([], []), _Parts([], [])
        for group in self.recorded("float64"):
            self.J += float(group.J.data)
            bounds = bounds and self._with_bounds(group, rounded)
            if not bounds:
                self.tape.backward(group.J)
            floats.chain.append({name: x.grad for name, x in group.compared.items()})
            floats.others.append({name: x.data for name, x in group.others.items()})
        self.floats: Sides = subject.together(*floats, None)
        """Both sides in float64; the hand-written one as it was recorded."""
        if bounds:
            with np.errstate(all="ignore"):
                self.rounded = subject.together(*rounded, _BOUNDS[ROUNDED])

    def recorded(self, name: str) -> Iterator[Recorded]:
        """Each group in turn, in the memory of the one before."""
        if self._only is not None:
            self.progress(f"{name}, 1 of 1")
            yield self._only
            return
        self.nodes = self.edges = 0
        for k, part in enumerate(self.groups, 1):
            self.progress(f"{name}, {k} of {len(self.groups)}")
            self.tape.clear()
            group = self.subject.on_tape(self.tape, part)
            self.nodes += self.tape.size
            self.edges += self.tape.edges
            self._only = group if len(self.groups) == 1 else None
            yield group

    def sides(self, name: str, numbers: type[NumberArray] | type[Number], points: int, leaves: Leaves) -> Sides:
        """Both sides in other numbers; `leaves` gives those of the leaves."""
        parts = _Parts([], [])
        for group in self.recorded(name):
            run = self.tape.replay(numbers, points, leaves, group.J)
            with np.errstate(all="ignore"):
                run.backward(group.J)
            self._put(parts, group, run)
        with np.errstate(all="ignore"):
            return self.subject.together(*parts, leaves)

    def _with_bounds(self, group: Recorded, parts: _Parts) -> bool:
        """Sweep back in floats with bounds, if there are any for all operations."""
        try:
            run = self.tape.replay(RoundedArray, 2, _BOUNDS[ROUNDED], group.J)
            run.backward(group.J)
        except (ArithmeticError, TypeError, ValueError):
            return False
        self._put(parts, group, run)
        if np.isnan(run.floats).any():  # what is 0 by choice counts in sweeps of bare floats
            self.tape.backward(group.J)
        else:
            self.tape.take(run)
        return True

    def _put(self, parts: _Parts, group: Recorded, run: Run) -> None:
        """What a run gives for a group."""
        self.doubtful |= run.doubtful
        parts.chain.append({key: run.gradients(x) for key, x in group.compared.items()})
        parts.others.append({key: run.data(x) for key, x in group.others.items()})

    @functools.cached_property
    def has_laws(self) -> bool:
        """Whether there is a root, or a function of which residues may know more than that it is one."""
        return any(
            self.tape.radicands().any() or any(block.op.name in KNOWN for block in self.tape.blocks)
            for _ in self.recorded("residues")
        )

    @functools.cached_property
    def has_vanishing(self) -> bool:
        """Whether there is an exponential that is 0 in floats of any length, as where a mask is -1e9."""
        return any(
            bool((self.tape.numbers_at(block.operands[0]) < VANISHING).any())
            for _ in self.recorded("residues")
            for block in self.tape.blocks
            if block.op.name == "exp"
        )

    def residues(self, points: int, seed: int, numbers_of: Callable[[], type[ResidueArray]]) -> tuple[Sides, Any]:
        """Both sides at so many random points, and the type of the numbers of that run.

        Raises ZeroResidue where the code divides by 0 at each point that was tried.
        """
        for left in reversed(range(MOST_TRIES)):
            leaves = _Residues(points, [seed, left], numbers_of())
            try:
                return self.sides("residues", leaves.numbers, points, leaves).complete(), leaves.numbers
            except ZeroResidue:  # a division by a number that is 0 modulo the prime: take other points
                if not left:
                    raise
        raise AssertionError

    def in_numbers(self, arithmetic: Arithmetic) -> Sides:
        """Both sides in a type of number."""
        if arithmetic is EXACT_NUMBERS:
            return self.sides("fractions", ExactArray, 1, _Fractions()).complete()
        if arithmetic is ROUNDED and self.rounded is not None:
            return self.rounded
        if arithmetic in _BOUNDS:
            bounds = _BOUNDS[arithmetic]
            return self.sides(arithmetic.name, bounds.numbers, 2, bounds)
        if arithmetic.kind is None:
            return self.floats
        return self.sides(arithmetic.name, arithmetic.kind, 1, _Objects(arithmetic)).complete()

    def units(self) -> Iterator[Units]:
        """The operands of what has a kink or a plateau, where J depends on it; of the last group."""
        for group in self.recorded("units"):
            reached = self.tape.reach(group.J)
        for block in self.tape.blocks:
            name, here = block.op.name, reached[block.rows].reshape(block.shape)
            if name not in KINKED + SATURATING or not here.any():
                continue
            x, *rest = (self.tape.numbers_at(ids)[here] for ids in block.edges)
            if not rest:
                yield Units(name, x)
            else:
                zeros = [k for k, ids in enumerate(block.operands) if self.tape.constant_at(ids) == 0]
                is_other = (block.edges[0] != block.edges[1])[here]
                yield Units(name, x, rest[0], is_other, zeros[0] if zeros else None)

    @functools.cached_property
    def reached(self) -> set[str]:
        """The gradients of what J depends on."""
        found: set[str] = set()
        for group in self.recorded("units"):
            reached = self.tape.reach(group.J)
            found |= {name for name, x in group.compared.items() if reached[x.ids].any()}
        return found

    @functools.cached_property
    def first_use(self) -> dict[str, float]:
        """For each gradient the first node of J's graph that was made from what it is for, inf where there is none."""
        assert self._only is not None
        reached, first = self.tape.reach(self._only.J), np.full(self.tape.size, np.inf)
        for block in reversed(self.tape.blocks):
            if reached[block.rows].any():
                for ids in block.operands:
                    first[ids] = block.start
        return {name: first[x.ids].min(initial=np.inf) for name, x in self._only.compared.items()}


class _Parts(NamedTuple):
    """What each group gives: the gradients of the chain rule, and what the hand-written side is made of."""

    chain: list[dict[str, Any]]
    others: list[dict[str, Any]]


class _Tape(Tape):
    """A tape that refuses code which works on one small array after the other: there Values are faster."""

    def clear(self) -> None:
        super().clear()
        self.edges = 0

    def record(self, op: Op, *operands: Array, terms: int = 0) -> Array:
        ids = super().record(op, *operands, terms=terms)
        block = self.blocks[-1]
        self.edges += len(block.operands) * math.prod(block.whole)
        if len(self.blocks) > MOST_SMALL_BLOCKS and self.edges < FEWEST_EDGES_A_BLOCK * len(self.blocks):
            raise Refused("it makes many small operations, one after the other")
        return ids


class _Residues:
    """The same residues for a leaf whenever it is asked for, by its name and shape."""

    def __init__(self, points: int, seed: list[int], numbers: type[ResidueArray]) -> None:
        self.points, self.rng, self.numbers = points, np.random.default_rng(seed), numbers
        self._drawn: dict[tuple[str, tuple[int, ...]], ResidueArray] = {}

    def variable(self, x: Array, name: str) -> ResidueArray:
        key = name, np.shape(x)
        if key not in self._drawn:
            self._drawn[key] = self.numbers.random(x, self.points, self.rng)
        drawn = self._drawn[key]
        return self.numbers(x, [lane.copy() for lane in drawn.lanes], drawn.bound)

    def given(self, x: Array) -> ResidueArray:
        return self.numbers.given(x, self.points)


class _Fractions:
    def variable(self, x: Array, name: str) -> ExactArray:
        return ExactArray.given(x)

    def given(self, x: Array) -> ExactArray:
        return ExactArray.given(x)


class _Objects:
    """Leaves in a type of number, each an object."""

    def __init__(self, arithmetic: Arithmetic) -> None:
        self.leaf, self.variable, self.given = arithmetic.leaf, arithmetic.variables, arithmetic.constants


class _Rounded:
    numbers: ClassVar[type[RoundedArray]] = RoundedArray

    def variable(self, x: Array, name: str) -> RoundedArray:
        return self.numbers.given(x)

    def given(self, x: Array) -> RoundedArray:
        return self.numbers.given(x)


class _Perturbed(_Rounded):
    numbers = PerturbedArray

    def given(self, x: Array) -> RoundedArray:
        return PerturbedArray.data(x)


_BOUNDS: dict[Arithmetic, _Rounded] = {ROUNDED: _Rounded(), OF_THE_DATA: _Perturbed()}
