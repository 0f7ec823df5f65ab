"""The backward pass of a forward pass written out in NumPy, and proved.

The lines come from `matrix_backprop.rules`, one row for each function of the forward pass, and the proof from the
engine: the derived function is checked as a hand-written one is.
"""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MethodType
from typing import Any

import numpy as np

from compare.derive.back import Backward
from compare.derive.flat import Flat
from compare.derive.ir import UNFORESEEN, CannotDerive, Items, Set
from compare.derive.lines import Gradient
from compare.derive.proof import (
    as_tuple,
    elsewhere,
    inputs_of,
    made_of,
    other_points,
    proof,
    proof_of_lines,
    same_numbers,
    stands_beside,
)
from compare.derive.shapes import ask_what_is_there
from compare.derive.simplify import simplifications
from compare.derive.sources import has_fields, leaves_of
from compare.derive.text import Line, Program
from compare.derive.walk import quoted
from compare.report.report import Report
from compare.subject.forms import refuse_call
from compare.subject.refusals import refuse_no_functions, refuse_none
from compare.subject.state import same_world, unchanged
from compare.subject.usercode import Function, UnusableCode, call_users, name_of
from matrix_backprop.rules import written

__all__ = ["CannotDerive", "Derivation", "derive_functions"]


@dataclass
class Derivation:
    """A backward pass that was derived: its `code`, the `lines` with their reasons, the `function` that it is.

    It is true where it was proved, and prints itself with the certificate.
    """

    code: str
    lines: list[Line]
    function: Function
    title: str
    report: Report | None = None
    elsewhere: Report | None = None
    simplified: list[str] = field(default_factory=list)
    unsimplified: str = ""
    remarks: list[str] = field(default_factory=list)
    apart: dict[str, Report] = field(
        default_factory=dict
    )  # what comes back to each name of the forward pass, held against the chain rule alone
    beside: str = ""  # the same with the cache of the user's forward pass: backward(dout, cache)
    lacks: list[str] = field(default_factory=list)  # what that cache lacks

    def __bool__(self) -> bool:
        return bool(self.report) and (self.elsewhere is None or bool(self.elsewhere))

    @property
    def certificate(self) -> str:
        """What was proved, in a sentence."""
        if not self.report:
            rows = self.report.rows if self.report is not None else []
            return (
                f"NOT proved: {', '.join(f'd{row.name} {row.verdict}' for row in rows if not row.ok) or 'not checked'}"
            )
        by_verdict: dict[str, list[str]] = {}
        for row in sorted(self.report.rows, key=lambda row: self._place(row.name)):
            by_verdict.setdefault(row.verdict, []).append(f"d{row.name}")
        found = "; ".join(f"{', '.join(names)}: {verdict}" for verdict, names in by_verdict.items())
        where = "at these sizes"
        if self.elsewhere is not None:
            where += " and at others" if self.elsewhere else "; at other sizes it DIFFERS"
        return f"held against the chain rule over scalars, {where}: {found}"

    @property
    def line_by_line(self) -> str:
        """Which lines were proved apart from the others, in a sentence; "" if none was."""
        code = self.beside or self.code
        shown = {name: x for name, x in self.apart.items() if re.search(rf"\bd{name} = ", code)}
        wrong = [f"d{name}" for name, report in shown.items() if not report]
        if wrong:
            return f"line by line: {', '.join(wrong)} NOT proved apart from the rest"
        return f"line by line, what comes back to each: {', '.join(f'd{name}' for name in shown)}" if shown else ""

    def _place(self, name: str) -> int:
        """Where an argument stands in the order of the gradients."""
        names = re.findall(r"\w+", self.code.rpartition("return ")[2])
        return names.index(f"d{name}") if f"d{name}" in names else len(names)

    def __str__(self) -> str:
        return "\n".join(
            [
                self.beside or self.code,
                *(f"# {says}" for says in [self.certificate, self.line_by_line, *self.remarks] if says),
            ]
        )


