"""The steps of both passes of a user's code: the forward pass with its true gradients, the backward pass by itself."""

from __future__ import annotations

import contextlib
import copy
import functools
import io
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd import Tape, TapeArray, Value
from autograd import gradients as gradients_of
from autograd.number.vocabulary import shadows
from autograd.record.values import holds_nodes
from compare.steps.sites import Changes, Hooks, Site, Source, swapped
from compare.subject.runs import CANNOT
from compare.subject.subject import FLOATS, UserCode, as_array, plain_copy

Array = NDArray[Any]
Codes = dict[FunctionType, CodeType]

MOST_SLOPES, MOST_NODES = 40, 20_000  # of a graph whose local derivatives, and parts of gradients, are looked at
MOST_EVENTS = 20_000  # that are kept of a pass; beyond, only what statements leave


class Event(NamedTuple):
    """One pass through a site: the value there, with `times` the passes before it."""

    site: int
    times: int
    value: Any


class ForwardStep(NamedTuple):
    """A step of the forward pass: what the user calls it, its numbers, and the true gradient (None of data).

    `site` is None for what the forward pass is given.
    """

    name: str
    site: Site | None
    times: int
    data: Array
    grad: Array | None
    nodes: Any = None


class _Recorder(Hooks):
    """Keeps a copy of every value that is an array, a number, or made of nodes."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.counts: dict[int, int] = {}
        self.on = False
        self.instead: dict[int, Callable[[int, Any], Any]] = {}  # by the site, what the code goes on with

    def step(self, site: int, value: Any) -> Any:
        if self.instead:
            change = self.instead.get(site)
            if change is not None:
                times = self.counts.get(site, 0)
                self.counts[site] = times + 1
                return change(times, value)
        elif self.on:
            times = self.counts.get(site, 0)
            self.counts[site] = times + 1
            if len(self.events) < MOST_EVENTS:
                kept = _kept(value)
                if kept is not None:
                    self.events.append(Event(site, times, kept))
        return value

    @contextlib.contextmanager
    def changing(self, instead: dict[int, Callable[[int, Any], Any]]) -> Iterator[None]:
        self.counts, self.instead = {}, instead
        try:
            yield
        finally:
            self.instead = {}

    @contextlib.contextmanager
    def recording(self) -> Iterator[list[Event]]:
        self.events, self.counts, self.on = [], {}, True
        try:
            yield self.events
        finally:
            self.on = False


def _kept(value: Any) -> Any:
    if isinstance(value, (np.ndarray, TapeArray)):
        return value.copy()
    return value if isinstance(value, (float, int, np.number, np.bool_, Value)) else None


class Passes:
    """Both passes of a subject at its point, and the backward pass as often as it is asked for, with other code."""

    def __init__(self, subject: UserCode) -> None:
        self.subject = subject
        self.source = Source([*subject.functions, *subject.others()])
        self._recorder = _Recorder()
        self.sites, self.instrumented = self.source.instrumented(self._recorder)
        self._call: tuple[Any, list[Any]] | None = None
        self._plain: Codes = {}  # the code that runs where none is given, other than the user's
        self.last: list[Codes] = [{}]  # the code of the last run

    def at(self, subject: UserCode) -> Passes:
        """The user's own passes at another point."""
        other = copy.copy(self)
        other.subject, other._call, other._plain, other.last = subject, None, {}, [{}]
        other.__dict__.pop("forward", None)
        return other

    def edited(self, file: str, changes: Changes) -> Passes:
        """The passes of the code with some fields of its tree changed; the forward pass stays what it is."""
        forward = self.forward
        other = copy.copy(self)
        other.source = self.source.edited(file, changes)
        other._recorder = _Recorder()
        other.sites, other.instrumented = other.source.instrumented(other._recorder)
        other._plain = {**self._plain, **other.source.codes(file, other.source.trees[file])}
        other.__dict__["forward"] = forward
        return other

    # the forward pass

    @functools.cached_property
    def forward(self) -> list[ForwardStep]:
        """The steps of the forward pass that depend on what is differentiated, with their true gradients."""
        try:
            return self._forward_on_tape()
        except CANNOT:
            return self._forward_on_values()

    _tape: Tape | None = None

    def _forward_on_tape(self) -> list[ForwardStep]:
        tape = Tape()
        with swapped(self.instrumented), self._recorder.recording() as events, quiet():
            J, inputs, _ = self.subject.forward_on_tape(tape)
        with np.errstate(all="ignore"):
            tape.sweep(tape.number_of(J), everything=True)
        self._tape, self._J = tape, J
        found = [ForwardStep(name, None, 0, x.data, x.grad, x) for name, x in inputs.items()]
        for site, times, x in events:
            name = self.sites[site].target or self.sites[site].text
            if isinstance(x, TapeArray):
                found.append(
                    ForwardStep(name, self.sites[site], times, x.data, x.grad if tape.needs(x.ids) else None, x)
                )
            elif np.asarray(x).dtype.kind == "f":
                found.append(ForwardStep(name, self.sites[site], times, np.asarray(x, float), None))
        return found

    @functools.cached_property
    def _made_by(self) -> dict[int, Site]:
        """The innermost expression that made a node: of those that gave it, the first."""
        found: dict[int, Site] = {}
        for step in self.forward:
            if isinstance(step.nodes, TapeArray) and step.site is not None:
                for node in step.nodes.ids.flat:
                    found.setdefault(int(node), step.site)
        return found

    @functools.cached_property
    def _uses(self) -> dict[int, list[int]]:
        """The blocks of the tape that use a node."""
        found: dict[int, list[int]] = {}
        assert self._tape is not None
        for k, block in enumerate(self._tape.blocks):
            for node in np.unique(np.concatenate([ids.ravel() for ids in block.operands])):
                found.setdefault(int(node), []).append(k)
        return found

    def consumers(self, step: ForwardStep) -> dict[Site | None, Array]:
        """What each expression of the forward pass that uses a step gives to its gradient; None is what is no one's."""
        tape = self._tape
        if tape is None or tape.size > MOST_NODES or not isinstance(step.nodes, TapeArray):
            return {}
        ids, by_site = step.nodes.ids, dict[Site | None, set[int]]()
        for node in ids.flat:
            for k in self._uses.get(int(node), ()):
                by_site.setdefault(self._made_by.get(tape.blocks[k].start), set()).add(k)
        J = tape.number_of(self._J)
        parts = {
            site: tape.passed_on([tape.blocks[k] for k in sorted(blocks)], J)[ids] for site, blocks in by_site.items()
        }
        return {site: part for site, part in parts.items() if part.any()}

    @functools.cached_property
    def parts(self) -> list[ForwardStep]:
        """For named steps with several consumers, what comes through one of them, and what is left without it."""
        found = []
        for step in self.forward:
            if step.grad is None or not (step.site is None or step.site.target):
                continue
            consumers = self.consumers(step)
            for site, part in consumers.items() if len(consumers) > 1 else ():
                through = (
                    f"through `{site.text}` (line {site.line})" if site is not None else "through the output itself"
                )
                name = f"the part of dJ/d{step.name} that comes {through}"
                found.append(ForwardStep(name, step.site, step.times, step.data, part))
                if len(consumers) > 2:
                    rest = f"dJ/d{step.name} without the part that comes {through}"
                    found.append(ForwardStep(rest, step.site, step.times, step.data, step.grad - part))
        return found

    @functools.cached_property
    def slopes(self) -> list[ForwardStep]:
        """The local derivatives of steps of the forward pass, entry by entry, by the steps that they are made from."""
        forward, tape = self.forward, self._tape
        if tape is None or tape.size > MOST_NODES:
            return []
        J = tape.number_of(self._J)
        named = [s for s in forward if s.grad is not None and (s.site is None or s.site.target)]
        found: list[ForwardStep] = []
        seen: set[bytes] = set()
        for step in forward:
            if (
                step.grad is None
                or not step.data.ndim
                or (key := step.nodes.ids.tobytes()) in seen
                or len(seen) > MOST_SLOPES
            ):
                continue
            seen.add(key)
            tape.sweep(tape.number_of(np.sum(step.nodes)))
            for by in named:
                if by.data.shape == step.data.shape and by.nodes.ids.tobytes() != key:
                    slope = by.nodes.grad
                    if slope.any():
                        found.append(ForwardStep(f"d({step.name})/d({by.name})", step.site, step.times, slope, None))
        tape.sweep(J, everything=True)
        return found

    def _forward_on_values(self) -> list[ForwardStep]:
        J, inputs, _, events = self.on_values()
        J.backward()
        found = [
            ForwardStep(name, None, 0, self.subject.arrays[name], np.asarray(gradients_of(x), float))
            for name, x in inputs.items()
        ]
        for site, times, x in events:
            name = self.sites[site].target or self.sites[site].text
            if holds_nodes(x):
                data = np.asarray(shadows(as_array(x)), float)
                grad = np.asarray(gradients_of(np.asarray(x, object)), float)
                found.append(ForwardStep(name, self.sites[site], times, data, grad))
            elif np.asarray(x).dtype.kind == "f":
                found.append(ForwardStep(name, self.sites[site], times, np.asarray(x, float), None))
        return found

    def on_values(self) -> tuple[Value, dict[str, Any], dict[str, Any], list[Event]]:
        """J and the inputs as nodes in float64, what is watched, and every value on the way."""
        self.subject.prepare(FLOATS)
        with swapped(self.instrumented), self._recorder.recording() as events, quiet():
            J, inputs, watched = self.subject.forward_on_values(self.subject.arrays, FLOATS)
        return J, inputs, watched, events

    def named(self) -> tuple[Value, dict[str, Any]]:
        """J, and the arrays of nodes that have a name: inputs, what is watched, what statements leave.

        A name that is given again, in a loop say, is called name#2.
        """
        J, inputs, watched, events = self.on_values()
        found, counts = inputs | watched, dict[str, int]()
        for site, _, x in events:
            name = self.sites[site].target
            if name and holds_nodes(x):
                counts[name] = counts.get(name, 0) + 1
                found.setdefault(name if counts[name] == 1 else f"{name}#{counts[name]}", x)
        return J, found

    # the backward pass

    @contextlib.contextmanager
    def ready(self) -> Iterator[None]:
        """The block runs the backward pass, any number of times; afterwards the world is as it was."""
        with self.subject.running(), quiet():
            given = {name: plain_copy(x) for name, x in self.subject.arrays.items()}
            function, arguments = self.subject.backward_call(given, None)
            self._call = function, arguments
            first, second = self.run(), self.run()
            if first is None or second is None or any(not _same(first[k], second[k]) for k in first):
                self._call = None  # what it changes is not in its arguments
            try:
                yield
            finally:
                self._call = None

    def run(self, codes: Codes | None = None) -> dict[str, Any] | None:
        """The gradients that the backward pass gives, with this code; None where it raises."""
        try:
            self.last[0] = {**self._plain, **(codes or {})}
            with swapped(self.last[0]):
                return self._run()
        except Exception:  # edited code may raise anything
            return None

    def _run(self) -> dict[str, Any]:
        subject = self.subject
        if self._call is None:
            with subject.running():
                return subject.by_hand({name: plain_copy(x) for name, x in subject.arrays.items()}, None)
        function, arguments = self._call
        found = function(*copy.deepcopy(arguments))
        return subject.by_name(found, function)

    def run_with(self, instead: dict[int, Callable[[int, Any], Any]]) -> dict[str, Any] | None:
        """The gradients where the code goes on with another value at some sites; None where it raises.

        Each is told the number of the pass through its site, and the value there.
        """
        with self._recorder.changing(instead):
            return self.run(self.instrumented)

    def reaches(self, base: dict[str, Any], sites: Iterable[int]) -> bool:
        """Whether some gradient is another one when the values at these sites are."""
        after = self.run_with(dict.fromkeys(sites, shaken))
        return after is None or any(not _same(base[name], after.get(name)) for name in base)

    def backward(self) -> list[Event]:
        """The events of the backward pass alone."""
        with swapped(self.instrumented), self._recorder.recording() as events, contextlib.suppress(Exception):
            self._run()
        return events


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What the user's code prints is not shown, and NumPy does not warn."""
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        yield


def _same(x: Any, y: Any) -> bool:
    try:
        return bool(np.array_equal(np.asarray(x, float), np.asarray(y, float), equal_nan=True))
    except (TypeError, ValueError):
        return x is y


def shaken(times: int, x: Any) -> Any:
    """Another value near this one, without chance."""
    if isinstance(x, (np.ndarray, float, np.number, np.bool_)):
        kind = np.asarray(x).dtype.kind
        if kind == "f":
            size = float(np.max(np.abs(x), initial=0)) or 1.0
            wave = np.cos(np.arange(np.size(x)) * 1.7 + 0.3 + times).reshape(np.shape(x))
            return np.asarray(x + 0.01 * size * wave) if np.ndim(x) else float(x + 0.01 * size * wave)
        if kind == "b":
            return np.logical_not(x)
        return x + 1 if np.ndim(x) == 0 else np.roll(x, 1)  # indices stay within their bounds
    if isinstance(x, bool):
        return not x
    return x + 1 if isinstance(x, int) else x
