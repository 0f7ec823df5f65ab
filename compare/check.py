"""`gradcheck`, `check_vjp` and `check_network`: three doors to one check.

The forward code runs, unmodified, on a graph of scalars, and the engine gets the gradients from the graph. The
hand-written code runs on plain numbers of the same type. So both sides are numbers of one type and compare exactly.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import linecache
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd.number.vocabulary import shadows
from compare.report.lines import Line, Reading
from compare.report.report import CONVENTION, DIFFERENT, DIGITS, INHERITED, PROVED, STABILISED, UNSTABLE, Report, Row
from compare.subject.arithmetic import precise
from compare.subject.functions import Gradients
from compare.subject.layer import Layer
from compare.subject.names import NAMES
from compare.subject.pair import Pair
from compare.subject.points import redrawn
from compare.subject.refusals import holes
from compare.subject.runs import CANNOT, Runs
from compare.subject.state import one_world
from compare.subject.subject import ONE_AT_A_TIME, Subject, UserCode
from compare.subject.trees import described
from compare.subject.usercode import Function, UnusableCode, call_users, name_of, parameter_names, required_count
from compare.subject.watch import watch
from compare.verdict.audit import audit, impure
from compare.verdict.blocks import in_blocks, places_of, spoiling_blocks
from compare.verdict.figures import about_floats, mismatches, peak_memory, ulps
from compare.verdict.formula import Finding, Formula
from compare.verdict.inherited import inherited
from compare.verdict.kinks import conventions
from compare.verdict.numbers import Numbers, another_way
from compare.verdict.stabiliser import stabilised

if TYPE_CHECKING:
    from compare.reason.diagnosis import Diagnosis
    from matrix_backprop import Network

__all__ = [
    "GradcheckError",
    "UnusableCode",
    "check_jacobian",
    "check_network",
    "check_same",
    "check_vjp",
    "gradcheck",
    "proofread",
    "watch",
]

Array = NDArray[Any]

BITS = 200  # of the long floats that tell an overflow in float64 from a cost that is none


class GradcheckError(AssertionError):
    """Raised by a check that failed; its message is the report, which is `error.report`."""

    __module__ = "compare"  # the name under which a traceback shows it

    def __init__(self, report: Report) -> None:
        super().__init__(f"{report.headline}\n{report}")
        self.report = report


def gradcheck(
    cost: Function,
    gradients: Function,
    params: Any,
    *args: Any,
    arithmetic: str | None = None,
    seed: int = 0,
    raise_exception: bool = True,
    progress: Callable[[str], None] | None = None,
    generic: bool = False,
    diagnose: bool = True,
    blocks: Mapping[str, Any] | None = None,
) -> Report:
    """Check `gradients(params, *args)`, written by hand, exactly: against the chain rule over `cost(params, *args)`.

    >>> def cost(params, X, y):
    ...     return np.sum((np.dot(params["w"], X) + params["b"] - y) ** 2)
    >>> def gradients(params, X, y):
    ...     d = 2 * (np.dot(params["w"], X) + params["b"] - y)
    ...     return {"w": np.dot(d, X.T), "b": np.sum(d)}
    >>> params = {"w": np.array([0.5, -1.0]), "b": 0.25}
    >>> X, y = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, -1.0]]), np.array([1.0, 0.0, 2.0])
    >>> bool(gradcheck(cost, gradients, params, X, y))
    True

    `cost` gives a scalar (or a tuple that begins with it); `params` is a dict, list, tuple (also nested) or one array,
    and `gradients` gives the same structure, under the same names or dW for W. Arrays and numbers of floats are
    recorded, integers and booleans are left alone, nothing of the caller's is changed. Gradients of arrays that `cost`
    names with `watch` may be among them. `generic=True` checks at a random point of similar scale instead
    (whole numbers among the data stay); `diagnose=False` looks for no reasons. `arithmetic` and `seed` as in
    `check_network`. Parts of one flat vector can be named, `blocks={"W": slice(0, 6), "b": slice(6, 8)}`: the report
    then has a row for each.

    Returns a true Report, or raises GradcheckError; with `raise_exception=False` the report either way. Raises
    UnusableCode (a ValueError) where the code cannot be run at all.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    subject = Gradients(cost, gradients, params, args, seed)
    subject = subject.moved(redrawn(seed)) if generic else subject
    places = places_of(blocks, subject.arrays) if blocks else {}
    return _finish(check(subject, arithmetic, seed, progress, diagnose, places), raise_exception)


