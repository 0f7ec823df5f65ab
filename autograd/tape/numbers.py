"""The sweeps over a recording in the number systems on arrays: residues, fractions, rounded floats, degrees, ..."""

from __future__ import annotations

import functools
import math
from typing import Any

import gmpy2
import numpy as np
from gmpy2 import mpq
from numpy.typing import NDArray

from autograd.number import degree
from autograd.number.array import NumberArray
from autograd.number.degree import DegreeArray
from autograd.number.exact import ExactArray, common
from autograd.number.functions import choose
from autograd.number.number import Number
from autograd.number.ops import KINKED, OPS, Op
from autograd.number.residue import (
    PRIMES,
    ExtendedResidueArray,
    KnowingResidueArray,
    ResidueArray,
    half_modulo,
    refuse_infinite,
)
from autograd.number.vocabulary import Refused
from autograd.tape.blocks import CONSTANT, FEW, GIVEN, VARIABLE, Block, Recording, at, spread
from autograd.tape.sweep import BUFFERS, Sweep, add_at

Array = NDArray[Any]

ARITHMETIC = ("add", "subtract", "multiply", "divide")


class Numbers(Sweep):
    """The sweeps in a type of number of `autograd.number.array`."""

    has_nan = False  # whether there are infinite ones

    def __init__(self, tape: Recording, numbers: type[Any], points: int, leaves: Any) -> None:
        super().__init__(tape)
        self.numbers = numbers
        self.points, self.leaves, self.rng = points, leaves, np.random.default_rng(0)
        self._lanes = [np.empty(tape.size, self.dtype) for _ in range(points)]
        for leaf in tape.leaves:
            for lane, found in zip(
                self._lanes, self.leaf(leaf.kind, leaf.name, tape.given_to(leaf)).lanes, strict=True
            ):
                lane[leaf.rows] = found.ravel()
        self.begin()
        with np.errstate(all="ignore"):
            for block in tape.blocks:
                self.forward(block)

    def begin(self) -> None:
        """What is to be done when the numbers of the leaves are there."""

    @property
    def lanes(self) -> list[Array]:
        return self._lanes

    def taken_out(self, numbers: Any) -> Any:
        """Numbers of this run for somebody else."""
        return numbers

    def leaf(self, kind: str, name: str, numbers: Array) -> NumberArray:
        """The numbers of a leaf."""
        raise NotImplementedError

    def gather(self, ids: Array) -> Any:
        return self.array(at(self.tape._data, ids), [at(lane, ids) for lane in self.lanes])

    def lanes_of(self, array: Any, shape: tuple[int, ...]) -> list[Array]:
        if not isinstance(array, NumberArray):
            array = self.array(np.zeros(()), [np.zeros((), self.dtype)] * len(self.lanes)).constant(array)
        return [spread(lane, shape) for lane in array.lanes]

    def _value(self, op: Op, operands: list[Any]) -> Any:
        return operands[0].row(op.name, *operands) if op.name in ARITHMETIC else super()._value(op, operands)

    def _contributions(self, block: Block, operands: list[Any], partial: Any, above: Any, J: int) -> Any:
        product = above.row("multiply", partial, above)
        if self.has_nan and any((lane != lane).any() for lane in self.lanes_of(product, block.shape)):
            return choose(self._counts(block, operands, partial, J), product, 0)
        return product


