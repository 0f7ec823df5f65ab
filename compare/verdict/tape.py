"""The check of a user's large code on a `Tape`: both passes are recorded once, and replayed in residues.

It says that gradients are right, or that they differ so much that no other arithmetic could find them equal. Code that
a tape cannot record, and gradients between the two, are checked on Values as any other, so a verdict does not depend
on where the graph was kept.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd import Tape, TapeArray
from autograd.number.degree import Atoms, DegreeArray
from autograd.number.ops import Op
from autograd.number.residue import ResidueArray, ZeroResidue
from autograd.number.vocabulary import Refused
from autograd.record.running import allocating
from autograd.tape.blocks import CONSTANT
from compare.subject.arithmetic import Arithmetic
from compare.verdict.audit import about_units
from compare.verdict.chance import enough_points, evidence_of

Array = NDArray[Any]

FEWEST_NUMBERS = 2_000  # in parameters and data: below, Values are quick enough, and say more about rounding
FEWEST_EDGES = 20_000
MOST_SMALL_BLOCKS, FEWEST_EDGES_A_BLOCK = 2_000, 50


class _Arithmetic(Arithmetic):
    """Makes arrays of a tape of the arrays of a user's code."""

    def on(self, tape: Tape) -> _Arithmetic:
        self_: Any = self
        self_.tape = tape
        return self

    def variables(self, array: Array, name: str) -> Any:
        return self.tape.array(array, name)  # type: ignore[attr-defined]

    def constants(self, array: Array) -> Any:
        return self.tape.given(array)  # type: ignore[attr-defined]


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


class Taped(NamedTuple):
    """What was found: the evidence, the gradients of the chain rule in float64, in the order of back propagation.

    `equal` says for each gradient which entries are the same in residues; of a wrong shape none is.
    """

    evidence: list[str]
    chain: dict[str, Array]
    equal: dict[str, Array]
    warnings: list[str]


def is_large(task: Any) -> bool:
    """Whether a tape may be worth it."""
    return sum(x.size for _, x in task.named() if isinstance(x, np.ndarray)) >= FEWEST_NUMBERS


def prove(task: Any, ours: dict[str, Any], seed: int) -> Taped | str:
    """The proof that a user's gradients are right, or why a tape cannot give it; "" where Values are quick enough.

    `ours` are the user's gradients in floats, by name.
    """
    try:
        recorded = _recorded(task, ours)
        return "" if recorded is None else _proved(task, *recorded, ours, seed)
    except (ValueError, TypeError, ArithmeticError, RecursionError) as problem:  # UnusableCode is a ValueError
        return str(problem.__cause__ or problem)


def still_differ(task: Any, names: list[str]) -> bool:
    """Whether these gradients of the user's differ by far from the chain rule's, in floats."""
    try:
        recorded = _recorded(task, {})
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return True
    if recorded is None:
        return True
    tape, J, arrays, found = recorded
    tape.backward(J)
    return any(_is_far(found[name].data, arrays[name].grad) for name in names)


def _recorded(task: Any, ours: dict[str, Any]) -> tuple[_Tape, TapeArray, dict[str, Any], dict[str, TapeArray]] | None:
    """Both passes on one tape: J, the arrays and the user's gradients of them; None where Values are quick enough."""
    tape = _Tape()

    def holding(x: Any) -> TapeArray:
        return x if isinstance(x, TapeArray) else TapeArray(tape, tape.leaf(x.astype(float), CONSTANT))

    arithmetic = _Arithmetic("a tape", lambda _, x: x, lambda x: x).on(tape)
    task.prepare(arithmetic)
    inputs = {name: arithmetic.variables(x, name) for name, x in task.arrays.items()}
    with allocating(holding), task.running():
        J, watched = task.forward({name: x.copy() for name, x in inputs.items()}, arithmetic)
    if not isinstance(J, TapeArray):
        raise Refused("J does not come from the tape")
    if tape.edges < FEWEST_EDGES:
        return None
    with allocating(holding), task.running():
        by_hand = task.by_hand({name: x.copy() for name, x in inputs.items()}, arithmetic)
    arrays = {name: x for name, x in {**inputs, **watched}.items() if name in inputs or ours.get(name) is not None}
    return tape, J, arrays, {name: _on(tape, by_hand.get(name)) for name in arrays}


