"""The pictures of a network with its layers in columns: unit by unit, array by array, or layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from autograd import Value, contributions
from autograd import graph as graph_of
from autograd.draw.dot import MAX_NODES, formula_of
from autograd.draw.plate import ASPECT, SIZE, SMALL, Plate, Row, Text, size_of
from autograd.draw.svg import Picture
from autograd.number.show import show
from compare.subject.graph import NetworkGraph, sup
from matrix_backprop import Backward, Network

GAP = 20  # between the boxes of a column
DETAILS = ((3, 4), (2, 6), (1, 99))  # so many lines in the boxes, up to so many units in a column


class Chosen(NamedTuple):
    """An entry of a gradient to emphasise: "a", "z", "b" or "W", its layer, and its indices from 0."""

    letter: str
    layer: int
    at: tuple[int, ...]


class _Column(NamedTuple):
    """The boxes of one column, from top to bottom: name, rows, kind, emphasised."""

    heading: str
    boxes: Sequence[tuple[str, Sequence[Row], str, bool]]
    places: Sequence[float] = ()  # where each stands, counted in boxes from the middle; by default one after the other

    def size(self) -> tuple[float, float]:
        """That of its largest box."""
        sizes = [size_of(rows) for _, rows, _, _ in self.boxes]
        return max(width for width, _ in sizes), max(height for _, height in sizes)


def units(
    graph: NetworkGraph,
    observation: int = 1,
    chosen: Chosen | None = None,
    *,
    cost: bool = False,
    gradients: bool = True,
    title: str = "",
    theme: str = "light",
    rankdir: str = "LR",
    max_nodes: int = MAX_NODES,
) -> Picture:
    """A box for each unit of one observation, in columns, and a line for each weight.

    >>> import numpy as np
    >>> from matrix_backprop import Network
    >>> graph = NetworkGraph(Network([2, 3, 1], ["tanh", "sigmoid"], seed=0), np.ones((2, 1)), np.ones((1, 1)))
    >>> units(graph).source.count("u0_1 -> u1_")
    3

    The gradients of units are those of the single J^(i), those of weights and biases of the mean J. With `cost` its
    scalars stand there, not one box. Raises ValueError for an observation that there is not, and for more than
    `max_nodes` boxes and weights.
    """
    sizes, m = graph.net.sizes, graph.costs.size
    if not 1 <= observation <= m:
        raise ValueError(f"there is no observation {observation}: observations count from 1 to {m} here")
    count = sum(sizes) + sum(n_prev * n for n_prev, n in pairwise(sizes)) + 1
    if count > max_nodes:
        raise ValueError(
            f"{count} units and weights are too many to look at (at most {max_nodes}): draw each array as one node"
            ' (--collapse arrays, collapse="arrays"), one unit or one entry with its consumers (draw unit,'
            ' draw "dJda[1][0,0]"), a smaller network, or more of them (--max-nodes, max_nodes)'
        )
    plate = Plate(title, theme, rankdir)
    back = graph.gradients() if gradients else None
    if back is not None:
        graph.J_sum.backward()
    columns = _columns(graph, observation - 1, chosen, back)
    opened = _opened(graph, observation - 1, back) if cost else []
    weights = _weights(graph, observation - 1, chosen, back)
    columns[-1:] = opened or columns[-1:]
    gaps = [_gap(plate, labels) for labels in weights] + [60.0] * (len(columns) - len(weights) - 1)
    _place(plate, columns, gaps)
    for layer, labels in enumerate(weights, 1):
        _draw_weights(plate, graph, layer, labels, chosen)
    last = len(sizes) - 1
    if not opened:
        for k in range(sizes[-1]):
            lit = chosen is not None and chosen[:2] == ("a", last) and chosen.at[0] == k
            plate.line(f"u{last}_{k + 1}", "J", width=4 if lit else 1.6, highlight=lit)
    else:
        for tail, head, tip in _inside_the_cost(graph, observation - 1):
            plate.line(tail, head, tip)
    plate.legend = [Text("on a line: its weight (the thicker, the larger)", SMALL)]
    if back is not None:
        of = "" if m == 1 else f" (of J{sup(observation)}; of w and b: of the mean J)"
        plate.legend.append(Text(f"beside or below: the gradient{of}", SMALL, "gradient"))
    return plate.picture()


def _columns(graph: NetworkGraph, i: int, chosen: Chosen | None, back: Backward | None) -> list[_Column]:
    """What stands in the boxes of the inputs, of each layer and of the cost."""
    most = max(graph.net.sizes)
    lines = next(lines for lines, units in DETAILS if most <= units)
    inputs = [(f"u0_{j + 1}", [[_value(x)]], "leaf", False) for j, x in enumerate(graph.a[0][:, i])]
    found = [_Column("inputs", inputs)]
    for layer in graph.net.layers:
        boxes = []
        for k in range(graph.net.sizes[layer]):
            lit = chosen is not None and chosen.letter != "W" and chosen[1:] == (layer, (k, chosen.at[1]))
            a, z, b = graph.a[layer][k, i], graph.z[layer][k, i], graph.b[layer][k, 0]
            rows = [[_value(a, bold=True)]]
            rows += [[_value(z)]] * (lines > 1 and z is not a) + [[_value(b)]] * (lines > 2)
            if back is not None:
                shown = [back.dJda[layer][k, i], back.dJdz[layer][k, i], back.dJdb[layer][k, 0]]
                shown = shown if z is not a else shown[1:]
                rows = [[*row, _number(x)] for row, x in zip(rows, shown, strict=False)]
            boxes.append((f"u{layer}_{k + 1}", rows, "operation", lit))
        found.append(_Column(f"layer {layer}: {graph.net.activation(layer)}", boxes))
    rows = [[_value(graph.costs.flat[i], bold=True)]]
    rows += [[Text(words, SMALL)] for words in _cost_words(graph.net)]
    if graph.costs.size > 1:
        rows += [[Text(f"J = {show(graph.J.data)}")], [Text(f"the mean of {graph.costs.size}", SMALL)]]
    found.append(_Column("cost", [("J", rows, "cost", False)]))
    return found


def _cost_words(net: Network) -> list[str]:
    """The name of the cost in lines: binary, cross entropy."""
    first, *rest = net.cost.split("_")
    return [first, " ".join(rest)]


def _value(x: Any, bold: bool = False) -> Text:
    """A scalar's name and value; the name without its layer and observation, which the heading and the title say."""
    name = x.label.split("⁽")[0].split("[")[0] if not x.label.startswith("J") else x.label
    return Text(f"{name} = {show(x.data)}", SIZE, bold=bold)


