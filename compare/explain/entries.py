"""Entries by their names: "dJda[1][2,0]" of a network, "W[0,1]" of a user's code; indices are NumPy's, from 0."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from compare.report.report import counted

if TYPE_CHECKING:
    from matrix_backprop import Network, Step

MOST_TERMS = 3_000_000  # of a graph of Value objects: some seconds and a gigabyte


def refuse_large(net: Network, m: int) -> int:
    """The products w * a of a network with m observations; raises ValueError for too many to keep as objects.

    >>> from matrix_backprop import Network
    >>> refuse_large(Network([2, 3, 1], ["tanh", "sigmoid"]), 4)
    36
    """
    terms = m * sum(n_prev * n for n_prev, n in pairwise(net.sizes))
    if terms > MOST_TERMS:
        raise ValueError(
            f"a network {'-'.join(map(str, net.sizes))} with {counted(m, 'observation')} makes {terms:,} products w·a,"
            f" too many to keep one by one (at most {MOST_TERMS:,}): take fewer observations"
        )
    return terms


def find(net: Network, m: int, entry: str) -> tuple[Step, tuple[int, ...]]:
    """The step that makes an entry of the gradients of a network with m observations, and the entry's index.

    >>> from matrix_backprop import Network
    >>> step, index = find(Network([2, 3, 1], ["tanh", "sigmoid"]), 4, "dJda[1][2, -1]")
    >>> step.name, index
    ('dJda[1]', (2, 3))

    Raises ValueError for a name or an index that there is not.
    """
    from compare.subject.network import describe  # all numbers stand behind it

    steps = {step.name: step for step in sorted(net.steps(), key=lambda step: step.layer)}
    name, index = parsed(entry, {name: _shape(net, step, m) for name, step in steps.items()}, describe(net))
    return steps[name], index


def _shape(net: Network, step: Step, m: int) -> tuple[int, ...]:
    """The shape of what a step differentiates by, with m observations."""
    parameters = {"dJdb": net.b, "dJdW": net.W}.get(step.kind)
    return (net.sizes[step.layer], m) if parameters is None else parameters[step.layer].shape


def parsed(entry: str, shapes: Mapping[str, tuple[int, ...]], what: str) -> tuple[str, tuple[int, ...]]:
    """The name of an array and the indices of an entry; raises ValueError, which says what there is."""
    text = re.sub(r"\s+", "", entry)
    for name in sorted(shapes, key=len, reverse=True):
        for prefix in (name, f"dJd{name}", f"dJ/d{name}", f"d{name}"):
            rest = text.removeprefix(prefix)
            if text.startswith(prefix) and re.fullmatch(r"(\[[^\[\]]*\])*", rest):
                return name, _index(entry, rest, name, shapes[name])
    there = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    raise ValueError(f"there is no gradient {entry!r} in {what}; there is, with its shape: {there}")


def _index(entry: str, given: str, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    parts = [part for part in re.split(r"[\[\],]+", given) if part]
    example = f"{name}{brackets(tuple(n - 1 for n in shape))}"
    if len(parts) != len(shape) or not all(re.fullmatch(r"-?\d{1,9}", part) for part in parts):
        needed = counted(len(shape), "whole number") + " in brackets" if shape else "no brackets"
        raise ValueError(f"{entry!r} does not name one entry: {name} of shape {shape} needs {needed}, as in {example}")
    index = tuple(map(int, parts))
    for axis, (k, n) in enumerate(zip(index, shape, strict=True)):
        if not -n <= k < n:
            raise ValueError(
                f"{entry!r} has the index {k} for axis {axis} of {name}, which has shape {shape}: indices count from 0"
                f" to {n - 1} there, as NumPy's"
            )
    return tuple(k % n for k, n in zip(index, shape, strict=True))


def brackets(index: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, index))}]" if index else ""