def _proved(
    task: Any, tape: _Tape, J: TapeArray, arrays: dict[str, Any], found: dict[str, Any], ours: Any, seed: int
) -> Taped | str:
    tape.backward(J)
    chain = {name: x.grad for name, x in arrays.items()}
    different = [name for name, x in chain.items() if _is_far(ours.get(name), x) and _is_far(found[name].data, x)]
    for name, x in chain.items():
        if name not in different and not all(_close(y, x) for y in (ours.get(name), found[name].data)):
            return f"the gradient of {name} nearly differs"
    warnings, ties = _warnings(tape, J, {name: x for name, x in arrays.items() if name in task.arrays})
    if different and (ties or len(arrays) > len(task.arrays)):
        return f"the gradient of {different[0]} differs"  # a convention, or inherited: Values tell
    right = {name: x for name, x in arrays.items() if name not in different}
    atoms: list[Atoms] = []
    degrees = tape.replay(DegreeArray.collecting(atoms))
    degrees.backward(J)
    pairs = [(degrees.data(found[name]), degrees.gradients(x)) for name, x in right.items()]
    points, chance = enough_points(pairs, atoms) if right else (1, 1.0)
    for attempt in range(20):
        try:
            run = tape.replay(ResidueArray, points, _Residues(points, [seed, attempt]))
            run.backward(J)
            break
        except ZeroResidue:
            continue
    else:
        return "it divides by 0"
    equal = {}
    for name, x in arrays.items():
        one_shape = found[name].shape == x.shape
        equal[name] = run.gradients(x).same(run.data(found[name])) if one_shape else np.zeros(x.shape, bool)
        if (name in different) == equal[name].all():
            return f"the gradient of {name} is another one in residues"
    evidence = [
        *([evidence_of(task.scope, points, ResidueArray.prime, seed, chance)] if right else []),
        f"recorded on a tape: {tape.size:,} scalars, {tape.edges:,} edges.",
    ]
    first = _first_use(tape, J)
    order = sorted(arrays, key=lambda name: first[arrays[name].ids].min(initial=np.inf), reverse=True)
    return Taped(evidence, {name: chain[name] for name in order}, equal, warnings)


class _Residues:
    def __init__(self, points: int, seed: list[int]) -> None:
        self.points, self.rng = points, np.random.default_rng(seed)

    def variable(self, x: Array, name: str) -> ResidueArray:
        return ResidueArray.random(x, self.points, self.rng)


def _on(tape: Tape, x: Any) -> TapeArray:
    """A gradient of the user's as nodes; plain numbers are constants."""
    if isinstance(x, TapeArray):
        return x
    if x is None:
        raise Refused("a gradient is missing")
    return TapeArray(tape, tape.leaf(x, CONSTANT))


def _close(x: Any, y: Array) -> bool:
    """Whether two arrays are the same but for rounding: a first look, before the proof."""
    x = np.asarray(x)
    if x.shape != y.shape or x.dtype.kind not in "fiub":
        return False
    return bool(np.max(np.abs(x - y), initial=0) <= 1e-6 * np.max(np.abs(y), initial=0))


def _is_far(x: Any, y: Array) -> bool:
    """Whether x is another array than y, beyond all rounding, or none of its shape."""
    x = np.asarray(x)
    if x.dtype.kind not in "fiub" or not np.isfinite(x).all():
        return False
    return x.shape != y.shape or bool(np.max(np.abs(x - y), initial=0) > 1e-3 * np.max(np.abs(y), initial=0))


def _first_use(tape: Tape, J: TapeArray) -> Array:
    """For each node the first node of J's graph that was made from it, inf where there is none."""
    reached, first = tape.reach(J), np.full(tape.size, np.inf)
    for block in reversed(tape.blocks):
        if reached[block.rows].any():
            for ids in block.operands:
                first[ids] = block.start
    return first


def _warnings(tape: Tape, J: TapeArray, inputs: dict[str, TapeArray]) -> tuple[list[str], int]:
    """What could not be seen at this point, as in `verdict.audit`, read from the tape; how many kinks and ties."""
    reached = tape.reach(J)
    found = []
    for name, array in inputs.items():
        if not array.size:
            found.append(f"{name} of shape {array.shape} is empty: nothing of it was compared")
        elif not reached[array.ids].any():
            found.append(f"J does not depend on {name}: its gradient is zero, whatever it is")
        elif not array.grad.any():
            found.append(f"the whole gradient of {name} is zero here: a wrong factor could not show")
    on: list[Any] = []
    slopes: list[Any] = []
    ties = 0
    for block in tape.blocks:
        here, name = reached[block.rows].reshape(block.shape), block.op.name
        operands = [TapeArray(tape, ids) for ids in block.edges] if here.any() else []
        if not operands or name not in ("relu", "absolute", "maximum", "minimum", "tanh", "sigmoid", "erf"):
            continue
        x, out = operands[0].data, tape.numbers_at(np.arange(block.rows.start, block.rows.stop)).reshape(block.shape)
        if name in ("relu", "absolute"):
            ties += int(np.sum(here & (x == 0)))
        elif len(operands) == 2:
            other, different = operands[1].data, block.operands[0] != block.operands[1]
            ties += int(np.sum(here & (x == other) & different))
        if name == "relu":
            on += (x > 0)[here].tolist()
        elif name == "maximum":
            zeros = [tape.constant_at(ids) == 0 for ids in block.operands]
            if any(zeros):
                on += ((x > 0) if zeros[1] else (other > 0))[here].tolist()
        elif len(operands) == 1 and name not in ("relu", "absolute"):
            slopes += np.abs(block.op.partials(out, x)[0])[here].tolist()
    return [*found, *about_units(on, slopes, ties)], ties
