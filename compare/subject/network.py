"""A network as a subject: its forward pass on a graph, its formulas as the gradients written by hand.

The forward pass runs once and leaves a graph; the engine gets every gradient from the graph alone. The same forward
numbers go to the formulas. Column i of dJda and dJdz belongs to J^(i), the cost of observation i, while dJdb and dJdW
belong to J = (1/m) sum_i J^(i) (E1, E2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from autograd import Tape, Value
from autograd.number.array import NumberArray
from autograd.number.residue import ZeroResidue
from autograd.number.vocabulary import Refused
from compare.report.report import counted
from compare.subject.arithmetic import SYMBOLS, Arithmetic
from compare.subject.graph import NetworkGraph, refuse_saturation
from compare.subject.points import Move
from compare.subject.subject import Leaves, Recorded, Sides, Subject
from matrix_backprop import Backward, Forward, Network

Array = NDArray[Any]

KINDS = ("dJda", "dJdz", "dJdb", "dJdW")
MOST_TERMS_SYMBOLIC = 200  # products w * a; beyond, nobody reads the expressions


class NetworkSubject(Subject):
    """A network and its data.

    A formula that works in place changes copies of these. Raises ValueError for arrays that do not fit the network, and
    for parameters or inputs so large that a cross-entropy would take the logarithm of 0.
    """

    ours = "the formula gives"
    scope = "all parameters and inputs (on this branch of every relu, for these targets)"

    def __init__(self, net: Network, X: Array, Y: Array, title: str = "") -> None:
        _refuse_infinities(net)
        self.net, self.X, self.Y, self.m = net, X, Y, X.shape[-1]
        self.net = net = self.in_numbers(
            lambda x, name: x.copy()
        )  # a report is explained at the point that was checked
        self.title = title or describe(net)
        self.steps = {step.name: step for step in net.steps()}
        self.order = list(self.steps)
        parameters = {f"{kind}{layer}": x[layer] for kind, x in (("W", net.W), ("b", net.b)) for layer in net.layers}
        self.arrays = {**parameters, "X": X}
        self.products = self.m * sum(W.size for W in net.W[1:])
        with np.errstate(all="ignore"):
            net.costs(net.forward(X), Y)  # looks at the shape and the range of the targets

    def facts(self) -> dict[str, Any]:
        return {"sizes": self.net.sizes, "observations": self.m}

    def preface(self) -> list[str]:
        parameters = sum(p.size for p in (*self.net.W[1:], *self.net.b[1:]))
        cost = self.net.cost.replace("_", " ")
        sizes = f"m = {counted(self.m, 'observation')}, {counted(parameters, 'parameter')}"
        return [
            f"J = (1/m) Σ J⁽ⁱ⁾ with the {cost}, {sizes}.",
            "Each array below: the formula by hand against the chain rule, scalar by scalar.",
        ]

    def statement(self, name: str) -> tuple[str, str]:
        step = self.steps[name]
        return step.id, step.formula

    def called(self, name: str) -> str:
        return name

    def cause(self, name: str, wrong: Iterable[str]) -> str:
        return next((operand for operand in self.steps[name].operands if operand in wrong), "")

    def copied(self) -> tuple[Network, Array, Array]:
        """The network, X and Y in memory of their own, as they are now."""
        return self.in_numbers(lambda x, name: x.copy()), self.X.copy(), self.Y.copy()

    def in_numbers(self, variable: Callable[[Array, str], Any]) -> Network:
        """The network with its parameters in other numbers; they are called W1, b1, ..."""
        return self.net.with_parameters(
            [None, *(variable(W, f"W{layer}") for layer, W in enumerate(self.net.W) if layer)],
            [None, *(variable(b, f"b{layer}") for layer, b in enumerate(self.net.b) if layer)],
        )

    def traced(self, arithmetic: Arithmetic | None) -> tuple[Value, dict[str, Any], Sides]:
        if arithmetic is None:
            net, X, Y = self.copied()
        else:
            net, X = self.in_numbers(arithmetic.variables), arithmetic.variables(self.X, "X")
            Y = arithmetic.constants(self.Y)
        with np.errstate(all="ignore"):
            graph = NetworkGraph(net, X, Y)
            chain = graph.gradients()
            forward = net.forward(X) if arithmetic is None else graph.forward_numbers()
        nodes = Backward(graph.a, graph.z, graph.b, graph.W)
        return graph.J_sum, nodes.by_name(), self._sides(net, forward, Y, chain).complete()

    def plain(self) -> dict[str, Any]:
        net, X, Y = self.copied()
        with np.errstate(all="ignore"):
            return _by_hand(net, net.forward(X), Y)[0]

    def moved(self, move: Move, data: bool = True) -> Self:
        X = move(self.X) if data else self.X
        return type(self)(self.in_numbers(lambda x, name: move(x)), X, self.Y, self.title)

    def parts(self, most: int) -> list[slice]:
        """An activation reaches the cost of its own observation alone; the parameters' gradients add up."""
        count = min(self.m, math.ceil(self.products / most))
        return [slice(part[0], part[-1] + 1) for part in np.array_split(np.arange(self.m), count)]

    def on_tape(self, tape: Tape, part: slice) -> Recorded:
        net = self.in_numbers(tape.array)
        with np.errstate(all="ignore"):
            X: Any = tape.array(self.X[:, part], f"X{part.start}", gradient=False)
            Y: Any = tape.given(self.Y[:, part])
            forward = net.forward(X)
            last = net.layers[-1]
            refuse_saturation(net, forward.z[last].data, forward.a[last].data, part.start)
            J_sum = np.sum(net.costs(forward, Y))
        others = {
            f"{kind}[{layer}]": x for kind in "za" for layer, x in enumerate(getattr(forward, kind)) if x is not None
        }
        return Recorded(J_sum, Backward(forward.a, forward.z, net.b, net.W).by_name(), others)

    def together(self, chain: list[dict[str, Any]], others: list[dict[str, Any]], leaves: Leaves | None) -> Sides:
        """The columns of the groups side by side; the parameters' gradients summed, and divided by m (E1)."""

        def columns(arrays: list[Any]) -> Any:
            return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=1)

        def mean(arrays: list[Any]) -> Any:
            first, *rest = arrays
            return sum(rest, start=first) / self.m  # J = J_sum / m has one operand: its slope 1/m is the last factor

        def joined(kind: str, join: Callable[[list[Any]], Any], parts: list[dict[str, Any]]) -> list[Any]:
            layers = range(len(self.net.sizes))
            return [join([p[f"{kind}[{k}]"] for p in parts]) if f"{kind}[{k}]" in parts[0] else None for k in layers]

        back = Backward(*(joined(kind, columns if kind in ("dJda", "dJdz") else mean, chain) for kind in KINDS))
        forward = Forward(*(joined(kind, columns, others) for kind in "za"))
        net = self.net if leaves is None else self.in_numbers(leaves.variable)
        Y: Any = self.Y.copy() if leaves is None else leaves.given(self.Y)
        return self._sides(net, forward, Y, back)

    def _sides(self, net: Network, forward: Forward, Y: Array, chain: Backward) -> Sides:
        """The formulas on these forward numbers, beside what the chain rule gave."""

        def ours() -> dict[str, Any]:
            with np.errstate(all="ignore"):
                return _by_hand(net, forward, Y)[0]

        return Sides(ours, chain.by_name(), lambda: _by_hand(net, forward, Y, upstream=chain.by_name()))

    def expressions(self) -> dict[str, str]:
        if self.products > MOST_TERMS_SYMBOLIC:
            raise ValueError(
                f"symbolic expressions are for networks of up to {MOST_TERMS_SYMBOLIC} products w * a, this one has"
                f" {self.products:,}: take fewer units or observations, or arithmetic='residue', which proves the same"
            )
        try:
            sides = self.traced(SYMBOLS)[2]
        except ImportError:
            raise ValueError("arithmetic='symbolic' needs SymPy: pip install 'backprop-compare[sympy]'") from None
        entries = {name: array.flat[0] for name, array in sides.ours.items() if array is not None}
        return {name: str(getattr(x, "content", x)) for name, x in entries.items()}