class Modular(Numbers):
    dtype = np.int64

    def __init__(self, tape: Recording, numbers: type[Any], points: int, leaves: Any) -> None:
        constants = [tape.given_to(leaf) for leaf in tape.leaves if leaf.kind == CONSTANT]
        self.has_infinite = not all(np.isfinite(x).all() for x in constants)
        self.residues = ExtendedResidueArray if self.has_infinite else numbers
        self.radicands: Array | None = None
        if issubclass(numbers, KnowingResidueArray):
            if self.has_infinite:
                raise Refused("no residue that obeys the laws of exponentials stands for inf or nan")
            self.radicands = tape.radicands()
        super().__init__(tape, numbers, points, leaves)

    def begin(self) -> None:
        for leaf in self.tape.leaves if self.radicands is not None else ():
            if leaf.kind == VARIABLE:
                self._square(leaf.rows)

    def forward(self, block: Block) -> None:
        super().forward(block)
        if self.radicands is not None:
            self._square(block.rows)

    def _square(self, rows: slice) -> None:
        """Make squares of the radicands among these nodes."""
        assert self.radicands is not None
        x = self.residues(self.tape._data[rows], [lane[rows] for lane in self.lanes])
        for lane, squares in zip(self.lanes, x.squares(self.radicands[rows]).lanes, strict=True):
            lane[rows] = squares

    def leaf(self, kind: str, name: str, numbers: Array) -> NumberArray:
        if kind == VARIABLE:
            if self.leaves is not None:
                return self.leaves.variable(numbers, name)  # type: ignore[no-any-return]
            return ResidueArray.random(numbers, self.points, self.rng)
        given = self.residues.given(numbers if kind == GIVEN else 0.0, self.points)
        return given if kind == GIVEN else given.constant(numbers)

    def array(self, shadow: Array, lanes: list[Array]) -> Any:
        return self.residues(shadow, lanes)

    def _contributions(self, block: Block, operands: list[Any], partial: Any, above: Any, J: int) -> Any:
        product = super()._contributions(block, operands, partial, above, J)
        if self.has_infinite and isinstance(product, NumberArray) and (product.lanes[0] < 0).any():
            product = choose(self._counts(block, operands, partial, J), product, 0)
            refuse_infinite(product.lanes[0])
        return product

    def summed(self, factors: list[list[Array]], axes: tuple[int, ...]) -> list[Array]:
        if self.has_infinite:
            refuse_infinite(*(lane for lanes in factors for lane in lanes))
        if len(factors) == 1:
            return super().summed(factors, axes)
        found = []
        for prime, *lane in zip(PRIMES, *factors, strict=False):
            terms = self._product(*lane)
            buffers = BUFFERS("upper", terms.shape, np.int64), BUFFERS("lower", terms.shape, np.int64)
            found.append(np.add.reduce(half_modulo(terms, prime, buffers), axis=axes, keepdims=True))
        return found

    def settle(self, sums: list[Array]) -> None:
        for prime, lane in zip(PRIMES, sums, strict=False):
            lane %= prime


class Fractions(Numbers):
    dtype = object

    def leaf(self, kind: str, name: str, numbers: Array) -> NumberArray:
        exactly = ExactArray.given(numbers)
        return exactly.constant(numbers) if kind == CONSTANT else exactly

    def array(self, shadow: Array, lanes: list[Array]) -> Any:
        return ExactArray(shadow, lanes)

    # a sum of products is one of whole numbers: the fractions of a factor over one denominator

    def whole(self, numbers: list[Array]) -> tuple[list[Array], Any]:
        numerators, scale = common(numbers[0])
        return [numerators], scale

    def divided(self, sums: list[Array], scale: Any) -> list[Array]:
        return [np.asarray(np.frompyfunc(lambda x: mpq(x, scale), 1, 1)(lane), object) for lane in sums]


class Rounding(Numbers):
    """The sweeps in floats with bounds on their errors; the lanes are the floats, and the bounds."""

    has_nan = True

    def __init__(self, tape: Recording, numbers: type[Any], points: int, leaves: Any) -> None:
        self.unit: float = numbers.scalar.unit
        self.doubtful = False  # whether rounding may have taken an operand to the other side of a kink
        super().__init__(tape, numbers, 2, leaves)

    def forward(self, block: Block) -> None:
        super().forward(block)
        if block.op.name in KINKED:
            x, *others = self._operands(block)
            apart, error = x.shadow, x.errors
            if others:
                apart, error = apart - others[0].shadow, error + others[0].errors
            self.doubtful |= bool(((np.abs(apart) <= error) & (error > 0)).any())

    def leaf(self, kind: str, name: str, numbers: Array) -> NumberArray:
        if kind == CONSTANT:
            found = self.numbers.given(np.zeros(())).constant(numbers)
        elif kind == GIVEN:
            found = self.leaves.given(numbers)
        else:
            found = self.leaves.variable(numbers, name)
        return NumberArray(numbers, found.contents)

    def array(self, shadow: Array, lanes: list[Array]) -> Any:
        return self.numbers(lanes[0], lanes[1:])

    def lanes_of(self, array: Any, shape: tuple[int, ...]) -> list[Array]:
        if not isinstance(array, NumberArray):
            array = self.numbers.given(np.asarray(array, float))
        return [spread(lane, shape) for lane in array.contents]

    def summed(self, factors: list[list[Array]], axes: tuple[int, ...]) -> list[Array]:
        """Sums, and the bounds: those of the terms, and the roundings of adding them in any order.

        A product xy is off by |x|dy + |y|dx + dx dy and a rounding: its part of the sum's is added.
        """

        def total(*terms: Array) -> Array:
            return super(Rounding, self).summed([[x] for x in terms], axes)[0]

        x, *others = factors
        count = math.prod(n for k, n in enumerate(np.broadcast_shapes(*(end[0].shape for end in factors))) if k in axes)
        if not others:
            return [total(x[0]), total(x[1]) + max(count - 1, 0) * self.unit * total(np.abs(x[0]))]
        (y, error_of_y), size = others[0], np.abs(others[0][0])
        error = total(np.abs(x[0]), error_of_y + count * self.unit * size)
        if x[1].any():
            error += total(x[1], size + error_of_y)
        return [total(x[0], y), error]

    def add_up(self, sums: list[Array], more: list[Array]) -> None:
        super().add_up(sums, more)
        sums[1] += self.unit * np.abs(sums[0])

    def backward(self, J: int, everything: bool = False) -> list[Array]:
        self.spare = [np.zeros(len(self.tape._data)) for _ in self.lanes]
        return super().backward(J, everything)

    def _seeded(self, grads: list[Array], J: int) -> None:
        grads[0][J] = 1

    def _pass_on(self, grads: list[Array], block: Block, operand: int, found: list[Array]) -> None:
        super()._pass_on(grads, block, operand, found)
        ids, once = block.operands[operand], block.once[operand]
        add_at(grads[1], ids, once, self.unit * np.abs(at(grads[0], ids)))  # adding it to what other consumers gave