def derive_functions(
    function: Function,
    point: Any,
    *args: Any,
    is_cost: bool | None = None,
    prove: bool = True,
    simplify: bool = True,
    outputs: int = 1,
) -> Derivation:
    """The backward pass of a user's function; `is_cost` says which form it has, where that is known.

    A layer may have several `outputs`, the first of what it returns.

    >>> def cost(params, X, y):
    ...     return np.sum((X @ params["w"] - y) ** 2)
    """
    refuse_no_functions(**{"cost" if args else "forward": function})
    if not inspect.isroutine(function) and not isinstance(function, functools.partial):
        method: Any = type(function).__call__
        function = MethodType(method, function)
    if is_cost is None:
        is_cost = bool(args) or not _is_layer(function, point)
    if prove:
        _refuse(function, point, args, is_cost)

    tries = ((True, True), (True, False), (False, True), (False, False))  # stop at maxima, add in place

    def proved(program: Program) -> Derivation:
        code, lines = program.text()
        made = made_of(program, code)
        found = Derivation(code, lines, made, f"{program.name} derived from {name_of(function)}")
        found.simplified, found.remarks = list(program.simplified), program.flat.remarks
        if prove:
            found.report = proof(function, made, point, args, is_cost, outputs)
            found.elsewhere = elsewhere(function, made, point, args, is_cost, outputs) if found.report else None
            if not found.elsewhere and program.flat.written_out:
                found.elsewhere = None  # as many passes as there are here
        return found

    for stop_at_max, in_place in tries:
        program, blocked = derived(function, point, args, is_cost, stop_at_max, in_place, outputs)
        try:
            found = proved(program)
        except UnusableCode:
            if not in_place:
                raise
            continue
        if found.report or not blocked or not prove:
            break
    if not simplify or not found or outputs > 1 or program.takes_a_dict:
        return found
    looking, _ = derived(function, point, args, is_cost, stop_at_max, in_place, outputs, looks=True)
    found.apart = proof_of_lines(looking, _arguments(function, point, args, is_cost))
    found.unsimplified = found.code
    given = _arguments(function, point, args, is_cost)
    samples = [(point, args), *other_points(function, point, args, is_cost)]
    for shorter in simplifications(program, given):
        if not same_numbers(found.function, shorter, samples, is_cost):
            continue
        again = proved(shorter)
        if again and (again.elsewhere is not None or found.elsewhere is None) and len(again.lines) <= len(found.lines):
            again.unsimplified, again.apart = found.unsimplified, found.apart
            found = again
            program.lines, program.simplified = shorter.lines, shorter.simplified
    text, lacks = program.beside()
    if text and stands_beside(function, made_of(program, text), point, lacks):
        found.beside, found.lacks = text, lacks
    return found


def _arguments(function: Function, point: Any, args: tuple[Any, ...], is_cost: bool) -> dict[str, Any]:
    """What the function is called with, by name."""
    parameters = list(inspect.signature(function).parameters.values())
    names = [x.name for x in parameters]
    if is_cost:
        given = dict(zip(names, [point, *args], strict=False))
    else:
        given = dict(point) if isinstance(point, Mapping) else dict(zip(names, as_tuple(point), strict=False))
    given |= {x.name: x.default for x in parameters if x.name not in given}
    return copy.deepcopy(given)


def _refuse(function: Function, point: Any, args: tuple[Any, ...], is_cost: bool) -> None:
    """Raise UnusableCode where the forward pass cannot be called, or gives nothing."""
    by_name = isinstance(point, Mapping) and not is_cost
    given = () if by_name else (point, *args) if is_cost else as_tuple(point)
    keywords = dict(point) if by_name else {}
    hint = "what comes after params is given after it, as in derive(cost, params, X, y)"
    refuse_call(function, len(given), keywords, hint if is_cost else "inputs must be what forward takes, in its order")
    with same_world(), unchanged([function]):
        refuse_none(function, call_users(function, *copy.deepcopy(given), **copy.deepcopy(keywords)))


def _is_layer(function: Function, point: Any) -> bool:
    """Whether the function takes the inputs one by one, or as one thing of which it gives a cost."""
    parameters = inspect.signature(function).parameters
    required = {x.name for x in parameters.values() if x.default is x.empty}
    if isinstance(point, Mapping):
        return set(point) <= set(parameters) and required <= set(point)
    inputs = copy.deepcopy(as_tuple(point))
    if not len(required) <= len(inputs) <= len(parameters):
        return False
    with same_world(), unchanged([function]):
        try:
            found = function(*inputs)
        except Exception:  # it takes them as one
            return False
    return isinstance(point, (tuple, list)) or np.ndim(found[0] if isinstance(found, tuple) else found) > 0


