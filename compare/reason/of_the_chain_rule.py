"""Edits of the chain rule: local derivatives between two expressions of the user's, cut, skipped, negated, ..."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.number.vocabulary import shadows
from compare.reason.edges import Recorded
from compare.reason.edit import Edit, Known, Step
from compare.reason.source import HARNESS, Expression, Source

Array = NDArray[Any]


MOST_IN_JACOBIAN = 200  # entries of a step whose derivatives are computed one by one


def _factor(factor: Any) -> Callable[[Recorded, Array], Any]:
    def change(recorded: Recorded, edges: Array) -> Any:
        slopes = recorded.slope[edges]
        return slopes * (factor if slopes.dtype == object else float(factor))

    return change


def skipped(recorded: Recorded, edges: Array) -> Any:
    return np.ones(len(edges), int)


def cut(recorded: Recorded, edges: Array) -> Any:
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
    recorded = recorded.with_edges([(step.enters, step.leaves) for step in steps])
    found: dict[tuple[Any, ...], Edit] = {}

    def add(kind: Any, edges: Array, change: Any, meaning: str, rank: int) -> None:
        found.setdefault((kind, *edges.tolist()), Edit(edges, change, meaning, rank))

    lines = [step for step in into if step.whole_line]
    for step in [*lines, *(step for step in into if not step.whole_line and step.end_line >= 0)]:
        add("cut", np.array(into[step]), cut, f"{step} is taken as a constant", 1)
    for (A, B), members in pairs.items():
        edges = np.array(members)
        functions = [recorded.nodes[k].op for k in recorded.target[edges]]
        if A != B:
            add("cut", edges, cut, f"the use of {_short(A)} in {B} is forgotten", 1)
            _sides_edits(recorded, edges, A, B, add)
            _partial_edits(recorded, edges, A, B, add)
            _runs_edits(source, recorded, edges, A, B, add)
        constant = _constant_factor(recorded, edges, known)
        if B == HARNESS:
            constant = "the upstream gradient dout is left out"
        derivative = f"the derivative of {B}" + (f" by {_short(A)}" if A != B and _several(recorded, edges) else "")
        slopes = recorded.slope[edges]
        if (slopes == -1).all():
            add("skip", edges, skipped, f"{derivative} has the wrong sign", 2)
        add("skip", edges, skipped, constant.format(B) if constant else f"{derivative} is left out", 2)
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
        return lambda recorded, edges: [*cut(recorded, edges[:n]), *slope(recorded, edges[n:])]

    if len(step.over) <= MOST_IN_JACOBIAN:
        says = (
            f"of the derivative of {step.expression} only the diagonal is kept, the sum over the other entries left out"
        )
        add("whole diagonal", edges, over(_diagonal(step, 1)), says, 2)
        says = f"the derivative of {step.expression} is applied twice"
        add("whole twice", edges, over(_diagonal(step, 2)), says, 3)
    says = "has the wrong sign" if (recorded.slope[step.edges] == -1).all() else "is left out"
    add("whole skip", edges, over(skipped), f"the derivative of {step.expression} {says}", 2)
    for text, slope in _SLOPES:
        meaning = f"the derivative of {step.expression}, y = f(x), is taken as {text}"
        add(f"whole {text}", edges, over(_slope_as(slope)), meaning, 4)


def _diagonal(step: Step, power: int) -> Callable[[Recorded, Array], Any]:
    """d result / d operand, entry by entry, to a power."""

    def change(recorded: Recorded, edges: Array) -> Any:
        nothing: list[tuple[Array, Any]] = [(np.array([], int), [])] * len(step.leaves)
        grads = recorded.sweep(nothing, roots=step.leaves)
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
                add("cut", side, cut, says, 1)


def _partial_edits(recorded: Recorded, edges: Array, A: Expression, B: Expression, add: Any) -> None:
    """Edits that keep some edges of a group: the diagonal, the last use, the first."""
    rows, columns = (np.unique(x, return_inverse=True) for x in (recorded.source[edges], recorded.target[edges]))
    off_diagonal = edges[rows[1] != columns[1]]
    if len(rows[0]) == len(columns[0]) > 1 and 0 < len(off_diagonal) < len(edges):
        says = f"of the derivative of {B} by {_short(A)} only the diagonal is kept, the sum over the others left out"
        add("diagonal", off_diagonal, cut, says, 2)
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
            add(word, edges[np.setdiff1d(number, keep)], cut, says, rank)


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
            add(f"run {word}", lost, cut, says, rank)


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
