"""The statements of the notes, executed: each is a small claim, and the engine says whether it holds.

>>> found = notes()
>>> bool(found), found["C2"].verdict
(True, 'holds')

Numbers are exact fractions, compared with ==. Where the notes contradict themselves (E1 to E7) both readings are run.
`derivation` proves D1 to D6, B3 to B5 and A7 for layers of any size, with the indexed sums of SymPy.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from autograd import Exact, Value, contributions, gradients, graph, numbers, values
from autograd.number.ops import OPS
from autograd.number.show import as_written as show
from compare.notes.derivation import Step, as_text, derivation
from compare.report.report import as_text as plain_text
from compare.report.report import counted
from compare.subject.graph import NetworkGraph, sub
from matrix_backprop import Network, formulas
from matrix_backprop.activations import ACTIVATIONS

Array = NDArray[Any]

HOLDS, FAILS, NOT_RUN = "holds", "fails", "not run"
NEEDS_SYMPY = "needs sympy: pip install 'backprop-compare[sympy]'"
WIDTH = 100  # of the printed table

SECTIONS = {
    "A": "A  Logistic regression",
    "B": "B  Back propagation, one layer at a time, starting with the last",
    "C": "C  The multivariate chain rule",
    "D": "D  Why B1 holds",
    "E": "E  Where the notes contradict themselves: both readings are run",
}


# What is found


@dataclass(frozen=True)
class Reading:
    """One way to read a statement: what it says, whether it holds, and the numbers that decide."""

    statement: str
    verdict: str
    evidence: str


@dataclass(frozen=True)
class Claim:
    """A statement of the notes, its verdict, and what was computed.

    For a contradiction `as_written` and `that_holds` are its two readings, and the verdict is that of the second.
    """

    id: str
    statement: str
    verdict: str
    evidence: str
    as_written: Reading | None = None
    that_holds: Reading | None = None

    @property
    def as_expected(self) -> bool:
        """Whether nothing speaks against it: the statement holds, and a reading to be refuted fails."""
        return self.verdict != FAILS and (self.as_written is None or self.as_written.verdict != HOLDS)

    def _repr_html_(self) -> str:
        return _html_table(("id", "statement", "verdict", "what was computed"), _html_rows([self]))


@dataclass(frozen=True)
class Notes(Sequence[Claim]):
    """All statements in the order of the notes, and the derivation; true when everything is as expected.

    >>> found = notes()
    >>> found["E1"].as_written.verdict, found["E1"].that_holds.verdict
    ('fails', 'holds')

    Printing it gives tables, a notebook shows it as HTML, `to_json()` gives everything it holds. Without SymPy the
    derivation is empty and what needs it is marked "not run".
    """

    claims: Sequence[Claim]
    derivation: Sequence[Step] = field(default=())

    def __len__(self) -> int:
        return len(self.claims)

    @overload
    def __getitem__(self, key: int | str) -> Claim: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[Claim]: ...
    def __getitem__(self, key: int | str | slice) -> Claim | Sequence[Claim]:
        if not isinstance(key, str):
            return self.claims[key]
        for claim in self.claims:
            if claim.id == key:
                return claim
        raise KeyError(f"the notes have no statement {key!r}; they have {', '.join(claim.id for claim in self.claims)}")

    def __iter__(self) -> Iterator[Claim]:
        return iter(self.claims)

    def __bool__(self) -> bool:
        return all(claim.as_expected for claim in self.claims) and all(step.holds for step in self.derivation)

    def __str__(self) -> str:
        return plain_text(self, WIDTH)

    def __repr__(self) -> str:
        return f"<Notes: {self.summary}>"

    def __rich__(self) -> RenderableType:
        return Constrain(Group(*_tables(self)), WIDTH)

    def _repr_html_(self) -> str:
        return _as_html(self)

    def to_json(self) -> str:
        """All that was found, as a JSON object.

        >>> json.loads(notes().to_json())["agree"]
        True
        """
        steps = [{"id": s.id, "text": s.text, "rule": s.rule, "holds": s.holds} for s in self.derivation]
        claims = [{**asdict(claim), "as_expected": claim.as_expected} for claim in self.claims]
        return json.dumps(
            {"agree": bool(self), "summary": self.summary, "claims": claims, "derivation": steps}, indent=2
        )

    @property
    def summary(self) -> str:
        """What was found, in a few short sentences."""
        plain = [claim for claim in self.claims if claim.as_written is None]
        settled = [claim for claim in self.claims if claim.as_written is not None]
        run = [claim for claim in plain if claim.verdict != NOT_RUN]
        wrong = [claim.id for claim in self.claims if not claim.as_expected]
        broken = [step.id for step in self.derivation if not step.holds]
        if wrong or broken:
            parts = [f"Not as expected: {', '.join(wrong)}."] if wrong else []
            return " ".join(parts + ([f"Steps that do not follow: {', '.join(broken)}."] if broken else []))
        parts = [f"All {counted(len(run), 'statement')}{' that were run' * (run != plain)} hold."]
        if settled:
            parts.append(
                f"All {counted(len(settled), 'contradiction')} are settled: one reading fails, the other holds."
            )
        if self.derivation:
            parts.append(f"All {counted(len(self.derivation), 'step')} of the derivation follow, for any sizes.")
        if len(run) < len(plain) or not self.derivation:
            left = [claim.id for claim in plain if claim.verdict == NOT_RUN] + ["the derivation"] * (
                not self.derivation
            )
            parts.append(f"Not run: {', '.join(left)} ({NEEDS_SYMPY}).")
        return " ".join(parts)


def notes() -> Notes:
    """Run every statement of the notes.

    >>> [claim.id for claim in notes()][:3]
    ['A1', 'A2', 'A3']
    """
    claims = [_run(entry) for entry in _ENTRIES]
    try:
        return Notes(claims, derivation())
    except ModuleNotFoundError as missing:
        if missing.name != "sympy":
            raise
        return Notes(claims)


# How a statement is written down and run


class Finding(NamedTuple):
    """What a statement's function found."""

    holds: bool
    evidence: str

    @property
    def verdict(self) -> str:
        return HOLDS if self.holds else FAILS


