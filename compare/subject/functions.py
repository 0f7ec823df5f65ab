"""A user's functions as subjects, and the first kind: a cost and its gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import graph, values
from compare.subject.arithmetic import Arithmetic
from compare.subject.forms import (
    Form,
    as_it_was,
    refuse_call,
)
from compare.subject.points import Move, moved_data
from compare.subject.refusals import refuse_leaves, refuse_no_functions, refuse_none, refuse_nothing
from compare.subject.state import as_numbers
from compare.subject.subject import FLOATS, UserCode, as_data, plain_copy
from compare.subject.trees import (
    Matched,
    copied,
    described,
    fits,
    flat,
    has_names,
    is_recorded,
    is_scalar,
    is_whole,
    place_of_gradients,
    rebuilt,
    refuse_infinite,
    refuse_tables,
)
from compare.subject.usercode import (
    Function,
    UnusableCode,
    as_scalar,
    call_users,
    name_of,
    parameter_names,
)

Array = NDArray[Any]


class Functions(UserCode):
    """What both have in common: a tree of parameters or inputs, of which some leaves are differentiated."""

    tree: Any  # the parameters, or the inputs by name

    def as_given(self) -> Iterator[tuple[str, Any]]:
        return flat(self.tree, "")

    root: str
    form: Form

    def _leaves(self) -> dict[str, Array]:
        """What is differentiated, as floats; raises UnusableCode where something is not finite."""
        if self.form.is_vector:
            arrays = {self.root: np.asarray(self.tree, float)}
        else:
            arrays = {name: np.asarray(x, float) for name, x in flat(self.tree, self.root) if name in self.form.names}
        refuse_infinite(arrays)
        return arrays

    def _filled(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> Any:
        """The tree with these leaves; in the user's own types where the code is run as it is."""
        if arithmetic is None and not self.form.is_vector:
            own = dict(flat(self.tree, self.root))
            given = {name: as_it_was(x, own[name]) for name, x in given.items()}
        return rebuilt(self.tree, given, self.root, lambda x: _given(x, arithmetic))

    def _moved(self, move: Move) -> Any:
        return rebuilt(self.tree, {name: move(x)[()] for name, x in self.arrays.items()}, self.root)

    def by_name(self, found: Any, function: Function) -> dict[str, Any]:
        return self._matched(found, function)

    def _matched(self, found: Any, function: Function) -> dict[str, Any]:
        """The user's gradients by name."""
        tree = self.arrays[self.root] if self.form.is_vector else self.tree
        by_name = Matched(found, tree, self.form.names, self.root, name_of(function)).by_name()
        return by_name | {name: np.zeros(self.arrays[name].shape) for name in self.form.unused}

    def _called_by_hand(self, function: Function, arguments: list[Any], recorded: bool) -> Any:
        """What the user's function gives; the floats of its first run where it writes numbers into integers."""
        try:
            return call_users(function, *arguments)
        except UnusableCode as problem:
            if not recorded or not self.form.truncated or "int() argument" not in str(problem):
                raise
            for name in self.form.names:
                first = ", ".join(self.form.truncated.values())
                self.form.problems[name] = self.form.truncated.get(name, f"not compared as a formula: {first}")
            return self.form.first

    def _look_at_gradients(self, matched: Matched, optional: Iterable[str], function: Function) -> None:
        """Read from one run which of what may be left out is left out, and what is missing."""
        form, given, surplus = self.form, matched.given, matched.surplus
        for name in optional:
            is_misspelt = "is that it?" in matched.problems.get(name, "")
            if given.get(name) is None and not is_misspelt:
                form.names.remove(name)
                what = kind(dict(flat(self.tree, self.root))[name])
                form.remarks.append(f"not compared: {name}, {what}, for which {name_of(function)} gives no gradient.")
        form.problems = {name: says for name, says in matched.problems.items() if name in form.names}
        form.remarks += matched.remarks
        form.surplus = list(surplus)
        own = dict(flat(self.tree, self.root))
        form.truncated = {
            name: f"your d{name} has dtype {np.asarray(x).dtype}: what was written into it was truncated"
            for name, x in given.items()
            if isinstance(x, np.ndarray) and x.dtype.kind in "iu" and is_recorded(own[name])
        }
        self.arrays = self._leaves()
        nones = [name for name in form.names if name in given and given[name] is None]
        reached = self._reached() if nones else set()
        for name in nones:
            if name in reached:
                form.problems[name] = f"{name_of(function)} gives None for {name}, but J depends on it"
            else:
                form.unused.add(name)
                form.remarks.append(f"{name}: its gradient is None, and J does not depend on it.")

    def _reached(self) -> set[str]:
        """What J depends on."""
        self.prepare(FLOATS)
        inputs = {name: values(x, name) for name, x in self.arrays.items()}
        with self.running(FLOATS):
            nodes = {name: x.copy() if x.ndim else x.item() for name, x in inputs.items()}
            found = set(graph(self.cost(nodes, FLOATS)))
        return {name for name, x in inputs.items() if not found.isdisjoint(np.asarray(x, object).flat)}

    def without(self, name: str) -> str:
        return self.form.problems.get(name, "")

    def remarks(self, compared: Iterable[str]) -> list[str]:
        known = set(compared)
        surplus = [key for key in self.form.surplus if key not in known and all(key != f"d{name}" for name in known)]
        said = list(self.form.remarks)
        if surplus:
            said.append(f"not compared: {', '.join(surplus)}, which {name_of(self.functions[1])} gives as well.")
        return said


