"""From a line of the forward pass to the lines of its derivative: what stands beside the scalar picture of an entry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from compare.derive.derivation import Derivation, derive_functions
from compare.derive.derive import derive
from compare.lesson.data import Array, short
from compare.steps.known import base_name
from compare.subject.functions import Gradients
from compare.subject.layer import Layer
from compare.subject.subject import UserCode
from matrix_backprop import Network


class Derived(NamedTuple):
    """A line of the backward pass: the forward line that it comes from, what it gives, of which array, and why."""

    forward: str
    line: str
    of: str
    why: str
    statement: str


def of_network(net: Network, X: Array, Y: Array) -> dict[str, Any]:
    """The backward pass of a network, derived from its forward pass, and the certificate.

    >>> import numpy as np
    >>> found = of_network(Network([2, 3, 1], ["tanh", "sigmoid"], seed=0), np.eye(2), np.array([[0, 1]]))
    >>> [line["line"] for line in found["lines"] if line["of"] == "a1"]
    ['dJda1 = np.dot(W2, dJdz2)']
    """
    try:
        derivation = derive(net, X, Y)
    except ValueError as problem:
        return _refused(problem)
    lines = []
    for line in derivation.lines:
        statement, _, why = short(line.why).partition(": ")
        target = short(line.text).partition(" = ")[0]
        lines.append(Derived(_forward(net, target), short(line.text), target.removeprefix("dJd"), why, statement))
    return _as_data(derivation, lines)


def _forward(net: Network, target: str) -> str:
    """The line of the forward pass that a gradient of a network belongs to: the one that uses what it is of."""
    kind, layer = target[3], int(target[4:])
    last = net.layers[-1]
    if (kind == "z" and layer == last and net.matched) or (kind == "a" and layer == last):
        return f"J = mean of the costs of a{last} and Y"
    if kind == "z":
        activation = net.activation(layer)
        return f"a{layer} = {'np.tanh' if activation == 'tanh' else activation}(z{layer})"
    layer += kind == "a"  # the next layer uses an activation
    return f"z{layer} = np.dot(W{layer}.T, {f'a{layer - 1}' if layer > 1 else 'X'}) + b{layer}"


def of_code(task: UserCode, arrays: Sequence[str]) -> dict[str, Any]:
    """The backward pass of one's own forward pass, derived; why not, where it cannot be."""
    try:
        if isinstance(task, Layer):
            derivation = derive_functions(task.forward_function, task.tree, is_cost=False)
        elif isinstance(task, Gradients):
            derivation = derive_functions(task.cost_function, task.tree, *task.args, is_cost=True)
        else:
            return {"lines": [], "certificate": ""}
    except Exception as problem:  # a forward pass may do anything
        return _refused(problem)
    return _as_data(derivation, list(_of_code(derivation, arrays)))


def _of_code(derivation: Derivation, arrays: Sequence[str]) -> Iterator[Derived]:
    bare = {base_name(name): name for name in reversed(arrays)}
    for line in derivation.lines:
        found = re.match(r"d(\w+)(?:\[[^\]]*\])? [+-]?= ", line.text.strip())
        if found and line.source and "np.zeros" not in line.text:  # where a sum begins, there is nothing to see
            yield Derived(line.source.strip(), line.text.strip(), bare.get(found[1], ""), line.why, "")


def _as_data(derivation: Derivation, lines: Sequence[Derived]) -> dict[str, Any]:
    return {"lines": [line._asdict() for line in lines], "certificate": derivation.certificate}


def _refused(problem: Exception) -> dict[str, Any]:
    return {"lines": [], "certificate": f"not derived: {problem}"}
