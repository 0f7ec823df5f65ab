"""A user's functions as subjects: a cost and its gradients, or a layer's forward and backward pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import TapeArray, ValueArray, total
from compare.subject.arithmetic import Arithmetic
from compare.subject.points import Move, moved_data
from compare.subject.state import as_numbers
from compare.subject.subject import FLOATS, UserCode, as_data, plain_copy
from compare.subject.trees import copied, described, leaves, matched, rebuilt, refuse_infinite, without_loss
from compare.subject.usercode import (
    Function,
    UnusableCode,
    as_scalar,
    call_users,
    name_of,
    parameter_names,
    positional_count,
)

Array = NDArray[Any]


class Gradients(UserCode):
    """cost(params, *args) and gradients(params, *args)."""

    def __init__(self, cost: Function, gradients: Function, params: Any, args: tuple[Any, ...], seed: int) -> None:
        self.cost_function, self.gradients, self.params, self.args, self.seed = cost, gradients, params, args, seed
        self.functions = (cost, gradients)
        self.root = "" if isinstance(params, Mapping) else parameter_names(cost, 1)[0]
        self.arrays = dict(leaves(params, self.root))
        if not self.arrays:
            raise UnusableCode(f"params holds no array or number of floats to differentiate: {described(params)}")
        refuse_infinite(self.arrays)
        self.title = f"{name_of(gradients)} against the chain rule over {name_of(cost)}"
        self.scope = "all parameters (on this branch of the code, for these data)"

    def once(self) -> Any:
        given = {name: plain_copy(x) for name, x in self.arrays.items()}
        found = call_users(self.cost_function, rebuilt(self.params, given, self.root), *self._args(None))
        return found[0] if isinstance(found, tuple) and found else found

    def cost(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> Any:
        J = call_users(self.cost_function, rebuilt(self.params, given, self.root), *self._args(arithmetic))
        return as_scalar(J, self.cost_function, plain=arithmetic is None)

    def by_hand(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> dict[str, Any]:
        function, arguments = self.backward_call(given, arithmetic)
        found = call_users(function, *arguments)
        return matched(
            without_loss(found, self.params), self.params, list(self.arrays), self.root, name_of(self.gradients)
        )

    def others(self) -> list[Any]:
        return list(self.args)

    def named(self) -> Iterator[tuple[str, Any]]:
        names = parameter_names(self.cost_function, 1 + len(self.args))[1:]
        for name, arg in zip(names, self.args, strict=True):
            yield from arg.items() if isinstance(arg, Mapping) else [(name, arg)]
        yield from self.arrays.items()

    def backward_call(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> tuple[Function, list[Any]]:
        return self.gradients, [rebuilt(self.params, given, self.root), *self._args(arithmetic)]

    def moved(self, move: Move, data: bool = True) -> Gradients:
        params = rebuilt(self.params, {name: move(x)[()] for name, x in self.arrays.items()}, self.root)
        args = tuple(moved_data(arg, move) for arg in self.args) if data else self.args
        return Gradients(self.cost_function, self.gradients, params, args, self.seed)

    def _args(self, arithmetic: Arithmetic | None) -> list[Any]:
        return [_given(arg, arithmetic) for arg in self.args]


class Layer(UserCode):
    """forward(*inputs) and backward(dout, cache)."""

    tied = True

    def __init__(
        self, forward: Function, backward: Function, inputs: Sequence[Any] | Mapping[str, Any], seed: int
    ) -> None:
        self.forward_function, self.backward, self.functions = forward, backward, (forward, backward)
        self.keywords, self.seed = isinstance(inputs, Mapping), seed
        if isinstance(inputs, np.ndarray):
            inputs = (inputs,)
        names = list(inputs) if isinstance(inputs, Mapping) else parameter_names(forward, len(inputs))
        self.inputs = dict(inputs) if isinstance(inputs, Mapping) else dict(zip(names, inputs, strict=True))
        self.arrays = dict(leaves(self.inputs, ""))
        if not self.arrays:
            raise UnusableCode(f"inputs holds no array or number of floats to differentiate: {described(inputs)}")
        refuse_infinite(self.arrays)
        self.title = f"{name_of(backward)} against the chain rule over {name_of(forward)}"
        self.scope = "all inputs and upstream gradients (on this branch of the code)"
        with self.running():
            out, _ = self._out({name: plain_copy(x) for name, x in self.arrays.items()}, None)
        # not default_rng(seed), which people's own data come from: an upstream gradient equal to x is a special one
        self.dout = np.random.default_rng([seed, 2**31]).normal(size=np.shape(out))

    def once(self) -> Any:
        return self._out({name: plain_copy(x) for name, x in self.arrays.items()}, None)[0]

    def cost(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> Any:
        out, _ = self._out(given, arithmetic)
        if isinstance(out, TapeArray):
            return np.sum(out * self._dout(arithmetic))
        terms = np.asarray(out, object) * self._dout(arithmetic)
        J = total(terms.flat)
        return as_scalar(J, self.forward_function, plain=arithmetic is None)

    def by_hand(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> dict[str, Any]:
        function, arguments = self.backward_call(given, arithmetic)
        found = call_users(function, *arguments)
        return matched(found, self.inputs, list(self.arrays), "", name_of(self.backward))

    def backward_call(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> tuple[Function, list[Any]]:
        _, cache = self._out(given, arithmetic)
        dout = self._dout(arithmetic)
        dout = dout.copy().view(ValueArray) if dout.dtype == object else dout.copy()
        extra = [] if cache is None and positional_count(self.backward) < 2 else [cache]
        return self.backward, [dout if dout.ndim else dout[()], *extra]

    def moved(self, move: Move, data: bool = True) -> Layer:
        inputs = rebuilt(self.inputs, {name: move(x)[()] for name, x in self.arrays.items()}, "")
        return Layer(self.forward_function, self.backward, inputs if self.keywords else [*inputs.values()], self.seed)

    def others(self) -> list[Any]:
        return [x for x in self.inputs.values() if not isinstance(x, (Mapping, list, tuple, np.ndarray))]

    def prepare(self, arithmetic: Arithmetic) -> None:
        self._numbers = arithmetic.variables(self.dout, "dout")

    def _out(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> tuple[Any, Any]:
        inputs = rebuilt(self.inputs, given, "", lambda x: _given(x, arithmetic))
        found = (
            call_users(self.forward_function, **inputs)
            if self.keywords
            else call_users(self.forward_function, *inputs.values())
        )
        return found if isinstance(found, tuple) and len(found) == 2 else (found, None)

    def _dout(self, arithmetic: Arithmetic | None) -> Array:
        return self.dout if arithmetic in (None, FLOATS) else self._numbers


def _given(x: Any, arithmetic: Arithmetic | None) -> Any:
    """An argument that is not differentiated, as the user's code gets it: a copy, or its floats as numbers."""
    return copied(x) if arithmetic is None else as_numbers(x, lambda array: as_data(array, arithmetic))
