"""The two examples that the statements are run on, in short exact numbers; how these are shown and compared."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Exact, Value, contributions
from autograd.number.ops import OPS
from autograd.number.show import as_written as show
from compare.notes.claims import Finding
from compare.subject.graph import NetworkGraph
from matrix_backprop import Network

Array = NDArray[Any]


class Short(Exact):
    """An exact number whose transcendental functions are short fractions, so that a reader can check all by hand.

    >>> Short(1).sigmoid()          # 0.731...
    Short(3/4)

    Nothing is lost: the chain rule uses only the slope a(1 - a) of a sigmoid and 1 - a^2 of a tanh, whatever a is.
    """

    __slots__ = ()

    def elementary(self, name: str) -> Short:
        return Short(Fraction(OPS[name].value(self.shadow())).limit_denominator(5))


def matrix(text: str) -> Array:
    """The matrix of exact numbers written row by row.

    >>> matrix("1/2 1; 0 -1").shape
    (2, 2)
    """
    rows = [row.split() for row in text.split(";")]
    return np.array([[Short(entry) for entry in row] for row in rows], object)


# logistic regression: p = 3 inputs, m = 4 observations
W, B = matrix("1; 1/2; -1"), matrix("-1")
X, Y = matrix("0 1 1 0; -1 -2 2 1; -2 -2 2 1"), matrix("0 1 1 1")

# a network: n_0 = 5, n_1 = 3, n_2 = 2, n_3 = 1, and m = 4; all different, so that a wrong transpose cannot pass
WEIGHTS = (
    matrix("1 -1/2 -1; 1 1/2 -1/2; 1 -1/2 -1; -1 -1/2 1; -1 -1 1"),
    matrix("-2 3; 1/2 -1; 1 3/2"),
    matrix("-1/2; 1"),
)
BIASES = matrix("-1; 1/2; 1/2"), matrix("1/2; -1/2"), matrix("-1/2")
INPUTS = matrix("1/2 -1 1 1/2; 1 1 1/2 1; -1 1 -1 0; 1 -1/2 0 1; 1/2 1/2 0 0")
TARGETS = matrix("0 1 1 0")


def logistic() -> NetworkGraph:
    """The scalar graph of the logistic regression."""
    net = Network([3, 1], ["sigmoid"]).with_parameters([None, W], [None, B])
    return NetworkGraph(net, X, Y)


def network(units: int = 3) -> NetworkGraph:
    """The scalar graph of the network, with so many of the 3 units in layer 1."""
    W1, W2, W3 = WEIGHTS
    b1, b2, b3 = BIASES
    net = Network([5, units, 2, 1], ["sigmoid", "tanh", "sigmoid"])
    net = net.with_parameters([None, W1[:, :units], W2[:units], W3], [None, b1[:units], b2, b3])
    return NetworkGraph(net, INPUTS, TARGETS)


# How numbers are shown and compared


def factor(x: Any) -> str:
    """A number in a product: a negative one in parentheses."""
    return f"({show(x)})" if x < 0 else show(x)


def products(pairs: Iterable[tuple[Any, Any]]) -> str:
    """A sum of products.

    >>> products([(2, Short("1/3")), (Short(-1), 4)])
    '2·1/3 + (−1)·4'
    """
    return " + ".join(f"{factor(x)}·{factor(y)}" for x, y in pairs)


def same(ours: Any, theirs: Any) -> bool:
    """Whether two arrays have the same shape and the same numbers."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    return ours.shape == theirs.shape and bool(np.all(ours == theirs))


def equals(x: Any, name: str, y: Any) -> str:
    """How a computed number x goes with the number y that it should be.

    >>> "1/2" + equals(Short("1/2"), "dJ/db", Short("1/3"))
    '1/2, but dJ/db is 1/3'
    """
    return f" = {name}" if same(x, y) else f", but {name} is {show(y)}"


def agree(name: str, formula: Any, chain: Array) -> Finding:
    """Whether a formula gives what the chain rule gives, entry by entry."""
    formula = np.asarray(formula)
    if same(formula, chain):
        numbers = f"{name} = {show(chain)}" if chain.size <= 8 else name
        return Finding(True, f"{numbers}, shape {chain.shape}: {chain.size} of {chain.size} entries equal")
    if formula.shape != chain.shape:
        return Finding(False, f"{name}: the formula has shape {formula.shape}, the chain rule {chain.shape}")
    differ = np.argwhere(np.asarray(formula != chain, bool))
    place = tuple(differ[0])
    return Finding(
        False,
        f"{name}: {len(differ)} of {chain.size} entries differ; at {[int(k) + 1 for k in place]} the formula gives"
        f" {show(formula[place])}, the chain rule {show(chain[place])}",
    )


def ratio(ours: Iterable[Any], theirs: Iterable[Any]) -> str:
    """How many times theirs ours are, where all entries agree on that.

    >>> ratio([4, 8], [Short(1), Short(2)])
    '4'
    """
    ratios = {x / y for x, y in zip(ours, theirs, strict=True)}
    return " or ".join(map(show, ratios))


def derivative(J: Value, x: Value) -> Any:
    """dJ/dx by the engine; 0 for an x that J does not depend on."""
    contributions(J, x)
    return x.grad
