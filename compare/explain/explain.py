"""One entry of a gradient array, explained: the sum over the consumers of one scalar, term by term.

Everything is read from the recorded graph: the terms are `contributions`, the names are those of the arrays that hold
the consumers and the operands. Indices are NumPy's and count from 0.
"""

from __future__ import annotations

import dataclasses
import linecache
import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Value, contributions, graph, numbers
from autograd.draw.dot import formula_of
from autograd.record.places import Place, locating
from compare.explain.explanation import Explanation
from compare.explain.star import Term
from compare.report.report import Report, counted
from compare.steps.known import base_name
from compare.steps.passes import Passes
from compare.subject.arithmetic import EXACT_NUMBERS
from compare.subject.graph import NetworkGraph
from compare.subject.network import NetworkSubject, describe
from compare.subject.subject import UserCode
from matrix_backprop import Backward, Network, Step

Array = NDArray[Any]

MOST_TERMS_EXACT = 20_000  # products w * a of a network up to which an entry is explained in fractions
MOST_TERMS = 3_000_000  # of a graph of Value objects: some seconds and a gigabyte
_SPELLED_OUT = {"B1": ("D4",), "B3": ("B4",), "A6": ("A7",)}  # statements that say the same term by term


def explain(subject: Report | Value, entry: str | Value) -> Explanation:
    """Why one entry of a gradient has its value: the sum over the consumers of its scalar, term by term.

    >>> from compare import check_network
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
    if not isinstance(subject.subject, NetworkSubject):
        raise ValueError("this report was not made by a check, so there is no graph to explain an entry from")
    net, X, Y = subject.subject.copied()
    return explain_network(net, X, Y, entry)


def explain_network(net: Network, X: Array, Y: Array, entry: str) -> Explanation:
    """`explain` for an entry of a network's gradients, without a check before it.

    >>> net = Network([2, 1], ["sigmoid"], seed=0)
    >>> explain_network(net, np.eye(2), np.array([[0, 1]]), "dJdb[1][0,0]").statement
    'A5'
    """
    m = X.shape[-1]
    step, index = find(net, m, entry)
    kind, layer = step.kind, step.layer

    exact = refuse_large(net, m) <= MOST_TERMS_EXACT
    number = EXACT_NUMBERS.constants if exact else np.array
    W, b = ([None, *map(number, parameters[1:])] for parameters in (net.W, net.b))
    Y = number(Y)
    recorded = NetworkGraph(net.with_parameters(W, b), number(X), Y)
    chain = recorded.gradients()  # the last sweep is that of J
    by_formula, problem = None, ""
    try:
        back = net.with_parameters(W, b).backward(recorded.forward_numbers(), Y)
        by_formula = back.by_name()[step.name][index]
    except Exception as error:  # a formula under test may raise anything
        problem = f"raised {type(error).__name__}: {error}"

    scalar = getattr(recorded, kind[3:])[layer][index]
    terms = _terms(recorded.J_sum, scalar, _names_of(recorded))
    if kind == "dJdz" and [term.consumer for term in terms] == [f"a[{layer}]{_brackets(index)}"]:
        terms = (dataclasses.replace(terms[0], local_name=f"dadz[{layer}]{_brackets(index)}"),)
    spelled_out = () if "Y" in step.operands else _SPELLED_OUT.get(step.id, ())
    sentence, factors = _in_words(recorded, chain, step, index)
    return Explanation(
        entry=f"{step.name}{_brackets(index)}",
        statement=", ".join([step.id, *spelled_out]),
        sentence=sentence,
        terms=terms,
        total=scalar.grad,
        gradient=chain.by_name()[step.name][index],
        mean_of=m if kind in ("dJdb", "dJdW") else 1,
        factors=factors,
        formula=step.formula,
        by_formula=by_formula,
        remarks=(f"{step.formula} {problem}.",) if problem else (),
        J=recorded.J_sum,
        scalar=scalar,
    )


def refuse_large(net: Network, m: int) -> int:
    """The products w * a of a network with m observations; raises ValueError for too many to keep as objects.

    >>> refuse_large(Network([2, 3, 1], ["tanh", "sigmoid"]), 4)
    36
    """
    terms = m * sum(n_prev * n for n_prev, n in pairwise(net.sizes))
    if terms > MOST_TERMS:
        raise ValueError(
            f"a network {'-'.join(map(str, net.sizes))} with {counted(m, 'observation')} makes {terms:,} products w·a,"
            f" too many to keep one by one (at most {MOST_TERMS:,}): take fewer observations"
        )
    return terms


def find(net: Network, m: int, entry: str) -> tuple[Step, tuple[int, ...]]:
    """The step that makes an entry of the gradients of a network with m observations, and the entry's index.

    >>> step, index = find(Network([2, 3, 1], ["tanh", "sigmoid"]), 4, "dJda[1][2, -1]")
    >>> step.name, index
    ('dJda[1]', (2, 3))

    Raises ValueError for a name or an index that there is not.
    """
    steps = {step.name: step for step in sorted(net.steps(), key=lambda step: step.layer)}
    name, index = _parsed(entry, {name: _shape(net, step, m) for name, step in steps.items()}, describe(net))
    return steps[name], index


def _shape(net: Network, step: Step, m: int) -> tuple[int, ...]:
    """The shape of what a step differentiates by, with m observations."""
    parameters = {"dJdb": net.b, "dJdW": net.W}.get(step.kind)
    return (net.sizes[step.layer], m) if parameters is None else parameters[step.layer].shape


def _in_words(
    recorded: NetworkGraph, chain: Backward, step: Step, index: tuple[int, ...]
) -> tuple[str, dict[str, tuple[Any, ...]]]:
    """What is summed, and the row and the column that the formula multiplies."""
    net, m, last = recorded.net, recorded.costs.size, recorded.net.layers[-1]
    kind, layer, (j, i) = step.kind, step.layer, index
    each = f"for each of the {counted(m, 'observation')}"
    mean = "; the gradient of J is the mean of the products (E1)" if m > 1 else ""
    if kind == "dJdb":
        sentence = f"b[{layer}][{j},0] is a term of z[{layer}][{j},i] {each}, so those z are its consumers{mean}."
        return sentence, {f"row {j} of {step.operands[0]}": tuple(chain.dJdz[layer][j])}
    if kind == "dJdW":
        a, dJdz = step.operands
        sentence = (
            f"W[{layer}][{j},{i}] times {a}[{j},i] is a term of z[{layer}][{i},i] {each}, so those z are its"
            f" consumers{mean}."
        ).replace(",i]", ",:]")
        rows = {
            f"row {j} of {a}": tuple(numbers(recorded.a[layer - 1][j])),
            f"row {i} of {dJdz}": tuple(chain.dJdz[layer][i]),
        }
        return sentence, rows
    activation, next_ = net.activation(layer), layer + 1
    scalar = f"{kind[-1]}[{layer}][{j},{i}]"
    if layer < last and (kind == "dJda" or activation == "identity"):
        units = counted(net.sizes[next_], "unit")
        sentence = (
            f"{scalar}, the activation of unit {j} for observation {i}, feeds the z of the {units} of layer {next_}:"
            " these are its consumers."
        )
        if kind == "dJdz":
            sentence = f"The activation of layer {layer} is the identity, so a[{layer}] is z[{layer}]. " + sentence
        sides = {
            f"row {j} of W[{next_}]": tuple(numbers(recorded.W[next_][j])),
            f"column {i} of dJdz[{next_}]": tuple(chain.dJdz[next_][:, i]),
        }
        return sentence, sides
    if kind == "dJda" or activation == "identity":
        return f"{scalar} belongs to the last layer: its consumers are steps of the cost of observation {i}.", {}
    if activation == "softmax":
        return f"{scalar} feeds every activation of the softmax: its consumers are the softmax's first steps.", {}
    sentence = f"{scalar} has one consumer, a[{layer}][{j},{i}] = {activation}({scalar}): one product, nothing to sum."
    if layer == last and net.matched:
        return f"{sentence} With this cost the product is a - Y.", {}
    return sentence, {}


def _names_of(recorded: NetworkGraph) -> dict[Value, str]:
    """The scalars of a network by the names that NumPy code has for them, X[0,1] or z[2][0,1]."""
    found: dict[Value, str] = {}
    for letter in "aWbz":  # z last: with the identity a and z are one scalar, which then is z
        for layer, array in enumerate(getattr(recorded, letter)):
            if array is not None:
                name = "X" if (letter, layer) == ("a", 0) else f"{letter}[{layer}]"
                found |= _entries(name, array)
    return _spread(found, recorded.J_sum)


def _entries(name: str, array: Any) -> dict[Value, str]:
    array = np.asarray(array, object)
    return {x: f"{name}{_brackets(index)}" for index, x in np.ndenumerate(array) if isinstance(x, Value)}


def _spread(names: dict[Value, str], J: Value) -> dict[Value, str]:
    """The names, also for nameless nodes that are a mere term of a named one, as w·a of z = b + w·a.

    Such a node has the gradient of that sum, so as a consumer it goes by its name.
    """
    nodes = graph(J)
    uses = Counter(operand for node in nodes for operand in node.operands)
    found = dict(names)
    for node in reversed(nodes):
        if node in found and node.op is not None and node.op.name in ("add", "sum"):
            for operand in node.operands:
                if operand.op is not None and operand not in found and uses[operand] == 1:
                    found[operand] = found[node]
    return found


def _terms(
    J: Value, x: Value, names: Mapping[Value, str], places: Mapping[Value, Place] | None = None
) -> tuple[Term, ...]:
    """The contributions to x's gradient with the names of what they are made of; sweeps J."""
    found = contributions(J, x)
    uses = [(y, position) for y in graph(J) for position, operand in enumerate(y.operands) if operand is x]
    terms = []
    for contribution, (consumer, position) in zip(found, uses, strict=True):
        name = names.get(consumer, "")
        upstream = "" if not name else f"dJd{name}" if places is None else f"dJ/d{name}"
        partner = _partner(consumer, position)
        terms.append(
            Term(
                consumer=name or consumer.label or _code(consumer, places) or formula_of(consumer, names),
                local_derivative=contribution.local_derivative,
                upstream=contribution.upstream,
                product=contribution.product,
                local_name="" if partner is None else names.get(partner, partner.label),
                upstream_name=upstream,
            )
        )
    return tuple(terms)


