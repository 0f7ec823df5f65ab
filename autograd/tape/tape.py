"""`Tape`, the scalar graph as arrays: the same nodes and edges as Values make, by the million.

A node is an integer. What NumPy code records is a list of blocks, each one operation of the table on many nodes at
once: the nodes it made, a range, and for each of its operands an array of node numbers, the edges. Where edges repeat
along an axis (those of a weight which takes part in many products, say), the array has length 1 there, as NumPy
broadcasts: a graph costs little memory, and along such an axis lie the consumers of one and the same node.

A sweep gathers the numbers at the ends of the edges, makes every contribution, local derivative times upstream, some
ten thousands at a time in a buffer that stays in the cache, sums those to the same node along the axes on which its
edges repeat, and adds the sums up along the edges (statement C1). There is no product of matrices.
"""

from __future__ import annotations

import bisect
import math
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from gmpy2 import mpq
from numpy.typing import ArrayLike, NDArray

from autograd.graph.value import Value
from autograd.number.array import NumberArray
from autograd.number.degree import DegreeArray, combined, summed
from autograd.number.exact import ExactArray, common
from autograd.number.ops import OPS, Op
from autograd.number.residue import SMALL_PRIME, ResidueArray

if TYPE_CHECKING:
    from autograd.tape.array import TapeArray

Array = NDArray[Any]

CHUNK = 1 << 17  # edges that a sweep looks at together: their buffers stay in the cache
VARIABLE, GIVEN, CONSTANT = "variable", "given", "constant"


class Block(NamedTuple):
    """One operation on many nodes: those it made, from `start` on, and the nodes at the other ends of its edges.

    `operands` are arrays of node numbers with the axes of `whole`: those of `shape`, that of the block, and for a sum
    or a sum of products further ones, the terms. An operand of length 1 along an axis repeats there. `needed` says for
    which of them somebody asks for gradients.
    """

    op: Op
    start: int
    shape: tuple[int, ...]
    whole: tuple[int, ...]
    operands: tuple[Array, ...]
    needed: tuple[bool, ...]

    @property
    def edges(self) -> tuple[Array, ...]:
        """The operands with every edge spelled out, as views."""
        return tuple(np.broadcast_to(ids, self.whole) for ids in self.operands)

    @property
    def rows(self) -> slice:
        """The nodes of the block."""
        return slice(self.start, self.start + math.prod(self.shape))

    @property
    def terms(self) -> int:
        """The terms of each sum."""
        return math.prod(self.whole[len(self.shape) :])

    def repeats(self, operand: int) -> tuple[int, ...]:
        """The axes along which the edges to an operand repeat: those of the consumers of each of its nodes."""
        ids = self.operands[operand]
        return tuple(k for k, (n, N) in enumerate(zip(ids.shape, self.whole, strict=True)) if n != N)


class Leaf(NamedTuple):
    """Nodes that no operation made, and what `kind` of numbers they are.

    `given` are the numbers as they were given, None for float64, which the tape itself holds.
    """

    kind: str
    name: str
    start: int
    shape: tuple[int, ...]
    given: Array | None

    @property
    def rows(self) -> slice:
        """The nodes of the leaf."""
        return slice(self.start, self.start + math.prod(self.shape))


