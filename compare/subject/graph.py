"""The scalar graph of a network: one forward pass on Values, and the gradients that the chain rule gives on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Value, gradients, late, numbers, total, values
from matrix_backprop import Backward, Forward, Network

Array = NDArray[Any]

_SUPERSCRIPTS, _SUBSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"), str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class NetworkGraph:
    """The graph that one forward pass of a network leaves, and every gradient on it.

    >>> net = Network([2, 3, 1], ["tanh", "sigmoid"], seed=0)
    >>> graph = NetworkGraph(net, np.ones((2, 4)), np.ones((1, 4)))
    >>> graph.gradients().dJda[1].shape
    (3, 4)
    >>> graph.a[1][2, 0].label         # unit 3 of layer 1, observation 1
    'a₃⁽¹⁾[1]'

    `W`, `b`, `z`, `a` are lists of arrays of Values, by layer as in a Network; `costs` holds the J^(i), `J` is their
    mean and `J_sum` their sum. The arrays may hold any type of number. The labels are those of the notes, counted from
    1: a_j^(i)[l], and w_kj[l], the weight that unit k gives to unit j of layer l-1. Raises ValueError where a
    cross-entropy would take the logarithm of 0.
    """

    def __init__(self, net: Network, X: Array, Y: Array) -> None:
        self.net = net.with_parameters([None, *map(values, net.W[1:])], [None, *map(values, net.b[1:])])
        self.W, self.b = self.net.W, self.net.b
        forward = self.net.forward(values(X))
        self.z, self.a = forward.z, forward.a
        last = net.layers[-1]
        refuse_saturation(net, numbers(self.z[last]), numbers(self.a[last]))
        self.costs = self.net.costs(forward, Y)
        self.J_sum = total(self.costs.flat)
        self.J = self.J_sum / self.costs.size
        self._label()

    def _repr_html_(self) -> str:
        return str(late.bound("NetworkGraph._repr_html_")(self))  # a picture of it builds on this module

    def gradients(self) -> Backward:
        """Every gradient, by two sweeps: dJda and dJdz from the sum of the J^(i), dJdb and dJdW from their mean J.

        A column i of activations reaches J^(i) alone, so the derivative of the sum there is that of J^(i) (E2).
        """
        self.J_sum.backward()
        dJda = [None, *map(gradients, self.a[1:])]
        dJdz = [None, *map(gradients, self.z[1:])]
        self.J.backward()
        return Backward(dJda, dJdz, [None, *map(gradients, self.b[1:])], [None, *map(gradients, self.W[1:])])

    def forward_numbers(self) -> Forward:
        """The numbers of the forward pass, for the formulas to work on."""
        return Forward([None, *map(numbers, self.z[1:])], [*map(numbers, self.a)])

    def _label(self) -> None:
        """Name every scalar as in the notes."""
        for layer, (z, a) in enumerate(zip(self.z, self.a, strict=True)):
            name(a, "x" if layer == 0 else "a", layer)
            if layer:
                name(z, "z", layer)  # after a: with the identity they are one scalar, which then is z
                for (k, i), z_k in np.ndenumerate(z):
                    _, dot = z_k.operands  # z = b + the sum over the units of the layer before
                    dot.label = f"w{sub(k + 1)}[{layer}]·{'x' if layer == 1 else 'a'}{sup(i + 1)}"
                for (j, k), w in np.ndenumerate(self.W[layer]):
                    w.label = f"w{sub(k + 1, j + 1, apart=max(self.net.sizes) > 9)}[{layer}]"
                for (k, _), b in np.ndenumerate(self.b[layer]):
                    b.label = f"b{sub(k + 1)}[{layer}]"
        for i, cost in enumerate(self.costs.flat, 1):
            cost.label = f"J{sup(i)}"
        self.J_sum.label = self.J_sum.label or "Σ J⁽ⁱ⁾"
        self.J.label = "J"


def refuse_saturation(net: Network, z: Array, a: Array, first: int = 0) -> None:
    """A cross-entropy takes the logarithm of a, the binary one of 1 - a as well: no number stands for log 0.

    `z` and `a` are the numbers of the last layer, from observation `first` on. Raises ValueError.
    """
    if net.cost == "squared_error":
        return
    last, saturated = net.layers[-1], a == 0
    if net.cost == "binary_cross_entropy":
        saturated |= a == 1
    for k, i in np.argwhere(saturated):
        raise ValueError(
            f"a[{last}] is {a[k, i]:g} at [{k}, {first + i}], where z[{last}] is {z[k, i]:.6g}: the"
            f" {net.activation(last)} of layer {last} is saturated, and the {net.cost} takes the"
            " logarithm of 0 there; try smaller weights or inputs"
        )


def name(nodes: Iterable[Any], letter: str, layer: int) -> None:
    """Label an (n, m) array of Values letter_j^(i)[layer]."""
    for (j, i), node in np.ndenumerate(nodes):
        if isinstance(node, Value):
            node.label = f"{letter}{sub(j + 1)}{sup(i + 1)}" + (f"[{layer}]" if layer else "")


def sup(observation: int) -> str:
    """The number of an observation as the notes write it, ⁽²⁾."""
    return f"⁽{str(observation).translate(_SUPERSCRIPTS)}⁾"


def sub(*indices: int, apart: bool = False) -> str:
    """Indices as Unicode subscripts, with a comma between them where one has two digits, or `apart` says so.

    >>> sub(2, 1), sub(10, 3), sub(2, 1, apart=True)
    ('₂₁', '₁₀,₃', '₂,₁')
    """
    comma = "," if apart or any(index > 9 for index in indices) else ""
    return comma.join(str(index).translate(_SUBSCRIPTS) for index in indices)
