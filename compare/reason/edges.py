"""A recorded forward pass as arrays of edges, swept with some of their slopes given."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd import Value, graph
from autograd.graph.value import local_derivatives
from autograd.record.running import Place, locating
from compare.subject.arithmetic import Arithmetic
from compare.verdict.court import Sides

Array = NDArray[Any]


class Recorded(NamedTuple):
    """A forward pass as arrays: its nodes, its edges from operand to consumer, and both sides' gradients.

    `whole` edges lead over a whole step of the user's code, from the operands that enter it to its results; their
    slope is 0 until an edit gives them one.
    """

    nodes: list[Value]
    source: Array  # of each edge, the number of its operand
    target: Array  # and of its consumer
    slope: Array  # and the local derivative
    position: Array  # and which operand it is
    leaves: dict[str, Array]  # the numbers of the nodes of each gradient
    sides: Sides
    levels: tuple[Array, list[tuple[int, int]]] | None = None  # of its edges, kept for many sweeps


def record(task: Any, arithmetic: Arithmetic | None) -> tuple[Recorded, dict[Value, Place]]:
    """One forward pass with the places of its nodes, and the user's gradients in the same numbers."""
    with locating() as places:
        J, inputs, sides = task.traced(arithmetic)
    nodes = graph(J)
    number = {node: k for k, node in enumerate(nodes)}
    edges = [
        (number[operand], k, slope, position)
        for k, node in enumerate(nodes)
        for position, (operand, slope) in enumerate(zip(node.operands, local_derivatives(node), strict=True))
        if not operand.constant
    ]
    source, target, slope, position = zip(*edges, strict=True) if edges else ((), (), (), ())
    leaves = {
        name: np.array([number.get(x, -1) for x in np.asarray(array, object).flat], int).reshape(np.shape(array))
        for name, array in inputs.items()
    }
    slopes = np.array(slope, float) if arithmetic is None else np.array([*slope, None], object)[:-1]
    found = Recorded(
        nodes, np.array(source, int), np.array(target, int), slopes, np.array(position, int), leaves, sides
    )
    return found, places


def with_whole_steps(recorded: Recorded, steps: list[tuple[Array, Array]]) -> Recorded:
    """The same with an edge of slope 0 from each operand of a step to its result, to be swept many times."""
    sources = [recorded.source, *(operands for operands, _ in steps)]
    targets = [recorded.target, *(results for _, results in steps)]
    added = sum(len(operands) for operands, _ in steps)
    zeros = np.zeros(added, recorded.slope.dtype)
    if recorded.slope.dtype == object:
        zeros[:] = 0
    found = recorded._replace(
        source=np.concatenate(sources),
        target=np.concatenate(targets),
        slope=np.concatenate([recorded.slope, zeros]),
        position=np.concatenate([recorded.position, np.zeros(added, int)]),
    )
    return found._replace(levels=_levels(found))


def sweep(recorded: Recorded, edits: list[tuple[Array, Any]], roots: Array | None = None) -> Array:
    """The gradients of all nodes, (nodes, edits): each edit replaces the slopes of its edges.

    Edges are taken level by level, so that a node's gradient is complete before it is passed on. `roots` are the nodes
    whose derivatives are taken, one for each edit; J for all if there are none.
    """
    order, blocks = recorded.levels or _levels(recorded)
    source, target, slope = recorded.source[order], recorded.target[order], recorded.slope[order]
    place = np.empty(len(order), int)
    place[order] = np.arange(len(order))
    at = place[np.concatenate([np.array([], int), *(edges for edges, _ in edits)])]
    column = np.repeat(np.arange(len(edits)), [len(edges) for edges, _ in edits])
    news = np.concatenate([slope[:0], *(_as_slopes(slopes, slope.dtype) for _, slopes in edits)])
    by_edge = np.argsort(at, kind="stable")
    at, column, news = at[by_edge], column[by_edge], news[by_edge]
    grads = np.zeros((len(recorded.nodes), len(edits)), slope.dtype)
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


def _as_slopes(slopes: Any, dtype: Any) -> Array:
    """Slopes as an array; numbers of the user's own types stay what they are."""
    if np.dtype(dtype).kind == "f" or isinstance(slopes, np.ndarray):
        return np.asarray(slopes, dtype)
    return np.array([*slopes, None], object)[:-1]


def _levels(recorded: Recorded) -> tuple[Array, list[tuple[int, int]]]:
    """The edges in the order of a sweep, and the bounds of the levels in it."""
    level = np.zeros(len(recorded.nodes), int)
    for source, target in sorted(
        zip(recorded.source.tolist(), recorded.target.tolist(), strict=True), key=lambda e: e[1]
    ):
        level[target] = max(level[target], level[source] + 1)
    levels = -level[recorded.target]
    order = np.lexsort((recorded.source, levels))
    bounds = np.flatnonzero(np.diff(levels[order], prepend=1, append=1)) if len(order) else np.array([0])
    return order, list(itertools.pairwise(bounds.tolist()))
