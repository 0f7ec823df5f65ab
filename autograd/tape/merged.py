"""`merged`, a recording in fewer blocks: what code did in a loop, or here and there, is done at once.

A sweep costs a fixed time for each block, however few nodes are in it. Blocks of one operation of which none depends on
another can be one block: those of the windows of a pooling layer, say. The nodes and the edges stay the same.
"""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.tape.blocks import FEW, Block, Counted, Recording, counted, spread

Array = NDArray[Any]

FEWEST_BLOCKS, MOST_NODES = 20, 1 << 16  # where it pays


def merged(recording: Recording, J: int) -> tuple[Recording, Array | None]:
    """The same graph in fewer blocks, and where each node is there; itself and None where that would not pay.

    What came after the node J is not mixed with what J may depend on, which alone is swept back.

    >>> from autograd.tape.tape import Tape
    >>> tape = Tape()
    >>> x = tape.array(np.arange(20.0))
    >>> squares = [x[k] * x[k] for k in range(20)]
    >>> found, places = merged(tape, tape.size)
    >>> len(tape.blocks), len(found.blocks), float(found.numbers_at(places[squares[3].ids]))
    (20, 1, 9.0)
    """
    if len(recording.blocks) < FEWEST_BLOCKS or recording.size > MOST_NODES:
        return recording, None
    groups = _groups(recording, J)
    if len(groups) == len(recording.blocks):
        return recording, None
    parts = [leaf.rows for leaf in recording.leaves] + [block.rows for group in groups for block in group]
    order = np.concatenate([recording._count[rows] for rows in parts])
    places = np.empty(recording.size, np.int64)
    places[order] = recording._count[: recording.size]
    found = recording.reordered(order, places)
    start = found.size - sum(block.count for block in recording.blocks)
    for group in groups:
        found.blocks.append(_one(group, start, places, recording._count))
        start = found.blocks[-1].rows.stop
    return found, places


def _groups(recording: Recording, J: int) -> list[list[Block]]:
    """The blocks that can be one, in an order in which each comes after those that it depends on."""
    groups: list[list[Block]] = []
    of_kind: dict[Any, list[int]] = defaultdict(list)  # where there are groups of the kind
    of_node = np.full(recording.size, -1)
    for block in recording.blocks:
        after = max(int(np.maximum.reduce(of_node.take(ids), axis=None, initial=-1)) for ids in block.operands)
        positions = [] if math.prod(block.whole) > FEW else of_kind[block.start > J, *_kind(recording, block)]
        k = bisect.bisect_right(positions, after)
        if k == len(positions):
            positions.append(len(groups))
            groups.append([])
        groups[positions[k]].append(block)
        of_node[block.rows] = positions[k]
    return groups


def _kind(recording: Recording, block: Block) -> tuple[Any, ...]:
    """What blocks have in common that can be one."""
    of_it = recording.constant_at(block.operands[1]) if block.op.name == "power_n" else block.terms
    return block.op.name, block.needed, len(block.operands), type(of_it), of_it


def _one(blocks: list[Block], start: int, places: Array, count: Counted) -> Block:
    """One block instead of these."""
    first, n = blocks[0], sum(block.count for block in blocks)
    rows, operands = slice(start, start + n), first.operands
    if len(blocks) == 1:
        operands = tuple(counted(places.take(ids), count, ids.ndim) for ids in operands)
        return Block(first.op, rows, first.shape, first.whole, operands, first.needed)
    shape: tuple[int, ...] = (n,) if first.op.arity else (n, first.terms)
    edges = (np.concatenate([_edges(block.operands[k], block.whole) for block in blocks]) for k in range(len(operands)))
    operands = tuple(places.take(ids).reshape(shape) for ids in edges)
    if first.op.name == "power_n":
        operands = operands[0], operands[1][:1]
    return Block(first.op, rows, (n,), shape, operands, first.needed)


def _edges(ids: Array, whole: tuple[int, ...]) -> Array:
    """Every edge spelled out, in a row."""
    return ids.ravel().repeat(math.prod(whole)) if ids.size == 1 else spread(ids, whole).ravel()
