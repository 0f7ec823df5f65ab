"""The pictures of the command `draw`: the chain-rule example, one unit and its consumers, a whole network.

Each takes `theme` and `rankdir` as `draw_dot` does; the chain-rule example and a network of scalars all of its options.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import pairwise
from typing import Any

from autograd import Value, contributions, draw_dot
from autograd import graph as graph_of
from autograd.draw.dot import MAX_NODES, formula_of, neighbourhood
from autograd.draw.plate import LARGE, Text
from autograd.draw.svg import Picture
from autograd.number.show import show
from compare.explain.entries import find
from compare.explain.layers import Block, Chosen, chain, counted_edges, units
from compare.explain.star import star
from compare.explain.terms import Term
from compare.report.report import counted
from compare.subject.graph import NetworkGraph, sub
from matrix_backprop import Network

COLLAPSES = ("units", "arrays", "layers", "none")


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
    a, i = graph.a[layer][unit - 1, observation - 1], observation - 1
    title = f"D4: dJ/da{sub(unit)} of layer {layer}, observation {observation}: the sum over its consumers"
    names = {x: x.label for x in graph_of(graph.J_sum) if x.label and not x.constant}
    part = dict[Value, tuple[Value, Value]]()  # the product that is the main part of a z: that z, and the weight
    if layer < last:
        for z, w in zip(graph.z[layer + 1][:, i], graph.W[layer + 1][unit - 1], strict=True):
            part[next(x for x in z.operands if x.op is not None)] = z, w
    terms = []
    for found in contributions(graph.J_sum, a):
        z, w = part.get(found.consumer, (found.consumer, None))
        numbers = found.local_derivative, found.upstream, found.product
        called = ("", "") if w is None else (w.label, f"dJ/d{z.label}")
        terms.append(Term(z.label or formula_of(z, names), *numbers, *called))
    z = graph.z[layer][unit - 1, i]
    how = "" if a is z else f"{graph.net.activation(layer)}({z.label})"
    return star(title, a.label, a.data, a.grad, terms, how, **options)


def network(
    graph: NetworkGraph,
    collapse: str = "units",
    highlight: str = "",
    observation: int = 1,
    cost: bool = False,
    **options: Any,
) -> Picture:
    """A network with its layers in columns, on a sheet of 16:9.

    >>> import numpy as np
    >>> from matrix_backprop import Network
    >>> graph = NetworkGraph(Network([2, 2, 1], ["tanh", "sigmoid"], seed=0), np.ones((2, 1)), np.ones((1, 1)))
    >>> "tanh" in network(graph).source
    True

    `collapse` says what a box stands for: each of the "units" of one observation, of the "arrays" or of the "layers",
    so that any network can be looked at; with "none" each scalar, placed by Graphviz. `highlight` names an entry,
    "dJda[1][2,0]" with indices from 0: it stands out, and only the lines to its consumers carry their products. With
    `cost` the scalars of the cost stand in the picture of units, else it is one box. Raises ValueError for a network
    too large to look at.
    """
    if collapse not in COLLAPSES:
        raise ValueError(f"collapse {collapse!r} is not known: take {', '.join(COLLAPSES[:-1])} or {COLLAPSES[-1]}")
    sizes, m = "-".join(map(str, graph.net.sizes)), graph.costs.size
    title = f"a network {sizes}, {m} observation{'s' * (m > 1)}"
    if collapse == "units":
        chosen = None
        if highlight:
            step, index = find(graph.net, m, highlight)
            chosen = Chosen(step.kind[3:], step.layer, index)
            scalar = getattr(graph, chosen.letter)[chosen.layer][index]
            title = f"a network {sizes}: dJ/d{scalar.label} and its consumers"
            observation = index[1] + 1 if chosen.letter in "az" else observation
        elif m > 1:
            title = f"a network {sizes}, observation {observation} of {m}"
        return units(graph, observation, chosen, cost=cost, **({"title": title} | options))
    if collapse != "none" and not highlight:
        options.pop("max_nodes", None), options.pop("gradients", None)
        columns, edges = (arrays if collapse == "arrays" else layers)(graph)
        return chain(columns, edges, **({"title": title} | options))
    return _scalars(graph, collapse, highlight, title, options)


def _scalars(graph: NetworkGraph, collapse: str, highlight: str, title: str, options: dict[str, Any]) -> Picture:
    """The graph of scalars in frames, placed by Graphviz; arrays or layers as one node but for what is highlighted."""
    J, m, opened = graph.J, graph.costs.size, list[Value]()
    if highlight:
        step, index = find(graph.net, m, highlight)
        if step.kind in ("dJda", "dJdz"):
            J = graph.J_sum  # whose gradients there are those of the single observation (E2)
        scalar = getattr(graph, step.kind[3:])[step.layer][index]
        opened = neighbourhood(J, scalar)
        title = f"{title}: dJ/d{scalar.label} and its consumers"
        options = {"highlight": scalar, "contributions": "highlight"} | options
    frames = _frames(graph, J)
    scalars, most = len(graph_of(J)), options.get("max_nodes", MAX_NODES)
    if collapse == "none" and scalars > most:
        raise ValueError(
            f"{scalars} scalars are too many to look at (at most {most}): draw each array as one node (--collapse"
            ' arrays, collapse="arrays"), one unit or one entry with its consumers (draw unit, draw "dJda[1][0,0]"),'
            " a smaller network, or more of them (--max-nodes, max_nodes)"
        )
    apart, blocks = set(opened), dict[str, list[Value]]()
    for heading, frame in frames.items() if collapse != "none" else ():
        for name, part in frame.items():
            if name:  # the others are few
                block = heading if collapse == "layers" else name
                blocks.setdefault(block, []).extend(x for x in part if x not in apart)
    options = {"collapse": {name: part for name, part in blocks.items() if part}} | options
    groups = {heading: [x for part in frame.values() for x in part] for heading, frame in frames.items()}
    return _drawn(J, options, groups=groups, title=title)


def arrays(graph: NetworkGraph) -> tuple[list[list[Block]], dict[tuple[str, str], int]]:
    """A block for each array: the layers' z and a on the way, W above and b below their z.

    Three layers and more alike that follow one another share their blocks, with their number.
    """
    where, columns = dict[Value, str](), list[list[Block]]()
    frames = [*_frames(graph, graph.J).values()]
    runs = [[0], *_runs(graph.net), [len(frames) - 1]]
    for run in runs:
        blocks = []
        for names in zip(*(frames[layer] for layer in run), strict=True):
            parts = [frames[layer][name] for layer, name in zip(run, names, strict=True)]
            if any(parts):  # with the identity a is z, which has its block
                title, _, size = names[0].partition("\n")
                kind = {"X": "leaf", "W": "leaf", "b": "leaf", "": "cost"}.get(title[:1], "operation")
                times = f"  (× {len(run)})" if len(run) > 1 else ""
                title += f" … {names[-1].partition(chr(10))[0]}" if times else ""
                words = [title, size + times, counted(sum(map(len, parts)), "node")]
                key = f"block{len(where)}"
                where |= {x: key for part in parts for x in part}
                words = words if names[0] else ["J", f"= {show(graph.J.data)}"]
                blocks.append(_block(key, words, kind, {"W": -1, "b": 1}.get(title[:1], 0)))
        if 0 < run[0] < len(frames) - 1:
            W, b, z, *a = blocks
            columns += [[W, z, b], *([block] for block in a)]
        else:
            columns += [[block] for block in blocks]
    order = {block.name: k for k, column in enumerate(columns) for block in column}
    edges = counted_edges(graph.J, where)  # but those of one layer to the next that share their blocks
    return columns, {ends: count for ends, count in edges.items() if order[ends[0]] <= order[ends[1]]}


def _runs(net: Network) -> list[list[int]]:
    """The layers, three and more alike that follow one another together."""
    runs = list[list[int]]()
    for layer in net.layers:
        if runs and _alike(net, runs[-1][-1], layer):
            runs[-1].append(layer)
        else:
            runs.append([layer])
    return [part for run in runs for part in ([run] if len(run) > 2 else [[layer] for layer in run])]


def layers(graph: NetworkGraph) -> tuple[list[list[Block]], dict[tuple[str, str], int]]:
    """A block for each layer; three and more alike that follow one another are one, with their number."""
    net, frames, where = graph.net, _frames(graph, graph.J), dict[Value, str]()
    columns = [[_block("inputs", ["inputs", f"X  {_size(graph.a[0])}"], "leaf")]]
    where |= {x: "inputs" for part in frames["inputs"].values() for x in part}
    for run in _runs(net):
        first, last = run[0], run[-1]
        words = [f"layer {first}" if first == last else f"layers {first} to {last}"]
        words += [f"{net.activation(first)}" + (f"  (× {len(run)})" if first != last else "")]
        words += [f"W  {_size(graph.W[first])}", f"b  {_size(graph.b[first])}", f"a  {_size(graph.a[first])}"]
        for layer in run:
            parts = [x for part in frames[f"layer {layer}: {net.activation(layer)}"].values() for x in part]
            where |= dict.fromkeys(parts, f"layer{first}")
        columns.append([_block(f"layer{first}", words, "operation")])
    words = ["cost", *net.cost.split("_"), f"J = {show(graph.J.data)}"]
    columns.append([_block("cost", words, "cost")])
    where |= {x: "cost" for part in frames["cost"].values() for x in part}
    return columns, counted_edges(graph.J, where)


def _alike(net: Network, layer: int, other: int) -> bool:
    """Whether two layers have one activation, and as many inputs and units."""
    sizes = net.sizes
    shapes = [(net.activation(one), sizes[one - 1], sizes[one]) for one in (layer, other)]
    return shapes[0] == shapes[1]


def _block(name: str, words: list[str], kind: str, at: int = 0) -> Block:
    return Block(name, [[Text(words[0], LARGE, bold=True)], *([Text(word)] for word in words[1:])], kind, at)


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
        sizes = graph.net.sizes
        few = sum(sizes) + sum(n_prev * n for n_prev, n in pairwise(sizes)) < MAX_NODES
        return network(graph, "units" if few else "arrays", gradients=False).svg(fit=True)
    except Exception as problem:
        return (
            f"<p>the graph of a network {'-'.join(map(str, graph.net.sizes))} (no picture: {escape(str(problem))})</p>"
        )
