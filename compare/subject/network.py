"""`check_network`: the formulas of a network against the chain rule over its scalar graph, entry by entry.

The forward pass runs once on Values and leaves a graph; the engine gets every gradient from the graph alone. The same
forward numbers go to the formulas. Column i of dJda and dJdz belongs to J^(i), the cost of observation i, while dJdb
and dJdW belong to J = (1/m) sum_i J^(i) (E1, E2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd.number.array import NumberArray
from autograd.number.residue import ZeroResidue
from autograd.number.show import in_full as show
from autograd.number.vocabulary import Refused
from compare.report.report import DIFFERENT, INHERITED, Report, Row, counted
from compare.subject.arithmetic import NAMES, SYMBOLS, Arithmetic
from compare.subject.graph import NetworkGraph
from compare.verdict.court import Court, Judge, Sides, about_floats, largest_difference
from compare.verdict.large import GROUP, LargeCourt, peak_memory
from matrix_backprop import Backward, Forward, Network

Array = NDArray[Any]
Passes = TypeVar("Passes", Forward, Backward)

KINDS = ("dJda", "dJdz", "dJdb", "dJdW")
MOST_TERMS_AS_VALUES = 40_000  # products w * a up to which every scalar is a Value and rounding errors are bounded
MOST_TERMS_SYMBOLIC = 200  # beyond, nobody reads the expressions
SCOPE = "all parameters and inputs (on this branch of every relu, for these targets)"


def check_network(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    title: str = "",
    arithmetic: str | None = None,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Compare every gradient of a network, formula against chain rule, in the strongest arithmetic there is.

    >>> net = Network([2, 3, 1], ["tanh", "sigmoid"], seed=0)
    >>> report = check_network(net, [[0.5, -1.0], [2.0, 0.25]], [[1, 0]])
    >>> bool(report), report["dJdW[1]"].verdict
    (True, 'proved')
    >>> check_network(net, [[0.5, -1.0], [2.0, 0.25]], [[1, 0]], arithmetic="exact")["dJdW[1]"].verdict
    'exact at this point'

    Shapes: X (n_0, m), Y (n_L, m). The rows run from the last layer to the first, in each dJda, dJdz, dJdb, dJdW. A row
    that differs only because an earlier one does is marked as inherited. `arithmetic` is "residue" (random points
    modulo a prime, which `seed` draws), "exact" (fractions), "precise" (floats of 1000 and 2000 bits), "float64" or
    "symbolic" (residues decide, expressions are shown); None is residues, and long floats for what residues cannot
    decide. `progress` is told each step of a long check. Raises ValueError for arrays that do not fit the network, and
    for parameters or inputs so large that a cross-entropy would take the logarithm of 0. Source: A4-A6, B1-B5, and the
    conventions E1, E2.
    """
    if arithmetic is not None and arithmetic not in NAMES:
        raise ValueError(f"there is no arithmetic {arithmetic!r}: the known ones are {', '.join(NAMES)}")
    # a formula that works in place changes copies of these
    problem = Problem(net, np.array(X), np.array(Y), progress or (lambda step: None))
    court, judges = _court(problem, arithmetic, seed)
    bounded = not isinstance(court, LargeCourt)
    expressions = problem.expressions() if arithmetic == "symbolic" else {}

    rows: list[Row] = []
    for layer in reversed(net.layers):
        for kind in KINDS:
            name = f"{kind}[{layer}]"
            judge = next((judge for judge in judges if judge.full[name].all()), judges[0])
            equal, verdict, because = judge.full[name], judge.verdict, ""
            if not equal.all():
                because = _cause(rows, net, layer, kind)
                right_alone = any(judge.alone[name] for judge in judges)
                verdict, because = (INHERITED, because) if right_alone and because else (DIFFERENT, "")
            statement, formula = source(net, layer, kind)
            ulps: dict[str, Any] = court.ulps(name) if bounded and verdict not in (DIFFERENT, INHERITED) else {}
            rows.append(
                Row(
                    name=name,
                    statement=statement,
                    formula=formula,
                    shape=equal.shape,
                    equal=int(equal.sum()),
                    size=equal.size,
                    verdict=verdict,
                    largest_difference=largest_difference(*court.floats.pair(name)),
                    because=because,
                    problem=judge.problems.get(name, ""),
                    mismatches=() if equal.all() else court.mismatches(name, equal),
                    expression=expressions.get(name, ""),
                    **ulps,
                )
            )
    facts = {"sizes": net.sizes, "observations": problem.m, "arithmetic": arithmetic or "strongest", "seed": seed}
    evidence = [judge.evidence for judge in judges if any(row.verdict == judge.verdict for row in rows)]
    evidence += court.about(rows) if isinstance(court, LargeCourt) else about_floats(rows)
    if isinstance(court, LargeCourt):
        facts["peak_memory_mb"] = round(peak_memory())
    return Report(title or describe(net), rows, _preface(net, problem.m), evidence, facts, subject=problem.copied())


def _court(problem: Problem, arithmetic: str | None, seed: int) -> tuple[Court, list[Judge]]:
    """Who judges, and the judgements: on a tape where the network is large and the arithmetic is one for it."""
    if problem.terms > MOST_TERMS_AS_VALUES and arithmetic in (None, "residue", "exact"):
        try:
            large = LargeCourt(problem, SCOPE)
            return large, large.judges(arithmetic, seed)
        except Refused as refusal:
            problem.progress(f"one by one, because of {refusal}")
    court = Court(problem.sides, problem.floats(), SCOPE)
    return court, court.judges(arithmetic, seed)


