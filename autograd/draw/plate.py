"""Pictures whose positions are data: boxes, lines and texts on a sheet of 16:9.

Graphviz places the nodes of a graph of any shape; what has a shape of its own (layers, a scalar and its consumers) is
placed here, and Graphviz only paints it (`layout=nop2`), so that every format comes from one text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from autograd.draw.dot import FONT, SHAPES, THEMES, attributes, known_look
from autograd.draw.svg import Picture, as_picture

ASPECT = 16 / 9
SIZE = 24  # of what is read
SMALL, LARGE = 19, 30
MARGIN = 24
WIDE = 0.6  # a character's width, of its size; those of the fonts that replace Helvetica are wider


class Text(NamedTuple):
    """A text: its words, its size, the theme's name of its colour, and whether it is bold."""

    words: str
    size: float = SIZE
    colour: str = "text"
    bold: bool = False

    @property
    def width(self) -> float:
        """About how wide it is drawn."""
        raised = sum(letter in "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾₀₁₂₃₄₅₆₇₈₉" for letter in self.words)
        return (len(self.words) - 0.35 * raised) * self.size * (WIDE + 0.04 * self.bold)


Row = Sequence[Text]  # of a box: one text in the middle, or several side by side


def size_of(rows: Iterable[Row]) -> tuple[float, float]:
    """The width and height of a box that holds these rows.

    >>> size_of([[Text("x", 20)]])[1]
    44.0
    """
    rows = list(rows)
    return sum(_widths(rows)) + 24, 1.25 * sum(max(text.size for text in row) for row in rows) + 19


def _widths(rows: Sequence[Row]) -> list[float]:
    """How wide the texts that stand side by side are, the first of each row, the second, ..., with room between."""
    several = [row for row in rows if len(row) > 1]
    widths = [max(text.width for text in column) + 16 for column in zip(*several, strict=True)]
    single = max((row[0].width for row in rows if len(row) == 1), default=0)
    lacking = max(single - sum(widths), 0)
    return [width + lacking / len(widths) for width in widths] or [single]


class Place(NamedTuple):
    """A box on a plate: its middle and its size, along and across the forward pass."""

    name: str
    along: float
    across: float
    size_along: float
    size_across: float


