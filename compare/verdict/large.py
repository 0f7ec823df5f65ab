"""The check of a large network: the scalar graph on a `Tape`, the formulas on arrays of residues or fractions.

The observations are recorded and swept in groups, so that the memory of a sweep does not grow with their number: an
activation reaches the cost of its own observation alone, and the gradients of the parameters add up over the groups.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd import Tape, TapeArray
from autograd.number.array import NumberArray
from autograd.number.degree import Atoms, DegreeArray
from autograd.number.exact import ExactArray
from autograd.number.residue import ResidueArray, ZeroResidue
from compare.report.report import EXACT, PROVED, Mismatch, Row, counted
from compare.subject.graph import refuse_saturation
from compare.verdict.chance import enough_points, evidence_of
from compare.verdict.court import Court, Judge, Sides
from matrix_backprop import Backward, Forward, Network

if TYPE_CHECKING:
    from compare.subject.network import Problem

Array = NDArray[Any]

GROUP = 1 << 22  # products w * a that are recorded together
LONG_FLOATS = 1e-10  # a relative difference in float64 below which longer floats have to decide


class _Recorded(NamedTuple):
    """A group of observations on a tape."""

    net: Network
    forward: Forward
    J_sum: TapeArray


class Graph:
    """The scalar graph of a network of any size, recorded group after group on one tape.

    `progress` is told each group of each sweep.
    """

    def __init__(self, net: Network, X: Array, Y: Array, progress: Callable[[str], None], group: int = GROUP) -> None:
        self.net, self.X, self.Y, self.progress = net, X, Y, progress
        self.tape = Tape()
        self.m = X.shape[-1]
        self.terms = self.m * sum(W.size for W in net.W[1:])
        count = min(self.m, math.ceil(self.terms / group))
        self.groups = [slice(part[0], part[-1] + 1) for part in np.array_split(np.arange(self.m), count)]
        self.nodes = 0
        self._only: _Recorded | None = None  # where there is one group, it stays recorded

    def recorded(self, name: str) -> Iterator[_Recorded]:
        """Each group in turn, in the memory of the one before."""
        if self._only is not None:
            self.progress(f"{name}, 1 of 1")
            yield self._only
            return
        self.nodes = 0
        for k, columns in enumerate(self.groups, 1):
            self.progress(f"{name}, {k} of {len(self.groups)}")
            self.tape.clear()
            net = self.net.with_parameters(
                [None, *(self.tape.array(W, f"W{layer}") for layer, W in enumerate(self.net.W) if layer)],
                [None, *(self.tape.array(b, f"b{layer}") for layer, b in enumerate(self.net.b) if layer)],
            )
            with np.errstate(all="ignore"):
                X: Any = self.tape.array(self.X[:, columns], f"X{k}", gradient=False)
                Y: Any = self.tape.given(self.Y[:, columns])
                forward = net.forward(X)
                last = net.layers[-1]
                refuse_saturation(net, forward.z[last].data, forward.a[last].data, columns.start)
                J_sum = np.sum(net.costs(forward, Y))
            self.nodes += self.tape.size
            group = _Recorded(net, forward, J_sum)
            self._only = group if len(self.groups) == 1 else None
            yield group

    def floats(self) -> tuple[Backward, Forward]:
        """Every gradient and the forward pass in float64."""
        parts = []
        for group in self.recorded("float64"):
            self.tape.backward(group.J_sum)
            parts.append(_parts(group, lambda x: x.grad, lambda x: x.data))
        return self._together(parts)

    def run(self, name: str, numbers: type[NumberArray], points: int, leaf: Any) -> tuple[Backward, Forward]:
        """The same in other numbers; `leaf` gives those of the leaves."""
        parts = []
        for group in self.recorded(name):
            run = self.tape.replay(numbers, points, leaf)
            run.backward(group.J_sum)
            parts.append(_parts(group, run.gradients, run.data))
        return self._together(parts)

    def _together(self, parts: list[tuple[Backward, Forward]]) -> tuple[Backward, Forward]:
        """The columns of the groups side by side; the parameters' gradients summed, and divided by m (E1)."""

        def columns(arrays: Iterable[Any]) -> Any:
            arrays = list(arrays)
            return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=1)

        def mean(arrays: Iterable[Any]) -> Any:
            first, *others = arrays
            return sum(others, start=first) / self.m  # J = J_sum / m has one operand: its slope 1/m is the last factor

        backs, forwards = zip(*parts, strict=True)
        join = {"dJda": columns, "dJdz": columns, "dJdb": mean, "dJdW": mean}
        back = Backward(*(_by_layer(join[kind], (getattr(back, kind) for back in backs)) for kind in join))
        return back, Forward(*(_by_layer(columns, (getattr(x, kind) for x in forwards)) for kind in ("z", "a")))


def _parts(group: _Recorded, grad: Callable[[Any], Any], data: Callable[[Any], Any]) -> tuple[Backward, Forward]:
    net, forward = group.net, group.forward
    kinds = ([None, *forward.a[1:]], forward.z, net.b, net.W)
    back = Backward(*([None if x is None else grad(x) for x in arrays] for arrays in kinds))
    z, a = ([None if x is None else data(x) for x in arrays] for arrays in (forward.z, forward.a))
    return back, Forward(z, a)


def _by_layer(join: Callable[[Iterable[Any]], Any], lists: Iterable[list[Any]]) -> list[Any]:
    return [None if layer[0] is None else join(layer) for layer in zip(*lists, strict=True)]