class Problem:
    """A network and its data, to be run in any arithmetic."""

    def __init__(self, net: Network, X: Array, Y: Array, progress: Callable[[str], None]) -> None:
        _refuse_infinities(net)
        self.progress = progress
        self.net, self.X, self.Y, self.m, self.group = net, X, Y, X.shape[-1], GROUP
        self.terms = self.m * sum(W.size for W in net.W[1:])
        with np.errstate(all="ignore"):
            net.costs(net.forward(X), Y)  # looks at the shape and the range of the targets

    def copied(self) -> tuple[Network, Array, Array]:
        """The network, X and Y in memory of their own, as they are now."""
        W, b = ([None, *(p.copy() for p in parameters[1:])] for parameters in (self.net.W, self.net.b))
        return self.net.with_parameters(W, b), self.X, self.Y

    def sides(self, arithmetic: Arithmetic) -> Sides:
        """Both sides from one forward pass in these numbers."""
        self.progress(arithmetic.name)
        net = self.net.with_parameters(
            [None, *(arithmetic.variables(W, f"W{layer}") for layer, W in enumerate(self.net.W) if layer)],
            [None, *(arithmetic.variables(b, f"b{layer}") for layer, b in enumerate(self.net.b) if layer)],
        )
        Y = arithmetic.constants(self.Y)
        graph = NetworkGraph(net, arithmetic.variables(self.X, "X"), Y)
        chain, forward = graph.gradients(), graph.forward_numbers()
        return self.sides_from(net, forward, Y, chain)

    def sides_from(self, net: Network, forward: Forward, Y: Array, chain: Backward) -> Sides:
        """The formulas on these forward numbers, beside what the chain rule gave."""
        ours, _ = _by_hand(net, forward, Y)
        return Sides(ours, _by_name(chain), lambda: _by_hand(net, forward, Y, upstream=chain))

    def in_numbers(self, variable: Callable[[Array, str], Any]) -> Network:
        """The network with its parameters in other numbers; they are called W1, b1, ..."""
        return self.net.with_parameters(
            [None, *(variable(W, f"W{layer}") for layer, W in enumerate(self.net.W) if layer)],
            [None, *(variable(b, f"b{layer}") for layer, b in enumerate(self.net.b) if layer)],
        )

    def floats(self) -> Sides:
        """Both sides in float64, the formulas as NumPy runs them on arrays of floats."""
        net, X, Y = self.copied()
        X, Y = X.copy(), Y.copy()
        with np.errstate(all="ignore"):
            chain = NetworkGraph(net, X, Y).gradients()
            ours, _ = _by_hand(net, net.forward(X), Y)
        return Sides(ours, _by_name(chain))

    def expressions(self) -> dict[str, str]:
        """The first entry of each gradient as an expression."""
        if self.terms > MOST_TERMS_SYMBOLIC:
            raise ValueError(
                f"symbolic expressions are for networks of up to {MOST_TERMS_SYMBOLIC} products w * a, this one has"
                f" {self.terms:,}: take fewer units or observations, or arithmetic='residue', which proves the same"
            )
        try:
            sides = self.sides(SYMBOLS)
        except ImportError:
            raise ValueError("arithmetic='symbolic' needs SymPy: pip install 'backprop-compare[sympy]'") from None
        return {name: show(array.flat[0]) for name, array in sides.ours.items() if array is not None}


def _by_hand(
    net: Network, forward: Forward, Y: Array, upstream: Backward | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Back propagation by the formulas, as `Network.backward`; a formula that raises leaves None and its message.

    With `upstream` each formula works on (copies of) those arrays instead of on the results before it, so it is judged
    alone.
    """
    back, problems = Backward.empty(len(net.sizes)), dict[str, str]()
    for layer in reversed(net.layers):
        for kind in KINDS:
            given = (_copied(forward), Y.copy(), _copied(upstream)) if upstream else (forward, Y, back)
            try:
                result = net.step(kind, layer, *given)
                getattr(back, kind)[layer] = (
                    result if result is None or isinstance(result, NumberArray) else np.asarray(result)
                )
            except (ZeroResidue, Refused):  # the point's fault, or that of the arrays that stand for floats
                raise
            except Exception as problem:  # a formula under test may raise anything; that is a finding
                problems[f"{kind}[{layer}]"] = f"{type(problem).__name__}: {problem}"
    return _by_name(back), problems


def _by_name(back: Backward) -> dict[str, Any]:
    return {f"{kind}[{layer}]": array for kind in KINDS for layer, array in enumerate(getattr(back, kind)) if layer}


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


def _preface(net: Network, m: int) -> list[str]:
    parameters = sum(p.size for p in (*net.W[1:], *net.b[1:]))
    cost = net.cost.replace("_", " ")
    return [
        f"J = (1/m) Σ J⁽ⁱ⁾ with the {cost}, m = {counted(m, 'observation')}, {counted(parameters, 'parameter')}.",
        "Each array below: the formula by hand against the chain rule, scalar by scalar.",
    ]