def _number(x: Any) -> Text:
    return Text(show(x), SIZE, "gradient")


_Labels = dict[tuple[int, int], tuple[float, list[Text]]]  # by unit of the layer before and of this one: |w|, its texts


def _weights(graph: NetworkGraph, i: int, chosen: Chosen | None, back: Backward | None) -> list[_Labels]:
    """What is written on the lines into each layer."""
    found = []
    for layer in graph.net.layers:
        labels: _Labels = {}
        opened = chosen is not None and chosen[:2] == ("a", layer - 1)
        products = _products(graph, chosen) if opened and chosen is not None and back is not None else []
        for j in range(graph.net.sizes[layer - 1]):
            for k in range(graph.net.sizes[layer]):
                w = graph.W[layer][j, k]
                if opened and chosen is not None and chosen.at[0] == j and products:
                    texts = [Text(products[k], SIZE, "gradient", True)]
                elif opened:
                    texts = []
                else:
                    texts = [Text(show(w.data, 3), SIZE)]
                    texts += [] if back is None else [Text(show(back.dJdW[layer][j, k], 3), SMALL, "gradient")]
                labels[j, k] = abs(float(w.data)), texts
        found.append(labels)
    return found


def _products(graph: NetworkGraph, chosen: Chosen) -> list[str]:
    """What each unit of the next layer adds to the gradient of an activation, as local × upstream = product."""
    terms = contributions(graph.J_sum, graph.a[chosen.layer][chosen.at])
    return [f"{show(x.local_derivative)} × {show(x.upstream)} = {show(x.product)}" for x in terms]


