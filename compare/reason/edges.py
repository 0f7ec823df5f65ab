"""A recorded forward pass as arrays of edges, beside both sides' gradients."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Value
from autograd.graph.edges import Edges
from autograd.record.places import Place, locating
from compare.subject.arithmetic import Arithmetic
from compare.subject.subject import Sides, UserCode

Array = NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Recorded(Edges):
    """A forward pass as arrays of edges, and both sides' gradients."""

    sides: Sides
    leaves: dict[str, Array]  # the numbers of the nodes of each gradient


def record(task: UserCode, arithmetic: Arithmetic | None) -> tuple[Recorded, dict[Value, Place]]:
    """One forward pass with the places of its nodes, and the user's gradients in the same numbers."""
    with locating() as places:
        J, inputs, sides = task.traced(arithmetic)
    found = Recorded.of(J, float if arithmetic is None else object, sides=sides, leaves={})
    number = {node: k for k, node in enumerate(found.nodes)}
    for name, array in inputs.items():
        numbers = [number.get(x, -1) for x in np.asarray(array, object).flat]
        found.leaves[name] = np.array(numbers, int).reshape(np.shape(array))
    return found, places
