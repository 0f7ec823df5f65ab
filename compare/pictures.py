"""The pictures of the command `draw`: the chain-rule example, one unit and its consumers, a whole small network."""

from __future__ import annotations

from autograd import Value, draw_dot
from autograd.draw import Graph, neighbourhood
from compare.graph import NetworkGraph, sub


def chain_rule(x: float | Value = 3) -> Graph:
    """The worked example C2: f = 2 g1 + g2 with g1 = x**2 and g2 = x, whose derivative is 4x + 1.

    >>> "4" in chain_rule(1).source
    True
    """
    x = x if isinstance(x, Value) else Value(x)
    x.label = "x"
    g1 = x**2
    g1.label = "g₁"
    g2 = 1 * x  # a scalar of its own, so that the picture shows both ways from x to f
    g2.label = "g₂"
    f = 2 * g1 + g2
    f.label = "f"
    return draw_dot(f, highlight=x, title="C2: f = 2 g₁ + g₂ with g₁ = x² and g₂ = x")


def unit(graph: NetworkGraph, layer: int, unit: int, observation: int) -> Graph:
    """One unit's activation and all its consumers, as in D4; layer, unit and observation count from 1.

    >>> import numpy as np
    >>> from matrix_backprop import Network
    >>> net = Network([2, 3, 2], ["tanh", "sigmoid"], seed=0)
    >>> graph = NetworkGraph(net, np.ones((2, 2)), np.ones((2, 2)))
    >>> "a₃⁽²⁾[1]" in unit(graph, 1, 3, 2).source
    True

    Raises ValueError for a unit that the network does not have.
    """
    sizes, m = graph.net.sizes, graph.costs.size
    last = len(sizes) - 1
    for what, number, most in (
        ("layer", layer, last),
        ("unit", unit, sizes[layer] if 1 <= layer <= last else 1),
        ("observation", observation, m),
    ):
        if not 1 <= number <= most:
            raise ValueError(f"there is no {what} {number}: {what}s count from 1 to {most} here")
    a = graph.a[layer][unit - 1, observation - 1]
    title = f"D4: dJ/da{sub(unit)} of layer {layer}, observation {observation}: the sum over its consumers"
    near = neighbourhood(graph.J_sum, a)
    if layer < last:
        near += [*graph.z[layer + 1][:, observation - 1]]  # the z's that the consumers are the main part of
    return draw_dot(graph.J_sum, only=near, highlight=a, title=title)


def network(graph: NetworkGraph) -> Graph:
    """The whole graph of a small network, one cluster for each layer.

    Raises ValueError for a network too large to look at.
    """
    last = len(graph.net.sizes) - 1
    groups = {"inputs": [*graph.a[0].flat]}
    for layer in range(1, last + 1):
        title = f"layer {layer}: {graph.net.activation(layer)}"
        groups[title] = list({id(node): node for node in (*graph.z[layer].flat, *graph.a[layer].flat)}.values())
    sizes = "-".join(map(str, graph.net.sizes))
    return draw_dot(graph.J, groups=groups, title=f"a network {sizes}, {graph.costs.size} observation(s)")
