"""What the lesson shows of one network: every number from the scalar graph or from the formulas, as text.

All is computed twice: in float64 for the network as it is ("decimal"), and in fractions ("fraction"), where parameters
and inputs are rounded to halves and the activations to quarters, so that every sum can be checked by hand and with ==.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd import Value
from autograd.graph.value import local_derivatives
from compare.lesson.scene import Name, Quarters, Scene, Show, decimal, fraction, rows
from compare.subject.graph import NetworkGraph, sub, sup
from matrix_backprop import Backward, Dataset, Network

Array = NDArray[Any]

MOST_SCALARS = 150  # named ones; more are too many to look at
MOST_UNITS = 6  # of a layer: more make matrices that are too wide


class LessonError(ValueError):
    """Raised for a network that cannot be a lesson, and where a formula does not give what the chain rule gives."""


class Run(NamedTuple):
    """A network's graph in one kind of number, and what the formulas give for it."""

    net: Network
    graph: NetworkGraph
    back: Backward
    scene: Scene
    Y: Array


def scalars(sizes: list[int], m: int) -> int:
    """How many named scalars a network has: inputs, parameters, z and a, the costs.

    >>> scalars([2, 3, 1], 2)
    36
    """
    parameters = sum(n_prev * n + n for n_prev, n in pairwise(sizes))
    return parameters + m * (sizes[0] + 2 * sum(sizes[1:]) + 1) + 1


def refuse_too_large(sizes: list[int], m: int) -> None:
    """Raises LessonError, which names the largest that works, for a network that is too large to look at."""
    if len(sizes) < 3:
        raise LessonError(
            "the lesson needs a hidden layer, whose activations have consumers: write --layers 2,3,1, say"
        )

    def works(sizes: list[int], m: int) -> bool:
        return scalars(sizes, m) <= MOST_SCALARS and max(*sizes, m) <= MOST_UNITS

    if works(sizes, m):
        return
    smaller, fewer = list(sizes), m
    while not works(smaller, fewer):
        if max(smaller) > MOST_UNITS or (fewer == 1 and max(smaller) > 1):
            smaller[smaller.index(max(smaller))] -= 1
        elif fewer > 1:
            fewer -= 1
        else:
            smaller.pop(1)
    raise LessonError(
        f"a network {'-'.join(map(str, sizes))} with {m} observation{'s' * (m > 1)} is too large to look at (at most"
        f" {MOST_SCALARS} scalars and {MOST_UNITS} units in a layer): the largest of this kind is"
        f" --layers {','.join(map(str, smaller))} --observations {fewer}"
    )


def halves(array: Array) -> Array:
    """The numbers rounded to multiples of 1/2, none to 0 that is not 0.

    >>> halves(np.array([0.6, -0.01, 0.0]))
    array([ 0.5, -0.5,  0. ])
    """
    array = np.asarray(array, float)
    rounded: Array = np.round(array * 2) / 2
    return np.where((rounded == 0) & (array != 0), np.sign(array) / 2, rounded)


def example(
    sizes: list[int] | None = None,
    activation: str = "tanh",
    observations: int | None = None,
    seed: int = 0,
    dataset: Dataset | None = None,
) -> tuple[Network, Array, Array]:
    """A network of halves drawn at random, and X and Y: drawn as well, or observations from all over a data set.

    >>> net, X, Y = example([2, 3, 1])
    >>> net.activations, bool(np.all(2 * net.W[1] == np.round(2 * net.W[1])))
    (['tanh', 'sigmoid'], True)

    What is not asked for is chosen so that no two sizes are alike: 2-3-4-1, with 5 observations. Raises LessonError for
    sizes that are too large to look at, or that do not fit the data; ValueError for a network that cannot be.
    """
    output = "sigmoid"
    observations = observations or (5 if sizes is None and dataset is None else 2)
    if dataset is not None:
        p, k = dataset.X.shape[0], dataset.Y.shape[0]
        if max(p, k) > MOST_UNITS:
            raise LessonError(
                f"{dataset.name} has {p} input columns and needs {k} output{'s' * (k > 1)}, too many to look at: the"
                f" lesson works with up to {MOST_UNITS} of each"
            )
        if sizes is not None and (sizes[0], sizes[-1]) != (p, k):
            raise LessonError(
                f"layers {','.join(map(str, sizes))} do not fit {dataset.name}, which has {p} input columns and needs"
                f" {k} output{'s' * (k > 1)}: write {p},...,{k}"
            )
        if observations > dataset.X.shape[1]:
            raise LessonError(f"{dataset.name} has {dataset.X.shape[1]} observations, fewer than {observations}")
        sizes = sizes or [p, 3, 3, k]
        output = "identity" if not dataset.class_names else "sigmoid" if k == 1 else "softmax"
    sizes = sizes or [2, 3, 4, 1]
    net = Network(sizes, [activation] * (len(sizes) - 2) + [output], seed=seed)
    if len(sizes) > 2:  # the logistic regression of the lesson has no hidden layer
        refuse_too_large(sizes, observations)
    rng = np.random.default_rng([seed, 29])  # a stream whose first network has no entry near 0
    W = [None, *(1.2 * rng.normal(size=array.shape) for array in net.W[1:])]  # wide enough for halves to differ
    b = [None, *(rng.normal(size=array.shape) for array in net.b[1:])]
    net = of_halves(net.with_parameters(W, b))
    if dataset is not None:
        taken = np.linspace(0, dataset.X.shape[1] - 1, observations).round().astype(int)
        return net, dataset.X[:, taken], dataset.Y[:, taken]
    while len(np.unique(X := halves(rng.normal(size=(sizes[0], observations))), axis=1).T) < min(observations, 8):
        pass  # observations that are all different
    return net, X, rng.integers(0, 2, (sizes[-1], observations))