def check_vjp(
    forward: Function,
    backward: Function,
    inputs: Sequence[Any] | Mapping[str, Any],
    arithmetic: str | None = None,
    seed: int = 0,
    raise_exception: bool = True,
    progress: Callable[[str], None] | None = None,
    generic: bool = False,
    diagnose: bool = True,
) -> Report:
    """Check a layer exactly: `backward(dout, cache)` against the chain rule over `forward(*inputs)`, for any dout.

    >>> def forward(x, w):
    ...     return x @ w, (x, w)
    >>> def backward(dout, cache):
    ...     x, w = cache
    ...     return dout @ w.T, x.T @ dout
    >>> bool(check_vjp(forward, backward, (np.ones((4, 3)), np.ones((3, 2)))))
    True

    `forward` gives out, or (out, cache); `backward` is then called with dout, or with dout and cache, and gives the
    gradients of the inputs: in their order (those of float inputs), or as a dict by `forward`'s parameter names.
    J = sum(out * dout) turns the layer into a scalar; dout is drawn at random. Inputs are a tuple, or a dict of keyword
    arguments. Returns and raises as `gradcheck`.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    subject = Layer(forward, backward, inputs, seed)
    subject = subject.moved(redrawn(seed)) if generic else subject
    return _finish(check(subject, arithmetic, seed, progress, diagnose), raise_exception)


def proofread(first: Function, second: Function, point: Any, *args: Any, seed: int = 0) -> Reading:
    """Read a backward pass line by line: what each line is, which is mistaken, and what it ought to be.

    >>> def forward(x, w):
    ...     return np.tanh(x @ w), (x, w, np.tanh(x @ w))
    >>> def backward(dout, cache):
    ...     x, w, a = cache
    ...     dz = dout * (1 - a ** 2)
    ...     return dz @ w.T, x.T @ dz
    >>> [line.status for line in proofread(forward, backward, (np.ones((4, 3)), np.eye(3)))]
    ['right', 'right', 'right']

    The arguments are those of `gradcheck` (cost, gradients, params, ...) or of `check_vjp` (forward, backward, inputs).
    Works for code that is right and for code that is wrong. Raises UnusableCode (a ValueError) where the code cannot
    be run, or where its source is not at hand.
    """
    subject = _read_as(first, second, point, args, seed)
    report = check(subject, None, seed, None, diagnose=True)
    if not report.lines:
        raise UnusableCode(f"the source of {name_of(second)} is not at hand: no line of it can be read")
    forward = functools.partial(_forward_lines, subject)
    return Reading(report.title, report.lines, report.mistakes, report.unexplained, forward=forward)


def check_same(first: Function, second: Function, inputs: Sequence[Any] | Mapping[str, Any], seed: int = 0) -> Report:
    """Check that two backward passes are the same function, or find where they differ: for a refactoring, a fused form.

    >>> def plain(dout, a):
    ...     return dout * (1 - a) * (1 + a)
    >>> def fused(dout, a):
    ...     return dout - dout * a ** 2
    >>> bool(check_same(plain, fused, (np.ones(3), np.array([0.1, 0.2, 0.3]))))
    True

    Both are called with the inputs, a tuple or a dict of keyword arguments, and give arrays, or dicts or tuples of
    arrays. Every output is compared in the strongest arithmetic there is, as formulas of all inputs.
    """
    subject = Pair(first, second, inputs, seed)
    return check(subject, None, seed, None, diagnose=False)


def check_jacobian(
    residuals: Function, jacobian: Function, x: ArrayLike, *args: Any, seed: int = 0, raise_exception: bool = True
) -> Report:
    """Check a Jacobian written by hand, exactly: entry [i, j] is the derivative of residual i by x[j].

    >>> def residuals(x, t, y):
    ...     return x[0] * np.exp(x[1] * t) - y
    >>> def jacobian(x, t, y):
    ...     e = np.exp(x[1] * t)
    ...     return np.stack([e, x[0] * t * e], axis=1)
    >>> t, y = np.array([0.5, 1.0, 1.5]), np.array([1.0, 2.5, 4.0])
    >>> check_jacobian(residuals, jacobian, [1.0, 0.5], t, y)["x"].shape
    (3, 2)

    `residuals(x, *args)` gives m numbers for x of shape (n,), and `jacobian(x, *args)` an array (m, n), as
    `scipy.optimize.least_squares` wants them. Each residual gets an x of its own, so that one cost has the whole
    Jacobian for its gradient. Returns and raises as `gradcheck`.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    point = np.asarray(x, float)
    first = np.asarray(call_users(residuals, point.copy(), *args))
    if point.ndim != 1 or first.ndim != 1:
        raise UnusableCode(f"x has shape {point.shape} and the residuals {first.shape}: both must be vectors")
    shape = np.shape(call_users(jacobian, point.copy(), *args))
    if shape != (first.size, point.size):
        of = f"{first.size} residuals by {point.size} numbers"
        raise UnusableCode(f"your Jacobian has shape {shape}; of {of} it is due")

    def cost(rows: Any, *given: Any) -> Any:
        terms = [residuals(rows["x"][k], *given)[k] for k in range(first.size)]
        return sum(terms[1:], start=terms[0])

    def by_hand(rows: Any, *given: Any) -> Any:
        return {"x": np.stack([jacobian(rows["x"][k], *given)[k] for k in range(first.size)])}

    subject = Gradients(cost, by_hand, {"x": np.tile(point, (first.size, 1))}, args, seed)
    subject.title = f"{name_of(jacobian)} against the chain rule over {name_of(residuals)}"
    return _finish(check(subject, None, seed, None, diagnose=True), raise_exception)


