"""`Runs`: a subject at its point, run in the arithmetics that are asked for, each at most once.

The scalar graph is kept on a tape where a tape can record it, which is fast at any size; else every scalar is a Value.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Value, graph
from autograd.number.degree import Atoms
from autograd.number.ops import KINKED
from autograd.number.residue import ZeroResidue
from autograd.number.vocabulary import Refused
from compare.subject.arithmetic import Arithmetic, degrees, residues
from compare.subject.points import Move
from compare.subject.subject import SATURATING, Sides, Subject, Units
from compare.subject.tape import MOST_TRIES, OnTape
from compare.subject.usercode import UnusableCode

Array = NDArray[Any]

FEWEST_EDGES = 0  # of a graph that is kept on a tape
MOST_EDGES = 2_000  # of a graph on a tape whose true gradient is computed in long floats, one by one
CANNOT = (UnusableCode, ArithmeticError, ValueError, TypeError, RecursionError)  # what code raises in some numbers


class Runs:
    """The runs of a subject. `progress` is told each one that begins, `bounds` says that rounding bounds are needed."""

    def __init__(
        self, subject: Subject, progress: Callable[[str], None], tape: bool = True, bounds: bool = False
    ) -> None:
        self.subject, self.progress, self.bounds = subject, progress, bounds
        self.may_use_tape = tape
        self.refusal = ""  # why a tape cannot record it
        self._kept: dict[str, Sides] = {}

    @functools.cached_property
    def tape(self) -> OnTape | None:
        """The recording on a tape; None where it is refused, or where Values are as quick."""
        if not self.may_use_tape:
            return None
        self.progress("a tape")
        try:
            found = OnTape(self.subject, self.progress, self.bounds)
        except CANNOT as problem:
            self.refusal = str(problem.__cause__ or problem)
            return None
        return found if found.edges >= FEWEST_EDGES else None

    @functools.cached_property
    def plain(self) -> dict[str, Any]:
        """The hand-written gradients in float64, the code run as it is."""
        return self.subject.plain()

    def leave_tape(self, problem: Refused) -> None:
        """Keep every scalar as a Value from now on, because of something that numbers on arrays cannot do."""
        self.refusal, self.tape = str(problem), None
        self._kept.clear()

    def sides(self, arithmetic: Arithmetic) -> Sides:
        """Both sides in an arithmetic without chance."""
        if arithmetic.name not in self._kept:
            self.progress(arithmetic.name)
            self._kept[arithmetic.name] = self._run(arithmetic)
        return self._kept[arithmetic.name]

    def _run(self, arithmetic: Arithmetic) -> Sides:
        if self.tape is not None:
            with contextlib.suppress(*CANNOT):  # what arrays of these numbers cannot do
                return self.tape.in_numbers(arithmetic)
        return self.subject.traced(arithmetic)[2]

    @functools.cached_property
    def floats(self) -> Sides:
        """Both sides in float64, the chain rule's and the hand-written ones as the code gives them without us."""
        chain = self.traced[2].chain if self.tape is None else self.tape.floats.chain
        asked = [name for name in chain if name in self.subject.arrays or self.plain.get(name) is not None]
        asked = asked if not self.subject.order else list(chain)
        return Sides({name: self.plain.get(name) for name in asked}, {name: chain[name] for name in asked})

    @functools.cached_property
    def traced(self) -> tuple[Value, dict[str, Any], Sides]:
        """J, the nodes and both sides in float64, on Values."""
        return self.subject.traced(None)

    @property
    def knows_truth(self) -> bool:
        """Whether the true gradient costs little; beyond, the chain rule's own float64 with its bound stands for it."""
        return self.tape is None or self.tape.edges <= MOST_EDGES

    @property
    def J(self) -> float:
        """The cost, as it was recorded."""
        return float(self.traced[0].data) if self.tape is None else self.tape.J

    @property
    def reached(self) -> set[str]:
        """The gradients of what J depends on."""
        if self.tape is not None:
            return self.tape.reached
        J, arrays, _ = self.traced
        nodes = set(graph(J))
        return {name for name, x in arrays.items() if not nodes.isdisjoint(np.asarray(x, object).flat)}

    def units(self) -> Iterator[Units]:
        """The operands of what has a kink or a plateau, where J depends on it."""
        if self.tape is not None:
            yield from self.tape.units()
            return
        for node in graph(self.traced[0]):
            if node.op is not None and node.op.name in KINKED + SATURATING:
                x, *rest = node.operands
                operands = [np.array([float(y.data)]) for y in node.operands]
                zeros = [k for k, y in enumerate(node.operands) if y.constant and y.data == 0]
                is_other = np.array([bool(rest) and rest[0] is not x])
                yield Units(
                    node.op.name, operands[0], operands[1] if rest else None, is_other, zeros[0] if zeros else None
                )

    @property
    def order(self) -> list[str]:
        """The names of the gradients in the order of back propagation."""
        if self.subject.order:
            return list(self.subject.order)
        if self.tape is not None:
            first = self.tape.first_use
        else:
            J, arrays, _ = self.traced
            uses: dict[Value, int] = {}
            for node in graph(J):
                for operand in node.operands:
                    uses.setdefault(operand, node.order)
            first = {
                name: min((uses[x] for x in np.asarray(array, object).flat if x in uses), default=np.inf)
                for name, array in arrays.items()
            }
        return sorted(self.floats.chain, key=lambda name: first[name], reverse=True)

    def degrees(self) -> tuple[list[tuple[Any, Any]], list[Atoms]]:
        """The degrees of both sides on Values, array by array, and the results of elementary functions on the way."""
        atoms: list[Atoms] = []
        self.progress("degrees")
        sides = self.subject.traced(degrees(atoms))[2]
        return [sides.pair(name) for name in sides.chain], atoms

    def residues(self, points: int, seed: int) -> list[Sides]:
        """Both sides on Values at so many random points, a run for each; raises ZeroResidue if all divide by 0."""
        rng = np.random.default_rng(seed)
        found: list[Sides] = []
        for left in reversed(range(MOST_TRIES + points)):
            self.progress("residues")
            try:
                found.append(self.subject.traced(residues(rng))[2])
            except ZeroResidue:  # a division by a number that is 0 modulo the prime: take another point
                if not left:
                    raise
            if len(found) == points:
                break
        return found

    def moved(self, move: Move, data: bool = True) -> Runs:
        """The same code at another point."""
        return Runs(self.subject.moved(move, data), self.progress, self.may_use_tape and self.tape is not None)