class _Entry(NamedTuple):
    id: str
    statement: str
    run: Callable[[], Any]
    as_written: str = ""
    that_holds: str = ""


_ENTRIES: list[_Entry] = []


def statement(id: str, text: str) -> Callable[[Callable[[], Finding]], Callable[[], Finding]]:
    """Register the function that runs a statement."""

    def register(run: Callable[[], Finding]) -> Callable[[], Finding]:
        _ENTRIES.append(_Entry(id, text, run))
        return run

    return register


Settling = Callable[[], tuple[Finding, Finding]]


def contradiction(id: str, text: str, as_written: str, that_holds: str) -> Callable[[Settling], Settling]:
    """Register the function that runs both readings of a contradiction, the written one first."""

    def register(run: Settling) -> Settling:
        _ENTRIES.append(_Entry(id, text, run, as_written, that_holds))
        return run

    return register


def _run(entry: _Entry) -> Claim:
    """Run a statement; one that raises does not hold, and one for which SymPy is missing is not run."""
    verdict, raised = "", ""
    try:
        found = entry.run()
    except ModuleNotFoundError as missing:
        if missing.name != "sympy":
            raise
        verdict, raised = NOT_RUN, NEEDS_SYMPY
    except Exception as problem:  # a formula under test may raise anything; that is a finding
        verdict, raised = FAILS, f"it raised {type(problem).__name__}: {problem}"
    if not entry.as_written:
        return Claim(entry.id, entry.statement, verdict or found.verdict, raised or found.evidence)
    readings = [
        Reading(text, verdict or found[place].verdict, raised or found[place].evidence)
        for place, text in enumerate((entry.as_written, entry.that_holds))
    ]
    evidence = f"as written: {readings[0].evidence}; that holds: {readings[1].evidence}"
    return Claim(entry.id, entry.statement, readings[1].verdict, evidence, *readings)


# The numbers that it is run on


class Short(Exact):
    """An exact number whose transcendental functions are short fractions, so that a reader can check all by hand.

    >>> Short(1).sigmoid()          # 0.731...
    Short(3/4)

    Nothing is lost: the chain rule uses only the slope a(1 - a) of a sigmoid and 1 - a^2 of a tanh, whatever a is.
    """

    __slots__ = ()

    def elementary(self, name: str) -> Short:
        return Short(Fraction(OPS[name].value(self.shadow())).limit_denominator(5))


def matrix(text: str) -> Array:
    """The matrix of exact numbers written row by row.

    >>> matrix("1/2 1; 0 -1").shape
    (2, 2)
    """
    rows = [row.split() for row in text.split(";")]
    return np.array([[Short(entry) for entry in row] for row in rows], object)


# logistic regression: p = 3 inputs, m = 4 observations
W, B = matrix("1; 1/2; -1"), matrix("-1")
X, Y = matrix("0 1 1 0; -1 -2 2 1; -2 -2 2 1"), matrix("0 1 1 1")

# a network: n_0 = 5, n_1 = 3, n_2 = 2, n_3 = 1, and m = 4; all different, so that a wrong transpose cannot pass
WEIGHTS = (
    matrix("1 -1/2 -1; 1 1/2 -1/2; 1 -1/2 -1; -1 -1/2 1; -1 -1 1"),
    matrix("-2 3; 1/2 -1; 1 3/2"),
    matrix("-1/2; 1"),
)
BIASES = matrix("-1; 1/2; 1/2"), matrix("1/2; -1/2"), matrix("-1/2")
INPUTS = matrix("1/2 -1 1 1/2; 1 1 1/2 1; -1 1 -1 0; 1 -1/2 0 1; 1/2 1/2 0 0")
TARGETS = matrix("0 1 1 0")


def logistic() -> NetworkGraph:
    """The scalar graph of the logistic regression."""
    net = Network([3, 1], ["sigmoid"]).with_parameters([None, W], [None, B])
    return NetworkGraph(net, X, Y)


def network(units: int = 3) -> NetworkGraph:
    """The scalar graph of the network, with so many of the 3 units in layer 1."""
    W1, W2, W3 = WEIGHTS
    b1, b2, b3 = BIASES
    net = Network([5, units, 2, 1], ["sigmoid", "tanh", "sigmoid"])
    net = net.with_parameters([None, W1[:, :units], W2[:units], W3], [None, b1[:units], b2, b3])
    return NetworkGraph(net, INPUTS, TARGETS)


