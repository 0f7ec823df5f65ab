"""The DOT text of a computation graph: `dot_source`, a pure function, whose text the tests read.

Everything shown is read from the recorded nodes; the numbers on the edges are the terms of the multivariate chain rule
(statement C1), one for each use of a scalar.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from autograd.graph.value import Value, graph, local_derivatives
from autograd.number.show import RAISED, SUPERSCRIPT, clip, show

FONT = "Helvetica"  # the name whose widths the Graphviz of the wheel knows; `_tidy` adds Arial

# Tints of the colours of Okabe and Ito, which colour-blind people can tell apart. The shapes and the borders say the
# same as the colours. Each kind of node: fill, border.
THEMES: dict[str, dict[str, Any]] = {
    "light": {
        "background": "#ffffff",
        "text": "#1a1a1a",
        "line": "#5f6b76",
        "gradient": "#b34700",
        "highlight": "#d55e00",
        "leaf": ("#d9edf9", "#0072b2"),
        "operation": ("#fdf0d0", "#b57d00"),
        "cost": ("#cfeee3", "#007a59"),
        "constant": ("#eeeeee", "#8a8a8a"),
    },
    "dark": {
        "background": "#16191d",
        "text": "#f2f2f2",
        "line": "#9aa6b2",
        "gradient": "#ffab6b",
        "highlight": "#ff8a33",
        "leaf": ("#0f3a55", "#56b4e9"),
        "operation": ("#4a3a10", "#e69f00"),
        "cost": ("#0b4637", "#2fcf9f"),
        "constant": ("#33383d", "#8a939b"),
    },
    "print": {  # black on white: nothing that a copier makes grey
        "background": "#ffffff",
        "text": "#000000",
        "line": "#000000",
        "gradient": "#000000",
        "highlight": "#000000",
        "leaf": ("#ffffff", "#000000"),
        "operation": ("#ffffff", "#000000"),
        "cost": ("#ffffff", "#000000"),
        "constant": ("#ffffff", "#000000"),
    },
}

# What is drawn apart from the colours: the border of a cost is double, a leaf has corners, a constant is an oval.
SHAPES = {
    "leaf": {"shape": "box", "style": "filled"},
    "operation": {"shape": "box", "style": "rounded,filled"},
    "cost": {"shape": "box", "style": "filled", "peripheries": "2"},
    "constant": {"shape": "ellipse", "style": "filled", "fontsize": "10", "height": "0.3", "margin": "0.04,0.02"},
    "block": {"shape": "box3d", "style": "filled", "margin": "0.2,0.08"},
}

LEGEND = {
    "leaf": "input or parameter",
    "operation": "operation",
    "cost": "the result",
    "constant": "constant",
    "block": "many scalars drawn as one",
}


NAME = "computation graph"
RANKDIRS = ("LR", "TB", "RL", "BT")
MAX_NODES = 150  # more cannot be looked at


def dot_source(
    J: Value,
    *,
    only: Iterable[Value] | None = None,
    highlight: Value | None = None,
    contributions: bool | str = True,
    gradients: bool = True,
    groups: Mapping[str, Iterable[Value]] | None = None,
    collapse: Mapping[str, Iterable[Value]] | None = None,
    rankdir: str = "LR",
    title: str = "",
    max_nodes: int = MAX_NODES,
    theme: str = "light",
) -> str:
    """The DOT text of `draw_dot`, with its options: a pure function of the graph and the gradients recorded in it.

    >>> x = Value(3.0, label="x")
    >>> J = x * x
    >>> J.backward()
    >>> dot_source(J).count("n0 -> n1")
    2

    Nodes are called n0, n1, ... in the order of their creation, so that the same program gives the same text.
    """
    look = _Look(highlight, contributions, gradients, groups or {}, collapse or {}, rankdir, title, theme)
    return f'digraph "{NAME}" {{\n{"".join(_lines(J, only, look, max_nodes))}}}\n'


def neighbourhood(J: Value, x: Value) -> list[Value]:
    """x, its operands and its consumers in J's graph: what statement D4 speaks about.

    >>> x = Value(3.0, label="x")
    >>> y = 2 * x
    >>> [node.data for node in neighbourhood(y * y, x)]
    [3.0, 6.0]
    """
    return [
        node
        for node in graph(J)
        if node is x or any(node is y for y in x.operands) or any(y is x for y in node.operands)
    ]


def known_look(theme: str, rankdir: str) -> None:
    """Raise ValueError for a theme or a direction that is not known, with those that are."""
    if theme not in THEMES:
        raise ValueError(f"theme {theme!r} is not known: take one of {', '.join(THEMES)}")
    if rankdir not in RANKDIRS:
        raise ValueError(f"rankdir {rankdir!r} is not known: take LR, TB, RL or BT")


class _Look(NamedTuple):
    """How a graph is drawn."""

    highlight: Value | None = None
    contributions: bool | str = True
    gradients: bool = True
    groups: Mapping[str, Iterable[Value]] = MappingProxyType({})
    collapse: Mapping[str, Iterable[Value]] = MappingProxyType({})
    rankdir: str = "LR"
    title: str = ""
    theme: str = "light"


def _lines(J: Value, only: Iterable[Value] | None, look: _Look, max_nodes: int) -> Iterator[str]:
    """The lines of DOT between the braces."""
    if not isinstance(J, Value):
        raise TypeError(f"a graph is drawn of one scalar, a Value, not of {type(J).__name__}: pass the cost J")
    known_look(look.theme, look.rankdir)
    if look.contributions not in (True, False, "highlight"):
        raise ValueError(f"contributions {look.contributions!r} is not known: take True, False or 'highlight'")
    nodes = graph(J)
    position = {node: k for k, node in enumerate(nodes)}
    wanted = position.keys() if only is None else set(_flat(only))
    for node in [*wanted, *([] if look.highlight is None else [look.highlight])]:
        if node not in position:
            raise ValueError(f"{node!r} is not in the graph of {J!r}, so it cannot be drawn there")
    names = {node: f"n{k}" for node, k in position.items() if node in wanted}
    for number, members in enumerate(look.collapse.values()):
        names |= {node: f"block{number}" for node in _flat(members) if names.get(node, "").startswith("n")}
    drawn = len(set(names.values()))
    if drawn > max_nodes:
        raise ValueError(
            f"{drawn} scalars are too many to look at (max_nodes={max_nodes}): draw the neighbourhood of one scalar x,"
            " draw_dot(J, only=neighbourhood(J, x), highlight=x), or many scalars as one, draw_dot(J, collapse={name:"
            " nodes, ...}), take a smaller network, or allow more with max_nodes"
        )
    return _body(J, nodes, names, look)


def _body(J: Value, nodes: list[Value], names: Mapping[Value, str], look: _Look) -> Iterator[str]:
    """The lines of DOT between the braces; `names` are those of the nodes that are drawn, in DOT."""
    theme, highlight = THEMES[look.theme], look.highlight
    edges: list[str] = []
    merged: Counter[tuple[str, str]] = Counter()  # edges of nodes that are drawn as one
    terms: list[Any] = []  # the contributions to the highlighted node
    cut: dict[tuple[Value, str], None] = {}  # drawn nodes with operands ("in") or consumers ("out") that are not drawn
    blocks = {name for name in names.values() if name.startswith("block")}
    for consumer in nodes:
        head = names.get(consumer)
        if head in blocks and not any(
            operand is highlight for operand in consumer.operands
        ):  # no label needs the local derivatives
            for operand in consumer.operands:
                if (tail := names.get(operand)) and tail != head:
                    merged[tail, str(head)] += 1
            continue
        for operand, local in zip(consumer.operands, local_derivatives(consumer), strict=True):
            tail = names.get(operand)
            if operand is highlight:
                terms.append(local * consumer.grad)
            if tail and head and {tail, head} & blocks:
                if tail != head:
                    merged[tail, head] += 1
            elif tail and head:
                mark = {"tooltip": f"{_name(operand)} → {_name(consumer)}"}
                if not operand.constant and look.gradients:
                    product = local * consumer.grad
                    factors = [f"({text})" if " " in text else text for text in (show(local), show(consumer.grad))]
                    mark["tooltip"] += (
                        f"\nlocal derivative {_full(local)}\nupstream {_full(consumer.grad)}"
                        f"\ncontribution {_full(product)}"
                    )
                    if look.contributions is True or (look.contributions and operand is highlight):
                        mark["label"] = f" {' × '.join(factors)} = {show(product)} "
                if operand is highlight:
                    mark |= {"color": theme["highlight"], "penwidth": "2.8", "fontsize": "13"}
                edges.append(f"{tail} -> {head} {attributes(mark)}")
            elif tail and not operand.constant:
                cut[operand, "out"] = None
            elif head and not operand.constant:
                cut[consumer, "in"] = None

    def line(node: Value) -> str:
        kind = _kind(J, node)
        fill, border = theme[kind]
        drawn = SHAPES[kind] | {"fillcolor": fill, "color": border, "class": kind}
        if node is highlight:
            drawn |= {"color": theme["highlight"], "penwidth": "3.5", "class": f"{kind} highlight"}
        label = _label(node, terms if node is highlight else [], look.gradients)
        tooltip = _tooltip(node, look.gradients)
        return f"{names[node]} {attributes({'label': label} | drawn | {'tooltip': tooltip})}"

    yield attributes(
        {
            "rankdir": look.rankdir,
            "bgcolor": theme["background"],
            "fontname": FONT,
            "fontcolor": theme["text"],
            "fontsize": "16",
            "nodesep": "0.3",
            "ranksep": "0.45",
            "pad": "0.15",
        }
        | ({"label": look.title, "labelloc": "t"} if look.title else {}),
        "graph ",
    )
    basic = {"fontname": FONT, "fontcolor": theme["text"], "fontsize": "12"}
    yield attributes(basic | {"penwidth": "1.4", "margin": "0.15,0.08", "height": "0.3", "width": "0.3"}, "node ")
    yield attributes(
        {
            "fontname": FONT,
            "fontcolor": theme["gradient"],
            "fontsize": "11",
            "color": theme["line"],
            "arrowsize": "0.7",
        },
        "edge ",
    )
    lines: dict[str, str] = {}  # of the nodes and blocks that no frame holds yet, by name
    kinds = set()
    members: dict[str, list[Value]] = {}
    for node in nodes:
        if name := names.get(node):
            members.setdefault(name, []).append(node)
    headings = list(look.collapse)
    for name, held in members.items():
        if name in blocks:
            lines[name] = f"{name} {_block(J, headings[int(name[5:])], held, look, theme)}"
            kinds.add("block")
        else:
            lines[name] = line(held[0])
            kinds.add(_kind(J, held[0]))
    labelled = look.gradients and any("label=" in edge for edge in edges)
    yield from _legend([kind for kind in LEGEND if kind in kinds], labelled, look.rankdir, theme)
    for number, (heading, inside) in enumerate(look.groups.items()):
        yield f"subgraph cluster_{number} {{\n"
        frame = {"label": heading, "style": "rounded,dashed", "color": theme["line"], "fontsize": "13", "margin": "12"}
        yield attributes(frame, "graph ")
        for node in _flat(inside):
            yield lines.pop(names.get(node, ""), "")
        yield "}\n"
    yield from lines.values()
    yield from edges
    for (tail, head), count in merged.items():
        mark = {"label": f" {count:,} edge{'s' * (count > 1)} ", "tooltip": f"{count:,} edges of the graph of scalars"}
        yield f"{tail} -> {head} {attributes(mark | {'penwidth': '1.6', 'class': 'block'})}"
    for number, (node, side) in enumerate(cut):
        yield f"more{number} " + attributes({"label": "…", "shape": "plaintext", "tooltip": "not drawn here"})
        ends = (names[node], f"more{number}")
        yield (
            " -> ".join(ends if side == "out" else ends[::-1])
            + " "
            + attributes({"style": "dashed", "tooltip": "not drawn here"})
        )


def _block(J: Value, heading: str, held: list[Value], look: _Look, theme: Mapping[str, Any]) -> str:
    """The attributes of the node that stands for many."""
    kinds = {_kind(J, node) for node in held if not node.constant} or {"constant"}
    fill, border = theme[kinds.pop() if len(kinds) == 1 else "operation"]
    drawn = SHAPES["block"] | {"fillcolor": fill, "color": border, "class": "block"}
    if any(node is look.highlight for node in held):
        drawn |= {"color": theme["highlight"], "penwidth": "3.5"}
    count = f"{len(held):,} node{'s' * (len(held) > 1)}"
    return attributes({"label": f"{heading}\n{count}"} | drawn | {"tooltip": f"{heading}\n{count}"})


def _legend(kinds: list[str], labelled: bool, rankdir: str, theme: Mapping[str, Any]) -> Iterator[str]:
    """A frame with a row of samples, each saying what its colour and shape mean."""
    caption = "    on an edge: local derivative × upstream = contribution to the gradient    "  # room for wider fonts
    yield "subgraph cluster_legend {\n"
    yield attributes(
        {
            "fontcolor": theme["gradient"],
            "fontsize": "11",
            "color": theme["constant"][0],
            "labelloc": "b",
            "margin": "6",
            "class": "legend",
        }
        | ({"label": caption} if labelled else {}),
        "graph ",
    )
    for kind in kinds:
        fill, border = theme["operation" if kind == "block" else kind]
        small = {"fontsize": "10", "height": "0.2", "margin": "0.12,0.04"}
        look = SHAPES[kind] | small | {"fillcolor": fill, "color": border, "class": "legend", "tooltip": "legend"}
        yield f"legend_{kind} {attributes({'label': LEGEND[kind]} | look)}"
    if len(kinds) > 1 and rankdir in ("LR", "RL"):  # a chain makes it a row there
        yield " -> ".join(f"legend_{kind}" for kind in kinds) + " " + attributes({"style": "invis"})
    yield "}\n"


def _kind(J: Value, node: Value) -> str:
    if node is J:
        return "cost"
    if node.constant:
        return "constant"
    return "leaf" if node.op is None else "operation"


def _name(node: Value) -> str:
    return node.label or (node.op.symbol if node.op else show(node.data))


def _label(node: Value, terms: list[Any], gradients: bool) -> str:
    if node.constant:
        return show(node.data)
    first = " = ".join(part for part in (clip(node.label, 40), formula_of(node)) if part)
    value = f"value {show(node.data)}"
    if not gradients:
        return "\n".join(([first] if first else []) + [value])
    gradient = f"gradient {show(node.grad)}"
    if 2 <= len(terms) <= 4:
        gradient += f"\n= {show(terms[0])}"
        for term in terms[1:]:
            text = show(term)
            gradient += f" − {text[1:]}" if text.startswith("−") else f" + {text}"
    elif len(terms) > 4:
        gradient += f"\n= sum of {len(terms)} contributions"
    return "\n".join(([first] if first else []) + [value, gradient])


LONGEST = 32  # a formula; what is longer is cut short by …
SIGNS = {"add": " + ", "subtract": " − ", "multiply": " × ", "divide": " ÷ ", "sum": " + ", "dot": " + "}


def formula_of(node: Value, names: Mapping[Value, str] = MappingProxyType({})) -> str:
    """How a node was made, in a line: x × y, x², tanh(z), 2 × g₁ + g₂; nothing for a leaf.

    >>> x, y = Value(3.0, label="x"), Value(4.0, label="y")
    >>> formula_of(x**2), formula_of(2 * x + y), formula_of((x + y).tanh())
    ('x²', '2 × x + y', 'tanh(x + y)')

    `names` are the nodes' names, by default their labels. What has no name is written out, and what would become too
    long for the eye is "…".
    """
    for depth in (3, 2, 1, 0):
        text = _formula(node, names, depth)
        if len(text) <= LONGEST and "…" not in text:
            return text
    return text if len(text) <= LONGEST or node.op is None else node.op.symbol


def _formula(node: Value, names: Mapping[Value, str], depth: int) -> str:
    if node.op is None:
        return ""
    kind, symbol = node.op.name, node.op.symbol
    parts = [_operand(x, names, depth) for x in node.operands]
    if kind == "dot":
        half = len(parts) // 2
        factors = zip(parts[:half], parts[half:], strict=True)
        parts = ["…" if "…" in pair else " × ".join(map(_inside, pair)) for pair in factors]
    if kind in ("add", "sum", "dot") and (len(parts) > 3 or set(parts) == {"…"}):
        return f"Σ of {len(parts)} {'products' if kind == 'dot' else 'terms'}"
    if kind in SIGNS:
        if kind in ("multiply", "divide"):
            parts = [_inside(part) for part in parts]
        elif kind == "subtract":
            parts[1:] = map(_inside, parts[1:])
        return SIGNS[kind].join(parts).replace(" + −", " − ")
    if kind == "negative":
        return f"−{_inside(parts[0])}"
    if symbol in ("x²", "1/x"):
        return symbol.replace("x", _inside(parts[0], symbol == "x²"))
    if symbol == "^":
        if parts[1].isdecimal():
            return _inside(parts[0], True) + parts[1].translate(SUPERSCRIPT)
        return f"{_inside(parts[0], True)} ^ {_inside(parts[1])}"
    return f"{_inside(parts[0])} log {_inside(parts[1])}" if kind == "xlogy" else f"{symbol}({', '.join(parts)})"


def _operand(node: Value, names: Mapping[Value, str], depth: int) -> str:
    """An operand by its name, a constant as its number, what has no name as its formula."""
    text = show(node.data) if node.constant else names.get(node) or node.label
    if not text and depth and node.op is not None:
        text = _formula(node, names, depth - 1)
    text = " ".join(text.split())
    return text if text and len(text) <= LONGEST and not text.startswith("Σ of ") else "…"


def _inside(text: str, power: bool = False) -> str:
    """A part of a formula where a sign or a power binds it: in parentheses, unless it is one word."""
    call = re.match(r"\w+\(", text)
    word = _closes(text, call.end() - 1) if call else not re.search(r"[\s^÷]", text) and not text.startswith("−")
    return text if word and not (power and text[-1] in RAISED) else f"({text})"


def _closes(text: str, opening: int) -> bool:
    """Whether the parenthesis that opens there is closed by the last character."""
    depth = 0
    for position, letter in enumerate(text[opening:], opening):
        depth += (letter == "(") - (letter == ")")
        if not depth:
            return position == len(text) - 1
    return False


def _tooltip(node: Value, gradients: bool) -> str:
    if node.constant:
        return f"constant {_full(node.data)}"
    return f"{_name(node)}\nvalue {_full(node.data)}" + (f"\ngradient {_full(node.grad)}" if gradients else "")


def _full(number: Any) -> str:
    """A number to its last digit; a rational of hundreds of digits to 17."""
    if hasattr(number, "denominator") and max(abs(number.numerator), number.denominator) > 10**40:
        return show(number, 17)
    return clip(str(number), 200)


def _flat(nodes: Iterable[Any]) -> Iterator[Value]:
    """The nodes of a list, a set or an array of any shape, and of a list of arrays."""
    for node in getattr(nodes, "flat", nodes):
        if isinstance(node, Value):
            yield node
        elif hasattr(node, "flat"):
            yield from _flat(node)
        else:
            raise TypeError(f"a list of nodes holds Values or arrays of them, not {type(node).__name__} {node!r}")


def attributes(given: Mapping[str, str], statement: str = "") -> str:
    """A list of attributes in DOT, with any text in them quoted."""
    return f"{statement}[{', '.join(f'{key}={_quoted(text)}' for key, text in given.items())}]\n"


# what XML forbids: a set of what it allows says the same, and takes re ten times as long to read
_NOT_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _quoted(text: str) -> str:
    """Any text as a DOT string that shows exactly this text; characters that XML forbids become U+FFFD."""
    lines = _NOT_XML.sub("\ufffd", text).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").split("\n")
    text = "\n".join(line or " " for line in lines)  # Graphviz 16 reads memory it never wrote for an empty line
    return '"' + text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
