"""Sweeps over a recording, forward and back, in floats and in the number systems on arrays.

A sweep gathers the numbers at the ends of the edges, makes every contribution, local derivative times upstream, some
ten thousands at a time in a buffer that stays in the cache, sums those to the same node along the axes on which its
edges repeat, and adds the sums up along the edges (statement C1). There is no product of matrices.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from autograd.graph.value import Value
from autograd.number.ops import OPS, Op
from autograd.tape.blocks import Block, Counted, Recording, at, counted, spread

Array = NDArray[Any]

CHUNK = 1 << 17  # edges that a sweep looks at together: their buffers stay in the cache


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


def slab(array: Array, index: tuple[slice, ...]) -> Array:
    """The entries of a slab in an array that may have length 1 where the slab has more."""
    if not index:
        return array
    return array[tuple(run if n != 1 else slice(None) for n, run in zip(array.shape, index, strict=False))]


def add_at(lane: Array, ids: Array, once: bool, sums: Array) -> None:
    """Add each sum to the content of its node; where one may not come only once, one after the other."""
    if once and type(ids.base) is Counted and not lane.dtype.hasobject:
        content = at(lane, ids)
        content += sums.reshape(ids.shape)
    elif once:
        lane[ids] += sums.reshape(ids.shape)
    else:  # a copy: of what lies in the lane itself NumPy would copy the whole lane
        np.add.at(lane, ids.ravel(), sums.flatten())


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


class Sweep:
    """A forward and a backward sweep in floats. A subclass does the same in other numbers.

    The content of nodes is kept in lanes, arrays over all nodes: one for floats and fractions, one for each random
    point of residues.
    """

    dtype: ClassVar[Any] = float

    def __init__(self, tape: Recording) -> None:
        self.tape = tape
        self.spare: list[Array] = []
        self._reached: Array | None = None  # what J depends on, for the sweep that is under way

    @property
    def lanes(self) -> list[Array]:
        """The numbers of all nodes."""
        return [self.tape._data]

    def array(self, shadow: Array, lanes: list[Array]) -> Any:
        """What a row of the table of operations works on."""
        return lanes[0]

    def lanes_of(self, array: Any, shape: tuple[int, ...]) -> list[Array]:
        """The content of what it gave."""
        return [spread(np.asarray(array), shape)]

    def summed(self, factors: list[list[Array]], axes: tuple[int, ...]) -> list[Array]:
        """The sums along these axes, which stay with length 1, of numbers or of products of two, lane by lane."""
        return [np.add.reduce(self._product(*lane), axis=axes, keepdims=True) for lane in zip(*factors, strict=True)]

    def add_up(self, sums: list[Array], more: list[Array]) -> None:
        """Add sums to sums, in place."""
        for total, part in zip(sums, more, strict=True):
            total += part

    def settle(self, sums: list[Array]) -> None:
        """Make sums proper numbers, in place."""

    def whole(self, numbers: list[Array]) -> tuple[list[Array], Any]:
        """Numbers that can be multiplied and added up fast, and what the results are to be divided by."""
        return numbers, 1

    def divided(self, sums: list[Array], scale: Any) -> list[Array]:
        """Results as proper numbers again."""
        return sums

    def gather(self, ids: Array) -> Any:
        """The numbers of these nodes."""
        return at(self.tape._data, ids)

    def _operands(self, block: Block) -> list[Any]:
        found = [self.gather(ids) for ids in block.operands[: 1 if block.op is OPS["power_n"] else None]]
        if block.op is OPS["power_n"]:
            found.append(self.tape.constant_at(block.operands[1]))
        return found

    def forward(self, block: Block) -> None:
        """The numbers of a block's nodes; the warnings of NumPy are the caller's to silence, once for many blocks."""
        if block.op.arity == 0:
            self._forward_sums(block)
            return
        self._keep(block, self._value(block, self._operands(block)))

    def _keep(self, block: Block, value: Any) -> None:
        """Put down the numbers of a block's nodes."""
        for lane, found in zip(self.lanes, self.lanes_of(value, block.shape), strict=True):
            lane[block.rows] = found.ravel()

    def _value(self, block: Block, operands: list[Any]) -> Any:
        """A row of the table, on whole arrays."""
        return block.op.value(*operands)

    def _partials(self, op: Op, out: Any, operands: list[Any]) -> Any:
        """Its local derivatives."""
        return op.partials(out, *operands)

    def _ends(self, block: Block) -> tuple[list[list[Array]], Any]:
        """For each operand of a sum its numbers, lane by lane, and what products of them are to be divided by."""
        ends = [self.whole([np.ascontiguousarray(at(lane, ids)) for lane in self.lanes]) for ids in block.operands]
        return [numbers for numbers, _ in ends], [scale for _, scale in ends]

    def _forward_sums(self, block: Block) -> None:
        """The sum of the terms of each row: of numbers, or of products of two numbers."""
        ends, scales = self._ends(block)
        axes = tuple(range(len(block.shape), len(block.whole)))
        for first, last, index in slabs(block.shape, block.terms):
            sums = self.summed([[slab(lane, index) for lane in end] for end in ends], axes)
            self.settle(sums)
            for lane, found in zip(self.lanes, self.divided(sums, math.prod(scales)), strict=True):
                lane[block.start + first : block.start + last] = found.ravel()

    def _product(self, x: Array, y: Array | None = None) -> Array:
        """All the products of two arrays, each a number of its own, in a buffer."""
        if y is None:
            return x
        shape = np.broadcast(x, y).shape
        found: Array = np.multiply(x, y, out=BUFFERS("products", shape, self.dtype))
        return found

    def backward(self, J: int, everything: bool = False) -> list[Array]:
        """dJ/dnode for every node, in lanes: from the last block to the first, each adds to its operands' gradients."""
        size, self._reached = self.tape.size, None
        if not self.spare or len(self.spare[0]) < size:
            self.spare = [np.empty(len(self.tape._data), self.dtype) for _ in self.lanes]
        grads = [buffer[:size] for buffer in self.spare]
        for grad in grads:
            grad[:] = 0
        self._seeded(grads, J)
        with np.errstate(all="ignore"):
            for block in reversed(self.tape.blocks):
                needed = (True,) * len(block.operands) if everything else block.needed
                if block.start > J or not any(needed):
                    continue
                upstream = [grad[block.rows] for grad in grads]
                self.settle(upstream)
                if self._is_reached(block, upstream):
                    (self._back_sums if block.op.arity == 0 else self._back)(block, needed, upstream, grads, J)
        self.settle(grads)
        return grads

    def _is_reached(self, block: Block, upstream: list[Array]) -> bool:
        """Whether a block has anything to pass on."""
        return any(map(np.count_nonzero, upstream))

    def passed_on(self, blocks: Iterable[Block], gradients: Array, J: int) -> Array:
        """What these blocks give to their operands, where these are the gradients of all nodes."""
        found, self._reached = [np.zeros(self.tape.size)], None
        with np.errstate(all="ignore"):
            for block in blocks:
                back = self._back_sums if block.op.arity == 0 else self._back
                back(block, (True,) * len(block.operands), [gradients[block.rows]], found, J)
        return found[0]

    def _back(self, block: Block, needed: Any, upstream: list[Array], grads: list[Array], J: int) -> None:
        """One operation on each entry: local derivative times upstream to each operand."""
        out, above, operands = self._made(block), self._above(block, upstream), self._operands(block)
        for k, partial in enumerate(self._partials(block.op, out, operands)):
            if not needed[k]:
                continue
            one = isinstance(partial, int) and partial == 1
            product = above if one else self._contributions(block, operands, partial, above, J)
            self._contribute(grads, block, k, product)

    def _made(self, block: Block) -> Any:
        """The numbers of a block's own nodes."""
        numbers = [lane[block.rows].reshape(block.shape) for lane in self.lanes]
        return self.array(self._shadow(block), numbers)

    def _shadow(self, block: Block) -> Array:
        """The floats of a block's own nodes."""
        return self.tape._data[block.rows].reshape(block.shape)

    def _above(self, block: Block, upstream: list[Array]) -> Any:
        """Their gradients."""
        return self.array(np.zeros(block.shape), [lane.reshape(block.shape) for lane in upstream])

    def _contribute(self, grads: list[Array], block: Block, operand: int, product: Any) -> None:
        """Add contributions to the gradients of an operand: to each of its nodes those of all its edges."""
        axes, found = block.repeats[operand], self.lanes_of(product, block.shape)
        self._pass_on(grads, block, operand, self.summed([found], axes) if axes else found)

    def _seeded(self, grads: list[Array], J: int) -> None:
        """The gradient of J by itself is 1."""
        for grad in grads:
            grad[J] = 1

    def _pass_on(self, grads: list[Array], block: Block, operand: int, found: list[Array]) -> None:
        """What a block gives to an operand, lane by lane."""
        for grad, part in zip(grads, found, strict=True):
            add_at(grad, block.operands[operand], block.once[operand], part)

    def _contributions(self, block: Block, operands: list[Any], partial: Any, above: Any, J: int) -> Any:
        """Local derivatives times upstream, without the nan of an infinite slope where it is no contribution.

        That is at nodes that J does not depend on, and where a local derivative is 0 by choice, as in `Value.backward`.
        """
        product = partial * above
        if not math.isnan(np.add.reduce(product, axis=None)):  # a nan would make the sum one
            return product
        return np.where(self._counts(block, operands, partial, J), product, 0)

    def _counts(self, block: Block, operands: list[Any], partial: Any, J: int) -> Array:
        """Where a local derivative passes something on, however large the gradient above."""
        chosen = np.full(block.shape, (getattr(partial, "dtype", None) or np.result_type(partial)).kind in "bi")
        for operand, needed in zip(operands, block.needed, strict=True):
            chosen |= False if needed else np.equal(operand, 0)
        if self._reached is None:
            self._reached = self.reach(J)
        reached: Array = self._reached[block.rows].reshape(block.shape)
        counts: Array = reached & ~(chosen & np.equal(partial, 0))
        return counts

    def reach(self, J: int) -> Array:
        """Which nodes J depends on."""
        reached = np.zeros(self.tape.size, bool)
        reached[J] = True
        for block in reversed(self.tape.blocks):
            on = reached[block.rows]
            if not on.any():
                continue
            on = on.reshape(block.shape + (1,) * (len(block.whole) - len(block.shape)))
            for k, ids in enumerate(block.operands):
                axes = tuple(axis for axis in block.repeats[k] if axis < len(block.shape))
                here = spread(np.logical_or.reduce(on, axis=axes, keepdims=True) if axes else on, ids.shape)
                if block.once[k] and type(ids.base) is Counted:
                    below = at(reached, ids)
                    below |= here
                else:
                    reached[ids[here]] = True
        return reached

    def _back_sums(self, block: Block, needed: Any, upstream: list[Array], grads: list[Array], J: int) -> None:
        """A sum passes its gradient on to every term, a product of two to each factor times the other one."""
        shape = block.shape + (1,) * (len(block.whole) - len(block.shape))
        if len(block.operands) == 1:
            self._pass_on(grads, block, 0, [np.broadcast_to(up.reshape(shape), block.whole) for up in upstream])
            return
        numbers, scale = self.whole(upstream)
        above = [x.reshape(shape) for x in numbers]
        ends, scales = self._ends(block)
        for k in (0, 1):
            if not needed[k]:
                continue
            others, axes = ends[1 - k], block.repeats[k]
            sums = [np.zeros(block.operands[k].shape, self.dtype) for _ in grads]
            for _, _, index in slabs(block.shape, block.terms):
                factors = [[slab(lane, index) for lane in lanes] for lanes in (others, above)]
                self.add_up([slab(total, index) for total in sums], self.summed(factors, axes))
            if type(self) is Sweep and not block.needed[1 - k] and np.isnan(sums[0]).any():  # 0 by choice, as above
                product = np.where(others[0] == 0, 0, others[0] * above[0])
                sums = [np.add.reduce(product, axis=axes, keepdims=True)]
            self.settle(sums)
            self._pass_on(grads, block, k, self.divided(sums, scale * scales[1 - k]))