class Gradients(Functions):
    """cost(params, *args) and gradients(params, *args)."""

    def __init__(
        self,
        cost: Function,
        gradients: Function,
        params: Any,
        args: tuple[Any, ...],
        seed: int,
        form: Form | None = None,
    ) -> None:
        self.cost_function, self.gradients, self.tree, self.args, self.seed = cost, gradients, params, args, seed
        self.functions = (cost, gradients)
        if form is None:
            refuse_no_functions(cost=cost, gradients=gradients)
        self.root = "" if has_names(params) else parameter_names(cost, 1)[0]
        self.title = f"{name_of(gradients)} against the chain rule over {name_of(cost)}"
        self.scope = "all parameters (on this branch of the code, for these data)"
        if form is None:
            self._look()
            return
        self.form = form
        self.arrays = self._leaves()

    def _look(self) -> None:
        """Run both functions once as they are, and see which form they have."""
        refuse_tables(self.tree, self.root or "params")
        refuse_leaves(self.tree, self.root)
        for name, arg in zip(parameter_names(self.cost_function, 1 + len(self.args))[1:], self.args, strict=True):
            refuse_tables(arg, name)
        whole = [name for name, x in flat(self.tree, self.root) if is_whole(x)]
        floats = [name for name, x in flat(self.tree, self.root) if is_recorded(x)]
        if not floats and not whole:
            refuse_nothing("params", self.tree)
        for function in self.functions:
            refuse_call(
                function,
                1 + len(self.args),
                {},
                "what comes after params is given after it, as in gradcheck(cost, gradients, params, X, y); in a file,"
                " args = (X, y)",
            )
        self.form = Form(floats)
        refuse_infinite(self._leaves())
        params, (J, found) = self._first_run(whole)
        self.form.cost_at = (
            (1 if _is_pair(J) and is_scalar(J[1]) and not is_scalar(J[0]) else 0) if isinstance(J, tuple) else None
        )
        self.form.first = found
        self.form.gradients_at = place_of_gradients(found, params)
        self._refuse_swapped(J, found, params)
        if self.form.gradients_at is not None:
            found = found[self.form.gradients_at]
        if not self.form.is_vector:
            try:
                self.form.names = [name for name, _ in flat(self.tree, self.root) if name in floats + whole]
                matched = self._first_match(found)
            except UnusableCode:
                self.form.names = list(floats)
                matched = self._first_match(found)
            self._look_at_gradients(matched, [name for name in whole if name in self.form.names], self.gradients)
            self._keep_integers(whole, J)
        if not self.form.names:
            raise UnusableCode(
                f"params holds no floats to differentiate, {described(self.tree)}, and {name_of(self.gradients)} gives"
                " no gradient for it"
            )
        self.arrays = self._leaves()

    def _first_match(self, found: Any) -> Matched:
        return Matched(found, self.tree, self.form.names, self.root, name_of(self.gradients))

    def _first_run(self, whole: list[str]) -> tuple[Any, tuple[Any, Any]]:
        """The parameters as they are handed over, and what both functions return for them."""

        def run(params: Callable[[], Any]) -> tuple[Any, Any]:
            with self.running():
                J = call_users(self.cost_function, params(), *self._args(None))
            with self.running():
                found = call_users(self.gradients, params(), *self._args(None))
            refuse_none(self.cost_function, J)
            refuse_none(self.gradients, found)
            return J, found

        may_be_vector = type(self.tree) in (list, tuple) and _is_list_of_numbers(self.tree)
        try:
            found = run(lambda: copied(self.tree))
        except UnusableCode:
            if not may_be_vector:
                raise
            try:
                found = run(lambda: np.asarray(self.tree, float))
            except UnusableCode as problem:
                raise problem from None
        vector = np.asarray(self.tree, float) if may_be_vector else None
        gradient = found[1]
        if vector is not None:
            place = place_of_gradients(gradient, vector)
            gradient = gradient if place is None else gradient[place]
            if isinstance(gradient, np.ndarray) and gradient.shape == vector.shape:
                self.form.is_vector, self.form.names = True, [self.root]
                self.arrays = {self.root: vector}
                return vector, found
        return self.tree, found

    def _refuse_swapped(self, J: Any, found: Any, params: Any) -> None:
        J = J if self.form.cost_at is None else J[self.form.cost_at]
        if not is_scalar(J) and is_scalar(found) and not fits(found, params):
            raise UnusableCode(
                f"{name_of(self.cost_function)} gave {kind(J)}, and {name_of(self.gradients)} one number: are the two"
                " swapped? The function of the cost comes first, then that of the gradients"
            )

    def _keep_integers(self, whole: list[str], J: Any) -> None:
        """Integers with a gradient are floats from now on, unless the cost needs integers."""
        names = [name for name in whole if name in self.form.names]
        if not names:
            return
        floats = {name: np.array(x) if x.ndim else float(x) for name, x in self.arrays.items()}
        try:
            with self.running():
                params = rebuilt(self.tree, floats, self.root)
                again = call_users(self.cost_function, params, *self._args(None))
            same = np.allclose(self._cost_in(again), self._cost_in(J), equal_nan=True)
        except (UnusableCode, TypeError, ValueError):
            same = False
        if not same:
            self.form.names = [name for name in self.form.names if name not in names]
            self.form.remarks.append(
                f"not compared: {', '.join(names)}, which {name_of(self.cost_function)} needs as integers."
            )

    def _cost_in(self, J: Any) -> Any:
        return J if self.form.cost_at is None or not isinstance(J, tuple) else J[self.form.cost_at]

    def once(self) -> Any:
        given = {name: plain_copy(x) for name, x in self.arrays.items()}
        return self._cost_in(call_users(self.cost_function, self._filled(given, None), *self._args(None)))

    def cost(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> Any:
        J = call_users(self.cost_function, self._filled(given, arithmetic), *self._args(arithmetic))
        return as_scalar(self._cost_in(J), self.cost_function, plain=arithmetic is None)

    def by_hand(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> dict[str, Any]:
        function, arguments = self.backward_call(given, arithmetic)
        found = self._called_by_hand(function, arguments, arithmetic is not None)
        return self.by_name(found, function)

    def by_name(self, found: Any, function: Function) -> dict[str, Any]:
        place = self.form.gradients_at
        return self._matched(found if place is None or found is None else found[place], function)

    def others(self) -> list[Any]:
        return list(self.args)

    def named(self) -> Iterator[tuple[str, Any]]:
        names = parameter_names(self.cost_function, 1 + len(self.args))[1:]
        for name, arg in zip(names, self.args, strict=True):
            yield from arg.items() if isinstance(arg, Mapping) else [(name, arg)]
        yield from self.arrays.items()

    def backward_call(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> tuple[Function, list[Any]]:
        return self.gradients, [self._filled(given, arithmetic), *self._args(arithmetic)]

    def moved(self, move: Move, data: bool = True) -> Gradients:
        args = tuple(moved_data(arg, move) for arg in self.args) if data else self.args
        return Gradients(self.cost_function, self.gradients, self._moved(move), args, self.seed, self.form)

    def _args(self, arithmetic: Arithmetic | None) -> list[Any]:
        return [_given(arg, arithmetic) for arg in self.args]


def _is_pair(x: Any) -> bool:
    return isinstance(x, tuple) and len(x) == 2


def _is_list_of_numbers(x: Any) -> bool:
    """Whether nested lists of plain numbers, floats among them, are one array."""
    found = [leaf for _, leaf in flat(x, "")]
    try:
        shape = np.shape(x)
    except ValueError:
        return False
    return all(type(leaf) in (int, float) for leaf in found) and bool(found) and int(np.prod(shape)) == len(found)


def kind(x: Any) -> str:
    """What a thing is, with its article."""
    if isinstance(x, np.ndarray):
        return f"an array of shape {x.shape}" if x.dtype.kind == "f" else f"an array of {x.dtype}"
    if isinstance(x, (int, np.integer)):
        return "an integer"
    if isinstance(x, (float, np.floating)):
        return "a number"
    return f"a {type(x).__name__}"


def _given(x: Any, arithmetic: Arithmetic | None) -> Any:
    """An argument that is not differentiated, as the user's code gets it: a copy, or its floats as numbers."""
    return copied(x) if arithmetic is None else as_numbers(x, lambda array: as_data(array, arithmetic))