def _partner(consumer: Value, position: int) -> Value | None:
    """The factor that stands beside an operand of a product, which is the local derivative there."""
    assert consumer.op is not None
    count = len(consumer.operands)
    if consumer.op.name not in ("multiply", "dot") or count % 2:
        return None
    return consumer.operands[(position + count // 2) % count]


def _code(node: Value, places: Mapping[Value, Place] | None) -> str:
    """The expression of the user's code that made a node, with its line."""
    if not places or not places.get(node):
        return ""
    code, instruction = places[node][-1]
    line, end_line, column, end_column = list(code.co_positions())[instruction // 2]
    lines = [text.encode() for text in linecache.getlines(code.co_filename)[(line or 1) - 1 : end_line]]
    text = code.co_name
    if lines and line is not None and column is not None:
        lines[-1] = lines[-1][:end_column]
        lines[0] = lines[0][column:]
        text = " ".join(part.decode(errors="replace").strip() for part in lines)
    text = text if len(text) <= 40 else text[:39] + "…"
    return f"{text} (line {line or code.co_firstlineno})"


def _of_scalar(J: Value, x: Value) -> Explanation:
    """One scalar of any graph."""
    nodes = set(graph(J))
    if x not in nodes:
        raise ValueError(f"{x!r} is not in the graph of {J!r}: J does not depend on it")
    terms = _terms(J, x, {node: node.label for node in nodes if node.label and not node.constant}, {})
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
        J, nodes, sides, steps = Passes(task).traced()
    nodes = nodes | {name: x for name, x in steps.items() if name not in nodes}
    name, index = _parsed(entry, {name: np.shape(array) for name, array in nodes.items()}, report.title)
    names: dict[Value, str] = {}
    for other, array in nodes.items():
        names |= {x: text for x, text in _entries(other, array).items() if x not in names and x is not J}
    scalar = np.asarray(nodes[name], object)[index]
    full = f"{name}{_brackets(index)}"
    row = next((row for row in report.rows if row.name == name), None)
    reason = _why_the_line(report, task, name) if row is None or row.ok else report.why(name)
    remarks = (reason,) if reason else ()
    known = isinstance(scalar, Value)  # an array may hold plain numbers of a padding among its Values
    terms = _terms(J, scalar, _spread(names, J), places) if known else ()
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
        remarks=remarks,
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


# Names and indices


def _parsed(entry: str, shapes: Mapping[str, tuple[int, ...]], what: str) -> tuple[str, tuple[int, ...]]:
    """The name of an array and the indices of an entry; raises ValueError, which says what there is."""
    text = re.sub(r"\s+", "", entry)
    for name in sorted(shapes, key=len, reverse=True):
        for prefix in (name, f"dJd{name}", f"dJ/d{name}", f"d{name}"):
            rest = text.removeprefix(prefix)
            if text.startswith(prefix) and re.fullmatch(r"(\[[^\[\]]*\])*", rest):
                return name, _index(entry, rest, name, shapes[name])
    there = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    raise ValueError(f"there is no gradient {entry!r} in {what}; there is, with its shape: {there}")


def _index(entry: str, brackets: str, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    parts = [part for part in re.split(r"[\[\],]+", brackets) if part]
    example = f"{name}{_brackets(tuple(n - 1 for n in shape))}"
    if len(parts) != len(shape) or not all(re.fullmatch(r"-?\d{1,9}", part) for part in parts):
        needed = counted(len(shape), "whole number") + " in brackets" if shape else "no brackets"
        raise ValueError(f"{entry!r} does not name one entry: {name} of shape {shape} needs {needed}, as in {example}")
    index = tuple(map(int, parts))
    for axis, (k, n) in enumerate(zip(index, shape, strict=True)):
        if not -n <= k < n:
            raise ValueError(
                f"{entry!r} has the index {k} for axis {axis} of {name}, which has shape {shape}: indices count from 0"
                f" to {n - 1} there, as NumPy's"
            )
    return tuple(k % n for k, n in zip(index, shape, strict=True))


def _brackets(index: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, index))}]" if index else ""