def _gap(plate: Plate, labels: _Labels) -> float:
    """The room that two columns leave for the lines between them and what is written there."""
    return max(_spans(plate, texts)[0] for _, texts in labels.values()) + (125 if plate.sideways else 110)


def _cost_nodes(graph: NetworkGraph, i: int) -> dict[Value, int]:
    """The scalars between the last activations and J^(i), each with its column: one after those of its operands."""
    ends = set(graph.a[-1][:, i])
    before = {x for a in ends for x in graph_of(a)}
    depth: dict[Value, int] = {}
    for node in graph_of(graph.costs.flat[i]):
        if not node.constant and node not in before:
            depth[node] = 1 + max((depth[x] for x in node.operands if x in depth), default=-1)
    return depth


def _opened(graph: NetworkGraph, i: int, back: Backward | None) -> list[_Column]:
    """The columns of the cost's own scalars."""
    depth = _cost_nodes(graph, i)
    names = {a: a.label.split("⁽")[0] for a in graph.a[-1][:, i]}
    columns: list[list[Value]] = [[] for _ in range(1 + max(depth.values()))]
    for node, column in depth.items():
        columns[column].append(node)
    share = len(columns[0]) / len(names)
    row: dict[Value, float] = {a: (k - (len(names) - 1) / 2) * share for k, a in enumerate(names)}
    found = []
    for column, nodes in enumerate(columns):
        for node in nodes:
            known = [row[x] for x in dict.fromkeys(node.operands) if x in row]
            row[node] = sum(known) / len(known)
        nodes.sort(key=row.__getitem__)
        places = _apart([row[node] for node in nodes])
        row |= zip(nodes, places, strict=True)
        boxes = []
        for node in nodes:
            formula = Text(node.label or formula_of(node, names), SIZE, bold=bool(node.label))
            rows: list[Row] = [[formula], [Text(show(node.data)), *([] if back is None else [_number(node.grad)])]]
            boxes.append((f"c{node.order}", rows, "operation" if node.label != f"J{sup(i + 1)}" else "cost", False))
        found.append(_Column("the cost" if column == 0 else "", boxes, places))
    return found


def _apart(wanted: Sequence[float]) -> list[float]:
    """Rising numbers with at least 1 between them, about where they are wanted."""
    found: list[float] = []
    for number in wanted:
        found.append(max(number, found[-1] + 1) if found else number)
    shift = sum(found) / len(found) - sum(wanted) / len(wanted)
    return [number - shift for number in found]


def _inside_the_cost(graph: NetworkGraph, i: int) -> Iterable[tuple[str, str, str]]:
    """The edges of the opened cost: tail, head, and what a tooltip says."""
    depth = _cost_nodes(graph, i)
    last = len(graph.net.sizes) - 1
    names = {a: f"u{last}_{k + 1}" for k, a in enumerate(graph.a[-1][:, i])} | {x: f"c{x.order}" for x in depth}
    for node in depth:
        for operand in dict.fromkeys(node.operands):
            if operand in names:
                yield names[operand], names[node], f"value {operand.data}"