class Tape:
    """Records NumPy code scalar by scalar, and sweeps it back.

    >>> tape = Tape()
    >>> W, X = tape.array(np.array([[1.0], [2.0]]), "w"), tape.array(np.array([[3.0, -1.0], [0.5, 4.0]]), "x")
    >>> J = np.mean(np.maximum(np.dot(W.T, X), 0))
    >>> tape.backward(J)
    >>> W.grad
    array([[1.  ],
           [2.25]])

    `backward(J)` sets the gradient of every node; twice gives the same. `clear()` forgets everything but keeps the
    memory, so that a large batch can be recorded one group of observations after the other. `replay` runs the recorded
    graph in other numbers. What cannot be recorded is refused by name.
    """

    def __init__(self) -> None:
        self._data = np.empty(1 << 10)
        self._floats = _Run(self)
        self.clear()

    def clear(self) -> None:
        """Forget what was recorded; the buffers are used again."""
        self.size = 0
        self.blocks: list[Block] = []
        self.leaves: list[Leaf] = []
        self._needed = np.zeros(len(self._data), bool)
        self._nodes: dict[int, Node] = {}
        self._gradients: Array | None = None
        self.leaf(np.zeros((), int), CONSTANT)  # node 0 is the number 0, which pads and fills

    def array(self, numbers: ArrayLike, name: str = "", gradient: bool = True) -> TapeArray:
        """An array of scalars on this tape, of the same shape; its entries are called name[i,j].

        >>> Tape().array([1.0, 2.0], "x").data
        array([1., 2.])

        With `gradient=False` nobody will ask for its gradient, and the sweep saves that work. Raises TypeError for
        entries that are no real numbers.
        """
        from autograd.tape.array import TapeArray  # builds on this module

        return TapeArray(self, self.leaf(numbers, VARIABLE, name, gradient))

    def given(self, numbers: ArrayLike, name: str = "") -> TapeArray:
        """An array of data that stay as they are: no proof is to hold for others, nobody asks for their gradients."""
        from autograd.tape.array import TapeArray

        return TapeArray(self, self.leaf(numbers, GIVEN, name))

    def leaf(self, numbers: ArrayLike, kind: str, name: str = "", needed: bool = False) -> Array:
        """Nodes for these numbers."""
        numbers = np.asarray(numbers)
        if numbers.dtype.kind not in "biuf":
            raise TypeError(f"a tape holds real numbers, not an array of {numbers.dtype}")
        rows = self._new(numbers.size)
        self._data[rows] = numbers.ravel()
        self._needed[rows] = needed
        given = None if numbers.dtype == np.float64 else numbers.copy()
        self.leaves.append(Leaf(kind, name, rows.start, numbers.shape, given))
        return np.arange(rows.start, rows.stop).reshape(numbers.shape)

    def record(self, op: Op, *operands: Array, terms: int = 0) -> Array:
        """Nodes for `op` of these nodes, entry by entry; with `terms` the last so many axes are those of the sums."""
        # copies: code may later write other nodes into its own arrays
        ndim = max(x.ndim for x in operands)
        operands = tuple(np.array(x, order="C", ndmin=ndim) for x in operands)
        whole = np.broadcast(*operands).shape
        shape = whole[: ndim - terms]
        needed = tuple(bool(np.count_nonzero(self._needed.take(x))) for x in operands)
        rows = self._new(math.prod(shape))
        block = Block(op, rows.start, shape, whole, operands, needed)
        self._needed[rows] = any(needed)
        self.blocks.append(block)
        self._floats.forward(block)
        return np.arange(rows.start, rows.stop).reshape(shape)

    def backward(self, J: Any) -> None:
        """Set the gradient of every node to dJ/dnode.

        >>> tape = Tape()
        >>> x = tape.array(3.0)
        >>> tape.backward(2 * x**2 + x)
        >>> float(x.grad)
        13.0
        """
        self._gradients = self._floats.backward(self.number_of(J))[0]

    def replay(self, numbers: type[NumberArray], points: int = 1, leaves: Any = None) -> Run:
        """The recorded graph in other numbers: `ResidueArray` at so many random points, `ExactArray`, `DegreeArray`.

        >>> tape = Tape()
        >>> x = tape.array(np.array([0.1, 3.0]))
        >>> run = tape.replay(ExactArray)
        >>> run.data(x / 3).lanes[0][1]
        Traceback (most recent call last):
            ...
        IndexError: the run was made before these nodes were recorded
        >>> J = np.sum(x / 3)
        >>> run = tape.replay(ExactArray)
        >>> run.backward(J)
        >>> run.gradients(x).lanes[0]
        array([mpq(1,3), mpq(1,3)], dtype=object)

        Variables become random residues, given data stay what they are, and a float of code means the simplest fraction
        that rounds to it. Branches are those of the floats. `leaves.variable(numbers, name)` may give the residues of
        variables. Raises ZeroResidue at an unlucky point.
        """
        kinds = {ResidueArray: _Residues, ExactArray: _Fractions, DegreeArray: _Degrees}
        kind = next(run for base, run in kinds.items() if issubclass(numbers, base))
        return Run(self, kind(self, numbers, points, leaves))

    def number_of(self, J: Any) -> int:
        """The number of a lone node; raises TypeError."""
        if isinstance(J, Node):
            return J.index
        if getattr(J, "tape", None) is not self:
            raise TypeError(f"backward needs a scalar of this tape, not {type(J).__name__}")
        if J.size != 1:
            raise TypeError(f"backward needs one scalar, not an array of shape {J.shape}: sum it first")
        return int(J.ids.item())

    def reach(self, J: Any) -> Array:
        """Which nodes J depends on, itself among them."""
        return self._floats.reach(self.number_of(J))

    def numbers_at(self, ids: Array) -> Array:
        """The floats of these nodes."""
        return self._data[ids]

    def gradients_at(self, ids: Array) -> Array:
        """dJ/dnode of these nodes; 0 before `backward`, and for nodes newer than it."""
        if self._gradients is None:
            return np.zeros(ids.shape)
        known = ids < len(self._gradients)
        return np.where(known, self._gradients[np.where(known, ids, 0)], 0.0)

    def node(self, index: int) -> Node:
        """A node as a Value, which can be drawn and asked for its contributions."""
        return self._nodes.setdefault(index, Node(self, index))

    def made_by(self, index: int) -> Block | None:
        """The block that made a node; None for a leaf."""
        k = bisect.bisect_right(self.blocks, index, key=lambda block: block.start) - 1
        return self.blocks[k] if k >= 0 and index < self.blocks[k].rows.stop else None

    def constant_at(self, ids: Array) -> Any:
        """The number that code wrote, where all these nodes are that one; None where they are not."""
        index = int(ids.flat[0]) if ids.size else 0
        leaf = self.leaf_of(index)
        return self.given_to(leaf).item() if leaf.kind == CONSTANT and leaf.shape == () else None

    def given_to(self, leaf: Leaf) -> Array:
        """The numbers of a leaf array as they were given."""
        return self._data[leaf.rows].reshape(leaf.shape) if leaf.given is None else leaf.given

    def leaf_of(self, index: int) -> Leaf:
        """The leaf array that a node belongs to."""
        return self.leaves[bisect.bisect_right(self.leaves, index, key=lambda leaf: leaf.start) - 1]

    def _new(self, count: int) -> slice:
        rows = slice(self.size, self.size + count)
        if rows.stop > len(self._data):
            room = max(rows.stop, 2 * len(self._data))
            self._data = _grown(self._data, room)
            self._needed = _grown(self._needed, room)
        self.size = rows.stop
        return rows


