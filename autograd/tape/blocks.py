"""What is recorded: nodes, each a number of an array, and the blocks of operations that made them."""

from __future__ import annotations

import bisect
import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd.number.ops import Op

Array = NDArray[Any]

VARIABLE, GIVEN, CONSTANT = "variable", "given", "constant"


@dataclass(eq=False)
class Block:
    """One operation on many nodes: those it made, `rows`, and the nodes at the other ends of its edges.

    `operands` are arrays of node numbers with the axes of `whole`: those of `shape`, that of the block, and for a sum
    or a sum of products further ones, the terms. An operand of length 1 along an axis repeats there. `needed` says for
    which of them somebody asks for gradients.
    """

    op: Op
    rows: slice
    shape: tuple[int, ...]
    whole: tuple[int, ...]
    operands: tuple[Array, ...]
    needed: tuple[bool, ...]

    @property
    def edges(self) -> tuple[Array, ...]:
        """The operands with every edge spelled out, as views."""
        return tuple(np.broadcast_to(ids, self.whole) for ids in self.operands)

    @property
    def start(self) -> int:
        """Its first node."""
        return self.rows.start  # type: ignore[no-any-return]

    @property
    def count(self) -> int:
        """How many nodes it has."""
        return self.rows.stop - self.rows.start  # type: ignore[no-any-return]

    @property
    def terms(self) -> int:
        """The terms of each sum."""
        return math.prod(self.whole[len(self.shape) :])

    @functools.cached_property
    def repeats(self) -> tuple[tuple[int, ...], ...]:
        """For each operand the axes along which its edges repeat: those of the consumers of each of its nodes."""
        return tuple(
            tuple(k for k, (n, N) in enumerate(zip(ids.shape, self.whole, strict=True)) if n != N)
            for ids in self.operands
        )

    @functools.cached_property
    def once(self) -> tuple[bool, ...]:
        """For each operand whether its nodes are known to be all different ones."""
        return tuple(map(are_different, self.operands))


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


class Counted(np.ndarray[Any, Any]):
    """0, 1, 2, ...: node numbers that are a view on it need no memory, and nor does what belongs to them.

    >>> Counted.up_to(3)
    Counted([0, 1, 2])

    It owns its memory: to NumPy the base of a view is the array that does.
    """

    @classmethod
    def up_to(cls, size: int) -> Counted:
        """The first so many."""
        count = cls(size, np.int64)
        count.fill(1)
        count[:1] = 0
        np.add.accumulate(count, out=count)
        return count


FEW = 512  # nodes, as many as are copied sooner than looked at


def counted(ids: Array, count: Counted, ndim: int) -> Array:
    """These nodes as a view on 0, 1, 2, ... where they are many and evenly spaced along each axis, else as a copy.

    >>> count = Counted.up_to(1000)
    >>> ids = counted(np.arange(100, 700).reshape(20, 30).T, count, 2)
    >>> ids.strides, ids.base is count
    ((8, 240), True)
    """
    if ids.size <= FEW:
        return np.array(ids, order="C", ndmin=ndim)
    ids = np.array(ids, ndmin=ndim, copy=None)
    first, corner = ids.item(0), (0,) * ids.ndim
    steps = [ids[*corner[:k], 1, *corner[k + 1 :]] - first if n > 1 else 0 for k, n in enumerate(ids.shape)]
    last = first + sum(step * (n - 1) for step, n in zip(steps, ids.shape, strict=True))
    if last < len(count):
        try:
            view = np.ndarray(ids.shape, np.int64, count, 8 * first, [8 * int(step) for step in steps])
        except (TypeError, ValueError):  # beyond the ends
            return ids.copy()
        if np.array_equal(view, ids):
            return view
    return ids.copy()


