"""Two backward passes as a subject: is the second the same function as the first?

With J = sum(v * first(inputs)), the derivative of J by v is what the first gives; the second is held against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Tape, TapeArray, Value, total
from compare.subject.arithmetic import Arithmetic
from compare.subject.points import Move
from compare.subject.state import as_numbers
from compare.subject.subject import Recorded, Sides, UserCode, as_data, nodes_of, plain_copy
from compare.subject.trees import copied, flat, is_recorded, joined, rebuilt, refuse_infinite
from compare.subject.usercode import Function, UnusableCode, as_scalar, call_users, name_of, parameter_names

Array = NDArray[Any]

WEIGHT = "v of "  # begins the names of what the outputs are multiplied with


class Pair(UserCode):
    """first(*inputs) and second(*inputs), which are to give the same."""

    ours, theirs = "the second gives", "the first"
    tied = False

    def __init__(self, first: Function, second: Function, inputs: Sequence[Any] | Mapping[str, Any], seed: int) -> None:
        self.first, self.second, self.functions = first, second, (first, second)
        self.keywords, self.seed = isinstance(inputs, Mapping), seed
        names = list(inputs) if isinstance(inputs, Mapping) else parameter_names(first, len(inputs))
        self.tree = dict(inputs) if isinstance(inputs, Mapping) else dict(zip(names, inputs, strict=True))
        self.title = f"{name_of(second)} against {name_of(first)}"
        self.scope = "all inputs (on this branch of the code)"
        self.inputs = {name: np.asarray(x, float) for name, x in flat(self.tree, "") if is_recorded(x)}
        refuse_infinite(self.inputs)
        outs, others = self._outputs(first, None), self._outputs(second, None)
        if outs.keys() != others.keys():
            raise UnusableCode(f"{name_of(first)} gives {_named(outs)}, but {name_of(second)} gives {_named(others)}")
        rng = np.random.default_rng([seed, 2**31])
        self.weights = {name: np.asarray(rng.normal(size=np.shape(x))) for name, x in outs.items()}
        self.arrays = {**self.inputs, **{WEIGHT + name: v for name, v in self.weights.items()}}

    def called(self, name: str) -> str:
        return f"the second's {name}"

    def named(self) -> Iterator[tuple[str, Any]]:
        yield from flat(self.tree, "")

    def cost(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> Any:
        outs, terms = self._outputs(self.first, arithmetic, given), list[Any]()
        for name in self.weights:
            out, v = joined(outs[name]), given[WEIGHT + name]
            if isinstance(out, TapeArray) or isinstance(v, TapeArray):
                terms.append(np.sum(out * v))
            else:
                terms += np.asarray(np.asarray(out, object) * v, object).flat
        J = sum(terms[1:], start=terms[0]) if isinstance(terms[0], TapeArray) else total(terms)
        return as_scalar(J, self.first, plain=arithmetic is None)

    def by_hand(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> dict[str, Any]:
        outs = self._outputs(self.second, arithmetic, given)
        return {WEIGHT + name: joined(x) for name, x in outs.items()}

    def backward_call(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> tuple[Function, list[Any]]:
        inputs = self._inputs(given, arithmetic)
        if self.keywords:
            return lambda *values: self.second(**dict(zip(inputs, values, strict=True))), [*inputs.values()]
        return self.second, [*inputs.values()]

    def once(self) -> Any:
        return self._outputs(self.first, None)

    def moved(self, move: Move, data: bool = True) -> Pair:
        tree = rebuilt(self.tree, {name: move(x)[()] for name, x in self.inputs.items()}, "")
        return Pair(self.first, self.second, tree if self.keywords else [*tree.values()], self.seed)

    def plain(self) -> dict[str, Any]:
        return _by_output(super().plain())

    def traced(self, arithmetic: Arithmetic | None) -> tuple[Value, dict[str, Any], Sides]:
        J, nodes, sides = super().traced(arithmetic)
        return J, _by_output(nodes), Sides(_by_output(sides.ours), _by_output(sides.chain))

    def by_hand_in(self, arithmetic: Arithmetic, names: list[str]) -> dict[str, Any]:
        return _by_output(super().by_hand_in(arithmetic, [WEIGHT + name for name in names]))

    def on_tape(self, tape: Tape, part: slice) -> Recorded:
        J, inputs, _, by_hand = self._both_on_tape(tape)
        return Recorded(J, _by_output(inputs), {k: nodes_of(tape, x) for k, x in _by_output(by_hand).items()})

    def _inputs(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> dict[str, Any]:
        def other(x: Any) -> Any:
            return copied(x) if arithmetic is None else as_numbers(x, lambda array: as_data(array, arithmetic))

        inputs: dict[str, Any] = rebuilt(self.tree, {name: given[name] for name in self.inputs}, "", other)
        return inputs

    def _outputs(
        self, function: Function, arithmetic: Arithmetic | None, given: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The arrays that one of the two gives, by name; the user's own numbers where none are given."""
        given = {name: plain_copy(x) for name, x in self.inputs.items()} if given is None else given
        inputs = self._inputs(given, arithmetic)
        found = call_users(function, **inputs) if self.keywords else call_users(function, *inputs.values())
        is_one = not isinstance(found, (Mapping, list, tuple))
        outs = {"out" if is_one and name == "x" else name: x for name, x in flat(found, "")}
        if not outs or any(x is None for x in outs.values()):
            raise UnusableCode(f"{name_of(function)} gave {found!r}, no arrays to compare: is its return missing?")
        return outs


def _by_output(found: dict[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(WEIGHT): x for name, x in found.items() if name.startswith(WEIGHT)}


def _named(outs: dict[str, Any]) -> str:
    return ", ".join(outs)