def _grown(buffer: Array, room: int) -> Array:
    larger = np.empty(room, buffer.dtype)
    larger[: len(buffer)] = buffer
    return larger


def slabs(shape: tuple[int, ...], terms: int) -> Iterator[tuple[int, int, Any]]:
    """Sums of so many terms each, in runs of about CHUNK terms: the first row, the one after the last, the slices.

    >>> list(slabs((2, 3), 100_000))[:2]
    [(0, 1, (slice(0, 1, None), slice(0, 1, None))), (1, 2, (slice(0, 1, None), slice(1, 2, None)))]
    """
    rows = math.prod(shape)
    if not shape or rows * terms <= CHUNK:  # all of them at a time
        if rows:
            yield 0, rows, ()
        return
    axis = len(shape) - 1
    while axis and math.prod(shape[axis:]) * terms <= CHUNK:
        axis -= 1
    n, inner = shape[axis], math.prod(shape[axis + 1 :])
    parts = math.ceil(n / max(1, CHUNK // max(1, inner * terms)))
    step = math.ceil(n / parts)
    rest = (slice(None),) * (len(shape) - axis - 1)
    for k, outer in enumerate(np.ndindex(shape[:axis])):
        before = tuple(slice(i, i + 1) for i in outer)
        for first in range(0, n, step):
            last = min(first + step, n)
            yield (k * n + first) * inner, (k * n + last) * inner, (*before, slice(first, last), *rest)


def _part(array: Array, index: tuple[slice, ...]) -> Array:
    """The entries of a slab in an array that may have length 1 where the slab has more."""
    if not index:
        return array
    return array[tuple(run if n != 1 else slice(None) for n, run in zip(array.shape, index, strict=False))]


def _at(lane: Array, ids: Array) -> Array:
    """The content of these nodes, as an array even where it is one object."""
    return lane[ids.ravel()].reshape(ids.shape)


class _Buffers(threading.local):
    """Memory for one run of edges, used again and again by all tapes of a thread: fresh memory is slow at first."""

    def __init__(self) -> None:
        self._arrays: dict[tuple[str, Any], Array] = {}

    def __call__(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        count = math.prod(shape)
        if count > CHUNK or dtype is object:  # a sum of more terms than that; objects would be kept alive
            return np.empty(shape, dtype)
        buffer = self._arrays.get((name, dtype))
        if buffer is None:
            buffer = self._arrays[name, dtype] = np.empty(CHUNK, dtype)
        return buffer[:count].reshape(shape)

    def free(self) -> None:
        """Give the memory back; the next sweep takes new."""
        self._arrays.clear()


BUFFERS = _Buffers()


class _Run:
    """A forward and a backward sweep in floats. A subclass does the same in other numbers.

    The content of nodes is kept in lanes, arrays over all nodes: one for floats and fractions, one for each random
    point of residues.
    """

    dtype: ClassVar[Any] = float

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.spare: list[Array] = []

    @property
    def lanes(self) -> list[Array]:
        """The numbers of all nodes."""
        return [self.tape._data]

    def array(self, shadow: Array, lanes: list[Array]) -> Any:
        """What a row of the table of operations works on."""
        return lanes[0]

    def lanes_of(self, array: Any, shape: tuple[int, ...]) -> list[Array]:
        """The content of what it gave."""
        array = np.asarray(array)
        return [array if array.shape == shape else np.broadcast_to(array, shape)]

    def summed(self, terms: Array, axes: tuple[int, ...]) -> Array:
        """The sums of terms along these axes, which stay with length 1."""
        sums: Array = np.add.reduce(terms, axis=axes, keepdims=True)
        return sums

    def settle(self, sums: Array) -> None:
        """Make sums proper numbers, in place."""

    def whole(self, numbers: list[Array]) -> tuple[list[Array], Any]:
        """Numbers that can be multiplied and added up fast, and what the results are to be divided by."""
        return numbers, 1

    def divided(self, sums: Array, scale: Any) -> Array:
        """Results as proper numbers again."""
        return sums

    def gather(self, ids: Array) -> Any:
        """The numbers of these nodes."""
        return self.tape._data.take(ids)

    def _operands(self, block: Block) -> list[Any]:
        found = [self.gather(ids) for ids in block.operands[: 1 if block.op is OPS["power_n"] else None]]
        if block.op is OPS["power_n"]:
            found.append(self.tape.constant_at(block.operands[1]))
        return found

    def forward(self, block: Block) -> None:
        """The numbers of a block's nodes."""
        with np.errstate(all="ignore"):
            if block.op.arity == 0:
                self._forward_sums(block)
                return
            value = block.op.value(*self._operands(block))
        for lane, found in zip(self.lanes, self.lanes_of(value, block.shape), strict=True):
            lane[block.rows] = found.ravel()

    def _ends(self, block: Block) -> tuple[list[list[Array]], Any]:
        """For each operand of a sum its numbers, lane by lane, and what products of them are to be divided by."""
        ends = [self.whole([lane.take(ids) for lane in self.lanes]) for ids in block.operands]
        return [numbers for numbers, _ in ends], [scale for _, scale in ends]

    def _forward_sums(self, block: Block) -> None:
        """The sum of the terms of each row: of numbers, or of products of two numbers."""
        ends, scales = self._ends(block)
        axes = tuple(range(len(block.shape), len(block.whole)))
        for first, last, index in slabs(block.shape, block.terms):
            for lane, *numbers in zip(self.lanes, *ends, strict=True):
                terms = self._product(*(_part(x, index) for x in numbers))
                sums = self.divided(self.summed(terms, axes), math.prod(scales))
                self.settle(sums)
                lane[block.start + first : block.start + last] = sums.ravel()

    def _product(self, x: Array, y: Array | None = None) -> Array:
        """All the products of two arrays, each a number of its own, in a buffer."""
        if y is None:
            return x
        shape = np.broadcast(x, y).shape
        found: Array = np.multiply(x, y, out=BUFFERS("products", shape, self.dtype))
        return found

    def backward(self, J: int, everything: bool = False) -> list[Array]:
        """dJ/dnode for every node, in lanes: from the last block to the first, each adds to its operands' gradients."""
        size = self.tape.size
        if not self.spare or len(self.spare[0]) < size:
            self.spare = [np.empty(len(self.tape._data), self.dtype) for _ in self.lanes]
        grads = [buffer[:size] for buffer in self.spare]
        for grad in grads:
            grad[:] = 0
            grad[J] = 1
        with np.errstate(all="ignore"):
            for block in reversed(self.tape.blocks):
                needed = (True,) * len(block.operands) if everything else block.needed
                if block.start > J or not any(needed):
                    continue
                upstream = [grad[block.rows] for grad in grads]
                for found in upstream:
                    self.settle(found)
                if any(map(np.count_nonzero, upstream)):
                    (self._back_sums if block.op.arity == 0 else self._back)(block, needed, upstream, grads, J)
        for grad in grads:
            self.settle(grad)
        return grads

    def _back(self, block: Block, needed: Any, upstream: list[Array], grads: list[Array], J: int) -> None:
        """One operation on each entry: local derivative times upstream to each operand."""
        data = self.tape._data
        out = self.array(
            data[block.rows].reshape(block.shape), [x[block.rows].reshape(block.shape) for x in self.lanes]
        )
        above = self.array(np.zeros(block.shape), [x.reshape(block.shape) for x in upstream])
        partials = block.op.partials(out, *self._operands(block))
        for k, partial in enumerate(partials):
            if not needed[k]:
                continue
            one = isinstance(partial, int) and partial == 1
            product = above if one else self._of_reached(block, partial * above, J)
            axes = block.repeats(k)
            for grad, found in zip(grads, self.lanes_of(product, block.shape), strict=True):
                self._add(grad, block, k, np.add.reduce(found, axis=axes, keepdims=True) if axes else found)

    def _add(self, grad: Array, block: Block, operand: int, sums: Array) -> None:
        """Each sum to the gradient of the node at the end of its edges."""
        np.add.at(grad, block.operands[operand].ravel(), sums.ravel())

    def _of_reached(self, block: Block, product: Any, J: int) -> Any:
        """Without the nan of an infinite slope at a node that J does not depend on: there it is no contribution."""
        if not math.isnan(np.add.reduce(product, axis=None)):  # a nan would make the sum one
            return product
        return np.where(self.reach(J)[block.rows].reshape(block.shape), product, 0)

    def reach(self, J: int) -> Array:
        """Which nodes J depends on."""
        reached = np.zeros(self.tape.size, bool)
        reached[J] = True
        for block in reversed(self.tape.blocks):
            on = reached[block.rows].reshape(block.shape)
            for ids in block.edges if on.any() else ():
                reached[ids[on]] = True
        return reached

    def _back_sums(self, block: Block, needed: Any, upstream: list[Array], grads: list[Array], J: int) -> None:
        """A sum passes its gradient on to every term, a product of two to each factor times the other one."""
        shape = block.shape + (1,) * (len(block.whole) - len(block.shape))
        if len(block.operands) == 1:
            for grad, up in zip(grads, upstream, strict=True):
                self._add(grad, block, 0, np.broadcast_to(up.reshape(shape), block.whole))
            return
        numbers, scale = self.whole(upstream)
        above = [x.reshape(shape) for x in numbers]
        ends, scales = self._ends(block)
        for k in (0, 1):
            if not needed[k]:
                continue
            others, axes = ends[1 - k], block.repeats(k)
            sums = [np.zeros(block.operands[k].shape, self.dtype) for _ in grads]
            for _, _, index in slabs(block.shape, block.terms):
                for total, up, other in zip(sums, above, others, strict=True):
                    part = _part(total, index)
                    part += self.summed(self._product(_part(other, index), _part(up, index)), axes)
            for grad, total in zip(grads, sums, strict=True):
                self.settle(total)
                self._add(grad, block, k, self.divided(total, scale * scales[1 - k]))


class _Numbers(_Run):
    """The sweeps in a type of number of `autograd.number.array`."""

    def __init__(self, tape: Tape, numbers: type[Any], points: int, leaves: Any) -> None:
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
        return self.array(self.tape._data[ids], [_at(lane, ids) for lane in self.lanes])

    def lanes_of(self, array: Any, shape: tuple[int, ...]) -> list[Array]:
        if not isinstance(array, NumberArray):
            array = self.array(np.zeros(()), [np.zeros((), self.dtype)] * len(self.lanes)).constant(array)
        return [np.broadcast_to(lane, shape) for lane in array.lanes]

    def _of_reached(self, block: Block, product: Any, J: int) -> Any:
        return product


class _Residues(_Numbers):
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


class _Fractions(_Numbers):
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


class _Degrees(_Numbers):
    """Bounds on the degrees of numerators and denominators, one for a whole block: see `DegreeArray`.

    The gradient of a node is a sum of contributions n / d; over a common denominator of degree D the numerator has
    degree D + max(n - d). Two such denominators are known, and the smaller counts: the product of all d, and that of
    the denominators of all local derivatives on the way, each once, for no path comes twice through a block. `lanes`
    are the degrees of numerator and denominator.
    """

    dtype = np.int64

    def __init__(self, tape: Tape, numbers: type[Any], points: int, leaves: Any) -> None:
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


class Run:
    """A recorded graph in other numbers: `data` of nodes, and after `backward` their `gradients`."""

    def __init__(self, tape: Tape, sweep: _Numbers) -> None:
        self._tape, self._sweep = tape, sweep
        self._gradients: list[Array] = []

    def data(self, array: TapeArray) -> Any:
        """The numbers of an array of the tape."""
        if array.ids.size and array.ids.max() >= len(self._sweep.lanes[0]):
            raise IndexError("the run was made before these nodes were recorded")
        return self._sweep.gather(array.ids)

    def backward(self, J: TapeArray) -> None:
        """Sweep back from J in these numbers."""
        self._gradients = self._sweep.backward(self._tape.number_of(J))

    def gradients(self, array: TapeArray) -> Any:
        """dJ/d array in these numbers."""
        return self._sweep.array(array.grad, [_at(lane, array.ids) for lane in self._gradients])


class Node(Value):
    """A node of a tape as a Value: `contributions` and `draw_dot` work on it.

    >>> from autograd.graph.value import contributions
    >>> tape = Tape()
    >>> x = tape.array([3.0, 1.0], "x")
    >>> [c.product for c in contributions(np.sum(x * x), x[0])], x[0].node
    ([3.0, 3.0], Value(3.0, label='x[0]'))

    It reads everything from the tape; nothing is kept here.
    """

    __slots__ = ("index", "tape")

    def __init__(self, tape: Tape, index: int) -> None:
        self.tape, self.index = tape, index

    @property
    def data(self) -> Any:
        leaf = None if self.tape.made_by(self.index) else self.tape.leaf_of(self.index)
        if leaf and leaf.kind == CONSTANT:
            return self.tape.given_to(leaf).ravel()[self.index - leaf.start].item()
        return float(self.tape._data[self.index])

    @property
    def grad(self) -> Any:
        return float(self.tape.gradients_at(np.array(self.index)))

    @grad.setter
    def grad(self, number: Any) -> None:
        """The tape's sweep starts from zero by itself."""

    @property
    def label(self) -> str:  # type: ignore[override]
        leaf = None if self.tape.made_by(self.index) else self.tape.leaf_of(self.index)
        if not leaf or not leaf.name:
            return ""
        place = np.unravel_index(self.index - leaf.start, leaf.shape)
        return f"{leaf.name}[{','.join(map(str, place))}]" if place else leaf.name

    @property
    def op(self) -> Op | None:  # type: ignore[override]
        block = self.tape.made_by(self.index)
        return block.op if block else None

    @property
    def operands(self) -> tuple[Value, ...]:  # type: ignore[override]
        block = self.tape.made_by(self.index)
        if block is None:
            return ()
        place = np.unravel_index(self.index - block.start, block.shape)
        return tuple(self.tape.node(int(i)) for ids in block.edges for i in ids[place].ravel())

    @property
    def order(self) -> int:  # type: ignore[override]
        leaf = None if self.tape.made_by(self.index) else self.tape.leaf_of(self.index)
        return 0 if leaf and leaf.kind == CONSTANT else self.index

    def backward(self) -> None:
        self.tape._gradients = self.tape._floats.backward(self.index, everything=True)[0]