# How numbers are shown and compared


def factor(x: Any) -> str:
    """A number in a product: a negative one in parentheses."""
    return f"({show(x)})" if x < 0 else show(x)


def products(pairs: Iterable[tuple[Any, Any]]) -> str:
    """A sum of products.

    >>> products([(2, Short("1/3")), (Short(-1), 4)])
    '2·1/3 + (−1)·4'
    """
    return " + ".join(f"{factor(x)}·{factor(y)}" for x, y in pairs)


def same(ours: Any, theirs: Any) -> bool:
    """Whether two arrays have the same shape and the same numbers."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    return ours.shape == theirs.shape and bool(np.all(ours == theirs))


def equals(x: Any, name: str, y: Any) -> str:
    """How a computed number x goes with the number y that it should be.

    >>> "1/2" + equals(Short("1/2"), "dJ/db", Short("1/3"))
    '1/2, but dJ/db is 1/3'
    """
    return f" = {name}" if same(x, y) else f", but {name} is {show(y)}"


def agree(name: str, formula: Any, chain: Array) -> Finding:
    """Whether a formula gives what the chain rule gives, entry by entry."""
    formula = np.asarray(formula)
    if same(formula, chain):
        numbers = f"{name} = {show(chain)}" if chain.size <= 8 else name
        return Finding(True, f"{numbers}, shape {chain.shape}: {chain.size} of {chain.size} entries equal")
    if formula.shape != chain.shape:
        return Finding(False, f"{name}: the formula has shape {formula.shape}, the chain rule {chain.shape}")
    differ = np.argwhere(np.asarray(formula != chain, bool))
    place = tuple(differ[0])
    return Finding(
        False,
        f"{name}: {len(differ)} of {chain.size} entries differ; at {[int(k) + 1 for k in place]} the formula gives"
        f" {show(formula[place])}, the chain rule {show(chain[place])}",
    )


def ratio(ours: Iterable[Any], theirs: Iterable[Any]) -> str:
    """How many times theirs ours are, where all entries agree on that.

    >>> ratio([4, 8], [Short(1), Short(2)])
    '4'
    """
    ratios = {x / y for x, y in zip(ours, theirs, strict=True)}
    return " or ".join(map(show, ratios))


def derivative(J: Value, x: Value) -> Any:
    """dJ/dx by the engine; 0 for an x that J does not depend on."""
    contributions(J, x)
    return x.grad


# A. Logistic regression


@statement("A1", "z⁽ⁱ⁾ = b + wᵀx⁽ⁱ⁾")
def A1() -> Finding:
    z = numbers(logistic().z[1])
    written_out = [B[0, 0] + sum(W[r, 0] * X[r, i] for r in range(3)) for i in range(4)]
    terms = f"{show(B[0, 0])} + {products((W[r, 0], X[r, 0]) for r in range(3))} = {show(written_out[0])}"
    return Finding(same(z, [written_out]), f"{terms}{equals(written_out[0], 'z⁽¹⁾', z[0, 0])}; z = {show(z)}")


@statement("A2", "a⁽ⁱ⁾ = g(z⁽ⁱ⁾), g the logistic sigmoid 1 / (1 + e⁻ᶻ)")
def A2() -> Finding:
    floats = np.vectorize(lambda x: x.shadow(), otypes=[float])
    net = Network([3, 1], ["sigmoid"]).with_parameters([None, floats(W)], [None, floats(B)])
    forward = net.forward(floats(X))
    z, a = forward.z[1], forward.a[1]
    written_out = 1 / (1 + np.exp(-z))
    close = bool(np.all(np.abs(a - written_out) <= np.spacing(written_out)))  # the last digit of a float
    return Finding(close, f"z⁽¹⁾ = {show(z[0, 0])}: a⁽¹⁾ = {a[0, 0]:.4f}, 1/(1 + e⁻ᶻ) = {written_out[0, 0]:.4f}")


@statement("A3", "J = −Σᵢ { y log a + (1 − y) log(1 − a) }: one term is J⁽ⁱ⁾ (for a factor 1/m see E1)")
def A3() -> Finding:
    scalars = logistic()
    a, costs = numbers(scalars.a[1]), numbers(scalars.costs)
    written_out = -(Y * np.log(a) + (1 - Y) * np.log(1 - a))
    y, p = Y[0, 1], a[0, 1]
    terms = f"−{{ {show(y)}·log {show(p)} + {show(1 - y)}·log {show(1 - p)} }}"
    equal = int(np.sum(costs == written_out))
    return Finding(
        same(costs, written_out) and scalars.J_sum.data == np.sum(written_out),
        f"J⁽²⁾ = {terms} for y⁽²⁾ = {show(y)}, a⁽²⁾ = {show(p)}; {equal} of {costs.size} terms equal",
    )


@statement("A4", "dJ/dz = a − y, shape (1, m)")
def A4() -> Finding:
    scalars = logistic()
    return agree("dJ/dz", formulas.dJdz_logistic(numbers(scalars.a[1]), Y), scalars.gradients().dJdz[1])


@statement("A5", "dJ/db = np.mean(dJdz, axis=1, keepdims=True), shape (1, 1)")
def A5() -> Finding:
    chain = logistic().gradients()
    return agree("dJ/db", formulas.dJdb(chain.dJdz[1]), chain.dJdb[1])


@statement("A6", "dJ/dw = (1/m) * np.dot(X, dJdz.T), shape (p, 1)")
def A6() -> Finding:
    chain = logistic().gradients()
    return agree("dJ/dw", formulas.dJdW(X, chain.dJdz[1]), chain.dJdW[1])


@statement("A7", "row r of A6 is (1/m) Σᵢ dJ⁽ⁱ⁾/dz⁽ⁱ⁾ · dz⁽ⁱ⁾/dw_r, and dz⁽ⁱ⁾/dw_r = x_r⁽ⁱ⁾")
def A7() -> Finding:
    scalars = logistic()
    chain = scalars.gradients()
    dJdz = chain.dJdz[1][0]
    dzdw = np.array([[derivative(z, w) for z in scalars.z[1][0]] for w in scalars.W[1][:, 0]], object)
    rows = np.array([[sum(dJdz * dzdw[r]) / 4] for r in range(3)], object)
    terms = products(zip(dJdz, dzdw[2], strict=True))
    as_it_should = equals(rows[2, 0], "dJ/dw₃", chain.dJdW[1][2, 0])
    return Finding(
        same(dzdw, X) and same(rows, chain.dJdW[1]), f"r = 3: 1/4·[{terms}] = {show(rows[2, 0])}{as_it_should}"
    )


# B. Back propagation, one layer at a time, starting with the last: written for layer 2


@statement("B1", "dJ/da₂ = np.dot(W₃, dJdz₃), shape (n₂, m), with dJdz of the next layer")
def B1() -> Finding:
    scalars = network()
    chain = scalars.gradients()
    return agree("dJ/da₂", formulas.dJda(numbers(scalars.W[3]), chain.dJdz[3]), chain.dJda[2])


@statement("B2", "dJ/dz₂ = dJda₂ * dadz₂, element by element, shape (n₂, m)")
def B2() -> Finding:
    scalars = network()
    chain = scalars.gradients()
    dadz = ACTIVATIONS["tanh"].dadz(numbers(scalars.z[2]), numbers(scalars.a[2]))  # type: ignore[misc]
    return agree("dJ/dz₂", formulas.dJdz(chain.dJda[2], dadz), chain.dJdz[2])


@statement("B3", "dJ/db₂ = np.mean(dJdz₂, axis=1, keepdims=True)")
def B3() -> Finding:
    chain = network().gradients()
    return agree("dJ/db₂", formulas.dJdb(chain.dJdz[2]), chain.dJdb[2])


@statement("B4", "B3 spelled out: dJ/db_j = (1/m) Σᵢ dJ/dz_j⁽ⁱ⁾ · dz_j⁽ⁱ⁾/db_j, with dz/db = 1")
def B4() -> Finding:
    scalars = network()
    chain = scalars.gradients()
    dzdb = np.array([[derivative(z, scalars.b[2][j, 0]) for z in scalars.z[2][j]] for j in range(2)], object)
    rows = np.array([[sum(chain.dJdz[2][j] * dzdb[j]) / 4] for j in range(2)], object)
    terms = products(zip(chain.dJdz[2][0], dzdb[0], strict=True))
    as_it_should = equals(rows[0, 0], "dJ/db₁", chain.dJdb[2][0, 0])
    return Finding(
        bool(np.all(dzdb == 1)) and same(rows, chain.dJdb[2]),
        f"j = 1: 1/4·[{terms}] = {show(rows[0, 0])}{as_it_should}",
    )


@statement("B5", "dJ/dW₂ = (1/m) * np.dot(a₁, dJdz₂.T), shape (n₁, n₂)")
def B5() -> Finding:
    scalars = network()
    chain = scalars.gradients()
    return agree("dJ/dW₂", formulas.dJdW(numbers(scalars.a[1]), chain.dJdz[2]), chain.dJdW[2])


# C. The multivariate chain rule


@statement("C1", "d/dx f(g₁(x), …, g_k(x)) = Σ_r g_r′(x) · df/dg_r")
def C1() -> Finding:
    x = Value(Fraction(3, 2))
    g1, g2, g3 = x**2, 1 / x, 3 * x
    f = g1 * g2 + g3**2  # as a function of x: x + 9 x^2
    found = [(c.local_derivative, c.upstream) for c in contributions(f, x)]
    by_the_rule = [(2 * x.data, g2.data), (-1 / x.data**2, g1.data), (3, 2 * g3.data)]  # g_r', df/dg_r
    directly = 1 + 18 * x.data
    evidence = f"f = g₁·g₂ + g₃², g = x², 1/x, 3x, x = 3/2: {products(found)} = {show(x.grad)}"
    unknown = _of_unknown_functions()
    return Finding(
        found == by_the_rule and x.grad == directly and unknown.holds,
        f"{evidence}; directly 1 + 18x = {show(directly)}{unknown.evidence}",
    )


def _of_unknown_functions() -> Finding:
    """C1 for functions of which nothing is known, f of up to 5 arguments, where there is a SymPy to ask."""
    try:
        import sympy
    except ModuleNotFoundError:
        return Finding(True, "")
    x, f = sympy.Symbol("x"), sympy.Function("f")
    agreed = []
    for k in range(1, 6):
        g = [sympy.Function(f"g_{r}")(x) for r in range(1, k + 1)]
        by_the_rule = sum(g_r.diff(x) * f(*g).diff(g_r) for g_r in g)
        agreed.append(bool(f(*g).diff(x) == by_the_rule))
    return Finding(all(agreed), f"; SymPy: {sum(agreed)} of {len(agreed)} sizes k with unknown f, g")


@statement("C2", "f = 2 g₁ + g₂ with g₁ = x², g₂ = x: directly 4x + 1, by the rule 2x · 2 + 1 · 1 = 4x + 1")
def C2() -> Finding:
    import sympy

    x = Value(sympy.Symbol("x"))
    g1, g2 = x**2, 1 * x
    f = 2 * g1 + g2
    terms = [(c.local_derivative, c.upstream) for c in contributions(f, x)]
    by_the_rule = sympy.expand(sum(slope * upstream for slope, upstream in terms))
    directly = sympy.expand(sympy.diff(f.data, x.data))
    gradient = sympy.expand(x.grad)
    spelled_out = " + ".join(f"{as_text(slope)}·{as_text(upstream)}" for slope, upstream in terms)
    return Finding(
        by_the_rule == directly == gradient == 4 * x.data + 1,
        f"as expressions: graph {as_text(gradient)}, rule {spelled_out} = {as_text(by_the_rule)},"
        f" d/dx ({as_text(f.data)}) = {as_text(directly)}",
    )


# D. Why B1 holds: layer 1, whose activations feed layer 2


@statement("D1", "z_k⁽ⁱ⁾[2] = b_k + w_k1 a₁⁽ⁱ⁾[1] + …: a₁ feeds every z of the next layer")
def D1() -> Finding:
    scalars = network()
    (_, W2, _), (_, b2, _), a, z = WEIGHTS, BIASES, numbers(scalars.a[1]), numbers(scalars.z[2])
    written_out = [[b2[k, 0] + sum(W2[j, k] * a[j, i] for j in range(3)) for i in range(4)] for k in range(2)]
    fed = [f"z{sub(k + 1)}⁽¹⁾" for k in range(2) if scalars.a[1][0, 0] in graph(scalars.z[2][k, 0])]
    terms = f"{show(b2[0, 0])} + {products((W2[j, 0], a[j, 0]) for j in range(3))} = {show(written_out[0][0])}"
    return Finding(
        len(fed) == 2 and same(z, written_out),
        f"{terms}{equals(written_out[0][0], 'z₁⁽¹⁾', z[0, 0])}; a₁⁽¹⁾ feeds {' and '.join(fed) or 'nothing'}",
    )


@statement("D2", "so dz_k/da₁ = w_k1")
def D2() -> Finding:
    scalars = network()
    W2, z, a = WEIGHTS[1], scalars.z[2], scalars.a[1]
    dzda = [[[derivative(z[k, i], a[j, i]) for k in range(2)] for j in range(3)] for i in range(4)]
    shown = (f"dz{sub(k + 1)}/da₁ = {show(dzda[0][0][k])}, w{sub(k + 1, 1)} = {show(W2[0, k])}" for k in range(2))
    equal = sum(dzda[i][j][k] == W2[j, k] for i in range(4) for j in range(3) for k in range(2))
    return Finding(equal == 24, f"{'; '.join(shown)}; {equal} of 24 equal, over all units and observations")


@statement("D3", "think of J as a function of the z's of the next layer, J(z₁, …, z_n₂); each depends on a₁")
def D3() -> Finding:
    scalars = network()
    cost, z, a_1 = scalars.costs[0, 0], scalars.z[2][:, :1], scalars.a[1][0, 0]
    cost.backward()
    alone = values(numbers(z))  # the same z's without their history
    rest = Network([2, 1], ["sigmoid"]).with_parameters([None, WEIGHTS[2]], [None, BIASES[2]])
    again = rest.costs(rest.forward(np.tanh(alone)), TARGETS[:, :1])[0, 0]
    again.backward()
    function_of_z = cost.data == again.data and same(gradients(alone), gradients(z))
    each_depends = all(a_1 in graph(z_k) for z_k in z[:, 0])
    from_z = " and ".join(f"z{sub(k + 1)} = {show(z_k.data)}" for k, z_k in enumerate(z[:, 0]))
    which = "the same" if function_of_z else "another"
    return Finding(
        function_of_z and each_depends,
        f"computed from {from_z} alone: {which} J⁽¹⁾, dJ/dz = {show(gradients(alone))}",
    )


@statement("D4", "by C1: dJ/da₁ = Σ_k dz_k/da₁ · dJ/dz_k = w₁₁ dJ/dz₁ + w₂₁ dJ/dz₂ + …")
def D4() -> Finding:
    scalars = network()
    a_1, z = scalars.a[1][0, 0], scalars.z[2][:, 0]
    found = [(c.local_derivative, c.upstream) for c in contributions(scalars.costs[0, 0], a_1)]
    by_the_rule = [(WEIGHTS[1][0, k], z[k].grad) for k in range(2)]
    return Finding(
        found == by_the_rule and a_1.grad == sum(w * dJdz for w, dJdz in by_the_rule),
        f"the graph's contributions: {products(found)} = {show(a_1.grad)}",
    )


@statement(
    "D5", "all n₁ units: the column of the dJ/da_j is the matrix whose columns are the w_k, times that of the dJ/dz_k"
)
def D5() -> Finding:
    chain = network().gradients()
    dJda, dJdz = chain.dJda[1][:, :1], chain.dJdz[2][:, :1]
    w_1, w_2 = WEIGHTS[1].T
    return agree("dJ/da⁽¹⁾", np.dot(np.column_stack([w_1, w_2]), dJdz), dJda)


@statement("D6", "dJda₁ = W₂ · dJdz₂, the observations next to each other as columns")
def D6() -> Finding:
    chain = network().gradients()
    return agree("dJda₁", formulas.dJda(WEIGHTS[1], chain.dJdz[2]), chain.dJda[1])


# E. Where the notes contradict themselves


@contradiction(
    "E1",
    "A3 has J = −Σᵢ, yet A5, A6, B3 and B5 carry 1/m",
    as_written="J = −Σᵢ { … }, a sum",
    that_holds="J = (1/m) Σᵢ J⁽ⁱ⁾, a mean",
)
def E1() -> tuple[Finding, Finding]:
    scalars = logistic()
    dJdz = scalars.gradients().dJdz[1]
    by_A5, by_A6 = formulas.dJdb(dJdz), formulas.dJdW(X, dJdz)

    def reading(J: Value) -> Finding:
        J.backward()
        dJdb, dJdw = gradients(scalars.b[1]), gradients(scalars.W[1])
        b, w = f"dJ/db = {show(dJdb)}", f"dJ/dw = {show(dJdw)}"
        if same(dJdb, by_A5) and same(dJdw, by_A6):
            return Finding(True, f"{b} = A5; {w} = A6")
        times = ratio([*dJdb.flat, *dJdw.flat], [*by_A5.flat, *by_A6.flat])
        return Finding(False, f"{b}, but A5 is {show(by_A5)}; {w}, but A6 is {show(by_A6)}: {times} times, and m = 4")

    return reading(scalars.J_sum), reading(scalars.J)


@contradiction(
    "E2",
    "A4, B1 and B2 write dJ/dz and dJ/da, with which J?",
    as_written="J = (1/m) Σᵢ J⁽ⁱ⁾: dJ/dz⁽ⁱ⁾ = a⁽ⁱ⁾ − y⁽ⁱ⁾",
    that_holds="J⁽ⁱ⁾, the cost of observation i: dJ⁽ⁱ⁾/dz⁽ⁱ⁾ = a⁽ⁱ⁾ − y⁽ⁱ⁾",
)
def E2() -> tuple[Finding, Finding]:
    scalars = logistic()
    z, by_A4 = scalars.z[1], formulas.dJdz_logistic(numbers(scalars.a[1]), Y)

    def reading(name: str, dJdz: Array) -> Finding:
        found = f"{name} = {show(dJdz)}"
        if same(dJdz, by_A4):
            return Finding(True, f"{found} = a − y")
        times = ratio(by_A4.flat, dJdz.flat)
        return Finding(False, f"{found}, but a − y = {show(by_A4)}: {times} times that, and m = 4")

    of_the_mean = np.array([[derivative(scalars.J, z_i) for z_i in z[0]]], object)
    of_one = np.array([[derivative(scalars.costs[0, i], z[0, i]) for i in range(4)]], object)
    return reading("dJ/dz", of_the_mean), reading("dJ⁽ⁱ⁾/dz⁽ⁱ⁾", of_one)


@contradiction(
    "E3",
    "the shape of dJ/db₂ in B3",
    as_written="(m, 1)",
    that_holds="(n₂, 1)",
)
def E3() -> tuple[Finding, Finding]:
    scalars = network()
    n_2, m = scalars.z[2].shape
    mean = formulas.dJdb(scalars.gradients().dJdz[2])
    linear = np.dot(WEIGHTS[1].T, numbers(scalars.a[1]))  # W^T a, to which b is added

    def reading(shape: tuple[int, int]) -> Finding:
        try:
            added = (linear + np.zeros(shape, int)).shape == (n_2, m)
        except ValueError:
            added = False
        can = "can" if added else "cannot"
        return Finding(
            mean.shape == shape and added,
            f"the mean over axis 1 has shape {mean.shape}; Wᵀa has shape {linear.shape},"
            f" a b of shape {shape} {can} be added",
        )

    return reading((m, 1)), reading((n_2, 1))


@contradiction(
    "E4",
    "A7 names its left side dz₁/dw₁ₚ",
    as_written="dz₁/dw₁ₚ = (1/m) Σᵢ dJ⁽ⁱ⁾/dz⁽ⁱ⁾ · x_p⁽ⁱ⁾",
    that_holds="dJ/dw₁ₚ = (1/m) Σᵢ dJ⁽ⁱ⁾/dz⁽ⁱ⁾ · x_p⁽ⁱ⁾",
)
def E4() -> tuple[Finding, Finding]:
    scalars = logistic()
    dJdz = scalars.gradients().dJdz[1][0]
    right_side = sum(dJdz * X[2]) / 4
    w_p = scalars.W[1][2, 0]
    dzdw = [derivative(z, w_p) for z in scalars.z[1][0]]
    dJdw = derivative(scalars.J, w_p)
    right = f"the right side is {show(right_side)}"
    observations = ", ".join(map(show, dzdw))
    return (
        Finding(all(x == right_side for x in dzdw), f"p = 3: dz⁽ⁱ⁾/dw₃ = {observations} for i = 1 to 4, but {right}"),
        Finding(dJdw == right_side, f"p = 3: dJ/dw₃ = {show(dJdw)}, and {right}"),
    )


@contradiction(
    "E5",
    "D1 stops at w_k1, without the activation",
    as_written="z_k = b_k + w_k1",
    that_holds="z_k = b_k + w_k1 · a₁ + …",
)
def E5() -> tuple[Finding, Finding]:
    b, w, a_1 = (Value(x) for x in (BIASES[1][0, 0], WEIGHTS[1][0, 0], numbers(network().a[1])[0, 0]))

    def reading(z: Value) -> Finding:
        uses = contributions(z, a_1)
        return Finding(
            a_1.grad == w.data,
            f"a₁ {'is' if uses else 'is not'} in the graph of z₁: dz₁/da₁ = {show(a_1.grad)}; w₁₁ = {show(w.data)}",
        )

    return reading(b + w), reading(b + w * a_1)


@contradiction(
    "E6",
    "D3, D4 and D6 mix up the layers",
    as_written="dJda₁ = W₂ · dJdz₁, and a₁ taken from layer 2",
    that_holds="dJda₁ = W₂ · dJdz₂, and a₁ from layer 1",
)
def E6() -> tuple[Finding, Finding]:
    scalars, square = network(), network(units=2)
    W2, chain = WEIGHTS[1], scalars.gradients()
    try:
        shapes_fit = np.dot(W2, chain.dJdz[1]).shape == chain.dJda[1].shape
    except ValueError:
        shapes_fit = False
    fit = "fit" if shapes_fit else "do not fit"
    in_square = square.gradients()
    wrong = np.dot(W2[:2], in_square.dJdz[1])
    same_layer = derivative(scalars.z[2][0, 0], scalars.a[2][0, 0])
    as_written = Finding(
        (shapes_fit and same(np.dot(W2, chain.dJdz[1]), chain.dJda[1])) or same(wrong, in_square.dJda[1]),
        f"shapes {W2.shape} and {chain.dJdz[1].shape} {fit}; where n₁ = n₂ = 2, entry [1, 1] is {show(wrong[0, 0])},"
        f" not {show(in_square.dJda[1][0, 0])}; dz₁[2]/da₁[2] = {show(same_layer)}: z comes before a",
    )
    exact = agree("dJda₁", formulas.dJda(W2, chain.dJdz[2]), chain.dJda[1])
    before = derivative(scalars.z[2][0, 0], scalars.a[1][0, 0])
    return as_written, Finding(
        exact.holds and before == W2[0, 0], f"{exact.evidence}; dz₁[2]/da₁[1] = {show(before)} = w₁₁"
    )


@contradiction(
    "E7",
    "D5's matrix shows rows of ones around one row of w's",
    as_written="rows 1 … 1 above and below the row w₁₁ … w_n₂1",
    that_holds="the strokes mark columns: column k is the weight vector w_k",
)
def E7() -> tuple[Finding, Finding]:
    chain = network().gradients()
    dJda, dJdz = chain.dJda[1][:, :1], chain.dJdz[2][:, :1]

    def reading(matrix: Array) -> Finding:
        found = f"{show(matrix)} · {show(dJdz)} = {show(np.dot(matrix, dJdz))}"
        if same(np.dot(matrix, dJdz), dJda):
            return Finding(True, f"{found} = dJ/da⁽¹⁾")
        return Finding(False, f"{found}, but dJ/da⁽¹⁾ = {show(dJda)}")

    ones = np.full((1, 2), Short(1))
    w_1, w_2 = WEIGHTS[1].T
    return reading(np.vstack([ones, WEIGHTS[1][:1], ones])), reading(np.column_stack([w_1, w_2]))


# How it is shown

_COLOURS = {HOLDS: "green", FAILS: "bold red", NOT_RUN: "yellow"}
_MARKS = {HOLDS: "✓ holds", FAILS: "✗ fails", NOT_RUN: "– not run"}

_PREFACE = (
    "Each statement is run on a graph of scalars, and the chain rule over that graph decides. The numbers are exact"
    " fractions, compared with ==. A short fraction near g(z) stands for g(z)"
    f" ({show(Short(1).sigmoid())} for g(1) = 0.731), so that you can check everything by hand.",
    "Logistic regression: p = 3, m = 4. Network: n₀ = 5, n₁ = 3, n₂ = 2, n₃ = 1, m = 4."
    " (1, 2; 3, 4) is a matrix with the rows 1, 2 and 3, 4.",
)
_ANY_SIZES = "From D1 to D6 for any n₁, n₂ and m; in the same way B4, B3, A7 and B5"
_LEGEND = (
    "k, s: units of layer 2, 1 to n₂. j, p: units of layer 1, 1 to n₁. i, r: observations, 1 to m. w[k,p]: weight of"
    " unit k for unit p. dJdz[k,i]: dJ⁽ⁱ⁾/dz of unit k, whatever it is. δ(i,r): 1 if i = r, else 0."
)


def _table(*headers: str) -> Table:
    table = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), expand=True)
    ratios = {"statement": 9, "reading": 9, "what was computed": 11, "step": 1}
    for header in headers:
        table.add_column(header, ratio=ratios.get(header), no_wrap=header not in ratios)
    return table


def _tables(found: Notes) -> Iterator[RenderableType]:
    yield Text("The notes, executed", style="bold")
    yield from map(Text, (*_PREFACE, ""))
    for letter, title in SECTIONS.items():
        claims = [claim for claim in found if claim.id.startswith(letter)]
        if not claims:
            continue
        yield Text(title, style="bold")
        table = _table("id", "reading" if letter == "E" else "statement", "verdict", "what was computed")
        for claim in claims:
            for id, text, verdict, style, evidence in _rows(claim):
                table.add_row(id, Text(text), Text(verdict, style=style), Text(evidence))
        yield table
    yield Text(_ANY_SIZES, style="bold")
    if not found.derivation:
        yield Text(f"not run: {NEEDS_SYMPY}", style=_COLOURS[NOT_RUN])
    else:
        yield Text(_LEGEND)
        table = _table("id", "step", "verdict")
        for step in found.derivation:
            verdict = HOLDS if step.holds else FAILS
            rule = Text(f"{step.text}\n").append(f"  {_reason(step)}", style="italic")
            table.add_row(step.id, rule, Text(_MARKS[verdict], style=_COLOURS[verdict]))
        yield table
    yield Text(found.summary, style="bold green" if found else "bold red")


def _reason(step: Step) -> str:
    return step.rule if step.holds else f"{step.rule}? It should be {as_text(step.says)}"


def _rows(claim: Claim) -> Iterator[tuple[str, str, str, str, str]]:
    """The table rows of a claim: id, text, verdict, its colour, evidence."""
    if claim.as_written is None or claim.that_holds is None:
        yield claim.id, claim.statement, _MARKS[claim.verdict], _COLOURS[claim.verdict], claim.evidence
        return
    yield claim.id, claim.statement, "", "", ""
    for name, reading, wanted in (("as written", claim.as_written, FAILS), ("that holds", claim.that_holds, HOLDS)):
        expected = reading.verdict in (wanted, NOT_RUN)
        style = "green" if expected and wanted == HOLDS else "yellow" if expected else "bold red"
        yield "", f"{name}: {reading.statement}", _MARKS[reading.verdict], style, reading.evidence


_CSS = {"green": "color:#00694d", "bold red": "color:#a3280f;font-weight:bold", "yellow": "color:#7a5600"}


def _html_cell(tag: str, text: str, style: str = "") -> str:
    return f'<{tag} style="text-align:left;{style}">{html.escape(text)}</{tag}>'


def _html_table(headers: Iterable[str], rows: Iterable[Iterable[tuple[str, str]]]) -> str:
    head = "".join(_html_cell("th", header) for header in headers)
    body = "".join(
        "<tr>" + "".join(_html_cell("td", text, _CSS.get(style, "")) for text, style in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_rows(claims: Iterable[Claim]) -> list[list[tuple[str, str]]]:
    return [
        [(id, ""), (text, ""), (verdict, style), (evidence, "")]
        for claim in claims
        for id, text, verdict, style, evidence in _rows(claim)
    ]


def _as_html(found: Notes) -> str:
    """The notes as an HTML fragment."""
    cell, table = _html_cell, _html_table
    parts = [cell("p", "The notes, executed", "font-weight:bold"), *(cell("p", line) for line in _PREFACE)]
    for letter, title in SECTIONS.items():
        rows = _html_rows(claim for claim in found if claim.id.startswith(letter))
        parts += [
            cell("p", title, "font-weight:bold"),
            table(("id", "statement", "verdict", "what was computed"), rows),
        ]
    parts.append(cell("p", _ANY_SIZES, "font-weight:bold"))
    if found.derivation:
        steps = [
            [(s.id, ""), (s.text, ""), (_reason(s), ""), (_MARKS[v], _COLOURS[v])]
            for s in found.derivation
            for v in [HOLDS if s.holds else FAILS]
        ]
        parts += [cell("p", _LEGEND), table(("id", "step", "why", "verdict"), steps)]
    else:
        parts.append(cell("p", f"not run: {NEEDS_SYMPY}"))
    parts.append(cell("p", found.summary, _CSS["green" if found else "bold red"]))
    return f'<div class="backprop-notes">{"".join(parts)}</div>'
