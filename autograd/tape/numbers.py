"""The sweeps over a recording in the number systems on arrays: residues, fractions, rounded floats, degrees, ..."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gmpy2 import mpq
from numpy.typing import NDArray

from autograd.number.array import NumberArray
from autograd.number.degree import DegreeArray, combined, summed
from autograd.number.exact import ExactArray, common
from autograd.number.functions import choose
from autograd.number.ops import Op
from autograd.number.residue import SMALL_PRIME, ResidueArray
from autograd.tape.blocks import CONSTANT, GIVEN, VARIABLE, Block, Recording, at
from autograd.tape.sweep import BUFFERS, Sweep, add_at, slab, slabs

Array = NDArray[Any]


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
        for block in tape.blocks:
            self.forward(block)

    @property
    def lanes(self) -> list[Array]:
        return self._lanes

    def leaf(self, kind: str, name: str, numbers: Array) -> NumberArray:
        """The numbers of a leaf."""
        raise NotImplementedError

    def gather(self, ids: Array) -> Any:
        return self.array(at(self.tape._data, ids), [at(lane, ids) for lane in self.lanes])

    def lanes_of(self, array: Any, shape: tuple[int, ...]) -> list[Array]:
        if not isinstance(array, NumberArray):
            array = self.array(np.zeros(()), [np.zeros((), self.dtype)] * len(self.lanes)).constant(array)
        return [np.broadcast_to(lane, shape) for lane in array.lanes]

    def _contributions(self, block: Block, operands: list[Any], partial: Any, above: Any, J: int) -> Any:
        product = partial * above
        if self.has_nan and any((lane != lane).any() for lane in self.lanes_of(product, block.shape)):
            return choose(self._counts(block, operands, partial, J), product, 0)
        return product


class Modular(Numbers):
    dtype = np.int64

    def leaf(self, kind: str, name: str, numbers: Array) -> NumberArray:
        if kind == VARIABLE:
            if self.leaves is not None:
                return self.leaves.variable(numbers, name)  # type: ignore[no-any-return]
            return ResidueArray.random(numbers, self.points, self.rng)
        given = ResidueArray.given(numbers if kind == GIVEN else 0.0, self.points)
        return given if kind == GIVEN else given.constant(numbers)

    def array(self, shadow: Array, lanes: list[Array]) -> Any:
        return ResidueArray(shadow, lanes)

    def summed(self, terms: Array, axes: tuple[int, ...]) -> Array:
        # 2**31 is 1: the upper bits count like the lower ones
        upper = np.right_shift(terms, 31, out=BUFFERS("upper", terms.shape, np.int64))
        lower = np.bitwise_and(terms, SMALL_PRIME, out=BUFFERS("lower", terms.shape, np.int64))
        lower += upper
        return super().summed(lower, axes)

    def settle(self, sums: Array) -> None:
        sums %= SMALL_PRIME


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

    def divided(self, sums: Array, scale: Any) -> Array:
        return np.frompyfunc(lambda x: mpq(x, scale), 1, 1)(sums)  # type: ignore[no-any-return]


class Rounding(Numbers):
    """The sweeps in floats with bounds on their errors; the lanes are the floats, and the bounds."""

    has_nan = True

    def __init__(self, tape: Recording, numbers: type[Any], points: int, leaves: Any) -> None:
        self.unit: float = numbers.scalar.unit
        super().__init__(tape, numbers, 2, leaves)

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
        return [np.broadcast_to(lane, shape) for lane in array.contents]

    def _sums(self, terms: list[Array], axes: tuple[int, ...]) -> list[Array]:
        """Sums of terms, and the bounds: those of the terms, and the roundings of adding them in any order."""
        value, error = terms
        count = math.prod(value.shape[axis] for axis in axes)
        sizes = np.add.reduce(np.abs(value), axis=axes, keepdims=True)
        found = np.add.reduce(error, axis=axes, keepdims=True) + max(count - 1, 0) * self.unit * sizes
        return [np.add.reduce(value, axis=axes, keepdims=True), found]

    def _sums_of_products(self, x: list[Array], y: list[Array], axes: tuple[int, ...]) -> list[Array]:
        """The same of products xy, each off by |x|dy + |y|dx + dx dy and a rounding: its part of the sum's is added."""
        whole = np.broadcast_shapes(x[0].shape, y[0].shape)
        count, size = math.prod(whole[axis] for axis in axes), np.abs(y[0])
        value = self.summed(self._product(x[0], y[0]), axes)
        error = self.summed(self._product(np.abs(x[0]), y[1] + count * self.unit * size), axes)
        if x[1].any():
            error += self.summed(self._product(x[1], size + y[1]), axes)
        return [value, error]

    def _forward_sums(self, block: Block) -> None:
        ends, _ = self._ends(block)
        axes = tuple(range(len(block.shape), len(block.whole)))
        for first, last, index in slabs(block.shape, block.terms):
            x, *others = ([slab(lane, index) for lane in end] for end in ends)
            sums = self._sums_of_products(x, others[0], axes) if others else self._sums(x, axes)
            for lane, found in zip(self.lanes, sums, strict=True):
                lane[block.start + first : block.start + last] = found.ravel()

    def backward(self, J: int, everything: bool = False) -> list[Array]:
        self.spare = [np.zeros(len(self.tape._data)) for _ in self.lanes]
        return super().backward(J, everything)

    def _seeded(self, grads: list[Array], J: int) -> None:
        grads[0][J] = 1

    def _pass_on(self, grads: list[Array], block: Block, operand: int, found: list[Array]) -> None:
        ids = block.operands[operand]
        for grad, part in zip(grads, found, strict=True):
            add_at(grad, ids, part)
        add_at(grads[1], ids, self.unit * np.abs(at(grads[0], ids)))  # adding it to what other consumers gave

    def _back_sums(self, block: Block, needed: Any, upstream: list[Array], grads: list[Array], J: int) -> None:
        shape = block.shape + (1,) * (len(block.whole) - len(block.shape))
        above = [x.reshape(shape) for x in upstream]
        if len(block.operands) == 1:
            self._pass_on(grads, block, 0, [np.broadcast_to(x, block.whole) for x in above])
            return
        ends, _ = self._ends(block)
        for k in (0, 1):
            if not needed[k]:
                continue
            others, axes = ends[1 - k], block.repeats(k)
            sums = [np.zeros(block.operands[k].shape) for _ in grads]
            for _, _, index in slabs(block.shape, block.terms):
                other, up = ([slab(x, index) for x in end] for end in (others, above))
                value, error = self._sums_of_products(other, up, axes)
                into, bound = (slab(total, index) for total in sums)
                into += value
                bound += error + self.unit * np.abs(into)
            self._pass_on(grads, block, k, sums)


