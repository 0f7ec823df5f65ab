"""`gradcheck` and `check_vjp`: anyone's hand-written backward pass against the chain rule over its own forward pass.

The forward code runs, unmodified, on Values and leaves a graph; the engine gets the gradients from the graph. The
backward code runs on plain numbers of the same type. So both sides are numbers of one type and compare exactly.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import inspect
import linecache
import random
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import TapeArray, Value, ValueArray, graph, numbers, total, values
from autograd import gradients as gradients_of
from autograd.graph.edges import backward_with
from autograd.number.residue import ZeroResidue
from autograd.record.places import call, is_users
from autograd.record.running import recording
from autograd.record.values import holds_nodes
from compare.reason.edit import MOST_REASONS, UNSURE, Known, Reason
from compare.reason.of_the_array import only_some
from compare.reason.repair import repairs
from compare.reason.search import Diagnosis, expanded
from compare.report.report import CONVENTION, DIFFERENT, INHERITED, PROVED, Mismatch, Report, Row, counted
from compare.subject.arithmetic import NAMES, Arithmetic, digits, precise
from compare.subject.state import unchanged
from compare.verdict import tape as taped
from compare.verdict.audit import audit, audit_data
from compare.verdict.court import Court, Judge, Sides, about_floats, largest_difference

Array = NDArray[Any]
Function = Callable[..., Any]


class GradcheckError(AssertionError):
    """Raised by a check that failed; its message is the report, which is `error.report`."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"\n{report}")
        self.report = report


class UnusableCode(ValueError):
    """Raised where code cannot be checked at all: it raises, gives no scalar, or drops its parameters."""


_watched: list[dict[str, Any]] = []  # one record for each forward pass that is being recorded


def watch(name: str, array: Any) -> Any:
    """Give an intermediate result of a forward pass a name, so that its gradient is compared too; returns the array.

    >>> a1 = watch("a1", np.tanh(np.array([0.0, 1.0])))

    Outside a check it does nothing. `gradients` may return a gradient under the same name; a second array of the same
    name, in a loop say, is called name#2.
    """
    if _watched and (isinstance(array, TapeArray) or holds_nodes(array)):
        record = _watched[-1]
        count = 1 + sum(key.split("#")[0] == name for key in record)
        record[name if count == 1 else f"{name}#{count}"] = array
    return array


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
    `check_network`.

    Returns a true Report, or raises GradcheckError; with `raise_exception=False` the report either way. Raises
    UnusableCode (a ValueError) where the code cannot be run at all.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    task: Task = _Gradients(cost, gradients, params, args, seed)
    task = task.moved(_redrawn(seed)) if generic else task
    return _finish(_check(task, arithmetic, seed, progress, diagnose), raise_exception)


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
    task: Task = _Layer(forward, backward, inputs, seed)
    task = task.moved(_redrawn(seed)) if generic else task
    return _finish(_check(task, arithmetic, seed, progress, diagnose), raise_exception)


def _finish(report: Report, raise_exception: bool) -> Report:
    __tracebackhide__ = True  # pytest shows the line of the test
    if raise_exception and not report:
        raise GradcheckError(report)
    return report


# A task: a user's code, to be run in any arithmetic

_FLOATS = Arithmetic("float64", lambda _, x: float(x), float)  # float64 in arrays that can hold Values