def derived(
    function: Function,
    point: Any,
    args: tuple[Any, ...],
    is_cost: bool,
    stop_at_max: bool,
    in_place: bool,
    outputs: int,
    looks: bool = False,
) -> tuple[Program, bool]:
    parameters = list(inspect.signature(function).parameters.values())
    names = [x.name for x in parameters]
    given = _arguments(function, point, args, is_cost)
    differentiated = names[:1] if is_cost else inputs_of(function, point)
    for x in leaves_of([*given.values()]):
        if isinstance(x, (np.ma.MaskedArray, np.matrix)):
            raise CannotDerive(f"an argument is a {type(x).__name__}, for which the rules do not hold")
    flat = Flat(function, given, differentiated)
    flat.globals |= {x.name: x.default for x in parameters if x.name not in differentiated and _default(x) == x.name}
    if not flat.leaves:
        raise CannotDerive(f"{', '.join(differentiated)}: there are no floats to differentiate by")
    leaves = flat.leaves
    if len(flat.block) == 0 and flat.returned is None:
        raise CannotDerive(f"{name_of(function)} returns nothing")
    returned, cache = flat.returned, None
    if isinstance(returned, Items) and len(returned.by_key) == 2 and returned.kind is tuple and not is_cost:
        cache = returned.by_key.get(1)
    ends = _outputs(function, flat, returned, is_cost, outputs)
    if not any(flat.is_active(x) for _, x in ends):
        raise CannotDerive(f"{name_of(function)} does not depend on {', '.join(leaves)}")
    line, source = flat.frame.text.at(flat.at)
    endings = []
    for _, x in ends:
        flat.value(x)
        endings.append(Set(ast.Name("the result", ast.Store()), x, line, source))
    flat.block += endings
    backward = Backward(flat, stop_at_max, in_place, looks)
    del flat.block[len(flat.block) - len(endings) :]
    first: list[str] = []
    for (key, _), ending in zip(ends, endings, strict=True):
        shape = np.shape(flat.value(ending.value))
        backward.at = ending
        upstream = "1" if is_cost else f"dout[{quoted(key)}]" if key is not None else _upstream(ending.value, backward)
        if not is_cost:
            first.append(upstream.partition("[")[0])
        backward.back(ending.value, Gradient(upstream, () if is_cost else shape, shape), written(ending.value))
    first = list(dict.fromkeys(first))
    backward.write()
    try:
        backward.statements(flat.block)
    except CannotDerive:
        raise
    except UNFORESEEN as problem:
        raise CannotDerive(f"line {backward.at.line}, `{backward.at.source}`: {problem}") from problem
    backward.at = None
    for leaf in leaves:
        if leaf not in backward.gradients:
            backward.out(f"{backward.d(leaf)} = np.zeros_like({leaf})", "nothing depends on it")
        else:
            backward.materialise(leaf, name_it=True)
    ask_what_is_there(backward.lines, flat)
    answers = [_answer(name, given[name], backward) for name in differentiated]
    answer = ", ".join(x for x in answers if x != "None")
    arguments = [
        x.name if x.default is x.empty or x.name in differentiated else f"{x.name}={_default(x)}" for x in parameters
    ]
    name = "gradients" if is_cost else "backward"
    program = Program(flat, backward.lines, name, first, answer, arguments, cache=cache)
    program.results, program.looked_at = [written(x.value) for x in endings], backward.looked_at
    return program, bool(backward.blocked)


def _outputs(function: Function, flat: Flat, returned: Any, is_cost: bool, outputs: int) -> list[tuple[Any, ast.expr]]:
    """What comes out of a forward pass, apart from its cache; each with its key, if they are in a dict."""
    if isinstance(returned, Items) and returned.kind is not dict and "appended" not in returned.by_key:
        values = list(returned.by_key.values())
        if outputs > 1 and not is_cost:
            if outputs > len(values):
                raise CannotDerive(
                    f"{name_of(function)} returns {len(values)} things, of which {outputs} are no outputs"
                )
            return [(None, flat.plain(x)) for x in values[:outputs]]
        others = [x for x in values if isinstance(x, ast.expr) and flat.is_active(x)]
        returned = values[0]
        names = {written(x) for x in others} - {written(flat.plain(returned))}
        if names and not is_cost:
            rest = ", ".join(sorted(re.sub(r"__\d+", "", name) for name in names))
            flat.remarks.append(
                f"the first of what {name_of(function)} returns is its output; {rest} is taken for a cache"
            )
    if isinstance(returned, Items) and returned.kind is dict:
        if is_cost:
            raise CannotDerive(f"{name_of(function)} returns a dict, where a cost is meant")
        return [(key, flat.plain(x)) for key, x in returned.by_key.items() if flat.is_active(x)]
    return [(None, flat.plain(returned))]


def _default(x: inspect.Parameter) -> str:
    """A default as text: its value, or for what has none in words, an array say, the name that it has at the user's."""
    try:
        ast.literal_eval(repr(x.default))
    except (ValueError, SyntaxError):
        return x.name
    return repr(x.default)


def _answer(name: str, x: Any, backward: Backward) -> str:
    """The gradients in the form of the parameters; None for what has none."""
    if isinstance(x, Mapping):
        parts = {key: _answer(f"{name}[{quoted(key)}]", y, backward) for key, y in x.items()}
        return "{" + ", ".join(f"{quoted(key)}: {text}" for key, text in parts.items() if text != "None") + "}"
    if has_fields(x) or hasattr(x, "_fields"):
        fields = vars(x) if has_fields(x) else x._asdict()
        parts = {key: _answer(f"{name}.{key}", y, backward) for key, y in fields.items()}
        return "{" + ", ".join(f"{quoted(key)}: {text}" for key, text in parts.items() if text != "None") + "}"
    if isinstance(x, (list, tuple)):
        texts = [_answer(f"{name}[{k}]", y, backward) for k, y in enumerate(x)]
        inner = ", ".join(texts)
        return f"[{inner}]" if isinstance(x, list) else f"({inner}{',' * (len(texts) == 1)})"
    return backward.d(name) if name in backward.flat.leaves else "None"


def _upstream(returned: ast.expr, backward: Backward) -> str:
    match returned:
        case ast.Name(id=name) if "__" not in name:
            return backward.d(name)
        case ast.Call(func=ast.Attribute(attr="stack"), args=[ast.Name(id=name)]):
            return backward.d(name)
    return backward.temp("out")
