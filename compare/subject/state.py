"""What a user's code remembers between its runs: on `self`, in globals, closures and defaults.

A check runs the code many times, and afterwards everything is as it was: the same objects with the same contents.
"""

from __future__ import annotations

import contextlib
import functools
import random
import sys
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from autograd import ValueArray

_OURS = {"autograd", "compare", "matrix_backprop", "numpy", "scipy", "pytest", "_pytest", *sys.stdlib_module_names}
_GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)


@contextlib.contextmanager
def unchanged(functions: Iterable[Any], buffers: set[int], record: bool) -> Iterator[None]:
    """While the block runs, these functions may change what they remember; afterwards it is as it was.

    Arrays of floats that they change in place, such as running means, are noted in `buffers`, by id, in a run that is
    not recorded; in a recorded one they can hold Values.
    """
    bindings, contents = _state(functions)
    back = [(x, _contents(x)) for x in contents]
    missing = object()
    bound = [(names, name, names.get(name, missing)) for names, name in bindings]
    try:
        if record and buffers:
            _make_room(bound, contents, buffers)
        yield
    finally:
        for names, name, before in bound:
            if before is missing:
                names.pop(name, None)
            elif names.get(name, missing) is not before:
                names[name] = before
        for x, before in back:
            if isinstance(x, np.ndarray) and x.dtype.kind == "f" and not np.array_equal(x, before, equal_nan=True):
                buffers.add(id(x))
            _put_back(x, before)


def _state(functions: Iterable[Any]) -> tuple[list[tuple[dict[str, Any], str]], list[Any]]:
    """Where global names are bound, and the containers, arrays and generators in reach of the functions."""
    bindings: list[tuple[dict[str, Any], str]] = []
    found: dict[int, Any] = {}
    seen: dict[int, Any] = {}  # the objects too, so that no id is used twice
    todo = list(functions)
    while todo:
        x = todo.pop()
        if id(x) in seen:
            continue
        seen[id(x)] = x
        if isinstance(x, FunctionType):
            if x.__module__ and x.__module__.partition(".")[0] in _OURS:
                continue
            names = [(x.__globals__, name) for name in _names(x.__code__)]
            bindings += names
            todo += [space[name] for space, name in names if name in space]
            todo += [*(x.__defaults__ or ()), *(x.__kwdefaults__ or {}).values(), *_cells(x)]
        elif isinstance(x, MethodType):
            todo += [x.__self__, x.__func__]
        elif isinstance(x, functools.partial):
            todo += [x.func, *x.args, *x.keywords.values()]
        elif isinstance(x, (dict, list, tuple, set)):
            found[id(x)] = x
            todo += x.values() if isinstance(x, dict) else x
        elif isinstance(x, (np.ndarray, *_GENERATORS)):
            found[id(x)] = x
        elif not isinstance(x, (type, ModuleType)) and type(x).__module__.partition(".")[0] not in _OURS:
            todo += [vars(x)] if hasattr(x, "__dict__") else []
            todo += [f for kind in type(x).__mro__[:-1] for f in vars(kind).values() if isinstance(f, FunctionType)]
    return bindings, list(found.values())


def _names(code: CodeType) -> list[str]:
    """The global names of a function and of those inside of it."""
    inner = [name for x in code.co_consts if isinstance(x, CodeType) for name in _names(x)]
    return [*code.co_names, *inner]


def _cells(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # a cell that is still empty
            yield cell.cell_contents


def _contents(x: Any) -> Any:
    """What is in a container, so that it can be put back."""
    if isinstance(x, np.random.Generator):
        return x.bit_generator.state
    if isinstance(x, np.random.RandomState):
        return x.get_state()
    if isinstance(x, random.Random):
        return x.getstate()
    return x.copy() if not isinstance(x, tuple) else x


def _put_back(x: Any, before: Any) -> None:
    if isinstance(x, np.ndarray):
        if x.flags.writeable:
            x[...] = before
    elif isinstance(x, list):
        x[:] = before
    elif isinstance(x, (dict, set)):
        x.clear()
        x.update(before)
    elif isinstance(x, np.random.Generator):
        x.bit_generator.state = before
    elif isinstance(x, np.random.RandomState):
        x.set_state(before)
    elif isinstance(x, random.Random):
        x.setstate(before)


def _make_room(bound: list[tuple[dict[str, Any], str, Any]], contents: list[Any], buffers: set[int]) -> None:
    """Buffers of objects in place of those of floats, where a name, an attribute, a key or an index has them."""
    new: dict[int, Any] = {}

    def room(x: Any) -> Any:
        if id(x) not in new:
            new[id(x)] = x.astype(object).view(ValueArray)
        return new[id(x)]

    places: list[tuple[Any, Any, Any]] = [(names, name, x) for names, name, x in bound]
    for container in contents:
        if isinstance(container, dict):
            places += [(container, key, x) for key, x in container.items()]
        elif isinstance(container, list):
            places += [(container, k, x) for k, x in enumerate(container)]
    for container, key, x in places:
        if isinstance(x, np.ndarray) and id(x) in buffers:
            container[key] = room(x)
