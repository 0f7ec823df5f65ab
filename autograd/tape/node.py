"""`Node`, one scalar of a tape as a Value."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.graph.value import Value
from autograd.number.ops import Op
from autograd.tape.blocks import CONSTANT
from autograd.tape.sweep import Swept


class Node(Value):
    """A node of a tape as a Value: `contributions` and `draw_dot` work on it.

    >>> from autograd import Tape, contributions
    >>> tape = Tape()
    >>> x = tape.array([3.0, 1.0], "x")
    >>> [c.product for c in contributions(np.sum(x * x), x[0])], x[0].node
    ([3.0, 3.0], Value(3.0, label='x[0]'))

    It reads everything from the tape; nothing is kept here.
    """

    __slots__ = ("index", "tape")

    def __init__(self, tape: Swept, index: int) -> None:
        self.tape, self.index = tape, index

    @property
    def data(self) -> Any:
        leaf = None if self.tape.made_by(self.index) else self.tape.leaf_of(self.index)
        if leaf and leaf.kind == CONSTANT:
            return self.tape.given_to(leaf).ravel()[self.index - leaf.start].item()
        return float(self.tape.numbers_at(np.array(self.index)))

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
        return tuple(node_of(self.tape, int(i)) for ids in block.edges for i in ids[place].ravel())

    @property
    def order(self) -> int:  # type: ignore[override]
        leaf = None if self.tape.made_by(self.index) else self.tape.leaf_of(self.index)
        return 0 if leaf and leaf.kind == CONSTANT else self.index

    def backward(self) -> None:
        self.tape.sweep(self.index, everything=True)


def node_of(tape: Swept, index: int) -> Value:
    """A node as a Value, the same one whenever it is asked for."""
    return tape.nodes.setdefault(index, Node(tape, index))