def at(lane: Array, ids: Array) -> Array:
    """The content of these nodes, as an array even where it is one object; a view on it where they are one."""
    if lane.dtype.hasobject:
        return lane[ids.ravel()].reshape(ids.shape)
    if type(ids.base) is Counted:
        size = lane.itemsize
        return np.ndarray(ids.shape, lane.dtype, lane, ids.item(0) * size, [step // 8 * size for step in ids.strides])
    return lane.take(ids)


def spread(lane: Array, shape: tuple[int, ...]) -> Array:
    """Content for nodes in this shape, one for several where it has length 1."""
    return lane if lane.shape == shape else np.broadcast_to(lane, shape)


def are_different(ids: Array) -> bool:
    """Whether nodes are all different ones, where that can be seen at a glance: few, growing, or evenly spaced."""
    if type(ids.base) is not Counted:
        flat = ids.ravel()
        return len({*flat.tolist()}) == ids.size if ids.size <= FEW else bool((flat[1:] > flat[:-1]).all())
    reach = 0
    for step, n in sorted((abs(step), n) for step, n in zip(ids.strides, ids.shape, strict=True) if n > 1):
        if step <= reach:
            return False
        reach += step * (n - 1)
    return True


class Recording:
    """The nodes so far with their floats, the blocks and the leaves they belong to."""

    def __init__(self) -> None:
        self._data = np.empty(1 << 10)
        self._count = Counted.up_to(1 << 10)
        self.clear()

    def clear(self) -> None:
        """Forget what was recorded; the buffers are used again."""
        self.size = 0
        self.asked: list[tuple[Array, ...]] = []  # see `note`
        self.blocks: list[Block] = []
        self.leaves: list[Leaf] = []
        self._needed = np.zeros(len(self._data), bool)
        self.leaf(np.zeros((), int), CONSTANT)  # node 0 is the number 0, which pads and fills

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

    def numbers_at(self, ids: Array) -> Array:
        """The floats of these nodes."""
        return self._data[ids]

    def needs(self, ids: Array) -> bool:
        """Whether somebody asks for the gradient of one of these nodes, or of one that it was made from."""
        return bool(np.count_nonzero(at(self._needed, ids)))

    def note(self, *sides: Array) -> None:
        """Keep that code asked what some nodes are: which of two sides is larger, nodes or floats, or else anything."""
        if any(x.dtype.kind == "i" and self.needs(x) for x in sides):
            kept = (counted(x, self._count, x.ndim) if x.dtype.kind == "i" else x.copy() for x in sides)
            self.asked.append(tuple(kept))

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

    def reordered(self, order: Array, places: Array) -> Recording:
        """The leaves, which come first, in a recording whose nodes are these in this order; `places` undoes it."""
        other = Recording()
        other.leaves.clear()
        other.size, other._count = self.size, self._count
        other._data, other._needed = self._data[order], self._needed[order]
        start = 0
        for leaf in self.leaves:
            other.leaves.append(leaf._replace(start=start))
            start = other.leaves[-1].rows.stop
        other.asked = [tuple(places[x] if x.dtype.kind == "i" else x for x in sides) for sides in self.asked]
        return other

    def leaf_of(self, index: int) -> Leaf:
        """The leaf array that a node belongs to."""
        return self.leaves[bisect.bisect_right(self.leaves, index, key=lambda leaf: leaf.start) - 1]

    def radicands(self) -> Array:
        """Which nodes stand under a root, and somebody asks for their gradients."""
        found = np.zeros(self.size, bool)
        for block in self.blocks:
            if block.needed[0] and (block.op.name == "sqrt" or (block.op.name == "power_n" and self._is_root(block))):
                found[block.operands[0].ravel()] = True
        return found

    def _is_root(self, block: Block) -> bool:
        """Whether an exponent is a half: 0.5, -1.5, ..."""
        n = self.constant_at(block.operands[1])
        return n is not None and float(2 * n) % 2 == 1

    def _new(self, count: int) -> slice:
        rows = slice(self.size, self.size + count)
        if rows.stop > len(self._data):
            room = max(rows.stop, 2 * len(self._data))
            self._data = _grown(self._data, room)
            self._needed = _grown(self._needed, room)
            self._count = Counted.up_to(room)
        self.size = rows.stop
        return rows


def _grown(buffer: Array, room: int) -> Array:
    larger = np.empty(room, buffer.dtype)
    larger[: len(buffer)] = buffer
    return larger
