"""The sweeps over a recording in the number systems on arrays: residues, fractions, rounded floats, degrees, ..."""

from __future__ import annotations

import functools
import math
from typing import Any

import gmpy2
import numpy as np
from gmpy2 import mpq
from numpy.typing import NDArray

from autograd.number.array import ARITHMETIC, NumberArray
from autograd.number.degree import CONSTANT as NO_DEGREE
from autograd.number.degree import VARIABLE as ONE_DEGREE
from autograd.number.degree import Bound
from autograd.number.exact import ExactArray, common
from autograd.number.functions import choose
from autograd.number.modulo import PRIMES, half_modulo
from autograd.number.number import Number
from autograd.number.ops import KINKED, Op
from autograd.number.residue import KnowingResidueArray, ResidueArray, refuse_infinite
from autograd.number.vocabulary import Refused
from autograd.tape.blocks import CONSTANT, FEW, GIVEN, VARIABLE, Block, Recording, at, spread
from autograd.tape.sweep import BUFFERS, Sweep, add_at

Array = NDArray[Any]


class Numbers(Sweep):
    """The sweeps in a type of number of `autograd.number.array`."""

    has_nan = False  # whether there are infinite ones

    def __init__(self, tape: Recording, numbers: type[Any], points: int, leaves: Any) -> None:
        super().__init__(tape)
        self.numbers = numbers
        self.points, self.leaves, self.rng = points, leaves, np.random.default_rng(0)
        self._lanes = [np.empty(tape.size, self.dtype) for _ in range(points)]
        self._gathered: dict[Block, list[Any]] = {}  # the operands of small blocks, for the way back
        with np.errstate(all="ignore"):
            written: dict[Any, Any] = {}  # numbers of code, which has the same ones again and again
            for k, leaf in enumerate(tape.leaves):
                given = tape.given_to(leaf)
                key = (given.dtype, given.tobytes()) if leaf.kind == CONSTANT and not leaf.shape else k
                if key not in written:
                    written[key] = self.leaf(leaf.kind, leaf.name, given)
                of_leaf = written[key]
                for lane, found in zip(self._lanes, of_leaf.lanes, strict=True):
                    lane[leaf.rows] = found.ravel()
            self.begin()
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

    def _operands(self, block: Block) -> list[Any]:
        found = self._gathered.get(block)
        if found is None:
            found = super()._operands(block)
            if math.prod(block.whole) <= FEW:
                self._gathered[block] = found
        return found

    def gather(self, ids: Array) -> Any:
        return self.array(at(self.tape._data, ids), [at(lane, ids) for lane in self.lanes])

    def gradients(self, shadow: Array, ids: Array, grads: list[Array]) -> Any:
        """The gradients of these nodes, where `grads` are those of all."""
        return self.array(shadow, [at(lane, ids) for lane in grads])

    def lanes_of(self, array: Any, shape: tuple[int, ...]) -> list[Array]:
        if not isinstance(array, NumberArray):
            array = self.array(np.zeros(()), [np.zeros((), self.dtype)] * len(self.lanes)).constant(array)
        return [spread(lane, shape) for lane in array.lanes]

    def _value(self, block: Block, operands: list[Any]) -> Any:
        """A row of the table, where the floats that the numbers stand for are there already."""
        x, op = operands[0], block.op
        if op.name in ARITHMETIC:
            return x._arithmetic(op.name, *operands, self._shadow(block))
        return x._atom(op.name, operands, self._shadow(block)) if op.in_floats else super()._value(block, operands)

    def _contributions(self, block: Block, operands: list[Any], partial: Any, above: Any, J: int) -> Any:
        factor = above.as_one(partial)
        product = above._arithmetic("multiply", factor, above, factor.shadow * above.shadow)
        if self.has_nan and any(math.isnan(np.add.reduce(lane, axis=None)) for lane in product.contents):
            return choose(self._counts(block, operands, partial, J), product, 0)
        return product


_UNREACHED = -1  # which bound a gradient has before a sweep has come to it


