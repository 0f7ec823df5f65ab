"""Whether a mistake could show at all at this point: sizes of 1, symmetric matrices, dead units, saturation, ties."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd import Value, gradients, graph
from autograd.graph.value import local_derivatives
from compare.report.report import counted

_SATURATING = ("tanh", "sigmoid", "erf")
_HIDDEN: dict[float, str] = {0: "what it multiplies", 1: "a forgotten factor"}


def audit_data(task: Any) -> list[str]:
    """The sentences of `audit` that need no graph."""
    named = dict(task.named())
    return [
        *_of_sizes({name: x for name, x in named.items() if name not in task.arrays} or dict(list(named.items())[:1])),
        *_of_entries(named),
    ]


def audit(task: Any, J: Value, inputs: dict[str, Any]) -> list[str]:
    """Sentences about what could not be seen at this point; none for a good one.

    `task` is what `compare.gradcheck` checks, J its cost as a node after a sweep in float64, and `inputs` the arrays
    of Values by name.
    """
    return [*audit_data(task), *_of_gradients(J, inputs), *_of_nodes(J)]


def _of_sizes(data: dict[str, Any]) -> Iterator[str]:
    """Sizes of the data that a factor cannot be told from."""
    arrays = {name: x for name, x in data.items() if isinstance(x, np.ndarray) and x.ndim > 1 and x.size}
    for axis in (0, -1):
        if arrays and all(x.shape[axis] == 1 for x in arrays.values()):
            has = "has" if len(arrays) == 1 else "have"
            place = "the first axis" if axis == 0 else "the last axis"
            yield f"{_listed(arrays)} {has} length 1 along {place}: a sum along it and a mean are the same"
    for name, x in arrays.items():
        if x.ndim == 2 and x.shape[0] == x.shape[1] > 1:
            yield f"{name} has as many rows as columns, {len(x)}: dividing by the wrong one of the two could not show"


def _of_entries(named: dict[str, Any]) -> Iterator[str]:
    """Numbers that hide a factor, a transposition or a term."""
    for name, x in named.items():
        if isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.size > 1:
            if (x == x.flat[0]).all():
                hidden = _HIDDEN.get(x.flat[0], "a mistaken order of its entries")
                yield f"every entry of {name} is {x.flat[0]:g}: {hidden} could not show"
            elif x.ndim == 2 and x.shape[0] == x.shape[1] and (x == x.T).all():
                yield f"{name} is symmetric: {name} and {name}.T are the same"
        elif isinstance(x, (float, np.floating)) or (isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.size == 1):
            number = float(np.asarray(x).item())
            if number in _HIDDEN:
                yield f"{name} is {number:g}: {_HIDDEN[number]} could not show"


def _of_gradients(J: Value, inputs: dict[str, Any]) -> Iterator[str]:
    """Gradients that are zero altogether."""
    nodes = set(graph(J))
    for name, x in inputs.items():
        if not np.size(x):
            yield f"{name} of shape {np.shape(x)} is empty: nothing of it was compared"
        elif not any(node in nodes for node in np.asarray(x, object).flat):
            yield f"J does not depend on {name}: its gradient is zero, whatever it is"
        elif not np.any(gradients(x)):
            yield f"the whole gradient of {name} is zero here: a wrong factor could not show"


def _of_nodes(J: Value) -> Iterator[str]:
    """Units that are all off, all on or saturated, and kinks and ties."""
    on, ties, slopes = [], 0, []
    for node in graph(J):
        name = node.op.name if node.op else ""
        if name in ("relu", "absolute"):
            ties += node.operands[0].data == 0
        elif name in ("maximum", "minimum"):
            x, y = node.operands
            ties += x.data == y.data and x is not y
        if name == "relu" or (name == "maximum" and any(x.constant and x.data == 0 for x in node.operands)):
            on.append(
                any(slope and not x.constant for slope, x in zip(local_derivatives(node), node.operands, strict=True))
            )
        if name in _SATURATING:
            slopes.append(abs(local_derivatives(node)[0]))
    yield from about_units(on, slopes, ties)


def about_units(on: list[Any], slopes: list[Any], ties: int) -> Iterator[str]:
    """Sentences from: whether each relu is on, the slope of each unit that saturates, how many kinks and ties."""
    if on and not any(on):
        yield f"all {counted(len(on), 'relu')} are off: nothing behind them was tested"
    if len(on) > 1 and all(on):
        yield f"all {counted(len(on), 'relu')} are on: a missing mask could not show"
    if slopes and max(slopes) < 1e-12:
        yield f"all {counted(len(slopes), 'unit')} are saturated, with a slope of 0: nothing behind them was tested"
    if ties:
        yield f"{counted(ties, 'scalar')} at a kink or a tie, where the slope is a convention: move the point a little"


def _listed(names: Any) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