class Objects(Numbers):
    """The sweeps in any type of number, each an object: `leaves.leaf(kind, name, floats)` gives those of a leaf."""

    dtype, has_nan = object, True

    def leaf(self, kind: str, name: str, numbers: Array) -> NumberArray:
        return NumberArray(numbers, [self.leaves.leaf(kind, name, numbers)])

    def array(self, shadow: Array, lanes: list[Array]) -> Any:
        return lanes[0]

    def lanes_of(self, array: Any, shape: tuple[int, ...]) -> list[Array]:
        return [spread(np.asarray(array, object), shape)]

    def _contributions(self, block: Block, operands: list[Any], partial: Any, above: Any, J: int) -> Any:
        """What is 0 by choice, an int of the table, contributes nothing, also times inf."""
        product = np.frompyfunc(lambda x, y: 0 if type(x) is int and x == 0 else x * y, 2, 1)(partial, above)
        if np.any(product != product):
            return np.where(self._counts(block, operands, partial, J), product, 0)
        return product

    def _value(self, op: Op, operands: list[Any]) -> Any:
        return np.frompyfunc(op.value, len(operands), 1)(*operands)

    def _partials(self, op: Op, out: Any, operands: list[Any]) -> Any:
        def partial(k: int) -> Any:
            return np.frompyfunc(lambda *x: op.partials(*x)[k], 1 + len(operands), 1)(out, *operands)

        return [partial(k) for k in range(len(operands))]


class LongFloats(Objects):
    """The same in floats of many bits: arithmetic on gmpy2's own numbers, the rest of the table on `Precise` ones."""

    def __init__(self, tape: Recording, numbers: type[Any], points: int, leaves: Any) -> None:
        self.context = numbers.context
        self._wrapped = np.frompyfunc(lambda x: x if isinstance(x, (int, float)) else numbers.of(x), 1, 1)
        self._divided = np.frompyfunc(self.context.div, 2, 1)
        with gmpy2.context(self.context):
            super().__init__(tape, numbers, points, leaves)

    def leaf(self, kind: str, name: str, numbers: Array) -> NumberArray:
        found = super().leaf(kind, name, numbers)
        return NumberArray(numbers, [_bare(lane) for lane in found.lanes])

    def taken_out(self, numbers: Any) -> Any:
        return np.asarray(self._wrapped(numbers), object)

    def backward(self, J: int, everything: bool = False) -> list[Array]:
        with gmpy2.context(self.context):
            return super().backward(J, everything)

    def _value(self, op: Op, operands: list[Any]) -> Any:
        match op.name:
            case "add" | "subtract" | "multiply":
                return getattr(np, op.name)(*operands)
            case "divide":
                return self._divided(*operands)
        return _bare(super()._value(op, [*map(self._wrapped, operands)]))

    def _partials(self, op: Op, out: Any, operands: list[Any]) -> Any:
        match op.name:
            case "add" | "subtract" | "multiply":
                return op.partials(out, *operands)
            case "divide":
                return self._divided(1, operands[1]), -self._divided(out, operands[1])
        return [_bare(x) for x in super()._partials(op, self._wrapped(out), [*map(self._wrapped, operands)])]

    def _contributions(self, block: Block, operands: list[Any], partial: Any, above: Any, J: int) -> Any:
        product = np.multiply(partial, above)
        return super()._contributions(block, operands, partial, above, J) if np.any(product != product) else product