class Modular(Numbers):
    """The sweeps in residues. Beside the lanes of the nodes goes which of `bounds` on the degrees is theirs."""

    dtype = np.int64

    def __init__(self, tape: Recording, numbers: type[Any], points: int, leaves: Any) -> None:
        constants = [tape.given_to(leaf) for leaf in tape.leaves if leaf.kind == CONSTANT]
        self.has_infinite = not all(np.isfinite(x).all() for x in constants)
        self.residues = numbers.beside_infinite() if self.has_infinite else numbers
        self.bounds = [NO_DEGREE, ONE_DEGREE]
        self._which, self._which_gradient = np.zeros(tape.size, np.int64), np.zeros(0, np.int64)
        self.radicands: Array | None = None
        if issubclass(numbers, KnowingResidueArray):
            if self.has_infinite:
                raise Refused("no residue that obeys the laws of exponentials stands for inf or nan")
            self.radicands = tape.radicands()
        super().__init__(tape, numbers, points, leaves)

    def begin(self) -> None:
        for leaf in self.tape.leaves:
            if leaf.kind == VARIABLE:
                self._put_down(self._which, leaf.rows, ONE_DEGREE)
                self._square(leaf.rows)

    def forward(self, block: Block) -> None:
        super().forward(block)
        self._square(block.rows)

    def _square(self, rows: slice) -> None:
        """Make squares of the radicands among these nodes."""
        if self.radicands is None:
            return
        x = self._bounded(self.array(self.tape._data[rows], [lane[rows] for lane in self.lanes]), self._which[rows])
        found = x.squares(self.radicands[rows])
        self._put_down(self._which, rows, found.bound)
        for lane, squares in zip(self.lanes, found.lanes, strict=True):
            lane[rows] = squares

    def _put_down(self, which: Array, where: Any, bound: Bound) -> None:
        if bound is not self.bounds[-1]:
            self.bounds.append(bound)
        which[where] = len(self.bounds) - 1

    def _all(self, which: Array) -> Bound:
        """A bound for all these nodes; none for those that are not reached."""
        kinds = {*which.ravel().tolist()} if which.size <= FEW else {which.min().item(), which.max().item()}
        if len(kinds) > 1 and which.size > FEW:
            kinds = {*np.unique(which).tolist()}
        kinds.discard(_UNREACHED)
        return functools.reduce(Bound.either, [self.bounds[k] for k in kinds]) if kinds else NO_DEGREE

    def leaf(self, kind: str, name: str, numbers: Array) -> NumberArray:
        if kind == VARIABLE:
            if self.leaves is not None:
                return self.leaves.variable(numbers, name)  # type: ignore[no-any-return]
            return ResidueArray.random(numbers, self.points, self.rng)
        given: ResidueArray = self.residues.given(numbers if kind == GIVEN else 0.0, self.points)
        return given if kind == GIVEN else given.constant(numbers)

    def array(self, shadow: Array, lanes: list[Array]) -> Any:
        return self.residues(shadow, lanes)

    def _bounded(self, numbers: Any, which: Array) -> Any:
        """Numbers of nodes with the bound for all of them."""
        numbers.bound = self._all(which)
        return numbers

    def gather(self, ids: Array) -> Any:
        return self._bounded(super().gather(ids), at(self._which, ids))

    def _keep(self, block: Block, value: Any) -> None:
        super()._keep(block, value)
        self._put_down(self._which, block.rows, _bound(value))

    def _forward_sums(self, block: Block) -> None:
        super()._forward_sums(block)
        bounds = [self._all(at(self._which, ids)) for ids in block.operands]
        self._put_down(self._which, block.rows, functools.reduce(Bound.times, bounds).total(block.terms))

    def backward(self, J: int, everything: bool = False) -> list[Array]:
        self._which_gradient = np.full(self.tape.size, _UNREACHED)
        self._which_gradient[J] = 0
        return super().backward(J, everything)

    def gradients(self, shadow: Array, ids: Array, grads: list[Array]) -> Any:
        return self._bounded(super().gradients(shadow, ids, grads), at(self._which_gradient, ids))

    def _is_reached(self, block: Block, upstream: list[Array]) -> bool:
        if self.has_infinite:  # 0 times one of them would be none
            return super()._is_reached(block, upstream)
        return bool((self._which_gradient[block.rows] != _UNREACHED).any())

    def _made(self, block: Block) -> Any:
        return self._bounded(super()._made(block), self._which[block.rows])

    def _above(self, block: Block, upstream: list[Array]) -> Any:
        return self._bounded(super()._above(block, upstream), self._which_gradient[block.rows])

    def _contribute(self, grads: list[Array], block: Block, operand: int, product: Any) -> None:
        super()._contribute(grads, block, operand, product)
        self._bound_gradients(block, operand, _bound(product))

    def _back_sums(self, block: Block, needed: Any, upstream: list[Array], grads: list[Array], J: int) -> None:
        super()._back_sums(block, needed, upstream, grads, J)
        above = self._all(self._which_gradient[block.rows])
        for k, _ in enumerate(block.operands):
            if needed[k]:
                others = [self._all(at(self._which, ids)) for ids in block.operands[:k] + block.operands[k + 1 :]]
                self._bound_gradients(block, k, functools.reduce(Bound.times, others, above))

    def _bound_gradients(self, block: Block, operand: int, bound: Bound) -> None:
        """The bound for the gradients of an operand's nodes grows by that of these contributions."""
        ids = block.operands[operand]
        # how often one of the nodes is there at most
        most = 1 if block.once[operand] else np.bincount(ids.ravel() - ids.min()).max().item()
        consumers = math.prod(block.whole) // max(ids.size, 1) * most
        grown = self._all(at(self._which_gradient, ids)).plus(bound.total(consumers))
        self._put_down(self._which_gradient, ids.ravel(), grown)

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
            if terms.size <= FEW:
                terms %= prime
            else:
                buffers = BUFFERS("upper", terms.shape, np.int64), BUFFERS("lower", terms.shape, np.int64)
                terms = half_modulo(terms, prime, *buffers)
            found.append(np.add.reduce(terms, axis=axes, keepdims=True))
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
        self.doubtful = False  # whether rounding may have decided a kink, or what code asked
        super().__init__(tape, numbers, 2, leaves)
        plain = self.numbers.given(np.zeros(()))
        with np.errstate(all="ignore"):
            for sides in tape.asked:
                found = [self.gather(x) if x.dtype.kind == "i" else plain.constant(x) for x in sides]
                if len(sides) == 2:
                    self._doubt(*found)
                else:
                    self.doubtful |= bool(found[0].errors.any())

    def forward(self, block: Block) -> None:
        super().forward(block)
        if block.op.name in KINKED:
            self._doubt(*self._operands(block))

    def _doubt(self, x: Any, y: Any = None) -> None:
        """Note it where rounding may have taken x to the other side of y, or of 0."""
        apart, error = (x.shadow, x.errors) if y is None else (x.shadow - y.shadow, x.errors + y.errors)
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
        ids, once = block.operands[operand], block.once[operand]
        if not once and ids.size:  # added one after the other: on the way no sum is larger than all of them together
            start = ids.min()
            nodes = (ids - start).ravel()
            count, sizes = np.bincount(nodes), np.bincount(nodes, np.abs(found[0]).ravel())
            here = slice(start, start + len(count))
            grads[1][here] += np.where(count, count * self.unit * (np.abs(grads[0][here]) + sizes), 0.0)
        rounds = once and bool(at(grads[0], ids).any())  # what is added to 0 is not rounded
        super()._pass_on(grads, block, operand, found)
        if rounds:
            add_at(grads[1], ids, once, self.unit * np.abs(at(grads[0], ids)))


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

    def _value(self, block: Block, operands: list[Any]) -> Any:
        return np.frompyfunc(block.op.value, len(operands), 1)(*operands)

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

    def _value(self, block: Block, operands: list[Any]) -> Any:
        match block.op.name:
            case "add" | "subtract" | "multiply":
                return ARITHMETIC[block.op.name](*operands)
            case "divide":
                return self._divided(*operands)
        return _bare(super()._value(block, [*map(self._wrapped, operands)]))

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


def _bound(x: Any) -> Bound:
    return x.bound if isinstance(x, ResidueArray) else NO_DEGREE
