"""`check_network`: the formulas of a network against the chain rule over its scalar graph, entry by entry.

The forward pass runs once on Values and leaves a graph; the engine gets every gradient from the graph alone. The same
forward numbers go to the formulas. Column i of dJda and dJdz belongs to J^(i), the cost of observation i, while dJdb
and dJdW belong to J = (1/m) sum_i J^(i) (E1, E2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd.degree import Degree
from autograd.precise import Precise
from autograd.residue import PRIME, ZeroResidue
from compare.arithmetic import (
    DEGREES,
    EXACT_NUMBERS,
    NAMES,
    ROUNDED,
    SYMBOLS,
    Arithmetic,
    chance_of_error,
    digits,
    precise,
    residues,
    same,
)
from compare.graph import NetworkGraph
from compare.report import DIFFERENT, DIGITS, EXACT, INHERITED, PROVED, ROUNDING, Mismatch, Report, Row, counted
from matrix_backprop import Backward, Forward, Network

Array = NDArray[Any]
Key = tuple[str, int]  # the kind of a gradient and its layer

Passes = TypeVar("Passes", Forward, Backward)

KINDS = ("dJda", "dJdz", "dJdb", "dJdW")
POINTS = 2  # random points of a proof
MOST_TERMS_BOUNDED = 300_000  # products w * a up to which the rounding errors are bounded
MOST_TERMS_SYMBOLIC = 200  # beyond, nobody reads the expressions


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
    problem = _Problem(
        net, np.array(X), np.array(Y), progress or (lambda step: None)
    )  # a formula that works in place changes copies of these
    floats, judges = problem.floats(), problem.judges(arithmetic, seed)
    terms = sum(W.size for W in net.W[1:]) * problem.m
    bounds = _Bounds(problem, floats) if terms <= MOST_TERMS_BOUNDED else None
    expressions = problem.expressions() if arithmetic == "symbolic" else {}

    rows: list[Row] = []
    for layer in reversed(net.layers):
        for kind in KINDS:
            key = kind, layer
            judge = next((judge for judge in judges if judge.full[key].all()), judges[0])
            equal, verdict, because = judge.full[key], judge.verdict, ""
            if not equal.all():
                because = _cause(rows, net, layer, kind)
                right_alone = any(judge.alone[key] for judge in judges)
                verdict, because = (INHERITED, because) if right_alone and because else (DIFFERENT, "")
            statement, formula = source(net, layer, kind)
            rows.append(
                Row(
                    name=f"{kind}[{layer}]",
                    statement=statement,
                    formula=formula,
                    shape=equal.shape,
                    equal=int(equal.sum()),
                    size=equal.size,
                    verdict=verdict,
                    largest_difference=floats.difference(key),
                    because=because,
                    problem=judge.problems.get(key, ""),
                    mismatches=() if equal.all() else problem.mismatches(key, equal),
                    expression=expressions.get(key, ""),
                    **(bounds.ulps(key) if bounds and verdict not in (DIFFERENT, INHERITED) else {}),
                )
            )
    facts = {"sizes": net.sizes, "observations": problem.m, "arithmetic": arithmetic or "strongest", "seed": seed}
    evidence = [judge.evidence for judge in judges if any(row.verdict == judge.verdict for row in rows)]
    return Report(title or describe(net), rows, _preface(net, problem.m), [*evidence, *_about_floats(rows)], facts)


class Sides(NamedTuple):
    """The gradients of one run: by the chain rule, by the formulas, and by each formula on the chain rule's arrays.

    `alone` is a function, for it is asked only where something differs.
    """

    chain: Backward
    formulas: Backward
    alone: Callable[[], tuple[Backward, dict[Key, str]]]

    def pair(self, key: Key) -> tuple[Array, Array]:
        """Formula and chain rule for one gradient."""
        kind, layer = key
        return getattr(self.formulas, kind)[layer], getattr(self.chain, kind)[layer]

    def difference(self, key: Key) -> float | None:
        """The largest difference, for a run in floats; None where the formula gave no such numbers."""
        return _largest_difference(*self.pair(key))


class Judge(NamedTuple):
    """What one arithmetic says: which entries of each gradient are equal, and what that is worth.

    `full` is for the formulas one after the other, `alone` for each on the chain rule's own arrays; `problems` is what
    they raised there.
    """

    verdict: str
    evidence: str
    full: dict[Key, Array]
    alone: dict[Key, bool]
    problems: dict[Key, str]


class _Problem:
    """A network and its data, to be run in any arithmetic."""

    def __init__(self, net: Network, X: Array, Y: Array, progress: Callable[[str], None]) -> None:
        _refuse_infinities(net)
        self.progress = progress
        self.net, self.X, self.Y, self.m = net, X, Y, X.shape[-1]
        self.keys = [(kind, layer) for layer in net.layers for kind in KINDS]
        with np.errstate(all="ignore"):
            net.costs(net.forward(X), Y)  # looks at the shape and the range of the targets
        self._shown: Sides | None = None

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
        formulas, _ = _by_hand(net, forward, Y)
        return Sides(chain, formulas, lambda: _by_hand(net, forward, Y, upstream=chain))

    def floats(self) -> Sides:
        """Both sides in float64, the formulas as NumPy runs them on arrays of floats."""
        X, Y = self.X.copy(), self.Y.copy()
        W, b = ([None, *(p.copy() for p in parameters[1:])] for parameters in (self.net.W, self.net.b))
        net = self.net.with_parameters(W, b)
        with np.errstate(all="ignore"):
            chain = NetworkGraph(net, X, Y).gradients()
            formulas, _ = _by_hand(net, net.forward(X), Y)
        return Sides(chain, formulas, lambda: _by_hand(net, net.forward(X), Y, upstream=chain))

    def judges(self, arithmetic: str | None, seed: int) -> list[Judge]:
        """The judgement of the arithmetic that was asked for; by default the strongest that can decide."""
        match arithmetic:
            case "exact":
                text = "exact: the same fractions for these parameters and data, compared with ==."
                return [self._judge(EXACT, text, [self.sides(EXACT_NUMBERS)], same)]
            case "precise":
                return [self._by_long_floats()]
            case "float64":
                return [self._by_floats()]
        judge = self._by_residues(seed)
        if arithmetic is None and not all(equal.all() for equal in judge.full.values()):
            return [judge, self._by_long_floats()]
        return [judge]

    def _judge(self, verdict: str, evidence: str, runs: list[Sides], equal: Callable[[Any, Array], Array]) -> Judge:
        """Equal is what is equal in every run; the steps are judged alone where something differs."""
        full = {key: np.logical_and.reduce([equal(*run.pair(key)) for run in runs]) for key in self.keys}
        alone = dict.fromkeys(self.keys, True)
        problems: dict[Key, str] = {}
        if not all(entries.all() for entries in full.values()):
            for run in runs:
                back, problems = run.alone()
                for kind, layer in self.keys:
                    _, theirs = run.pair((kind, layer))
                    alone[kind, layer] &= bool(equal(getattr(back, kind)[layer], theirs).all())
        return Judge(verdict, evidence, full, alone, problems)

    def _by_residues(self, seed: int) -> Judge:
        rng = np.random.default_rng(seed)
        runs: list[Sides] = []
        while len(runs) < POINTS:
            try:
                runs.append(self.sides(residues(rng)))
            except ZeroResidue:  # a division by a number that is 0 modulo the prime: take another point
                continue
        Degree.arguments.clear()
        of_degrees = self.sides(DEGREES)
        chance = chance_of_error([of_degrees.pair(key) for key in self.keys], POINTS)
        evidence = (
            "proved: the same rational functions of all parameters and inputs (on this branch of every relu, for these"
            f" targets). Checked at {POINTS} random points modulo {_prime()} (seed {seed}); the chance that"
            f" different formulas would agree is below {chance:.0e} (Schwartz-Zippel lemma)."
        )
        return self._judge(PROVED, evidence, runs, same)

    def _by_long_floats(self) -> Judge:
        """Equal where the digits that agree grow with the precision."""
        short, long = self.sides(precise(1000)), self.sides(precise(2000))

        def grows(key: Key, one: Sides, two: Sides) -> Array:
            few, many = digits(*one.pair(key)), digits(*two.pair(key))
            return (few > 150) & (many > few + 150)

        judge = self._judge(DIGITS, "", [short, long], lambda ours, theirs: digits(ours, theirs) > 150)
        full = {key: grows(key, short, long) | (digits(*short.pair(key)) == np.inf) for key in self.keys}
        agreeing = [digits(*long.pair(key)).min(initial=np.inf) for key in self.keys if full[key].all()]
        least = min(agreeing, default=np.inf)
        count = "all" if np.isinf(least) else f"{least:.0f}"
        evidence = (
            f"equal to {count} digits: in floats of 2000 bits, and to about half as many in 1000 bits; the difference"
            " shrinks as the precision grows, so it is rounding."
        )
        return judge._replace(full=full, evidence=evidence)

    def _by_floats(self) -> Judge:
        """Equal within the rounding that float64 can explain, measured from the true gradient."""
        floats, rounded, true = self.floats(), self.sides(ROUNDED), self.sides(precise(200))

        def within(key: Key) -> Array:
            ours, theirs = floats.pair(key)[0], true.pair(key)[1]
            bound = rounded.pair(key)[0]
            if any(x is None or x.shape != theirs.shape for x in (ours, bound)):
                return np.zeros(theirs.shape, bool)
            true_floats = _as_floats(theirs)
            close: Array = np.abs(ours - true_floats) <= _errors(bound) + np.spacing(np.abs(true_floats))
            return close

        evidence = "within rounding: no further from the true gradient than float64 arithmetic can explain."
        full = {key: within(key) for key in self.keys}
        judge = self._judge(ROUNDING, evidence, [true], lambda ours, theirs: digits(ours, theirs) > 30)
        return judge._replace(full=full)

    def mismatches(self, key: Key, equal: Array, most: int = 3) -> tuple[Mismatch, ...]:
        """The first entries that differ, with the numbers of both sides to 50 digits."""
        self._shown = self._shown or self.sides(precise(200))
        ours, theirs = self._shown.pair(key)
        found = []
        for index in np.argwhere(~equal)[:most]:
            place = tuple(map(int, index))
            if ours is None:
                mine = "nothing"
            elif ours.shape != theirs.shape:
                mine = f"an array of shape {ours.shape}"
            else:
                mine = show(ours[place])
                if mine == show(theirs[place]):  # the same digits, yet not the same
                    mine += f" (off by {show(ours[place] - theirs[place], 2)})"
            found.append(Mismatch(place, mine, show(theirs[place])))
        return tuple(found)

    def expressions(self) -> dict[Key, str]:
        """The first entry of each gradient as an expression."""
        terms = sum(W.size for W in self.net.W[1:]) * self.m
        if terms > MOST_TERMS_SYMBOLIC:
            raise ValueError(
                f"symbolic expressions are for networks of up to {MOST_TERMS_SYMBOLIC} products w * a, this one has"
                f" {terms:,}: take fewer units or observations, or arithmetic='residue', which proves the same"
            )
        try:
            sides = self.sides(SYMBOLS)
        except ImportError:
            raise ValueError("arithmetic='symbolic' needs SymPy: pip install 'backprop-compare[sympy]'") from None
        return {key: show(sides.pair(key)[0].flat[0]) for key in self.keys if sides.pair(key)[0] is not None}


class _Bounds:
    """How far the float64 results are from the true gradient, and how far rounding can take them."""

    def __init__(self, problem: _Problem, floats: Sides) -> None:
        self.floats, self.true, self.rounded = floats, problem.sides(precise(200)), problem.sides(ROUNDED)

    def ulps(self, key: Key) -> dict[str, float]:
        """Errors of the formula and of the chain rule, and the bound, in ulps of the largest entry."""
        true, bound = _as_floats(self.true.pair(key)[1]), self.rounded.pair(key)[0]
        ours, theirs = self.floats.pair(key)
        errors = {
            "ulps": _largest_difference(ours, true),
            "ulps_chain_rule": _largest_difference(theirs, true),
            "ulps_bound": None if bound is None else float(np.max(_errors(bound))),
        }
        with np.errstate(all="ignore"):
            ulp = float(np.spacing(np.max(np.abs(true)))) or 1.0
        in_ulps = {name: error / ulp for name, error in errors.items() if error is not None}
        return in_ulps if np.isfinite(list(in_ulps.values())).all() else {}


def _as_floats(array: Array) -> Array:
    return np.array([x.shadow() if hasattr(x, "shadow") else float(x) for x in array.flat]).reshape(array.shape)


def _errors(array: Array) -> Array:
    return np.array([getattr(x, "error", 0.0) for x in array.flat]).reshape(array.shape)


def _prime() -> str:
    bits = PRIME.bit_length()
    return f"2^{bits} - 1" if 2**bits - 1 == PRIME else str(PRIME)


def _about_floats(rows: list[Row]) -> list[str]:
    """What the difference in float64 is, where the exact runs agree."""
    bounded = [row for row in rows if row.ulps is not None and row.ulps_chain_rule is not None]
    if not bounded:
        return []
    largest = max(bounded, key=lambda row: row.largest_difference or 0)
    if not largest.largest_difference:
        return ["float64: the two sides are the same to the last bit."]
    ours = sum((row.ulps or 0) < (row.ulps_chain_rule or 0) for row in bounded)
    theirs = sum((row.ulps or 0) > (row.ulps_chain_rule or 0) for row in bounded)
    exactly = all(row.verdict != ROUNDING for row in rows)
    return [
        f"float64: the two sides differ by up to {largest.largest_difference:.2g} ({largest.name})"
        + (": rounding, since they agree exactly." if exactly else ".")
        + f" The formula is closer to the true gradient in {counted(ours, 'array')}, the scalar sum in {theirs}."
        " ulps: distance of the formula from the true gradient ≤ the most that rounding can cause."
    ]


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
            except ZeroResidue:  # the point's fault
                raise
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


def show(x: Any, figures: int = 17) -> str:
    """A number as people read it.

    >>> from fractions import Fraction
    >>> show(Precise(0.1)), show(Fraction(1, 3))
    ('0.1', '1/3')
    """
    if hasattr(x, "content"):
        return str(x.content)
    if isinstance(x, Precise):
        return repr(x.shadow()) if figures == 17 else format(x, f".{figures}g")
    return str(x)


def _largest_difference(ours: Array, theirs: Array) -> float | None:
    if ours is None or ours.shape != theirs.shape:
        return None
    try:
        with np.errstate(all="ignore"):
            difference = float(np.max(np.abs(ours - theirs).astype(float)))
    except TypeError:  # the formula under test gave something else than numbers
        return None
    return difference if np.isfinite(difference) else None


def _preface(net: Network, m: int) -> list[str]:
    parameters = sum(p.size for p in (*net.W[1:], *net.b[1:]))
    cost = net.cost.replace("_", " ")
    return [
        f"J = (1/m) Σ J⁽ⁱ⁾ with the {cost}, m = {counted(m, 'observation')}, {counted(parameters, 'parameter')}.",
        "Each array below: the formula by hand against the chain rule, scalar by scalar.",
    ]
