"""What is proved of a derived backward pass: at these sizes, at others, beside the user's cache, and line by line."""

from __future__ import annotations

import ast
import copy
import inspect
import linecache
from collections.abc import Callable, Iterator, Mapping
from types import MethodType
from typing import Any

import numpy as np

from compare.check import check_vjp, gradcheck
from compare.derive.ir import Set, writes
from compare.derive.sources import leaves_of
from compare.derive.text import Program
from compare.report.report import Report
from compare.subject.state import same_world, unchanged
from compare.subject.usercode import Function, UnusableCode
from matrix_backprop.rules import parsed


def compiled(code: str, name: str, namespace: dict[str, Any]) -> Function:
    """The function that a text defines, its source known to `inspect`."""
    filename = f"<derived {name} {abs(hash(code)):x}>"
    linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
    scope = {**namespace, "__name__": "derived"}
    exec(compile(code, filename, "exec"), scope)
    made: Callable[..., Any] = scope[name]
    return made


def made_of(program: Program, code: str) -> Function:
    """The function that a program is; bound to the object whose method the forward pass is, where it needs that."""
    made = compiled(code, program.name, dict(program.flat.globals))
    return MethodType(made, program.flat.roots[program.receiver]) if program.receiver else made


def as_tuple(point: Any) -> tuple[Any, ...]:
    return tuple(point) if isinstance(point, (tuple, list)) else (point,)


def proof(function: Function, made: Function, point: Any, args: tuple[Any, ...], is_cost: bool, outputs: int) -> Report:
    if is_cost:
        return gradcheck(
            function, made, copy.deepcopy(point), *copy.deepcopy(args), raise_exception=False, diagnose=False
        )

    forward, backward = as_layer(function, made, point, outputs)
    point = dict(point) if isinstance(point, Mapping) else tuple(as_tuple(point))
    return check_vjp(forward, backward, copy.deepcopy(point), raise_exception=False, diagnose=False)


def as_layer(function: Function, made: Function, point: Any, outputs: int = 1) -> tuple[Function, Function]:
    """Both passes in the form of a layer, each among the globals of its own module."""
    names = inputs_of(function, point)
    inputs = ", ".join(names)
    found = f"*found[:{outputs}]" if outputs > 1 else "found[0] if isinstance(found, tuple) else found"
    forward = f"""
def make(function):
    def forward({inputs}):
        found = function({", ".join(f"{name}={name}" for name in names)})
        return {found}, ({inputs},)
    return forward
"""
    douts = ", ".join(["dout", *(f"dout{k}" for k in range(2, outputs + 1))])
    backward = f"""
def make(function):
    def backward({douts}, cache):
        {inputs}, = cache
        return function({douts}, {", ".join(f"{name}={name}" for name in names)})
    return backward
"""
    return _made(forward, function), _made(backward, made)


def stands_beside(function: Function, made: Function, point: Any, lacks: list[str]) -> bool:
    """Whether the user's own forward pass and its cache, with what it lacks, give the right gradients."""
    names = inputs_of(function, point)
    if not set(lacks) <= set(names):
        return False
    forward = f"""
def make(function):
    def forward({", ".join(names)}):
        out, cache = function({", ".join(f"{name}={name}" for name in names)})
        return out, {f"(cache, {', '.join(lacks)})" if lacks else "cache"}
    return forward
"""
    given = copy.deepcopy(point) if isinstance(point, Mapping) else copy.deepcopy(as_tuple(point))
    return bool(check_vjp(_made(forward, function), made, given, raise_exception=False, diagnose=False))


def inputs_of(function: Function, point: Any) -> list[str]:
    """The names of the inputs."""
    names = list(inspect.signature(function).parameters)
    return [name for name in names if name in point] if isinstance(point, Mapping) else names[: len(as_tuple(point))]


def _made(text: str, function: Function) -> Function:
    scope: dict[str, Any] = {}
    exec(compile(text, "<a layer>", "exec"), getattr(inspect.unwrap(function), "__globals__", {}), scope)
    found: Function = scope["make"](function)
    return found


def _resized(x: Any, shape: tuple[int, ...]) -> Any:
    """An array of the same kind in another shape: other numbers, but what sums to 1 still does."""
    new = x[np.ix_(*(np.arange(n) % old for n, old in zip(shape, x.shape, strict=True)))]
    whole = x.dtype.kind != "f" or bool(np.all(x == np.round(x)))
    for axis in range(x.ndim):
        if x.ndim == 2 and np.allclose(x.sum(axis=axis), 1) and np.all(x >= 0):
            if whole:
                rows = np.eye(shape[axis])[np.arange(shape[1 - axis]) % shape[axis]]
                return (rows if axis == 1 else rows.T).astype(x.dtype)
            return new / new.sum(axis=axis, keepdims=True)
    return new if whole else new * np.random.default_rng(new.size).uniform(0.8, 1.25, shape)