def of_halves(net: Network) -> Network:
    """The network with its parameters rounded to halves."""
    W, b = ([None, *map(halves, parameters[1:])] for parameters in (net.W, net.b))
    return net.with_parameters(W, b)


def runs(net: Network, X: Array, Y: Array) -> dict[str, Run]:
    """The network in decimals and in fractions.

    Raises LessonError where a formula does not give, entry by entry, what the chain rule gives.
    """
    return {
        "decimal": _run(net, np.asarray(X, float), np.asarray(Y, float), decimal),
        "fraction": _run(as_fractions(of_halves(net)), exact(halves(X)), exact(halves(Y)), fraction),
    }


def exact(array: Array) -> Array:
    """An array of exact numbers."""
    result = np.empty(array.shape, object)
    for index, x in np.ndenumerate(array):
        result[index] = Quarters(float(x))
    return result


def as_fractions(net: Network) -> Network:
    """The network with exact numbers as parameters."""
    W, b = ([None, *map(exact, parameters[1:])] for parameters in (net.W, net.b))
    return net.with_parameters(W, b)


def _run(net: Network, X: Array, Y: Array, number: Show) -> Run:
    graph = NetworkGraph(net, X, Y)
    chain, back = graph.gradients(), net.backward(graph.forward_numbers(), Y)
    theirs = chain.by_name()
    for name, ours in back.by_name().items():
        if not agree(ours, theirs[name]):
            raise LessonError(
                f"{name} by the formula is not what the chain rule gives, so there is no lesson to show:"
                " backprop-compare check says more"
            )
    return Run(net, graph, back, Scene(graph.J_sum, _names(graph), number, graph.costs.size), Y)


def agree(ours: Any, theirs: Array) -> bool:
    """Whether two arrays hold the same numbers: fractions with ==, floats to rounding."""
    ours = np.asarray(ours)
    if ours.shape != theirs.shape:
        return False
    if any(isinstance(x, Quarters) for x in theirs.flat):
        return bool(np.all(ours == theirs))
    return bool(np.allclose(ours.astype(float), theirs.astype(float), rtol=1e-9, atol=1e-12))


def _names(graph: NetworkGraph) -> dict[Value, Name]:
    """The names of a network's scalars: x-1-2 is input 1 of observation 2, w2-1-3 is W[2] at row 1 and column 3."""
    found: dict[Value, Name] = {}
    for kind in "awbz":  # z last: with the identity a and z are one scalar, which then is z
        for layer, array in enumerate(graph.W if kind == "w" else getattr(graph, kind)):
            if array is None:
                continue
            letter = "x" if (kind, layer) == ("a", 0) else kind
            for (j, i), node in np.ndenumerate(array):
                if isinstance(node, Value):
                    found[node] = Name(f"{letter}{layer or ''}-{j + 1}-{i + 1}", node.label, letter)
    if graph.net.activations[-1] == "softmax":  # a = e / s, where s is the sum of the e of a column
        last = graph.net.layers[-1]
        for (k, i), node in np.ndenumerate(graph.a[last]):
            e, s = node.operands
            found[e] = Name(f"e{last}-{k + 1}-{i + 1}", f"e{sub(k + 1)}{sup(i + 1)}[{last}]", "e")
            found[s] = Name(f"e{last}-sum-{i + 1}", f"Σe{sup(i + 1)}[{last}]", "e")
    for i, node in enumerate(graph.costs.flat, 1):
        found[node] = Name(f"J-{i}", node.label, "J")
    if graph.costs.size > 1:
        found[graph.J_sum] = Name("J", graph.J_sum.label, "J")
    return found


def network_data(run: Run) -> dict[str, Any]:
    """One network in one kind of number: its scalars, and the arrays of the formulas."""
    net, graph, back, number = run.net, run.graph, run.back, run.scene.number
    arrays = net.arrays(graph.forward_numbers(), run.Y) | back.by_name()
    arrays |= {f"dadz[{layer}]": slopes for layer in net.layers if (slopes := _slopes(run, layer)) is not None}
    return {
        "nodes": run.scene.as_data(),
        "program": run.scene.program(),
        "arrays": {short(name): rows(array, number) for name, array in arrays.items()},
    }


def short(text: str) -> str:
    """Names as they stand in the lines of the lesson, and on its page: without brackets.

    >>> short("np.dot(W[2], dJdz[2])")
    'np.dot(W2, dJdz2)'
    """
    return re.sub(r"\[(\d+)\]", r"\1", text)


def _slopes(run: Run, layer: int) -> Array | None:
    """The local derivatives da/dz that the graph recorded; None where z has no activation of its own (softmax)."""
    a, z = run.graph.a[layer], run.graph.z[layer]
    result = np.empty(a.shape, object)
    for index, node in np.ndenumerate(a):
        if node is z[index]:
            result[index] = 1
        elif [operand for operand in node.operands if not operand.constant] == [z[index]]:
            (result[index],) = (
                slope
                for operand, slope in zip(node.operands, local_derivatives(node), strict=True)
                if operand is z[index]
            )
        else:
            return None
    return result


def facts(net: Network, m: int) -> dict[str, Any]:
    """What does not depend on the kind of number: sizes, and the statement and the formula of each gradient.

    "shown" are the arrays that stand in the formula, in their order.
    """
    return {
        "sizes": net.sizes,
        "m": m,
        "activations": net.activations,
        "matched": net.matched,
        "formulas": {
            short(step.name): {
                "statement": step.id,
                "formula": step.formula,
                "shown": [short(name) for name in re.findall(r"\w+\[\d+\]|\b[XY]\b", step.formula)],
            }
            for step in net.steps()
        },
        "names": {"last": net.layers[-1]},
    }