class LargeCourt(Court):
    """Judges a network with every scalar on a tape: residues, or fractions; long floats where only they can decide."""

    def __init__(self, problem: Problem, scope: str) -> None:
        self.problem = problem
        self.graph = Graph(problem.net, problem.X, problem.Y, problem.progress, problem.group)
        back, forward = self.graph.floats()
        net, _, Y = problem.copied()  # a formula that works in place changes copies
        with np.errstate(all="ignore"):
            floats = problem.sides_from(net, forward, Y.copy(), back)
        super().__init__(problem.sides, floats, scope)

    def judges(self, arithmetic: str | None, seed: int) -> list[Judge]:
        if arithmetic == "exact":
            return [self.by_fractions()]
        judge = self.by_residues(seed)
        undecided = [name for name in self.names if not judge.full[name].all() and self._close(name)]
        return [judge, self.by_long_floats()] if undecided and arithmetic is None else [judge]

    def by_residues(self, seed: int) -> Judge:
        """Equal at random points modulo a prime, as many as make a false agreement unlikely enough."""
        points, chance = enough_points(*self._degrees())
        for attempt in range(20):
            try:
                sides = self._sides("residues", ResidueArray, points, _Residues(points, [seed, attempt]))
                break
            except ZeroResidue:  # a division by a number that is 0 modulo the prime: take other points
                continue
        evidence = evidence_of(self.scope, points, ResidueArray.prime, seed, chance)
        return self._judge(PROVED, evidence, [sides], _same)

    def by_fractions(self) -> Judge:
        text = "exact: the same fractions for these parameters and data, compared with ==."
        return self._judge(EXACT, text, [self._sides("fractions", ExactArray, 1, _Fractions())], _same)

    def mismatches(self, name: str, equal: Array, most: int = 3) -> tuple[Mismatch, ...]:
        """The first entries that differ, in float64."""
        ours, chain = self.floats.pair(name)
        found = []
        for index in np.argwhere(~equal)[:most]:
            place = tuple(map(int, index))
            mine = f"an array of shape {np.shape(ours)}" if np.shape(ours) != chain.shape else ours[place]
            mine, theirs = "nothing" if ours is None else str(mine), str(chain[place])
            if mine == theirs:
                mine += " (another number, beyond the digits of a float)"
            found.append(Mismatch(place, mine, theirs))
        return tuple(found)

    def about(self, rows: list[Row]) -> list[str]:
        """What float64 makes of it at this size, and what the check took."""
        known = [row for row in rows if row.ok and row.largest_difference is not None]
        lines = []
        if known:
            row = max(known, key=lambda row: row.largest_difference or 0)
            size = float(np.max(np.abs(self.floats.chain[row.name]), initial=0))
            differ = f"differ by up to {row.largest_difference:.2g} ({row.name}, entries up to {size:.2g})"
            differ = differ if row.largest_difference else "are the same to the last bit"
            lines.append(f"float64 at this size: the two sides {differ}.")
        memory = peak_memory()
        lines.append(
            f"the graph: {counted(self.graph.nodes, 'scalar')}, {counted(self.graph.terms, 'product')} w·a, recorded in"
            f" {counted(len(self.graph.groups), 'group')} of observations"
            + (f"; peak memory {memory:,.0f} MB." if memory else ".")
        )
        return lines

    def _sides(self, name: str, numbers: type[NumberArray], points: int, leaf: Any) -> Sides:
        """Both sides: the chain rule on the tape, the formulas on its forward numbers."""
        back, forward = self.graph.run(name, numbers, points, leaf)
        net, Y = self.problem.in_numbers(leaf.variable), leaf.given(self.problem.Y)
        return self.problem.sides_from(net, forward, Y, back)

    def _degrees(self) -> tuple[list[tuple[Any, Any]], list[Atoms]]:
        """Both sides in degrees, array by array, and the elementary functions that were met."""
        atoms: list[Atoms] = []
        kind = DegreeArray.collecting(atoms)
        sides = self._sides("degrees", kind, 1, _Degrees(kind))
        return [sides.pair(name) for name in self.names], atoms

    def _close(self, name: str) -> bool:
        ours, chain = self.floats.pair(name)
        if ours is None or np.shape(ours) != chain.shape or ours.dtype.kind not in "fiub":
            return False
        return bool(np.max(np.abs(ours - chain), initial=0) <= LONG_FLOATS * np.max(np.abs(chain), initial=0))


class _Residues:
    """The same residues for a leaf whenever it is asked for, by its name."""

    def __init__(self, points: int, seed: list[int]) -> None:
        self.points, self.seed = points, seed

    def variable(self, x: Array, name: str) -> ResidueArray:
        rng = np.random.default_rng([*self.seed, *name.encode()])
        return ResidueArray.random(x, self.points, rng)

    def given(self, x: Array) -> ResidueArray:
        return ResidueArray.given(x, self.points)


class _Degrees:
    def __init__(self, kind: type[DegreeArray]) -> None:
        self.kind = kind

    def variable(self, x: Array, name: str) -> DegreeArray:
        return self.kind.variable(x)

    def given(self, x: Array) -> DegreeArray:
        return self.kind(x)


class _Fractions:
    def variable(self, x: Array, name: str) -> ExactArray:
        return ExactArray.given(x)

    def given(self, x: Array) -> ExactArray:
        return ExactArray.given(x)


def _same(ours: Any, chain: Any) -> Array:
    """Entry by entry, whether two arrays hold the same numbers; an array of another shape holds none of them."""
    if ours is None or np.shape(ours) != chain.shape:
        return np.zeros(chain.shape, bool)
    try:
        return np.asarray(chain.same(ours))
    except (TypeError, ValueError):  # no numbers that could be compared
        return np.zeros(chain.shape, bool)


def peak_memory() -> float:
    """The most memory that this process has had, in MB; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