def _read_as(first: Function, second: Function, point: Any, args: tuple[Any, ...], seed: int) -> UserCode:
    """A cost and its gradients, or a layer: told by how many arguments the first function takes."""
    if args:
        return Gradients(first, second, point, args, seed)
    count = required_count(first)
    layer_first = (
        isinstance(point, Mapping) and count == len(point) and set(point) <= set(parameter_names(first, count))
    )
    layer_first |= isinstance(point, (tuple, list)) and count > 1
    kinds: list[Callable[[], UserCode]] = [
        lambda: Gradients(first, second, point, args, seed),
        lambda: Layer(first, second, point, seed),
    ]
    try:
        return kinds[layer_first]()
    except UnusableCode:
        with contextlib.suppress(UnusableCode, TypeError, AttributeError):
            return kinds[not layer_first]()
        raise


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

    >>> from matrix_backprop import Network
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
    from compare.subject.network import NetworkSubject  # with the formulas, which a user's code does not need

    subject = NetworkSubject(net, np.array(X), np.array(Y), title)
    return check(subject, arithmetic, seed, progress, diagnose=False)


def _finish(report: Report, raise_exception: bool) -> Report:
    __tracebackhide__ = True  # pytest shows the line of the test
    if raise_exception and not report:
        raise GradcheckError(report)
    return report