def _by_hand(
    net: Network, forward: Forward, Y: Array, upstream: dict[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Back propagation by the formulas, as `Network.backward`; a formula that raises leaves None and its message.

    With `upstream` each formula works on copies of those arrays instead of on the results before it, so it is judged
    alone.
    """
    arrays, found, problems = net.arrays(forward, Y), dict[str, Any](), dict[str, str]()
    for step in net.steps():
        given = arrays | found
        if upstream is not None:
            given = {name: None if x is None else x.copy() for name, x in (arrays | upstream).items()}
        found[step.name] = None
        try:
            result = step(given)
            found[step.name] = result if result is None or isinstance(result, NumberArray) else np.asarray(result)
        except (ZeroResidue, Refused):  # the point's fault, or that of the arrays that stand for floats
            raise
        except Exception as problem:  # a formula under test may raise anything; that is a finding
            problems[step.name] = f"{type(problem).__name__}: {problem}"
    return found, problems


def _refuse_infinities(net: Network) -> None:
    for name, parameters in (("W", net.W), ("b", net.b)):
        for layer in net.layers:
            array = np.asarray(parameters[layer], float)
            for place in np.argwhere(~np.isfinite(array)):
                raise ValueError(f"{name}[{layer}] holds {array[tuple(place)]} at {place.tolist()}: it must be finite")


def describe(net: Network) -> str:
    """What a network is, in a line: logistic regression 30-1, or its layers."""
    sizes = "-".join(map(str, net.sizes))
    if net.is_logistic_regression:
        return f"logistic regression {sizes}"
    return f"network {sizes} ({', '.join(net.activations)})"
