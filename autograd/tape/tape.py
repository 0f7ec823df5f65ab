"""`Tape`, the scalar graph as arrays: the same nodes and edges as Values make, by the million.

A node is an integer. What NumPy code records is a list of blocks, each one operation of the table on many nodes at
once: the nodes it made, a range, and for each of its operands an array of node numbers, the edges. Where edges repeat
along an axis (those of a weight which takes part in many products, say), the array has length 1 there, as NumPy
broadcasts: a graph costs little memory, and along such an axis lie the consumers of one and the same node.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd.graph.value import Value
from autograd.number.array import NumberArray
from autograd.number.exact import ExactArray
from autograd.number.number import Number
from autograd.number.precise import Precise
from autograd.number.residue import KnowingResidueArray, ResidueArray
from autograd.number.rounded import RoundedArray
from autograd.tape.array import TapeArray
from autograd.tape.blocks import GIVEN, VARIABLE, Recording
from autograd.tape.merged import merged
from autograd.tape.node import Node, node_of
from autograd.tape.numbers import Fractions, LongFloats, Modular, Numbers, Objects, Rounding
from autograd.tape.sweep import Swept

Array = NDArray[Any]


class Tape(Swept):
    """Records NumPy code scalar by scalar, and sweeps it back.

    >>> import numpy as np
    >>> tape = Tape()
    >>> W, X = tape.array(np.array([[1.0], [2.0]]), "w"), tape.array(np.array([[3.0, -1.0], [0.5, 4.0]]), "x")
    >>> J = np.mean(np.maximum(np.dot(W.T, X), 0))
    >>> tape.backward(J)
    >>> W.grad
    array([[1.  ],
           [2.25]])
    >>> tape
    <Tape: 13 nodes, 16 edges>

    `backward(J)` sets the gradient of every node; twice gives the same. `clear()` forgets everything but keeps the
    memory, so that a large batch can be recorded one group of observations after the other. `replay` runs the recorded
    graph in other numbers. What cannot be recorded is refused by name.
    """

    def __repr__(self) -> str:
        edges = sum(len(block.operands) * math.prod(block.whole) for block in self.blocks)
        return (
            f"<Tape: {self.size - 1:,} nodes, {edges:,} edges>"  # the number 0, the first node of every tape, left out
        )

    def array(self, numbers: ArrayLike, name: str = "", gradient: bool = True) -> TapeArray:
        """An array of scalars on this tape, of the same shape; its entries are called name[i,j].

        >>> Tape().array([1.0, 2.0], "x").data
        array([1., 2.])

        With `gradient=False` nobody will ask for its gradient, and the sweep saves that work. Raises TypeError for
        entries that are no real numbers.
        """
        return TapeArray(self, self.leaf(numbers, VARIABLE, name, gradient))

    def given(self, numbers: ArrayLike, name: str = "") -> TapeArray:
        """An array of data that stay as they are: no proof is to hold for others, nobody asks for their gradients."""
        return TapeArray(self, self.leaf(numbers, GIVEN, name))

    def backward(self, J: Any) -> None:
        """Set the gradient of every node to dJ/dnode.

        >>> tape = Tape()
        >>> x = tape.array(3.0)
        >>> tape.backward(2 * x**2 + x)
        >>> float(x.grad)
        13.0
        """
        self.sweep(self.number_of(J))

    def replay(
        self, numbers: type[NumberArray] | type[Number], points: int = 1, leaves: Any = None, J: Any = None
    ) -> Run:
        """The recorded graph in other numbers: `ResidueArray` at so many random points, `ExactArray`, ...

        >>> import numpy as np
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
        variables; `J` says from which node it will be swept back. Raises ZeroResidue at an unlucky point.
        """
        kinds = {
            ResidueArray: Modular,
            ExactArray: Fractions,
            RoundedArray: Rounding,
            Precise: LongFloats,
            Number: Objects,
        }
        kind = next(run for base, run in kinds.items() if issubclass(numbers, base))
        if issubclass(numbers, KnowingResidueArray):  # compares whole arguments, and knows a radicand once it has come
            return Run(self, kind(self, numbers, points, leaves), None)
        last = self.size if J is None else self.number_of(J)
        key = self.size, len(self.asked), last
        if key not in self._merged:
            self._merged[key] = merged(self, last)
        recording, places = self._merged[key]
        return Run(self, kind(recording, numbers, points, leaves), places)

    def clear(self) -> None:
        super().clear()
        self._merged: dict[Any, tuple[Recording, Array | None]] = {}  # forms in fewer blocks

    def take(self, run: Run) -> None:
        """Set the gradient of every node to that of a run in floats with bounds, as `backward` would."""
        self._gradients = run.floats

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
        return self.reached(self.number_of(J))

    def node(self, index: int) -> Value:
        """A node as a Value, which can be drawn and asked for its contributions."""
        return node_of(self, index)


class Run:
    """A recorded graph in other numbers: `data` of nodes, and after `backward` their `gradients`."""

    def __init__(self, tape: Tape, sweep: Numbers, places: Array | None) -> None:
        self._tape, self._sweep, self._places = tape, sweep, places
        self._gradients: list[Array] = []

    def _at(self, ids: Array) -> Array:
        """Where nodes of the tape are in this run."""
        return ids if self._places is None else self._places[ids]

    def data(self, array: TapeArray) -> Any:
        """The numbers of an array of the tape."""
        if array.ids.size and array.ids.max() >= len(self._sweep.lanes[0]):
            raise IndexError("the run was made before these nodes were recorded")
        return self._sweep.taken_out(self._sweep.gather(self._at(array.ids)))

    @property
    def doubtful(self) -> bool:
        """Whether, in floats with bounds, rounding may have decided a kink, or what code asked about its numbers."""
        return isinstance(self._sweep, Rounding) and self._sweep.doubtful

    @property
    def floats(self) -> Array:
        """The gradients of all nodes, where the numbers are floats with bounds."""
        assert isinstance(self._sweep, Rounding)
        gradients = self._gradients[0]
        return gradients if self._places is None else gradients[self._places]

    def backward(self, J: TapeArray) -> None:
        """Sweep back from J in these numbers."""
        self._gradients = self._sweep.backward(int(self._at(np.asarray(self._tape.number_of(J)))))

    def gradients(self, array: TapeArray) -> Any:
        """dJ/d array in these numbers."""
        return self._sweep.taken_out(self._sweep.gradients(array.grad, self._at(array.ids), self._gradients))