def check(
    subject: Subject,
    arithmetic: str | None,
    seed: int,
    progress: Callable[[str], None] | None,
    diagnose: bool,
    blocks: Mapping[str, Array] | None = None,
) -> Report:
    """Both sides of a subject in the strongest arithmetic that can decide, and why they differ."""
    if arithmetic is not None and arithmetic not in NAMES:
        raise ValueError(f"there is no arithmetic {arithmetic!r}: the known ones are {', '.join(NAMES)}")
    linecache.checkcache()  # a file that was edited and loaded again is read again
    with ONE_AT_A_TIME, one_world():
        differs = subject.differs_between_runs() if isinstance(subject, UserCode) else ""
        if differs:
            raise UnusableCode(differs)
        return _checked(subject, arithmetic, seed, progress or (lambda step: None), diagnose, blocks or {})


def _checked(
    subject: Subject,
    arithmetic: str | None,
    seed: int,
    tell: Callable[[str], None],
    diagnose: bool,
    blocks: Mapping[str, Array],
) -> Report:
    expressions = subject.expressions() if arithmetic == "symbolic" else {}
    runs = Runs(subject, tell, tape=arithmetic in (None, "residue", "exact", "symbolic"), bounds=True)
    if isinstance(subject, UserCode):
        _refuse_no_cost(runs)
    formula = Formula(runs, arithmetic, seed)
    findings = formula.findings
    if formula.remarks and not formula.evidence:
        raise UnusableCode(formula.remarks[-1])
    numbers = Numbers(runs)
    if arithmetic is None:
        findings = {name: x if x.verdict == DIFFERENT else numbers.judged(name, x) for name, x in findings.items()}
        if says := another_way(runs):
            findings = {name: x._replace(verdict=DIFFERENT, says=says) for name, x in findings.items()}
    problems = dict.fromkeys(findings, "")
    if isinstance(subject, UserCode):
        problems = {
            name: _problem(name, runs.floats.ours[name], x.equal.shape, subject.without(name))
            for name, x in findings.items()
        }
    wrong = [name for name, x in findings.items() if x.verdict == DIFFERENT and not problems[name] and not x.says]
    for name in conventions(runs, {name: findings[name].equal for name in wrong}, seed) if wrong else ():
        findings[name] = findings[name]._replace(verdict=CONVENTION)
    wrong = [name for name in runs.order if findings[name].verdict == DIFFERENT and not problems[name]]
    for name, says in (stabilised(runs, wrong, seed) if arithmetic is None else {}).items():
        findings[name] = findings[name]._replace(verdict=STABILISED, says=says)
    wrong = [name for name in runs.order if findings[name].verdict == DIFFERENT]
    because, raised = inherited(runs, formula, wrong, problems) if wrong else ({}, {})
    rows = []
    for name in runs.order:
        row = _row(runs, name, findings[name], problems[name], because.get(name, ""), expressions.get(name, ""))
        rows.append(dataclasses.replace(row, problem=raised[name]) if name in raised else row)
    wrong = [row.name for row in rows if row.verdict == DIFFERENT]
    found: Diagnosis | None = None
    if diagnose and wrong and isinstance(subject, UserCode):
        tell("looking for the mistake")
        found = _diagnosis(subject, runs, formula, wrong, seed)
    evidence = [text for verdict, text in formula.evidence.items() if any(row.verdict == verdict for row in rows)]
    if any(row.verdict == CONVENTION for row in rows):
        evidence.append(
            "another convention: J has no derivative at this point, where a relu, abs, max or min is at its kink or at"
            " a tie; your slope there is another choice than the chain rule's, and at points nearby both are the same."
        )
    evidence += [f"d{row.name}: {row.says}." for row in rows if row.verdict == STABILISED]
    evidence += about_floats(runs, rows)
    facts = {**subject.facts(), "arithmetic": arithmetic or "strongest", "seed": seed}
    if not runs.knows_truth:
        facts["peak_memory_mb"] = round(peak_memory())
    if isinstance(subject, UserCode):
        evidence += [
            *subject.remarks(runs.order),
            *impure(subject),
            *(f"test point: {warning}" for warning in audit(runs)),
        ]
    evidence += [f"recorded on Values, not on a tape: {runs.refusal}."] if runs.refusal else []
    mistakes = found.mistakes if found else []
    if blocks:
        right = DIGITS if DIGITS in formula.evidence else next(iter(formula.evidence), PROVED)
        rows = [part for row in rows for part in in_blocks(runs, row, findings[row.name], blocks, right)]
        mistakes = spoiling_blocks(mistakes, rows)
    read: Callable[[], Sequence[Line]] | None = None
    if isinstance(subject, UserCode):
        read = functools.partial(_lines, subject, found, bool(wrong))
    return Report(
        subject.title,
        rows,
        subject.preface(),
        evidence,
        facts,
        ours=subject.ours,
        theirs=subject.theirs,
        subject=subject,
        mistakes=mistakes,
        remarks=found.remarks if found else [],
        read=read,
    )


