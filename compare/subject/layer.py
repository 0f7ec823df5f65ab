"""A layer as a subject: its forward and its backward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import TapeArray, ValueArray, total
from compare.subject.arithmetic import Arithmetic
from compare.subject.forms import (
    Form,
    Outputs,
    at,
    read_outputs,
    refuse_call,
    upstream_leaves,
)
from compare.subject.functions import Functions, kind
from compare.subject.points import Move
from compare.subject.refusals import (
    refuse_empty,
    refuse_leaves,
    refuse_no_functions,
    refuse_none,
    refuse_nothing,
    swapped,
)
from compare.subject.subject import FLOATS, plain_copy
from compare.subject.trees import (
    Matched,
    children,
    described,
    flat,
    has_names,
    is_recorded,
    is_whole,
    joined,
    rebuilt,
    refuse_tables,
)
from compare.subject.usercode import (
    Function,
    UnusableCode,
    as_scalar,
    call_users,
    name_of,
    parameter_names,
    required_count,
)

Array = NDArray[Any]


class Layer(Functions):
    """forward(*inputs) and backward(dout, cache)."""

    tied = True

    def __init__(
        self,
        forward: Function,
        backward: Function,
        inputs: Sequence[Any] | Mapping[str, Any],
        seed: int,
        like: Layer | None = None,
    ) -> None:
        self.forward_function, self.backward, self.functions = forward, backward, (forward, backward)
        self.keywords, self.seed, self.root = isinstance(inputs, Mapping), seed, ""
        if like is None:
            refuse_no_functions(forward=forward, backward=backward)
            if isinstance(inputs, str) or not hasattr(inputs, "__len__"):
                refuse_nothing("inputs", inputs)
        if isinstance(inputs, (np.ndarray, float)):
            inputs = (inputs,)
        names = list(inputs) if isinstance(inputs, Mapping) else parameter_names(forward, len(inputs))
        self.tree = dict(inputs) if isinstance(inputs, Mapping) else dict(zip(names, inputs, strict=True))
        self.title = f"{name_of(backward)} against the chain rule over {name_of(forward)}"
        self.scope = "all inputs and upstream gradients (on this branch of the code)"
        if like is None:
            self._look()
            return
        self.form, self.outputs, self.upstream, self.template = like.form, like.outputs, like.upstream, like.template
        self.arrays = self._leaves()

    outputs: Outputs
    upstream: dict[str, Array]  # the upstream gradients, by the names of backward
    template: Any  # the outputs, as they came in plain floats

    def _look(self) -> None:
        """Run both functions once as they are, and see which form they have."""
        refuse_tables(self.tree, "")
        refuse_leaves(self.tree, "")
        whole = [name for name, x in flat(self.tree, "") if is_whole(x)]
        floats = [name for name, x in flat(self.tree, "") if is_recorded(x)]
        if not floats:
            refuse_nothing("inputs", [*self.tree.values()])
        count, keywords = (0, self.tree) if self.keywords else (len(self.tree), {})
        hint = "inputs must be what forward takes, in its order" + swapped(self.forward_function, self.backward)
        refuse_call(self.forward_function, count, keywords, hint)
        self.form = Form(floats)
        self.arrays = self._leaves()
        with self.running():
            try:
                found = self._forward(_plain(self.arrays), None)
            except UnusableCode as problem:
                raise UnusableCode(f"{problem}{swapped(self.forward_function, self.backward)}") from problem
            refuse_none(self.forward_function, found)
            self.outputs = read_outputs(found, self.backward)
            self.template, _ = self.outputs.split(found)
            outs = upstream_leaves(self.template, self.outputs.names)
            # not default_rng(seed), which people's own data come from: an upstream gradient equal to x is a special one
            rng = np.random.default_rng([self.seed, 2**31])
            self.upstream = {name: np.asarray(rng.normal(size=np.shape(x))) for name, x in outs.items()}
            if not self.upstream:
                raise UnusableCode(f"{name_of(self.forward_function)} gives no floats, {described(self.template)}")
            refuse_empty(outs, self.named(), self.forward_function)
        with self.running():
            function, arguments = self.backward_call(_plain(self.arrays), None)
            try:
                gradients = call_users(function, *arguments)
            except UnusableCode as problem:
                if len(arguments) > len(self.upstream) and arguments[-1] is None:
                    raise UnusableCode(
                        f"{problem}; {name_of(self.forward_function)} gives no cache: return out, cache"
                    ) from problem
                raise
        refuse_none(self.backward, gradients)
        self.form.first = gradients
        matched = self._first_match(gradients, floats, whole)
        numbers = [name for name in self.form.names if name in whole or self.arrays[name].ndim == 0]
        is_named = has_names(gradients)
        if is_named and matched.surplus:  # a key that no input has may be that of a number
            numbers = [name for name in numbers if name in whole]
        self._look_at_gradients(matched, numbers, self.backward)
        self._keep_integers(whole)
        self.arrays = self._leaves()

    def _first_match(self, gradients: Any, floats: list[str], whole: list[str]) -> Matched:
        """The gradients of all inputs, of all floats, or of the arrays alone: whichever there are so many of."""
        everything = [name for name, _ in flat(self.tree, "") if name in floats + whole]
        arrays = [name for name in floats if self.arrays[name].ndim]
        plain = [name for name in arrays if name in self.tree]
        outer = [name for name in floats if name in self.tree]
        first: UnusableCode | None = None
        for names in (everything, floats, outer, arrays, plain):
            try:
                matched = Matched(gradients, self.tree, names, "", name_of(self.backward))
            except UnusableCode as problem:
                first = problem if first is None or names is floats else first
                continue
            left = [name for name in floats if name not in names]
            own = dict(flat(self.tree, ""))
            for name in [name for name in everything if name not in names and (name in left or name in whole)]:
                self.form.remarks.append(
                    f"not compared: {name}, {kind(own[name])}, for which {name_of(self.backward)} gives no gradient."
                )
            self.form.names = list(names)
            return matched
        assert first is not None
        raise first

    def _keep_integers(self, whole: list[str]) -> None:
        """Integers with a gradient are floats from now on, unless forward needs integers."""
        names = [name for name in whole if name in self.form.names]
        if not names:
            return
        floats = {name: np.array(x) if x.ndim else float(x) for name, x in self.arrays.items()}
        try:
            with self.running():
                inputs = rebuilt(self.tree, floats, "")
                found = self._called(inputs)
            outs = upstream_leaves(self.outputs.split(found)[0], self.outputs.names)
            before = upstream_leaves(self.template, self.outputs.names)
            same = all(np.allclose(outs[name], x, equal_nan=True) for name, x in before.items())
        except (UnusableCode, TypeError, ValueError, KeyError):
            same = False
        if not same:
            self.form.names = [name for name in self.form.names if name not in names]
            self.form.remarks.append(
                f"not compared: {', '.join(names)}, which {name_of(self.forward_function)} needs as integers."
            )

    def once(self) -> Any:
        return self._out({name: plain_copy(x) for name, x in self.arrays.items()}, None)[0]

    def cost(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> Any:
        outs, _ = self._out(given, arithmetic)
        terms: list[Any] = []
        for name, dout in self._upstream(arithmetic).items():
            out = joined(at(outs, "dout", name, self.outputs.names))
            if isinstance(out, TapeArray) or isinstance(dout, TapeArray):
                terms.append(np.sum(out * dout))
            else:
                terms += np.asarray(np.asarray(out, object) * dout, object).flat
        J = sum(terms[1:], start=terms[0]) if isinstance(terms[0], TapeArray) else total(terms)
        return as_scalar(J, self.forward_function, plain=arithmetic is None)

    def by_hand(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> dict[str, Any]:
        function, arguments = self.backward_call(given, arithmetic)
        return self.by_name(self._called_by_hand(function, arguments, arithmetic is not None), function)

    def backward_call(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> tuple[Function, list[Any]]:
        _, rest = self._out(given, arithmetic)
        douts = {name: _owned(x) for name, x in self._upstream(arithmetic).items()}
        if self.outputs.names:
            parts = zip(children(self.template), self.outputs.names, strict=True)
            upstream = [rebuilt(x, douts, name, _nothing) for (_, x), name in parts]
        else:
            upstream = [rebuilt(self.template, douts, "dout", _nothing)]
        arguments = [*upstream, *rest]
        return self.backward, arguments + [None] * (len(arguments) < required_count(self.backward))

    def moved(self, move: Move, data: bool = True) -> Layer:
        inputs = self._moved(move)
        inputs = inputs if self.keywords else [*inputs.values()]
        return Layer(self.forward_function, self.backward, inputs, self.seed, self)

    def others(self) -> list[Any]:
        return [x for x in self.tree.values() if not isinstance(x, (Mapping, list, tuple, np.ndarray))]

    def prepare(self, arithmetic: Arithmetic) -> None:
        called = {name: f"upstream {name}" if name in self.arrays else name for name in self.upstream}
        self._numbers = {name: arithmetic.variables(x, called[name]) for name, x in self.upstream.items()}

    def _forward(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> Any:
        return self._called(self._filled(given, arithmetic))

    def _called(self, inputs: Mapping[str, Any]) -> Any:
        if self.keywords:
            return call_users(self.forward_function, **inputs)
        return call_users(self.forward_function, *inputs.values())

    def _out(self, given: dict[str, Any], arithmetic: Arithmetic | None) -> tuple[Any, list[Any]]:
        return self.outputs.split(self._forward(given, arithmetic))

    def _upstream(self, arithmetic: Arithmetic | None) -> dict[str, Any]:
        return self.upstream if arithmetic in (None, FLOATS) else self._numbers


def _plain(arrays: dict[str, Array]) -> dict[str, Any]:
    return {name: plain_copy(x) for name, x in arrays.items()}


def _owned(dout: Any) -> Any:
    """An upstream gradient in memory of its own."""
    dout = dout.copy().view(ValueArray) if dout.dtype == object else dout.copy()
    return dout if dout.ndim else dout[()]


def _nothing(x: Any) -> Any:
    """The upstream gradient of an output that is no float."""
    return np.zeros(np.shape(x)) if isinstance(x, np.ndarray) else None
