"""`check_network`: the formulas of a network against the chain rule over its scalar graph, entry by entry.

The forward pass runs once on Values and leaves a graph; the engine gets every gradient from the graph alone. The same
forward numbers go to the formulas. Column i of dJda and dJdz belongs to J^(i), the cost of observation i, while dJdb
and dJdW belong to J = (1/m) sum_i J^(i) (E1, E2).
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd import Exact
from compare.graph import NetworkGraph, convert, in_numbers
from compare.report import DIFFERENT, EXACT, INHERITED, Mismatch, Report, Row, counted
from matrix_backprop import Backward, Forward, Network

Array = NDArray[Any]

Passes = TypeVar("Passes", Forward, Backward)

KINDS = ("dJda", "dJdz", "dJdb", "dJdW")


def check_network(net: Network, X: ArrayLike, Y: ArrayLike, title: str = "") -> Report:
    """Compare every gradient of a network, formula against chain rule, exactly and in float64.

    >>> net = Network([2, 3, 1], ["tanh", "sigmoid"], seed=0)
    >>> report = check_network(net, [[0.5, -1.0], [2.0, 0.25]], [[1, 0]])
    >>> bool(report), report["dJdW[1]"].verdict
    (True, 'exact at this point')

    Shapes: X (n_0, m), Y (n_L, m). The rows run from the last layer to the first, in each dJda, dJdz, dJdb, dJdW. A row
    that differs only because an earlier one does is marked as inherited. Raises ValueError for arrays that do not fit
    the network, and for parameters or inputs so large that a cross-entropy would take the logarithm of 0. Source:
    A4-A6, B1-B5, and the conventions E1, E2.
    """
    X, Y = np.array(X), np.array(Y)  # a formula that works in place changes these, not the caller's
    _refuse_infinities(net)
    with np.errstate(all="ignore"):
        float_forward = net.forward(X)
        net.costs(float_forward, Y)  # looks at the shape and the range of the targets
        float_chain = NetworkGraph(net, X, Y).gradients()
    graph = NetworkGraph(net, X, Y, Exact)
    chain = graph.gradients()
    exact_net, forward, exact_Y = in_numbers(net, Exact), graph.forward_numbers(), convert(Y, Exact)
    alone, problems = _by_hand(exact_net, forward, exact_Y, upstream=chain)
    formulas, _ = _by_hand(exact_net, forward, exact_Y)
    with np.errstate(all="ignore"):
        float_formulas, _ = _by_hand(net, float_forward, Y)

    rows: list[Row] = []
    for layer in reversed(net.layers):
        for kind in KINDS:
            ours, theirs = getattr(formulas, kind)[layer], getattr(chain, kind)[layer]
            equal = _equal(ours, theirs)
            verdict, because = EXACT, ""
            if not equal.all():
                because = _cause(rows, net, layer, kind)
                right_alone = bool(np.all(_equal(getattr(alone, kind)[layer], theirs)))
                verdict, because = (INHERITED, because) if right_alone and because else (DIFFERENT, "")
            statement, formula = source(net, layer, kind)
            difference, ulps = _in_ulps(getattr(float_formulas, kind)[layer], getattr(float_chain, kind)[layer])
            rows.append(
                Row(
                    name=f"{kind}[{layer}]",
                    statement=statement,
                    formula=formula,
                    shape=theirs.shape,
                    equal=int(equal.sum()),
                    size=theirs.size,
                    verdict=verdict,
                    ulps=ulps if verdict == EXACT else None,
                    largest_difference=difference,
                    because=because,
                    problem=problems.get((kind, layer), ""),
                    mismatches=_mismatches(ours, theirs, equal),
                )
            )
    return Report(title or describe(net), rows, _preface(net, X), {"sizes": net.sizes, "observations": X.shape[1]})


def _by_hand(
    net: Network, forward: Forward, Y: Array, upstream: Backward | None = None
) -> tuple[Backward, dict[tuple[str, int], str]]:
    """Back propagation by the formulas, as `Network.backward`; a formula that raises leaves None and its message.

    With `upstream` each formula works on (copies of) those arrays instead of on the results before it, so it is judged
    alone.
    """
    back, problems = Backward.empty(len(net.sizes)), {}
    for layer in reversed(net.layers):
        for kind in KINDS:
            given = (_copied(forward), Y.copy(), _copied(upstream)) if upstream else (forward, Y, back)
            try:
                result = net.step(kind, layer, *given)
                getattr(back, kind)[layer] = None if result is None else np.asarray(result)
            except Exception as problem:  # a formula under test may raise anything; that is a finding
                problems[kind, layer] = f"{type(problem).__name__}: {problem}"
    return back, problems


def _copied(arrays: Passes) -> Passes:
    """The same arrays in memory of their own."""
    fields = vars(arrays).values()
    return type(arrays)(*([None if array is None else array.copy() for array in field] for field in fields))


def _refuse_infinities(net: Network) -> None:
    for name, parameters in (("W", net.W), ("b", net.b)):
        for layer in net.layers:
            array = np.asarray(parameters[layer], float)
            for place in np.argwhere(~np.isfinite(array)):
                raise ValueError(f"{name}[{layer}] holds {array[tuple(place)]} at {place.tolist()}: it must be finite")


def _cause(rows: list[Row], net: Network, layer: int, kind: str) -> str:
    """The wrong step whose result this step works on, "" if none is wrong."""
    last = layer == net.layers[-1]
    before = {
        "dJda": "" if last else f"dJdz[{layer + 1}]",
        "dJdz": "" if last and net.matched else f"dJda[{layer}]",
        "dJdb": f"dJdz[{layer}]",
        "dJdW": f"dJdz[{layer}]",
    }[kind]
    row = next((row for row in rows if row.name == before and not row.ok), None)
    return "" if row is None else row.because or row.name


def describe(net: Network) -> str:
    """What a network is, in a line: logistic regression 30-1, or its layers."""
    sizes = "-".join(map(str, net.sizes))
    if _is_logistic_regression(net):
        return f"logistic regression {sizes}"
    return f"network {sizes} ({', '.join(net.activations)})"


def _is_logistic_regression(net: Network) -> bool:
    return net.sizes[1:] == [1] and net.activations == ["sigmoid"] and net.matched


def source(net: Network, layer: int, kind: str) -> tuple[str, str]:
    """The statement and the formula, as on paper, that give one gradient of one layer.

    >>> source(Network([4, 5, 3], ["tanh", "sigmoid"]), 1, "dJda")
    ('B1', 'np.dot(W[2], dJdz[2])')
    """
    logistic = _is_logistic_regression(net)
    last = layer == net.layers[-1]
    if kind == "dJda":
        return "B1", "dJ/da of the cost" if last else f"np.dot(W[{layer + 1}], dJdz[{layer + 1}])"
    if kind == "dJdz":
        if last and net.matched:
            return "A4", f"a[{layer}] - Y"
        if net.activation(layer) == "softmax":
            return "C1", f"a[{layer}] * (dJda[{layer}] - np.sum(a[{layer}] * dJda[{layer}], axis=0))"
        return "B2", f"dJda[{layer}] * dadz[{layer}]"
    if kind == "dJdb":
        return "A5" if logistic else "B3", f"np.mean(dJdz[{layer}], axis=1, keepdims=True)"
    inputs = "X" if layer == 1 else f"a[{layer - 1}]"
    return "A6" if logistic else "B5", f"(1/m) * np.dot({inputs}, dJdz[{layer}].T)"


def _equal(ours: Array, theirs: Array) -> Array:
    """Entry by entry; an array of another shape has no equal entry."""
    if ours is None or ours.shape != theirs.shape:
        return np.zeros(theirs.shape, bool)
    return np.asarray(ours == theirs, bool)


def _mismatches(ours: Array, theirs: Array, equal: Array, most: int = 3) -> tuple[Mismatch, ...]:
    found = []
    for index in np.argwhere(~equal)[:most]:
        place = tuple(map(int, index))
        if ours is None:
            mine = "nothing"
        elif ours.shape != theirs.shape:
            mine = f"an array of shape {ours.shape}"
        else:
            mine = show(ours[place])
            if mine == show(theirs[place]) and isinstance(ours[place], Exact):  # the same digits, yet not the same
                mine += f" (off by {ours[place] - theirs[place]:.2g})"
        found.append(Mismatch(place, mine, show(theirs[place])))
    return tuple(found)


def show(x: Any) -> str:
    """A number as people read it: a short fraction as such, else 17 digits of a float."""
    if isinstance(x, Exact):
        return str(x) if len(str(x)) <= 12 else repr(x.shadow())
    return str(x)


def _in_ulps(ours: Array, theirs: Array) -> tuple[float | None, float | None]:
    """The largest difference of two float arrays, as it is and in ulps of their largest entry."""
    if ours is None or ours.shape != theirs.shape:
        return None, None
    try:
        with np.errstate(all="ignore"):
            difference = float(np.max(np.abs(ours - theirs)))
    except TypeError:  # the formula under test gave something else than numbers
        return None, None
    if not np.isfinite(difference):
        return None, None
    largest = float(max(np.max(np.abs(ours)), np.max(np.abs(theirs))))
    return difference, difference / float(np.spacing(largest)) if largest else 0.0


def _preface(net: Network, X: Array) -> list[str]:
    parameters = sum(p.size for p in (*net.W[1:], *net.b[1:]))
    cost = net.cost.replace("_", " ")
    return [
        f"J = (1/m) Σ J⁽ⁱ⁾ with the {cost}, m = {counted(X.shape[1], 'observation')},"
        f" {counted(parameters, 'parameter')}.",
        "Each array below: the formula by hand against the chain rule, scalar by scalar.",
    ]