class Swept(Recording):
    """A recording whose floats are known at once, and its gradients after a sweep back."""

    def __init__(self) -> None:
        self._floats = Sweep(self)
        super().__init__()

    def clear(self) -> None:
        """Forget what was recorded; the buffers are used again."""
        super().clear()
        self.nodes: dict[int, Value] = {}  # those that somebody looked at
        self._gradients: Array | None = None
        self._reached: tuple[int, Array] | None = None

    def reached(self, J: int) -> Array:
        """Which nodes the node J depends on, itself among them; not to be written to."""
        if self._reached is None or (self._reached[0], len(self._reached[1])) != (J, self.size):
            self._reached = J, self._floats.reach(J)
        return self._reached[1]

    def sweep(self, J: int, everything: bool = False) -> None:
        """Set the gradients to those of node J, with `everything` also those that nobody needs."""
        self._gradients = self._floats.backward(J, everything)[0]

    def passed_on(self, blocks: Iterable[Block], J: int) -> Array:
        """What these blocks alone give to the gradients of their operands, after `sweep`."""
        assert self._gradients is not None
        return self._floats.passed_on(blocks, self._gradients, J)

    def record(self, op: Op, *operands: Array, terms: int = 0) -> Array:
        """Nodes for `op` of these nodes, entry by entry; with `terms` the last so many axes are those of the sums."""
        # not the arrays themselves: code may later write other nodes into its own
        ndim = max(x.ndim for x in operands)
        operands = tuple(counted(x, self._count, ndim) for x in operands)
        whole = np.broadcast(*operands).shape
        shape = whole[: ndim - terms]
        needed = tuple(map(self.needs, operands))
        rows = self._new(math.prod(shape))
        block = Block(op, rows, shape, whole, operands, needed)
        self._needed[rows] = any(needed)
        self.blocks.append(block)
        with np.errstate(all="ignore"):
            self._floats.forward(block)
        return np.arange(rows.start, rows.stop).reshape(shape)

    def gradients_at(self, ids: Array) -> Array:
        """dJ/dnode of these nodes; 0 before `backward`, and for nodes newer than it."""
        if self._gradients is None:
            return np.zeros(ids.shape)
        if len(self._gradients) == self.size:
            return self._gradients[ids]
        known = ids < len(self._gradients)
        return np.where(known, self._gradients[np.where(known, ids, 0)], 0.0)