class Task:
    """A user's code: what is recorded, how the forward pass is run, how the gradients are.

    `arrays` are the recorded arrays by name. `functions` are the user's.
    """

    arrays: dict[str, Array]
    functions: tuple[Function, ...]
    title: str
    scope: str

    @functools.cached_property
    def buffers(self) -> set[int]:
        """Arrays of floats that the user's code changes in place from run to run, by id."""
        return set()

    def known(self) -> list[Known]:
        """Sizes and numbers that a constant factor may be."""
        found: dict[float, list[str]] = {}
        for name, x in self.named():
            if isinstance(x, np.ndarray):
                for axis, size in enumerate(x.shape):
                    what = "rows" if axis == 0 else "columns" if axis == 1 else f"entries along axis {axis}"
                    found.setdefault(size, []).append(f"the {what} of {name}")
                if x.ndim > 1:
                    found.setdefault(x.size, []).append(f"the entries of {name}")
            elif isinstance(x, (int, float)) and not isinstance(x, bool):
                found.setdefault(x, []).append(name)
        return [Known(float(x), f"{x:g} = {' = '.join(names[:3])}") for x, names in found.items() if x not in (0, 1)]

    def named(self) -> Iterator[tuple[str, Any]]:
        """The arguments of the user's code by name."""
        yield from self.arrays.items()

    def cost(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> Any:
        """J, from arrays of Values or of floats."""
        raise NotImplementedError

    def by_hand(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> dict[str, Any]:
        """The user's gradients by name."""
        raise NotImplementedError

    def forward(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> tuple[Value, dict[str, Any]]:
        """J as a node, and the watched arrays."""
        _watched.append({})
        try:
            J = self.cost(given, arithmetic)
        finally:
            record = _watched.pop()
        return J, {name: array for name, array in record.items() if isinstance(array, (np.ndarray, Value, TapeArray))}

    @contextlib.contextmanager
    def running(self, record: bool = True) -> Iterator[None]:
        """The state of the world is the same for each run of the user's code, and afterwards as it was."""
        state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 (what the user's code may use)
        try:
            recorded = recording(*map(_function, self.functions)) if record else contextlib.nullcontext()
            kept = unchanged(self.functions, self.buffers, record)
            with kept, recorded, np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # what comes out is looked at anyway
                yield
        finally:
            np.random.set_state(state)  # noqa: NPY002
            random.setstate(python_state)

    def moved(self, move: Callable[[Array], Array], data: bool = True) -> Task:
        """The same code at another point: each recorded array moved, and with `data` the other float arrays too."""
        raise NotImplementedError

    def backward_call(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> tuple[Function, list[Any]]:
        """The function that gives the user's gradients, and what it is called with."""
        raise NotImplementedError

    def prepare(self, arithmetic: Arithmetic) -> None:
        """Called before a run in other numbers."""

    def graph(
        self, given: dict[str, Any], arithmetic: Arithmetic | None
    ) -> tuple[Value, dict[str, Any], dict[str, Any]]:
        """J, the watched arrays and the inputs as Values."""
        inputs = {name: values(x, name) for name, x in given.items()}
        with self.running():
            nodes = {name: x.copy() if x.ndim else x.item() for name, x in inputs.items()}
            J, watched = self.forward(nodes, arithmetic or _FLOATS)
        return J, watched, inputs

    def traced(self, arithmetic: Arithmetic | None) -> tuple[Value, dict[str, Any], Sides]:
        """J, the nodes whose gradients are compared, and both sides, in these numbers.

        None is float64, where the user's gradients are what they are without us.
        """
        given = self._given(arithmetic)
        J, watched, inputs = self.graph(given, arithmetic)
        J.backward()
        chain = {name: np.asarray(gradients_of(x)) for name, x in (inputs | watched).items()}
        ours = self._by_hand(given, arithmetic)
        return J, inputs | watched, Sides({name: _as_array(ours.get(name)) for name in chain}, chain)

    def by_hand_in(self, arithmetic: Arithmetic, names: list[str]) -> dict[str, Any]:
        """These gradients of the user's in these numbers, without a graph."""
        ours = self._by_hand(self._given(arithmetic), arithmetic)
        return {name: _as_array(ours.get(name)) for name in names}

    def _given(self, arithmetic: Arithmetic | None) -> dict[str, Array]:
        if arithmetic is None:
            return {name: array.copy() for name, array in self.arrays.items()}
        self.prepare(arithmetic)
        return {name: _as_numbers(array, arithmetic, name) for name, array in self.arrays.items()}

    def _by_hand(self, given: dict[str, Array], arithmetic: Arithmetic | None) -> dict[str, Any]:
        with self.running(record=arithmetic is not None):
            copies = {name: _plain_copy(x) if arithmetic is None else _owned(x) for name, x in given.items()}
            return self.by_hand(copies, arithmetic)


class _Gradients(Task):
    """cost(params, *args) and gradients(params, *args)."""

    def __init__(self, cost: Function, gradients: Function, params: Any, args: tuple[Any, ...], seed: int) -> None:
        self.cost_function, self.gradients, self.params, self.args, self.seed = cost, gradients, params, args, seed
        self.functions = (cost, gradients)
        self.root = "" if isinstance(params, Mapping) else _parameters(cost, 1)[0]
        self.arrays = dict(_leaves(params, self.root))
        if not self.arrays:
            raise UnusableCode(f"params holds no array or number of floats to differentiate: {_shape_of(params)}")
        _refuse_bad_arrays(self.arrays)
        self.title = f"{_name(gradients)} against the chain rule over {_name(cost)}"
        self.scope = "all parameters (on this branch of the code, for these data)"
        with self.running(record=False), contextlib.suppress(UnusableCode):  # to see which buffers it changes
            _run(
                cost,
                _rebuilt(params, {name: _plain_copy(x) for name, x in self.arrays.items()}, self.root),
                *self._args(None),
            )

    def cost(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> Any:
        J = _run(self.cost_function, _rebuilt(self.params, given, self.root), *self._args(arithmetic))
        return _scalar(J, self.cost_function)

    def by_hand(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> dict[str, Any]:
        function, arguments = self.backward_call(given, arithmetic)
        found = _run(function, *arguments)
        return _matched(
            _without_loss(found, self.params), self.params, list(self.arrays), self.root, _name(self.gradients)
        )

    def named(self) -> Iterator[tuple[str, Any]]:
        names = _parameters(self.cost_function, 1 + len(self.args))[1:]
        for name, arg in zip(names, self.args, strict=True):
            yield from arg.items() if isinstance(arg, Mapping) else [(name, arg)]
        yield from self.arrays.items()

    def backward_call(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> tuple[Function, list[Any]]:
        return self.gradients, [_rebuilt(self.params, given, self.root), *self._args(arithmetic)]

    def moved(self, move: Callable[[Array], Array], data: bool = True) -> Task:
        params = _rebuilt(self.params, {name: move(x)[()] for name, x in self.arrays.items()}, self.root)
        args = tuple(_moved(arg, move) for arg in self.args) if data else self.args
        return _Gradients(self.cost_function, self.gradients, params, args, self.seed)

    def _args(self, arithmetic: Arithmetic | None) -> list[Any]:
        return [_given(arg, arithmetic) for arg in self.args]


class _Layer(Task):
    """forward(*inputs) and backward(dout, cache)."""

    def __init__(
        self, forward: Function, backward: Function, inputs: Sequence[Any] | Mapping[str, Any], seed: int
    ) -> None:
        self.forward_function, self.backward, self.functions = forward, backward, (forward, backward)
        self.keywords, self.seed = isinstance(inputs, Mapping), seed
        if isinstance(inputs, np.ndarray):
            inputs = (inputs,)
        names = list(inputs) if isinstance(inputs, Mapping) else _parameters(forward, len(inputs))
        self.inputs = dict(inputs) if isinstance(inputs, Mapping) else dict(zip(names, inputs, strict=True))
        self.arrays = dict(_leaves(self.inputs, ""))
        if not self.arrays:
            raise UnusableCode(f"inputs holds no array or number of floats to differentiate: {_shape_of(inputs)}")
        _refuse_bad_arrays(self.arrays)
        self.title = f"{_name(backward)} against the chain rule over {_name(forward)}"
        self.scope = "all inputs and upstream gradients (on this branch of the code)"
        with self.running(record=False):
            out, _ = self._out({name: _plain_copy(x) for name, x in self.arrays.items()}, None)
        # not default_rng(seed), which people's own data come from: an upstream gradient equal to x is a special one
        self.dout = np.random.default_rng([seed, 2**31]).normal(size=np.shape(out))

    def cost(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> Any:
        out, _ = self._out(given, arithmetic)
        if isinstance(out, TapeArray):
            return np.sum(out * self._dout(arithmetic))
        terms = np.asarray(out, object) * self._dout(arithmetic)
        J = total(terms.flat)
        return _scalar(J, self.forward_function)

    def by_hand(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> dict[str, Any]:
        function, arguments = self.backward_call(given, arithmetic)
        found = _run(function, *arguments)
        return _matched(found, self.inputs, list(self.arrays), "", _name(self.backward))

    def backward_call(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> tuple[Function, list[Any]]:
        _, cache = self._out(given, arithmetic)
        dout = self._dout(arithmetic)
        dout = dout.copy().view(ValueArray) if dout.dtype == object else dout.copy()
        extra = [] if cache is None and _positional(self.backward) < 2 else [cache]
        return self.backward, [dout if dout.ndim else dout[()], *extra]

    def moved(self, move: Callable[[Array], Array], data: bool = True) -> Task:
        inputs = _rebuilt(self.inputs, {name: move(x)[()] for name, x in self.arrays.items()}, "")
        return _Layer(self.forward_function, self.backward, inputs if self.keywords else [*inputs.values()], self.seed)

    def prepare(self, arithmetic: Arithmetic) -> None:
        self._numbers = arithmetic.variables(self.dout, "dout")

    def _out(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> tuple[Any, Any]:
        inputs = _rebuilt(self.inputs, given, "", lambda x: _given(x, arithmetic))
        found = (
            _run(self.forward_function, **inputs) if self.keywords else _run(self.forward_function, *inputs.values())
        )
        return found if isinstance(found, tuple) and len(found) == 2 else (found, None)

    def _dout(self, arithmetic: Arithmetic | None) -> Array:
        return self.dout if arithmetic in (None, _FLOATS) else self._numbers


def _check(
    task: Task, arithmetic: str | None, seed: int, progress: Callable[[str], None] | None, diagnose: bool
) -> Report:
    """Both sides of a task in the strongest arithmetic that can decide, and why they differ."""
    if arithmetic is not None and arithmetic not in NAMES:
        raise ValueError(f"there is no arithmetic {arithmetic!r}: the known ones are {', '.join(NAMES)}")
    tell = progress or (lambda step: None)

    def run(numbers_of: Arithmetic) -> Sides:
        tell(numbers_of.name)
        return task.traced(numbers_of)[2]

    refusal = ""
    if arithmetic in (None, "residue") and taped.is_large(task):
        proof = _on_tape(task, seed, tell, diagnose)
        if isinstance(proof, Report):
            return proof
        refusal = f"recorded on Values, not on a tape: {proof}." if proof else ""

    floats, order, traced = _first_run(task)
    court = Court(run, floats, task.scope)
    judges, remarks = _judges(court, arithmetic, seed)
    if not judges:
        raise UnusableCode(remarks[-1])
    rows: list[Row] = []
    for name in order:
        judge = next((judge for judge in judges if judge.full[name].all()), judges[-1])
        equal = judge.full[name]
        ours = floats.ours.get(name)
        comparable = ours is not None and ours.shape == equal.shape
        mismatches = court.mismatches(name, equal) if comparable and not equal.all() else ()
        rows.append(_row(name, equal, judge.verdict, ours, floats.chain[name], mismatches))
    rows = [_with_ulps(row, court) for row in rows]
    if any(not row.ok for row in rows):
        rows = _inherited(task, _conventions(task, rows, seed))
    rows = _with_reasons(task, rows, floats, seed, tell) if diagnose else rows
    evidence = [judge.evidence for judge in judges if any(row.verdict == judge.verdict for row in rows)]
    if any(row.verdict == CONVENTION for row in rows):
        evidence.append(
            "another convention: J has no derivative at this point, where a relu, abs, max or min is at its kink or at"
            " a tie; your slope there is another choice than the chain rule's, and at points nearby both are the same."
        )
    remarks += [*_impure(task), *(f"test point: {warning}" for warning in audit(task, *traced))]
    evidence += [*about_floats(rows), *remarks, *([refusal] if refusal else [])]
    return _report(task, rows, evidence, arithmetic or "strongest", seed)


def _on_tape(task: Task, seed: int, tell: Callable[[str], None], diagnose: bool) -> Report | str:
    """The report of large code, or why a tape cannot give it."""
    tell("a tape")
    found = task._by_hand(task._given(None), None)
    ours = {name: _as_array(x) for name, x in found.items()}
    proof = taped.prove(task, ours, seed)
    if isinstance(proof, str):
        return proof
    different = [name for name, equal in proof.equal.items() if not equal.all()]
    for data in (False, True) if different else ():  # a kink or a tie at this very point is left to Values
        if not taped.still_differ(task.moved(_nearby(seed, 0), data), different):
            return f"the gradient of {different[0]} differs at this point, not beside it"
    rows = []
    for name, chain in proof.chain.items():
        equal, mine = proof.equal[name], ours[name]
        places = [tuple(map(int, place)) for place in np.argwhere(~equal)[:3]] if mine.shape == equal.shape else []
        mismatches = tuple(Mismatch(place, repr(float(mine[place])), repr(float(chain[place]))) for place in places)
        rows.append(_row(name, equal, PROVED, mine, chain, mismatches))
    right = [row for row in rows if row.ok]
    floats = []
    if right:
        largest = max(right, key=lambda row: row.largest_difference or 0)
        floats = [f"float64: the two sides differ by up to {largest.largest_difference:.2g} ({largest.name})."]
    if diagnose:
        rows = _with_reasons(task, rows, Sides({name: ours[name] for name in proof.chain}, proof.chain), seed, tell)
    warnings_ = [f"test point: {warning}" for warning in (*audit_data(task), *proof.warnings)]
    return _report(task, rows, [*proof.evidence, *floats, *_impure(task), *warnings_], "strongest", seed)


def _row(name: str, equal: Array, verdict: str, ours: Any, chain: Array, mismatches: tuple[Mismatch, ...]) -> Row:
    """The row of one gradient: the verdict where all entries are equal, else that it differs."""
    return Row(
        name=name,
        statement="",
        formula="",
        shape=equal.shape,
        equal=int(equal.sum()),
        size=equal.size,
        verdict=verdict if equal.all() else DIFFERENT,
        largest_difference=largest_difference(ours, chain),
        mismatches=mismatches,
        problem=_problem(name, ours, equal.shape),
    )


def _with_reasons(task: Task, rows: list[Row], floats: Sides, seed: int, tell: Callable[[str], None]) -> list[Row]:
    """The rows, those that differ with the reasons."""
    wrong = [row.name for row in rows if row.verdict == DIFFERENT]
    if not wrong:
        return rows
    tell("looking for the reason")
    reasons, left_out = why(task, wrong, floats, seed)
    return [
        dataclasses.replace(row, reasons=_reasons(task, row, reasons, left_out, floats)) if row.name in wrong else row
        for row in rows
    ]


def _report(task: Task, rows: list[Row], evidence: list[str], arithmetic: str, seed: int) -> Report:
    size = sum(x.size for x in task.arrays.values())
    facts = {"arithmetic": arithmetic, "seed": seed, "parameters": size}
    preface = [
        f"{counted(size, 'number')} in {counted(len(task.arrays), 'array')}; the chain rule over a graph of scalars."
    ]
    return Report(task.title, rows, preface, evidence, facts, ours="yours is", subject=task)


def why(task: Task, wrong: list[str], floats: Sides, seed: int) -> tuple[dict[str, list[Reason]], list[str]]:
    """For each wrong gradient what it is instead, then the corrections of the code that make it right.

    The second is what was not tried, where a search was cut short.
    """
    diagnosis = Diagnosis(task, wrong, floats, task.known(), seed)
    reasons = diagnosis.reasons()
    unexplained = [name for name in wrong if not any(reason.rank < UNSURE for reason in reasons[name])]
    corrections, stopped = repairs(task, wrong, unexplained, floats, seed)
    for name, found in reasons.items():
        fixes = [fix for fix in corrections if name in fix.names]
        ties = [fix for fix in fixes if (len(fix.names), fix.rank) == (len(fixes[0].names), fixes[0].rank)][:2]
        found[MOST_REASONS - len(ties) :] = []
        found += [Reason(fix.text, fix.names, UNSURE - 1 if fix.rank < UNSURE else fix.rank + UNSURE) for fix in ties]
        found.sort(key=lambda reason: reason.rank if reason.rank >= UNSURE else 0)
    return reasons, [*diagnosis.stopped, *filter(None, [stopped])]


def _reasons(
    task: Task, row: Row, reasons: dict[str, list[Reason]], left_out: list[str], floats: Sides
) -> tuple[str, ...]:
    found = [reason.text if reason.text.endswith("?") else f"{reason.text}." for reason in reasons.get(row.name, [])]
    ours = floats.ours.get(row.name)
    if row.ok or ours is None or found or row.problem:
        return tuple(found)
    ours, true = np.asarray(ours), np.asarray(floats.chain[row.name], float)
    remark, sum_over_consumers = only_some(ours, true), expanded(task, row.name, ours, true)
    cut_short = f" Not tried were {'; '.join(left_out)}." if left_out else ""
    return (f"No edit explains it{'; ' + remark if remark else ''}. {sum_over_consumers}.{cut_short}",)


def _problem(name: str, ours: Any, shape: tuple[int, ...]) -> str:
    """What makes an array none that could be compared."""
    if ours is None:
        return f"your code gives no gradient for {name}: nothing was compared"
    if np.shape(ours) != shape:
        return f"your gradient has shape {np.shape(ours)}, but {name} has shape {shape}"
    if ours.dtype.kind not in "fiub":
        return f"your gradient is no array of numbers: {_shape_of(ours)}"
    wrong = np.argwhere(~np.isfinite(ours))
    return f"your gradient is {ours[tuple(wrong[0])]} at {wrong[0].tolist()}" if len(wrong) else ""


def _with_ulps(row: Row, court: Court) -> Row:
    if not row.ok:
        return row
    try:
        found: dict[str, Any] = court.ulps(row.name)
        return dataclasses.replace(row, **found)
    except (UnusableCode, ZeroDivisionError, ValueError):  # code that long floats cannot run
        return row


def _judges(court: Court, arithmetic: str | None, seed: int) -> tuple[list[Judge], list[str]]:
    """The judgements from the strongest on, until everything is equal; and what kept an arithmetic from judging."""
    if arithmetic is not None:
        return court.judges(arithmetic, seed), []
    judges: list[Judge] = []
    remarks: list[str] = []
    strongest_first: list[Callable[[], Judge]] = [
        lambda: court.by_residues(seed),
        court.by_fractions,
        court.by_long_floats,
        court.by_floats,
    ]
    for judge_by in strongest_first:
        try:
            judges.append(judge_by())
        except (UnusableCode, ArithmeticError, ValueError, TypeError) as problem:
            remarks.append(str(problem))
            continue
        decided = np.logical_or.reduce([[judge.full[name].all() for name in court.names] for judge in judges])
        undecided = [name for name, is_decided in zip(court.names, decided, strict=True) if not is_decided]
        if all(_surely_differ(court, name) for name in undecided):
            break
    return judges, [] if judges else remarks


def _surely_differ(court: Court, name: str) -> bool:
    """Whether no arithmetic can find both sides equal: in numbers of 200 bits fewer than 15 digits of an entry are."""
    try:
        return bool(digits(*court.sides(precise(200)).pair(name)).min(initial=np.inf) < 15)
    except (UnusableCode, ArithmeticError, ValueError, TypeError):  # code that long floats cannot run
        return False


def _first_run(task: Task) -> tuple[Sides, list[str], tuple[Value, dict[str, Any]]]:
    """Both sides in float64, the names of the gradients in the order of back propagation, and the graph."""
    J, nodes, floats = task.traced(None)
    if not np.isfinite(J.data):
        raise UnusableCode(
            f"J is {J.data} at this point, where nothing can be compared: look for a logarithm of 0, a division by 0,"
            " an overflow, or nan in the data"
        )
    first_use: dict[Value, int] = {}
    for node in graph(J):
        for operand in node.operands:
            first_use.setdefault(operand, node.order)

    def first(nodes: Any) -> float:
        uses = [first_use[x] for x in np.asarray(nodes, object).flat if isinstance(x, Value) and x in first_use]
        return min(uses, default=np.inf)

    inputs = {name: nodes[name] for name in task.arrays}
    nodes = {name: x for name, x in nodes.items() if name in task.arrays or floats.ours.get(name) is not None}
    order = sorted(nodes, key=lambda name: first(nodes[name]), reverse=True)
    sides = Sides({name: floats.ours.get(name) for name in order}, {name: floats.chain[name] for name in order})
    return sides, order, (J, inputs)


def _conventions(task: Task, rows: list[Row], seed: int) -> list[Row]:
    """Rows that differ only because the point is at a kink or a tie: there J has no derivative, but a choice of slope.

    The chain rule's gradient jumps there, and at random points nearby both sides are equal.
    """

    right: set[str] = set()
    for data in (False, True):
        try:
            sides = [task.moved(_nearby(seed, 0, sign), data).traced(None)[2].chain for sign in (1, -1)]
            jumps = {row.name for row in rows if not row.ok and not row.problem and _jump(row.name, *sides)}
            if not jumps:
                continue
            runs = [task.moved(_nearby(seed, k), data).traced(precise(200))[2] for k in range(4)]
        except (UnusableCode, ArithmeticError, ValueError):
            continue
        right |= {name for name in jumps if all((digits(*run.pair(name)) > 30).all() for run in runs)}
    return [dataclasses.replace(row, verdict=CONVENTION, mismatches=()) if row.name in right else row for row in rows]


def _nearby(seed: int, point: int, sign: int = 1) -> Callable[[Array], Array]:
    """Moves arrays a little, at random; the sign turns the way."""
    rng = np.random.default_rng([seed, point])
    return lambda x: np.asarray(x + sign * 1e-7 * (np.abs(x) + 1) * rng.uniform(-1, 1, x.shape))


def _jump(name: str, here: dict[str, Array], there: dict[str, Array]) -> bool:
    """Whether a gradient is another one on the other side of the point."""
    x, y = here[name], there[name]
    return bool(np.max(np.abs(x - y), initial=0) > 1e-4 * np.max(np.abs([x, y]), initial=0))


def _inherited(task: Task, rows: list[Row]) -> list[Row]:
    """Rows that are wrong only because they build on a watched gradient that is: the chain rule from there agrees.

    The sweep runs with the user's own numbers in the place of the gradients of the wrong watched arrays before.
    """
    watched = [row.name for row in rows if not row.ok and not row.problem and row.name not in task.arrays]
    if not watched:
        return rows
    try:
        J, nodes, sides = task.traced(precise(200))
    except (UnusableCode, ArithmeticError, ValueError):
        return rows
    found: list[Row] = []
    theirs: dict[Value, Any] = {}  # the user's gradients of watched nodes
    because = ""
    for row in rows:
        if because and not row.ok and not row.problem:
            backward_with(J, theirs)
            if (digits(sides.ours[row.name], np.asarray(gradients_of(nodes[row.name]))) > 40).all():
                row = dataclasses.replace(row, verdict=INHERITED, because=because, mismatches=())
        if row.name in watched:
            because = because if row.verdict == INHERITED else row.name
            flat = np.asarray(sides.ours[row.name], object).flat
            theirs |= dict(zip(np.asarray(nodes[row.name], object).flat, flat, strict=True))
        found.append(row)
    return found


def _impure(task: Task) -> list[str]:
    """Whether the backward pass changes what it is given, and gives something else when it is called again."""
    with task.running(record=False):
        function, arguments = task.backward_call({name: _plain_copy(x) for name, x in task.arrays.items()}, None)
        given = dict(zip(_parameters(function, len(arguments)), arguments, strict=True))
        before = dict(_flat(_copied(given), ""))
        with task.running(record=False):
            found = [dict(_flat(_copied(_run(function, *arguments)), ""))]
        after = dict(_flat(given, ""))
        changed = [name for name, x in before.items() if not _alike(x, after.get(name))]
        if not changed:
            return []
        with task.running(record=False), contextlib.suppress(UnusableCode):
            found.append(dict(_flat(_run(function, *arguments), "")))
    again = len(found) == 1 or not all(_alike(x, found[1].get(name)) for name, x in found[0].items())
    return [
        f"{_name(function)} changes {', '.join(changed)} in place"
        + ("; called again with the same, it gives other gradients: work on a copy." if again else ": work on a copy.")
    ]


def _alike(x: Any, y: Any) -> bool:
    """Whether two arrays or numbers are the same; other things are not compared."""
    if not isinstance(x, (np.ndarray, np.generic, int, float)) or np.asarray(x).dtype.kind not in "fiub":
        return True
    return np.shape(x) == np.shape(y) and bool(np.array_equal(x, y, equal_nan=True))


# The user's code and data


def _run(function: Function, *args: Any, **keywords: Any) -> Any:
    """Call the user's code; what it raises becomes a sentence with its line."""
    try:
        return call(function, *args, **keywords)
    except ZeroResidue:
        raise
    except (Exception, SystemExit) as problem:
        raise UnusableCode(_complaint(function, problem)) from problem


def _complaint(function: Function, problem: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(problem.__traceback__) if is_users(f.filename)]
    where = ""
    if frames:
        line = (frames[-1].line or linecache.getline(frames[-1].filename, frames[-1].lineno or 0)).strip()
        where = f" at line {frames[-1].lineno} of {frames[-1].filename.rpartition('/')[2]}, `{line}`"
    return f"{_name(function)} raised {type(problem).__name__}{where}: {problem}{_advice(problem)}"


def _advice(problem: BaseException) -> str:
    """What to write instead, where a number would leave its graph."""
    text = str(problem)
    types = ("'Value'", " Value", "dtype('O')", "not Exact", "not Residue", "not Precise", "not Rounded")
    if not isinstance(problem, TypeError) or not any(name in text for name in types):
        return ""
    if text.startswith("int()"):
        return ". int(x) would lose the gradient of x: leave it out, or give an int in the first place"
    if text.startswith("float()") or "output from dtype('O')" in text:
        return (
            ". A parameter cannot become a plain float, it would lose its gradient: leave np.float64(...) out; put it"
            " into an array that np.zeros or np.empty made inside of this function"
        )
    if text.startswith("must be real number") or "format" in text:
        return ". A number that is checked can be shown by an f-string or by format, as in f'{x:.3f}', not by %"
    return ". A number taken out of its graph would lose its gradient: keep it as it is, with np in place of math"


def _scalar(J: Any, function: Function) -> Value:
    """The cost as one node."""
    if isinstance(J, tuple) and J:
        J = J[0]
    if isinstance(J, np.ndarray):
        if J.size != 1:
            raise UnusableCode(f"{_name(function)} must give one number, it gave an array of shape {J.shape}")
        J = J.reshape(-1)[0]
    if isinstance(J, TapeArray) and J.size == 1:
        return J.reshape(())  # type: ignore[return-value]
    if isinstance(J, float) and not np.isfinite(J):
        raise UnusableCode(f"J is {J}, whatever the parameters are: are the data empty, or is there nan among them?")
    if not isinstance(J, Value):
        raise UnusableCode(
            f"{_name(function)} gave {type(J).__name__} {J!r}, which does not depend on what it was given: is a"
            " parameter copied or turned into a plain number on the way?"
        )
    return J


def _name(function: Function) -> str:
    name: str = getattr(function, "__qualname__", type(function).__name__)
    return name.rpartition("<locals>.")[2]


def _function(function: Function) -> Function:
    return getattr(function, "__func__", function)


def _parameters(function: Function, count: int) -> list[str]:
    """The names of a function's first positional parameters."""
    try:
        names = [
            p.name
            for p in inspect.signature(function).parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        names = []
    return [*names, *(f"input{k}" for k in range(len(names), count))][:count]


def _positional(function: Function) -> int:
    """How many positional arguments a function can take."""
    try:
        kinds = [p.kind for p in inspect.signature(function).parameters.values()]
    except (TypeError, ValueError):
        return 2
    return (
        2
        if inspect.Parameter.VAR_POSITIONAL in kinds
        else sum(kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds)
    )


def _is_recorded(x: Any) -> bool:
    return isinstance(x, (float, np.floating)) or (isinstance(x, np.ndarray) and x.dtype.kind == "f")


def _leaves(tree: Any, name: str) -> Iterator[tuple[str, Array]]:
    """(name, array) of every array or number of floats in nested dicts, lists and tuples."""
    if _is_recorded(tree):
        yield name or "x", np.asarray(tree, float)
    elif isinstance(tree, Mapping):
        for key, child in tree.items():
            yield from _leaves(child, f"{name}.{key}" if name else str(key))
    elif isinstance(tree, (list, tuple)):
        for k, child in enumerate(tree):
            yield from _leaves(child, f"{name}[{k}]")


def _rebuilt(tree: Any, leaves: dict[str, Any], name: str, other: Callable[[Any], Any] | None = None) -> Any:
    """The same nesting with the recorded leaves replaced, and everything else copied."""
    if _is_recorded(tree):
        return leaves[name or "x"]
    if isinstance(tree, Mapping):
        return {
            key: _rebuilt(child, leaves, f"{name}.{key}" if name else str(key), other) for key, child in tree.items()
        }
    if isinstance(tree, (list, tuple)):
        children = [_rebuilt(child, leaves, f"{name}[{k}]", other) for k, child in enumerate(tree)]
        return children if isinstance(tree, list) else _tuple_like(tree, children)
    return (other or _copied)(tree)


def _tuple_like(tree: Any, children: list[Any]) -> Any:
    return type(tree)(*children) if hasattr(tree, "_fields") else tuple(children)


def _without_loss(found: Any, params: Any) -> Any:
    """The gradients, of a function that may give (loss, gradients)."""
    if not isinstance(found, tuple) or len(found) != 2:
        return found
    loss, rest = found
    nested = (Mapping, list, tuple)
    is_loss = not isinstance(loss, nested) and np.size(loss) == 1
    return rest if is_loss and (isinstance(rest, nested) or not isinstance(params, nested)) else found


def _matched(found: Any, tree: Any, names: list[str], root: str, function: str) -> dict[str, Any]:
    """The user's gradients by the names of what they are gradients of."""
    if found is None:
        raise UnusableCode(f"{function} gave None: is its return missing?")
    if isinstance(found, Mapping):
        flat = dict(_flat(found, ""))
    elif isinstance(tree, Mapping):
        sequence = found if isinstance(found, (tuple, list)) else [found]
        if len(sequence) != len(names) and len(sequence) != len(tree):
            raise UnusableCode(
                f"{function} gave {counted(len(sequence), 'array')}, but there are {len(names)} to differentiate:"
                f" {', '.join(names)}; a dict with these names leaves no doubt"
            )
        keys = names if len(sequence) == len(names) else list(tree)
        flat = dict(zip(keys, sequence, strict=True))
    elif isinstance(tree, (list, tuple)) and isinstance(found, (list, tuple)) and len(found) != len(tree):
        raise UnusableCode(f"{function} gave {counted(len(found), 'array')}, but params holds {len(tree)}")
    else:
        flat = dict(_flat(found, root))
    return {name: flat.get(name, _alias(flat, name)) for name in names} | {
        key.removeprefix("d") if key.removeprefix("d") not in names else key: x
        for key, x in flat.items()
        if key not in names
    }


def _alias(flat: dict[str, Any], name: str) -> Any:
    head, dot, last = name.rpartition(".")
    return next(
        (flat[key] for prefix in ("d", "dJd", "grad_", "d_") if (key := f"{head}{dot}{prefix}{last}") in flat), None
    )


def _flat(tree: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        for key, child in tree.items():
            yield from _flat(child, f"{name}.{key}" if name else str(key))
    elif isinstance(tree, (list, tuple)):
        for k, child in enumerate(tree):
            yield from _flat(child, f"{name}[{k}]")
    else:
        yield name or "x", tree


def _refuse_bad_arrays(arrays: dict[str, Array]) -> None:
    for name, array in arrays.items():
        for place in np.argwhere(~np.isfinite(array)):
            raise UnusableCode(
                f"{name} of shape {array.shape} holds {array[tuple(place)]} at {place.tolist()}: it must be finite"
            )


def _shape_of(x: Any) -> str:
    return f"it is {type(x).__name__}" + (f" of {x.dtype} with shape {x.shape}" if isinstance(x, np.ndarray) else "")


def _moved(x: Any, move: Callable[[Array], Array]) -> Any:
    """Data at another point: float arrays moved, but whole numbers are labels and masks, and stay."""
    if isinstance(x, np.ndarray) and x.dtype.kind == "f" and not (x == np.round(x)).all():
        return move(x)
    if isinstance(x, Mapping):
        return {key: _moved(child, move) for key, child in x.items()}
    return type(x)(_moved(child, move) for child in x) if type(x) in (list, tuple) else x


def _redrawn(seed: int) -> Callable[[Array], Array]:
    """Draws another point of similar scale: a positive array stays positive, one between 0 and 1 stays there."""
    rng = np.random.default_rng(seed)

    def draw(x: Array) -> Array:
        factor = rng.uniform(0.5, 1.5, x.shape)
        if x.size and ((x > 0) & (x < 1)).all():
            return np.asarray(x**factor)
        scale = np.sqrt(np.mean(x**2)) if x.any() else 1.0
        return np.asarray(x * factor if (x > 0).all() else scale * rng.normal(size=x.shape))

    return draw


def _as_numbers(array: Array, arithmetic: Arithmetic, name: str) -> Array:
    return arithmetic.variables(array, name)


def _owned(numbers_: Array) -> Any:
    """Numbers for the user's code to work on, in memory of their own."""
    return numbers_.copy().view(ValueArray) if numbers_.ndim else numbers_.item()


def _plain_copy(array: Array) -> Any:
    return np.array(array) if array.ndim else float(array)


def _given(x: Any, arithmetic: Arithmetic | None) -> Any:
    """An argument that is not differentiated, as the user's code gets it: a copy, its floats as numbers."""
    if arithmetic is not None and isinstance(x, np.ndarray) and x.dtype.kind == "f":
        return arithmetic.constants(x).view(ValueArray)  # of objects, so that Values may be put into a copy
    if isinstance(x, Mapping):
        return {key: _given(child, arithmetic) for key, child in x.items()}
    if type(x) in (list, tuple):
        return type(x)(_given(child, arithmetic) for child in x)
    return _copied(x)


def _copied(x: Any) -> Any:
    """x in memory of its own, where that is possible."""
    try:
        return copy.deepcopy(x)
    except Exception:
        return x


def _as_array(x: Any) -> Any:
    if x is None:
        return None
    return np.asarray(numbers(x) if holds_nodes(x) else x)