def _bare(numbers: Any) -> Array:
    return np.asarray(np.frompyfunc(lambda x: x.raw if isinstance(x, Number) else x, 1, 1)(numbers), object)


class Bounds(Numbers):
    """Bounds on degrees, one for a whole block: see `DegreeArray`. The lane says which bound is that of a node."""

    dtype = np.int64

    def __init__(self, tape: Recording, numbers: type[Any], points: int, leaves: Any) -> None:
        self.bounds = [degree.CONSTANT, degree.VARIABLE]
        self._degrees: dict[int, list[degree.Bound]] = {}  # of the operands of each block, by its first node
        super().__init__(tape, numbers, 1, leaves)

    def leaf(self, kind: str, name: str, numbers: Array) -> NumberArray:
        return NumberArray(numbers, [np.full(numbers.shape, int(kind == VARIABLE))])

    def array(self, shadow: Array, lanes: list[Array]) -> Any:
        return self.numbers(shadow, bound=self._all(lanes[0]))

    def _put_down(self, bound: degree.Bound) -> int:
        self.bounds.append(bound)
        return len(self.bounds) - 1

    def _all(self, which: Array) -> degree.Bound:
        """A bound for all these nodes."""
        kinds = set(which.ravel().tolist()) if which.size <= FEW else np.unique(which)
        first, *rest = [self.bounds[k] for k in kinds] or [degree.CONSTANT]
        return functools.reduce(degree.Bound.either, rest, first)  # type: ignore[no-any-return]

    def _operands(self, block: Block) -> list[Any]:
        """The operands as arrays of one bound each; the plain number of a power as it is."""
        data, ends = self.tape._data, self._degrees[block.start]
        found = [self.numbers(at(data, ids), bound=end) for ids, end in zip(block.operands, ends, strict=True)]
        return [found[0], self.tape.constant_at(block.operands[1])] if block.op is OPS["power_n"] else found

    def forward(self, block: Block) -> None:
        ends = self._degrees[block.start] = [self._all(at(self.lanes[0], ids)) for ids in block.operands]
        if block.op.arity == 0:
            bound = functools.reduce(degree.Bound.times, ends).total(block.terms)
        else:
            bound = _bound(self._value(block.op, self._operands(block)))
        self.lanes[0][block.rows] = self._put_down(bound)

    def _local(self, block: Block) -> list[degree.Bound]:
        """Those of the local derivatives."""
        ends = self._degrees[block.start]
        if block.op.arity == 0:
            return ends[::-1] if len(ends) == 2 else [degree.CONSTANT]
        out = self.tape._data[block.rows].reshape(block.shape)
        made = self.bounds[int(self.lanes[0][block.start])]
        with np.errstate(all="ignore"):
            return [*map(_bound, block.op.partials(self.numbers(out, bound=made), *self._operands(block)))]

    def backward(self, J: int, everything: bool = False) -> list[Array]:
        gradients = np.full(self.tape.size, -1)  # not reached yet
        gradients[J] = 0
        for block in reversed(self.tape.blocks):
            reached = gradients[block.rows]
            if (reached < 0).any():
                reached = reached[reached >= 0]
            if not reached.size or not any(block.needed):
                continue
            upstream = self._all(reached)
            for k, local in enumerate(self._local(block)):
                if block.needed[k]:
                    ids = block.operands[k]
                    before, consumers = at(gradients, ids), math.prod(block.whole) // max(ids.size, 1)
                    repeats = 1 if block.once[k] else 1 + ids.size - len(np.unique(ids))  # of one of them at most
                    new = local.times(upstream).total(consumers * repeats)
                    gradients[ids.ravel()] = self._put_down(self._all(before[before >= 0]).plus(new))
        return [np.maximum(gradients, 0)]


def _bound(x: Any) -> degree.Bound:
    return x.bound if isinstance(x, DegreeArray) else degree.CONSTANT