def _diagnosis(subject: UserCode, runs: Runs, formula: Formula, wrong: list[str], seed: int) -> Diagnosis:
    """The mistakes; what is equal at this point only is looked at where it is not."""
    from compare.reason.diagnosis import diagnosis  # much that code which is right never needs

    point = next((formula.elsewhere[name] for name in wrong if name in formula.elsewhere), None)
    if point is not None and isinstance(point.subject, UserCode):
        return diagnosis(point.subject, point.floats, wrong, seed)
    return diagnosis(subject, runs.floats, wrong, seed)


def _forward_lines(subject: UserCode) -> Sequence[Line]:
    from compare.reason.diagnosis import forward_lines

    return forward_lines(subject)


def _lines(subject: UserCode, found: Diagnosis | None, wrong: bool) -> Sequence[Line]:
    """The lines of the backward pass; of one that is wrong only where they were looked for."""
    from compare.reason.diagnosis import lines

    return found.lines if found else [] if wrong else lines(subject)


def _refuse_no_cost(runs: Runs) -> None:
    """A cost that is no number has no gradient; one that overflows in float64 alone has."""
    if np.isfinite(runs.J):
        return
    try:
        J = runs.subject.traced(precise(BITS))[0].data
        found = bool(np.isfinite(shadows(J)))
    except CANNOT:
        found = False
    if not found:
        found_holes = "; ".join(holes(runs.subject.named()))
        look = "look for a logarithm of 0, a division by 0, an overflow, or nan in the data"
        raise UnusableCode(f"J is {runs.J} at this point, where nothing can be compared: {found_holes or look}")


def _row(runs: Runs, name: str, finding: Finding, problem: str, because: str, expression: str) -> Row:
    """The row of one gradient."""
    statement, formula = runs.subject.statement(name)
    verdict = INHERITED if because else finding.verdict
    ok = verdict not in (UNSTABLE, DIFFERENT, INHERITED)
    figures: dict[str, Any] = ulps(runs, name, ok and verdict not in (STABILISED, CONVENTION))
    return Row(
        name=name,
        statement=statement,
        formula=formula,
        shape=finding.equal.shape,
        equal=finding.equal.size if ok else int(finding.equal.sum()),
        size=finding.equal.size,
        verdict=verdict,
        because=because,
        problem=problem,
        says=finding.says,
        mismatches=() if ok or problem else mismatches(runs, name, finding.equal, in_floats=bool(finding.says)),
        expression=expression,
        **figures,
    )


def _problem(name: str, ours: Any, shape: tuple[int, ...], without: str) -> str:
    """What makes an array none that could be compared."""
    if without or ours is None:
        return without or f"your code gives no gradient for {name}: nothing was compared"
    if np.shape(ours) != shape:
        return f"your gradient has shape {np.shape(ours)}, but {name} has shape {shape}"
    if ours.dtype.kind not in "fiub":
        return f"your gradient is no array of numbers: {described(ours)}"
    wrong = np.argwhere(~np.isfinite(ours))
    return f"your gradient is {ours[tuple(wrong[0])]} at {wrong[0].tolist()}" if len(wrong) else ""
