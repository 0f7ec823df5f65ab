"""The pictures of the command `draw`: the chain-rule example, one unit and its consumers, a whole network.

The options of each are those of `draw_dot`: `rankdir`, `theme`, `max_nodes`, ...
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from autograd import Value, draw_dot
from autograd import graph as graph_of
from autograd.draw.dot import MAX_NODES, neighbourhood
from autograd.draw.svg import Picture
from compare.explain.explain import find
from compare.subject.graph import NetworkGraph, sub


def chain_rule(x: float | Value = 3, **options: Any) -> Picture:
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
    return _drawn(f, options, highlight=x, title="C2: f = 2 g₁ + g₂ with g₁ = x² and g₂ = x")


def unit(graph: NetworkGraph, layer: int, unit: int, observation: int, **options: Any) -> Picture:
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
    return _drawn(graph.J_sum, options, only=near, highlight=a, title=title)


def network(graph: NetworkGraph, collapse: str = "", highlight: str = "", **options: Any) -> Picture:
    """The whole graph of a network, one frame for each layer.

    >>> import numpy as np
    >>> from matrix_backprop import Network
    >>> graph = NetworkGraph(Network([2, 2, 1], ["tanh", "sigmoid"], seed=0), np.ones((2, 1)), np.ones((1, 1)))
    >>> network(graph, collapse="arrays").source.count("box3d")   # X, four of each layer, the costs, the legend
    11

    `collapse` draws each of the "arrays" or of the "layers" as one node, so that any network can be looked at.
    `highlight` names an entry, "dJda[1][2,0]" with indices from 0: its scalar stands out, and only the edges to its
    consumers carry their products. Raises ValueError for a network too large to look at.
    """
    if collapse not in ("", "arrays", "layers"):
        raise ValueError(f"collapse {collapse!r} is not known: take arrays or layers")
    J = graph.J
    sizes, m = "-".join(map(str, graph.net.sizes)), graph.costs.size
    title, opened = f"a network {sizes}, {m} observation{'s' * (m > 1)}", list[Value]()
    if highlight:
        step, index = find(graph.net, m, highlight)
        if step.kind in ("dJda", "dJdz"):
            J = graph.J_sum  # whose gradients there are those of the single observation (E2)
        scalar = getattr(graph, step.kind[3:])[step.layer][index]
        opened = neighbourhood(J, scalar)
        title = f"{title}: {step.name}[{','.join(map(str, index))}] and its consumers"
        options = {"highlight": scalar, "contributions": "highlight"} | options
    frames = _frames(graph, J)
    scalars, most = len(graph_of(J)), options.get("max_nodes", MAX_NODES)
    if not collapse and scalars > most:
        raise ValueError(
            f"{scalars} scalars are too many to look at (at most {most}): draw each array as one node (--collapse"
            ' arrays, collapse="arrays"), one unit or one entry with its consumers (draw unit, draw "dJda[1][0,0]"),'
            " a smaller network, or more of them (--max-nodes, max_nodes)"
        )
    apart, blocks = set(opened), dict[str, list[Value]]()
    for heading, frame in frames.items() if collapse else ():
        for name, part in frame.items():
            if name:  # the others are few
                block = heading if collapse == "layers" else name
                blocks.setdefault(block, []).extend(x for x in part if x not in apart)
    options = {"collapse": {name: part for name, part in blocks.items() if part}} | options
    groups = {heading: [x for part in frame.values() for x in part] for heading, frame in frames.items()}
    if collapse == "layers" and not opened:
        groups = {}  # frames around single nodes
    return _drawn(J, options, groups=groups, title=title)


def _drawn(J: Value, options: dict[str, Any], **defaults: Any) -> Picture:
    return draw_dot(J, **(defaults | options))


def _frames(graph: NetworkGraph, J: Value) -> dict[str, dict[str, list[Value]]]:
    """The nodes of a network's graph by layer and by array; what an array was computed from belongs to it.

    The nodes that belong to no array (the mean of the costs) have the name "".
    """
    held: set[Value] = set()

    def take(array: Iterable[Value]) -> list[Value]:
        found = [x for x in array if x not in held]
        held.update(found)
        for node in found:  # the list grows while it is read
            new = [x for x in dict.fromkeys(node.operands) if x not in held]
            held.update(new)
            found += new
        return found

    frames = {"inputs": {f"X\n{_size(graph.a[0])}": take(graph.a[0].flat)}}
    for layer in graph.net.layers:
        frame = frames[f"layer {layer}: {graph.net.activation(layer)}"] = {}
        for letter in "Wbza":
            array = getattr(graph, letter)[layer]
            frame[f"{letter}{sub(layer)}\n{_size(array)}"] = take(array.flat)
    costs = take(graph.costs.flat)
    frames["cost"] = {f"J⁽ⁱ⁾\n{_size(graph.costs)}": [x for x in costs if x is not J], "": take([J])}
    return frames


def _size(array: Any) -> str:
    return " × ".join(map(str, array.shape))


def as_html(graph: NetworkGraph) -> str:
    """A network's graph for a notebook: its forward pass, as large as can be looked at; never an exception."""
    try:
        few = len(graph_of(graph.J)) <= MAX_NODES
        return network(graph, "" if few else "arrays", gradients=False).svg(fit=True)
    except Exception as problem:
        return (
            f"<p>the graph of a network {'-'.join(map(str, graph.net.sizes))} (no picture: {escape(str(problem))})</p>"
        )
