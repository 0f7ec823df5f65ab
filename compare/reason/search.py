"""Why a gradient differs: the edit that reproduces the user's result exactly.

First edits of the array (transposed, a constant factor, another order, another axis), then edits of the chain rule: the
forward pass is recorded with the place in the user's source of every node, the edges are grouped by expression, and the
sweep is run with the local derivatives of a group cut, skipped, negated, ... The edit whose sweep gives the user's
array is the reason, in the user's own words. Screening is in float64; what is said was confirmed in exact numbers.
"""

from __future__ import annotations

import ast
import functools
import itertools
import linecache
import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd import Value, graph
from autograd.graph.value import local_derivatives
from autograd.number.residue import ZeroResidue
from autograd.number.vocabulary import shadows
from autograd.record.places import Place, locating
from compare.subject.arithmetic import Arithmetic, digits, precise, residues, same
from compare.verdict.court import Sides

Array = NDArray[Any]

MOST_EDGES = 2_000_000  # of a graph whose edits are tried
MOST_EDGES_IN_PAIRS = 30_000  # of a graph whose pairs of edits are tried
MOST_REASONS = 3  # named for one gradient
UNSURE = 3  # the rank from which a reason may be an accident
MOST_IN_JACOBIAN = 200  # entries of a step whose derivatives are computed one by one
MOST_CELLS = 4_000_000  # nodes times edits swept at once


class Reason(NamedTuple):
    """One explanation: the sentence, the gradients it explains, and how likely it is (0 comes first)."""

    text: str
    names: tuple[str, ...]
    rank: int


class Recorded(NamedTuple):
    """A forward pass as arrays: its nodes, its edges from operand to consumer, and both sides' gradients.

    `whole` edges lead over a whole step of the user's code, from the operands that enter it to its results; their
    slope is 0 until an edit gives them one.
    """

    nodes: list[Value]
    source: Array  # of each edge, the number of its operand
    target: Array  # and of its consumer
    slope: Array  # and the local derivative
    position: Array  # and which operand it is
    leaves: dict[str, Array]  # the numbers of the nodes of each gradient
    sides: Sides
    levels: tuple[Array, list[tuple[int, int]]] | None = None  # of its edges, kept for many sweeps


class Expression(NamedTuple):
    """A piece of the user's source: where, and its text. A leaf is its name."""

    text: str
    file: str = ""
    line: int = 0
    end_line: int = 0
    column: int = 0
    end_column: int = 0

    @property
    def whole_line(self) -> bool:
        """Whether this is a line of code and not an expression in it."""
        return bool(self.line) and not self.end_line

    def __str__(self) -> str:
        if self.end_line < 0:
            return self.text
        return f"`{self.text}` (line {self.line})" if self.line else self.text


HARNESS = Expression("out * dout")  # what a check makes of a layer's output, to have a scalar


class Step(NamedTuple):
    """A piece of the user's code as one function: the edges that enter it, and its operands and results in pairs."""

    expression: Expression
    edges: Array
    enters: Array
    leaves: Array
    first: int  # the number of its first edge over the whole step

    @property
    def over(self) -> Array:
        """The numbers of its edges over the whole step."""
        return np.arange(self.first, self.first + len(self.enters))


class Edit(NamedTuple):
    """A change of some local derivatives: which edges, what they become, what that means, how likely it is."""

    edges: Array
    change: Callable[[Recorded, Array], Any]
    meaning: str
    rank: int


# Recording


def record(task: Any, arithmetic: Arithmetic | None) -> tuple[Recorded, dict[Value, Place]]:
    """One forward pass with the places of its nodes, and the user's gradients in the same numbers."""
    with locating() as places:
        J, inputs, sides = task.traced(arithmetic)
    nodes = graph(J)
    number = {node: k for k, node in enumerate(nodes)}
    edges = [
        (number[operand], k, slope, position)
        for k, node in enumerate(nodes)
        for position, (operand, slope) in enumerate(zip(node.operands, local_derivatives(node), strict=True))
        if not operand.constant
    ]
    source, target, slope, position = zip(*edges, strict=True) if edges else ((), (), (), ())
    leaves = {
        name: np.array([number.get(x, -1) for x in np.asarray(array, object).flat], int).reshape(np.shape(array))
        for name, array in inputs.items()
    }
    slopes = np.array(slope, float) if arithmetic is None else np.array([*slope, None], object)[:-1]
    found = Recorded(
        nodes, np.array(source, int), np.array(target, int), slopes, np.array(position, int), leaves, sides
    )
    return found, places


def with_whole_steps(recorded: Recorded, steps: list[Step]) -> Recorded:
    """The same with an edge of slope 0 from each operand of a step to its result."""
    sources = [recorded.source, *(step.enters for step in steps)]
    targets = [recorded.target, *(step.leaves for step in steps)]
    added = sum(len(step.enters) for step in steps)
    zeros = np.zeros(added, recorded.slope.dtype)
    if recorded.slope.dtype == object:
        zeros[:] = 0
    return recorded._replace(
        source=np.concatenate(sources),
        target=np.concatenate(targets),
        slope=np.concatenate([recorded.slope, zeros]),
        position=np.concatenate([recorded.position, np.zeros(added, int)]),
    )


def sweep(recorded: Recorded, edits: list[tuple[Array, Any]], roots: Array | None = None) -> Array:
    """The gradients of all nodes, (nodes, edits): each edit replaces the slopes of its edges.

    Edges are taken level by level, so that a node's gradient is complete before it is passed on. `roots` are the nodes
    whose derivatives are taken, one for each edit; J for all if there are none.
    """
    order, blocks = recorded.levels or _levels(recorded)
    source, target, slope = recorded.source[order], recorded.target[order], recorded.slope[order]
    place = np.empty(len(order), int)
    place[order] = np.arange(len(order))
    at = place[np.concatenate([np.array([], int), *(edges for edges, _ in edits)])]
    column = np.repeat(np.arange(len(edits)), [len(edges) for edges, _ in edits])
    news = np.concatenate([slope[:0], *(_as_slopes(slopes, slope.dtype) for _, slopes in edits)])
    by_edge = np.argsort(at, kind="stable")
    at, column, news = at[by_edge], column[by_edge], news[by_edge]
    grads = np.zeros((len(recorded.nodes), len(edits)), slope.dtype)
    grads[len(grads) - 1 if roots is None else roots, np.arange(len(edits))] = 1
    for low, high in blocks:
        products = slope[low:high, None] * grads[target[low:high]]
        first, last = np.searchsorted(at, (low, high))
        if first < last:
            here, k = at[first:last], column[first:last]
            products[here - low, k] = news[first:last] * grads[target[here], k]
        starts = np.flatnonzero(np.diff(source[low:high], prepend=-1))
        grads[source[low:high][starts]] += np.add.reduceat(products, starts)
    return grads