def elsewhere(
    function: Function, made: Function, point: Any, args: tuple[Any, ...], is_cost: bool, outputs: int
) -> Report | None:
    """The proof at other sizes; None where the forward pass takes no others."""
    for new, others in other_points(function, point, args, is_cost):
        try:
            return proof(function, made, new, others, is_cost, outputs)
        except UnusableCode:
            continue
    return None


def other_points(
    function: Function, point: Any, args: tuple[Any, ...], is_cost: bool
) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Points with each size of the arrays changed to another one, or the first of the data alone; those that run."""
    arrays = [x for x in [*leaves_of(args), *leaves_of(point)] if isinstance(x, np.ndarray) and x.ndim]
    first = {n: n for x in arrays for n in x.shape if n != arrays[0].shape[0]}
    for kept in ({}, first):
        sizes = dict(kept)

        def resized(x: Any, sizes: dict[int, int] = sizes) -> Any:
            if isinstance(x, np.ndarray) and x.ndim:
                return _resized(x, tuple(sizes.setdefault(n, n + 1 + len(sizes)) if n > 1 else 1 for n in x.shape))
            if isinstance(x, Mapping):
                return {key: resized(y) for key, y in x.items()}
            return type(x)(map(resized, x)) if type(x) in (list, tuple) else x

        new, others = resized(point), resized(args)
        try:
            with same_world(), unchanged([function]):
                if is_cost:
                    function(copy.deepcopy(new), *copy.deepcopy(others))
                elif isinstance(new, Mapping):
                    function(**copy.deepcopy(new))
                else:
                    function(*copy.deepcopy(as_tuple(new)))
        except Exception:  # the user's code at sizes that it was not made for
            continue
        yield new, others


def same_numbers(
    function: Function, program: Program, samples: list[tuple[Any, tuple[Any, ...]]], is_cost: bool
) -> bool:
    """Whether a shorter form gives the numbers of the longer one: a quick look before the proof."""
    shorter = made_of(program, program.text()[0])
    rng = np.random.default_rng(3)
    for point, args in samples:
        try:
            if is_cost:
                pairs = [f(copy.deepcopy(point), *copy.deepcopy(args)) for f in (function, shorter)]
            else:
                inputs = copy.deepcopy(list(point.values()) if isinstance(point, Mapping) else [*as_tuple(point)])
                with same_world(), unchanged([program.flat.function]):
                    out = program.flat.function(*copy.deepcopy(inputs))
                dout = rng.normal(size=np.shape(out[0] if isinstance(out, tuple) else out))
                pairs = [f(dout.copy(), *copy.deepcopy(inputs)) for f in (function, shorter)]
        except Exception:  # a conjecture that does not run at other sizes
            return False
        for a, b in zip(*map(leaves_of, pairs), strict=True):
            if np.shape(a) != np.shape(b) or not np.allclose(a, b, rtol=1e-6, atol=1e-9):
                return False
    return True


def proof_of_lines(program: Program, arguments: Mapping[str, Any]) -> dict[str, Report]:
    """What comes back to each name of the forward pass, outside of loops, held against the chain rule alone.

    The rest of the forward pass is a cost of that name, and the lines so far are its gradient.
    """
    flat, found = program.flat, dict[str, Report]()
    scope = {**flat.globals, **arguments, **flat.env}
    changed = {x for s in flat.block if isinstance(s, Set) and isinstance(s.target, ast.Subscript) for x in writes(s)}
    rng = np.random.default_rng(7)
    for name in program.looked_at:
        value = flat.env[name]
        if name in changed or np.asarray(value).dtype.kind != "f":
            continue
        dout = rng.normal(size=np.shape(flat.value(parsed(program.results[0]))))
        texts = zip(program.rest(name), ("cost", "gradients"), strict=True)
        cost, gradients = (
            compiled(text, called, {k: x for k, x in scope.items() if k != name}) for text, called in texts
        )
        try:
            found[name] = gradcheck(cost, gradients, np.array(value), dout, raise_exception=False, diagnose=False)
        except UnusableCode:  # no loss: the function as a whole is checked
            continue
    return found
