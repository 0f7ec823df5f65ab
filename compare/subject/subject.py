"""`Subject`: a forward pass to be recorded and gradients written by hand, at a point, to be run in any numbers."""

from __future__ import annotations

import contextlib
import functools
import linecache
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from autograd import Tape, TapeArray, Value, ValueArray, numbers, values
from autograd import gradients as gradients_of
from autograd.number.vocabulary import Refused
from autograd.record.places import is_users
from autograd.record.running import allocating, recording
from autograd.record.values import data_as, holds_nodes
from autograd.tape.blocks import CONSTANT
from compare.report.report import counted
from compare.subject.arithmetic import Arithmetic
from compare.subject.points import Move
from compare.subject.repeatable import differ, draws, sentence
from compare.subject.source import narrow_types, tests_of_types
from compare.subject.state import floats_in_reach, same_world, unchanged
from compare.subject.usercode import Function, UnusableCode, unbound
from compare.subject.watch import watching

Array = NDArray[Any]

FLOATS = Arithmetic("float64", lambda _, x: float(x), float)  # float64 in arrays that can hold Values


class Sides:
    """The gradients of one run by name: the hand-written ones, `ours`, and those of the chain rule.

    The hand-written ones may be given as a function, that is called when somebody asks for them. `alone` runs each
    hand-written step on the chain rule's own arrays, where the subject knows its steps; it is asked only where
    something differs. It gives the arrays and what was raised.
    """

    def __init__(
        self,
        ours: dict[str, Any] | Callable[[], dict[str, Any]],
        chain: dict[str, Any],
        alone: Callable[[], tuple[dict[str, Any], dict[str, str]]] = lambda: ({}, {}),
    ) -> None:
        self._ours, self.chain, self.alone = ours, chain, alone

    @functools.cached_property
    def ours(self) -> dict[str, Any]:
        """The hand-written gradients."""
        return self._ours() if callable(self._ours) else self._ours

    def complete(self) -> Sides:
        """Itself, where the hand-written side has run: what it raises is raised now."""
        self.ours  # noqa: B018
        return self

    def pair(self, name: str) -> tuple[Any, Any]:
        """Ours and the chain rule's."""
        return self.ours.get(name), self.chain[name]


class Leaves(Protocol):
    """Makes the leaves of a run in other numbers: of what a proof is to hold for, and of data that stay as they are."""

    def variable(self, x: Array, name: str) -> Any:
        """What may be anything."""

    def given(self, x: Array) -> Any:
        """What stays as it is."""


SATURATING = ("tanh", "sigmoid", "erf")


class Units(NamedTuple):
    """The operands of one operation with a kink or a plateau, in floats: of all the nodes that it made, or of some.

    `is_other` says where the two operands of a maximum are different scalars, `zero` which of them code wrote as 0.
    """

    name: str
    x: Array
    y: Array | None = None
    is_other: Array | None = None
    zero: int | None = None


class Recorded(NamedTuple):
    """A forward pass on a tape: J, the arrays whose gradients are compared, and what the hand-written side is made of.

    `J` is what is swept from, and `compared` are the arrays by the names of their gradients. `others` are a user's own
    gradients, recorded like the forward pass; of a network the arrays that its formulas work on.
    """

    J: TapeArray
    compared: dict[str, TapeArray]
    others: dict[str, TapeArray]


