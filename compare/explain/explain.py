"""One entry of a gradient array, explained: the sum over the consumers of one scalar, term by term.

Everything is read from the recorded graph: the terms are `contributions`, the names are those of the arrays that hold
the consumers and the operands. Indices are NumPy's and count from 0.
"""

from __future__ import annotations

import re

import numpy as np

from autograd import Value, graph
from autograd.record.places import locating
from compare.explain.entries import brackets, parsed
from compare.explain.explanation import Explanation
from compare.explain.terms import entries_of, spread, terms_of
from compare.report.report import Report
from compare.steps.known import base_name
from compare.steps.passes import Passes
from compare.subject.subject import UserCode


def explain(subject: Report | Value, entry: str | Value) -> Explanation:
    """Why one entry of a gradient has its value: the sum over the consumers of its scalar, term by term.

    >>> from compare import check_network
    >>> from matrix_backprop import Network
    >>> net = Network([2, 3, 2], ["tanh", "sigmoid"], seed=0)
    >>> report = check_network(net, [[0.5, -1.0], [2.0, 0.25]], [[1, 0], [0, 1]])
    >>> found = explain(report, "dJda[1][2,0]")
    >>> [(term.local_name, term.upstream_name) for term in found.terms]
    [('W[2][2,0]', 'dJdz[2][0,0]'), ('W[2][2,1]', 'dJdz[2][1,0]')]
    >>> found.total == found.by_formula                # the entry of np.dot(W[2], dJdz[2])
    True

    `subject` is the report of a check, and `entry` the name of one of its arrays with indices as NumPy's, from 0:
    "dJda[1][2,0]" of a network, "W[0,1]" of a parameter or a `watch`ed array, "b" of a single number. Or `subject` is a
    cost J and `entry` a scalar of its graph. A network is recorded again in fractions (a large one in floats), other
    code in floats. Raises ValueError for a name or an index that there is not. Source: C1, D4.
    """
    if isinstance(subject, Value) and isinstance(entry, Value):
        return _of_scalar(subject, entry)
    if not isinstance(subject, Report) or not isinstance(entry, str):
        raise TypeError(
            f"explain takes a report and the name of an entry, or a cost and a scalar of its graph (both Values), not"
            f" {type(subject).__name__} and {type(entry).__name__}"
        )
    if isinstance(subject.subject, UserCode):
        return _of_code(subject, subject.subject, entry)
    from compare.explain.network import explain_network  # with the formulas, which a user's code does not need
    from compare.subject.network import NetworkSubject

    if not isinstance(subject.subject, NetworkSubject):
        raise ValueError("this report was not made by a check, so there is no graph to explain an entry from")
    net, X, Y = subject.subject.copied()
    return explain_network(net, X, Y, entry)


def _of_scalar(J: Value, x: Value) -> Explanation:
    """One scalar of any graph."""
    nodes = set(graph(J))
    if x not in nodes:
        raise ValueError(f"{x!r} is not in the graph of {J!r}: J does not depend on it")
    terms = terms_of(J, x, {node: node.label for node in nodes if node.label and not node.constant}, {})
    of = x.label or "this scalar"
    return Explanation(
        entry=f"dJ/d{x.label}" if x.label else "its gradient",
        statement="C1",
        sentence=_consumers(of, len(terms), x is J),
        terms=terms,
        total=x.grad,
        gradient=x.grad,
        J=J,
        scalar=x,
    )


def _consumers(name: str, terms: int, root: bool = False) -> str:
    if root:
        return f"{name} is J itself, whose gradient is 1."
    if not terms:
        return f"J does not depend on {name}: it has no consumer in J's graph, and its gradient is 0."
    return f"{name} is used {'once' if terms == 1 else f'{terms} times'} on the way to J; each use adds one product."


def _of_code(report: Report, task: UserCode, entry: str) -> Explanation:
    """One entry of a parameter or of a watched array of the code that a report is about."""
    with locating() as places:
        J, nodes = Passes(task).named()
    sides = task.traced(None)[2]
    name, index = parsed(entry, {name: np.shape(array) for name, array in nodes.items()}, report.title)
    names: dict[Value, str] = {}
    for other, array in nodes.items():
        names |= {x: text for x, text in entries_of(other, array).items() if x not in names and x is not J}
    scalar = np.asarray(nodes[name], object)[index]
    full = f"{name}{brackets(index)}"
    row = next((row for row in report.rows if row.name == name), None)
    right = row is None or row.ok
    known = isinstance(scalar, Value)  # an array may hold plain numbers of a padding among its Values
    terms = terms_of(J, scalar, spread(names, J), places) if known else ()
    ours = sides.ours.get(name)
    fits = ours is not None and ours.shape == np.shape(nodes[name])
    return Explanation(
        entry=f"dJ/d{full}",
        statement="C1",
        sentence=_consumers(full, len(terms), scalar is J),
        terms=terms,
        total=scalar.grad if known else 0.0,
        gradient=scalar.grad if known else 0.0,
        formula="your code",
        by_formula=ours[index] if fits and ours is not None else None,
        reason=lambda: _why_the_line(report, task, name) if right else report.why(name),
        J=J if known else None,
        scalar=scalar if known else None,
    )


def _why_the_line(report: Report, task: UserCode, name: str) -> str:
    """Why the products, transpositions and sums stand in the user's line of a gradient: what derives the same."""
    from compare.derive.derive import derived_lines

    lines = [line for line in report.lines if line.says.split("; ")[0] == f"dJ/d{name}"]
    bare = base_name(name)
    reasons = [why for text, why in derived_lines(task) if re.match(rf"d{re.escape(bare)} \+?= ", text) and why]
    if not lines or not reasons:
        return ""
    return f"line {lines[-1].number}, `{lines[-1].source}`: {'; '.join(dict.fromkeys(reasons))}."