class Plate:
    """Boxes, lines and texts by their positions: `along` the forward pass and `across` it, whatever `rankdir` says.

    >>> plate = Plate("a picture")
    >>> plate.box("x", 0, 0, [[Text("x = 3")]], "leaf")
    >>> 'label="x = 3"' in plate.picture().source
    True

    The sheet is the smallest of 16:9 that holds them, with the title above and the legend below, so the sizes of its
    texts are to be read as parts of its width. Raises ValueError for an unknown theme or rankdir.
    """

    def __init__(self, title: str, theme: str = "light", rankdir: str = "LR") -> None:
        known_look(theme, rankdir)
        self.title, self.theme, self.rankdir = title, THEMES[theme], rankdir
        self.legend: list[Text] = []
        self._boxes: dict[str, tuple[float, float, float, float]] = {}  # x, y, width, height
        self._nodes: list[tuple[str, float, float, dict[str, str]]] = []
        self._edges: list[tuple[str, list[tuple[float, float]], dict[str, str]]] = []
        self._extent: list[tuple[float, float]] = []

    @property
    def sideways(self) -> bool:
        """Whether the forward pass goes from one side to the other, not up or down."""
        return self.rankdir in ("LR", "RL")

    def spans(self, size: tuple[float, float]) -> tuple[float, float]:
        """A width and height as lengths along and across the forward pass, or back."""
        return size if self.sideways else (size[1], size[0])

    def _xy(self, along: float, across: float) -> tuple[float, float]:
        if self.rankdir in ("RL", "BT"):
            along = -along
        return (along, across) if self.sideways else (across, along)

    def box(
        self,
        name: str,
        along: float,
        across: float,
        rows: Iterable[Row],
        kind: str,
        tooltip: str = "",
        highlight: bool = False,
        size: tuple[float, float] | None = None,
    ) -> None:
        """A box around its middle; `size` is its width and height, by default what its rows need."""
        rows = list(rows)
        width, height = size or size_of(rows)
        x, y = self._xy(along, across)
        fill, border = self.theme[kind if kind in self.theme else "operation"]
        look = SHAPES[kind] | {"fillcolor": fill, "color": border, "class": kind, "penwidth": "2", "margin": "0"}
        if highlight:
            look |= {"color": self.theme["highlight"], "penwidth": "5", "class": f"{kind} highlight"}
        size_in_inches = {"width": f"{width / 72:.4f}", "height": f"{height / 72:.4f}", "fixedsize": "true"}
        tip = tooltip or "\n".join("  ".join(text.words for text in row) for row in rows)
        self._nodes.append((name, x, y, {"label": ""} | look | size_in_inches | {"tooltip": tip}))
        self._boxes[name] = x, y, width, height
        self._extent += [(x - width / 2 - 5, y - height / 2 - 5), (x + width / 2 + 5, y + height / 2 + 5)]
        heights, columns = [1.25 * max(text.size for text in row) for row in rows], _widths(rows)
        top = y - sum(heights) / 2
        for number, (row, row_height) in enumerate(zip(rows, heights, strict=True)):
            left = x - sum(columns) / 2
            for place, (text, column) in enumerate(zip(row, columns if len(row) > 1 else [sum(columns)], strict=True)):
                self._write(f"{name}_{number}{place}", text, left + column / 2, top + row_height / 2)
                left += column
            top += row_height

    def text(self, name: str, along: float, across: float, lines: Sequence[Text], opaque: bool = True) -> None:
        """Lines of text around a middle; opaque ones hide what they stand on."""
        x, y = self._xy(along, across)
        heights = [1.2 * line.size for line in lines]
        width = max(line.width for line in lines)
        if opaque:
            ground = {"label": "", "shape": "box", "style": "filled", "color": "none", "class": "ground"}
            ground |= {"fillcolor": self.theme["background"], "fixedsize": "true", "tooltip": " "}
            ground |= {"width": f"{(width + 4) / 72:.4f}", "height": f"{0.9 * sum(heights) / 72:.4f}"}
            self._nodes.append((f"{name}_ground", x, y, ground))
        top = y - sum(heights) / 2
        for number, (line, height) in enumerate(zip(lines, heights, strict=True)):
            self._write(f"{name}_{number}", line, x, top + height / 2)
            top += height
        self._extent += [(x - width / 2, y - sum(heights) / 2), (x + width / 2, y + sum(heights) / 2)]

    def _write(self, name: str, text: Text, x: float, y: float) -> None:
        colour = self.theme[text.colour]
        look = {"label": text.words, "shape": "plaintext", "fontsize": f"{text.size:g}", "fontcolor": colour}
        look |= {"fontname": f"{FONT}-Bold"} if text.bold else {}
        look |= {"width": "0", "height": "0", "margin": "0", "class": "text", "tooltip": text.words}
        self._nodes.append((name, x, y, look))

    def at(self, name: str) -> Place:
        """Where a box stands."""
        x, y, width, height = self._boxes[name]
        along, across = (x, y) if self.sideways else (y, x)
        return Place(name, -along if self.rankdir in ("RL", "BT") else along, across, *self.spans((width, height)))

    def line(
        self, tail: str, head: str, tooltip: str = "", width: float = 1.6, highlight: bool = False
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """A straight arrow from one box's side to another's; gives its ends, along and across."""
        one, other = self.at(tail), self.at(head)
        ends = (one.along + one.size_along / 2, one.across), (other.along - other.size_along / 2, other.across)
        self.path(tail, head, ends, tooltip, width, highlight)
        return ends

    def path(
        self,
        tail: str,
        head: str,
        corners: Sequence[tuple[float, float]],
        tooltip: str = "",
        width: float = 1.6,
        highlight: bool = False,
    ) -> None:
        """An arrow through these points, along and across, from box to box."""
        colour = self.theme["highlight" if highlight else "line"]
        look = {"color": colour, "penwidth": f"{width:.2f}", "tooltip": tooltip or f"{tail} → {head}"}
        points = [self._xy(*corner) for corner in corners]
        self._edges.append((f"{tail} -> {head}", points, look | {"class": "highlight" if highlight else "line"}))
        self._extent += points

    def picture(self) -> Picture:
        """The sheet as a picture."""
        bottom = max(y for _, y in self._extent)
        self._write_legend(bottom + 48)
        top, bottom = min(y for _, y in self._extent), max(y for _, y in self._extent)
        left, right = min(x for x, _ in self._extent), max(x for x, _ in self._extent)
        middle = (left + right) / 2
        if self.title:
            title = Text(self.title, SIZE + 2)
            self._write("title", title, middle, top - 40)
            top -= 60
            left, right = min(left, middle - title.width / 2), max(right, middle + title.width / 2)
        width, height = right - left + 2 * MARGIN, bottom - top + 2 * MARGIN
        width, height = max(width, height * ASPECT), max(height, width / ASPECT)
        x_0, y_0 = (left + right - width) / 2, (top + bottom + height) / 2

        def at(x: float, y: float) -> str:
            return f"{x - x_0:.2f},{y_0 - y:.2f}"

        corner = {"label": "", "shape": "point", "style": "invis", "width": "0", "height": "0"}
        nodes = [*self._nodes, ("corner0", x_0, y_0, corner), ("corner1", x_0 + width, y_0 - height, corner)]
        sheet = {"layout": "nop2", "rankdir": self.rankdir, "bgcolor": self.theme["background"], "pad": "0"}
        lines = [attributes(sheet | {"outputorder": "edgesfirst"}, "graph ")]
        lines.append(attributes({"fontname": FONT, "fontcolor": self.theme["text"]}, "node "))
        lines += [f"{name} {attributes({'pos': at(x, y)} | look)}" for name, x, y, look in nodes]
        for ends, points, look in self._edges:
            lines.append(f"{ends} {attributes({'pos': _spline(points, at)} | look)}")
        return as_picture(f'digraph "plate" {{\n{"".join(lines)}}}\n')

    def _write_legend(self, y: float) -> None:
        """What the colours and the places say, in a row."""
        x = (min(x for x, _ in self._extent) + max(x for x, _ in self._extent)) / 2
        x -= sum(text.width + 40 for text in self.legend) / 2
        for number, text in enumerate(self.legend):
            self._write(f"legend_{number}", text, x + 20 + text.width / 2, y)
            self._extent += [(x, y - text.size), (x + text.width + 40, y + text.size)]
            x += text.width + 40


ARROW = 13  # its length


def _spline(points: Sequence[tuple[float, float]], at: Callable[[float, float], str]) -> str:
    """A polygon chain as Graphviz's B-spline, which ends where the arrow begins."""
    *_, (x, y), (x_end, y_end) = points
    length = max(((x_end - x) ** 2 + (y_end - y) ** 2) ** 0.5, ARROW)
    foot = x_end - (x_end - x) * ARROW / length, y_end - (y_end - y) * ARROW / length
    chain = [*points[:-1], foot]
    found = [at(*chain[0])]
    for (x_0, y_0), (x_1, y_1) in pairwise(chain):
        thirds = [(x_0 + (x_1 - x_0) * part, y_0 + (y_1 - y_0) * part) for part in (1 / 3, 2 / 3)]
        found += [at(*point) for point in (*thirds, (x_1, y_1))]
    return f"e,{at(x_end, y_end)} {' '.join(found)}"
