"""A recorded graph as arrays of edges, and sweeps in which some slopes or gradients are given."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from autograd.graph.value import Value, graph, local_derivatives

Array = NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Edges:
    """A graph as arrays: its nodes in the order of `graph`, and an edge from each operand to its consumer.

    >>> x = Value(3.0, label="x")
    >>> edges = Edges.of(2 * x**2 + x)
    >>> edges.source.tolist(), edges.target.tolist(), edges.slope.tolist()
    ([2, 3, 4, 2], [3, 4, 5, 5], [6.0, 2, 1, 1])
    """

    nodes: list[Value]
    source: Array  # of each edge, the number of its operand
    target: Array  # and of its consumer
    slope: Array  # and the local derivative
    position: Array  # and which operand it is
    levels: tuple[Array, list[tuple[int, int]]] | None = dataclasses.field(default=None, kw_only=True)

    @classmethod
    def of(cls, J: Value, dtype: Any = object, **more: Any) -> Self:
        """J's graph without the edges from constants; the slopes are floats or numbers as the nodes hold them."""
        nodes = graph(J)
        number = {node: k for k, node in enumerate(nodes)}
        edges = [
            (number[operand], k, slope, position)
            for k, node in enumerate(nodes)
            for position, (operand, slope) in enumerate(zip(node.operands, local_derivatives(node), strict=True))
            if not operand.constant
        ]
        source, target, slope, position = zip(*edges, strict=True) if edges else ((), (), (), ())
        return cls(
            nodes, np.array(source, int), np.array(target, int), _slopes(slope, dtype), np.array(position, int), **more
        )

    def with_edges(self, more: Iterable[tuple[Array, Array]]) -> Self:
        """The same with edges of slope 0 from nodes to others (their numbers), to be swept many times.

        Such an edge may lead over a whole step of the code, from an operand that enters it to a result; a sweep gives
        it a slope.
        """
        more = list(more)
        added = sum(len(source) for source, _ in more)
        found = dataclasses.replace(
            self,
            source=np.concatenate([self.source, *(source for source, _ in more)]),
            target=np.concatenate([self.target, *(target for _, target in more)]),
            slope=np.concatenate([self.slope, _slopes([0] * added, self.slope.dtype)]),
            position=np.concatenate([self.position, np.zeros(added, int)]),
        )
        return dataclasses.replace(found, levels=found._in_levels())

    def sweep(self, edits: Sequence[tuple[Array, Any]], roots: Array | None = None) -> Array:
        """The gradients of all nodes, (nodes, edits): each edit (edges, slopes) replaces the slopes of its edges.

        >>> x = Value(3.0, label="x")
        >>> edges = Edges.of(2 * x**2 + x)
        >>> edges.sweep([((), ()), ([0], [7.0])])[edges.nodes.index(x)].tolist()
        [13.0, 15.0]

        Edges are taken level by level, so that a node's gradient is complete before it is passed on. `roots` are the
        nodes whose derivatives are taken, one for each edit; J for all if there are none.
        """
        order, blocks = self.levels or self._in_levels()
        source, target, slope = self.source[order], self.target[order], self.slope[order]
        place = np.empty(len(order), int)
        place[order] = np.arange(len(order))
        at = place[np.concatenate([np.array([], int), *(np.asarray(edges, int) for edges, _ in edits)])]
        column = np.repeat(np.arange(len(edits)), [len(edges) for edges, _ in edits])
        news = np.concatenate([slope[:0], *(_slopes(slopes, slope.dtype) for _, slopes in edits)])
        by_edge = np.argsort(at, kind="stable")
        at, column, news = at[by_edge], column[by_edge], news[by_edge]
        grads = np.zeros((len(self.nodes), len(edits)), slope.dtype)
        grads[len(grads) - 1 if roots is None else roots, np.arange(len(edits))] = 1
        for low, high in blocks:
            products = slope[low:high, None] * grads[target[low:high]]
            first, last = np.searchsorted(at, (low, high))
            if first < last:
                here, k = at[first:last], column[first:last]
                products[here - low, k] = news[first:last] * grads[target[here], k]
            starts = np.flatnonzero(np.diff(source[low:high], prepend=-1))
            grads[source[low:high][starts]] += np.add.reduceat(products, starts)
        return grads

    def _in_levels(self) -> tuple[Array, list[tuple[int, int]]]:
        """The edges in the order of a sweep, and the bounds of the levels in it."""
        level = np.zeros(len(self.nodes), int)
        edges = zip(self.source.tolist(), self.target.tolist(), strict=True)
        for source, target in sorted(edges, key=lambda edge: edge[1]):
            level[target] = max(level[target], level[source] + 1)
        levels = -level[self.target]
        order = np.lexsort((self.source, levels))
        bounds = np.flatnonzero(np.diff(levels[order], prepend=1, append=1)) if len(order) else np.array([0])
        return order, list(itertools.pairwise(bounds.tolist()))


def _slopes(slopes: Any, dtype: Any) -> Array:
    """Slopes as an array; numbers of the user's own types stay what they are."""
    if np.dtype(dtype).kind == "f" or isinstance(slopes, np.ndarray):
        return np.asarray(slopes, dtype)
    return np.array([*slopes, None], object)[:-1]


def backward_with(J: Value, given: Mapping[Value, Any]) -> None:
    """`J.backward()` with some of the gradients given: these are passed on in the place of the chain rule's.

    >>> x = Value(3.0, label="x")
    >>> y = x * x
    >>> backward_with(2 * y, {y: 10.0})
    >>> x.grad
    60.0
    """
    nodes = graph(J)
    for node in nodes:
        node.grad = 0
    J.grad = type(J.data)(1)
    for consumer in reversed(nodes):
        consumer.grad = given.get(consumer, consumer.grad)
        for operand, slope in zip(consumer.operands, local_derivatives(consumer), strict=True):
            operand.grad += slope * consumer.grad