class Subject:
    """Code and a point. `arrays` are what is differentiated for, by name; `functions` are the user's.

    `order` are the names of the gradients in the order of back propagation, where they are known beforehand.
    """

    arrays: dict[str, Array]
    functions: tuple[Function, ...] = ()
    order: Sequence[str] = ()
    title: str
    scope: str
    ours = "yours is"  # what a report calls the hand-written side
    theirs = "the chain rule"  # and what it is held against
    in_single = False  # whether numbers of float32 or less are among the data or in the code

    in_reach: Sequence[tuple[str, Any]] = ()  # the float data that the code reaches without being given them, by name

    # what a check tells of it

    def facts(self) -> dict[str, Any]:
        """What JSON says of it."""
        return {"parameters": sum(x.size for x in self.arrays.values())}

    def preface(self) -> list[str]:
        """The sentences before the table."""
        size, arrays = sum(x.size for x in self.arrays.values()), counted(len(self.arrays), "array")
        return [f"{counted(size, 'number')} in {arrays}; the chain rule over a graph of scalars."]

    def statement(self, name: str) -> tuple[str, str]:
        """The statement of the notes and the formula by hand of one gradient, where they are known."""
        return "", ""

    def cause(self, name: str, wrong: Iterable[str]) -> str:
        """The wrong gradient that this one works on, where the steps are known."""
        return ""

    def called(self, name: str) -> str:
        """What a sentence calls the hand-written gradient."""
        return f"your d{name}"

    def expressions(self) -> dict[str, str]:
        """The first entry of each gradient as an expression, where that was asked for."""
        return {}

    def named(self) -> Iterator[tuple[str, Any]]:
        """Everything the code is given, by name."""
        yield from self.arrays.items()

    # running it

    def traced(self, arithmetic: Arithmetic | None) -> tuple[Value, dict[str, Any], Sides]:
        """J as a Value, the nodes whose gradients are compared, and both sides, in these numbers.

        None is float64, where the hand-written gradients are what they are without us.
        """
        raise NotImplementedError

    def plain(self) -> dict[str, Any]:
        """The hand-written gradients in float64, the code run as it is."""
        raise NotImplementedError

    @property
    def plain_J(self) -> float | None:
        """The cost in float64, the code run as it is; None where the code is known to be what was recorded."""
        return None

    def trouble(self) -> str:
        """Where the hand-written code overflows or leaves the numbers in float64, "" if it does not."""
        return ""

    def tests_of_types(self) -> str:
        """Where the code asks for types, in which a recorded run may differ from the plain one."""
        return ""

    def moved(self, move: Move, data: bool = True) -> Self:
        """The same code at another point: each recorded array moved, and with `data` the other float arrays too."""
        raise NotImplementedError

    # running it on a tape

    def parts(self, most: int) -> list[slice]:
        """The groups of observations that are recorded one after the other, of at most so many edges each."""
        return [slice(None)]

    def on_tape(self, tape: Tape, part: slice) -> Recorded:
        """One group recorded on a tape, in the arrays as they are."""
        raise NotImplementedError

    def together(self, chain: list[dict[str, Any]], others: list[dict[str, Any]], leaves: Leaves | None) -> Sides:
        """Both sides of the whole from those of the groups, in the numbers of the leaves; None is float64."""
        raise NotImplementedError


ONE_AT_A_TIME = threading.RLock()  # names of modules, and what code reaches, are others while it runs