def _as_slopes(slopes: Any, dtype: Any) -> Array:
    """Slopes as an array; numbers of the user's own types stay what they are."""
    if np.dtype(dtype).kind == "f" or isinstance(slopes, np.ndarray):
        return np.asarray(slopes, dtype)
    return np.array([*slopes, None], object)[:-1]


def _levels(recorded: Recorded) -> tuple[Array, list[tuple[int, int]]]:
    """The edges in the order of a sweep, and the bounds of the levels in it."""
    level = np.zeros(len(recorded.nodes), int)
    for source, target in sorted(
        zip(recorded.source.tolist(), recorded.target.tolist(), strict=True), key=lambda e: e[1]
    ):
        level[target] = max(level[target], level[source] + 1)
    levels = -level[recorded.target]
    order = np.lexsort((recorded.source, levels))
    bounds = np.flatnonzero(np.diff(levels[order], prepend=1, append=1)) if len(order) else np.array([0])
    return order, list(itertools.pairwise(bounds.tolist()))


# Places in the user's source


def expression(place: tuple[Any, int]) -> Expression:
    """The expression that an instruction of the user's code computes."""
    code, instruction = place
    line, end_line, column, end_column = list(code.co_positions())[instruction // 2]
    if line is None or end_line is None or column is None or end_column is None:
        return Expression(code.co_name, code.co_filename, line or code.co_firstlineno)
    lines = [text.encode() for text in linecache.getlines(code.co_filename)[line - 1 : end_line]]
    if not lines:
        return Expression(code.co_name, code.co_filename, line, end_line, column, end_column)
    lines[-1] = lines[-1][:end_column]
    lines[0] = lines[0][column:]
    text = " ".join(part.decode(errors="replace").strip() for part in lines)
    return Expression(text, code.co_filename, line, end_line, column, end_column)


class Source:
    """Which expression, line and call of the user's code each node belongs to."""

    def __init__(self, recorded: Recorded, places: dict[Value, Place]) -> None:
        known: dict[Any, Expression] = {}

        def at(place: Any) -> Expression:
            if place not in known:
                known[place] = expression(place)
            return known[place]

        names = {node: name for name, nodes in recorded.leaves.items() for node in nodes.flat}
        self.steps: list[list[Any]] = []  # for each node: its expression, then the calls around it
        for k, node in enumerate(recorded.nodes):
            place = places.get(node, ())
            if node.op is None or not place:
                unplaced = node.label or ("a constant" if node.op is None else HARNESS.text)
                self.steps.append([Expression(names.get(k, unplaced))])
                continue
            frames = [at(frame) for frame in place]
            lines = [Expression(_line(frames[-1]), frames[-1].file, frames[-1].line)]
            code = place[0][0]
            whole = Expression(f"the function {code.co_name}", code.co_filename, code.co_firstlineno, -1)
            self.steps.append([frames[-1], *lines, *reversed(frames[:-1]), whole])
        self._add_blocks()

        self.run = _runs(self.steps)

    def _add_blocks(self) -> None:
        """Two to four lines of code that follow each other are a step as well."""
        where: dict[str, set[int]] = defaultdict(set)
        for step in self.steps:
            if step[0].line:
                where[step[0].file].add(step[0].line)
        for file, found in where.items():
            lines = sorted(found)
            for start, count in itertools.product(range(len(lines)), (2, 3, 4)):
                block = lines[start : start + count]
                if len(block) == count:
                    name = Expression(f"lines {block[0]} to {block[-1]}", file, block[0], -2)
                    for step in self.steps:
                        if step[0].file == file and block[0] <= step[0].line <= block[-1]:
                            step.append(name)

    def of(self, node: int) -> Expression:
        step: Expression = self.steps[node][0]
        return step


def _runs(steps: list[list[Any]]) -> Array:
    """For each node, how often its expression had run before, in a loop say; nodes come in the order of creation."""
    count: dict[Any, int] = defaultdict(int)
    runs = []
    before = None
    for step in steps:
        if step[0] != before:
            count[step[0]] += 1
        before = step[0]
        runs.append(count[step[0]])
    return np.array(runs)


def _line(expression: Expression) -> str:
    line = linecache.getline(expression.file, expression.line)
    return re.sub(r"\s+#[^'\"]*$", "", line).strip() or expression.text  # without its comment


# Edits of the chain rule


def _factor(factor: Any) -> Callable[[Recorded, Array], Any]:
    def change(recorded: Recorded, edges: Array) -> Any:
        slopes = recorded.slope[edges]
        return slopes * (factor if slopes.dtype == object else float(factor))

    return change


def _ones(recorded: Recorded, edges: Array) -> Any:
    return np.ones(len(edges), int)


def _zeros(recorded: Recorded, edges: Array) -> Any:
    return np.zeros(len(edges), int)


def _squares(recorded: Recorded, edges: Array) -> Any:
    slopes = recorded.slope[edges]
    return slopes * slopes


def _at_the_output(recorded: Recorded, edges: Array) -> Any:
    """The slope of a function of one operand, taken at its own result: f'(f(x))."""
    nodes = [recorded.nodes[k] for k in recorded.target[edges]]
    return [node.op.partials(node.op.value(node.data), node.data)[0] for node in nodes if node.op]


def _with_the_input(recorded: Recorded, edges: Array) -> Any:
    """A slope that is written with the result of the function (1 - a**2), computed with its operand (1 - z**2)."""
    nodes = [recorded.nodes[k] for k in recorded.target[edges]]
    return [node.op.partials(node.operands[0].data, node.operands[0].data)[0] for node in nodes if node.op]


def _transposed(recorded: Recorded, edges: Array) -> Any:
    """In products with a square matrix that is recorded, the entry across the diagonal."""
    mirror: dict[int, int] = {}
    for array in recorded.leaves.values():
        if array.ndim == 2 and array.shape[0] == array.shape[1]:
            mirror |= dict(zip(array.flat, array.T.flat, strict=True))
    number = {node: k for k, node in enumerate(recorded.nodes)}
    found = []
    for edge in edges:
        node, position = recorded.nodes[recorded.target[edge]], int(recorded.position[edge])
        n = len(node.operands) // 2
        partner = number.get(node.operands[(position + n) % (2 * n)], -1) if n else -1
        found.append(recorded.nodes[mirror[partner]].data if partner in mirror else recorded.slope[edge])
    return found


# slopes that people write for a function y = f(x), right for another one
_SLOPES: list[tuple[str, Callable[[Any, Any], Any]]] = [
    ("y", lambda x, y: y),
    ("1 - y", lambda x, y: 1 - y),
    ("y * (1 - y)", lambda x, y: y * (1 - y)),
    ("1 - y**2", lambda x, y: 1 - y * y),
    ("y**2", lambda x, y: y * y),
    ("x", lambda x, y: x),
    ("1 - x**2", lambda x, y: 1 - x * x),
    ("x * (1 - x)", lambda x, y: x * (1 - x)),
    ("2 * x", lambda x, y: 2 * x),
    ("1 / x", lambda x, y: 1 / x),
    ("1 / y", lambda x, y: 1 / y),
    ("-1 / x", lambda x, y: -1 / x),
    ("-1 / x**2", lambda x, y: -1 / (x * x)),
    ("1 / (2 * x)", lambda x, y: 1 / (2 * x)),
    ("1 if x > 0 else 0", lambda x, y: 1 if x > 0 else 0),
    ("1 if y > 0 else 0", lambda x, y: 1 if y > 0 else 0),
    ("1 if x < 0 else 0", lambda x, y: 1 if x < 0 else 0),
]


def _slope_as(slope: Callable[[Any, Any], Any], over: Step | None = None) -> Callable[[Recorded, Array], Any]:
    def change(recorded: Recorded, edges: Array) -> Any:
        found = []
        for source, target in zip(recorded.source[edges], recorded.target[edges], strict=True):
            try:
                found.append(slope(recorded.nodes[source].data, recorded.nodes[target].data))
            except ZeroDivisionError:
                found.append(0)
        return found

    return change


def steps_of(recorded: Recorded, source: Source, into: dict[Expression, list[int]]) -> list[Step]:
    """The pieces of code that take an array of one expression to an array of as many results."""
    found: list[Step] = []
    used: dict[Expression, dict[int, None]] = defaultdict(dict)
    for a, b in zip(recorded.source.tolist(), recorded.target.tolist(), strict=True):
        outside = source.steps[b]
        for step in source.steps[a]:
            if step.line and step not in outside:
                used[step][a] = None
    first = len(recorded.source)
    seen = set()
    for expression, members in into.items():
        origins: dict[Expression, dict[int, None]] = defaultdict(dict)
        for a in recorded.source[members].tolist():
            origins[source.of(a)][a] = None
        results = sorted(used.get(expression, ()))
        for nodes in origins.values():
            enters = sorted(nodes)
            key = (tuple(enters), tuple(results))
            if len(enters) != len(results) or key in seen or set(enters) & set(results):
                continue
            seen.add(key)
            edges = np.array([e for e in members if int(recorded.source[e]) in nodes])
            found.append(Step(expression, edges, np.array(enters), np.array(results), first))
            first += len(enters)
    return found


def edits(recorded: Recorded, source: Source, known: list[Known]) -> tuple[Recorded, list[Edit]]:
    """Every edit of a group of edges; the recording has the edges over whole steps that some of them use."""
    pairs: dict[tuple[Expression, Expression], list[int]] = defaultdict(list)
    into: dict[Expression, list[int]] = defaultdict(list)
    for edge, (a, b) in enumerate(zip(recorded.source.tolist(), recorded.target.tolist(), strict=True)):
        pairs[source.of(a), source.of(b)].append(edge)
        inside = source.steps[a]
        for step in source.steps[b]:
            if step not in inside:
                into[step].append(edge)
    steps = steps_of(recorded, source, into)
    recorded = with_whole_steps(recorded, steps)
    recorded = recorded._replace(levels=_levels(recorded))
    found: dict[tuple[Any, ...], Edit] = {}

    def add(kind: Any, edges: Array, change: Any, meaning: str, rank: int) -> None:
        found.setdefault((kind, *edges.tolist()), Edit(edges, change, meaning, rank))

    lines = [step for step in into if step.whole_line]
    for step in [*lines, *(step for step in into if not step.whole_line and step.end_line >= 0)]:
        add("cut", np.array(into[step]), _zeros, f"{step} is taken as a constant", 1)
    for (A, B), members in pairs.items():
        edges = np.array(members)
        functions = [recorded.nodes[k].op for k in recorded.target[edges]]
        if A != B:
            add("cut", edges, _zeros, f"the use of {_short(A)} in {B} is forgotten", 1)
            _sides_edits(recorded, edges, A, B, add)
            _partial_edits(recorded, edges, A, B, add)
            _runs_edits(source, recorded, edges, A, B, add)
        constant = _constant_factor(recorded, edges, known)
        if B == HARNESS:
            constant = "the upstream gradient dout is left out"
        derivative = f"the derivative of {B}" + (f" by {_short(A)}" if A != B and _several(recorded, edges) else "")
        slopes = recorded.slope[edges]
        if (slopes == -1).all():
            add("skip", edges, _ones, f"{derivative} has the wrong sign", 2)
        add("skip", edges, _ones, constant.format(B) if constant else f"{derivative} is left out", 2)
        natural = _natural_factor(recorded, edges)
        if natural and natural != 1:
            says = f"the factor {natural} of {derivative} is forgotten"
            add("has the wrong sign" if natural == -1 else natural, edges, _factor(1 / natural), says, 2)
        if all(op is not None and op.arity == 1 for op in functions):
            add("output", edges, _at_the_output, f"{derivative} is taken at the result instead of the operand", 2)
            says = f"{derivative}, written with its result, is computed with its operand instead"
            add("input", edges, _with_the_input, says, 2)
            for text, slope in _SLOPES:
                add(text, edges, _slope_as(slope), f"{derivative}, y = f(x), is taken as {text}", 4)
        if any(op is not None and op.name in ("dot", "multiply") for op in functions):
            add("transposed", edges, _transposed, f"the matrix in {B} is transposed on the way back to {_short(A)}", 2)
        _factors(edges, derivative, add)
    for step, members in into.items():
        if step.end_line < 0:
            continue
        _factors(np.array(members), f"the derivative of {step}", add)
    for whole in steps:
        _whole_edits(recorded, whole, add)
    return recorded, list(found.values())


def _factors(edges: Array, derivative: str, add: Any) -> None:
    for factor, says in ((-1, "has the wrong sign"), (2, "is doubled"), (0.5, "is halved: a factor 2 is missing")):
        add(says, edges, _factor(factor), f"{derivative} {says}", 3)
    add("square", edges, _squares, f"{derivative} is applied twice", 3)


def _whole_edits(recorded: Recorded, step: Step, add: Any) -> None:
    """A step taken as one function of each entry: its slope left out, or written as that of another function."""
    edges = np.concatenate([step.edges, step.over])
    n = len(step.edges)

    def over(slope: Callable[[Recorded, Array], Any]) -> Callable[[Recorded, Array], Any]:
        return lambda recorded, edges: [*_zeros(recorded, edges[:n]), *slope(recorded, edges[n:])]

    if len(step.over) <= MOST_IN_JACOBIAN:
        says = (
            f"of the derivative of {step.expression} only the diagonal is kept, the sum over the other entries left out"
        )
        add("whole diagonal", edges, over(_diagonal(step, 1)), says, 2)
        says = f"the derivative of {step.expression} is applied twice"
        add("whole twice", edges, over(_diagonal(step, 2)), says, 3)
    says = "has the wrong sign" if (recorded.slope[step.edges] == -1).all() else "is left out"
    add("whole skip", edges, over(_ones), f"the derivative of {step.expression} {says}", 2)
    for text, slope in _SLOPES:
        meaning = f"the derivative of {step.expression}, y = f(x), is taken as {text}"
        add(f"whole {text}", edges, over(_slope_as(slope)), meaning, 4)


def _diagonal(step: Step, power: int) -> Callable[[Recorded, Array], Any]:
    """d result / d operand, entry by entry, to a power."""

    def change(recorded: Recorded, edges: Array) -> Any:
        nothing: list[tuple[Array, Any]] = [(np.array([], int), [])] * len(step.leaves)
        grads = sweep(recorded, nothing, roots=step.leaves)
        return [slope**power for slope in grads[step.enters, np.arange(len(step.enters))]]

    return change


def _constant_factor(recorded: Recorded, edges: Array, known: list[Known]) -> str:
    """For a product with, or a division by, one constant: what leaving it out means, to be formatted with the step."""
    target, position = recorded.nodes[recorded.target[edges[0]]], int(recorded.position[edges[0]])
    if target.op is None or target.op.name not in ("multiply", "divide") or not target.operands[1 - position].constant:
        return ""
    others = {recorded.nodes[k].operands[1 - position] for k in recorded.target[edges] if position < 2}
    if len({float(shadows(x)) for x in others}) > 1 or (target.op.name == "divide" and position == 1):
        return ""
    number = float(shadows(target.operands[1 - position]))
    names = [x.name for x in known if abs(x.value - number) < 1e-12] or [f"{number:.6g}"]
    if target.op.name == "divide":
        return f"the division by {names[0]} in {{}} is left out: a factor 1/{number:.6g} is missing"
    inverse = [x.name for x in known if x.value and abs(1 / x.value - number) < 1e-12]
    what = f"1/{1 / number:.6g}, with {inverse[0]}," if inverse else names[0]
    return f"the factor {what} in {{}} is left out"


def _natural_factor(recorded: Recorded, edges: Array) -> Fraction | None:
    """The constant in the derivative of a power: n of x**n, 2 of a square, 1/2 of a square root."""
    node = recorded.nodes[recorded.target[edges[0]]]
    match node.op.name if node.op else "":
        case "square":
            return Fraction(2)
        case "multiply" if node.operands[0] is node.operands[1]:
            return Fraction(2)
        case "sqrt":
            return Fraction(1, 2)
        case "power_n":
            return Fraction(float(shadows(node.operands[1]))).limit_denominator(1000)
    return None


def _several(recorded: Recorded, edges: Array) -> bool:
    """Whether the consumers of these edges have other operands as well."""
    return len(recorded.nodes[recorded.target[edges[0]]].operands) > 1


def _short(A: Expression) -> str:
    return f"`{A.text}`" if A.line else A.text


def _sides_edits(recorded: Recorded, edges: Array, A: Expression, B: Expression, add: Any) -> None:
    """Cuts of one side of a step with two operands that uses A on both, as x - np.max(x) does."""
    try:
        step = ast.parse(B.text, mode="eval").body
    except SyntaxError:
        return
    twice = isinstance(step, ast.BinOp) and ast.dump(step.left) == ast.dump(step.right)  # x * x
    if (
        isinstance(step, ast.BinOp)
        and not twice
        and {len(recorded.nodes[k].operands) for k in recorded.target[edges]} == {2}
    ):
        for position, operand in enumerate((step.left, step.right)):
            side = edges[recorded.position[edges] == position]
            if 0 < len(side) < len(edges):
                says = f"the use of {_short(A)} in {B} as `{ast.unparse(operand)}` is forgotten"
                add("cut", side, _zeros, says, 1)


def _partial_edits(recorded: Recorded, edges: Array, A: Expression, B: Expression, add: Any) -> None:
    """Edits that keep some edges of a group: the diagonal, the last use, the first."""
    rows, columns = (np.unique(x, return_inverse=True) for x in (recorded.source[edges], recorded.target[edges]))
    off_diagonal = edges[rows[1] != columns[1]]
    if len(rows[0]) == len(columns[0]) > 1 and 0 < len(off_diagonal) < len(edges):
        says = f"of the derivative of {B} by {_short(A)} only the diagonal is kept, the sum over the others left out"
        add("diagonal", off_diagonal, _zeros, says, 2)
    if np.bincount(rows[1]).max() > 1:
        number = np.arange(len(edges))
        last, first = np.zeros(len(rows[0]), int), np.full(len(rows[0]), len(edges))
        np.maximum.at(last, rows[1], number)
        np.minimum.at(first, rows[1], number)
        for word, keep, rank in (("last", last, 3), ("first", first, 3)):
            says = (
                f"of the repeated uses of {_short(A)} in {B} only the {word} counts: the others are overwritten, not"
                " accumulated (use += or np.add.at)"
            )
            add(word, edges[np.setdiff1d(number, keep)], _zeros, says, rank)


def _runs_edits(source: Source, recorded: Recorded, edges: Array, A: Expression, B: Expression, add: Any) -> None:
    """Edits that keep one run of an expression that runs more than once."""
    run = source.run[recorded.target[edges]]
    for word, kept, rank in (("last", run.max(), 2), ("first", run.min(), 2)):
        lost = edges[run != kept]
        if 0 < len(lost) < len(edges):
            says = (
                f"of the {len(np.unique(run))} times that {B} uses {_short(A)} only the {word} counts: the other steps"
                " are left out, overwritten or not accumulated (+=)"
            )
            add(f"run {word}", lost, _zeros, says, rank)


def factor_edits(recorded: Recorded, source: Source, known: list[Known]) -> list[Edit]:
    """A known number, or an array of the user's, too often or forgotten as a factor of a derivative."""
    pairs: dict[tuple[Expression, Expression], list[int]] = defaultdict(list)
    arrays: dict[Expression, list[int]] = defaultdict(list)
    for edge, (a, b) in enumerate(zip(recorded.source.tolist(), recorded.target.tolist(), strict=True)):
        pairs[source.of(a), source.of(b)].append(edge)
    for node in range(len(recorded.nodes)):
        arrays[source.of(node)].append(node)
    by_size: dict[int, list[tuple[Expression, Array]]] = defaultdict(list)
    for expression, numbers in arrays.items():
        by_size[len(numbers)].append((expression, np.array(numbers)))
    found = []
    for (A, B), members in pairs.items():
        edges = np.array(members)
        derivative = f"the derivative of {B}" + (f" by {_short(A)}" if A != B and _several(recorded, edges) else "")
        for value, name in [*((x.value, x.name) for x in known), (3.0, "3")]:
            exactly = Fraction(value)
            found.append(Edit(edges, _factor(exactly), f"{derivative} has a factor {name} too much", 4))
            found.append(Edit(edges, _factor(1 / exactly), f"in {derivative} a factor {name} is missing", 4))
        for end in (recorded.source[edges], recorded.target[edges]):
            nodes, rank = np.unique(end, return_inverse=True)
            for V, others in by_size[len(nodes)][:12] if len(nodes) > 1 else ():
                at = others[rank]
                found.append(Edit(edges, _times(at, 1), f"{derivative} is multiplied by {V} once too often", 5))
                found.append(Edit(edges, _times(at, -1), f"in {derivative} the factor {V} is missing", 5))
    return found


def partner_edits(recorded: Recorded, source: Source) -> list[Edit]:
    """In products: another array of the user's, or the same one turned round, in place of the other factor."""
    pairs: dict[tuple[Expression, Expression], list[int]] = defaultdict(list)
    arrays: dict[Expression, list[int]] = defaultdict(list)
    number = {node: k for k, node in enumerate(recorded.nodes)}
    for edge, (a, b) in enumerate(zip(recorded.source.tolist(), recorded.target.tolist(), strict=True)):
        op = recorded.nodes[b].op
        if op is not None and op.name in ("dot", "multiply") and recorded.slope[edge] is not None:
            pairs[source.of(a), source.of(b)].append(edge)
    for node in range(len(recorded.nodes)):
        arrays[source.of(node)].append(node)
    found = []
    for (A, B), members in pairs.items():
        edges, partners = [], []
        for edge in members:
            node, position = recorded.nodes[recorded.target[edge]], int(recorded.position[edge])
            half = len(node.operands) // 2
            partner = node.operands[(position + half) % (2 * half)]
            if not partner.constant:
                edges.append(edge)
                partners.append(number[partner])
        if not edges:
            continue
        others, rank = np.unique(partners, return_inverse=True)
        name = source.of(int(others[0]))
        for V, nodes in arrays.items():
            if len(nodes) == len(others) > 1 and name != V:
                says = f"on the way back through {B} to {_short(A)}, {V} is used in place of {name}"
                found.append(Edit(np.array(edges), _values(np.array(nodes)[rank]), says, 4))
        for array in recorded.leaves.values():
            if array.ndim >= 2 and set(array.flat) >= set(others.tolist()):
                for axes in ((-1,), (-2,), (-2, -1)):
                    turned = dict(zip(array.flat, np.flip(array, axes).flat, strict=True))
                    at = np.array([turned[k] for k in partners])
                    says = f"on the way back through {B} to {_short(A)}, {name} is turned round (flipped)"
                    found.append(Edit(np.array(edges), _values(at), says, 4))
    return found


def _values(at: Array) -> Callable[[Recorded, Array], Any]:
    return lambda recorded, edges: [recorded.nodes[k].data for k in at]


def _times(at: Array, power: int) -> Callable[[Recorded, Array], Any]:
    def change(recorded: Recorded, edges: Array) -> Any:
        factors = [recorded.nodes[k].data for k in at]
        slopes = recorded.slope[edges]
        if power < 0:
            return [slope / x if x else slope for slope, x in zip(slopes, factors, strict=True)]
        return [slope * x for slope, x in zip(slopes, factors, strict=True)]

    return change


# Edits of the array


def close(x: Any, y: Any) -> bool:
    """Whether two arrays of floats agree to more digits than chance gives."""
    if np.shape(x) != np.shape(y):
        return False
    x, y = np.asarray(x, float), np.asarray(y, float)
    size = max(float(np.max(np.abs(y), initial=0)), float(np.max(np.abs(x), initial=0)))
    return bool(np.all(np.abs(x - y) <= 1e-8 * size)) if np.isfinite(size) else False


class Known(NamedTuple):
    """Numbers that a factor may be: their value and what they are."""

    value: float
    name: str


def array_reasons(
    name: str, ours: Array, true: Array, others: dict[str, Array], known: list[Known]
) -> Iterator[tuple[str, Callable[[Array], Any] | None, int]]:
    """(what the user's array is, the same edit of the true one, rank) for every edit of the array that gives it."""

    def attempt(
        text: str, edit: Callable[[Array], Any], rank: int = 0
    ) -> Iterator[tuple[str, Callable[[Array], Any] | None, int]]:
        try:
            result = edit(true)
        except (ValueError, IndexError):
            return
        if close(ours, shadows(result)):
            yield text, edit, rank

    for axes in itertools.permutations(range(true.ndim)):
        if axes != tuple(range(true.ndim)):
            says = "transposed" if true.ndim == 2 else f"with its axes in the order {axes}"
            yield from attempt(f"exactly the gradient {says}", functools.partial(np.transpose, axes=axes))
    if ours.shape != true.shape and ours.size == true.size:
        yield from attempt(
            f"right, but has shape {ours.shape} where {name} has {true.shape}", lambda x: np.reshape(x, ours.shape)
        )
    for axes in _subsets(ours.ndim):
        if ours.shape != true.shape and ours.ndim and axes:
            sizes = " and ".join(f"axis {axis} ({ours.shape[axis]} entries)" for axis in axes)
            for word, reduce in (("summed", np.sum), ("averaged", np.mean)):
                if close(reduce(ours, axis=axes).reshape(-1), true.reshape(-1)):
                    says = f"of shape {ours.shape}, not {word} over {sizes}: the sum over its uses is missing"
                    yield f"the gradient before it is reduced, {says}", None, 0
    yield from _shifts(name, ours, true)
    if ours.shape == true.shape and ours.size:
        yield from _ratios(name, ours, true, known, attempt)
        for axis in range(true.ndim):
            yield from _orders(ours, true, axis, attempt)
    for other, array in others.items():
        if other != name and close(ours, array):
            yield f"exactly the gradient of {other}", functools.partial(_instead, array), 0


def _shifts(name: str, ours: Array, true: Array) -> Iterator[tuple[str, Callable[[Array], Any] | None, int]]:
    """The gradient inside of a larger array, or moved along its last axes; compared in floats where both reach."""
    n = true.ndim
    axes = range(max(0, n - 2), n)
    if ours.ndim != n or not n or ours.size > 100_000:
        return
    if ours.shape != true.shape and all(x >= y for x, y in zip(ours.shape, true.shape, strict=True)):
        starts = [x - y if axis in axes else 0 for axis, (x, y) in enumerate(zip(ours.shape, true.shape, strict=True))]
        for start in itertools.product(*(range(k + 1) for k in starts)):
            inside = tuple(slice(a, a + k) for a, k in zip(start, true.shape, strict=True))
            if close(ours[inside], true):
                cut = ", ".join(
                    ":" if x == y else f"{a}:{a + y}" for a, x, y in zip(start, ours.shape, true.shape, strict=True)
                )
                yield f"right where it is cut to [{cut}]: the padding is not cropped", None, 0
                return
    elif ours.shape == true.shape:
        for move in itertools.product(*(range(-3, 4) if axis in axes else (0,) for axis in range(n))):
            mine = tuple(slice(max(0, k), size + min(0, k)) for k, size in zip(move, true.shape, strict=True))
            theirs = tuple(slice(max(0, -k), size + min(0, -k)) for k, size in zip(move, true.shape, strict=True))
            part = true[theirs]
            if any(move) and 2 * part.size >= true.size and np.ptp(part) and close(ours[mine], part):
                yield f"the gradient moved by {move} along its axes: a wrong offset, of a padding say", None, 1
                return


def extra_term(ours: Array, true: Array, arrays: dict[str, Array], known: list[Known]) -> str:
    """What the user's array has too much or too little, if it is a multiple of one of these arrays."""
    if ours.shape != true.shape or ours.size < 2:
        return ""
    for name, array in arrays.items():
        if array.shape == true.shape and array.any():
            place = np.unravel_index(np.argmax(np.abs(array)), array.shape)
            factor = float((ours - true)[place] / array[place])
            simple = Fraction(factor).limit_denominator(1000)
            if simple and abs(float(simple) - factor) < 1e-9 * abs(factor) and close(ours - true, factor * array):
                size = abs(float(simple))
                number = next((x.name for x in known if abs(x.value - size) < 1e-12), f"{size:g}")
                if factor < 0:
                    return f"the gradient without a term {number} times {name}: it is missing"
                return f"the gradient plus {number} times {name}: a term too much"
    return ""


def _instead(other: Any, array: Any) -> Any:
    return other


def _over(divisor: Any, array: Any) -> Any:
    return array / divisor


def _subsets(n: int) -> list[tuple[int, ...]]:
    return [axes for k in range(n + 1) for axes in itertools.combinations(range(n), k)]


def _ratios(name: str, ours: Array, true: Array, known: list[Known], attempt: Any) -> Iterator[Any]:
    largest = np.unravel_index(np.argmax(np.abs(true)), true.shape)
    if not true[largest] or not ours[largest]:
        if not ours.any():
            yield "zero", (lambda x: x * 0), 0
        return
    ratio = float(ours[largest] / true[largest])
    if close(ours, ratio * true) and abs(ratio - 1) > 1e-7:
        yield from _named_ratio(ratio, known, attempt)


def _named_ratio(ratio: float, known: list[Known], attempt: Any) -> Iterator[Any]:
    found = False
    if abs(ratio + 1) < 1e-9:
        yield from attempt("exactly the gradient with the wrong sign", lambda x: -x)
        return
    for value, says in known:
        short, exactly = f"{value:g}", Fraction(value) if value == int(value) else value
        if value and abs(ratio - value) < 1e-9 * abs(ratio):
            found = True
            text = f"exactly {short} times the gradient, with {says}; is 1/{short} missing, or a sum for a mean?"
            yield from attempt(text, functools.partial(operator.mul, exactly))
        if value and abs(ratio * value - 1) < 1e-9:
            found = True
            hint = f"is 1/{short} taken twice, or a mean where the sum is due?"
            text = f"exactly 1/{short} of the gradient, with {says}; {hint}"
            yield from attempt(text, functools.partial(_over, exactly))
    simple = Fraction(ratio).limit_denominator(1000)
    if not found and abs(float(simple) - ratio) < 1e-9 * abs(ratio):
        hint = ""
        if simple == Fraction(1, 2):
            hint = "; is the factor 2 of a square missing?"
        elif simple.denominator == 1:
            hint = f"; is a factor 1/{simple} missing, or one taken twice?"
        elif simple.numerator == 1:
            hint = f"; is a factor {1 / simple} missing, or 1/{1 / simple} taken twice?"
        yield from attempt(f"exactly {simple} times the gradient{hint}", lambda x: x * simple, 1)


def _orders(ours: Array, true: Array, axis: int, attempt: Any) -> Iterator[Any]:
    """The slices along an axis in another order; or only some of them wrong."""
    mine, theirs = np.moveaxis(ours, axis, 0), np.moveaxis(true, axis, 0)
    n = len(mine)
    if n < 2 or n > 2000:
        return
    order = []
    for row in mine:
        matches = [k for k in range(n) if close(row, theirs[k])]
        if not matches:
            break
        order.append(matches[0])
    what = (
        "rows"
        if axis == 0 and true.ndim == 2
        else "columns"
        if axis == 1 and true.ndim == 2
        else f"slices along axis {axis}"
    )
    if len(order) == n and len(set(order)) == n and order != list(range(n)):
        shown = str(order) if n <= 12 else f"{str(order[:12])[:-1]}, ...]"
        yield from attempt(
            f"exactly the gradient with its {what} in another order: {shown}",
            lambda x: np.take(x, order, axis=axis),
        )


def only_some(ours: Array, true: Array) -> str:
    """A remark where only some slices of an array are wrong."""
    if ours.shape != true.shape or ours.ndim == 0:
        return ""
    size = float(np.max(np.abs(true), initial=0)) or 1.0
    wrong = np.abs(np.asarray(ours, float) - true) > 1e-9 * size
    for axis in range(true.ndim):
        lines = np.flatnonzero(wrong.any(axis=tuple(k for k in range(true.ndim) if k != axis)))
        if 0 < len(lines) <= max(1, true.shape[axis] // 2) and true.shape[axis] > 1:
            noun = (
                {0: "row", 1: "column"}.get(axis, f"slice along axis {axis}")
                if true.ndim == 2
                else "entry"
                if true.ndim == 1
                else f"slice along axis {axis}"
            )
            many = {"row": "rows", "column": "columns", "entry": "entries"}.get(noun, noun.replace("slice", "slices"))
            places = ", ".join(map(str, lines[:6]))
            return f"only {noun} {places} is wrong" if len(lines) == 1 else f"only {many} {places} are wrong"
    return ""


# The search


class Diagnosis:
    """The reasons for the gradients of a task that differ."""

    def __init__(self, task: Any, wrong: list[str], floats: Sides, known: list[Known], seed: int = 0) -> None:
        self.task, self.wrong, self.floats, self.known, self.seed = task, wrong, floats, known, seed
        self.ours = {name: np.asarray(floats.ours[name], float) for name in wrong if _usable(floats.ours.get(name))}
        self._arithmetics = residues(np.random.default_rng(seed)), precise(200)
        self._exact: dict[str, Recorded | None] = {}
        self.explaining: dict[str, set[str]] = {}  # what single edits explain, by their meaning

    def reasons(self) -> dict[str, list[Reason]]:
        """For each gradient that differs, the confirmed reasons, the likeliest first."""
        found: dict[str, list[Reason]] = {name: [] for name in self.wrong}
        for name, ours in self.ours.items():
            true = np.asarray(self.floats.chain[name], float)
            for says, edit, rank in array_reasons(name, ours, true, self.floats.chain, self.known):
                if edit is None or self._confirmed(name, edit):
                    found[name].append(Reason(f"Your {_d(name)} is {says}", (name,), rank))
        if self.ours:
            self._by_edits(found)
        for name in found:
            found[name] = _best(found[name])
        return found

    def _by_edits(self, found: dict[str, list[Reason]]) -> None:
        self.recorded, places = record(self.task, None)
        if not 0 < len(self.recorded.source) <= MOST_EDGES:
            return
        self.source = Source(self.recorded, places)
        self.steps = len(self.recorded.source)
        self.recorded, candidates = edits(self.recorded, self.source, self.known)
        self._by_uses(found)
        self._search([(edit,) for edit in candidates], found)
        if not any(self._unsure(found, name) for name in self.ours):
            return
        free = self._free(candidates)
        if free:
            self._search([(edit, *free) for edit in candidates if not _touch(edit, free)], found, free)
        if len(self.recorded.source) <= MOST_EDGES_IN_PAIRS:
            self._search([(edit,) for edit in partner_edits(self.recorded, self.source)], found)
            self._search([(edit,) for edit in factor_edits(self.recorded, self.source, self.known)], found)
            simple = [edit for edit in candidates if edit.change in (_zeros, _ones)][:60]
            self._search([(a, b) for a, b in itertools.combinations(simple, 2) if not _touch(a, (b,))], found)
        for name, ours in self.ours.items():
            true = np.asarray(self.floats.chain[name], float)
            if not found[name] and (says := extra_term(ours, true, self.task.arrays, self.known)):
                found[name].append(Reason(f"Your {_d(name)} is {says}", (name,), 1))

    def _unsure(self, found: dict[str, list[Reason]], name: str) -> bool:
        return all(reason.rank >= UNSURE for reason in found[name])

    def _search(
        self, candidates: list[tuple[Edit, ...]], found: dict[str, list[Reason]], free: tuple[Edit, ...] = ()
    ) -> None:
        """Try edits on the gradients that have no sure reason yet."""
        missing = {name for name in self.ours if self._unsure(found, name)}
        if missing and candidates:
            self._add(self._screen(candidates, missing), found, free)

    def _free(self, candidates: list[Edit]) -> tuple[Edit, ...]:
        """Paths whose contributions cancel, as that of the maximum in a stable softmax: rightly left out."""
        cuts = [edit for edit in candidates if edit.change is _zeros and self.recorded.slope[edit.edges].any()]
        true = {name: np.asarray(x, float) for name, x in self.floats.chain.items() if name in self.recorded.leaves}
        free: list[Edit] = []
        for edit, names in self._screen([(edit,) for edit in cuts], set(true), true):
            if len(names) == len(true) and not _touch(edit[0], tuple(free)):
                free.append(edit[0])
        return tuple(free)

    def _by_uses(self, found: dict[str, list[Reason]]) -> None:
        """A sum along the wrong axis: over the entries of an array instead of over the uses of each."""
        grads = sweep(self.recorded, [(np.array([], int), [])])[:, 0]
        for name, ours in self.ours.items():
            nodes = self.recorded.leaves[name].reshape(-1)
            uses = (
                [np.flatnonzero(self.recorded.source[: self.steps] == node) for node in nodes]
                if len(nodes) < 500
                else []
            )
            if found[name] or len({len(edges) for edges in uses}) != 1 or len(uses[0]) < 2:
                continue
            terms = np.array([self.recorded.slope[e] * grads[self.recorded.target[e]] for e in uses])  # (entries, uses)
            for word, reduced in (("summed", terms.sum(axis=0)), ("averaged", terms.mean(axis=0))):
                mine = ours.reshape(-1)
                if mine.shape != reduced.shape or not mine.any() or not reduced.any():
                    continue
                largest = int(np.argmax(np.abs(reduced)))
                if close(mine, reduced * (mine[largest] / reduced[largest])):
                    text = (
                        f"Your {_d(name)}, of shape {ours.shape}, is {word} along the wrong axis: over the {len(uses)}"
                        f" entries of {name} instead of over the {terms.shape[1]} uses of each"
                    )
                    found[name].append(Reason(text, (name,), 0))

    def _screen(
        self, candidates: list[tuple[Edit, ...]], wanted: set[str], arrays: dict[str, Array] | None = None
    ) -> list[tuple[tuple[Edit, ...], list[str]]]:
        """The edits whose sweep gives the user's arrays (or these) in float64, and which of them."""
        explained = []
        arrays = {name: x for name, x in (arrays or self.ours).items() if name in wanted}
        batch = max(1, min(256, MOST_CELLS // max(1, len(self.recorded.nodes))))
        with np.errstate(all="ignore"):
            for start in range(0, len(candidates), batch):
                group = candidates[start : start + batch]
                grads = sweep(self.recorded, [self._changed(edit) for edit in group])
                for k, edit in enumerate(group):
                    names = [
                        name
                        for name, ours in arrays.items()
                        if close(ours, _pick(grads[:, k], self.recorded.leaves[name]))
                    ]
                    if names:
                        explained.append((edit, names))
        return explained

    def _add(
        self,
        explained: list[tuple[tuple[Edit, ...], list[str]]],
        found: dict[str, list[Reason]],
        free: tuple[Edit, ...] = (),
    ) -> None:
        explained.sort(key=lambda pair: (-len(pair[1]), sum(edit.rank for edit in pair[0])))
        tried = 0
        for edit, names in explained:
            own = edit[: len(edit) - len(free)]
            if len(own) > 1 and any(self.explaining.get(one.meaning, set()).issuperset(names) for one in own):
                continue  # one of the two does it alone
            if all(len(found[name]) >= 6 for name in names) or tried >= 40:
                continue
            tried += 1
            if not self._edit_confirmed(edit, names):
                continue
            edit = own
            if len(edit) == 1:
                self.explaining.setdefault(edit[0].meaning, set()).update(names)
            meaning = " and ".join(e.meaning for e in edit)
            for name in names:
                text = f"Your {_d(name)} is exactly what the chain rule gives when {meaning}"
                found[name].append(Reason(text, tuple(names), sum(e.rank for e in edit) + 2 * (len(edit) - 1)))

    def _changed(self, edit: tuple[Edit, ...]) -> tuple[Array, Any]:
        """The slopes after an edit; no change where it makes no sense, as the slope of a function where it has none."""
        try:
            edges, slopes = _combined(self.recorded, edit)
            return edges, np.array(slopes, float)
        except (ValueError, TypeError, ArithmeticError, IndexError):
            return np.array([], int), []

    # Confirmation in exact numbers

    def _numbers(self) -> Iterator[Recorded]:
        """The same graph on residues, then on long floats, with the user's gradients in these numbers."""
        for arithmetic in self._arithmetics:
            if arithmetic.name not in self._exact:
                try:
                    self._exact[arithmetic.name] = record(self.task, arithmetic)[0]
                except (ValueError, TypeError, ArithmeticError, ZeroResidue):
                    self._exact[arithmetic.name] = None
            recorded = self._exact[arithmetic.name]
            if recorded is not None:
                yield recorded

    def _agree(self, recorded: Recorded, name: str, theirs: Any) -> bool:
        ours, theirs = recorded.sides.ours.get(name), np.asarray(theirs, object)
        return bool(same(ours, theirs).all() or digits(ours, theirs).min(initial=np.inf) > 40)

    def _confirmed(self, name: str, edit: Callable[[Array], Any]) -> bool:
        """Whether the edit of the true array gives the user's in exact numbers; without any, floats decided."""
        tried = False
        for recorded in self._numbers():
            tried = True
            try:
                if self._agree(recorded, name, edit(recorded.sides.chain[name])):
                    return True
            except (ValueError, TypeError):
                return False
        return not tried

    def _like_floats(self, recorded: Recorded) -> Recorded:
        """With the same edges over whole steps as the recording in floats."""
        more = len(self.recorded.source) - self.steps
        return recorded._replace(
            source=self.recorded.source,
            target=self.recorded.target,
            slope=np.concatenate([recorded.slope, np.array([*[0] * more, None], object)[:-1]]),
            position=self.recorded.position,
            levels=self.recorded.levels,
        )

    def _edit_confirmed(self, edit: tuple[Edit, ...], names: Iterable[str]) -> bool:
        tried = False
        for recorded in self._numbers():
            if len(recorded.source) != self.steps:
                continue
            tried = True
            recorded = self._like_floats(recorded)
            try:
                grads = sweep(recorded, [_combined(recorded, edit)])[:, 0]
            except (ValueError, TypeError, ArithmeticError):
                continue
            if all(self._agree(recorded, name, _pick(grads, recorded.leaves[name])) for name in names):
                return True
        return not tried


def expanded(task: Any, name: str, ours: Array, true: Array) -> str:
    """The smallest entry that differs, as the sum over the consumers of its scalar, in the user's words."""
    recorded, places = record(task, None)
    source = Source(recorded, places)
    grads = sweep(recorded, [(np.array([], int), [])])[:, 0]
    size = float(np.max(np.abs(true), initial=0)) or 1.0
    differs = (
        np.abs(np.asarray(ours, float) - true) > 1e-9 * size if ours.shape == true.shape else np.ones_like(true, bool)
    )
    wrong = np.argwhere(differs)
    if not len(wrong):
        return ""
    place = tuple(min(wrong.tolist(), key=lambda index: abs(float(true[tuple(index)]))))
    edges = np.flatnonzero(recorded.source == recorded.leaves[name][place])
    terms = [
        f"{recorded.slope[e]:.4g} × {grads[recorded.target[e]]:.4g} by {source.of(int(recorded.target[e]))}"
        for e in edges
    ]
    shown = " + ".join(terms[:4]) + (f" + ... ({len(terms)} terms)" if len(terms) > 4 else "")
    return f"At {list(place)} the chain rule sums over its consumers: {shown} = {float(true[place]):.6g}"


def _usable(ours: Any) -> bool:
    return ours is not None and np.asarray(ours).dtype.kind in "fiub" and bool(np.isfinite(ours).all())


def _touch(edit: Edit, others: tuple[Edit, ...]) -> bool:
    """Whether an edit changes a slope that another one changes."""
    return any(np.intersect1d(edit.edges, other.edges).size for other in others)


def _combined(recorded: Recorded, edit: tuple[Edit, ...]) -> tuple[Array, list[Any]]:
    edges = np.concatenate([e.edges for e in edit])
    return edges, [slope for e in edit for slope in e.change(recorded, e.edges)]


def _pick(grads: Array, nodes: Array) -> Array:
    """The gradients of an array of nodes; 0 for one that J does not depend on."""
    return np.where(nodes >= 0, grads[nodes], 0)


def _d(name: str) -> str:
    """How a gradient is called: dW for W."""
    return f"d{name}"


def _best(reasons: list[Reason]) -> list[Reason]:
    """Without repetitions, the likeliest first: those that explain most, then the simplest."""
    unique = list({reason.text: reason for reason in reasons}.values())
    return sorted(unique, key=lambda reason: (reason.rank, -len(reason.names)))[:MOST_REASONS]