class Objects(Numbers):
    """The sweeps in any type of number, each an object: `leaves.leaf(kind, name, floats)` gives those of a leaf."""

    dtype, has_nan = object, True

    def leaf(self, kind: str, name: str, numbers: Array) -> NumberArray:
        return NumberArray(numbers, [self.leaves.leaf(kind, name, numbers)])

    def array(self, shadow: Array, lanes: list[Array]) -> Any:
        return lanes[0]

    def lanes_of(self, array: Any, shape: tuple[int, ...]) -> list[Array]:
        return [np.broadcast_to(np.asarray(array, object), shape)]

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


class Bounds(Numbers):
    """Bounds on the degrees of numerators and denominators, one for a whole block: see `DegreeArray`.

    The gradient of a node is a sum of contributions n / d; over a common denominator of degree D the numerator has
    degree D + max(n - d). Two such denominators are known, and the smaller counts: the product of all d, and that of
    the denominators of all local derivatives on the way, each once, for no path comes twice through a block. `lanes`
    are the degrees of numerator and denominator.
    """

    dtype = np.int64

    def __init__(self, tape: Recording, numbers: type[Any], points: int, leaves: Any) -> None:
        super().__init__(tape, numbers, 2, leaves)

    def leaf(self, kind: str, name: str, numbers: Array) -> NumberArray:
        degree = 1 if kind == VARIABLE else 0
        return NumberArray(numbers, [np.full(numbers.shape, degree), np.zeros(numbers.shape, int)])

    def array(self, shadow: Array, lanes: list[Array]) -> Any:
        return self.numbers(shadow, degree=(_most(lanes[0]), _most(lanes[1])))

    def gather(self, ids: Array) -> Any:
        return self.array(self.tape._data[ids], [lane[ids] for lane in self.lanes])

    def lanes_of(self, array: Any, shape: tuple[int, ...]) -> list[Array]:
        return [np.full(shape, degree) for degree in _degree(array)]

    def _forward_sums(self, block: Block) -> None:
        degree = (0, 0)
        for ids in block.operands:
            degree = combined("multiply", degree, (_most(self.lanes[0][ids]), _most(self.lanes[1][ids])))
        for lane, found in zip(self.lanes, summed(degree, block.terms), strict=True):
            lane[block.rows] = found

    def backward(self, J: int, everything: bool = False) -> list[Array]:
        size = self.tape.size
        excess, denominators, reached = np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size, bool)
        reached[J] = True
        on_the_way = 0
        for block in reversed(self.tape.blocks):
            rows = block.rows
            if not reached[rows].any():
                continue
            upstream = _most(excess[rows] + denominators[rows]), _most(denominators[rows])
            if block.op.arity == 0:
                ends = [self.gather(ids) for ids in block.operands]
                partials = ends[::-1] if len(ends) == 2 else [1]
            else:
                out = np.arange(rows.start, rows.stop).reshape(block.shape)
                partials = block.op.partials(self.gather(out), *self._operands(block))
            for ids, partial, asked in zip(block.operands, partials, block.needed, strict=True):
                if not asked:
                    continue
                if isinstance(partial, DegreeArray):
                    on_the_way += partial.degree[1] * partial.size
                n, d = combined("multiply", _degree(partial), upstream)
                few = ids.ravel()
                np.maximum.at(excess, few, n - d)
                consumers = math.prod(block.whole) // max(few.size, 1)
                if d:
                    np.add.at(denominators, few, d * consumers)
                reached[few] = True
        denominators = np.minimum(denominators, on_the_way)
        return [np.maximum(excess + denominators, 0), denominators]


def _most(degrees: Array) -> int:
    return int(np.max(degrees, initial=0))


def _degree(x: Any) -> tuple[int, int]:
    return x.degree if isinstance(x, DegreeArray) else (0, 0)