class UserCode(Subject):
    """Functions of a user's: what is recorded, how the forward pass is run, how the gradients are."""

    _with_nodes = False  # whether the hand-written gradients have to be run on Values

    def others(self) -> list[Any]:
        """What the code is given beside its arrays: it may remember things, too."""
        return []

    def cost(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> Any:
        """J, from arrays of Values or of floats."""
        raise NotImplementedError

    def by_hand(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> dict[str, Any]:
        """The user's gradients by name."""
        raise NotImplementedError

    def backward_call(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> tuple[Function, list[Any]]:
        """The function that gives the user's gradients, and what it is called with."""
        raise NotImplementedError

    def by_name(self, found: Any, function: Function) -> dict[str, Any]:
        """The gradients in what that function gave."""
        raise NotImplementedError

    def without(self, name: str) -> str:
        """Why there is no gradient for this, where that is known."""
        return ""

    def remarks(self, compared: Iterable[str]) -> list[str]:
        """What is not compared, and how the form of what the functions give was read."""
        return []

    def prepare(self, arithmetic: Arithmetic) -> None:
        """Called before a run in other numbers."""

    def known_numbers(self) -> Iterator[tuple[str, float]]:
        """The sizes and the numbers that the code is given, with what they are."""
        for name, x in self.named():
            if isinstance(x, np.ndarray):
                for axis, size in enumerate(x.shape):
                    what = "rows" if axis == 0 else "columns" if axis == 1 else f"entries along axis {axis}"
                    yield f"the {what} of {name}", size
                if x.ndim > 1:
                    yield f"the entries of {name}", x.size
            elif isinstance(x, (int, float)) and not isinstance(x, bool):
                yield name, x

    @contextlib.contextmanager
    def running(self, arithmetic: Arithmetic | None = None) -> Iterator[None]:
        """The state of the world is the same for each run of the user's code, and afterwards as it was.

        With an arithmetic the run is recorded, and the data in reach of the code are numbers of it. One run at a time:
        other threads wait with theirs.
        """
        roots = [*self.functions, *self.others()]
        with ONE_AT_A_TIME, same_world():
            if arithmetic is None:
                with unchanged(roots):
                    yield
                return
            with (
                unchanged(roots, lambda x: as_data(x, arithmetic)),
                data_as(lambda x: as_data(x, arithmetic)),
                recording(*map(unbound, self.functions)),
            ):
                yield

    @property
    def plain_J(self) -> float | None:
        given = self._given(None)
        with self.running():
            J = self.cost({name: plain_copy(x) for name, x in given.items()}, None)
        return float(J)

    @functools.cached_property
    def in_reach(self) -> list[tuple[str, Any]]:  # type: ignore[override]
        return floats_in_reach(self.functions)

    @functools.cached_property
    def in_single(self) -> bool:  # type: ignore[override]
        """Whether numbers of float32 or less are among the data or in the code."""
        arrays = [x for _, x in (*self.named(), *self.as_given()) if isinstance(x, (np.ndarray, np.floating))]
        arrays += [x for _, x in self.in_reach]
        return any(x.dtype.kind == "f" and x.dtype.itemsize < 8 for x in arrays) or bool(narrow_types(self.functions))

    def as_given(self) -> Iterator[tuple[str, Any]]:
        """The point, before floats of any length were made those of 64 bits."""
        return iter(())

    def tests_of_types(self) -> str:
        return tests_of_types(self.functions)

    def trouble(self) -> str:
        """Where the hand-written code overflows or leaves the numbers in float64, "" if it does not."""
        found: list[str] = []

        def note(kind: str, flag: int) -> None:
            frame = sys._getframe(1)
            while frame is not None and not is_users(frame.f_code.co_filename):
                frame = frame.f_back  # type: ignore[assignment]
            if frame is not None:
                line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
                found.append(f"{kind} at line {frame.f_lineno}, `{line}`")

        given = {name: plain_copy(x) for name, x in self._given(None).items()}
        with self.running(), np.errstate(over="call", invalid="call", divide="call", call=note):
            self.by_hand(given, None)
        return found[0] if found else narrow_types(self.functions)

    def once(self) -> Any:
        """What the forward pass gives in a plain run."""
        raise NotImplementedError

    def _backward_once(self) -> Any:
        return self.by_hand({name: plain_copy(x) for name, x in self.arrays.items()}, None)

    tied = False  # whether the backward pass is given what the forward pass remembers: masks, say

    def differs_between_runs(self) -> str:
        """The sentence about code that gives other numbers when it runs again, "" for any other.

        Random numbers that the gradients get from the forward pass itself, in a cache or by calling it, do no harm.
        """
        try:
            with self.running():
                numbers = differ(self.once(), self.once())
            if numbers is None:
                return ""
            with self.running():
                drawn = draws(self.once)
            with self.running(), contextlib.suppress(UnusableCode):
                if drawn and (self.tied or drawn.keys() <= draws(self._backward_once).keys()):
                    numbers = self._again()
        except UnusableCode:  # is told by the check
            return ""
        return sentence("forward pass" if self.tied else "cost", drawn, numbers) if numbers else ""

    def _again(self) -> Any:
        """The first numbers that differ between runs that begin with the same state."""
        found = []
        for _ in range(2):
            with self.running():
                found.append(self.once())
        return differ(*found)

    def forward(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> tuple[Any, dict[str, Any]]:
        """J as a node, and the watched arrays."""
        with watching() as found:
            J = self.cost(given, arithmetic)
        return J, {name: array for name, array in found.items() if isinstance(array, (np.ndarray, Value, TapeArray))}

    def forward_on_values(
        self, given: dict[str, Array], arithmetic: Arithmetic
    ) -> tuple[Value, dict[str, Any], dict[str, Any]]:
        """J, the inputs as nodes that hold these numbers, and the watched arrays."""
        inputs = {name: values(x, name) for name, x in given.items()}
        with self.running(arithmetic):
            nodes = {name: x.copy() if x.ndim else x.item() for name, x in inputs.items()}
            J, watched = self.forward(nodes, arithmetic)
        return J, inputs, watched

    def traced(self, arithmetic: Arithmetic | None) -> tuple[Value, dict[str, Any], Sides]:
        given = self._given(arithmetic)
        J, inputs, watched = self.forward_on_values(given, arithmetic or FLOATS)
        J.backward()
        chain = {name: np.asarray(gradients_of(x)) for name, x in (inputs | watched).items()}
        ours = self._by_hand(given, arithmetic)
        return J, inputs | watched, Sides({name: as_array(ours.get(name)) for name in chain}, chain)

    def by_hand_in(self, arithmetic: Arithmetic, names: list[str]) -> dict[str, Any]:
        """These gradients of the user's in these numbers, without a graph."""
        ours = self._by_hand(self._given(arithmetic), arithmetic)
        return {name: as_array(ours.get(name)) for name in names}

    def plain(self) -> dict[str, Any]:
        return {name: as_array(x) for name, x in self._by_hand(self._given(None), None).items()}

    def on_tape(self, tape: Tape, part: slice) -> Recorded:
        J, inputs, watched, by_hand = self._both_on_tape(tape)
        compared = {name: x for name, x in {**inputs, **watched}.items() if name in inputs or name in by_hand}
        return Recorded(J, compared, {name: nodes_of(tape, by_hand.get(name)) for name in compared})

    def _both_on_tape(self, tape: Tape) -> tuple[TapeArray, dict[str, TapeArray], dict[str, Any], dict[str, Any]]:
        """What `forward_on_tape` gives, and the hand-written gradients."""
        with ONE_AT_A_TIME, recording(*map(unbound, self.functions)):
            J, inputs, watched = self.forward_on_tape(tape)
            with self._running_on(tape) as arithmetic:
                by_hand = self.by_hand({name: x.copy() for name, x in inputs.items()}, arithmetic)
        return J, inputs, watched, by_hand

    def forward_on_tape(self, tape: Tape) -> tuple[TapeArray, dict[str, TapeArray], dict[str, Any]]:
        """J, what it is differentiated for and what is watched, as arrays of a tape; raises Refused."""
        inputs = {name: tape.array(x, name) for name, x in self.arrays.items()}
        with self._running_on(tape) as arithmetic:
            self.prepare(arithmetic)
            J, watched = self.forward({name: x.copy() for name, x in inputs.items()}, arithmetic)
        if not isinstance(J, TapeArray):
            raise Refused("J does not come from the tape")
        return J, inputs, watched

    @contextlib.contextmanager
    def _running_on(self, tape: Tape) -> Iterator[Arithmetic]:
        """The code runs on arrays of a tape."""

        def holding(x: Any) -> TapeArray:
            return x if isinstance(x, TapeArray) else TapeArray(tape, tape.leaf(x.astype(float), CONSTANT))

        arithmetic = _OnTape("a tape", lambda _, x: x, lambda x: x)
        arithmetic.tape = tape
        with self.running(arithmetic), allocating(holding):
            yield arithmetic

    def together(self, chain: list[dict[str, Any]], others: list[dict[str, Any]], leaves: Leaves | None) -> Sides:
        return Sides(others[0], chain[0])

    def _given(self, arithmetic: Arithmetic | None) -> dict[str, Array]:
        if arithmetic is None:
            return {name: array.copy() for name, array in self.arrays.items()}
        self.prepare(arithmetic)
        return {name: arithmetic.variables(array, name) for name, array in self.arrays.items()}

    def _by_hand(self, given: dict[str, Array], arithmetic: Arithmetic | None) -> dict[str, Any]:
        if arithmetic is not None and self._with_nodes:
            return self._by_hand_on_nodes(given, arithmetic)
        try:
            with self.running(arithmetic), data_as(None):  # numbers of data and others look alike
                copies = {name: plain_copy(x) if arithmetic is None else _owned(x) for name, x in given.items()}
                return self.by_hand(copies, arithmetic)
        except UnusableCode:
            if arithmetic is None:
                raise
            found = self._by_hand_on_nodes(given, arithmetic)
            self._with_nodes = True
            return found

    def _by_hand_on_nodes(self, given: dict[str, Array], arithmetic: Arithmetic) -> dict[str, Any]:
        """The same on Values, which tell data, that functions of floats can be given, from what depends on `given`."""
        with self.running(arithmetic):
            nodes = {name: values(x) for name, x in given.items()}
            return self.by_hand({name: x if x.ndim else x.item() for name, x in nodes.items()}, arithmetic)


class _OnTape(Arithmetic):
    """Makes arrays of a tape of the arrays of a user's code."""

    tape: Tape

    def variables(self, array: Array, name: str) -> Any:
        return self.tape.array(array, name)

    def constants(self, array: Array) -> Any:
        return self.tape.given(array)


def nodes_of(tape: Tape, x: Any) -> TapeArray:
    """A gradient of the user's as nodes; plain numbers are constants."""
    if isinstance(x, TapeArray):
        return x
    if x is None:
        raise Refused("a gradient is missing")
    return TapeArray(tape, tape.leaf(x, CONSTANT))


def as_data(x: Array, arithmetic: Arithmetic) -> Any:
    """Floats as the numbers that a run in this arithmetic has for data."""
    found = arithmetic.constants(x)
    return found.view(ValueArray) if isinstance(found, np.ndarray) else found


def plain_copy(array: Array) -> Any:
    """Floats for the user's code to work on, in memory of their own."""
    return np.array(array) if array.ndim else float(array)


def _owned(numbers_: Array) -> Any:
    """Numbers for the user's code to work on, in memory of their own."""
    return numbers_.copy().view(ValueArray) if numbers_.ndim else numbers_.item()


def as_array(x: Any) -> Any:
    """A gradient of the user's as an array of numbers; None stays None."""
    if x is None:
        return None
    return np.asarray(numbers(x) if holds_nodes(x) else x)