def _place(plate: Plate, columns: Sequence[_Column], gaps: Sequence[float]) -> None:
    """Draw the boxes, each column spread over the height that a sheet of 16:9 has."""
    spans = [plate.spans(column.size()) for column in columns]
    length = sum(along for along, _ in spans) + sum(gaps)
    needed = max(len(column.boxes) * (across + GAP) for column, (_, across) in zip(columns, spans, strict=True))
    room = max(needed, length / ASPECT - 150 if plate.sideways else length * ASPECT)
    rows = [column.places or [k - (len(column.boxes) - 1) / 2 for k in range(len(column.boxes))] for column in columns]
    pitches = [
        min(room / len(column.boxes), 2.6 * across + 40) for column, (_, across) in zip(columns, spans, strict=True)
    ]
    opened = [pitch for column, pitch in zip(columns, pitches, strict=True) if column.places]
    pitches = [min(opened) if column.places else pitch for column, pitch in zip(columns, pitches, strict=True)]
    ends = [max(map(abs, at)) * pitch for at, pitch in zip(rows, pitches, strict=True)]
    reach = [end + across / 2 for end, (_, across) in zip(ends, spans, strict=True)]
    along = 0.0
    for number, (column, (span, _), gap) in enumerate(zip(columns, spans, [*gaps, 0], strict=True)):
        for place, (name, lines, kind, lit) in zip(rows[number], column.boxes, strict=True):
            at = along + span / 2, place * pitches[number]
            plate.box(name, *at, lines, kind, highlight=lit, size=column.size())
        if column.heading:
            heading = [Text(column.heading, SIZE, "line")]
            top = max(reach) + 45 if plate.sideways else reach[number] + heading[0].width / 2 + 100
            plate.text(f"heading_{column.boxes[0][0]}", along + span / 2, -top, heading, opaque=False)
        along += span + gap


def _draw_weights(plate: Plate, graph: NetworkGraph, layer: int, labels: _Labels, chosen: Chosen | None) -> None:
    """The lines into one layer; before each unit its weights, one below the other in the order of the units."""
    n_prev, n = graph.net.sizes[layer - 1 : layer + 1]
    largest = max(size for size, _ in labels.values()) or 1
    heads = [plate.at(f"u{layer}_{k + 1}") for k in range(n)]
    between = min((b.across - a.across for a, b in pairwise(heads)), default=2.5 * heads[0].size_across)
    most = max(len(texts) for _, texts in labels.values())
    spans = [[_spans(plate, texts[:count]) for _, texts in labels.values()] for count in range(most + 1)]
    needed = [max(across for _, across in each) + 6.0 * bool(count) for count, each in enumerate(spans)]
    fitting = max(count for count, room in enumerate(needed) if room * n_prev <= between)
    step = max(needed[fitting], min(0.8 * heads[0].size_across / n_prev, 40))
    widest = max(along for along, _ in spans[fitting])
    for (j, k), (size, texts) in labels.items():
        lit = chosen is not None and (
            (chosen[:2] == ("a", layer - 1) and chosen.at[0] == j) or chosen == ("W", layer, (j, k))
        )
        tail, head = plate.at(f"u{layer - 1}_{j + 1}"), heads[k]
        across = head.across + (j - (n_prev - 1) / 2) * step
        inside = 0.4 * head.size_across
        end = head.along - head.size_along / 2, head.across + min(max(across - head.across, -inside), inside)
        start = tail.along + tail.size_along / 2, tail.across + 0.6 * tail.size_across * ((k + 0.5) / n - 0.5)
        way = [start, end]
        if fitting:
            way[1:1] = [(end[0] - 36 - widest, across), (end[0] - 30, across)]
        tip, thickness = f"{graph.W[layer][j, k].label} = {graph.W[layer][j, k].data}", 1 + 2.5 * size / largest
        plate.path(tail.name, head.name, way, tip, 5 if lit else thickness, lit)
        if texts[:fitting]:
            plate.text(f"w{layer}_{j + 1}_{k + 1}", end[0] - 33 - widest / 2, across, texts[:fitting])


def _spans(plate: Plate, texts: Sequence[Text]) -> tuple[float, float]:
    """How long lines of text are along and across the forward pass."""
    return plate.spans((max((x.width for x in texts), default=0), sum(1.15 * x.size for x in texts)))


# Collapsed


FULL = 0.75  # of the width of the sheet


class Block(NamedTuple):
    """Many scalars drawn as one: its rows, its kind, and where it stands in its column, 0 on the way of the layers."""

    name: str
    rows: Sequence[Row]
    kind: str
    at: int = 0


