"""One entry of a network's gradients, explained; the network is recorded in fractions, a large one in floats."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Value, numbers
from compare.explain.entries import brackets, find, refuse_large
from compare.explain.explanation import Explanation
from compare.explain.terms import entries_of, spread, terms_of
from compare.report.report import counted
from compare.subject.arithmetic import EXACT_NUMBERS
from compare.subject.graph import NetworkGraph
from matrix_backprop import Backward, Network, Step

Array = NDArray[Any]

MOST_TERMS_EXACT = 20_000  # products w * a of a network up to which an entry is explained in fractions
_SPELLED_OUT = {"B1": ("D4",), "B3": ("B4",), "A6": ("A7",)}  # statements that say the same term by term


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
    terms = terms_of(recorded.J_sum, scalar, _names_of(recorded))
    if kind == "dJdz" and [term.consumer for term in terms] == [f"a[{layer}]{brackets(index)}"]:
        terms = (dataclasses.replace(terms[0], local_name=f"dadz[{layer}]{brackets(index)}"),)
    spelled_out = () if "Y" in step.operands else _SPELLED_OUT.get(step.id, ())
    sentence, factors = _in_words(recorded, chain, step, index)
    return Explanation(
        entry=f"{step.name}{brackets(index)}",
        statement=", ".join([step.id, *spelled_out]),
        sentence=sentence,
        terms=terms,
        total=scalar.grad,
        gradient=chain.by_name()[step.name][index],
        mean_of=m if kind in ("dJdb", "dJdW") else 1,
        factors=factors,
        formula=step.formula,
        by_formula=by_formula,
        reason=lambda: f"{step.formula} {problem}." if problem else "",
        J=recorded.J_sum,
        scalar=scalar,
    )


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
                found |= entries_of(name, array)
    return spread(found, recorded.J_sum)
