"""The picture of a scene as SVG: rows of boxes from the inputs down to the cost, in order, without a layout program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from autograd.number.show import clip
from compare.lesson.scene import Scene

BOX_HEIGHT, APART, MARGIN = 46, 12, 8
FAN, STEP = (
    64,
    34,
)  # between rows: where edges fan out, with room for their labels above the heads, and where they do not
CHARACTER, NARROWEST = 6.9, 62  # of the font, 12 units high
WIDEST = 1150  # of a row; a longer one goes on in the next line
LONGEST = 14  # characters of a name in a box
SQUARE = ("w", "b", "J")  # the others have round corners


class Box(NamedTuple):
    """A box: the id, the kind and the name of its scalar, what stands in it, and the middle of its upper side."""

    id: str
    kind: str
    name: str
    lines: Sequence[str]
    x: float
    y: float


def picture(scenes: Iterable[Scene], drawn: Iterable[str]) -> str:
    """The SVG of some scalars of one graph, by their ids; several scenes are the same graph in several numbers.

    The classes of a node are its kind and its id, those of an edge k-edge and the two ids with `--` between them, so
    that a page can find them. Each box has three lines: its name, its value, its gradient, and room for the longest.
    """
    first, *others = scenes
    wanted = set(drawn)
    nodes = [node for node in first.drawn if first.names[node].id in wanted]
    data = [scene.as_data() for scene in (first, *others)]
    # in other numbers another z may be the largest, which softmax subtracts, and has other edges
    edges = dict.fromkeys(
        (scene.names[tail].id, scene.names[head].id)
        for scene in (first, *others)
        for tail, head in scene.edges(node for node in scene.drawn if scene.names[node].id in wanted)
    )
    labels = {first.names[node].id: first.names[node].label for node in nodes}
    lines = {
        id: [clip(label, LONGEST), *(max((scene[id][key] for scene in data), key=len) for key in ("value", "gradient"))]
        for id, label in labels.items()
    }
    width = max(NARROWEST, 14 + CHARACTER * max(len(line) for texts in lines.values() for line in texts))
    rows = _rows([first.names[node].id for node in nodes], list(edges), int(WIDEST // (width + APART)))
    places, size = _places(rows, list(edges), width)
    kinds = {first.names[node].id: first.names[node].kind for node in nodes}
    boxes = {id: Box(id, kinds[id], label, lines[id], *places[id]) for id, label in labels.items()}
    return "\n".join(
        [
            f'<svg width="{size[0]:g}" height="{size[1]:g}" viewBox="0 0 {size[0]:g} {size[1]:g}"'
            ' xmlns="http://www.w3.org/2000/svg"><g class="graph">',
            *(_edge(boxes[tail], boxes[head]) for tail, head in edges),
            *(_node(box, width) for box in boxes.values()),
            *(_label(boxes[tail], boxes[head]) for tail, head in edges),  # above all lines
            "</g></svg>",
        ]
    )


def _rows(ids: Sequence[str], edges: Sequence[tuple[str, str]], most: int) -> list[list[str]]:
    """The ids by how far they are from the inputs; a leaf stands just above its first consumer."""
    heads: dict[str, list[str]] = {id: [] for id in ids}
    tails: dict[str, list[str]] = {id: [] for id in ids}
    for tail, head in edges:
        heads[tail].append(head)
        tails[head].append(tail)
    depth: dict[str, int] = {}
    for id in ids:  # in the order in which they were computed
        depth[id] = 1 + max((depth[tail] for tail in tails[id]), default=-1)
    for id in ids:
        if not tails[id] and heads[id]:
            depth[id] = min(depth[head] for head in heads[id]) - 1
    rows: list[list[str]] = []
    groups: dict[tuple[int, str], list[str]] = {}  # an array has rows of its own
    for id in sorted(ids, key=lambda id: (depth[id], _order(id))):
        groups.setdefault((depth[id], _order(id)[0]), []).append(id)
    for row in groups.values():
        each = -(-len(row) // -(-len(row) // most))
        rows += [row[k : k + each] for k in range(0, len(row), each)]
    return rows


def _order(id: str) -> tuple[str, list[int]]:
    """Units of a layer side by side, one observation after the other; the entries of an array in its own order."""
    array, *numbers = id.split("-")
    if not numbers:
        return "", [len(array), *map(ord, array)]
    return f"{array:>9}", [int(number) for number in reversed(numbers) if number.isdigit()]


def _places(
    rows: Sequence[Sequence[str]], edges: Sequence[tuple[str, str]], width: float
) -> tuple[dict[str, tuple[float, float]], tuple[float, float]]:
    """The middle of the upper side of each box, and the size of the picture."""
    whole = max(max(len(row) for row in rows) * (width + APART) - APART + 2 * MARGIN, 300)
    places: dict[str, tuple[float, float]] = {}
    y: float = MARGIN
    for k, row in enumerate(rows):
        if k:
            inside = [(tail, head) for tail, head in edges if tail in rows[k - 1] and head in row]
            straight = len(rows[k - 1]) == len(row) and all(
                rows[k - 1].index(tail) == row.index(head) for tail, head in inside
            )
            y += BOX_HEIGHT + (STEP if straight else FAN)
        start = whole / 2 - (len(row) * (width + APART) - APART) / 2 + width / 2
        places |= {id: (start + j * (width + APART), y) for j, id in enumerate(row)}
    return places, (whole, y + BOX_HEIGHT + MARGIN)


def _edge(tail: Box, head: Box) -> str:
    """An arrow from the lower side of one box to the upper side of the other."""
    x1, y1, x2, y2 = tail.x, tail.y + BOX_HEIGHT, head.x, head.y - 1
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5 or 1
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    points = [(x2, y2), (x2 - 8 * ux - 3 * uy, y2 - 8 * uy + 3 * ux), (x2 - 8 * ux + 3 * uy, y2 - 8 * uy - 3 * ux)]
    arrow = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    line = f"M{x1:.1f},{y1:.1f}L{x2 - 6 * ux:.1f},{y2 - 6 * uy:.1f}"
    return f'<g class="edge k-edge {tail.id}--{head.id}"><path d="{line}"/><polygon points="{arrow}"/></g>'


def _label(tail: Box, head: Box) -> str:
    """Where an edge's numbers are to stand: three lines above the head of a slanted one, one line beside another."""
    if abs(head.x - tail.x) < 1:
        place = f'class="beside" x="{head.x + 8:.1f}" y="{(tail.y + BOX_HEIGHT + head.y) / 2 + 4:.1f}"'
    else:
        place = f'x="{head.x:.1f}" y="{head.y - 38:.1f}" text-anchor="middle"'
    return f'<g class="label {tail.id}--{head.id}"><text {place}></text></g>'


def _node(box: Box, width: float) -> str:
    corner = 0 if box.kind in SQUARE else 9
    letter = {"x": "X", "a": "a", "z": "z", "w": "W", "b": "b"}.get(box.kind, "")
    marks = ["", f' data-sym="{letter}"', f' data-sym="dJd{letter}"'] if letter else [""] * 3
    texts = "".join(
        f'<text{marks[k]} x="{box.x:.1f}" y="{box.y + 14 + 14 * k:.1f}" text-anchor="middle">{escape(line)}</text>'
        for k, line in enumerate(box.lines)
    )
    double = (
        f'<rect class="inner" x="{box.x - width / 2 + 3:.1f}" y="{box.y + 3:.1f}" width="{width - 6:.1f}"'
        f' height="{BOX_HEIGHT - 6}"/>'
        if box.kind == "J"
        else ""
    )
    return (
        f'<g class="node k-{box.kind} {box.id}"><title>{escape(box.name)}</title><rect class="outer"'
        f' x="{box.x - width / 2:.1f}" y="{box.y:.1f}" width="{width:.1f}" height="{BOX_HEIGHT}" rx="{corner}"/>'
        f"{double}{texts}</g>"
    )