def chain(
    columns: Sequence[Sequence[Block]],
    edges: Mapping[tuple[str, str], int],
    title: str,
    theme: str = "light",
    rankdir: str = "LR",
) -> Picture:
    """Blocks in columns from the inputs to the cost, broken into lines as a text is, so that they fill the sheet.

    `edges` counts the edges between the blocks by their names.
    """
    plate = Plate(title, theme, rankdir)
    spans = {block.name: plate.spans(size_of(block.rows)) for column in columns for block in column}
    span, across = (max(size[k] for size in spans.values()) for k in (0, 1))
    widest = max((Text(_edges(number), SMALL).width for number in edges.values()), default=0)
    gap, pitch = (widest + 30 if plate.sideways else 80.0), across + 50

    def levels(each: int) -> list[list[int]]:
        """Where the blocks of each line stand, if it has so many columns: the first and the last level."""
        lines = [columns[k : k + each] for k in range(0, len(columns), each)]
        places = [[block.at for column in line for block in column] for line in lines]
        return [[min(at), max(at)] for at in places]

    def sheet(each: int) -> tuple[bool, float]:
        """Whether so many columns in a line leave the sheet half empty; its width: the less, the larger its type."""
        height = sum((last - first + 1) * pitch + 70 for first, last in levels(each))
        turns = 80 * (each < len(columns))
        width, height = plate.spans((each * (span + gap) - gap + turns, height + 130))
        whole = max(width, height * ASPECT)
        return plate.sideways and width < FULL * whole, whole

    each = min(range(1, len(columns) + 1), key=sheet)
    if levels(each) == [[0, 0]]:  # tall boxes, so that a short chain is no strip
        length = len(columns) * (span + gap)
        across = max(across, 0.45 * (length / ASPECT if plate.sideways else length * ASPECT))
    ways, end = [], 0.0  # where the way of the layers runs in each line
    for first, last in levels(each):
        ways.append(end - first * pitch)
        end += (last - first + 1) * pitch + 70
    place = {}
    for number, column in enumerate(columns):
        line, position = divmod(number, each)
        for block in column:
            at = position * (span + gap), ways[line] + block.at * pitch
            size = plate.spans((span, across))
            plate.box(block.name, *at, block.rows, block.kind, size=size)
            place[block.name] = line, at
    for (tail, head), edge_count in edges.items():
        words = _edges(edge_count)
        tip = f"{words} of the graph of scalars"
        (line, (u_0, v_0)), (to_line, (u_1, v_1)) = place[tail], place[head]
        if line == to_line and u_0 < u_1:
            plate.line(tail, head, tip, 2.5)
            text = Text(words, SMALL)
            beside = SMALL + 3 if plate.sideways else text.width / 2 + 12
            plate.text(f"e_{tail}_{head}", (u_0 + u_1) / 2, v_0 - beside, [text], opaque=False)
        elif u_0 == u_1:  # a parameter above or below
            sign = 1 if v_1 > v_0 else -1
            plate.path(tail, head, [(u_0, v_0 + sign * across / 2), (u_1, v_1 - sign * across / 2)], tip, 2.5)
        else:  # to the next line
            side, turn = span / 2, ways[to_line] + (levels(each)[to_line][0] - 0.5) * pitch - 35
            corners = [(u_0 + side, v_0), (u_0 + side + 40, v_0), (u_0 + side + 40, turn), (u_1 - side - 40, turn)]
            plate.path(tail, head, [*corners, (u_1 - side - 40, v_1), (u_1 - side, v_1)], tip, 2.5)
            plate.text(f"e_{tail}_{head}", (u_0 + u_1) / 2, turn, [Text(words, SMALL)])
    return plate.picture()


def _edges(count: int) -> str:
    return f"{count:,} edge{'s' * (count > 1)}"


def counted_edges(J: Value, blocks: Mapping[Value, str]) -> dict[tuple[str, str], int]:
    """How many edges of J's graph go from one block to another."""
    ends = ((blocks.get(x), blocks.get(node)) for node in graph_of(J) for x in node.operands)
    return dict(Counter((tail, head) for tail, head in ends if tail and head and tail != head))
