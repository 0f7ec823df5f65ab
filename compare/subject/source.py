"""What the source of a user's code says: its functions, small constants against log 0, tests of types, narrow types."""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import itertools
import linecache
import sys
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

from autograd.record.places import is_users
from compare.subject.usercode import Function

MOST_ENTRIES = 100  # of a list or a dict that are looked into for functions
MOST = 1e-3  # a larger constant is no mere stabiliser
_NUMBERS = {"value": ast.Constant, "id": ast.Name, "attr": ast.Attribute}  # where a number, or its name, stands
_FLOORS = {"maximum", "max", "clip", "fmax"}


class Stabiliser(NamedTuple):
    """A small constant that is added, or that is a floor: its value, and the line where it is used."""

    value: float
    line: int

    def __str__(self) -> str:
        return f"{self.value:g} in line {self.line}"


def stabilisers(functions: Iterable[Function]) -> list[Stabiliser]:
    """The stabilisers of a user's code."""
    found = functions_of(functions)
    return list(dict.fromkeys(x for function in found for x in _in(function, found)))


@contextlib.contextmanager
def without(users: Iterable[Function], found: list[Stabiliser]) -> Iterator[None]:
    """While the block runs, these constants are 0 in the user's code."""
    values = {x.value for x in found}
    functions = functions_of(users)
    codes = [(function, function.__code__) for function in functions]
    defaults = [(function, function.__defaults__, function.__kwdefaults__) for function in functions]
    spaces = {id(space): space for function in functions for space in _spaces(function)}
    names = {name for function in functions for name in _names_added(function)}
    names -= {name for function in functions for name in _factors(function) if isinstance(name, str)}
    before = [
        (space, name, x)
        for space in spaces.values()
        for name, x in list(space.items())
        if name in names and _is_one_of(values, x)
    ]
    cells = [
        (cell, cell.cell_contents)
        for function in functions
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        if name in names and _is_one_of(values, _content(cell))
    ]
    try:
        for function, code in codes:
            function.__code__ = _without(code, values - _factors(function))
        for function, *_ in defaults:
            zeros = {name: 0.0 for name, x in _defaults(function).items() if name in names and _is_one_of(values, x)}
            parameters = _parameters(function)[: function.__code__.co_argcount]
            last = parameters[len(parameters) - len(function.__defaults__ or ()) :]
            if function.__defaults__:
                function.__defaults__ = tuple(map(zeros.get, last, function.__defaults__))
            if function.__kwdefaults__:
                function.__kwdefaults__ = {name: zeros.get(name, x) for name, x in function.__kwdefaults__.items()}
        for cell, _ in cells:
            cell.cell_contents = 0.0
        for space, name, _ in before:
            space[name] = 0.0
        yield
    finally:
        for function, code in codes:
            function.__code__ = code
        for function, by_place, by_name in defaults:
            function.__defaults__, function.__kwdefaults__ = by_place, by_name
        for cell, x in cells:
            cell.cell_contents = x
        for space, name, x in before:
            space[name] = x


def functions_of(users: Iterable[Any]) -> list[FunctionType]:
    """The user's functions that run: those that they call by name, and the methods of the objects that they name."""
    found: dict[int, FunctionType] = {}
    seen: set[int] = set()
    todo: list[Any] = list(users)
    while todo:
        x = todo.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, functools.partial):
            todo += [x.func, *x.args, *x.keywords.values()]
        elif isinstance(x, MethodType):
            todo += [x.__func__, x.__self__]
        elif isinstance(x, (staticmethod, classmethod)):
            todo.append(x.__func__)
        elif isinstance(x, property):
            todo.append(x.fget)
        elif isinstance(x, FunctionType):
            if not is_users(x.__code__.co_filename):
                continue
            found[id(x)] = x
            todo += [x.__globals__[name] for name in _names(x.__code__) if name in x.__globals__]
            todo.append(getattr(x, "__wrapped__", None))
            for cell in x.__closure__ or ():
                with contextlib.suppress(ValueError):  # a cell that is still empty
                    todo.append(cell.cell_contents)
        elif isinstance(x, type):
            if _is_of_users(x):
                todo += [*vars(x).values(), *x.__bases__]
        elif isinstance(x, (list, tuple)):
            todo += x[:MOST_ENTRIES]
        elif isinstance(x, dict):
            todo += itertools.islice(x.values(), MOST_ENTRIES)
        elif _is_of_users(type(x)):
            todo += [type(x), *getattr(x, "__dict__", {}).values()]
    return list(found.values())


def _is_of_users(kind: type) -> bool:
    """Whether a class is the user's own."""
    if kind.__module__.partition(".")[0] in ("autograd", "compare", "matrix_backprop"):
        return False
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if (
        file and kind.__module__ != "__main__"
    ):  # which may be a library's, as of `python -m pytest`, while the class is not
        return is_users(file) and "-packages" not in file
    functions = (x for x in vars(kind).values() if isinstance(x, FunctionType))  # of a notebook, of code that was run
    return kind.__module__ == "__main__" or any(is_users(x.__code__.co_filename) for x in functions)


def _is_one_of(values: set[float], x: Any) -> bool:
    return type(x) is float and x in values


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is still empty
        return None


def _parameters(function: FunctionType) -> tuple[str, ...]:
    code = function.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _defaults(function: FunctionType) -> dict[str, Any]:
    by_place = _parameters(function)[: function.__code__.co_argcount]
    last = zip(reversed(by_place), reversed(function.__defaults__ or ()), strict=False)
    return {**dict(last), **(function.__kwdefaults__ or {})}


def _names(code: CodeType) -> list[str]:
    inner = [name for x in code.co_consts if isinstance(x, CodeType) for name in _names(x)]
    return [*code.co_names, *inner]


def _spaces(function: FunctionType) -> Iterator[dict[str, Any]]:
    """Where the names of a function have their numbers: globals, and the attributes of its objects."""
    yield function.__globals__
    for name in _names(function.__code__):
        x = function.__globals__.get(name)
        if hasattr(x, "__dict__") and not isinstance(x, (type, FunctionType)) and not inspect.ismodule(x):
            yield vars(x)


def _without(code: CodeType, values: set[float]) -> CodeType:
    consts = tuple(
        _without(x, values) if isinstance(x, CodeType) else 0.0 if type(x) is float and x in values else x
        for x in code.co_consts
    )
    return code.replace(co_consts=consts)


@functools.cache
def _tree(file: str, first: int, name: str) -> ast.AST | None:
    """The definition of a function in its file."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            if start == first and getattr(node, "name", "<lambda>") == name:
                return node
    return None


def _added(function: FunctionType) -> Iterator[ast.expr]:
    """The expressions that a function adds, or takes as a floor."""
    code = function.__code__
    for node in ast.walk(_tree(code.co_filename, code.co_firstlineno, code.co_name) or ast.Module([], [])):
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            yield from (node.left, node.right)
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
            yield node.value
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in _FLOORS:
            yield from (*node.args, *(keyword.value for keyword in node.keywords))


def _factors(function: FunctionType) -> set[Any]:
    """The numbers, and the names of numbers, that a function has as factors too: these are no mere stabilisers."""
    code, found = function.__code__, set[Any]()
    for node in ast.walk(_tree(code.co_filename, code.co_firstlineno, code.co_name) or ast.Module([], [])):
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div, ast.Pow)):
            for x in (node.left, node.right):
                found |= {getattr(x, field) for field in ("value", "id", "attr") if isinstance(x, _NUMBERS[field])}
    return found


def _names_added(function: FunctionType) -> Iterator[str]:
    for node in _added(function):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _handed_on(function: FunctionType, others: list[FunctionType]) -> Iterator[ast.expr]:
    """The arguments that a function hands to others of the user's, which add them."""
    known = {other.__name__: (_parameters(other), set(_names_added(other))) for other in others}
    code = function.__code__
    for node in ast.walk(_tree(code.co_filename, code.co_firstlineno, code.co_name) or ast.Module([], [])):
        if not isinstance(node, ast.Call):
            continue
        parameters, added = known.get(getattr(node.func, "attr", getattr(node.func, "id", "")), ((), set[str]()))
        if isinstance(node.func, ast.Attribute) and parameters[:1] == ("self",):
            parameters = parameters[1:]
        by_place = zip(parameters, node.args, strict=False)
        for name, x in (*by_place, *((keyword.arg, keyword.value) for keyword in node.keywords)):
            if name in added:
                yield x


def _own(function: FunctionType) -> dict[str, Any]:
    """The numbers that a function's own names stand for: set once by a constant, a default, or around it."""
    code, found = function.__code__, _defaults(function)
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        found[name] = _content(cell)
    for node in ast.walk(_tree(code.co_filename, code.co_firstlineno, code.co_name) or ast.Module([], [])):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            found |= {target.id: node.value.value for target in node.targets if isinstance(target, ast.Name)}
    return found


def _in(function: FunctionType, others: list[FunctionType]) -> Iterator[Stabiliser]:
    factors = _factors(function)
    spaces = [_own(function), *_spaces(function)]
    for node in (*_added(function), *_handed_on(function, others)):
        found: list[Any] = []
        if isinstance(node, ast.Constant):
            found = [] if node.value in factors else [node.value]
        elif isinstance(node, (ast.Name, ast.Attribute)):
            name = node.id if isinstance(node, ast.Name) else node.attr
            found = [] if name in factors else [space[name] for space in spaces if name in space]
        yield from (Stabiliser(x, node.lineno) for x in found if type(x) is float and 0 < x <= MOST)


_TESTS = {"isinstance", "issubclass", "type", "hasattr", "isscalar", "issubdtype", "dtype", "singledispatch"}
_NARROW = ("float32", "float16", "half", "single")


def _mentions(functions: Iterable[Function], names: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The lines of a user's functions that use one of these names."""
    names, users = set(names), functions_of(functions)
    texts = {file: "".join(linecache.getlines(file)) for file in {user.__code__.co_filename for user in users}}
    for function in users:
        code = function.__code__
        if not any(name in texts[code.co_filename] for name in names):  # as in most files: no need of a tree
            continue
        for node in ast.walk(_tree(code.co_filename, code.co_firstlineno, code.co_name) or ast.Module([], [])):
            said = {getattr(node, "id", ""), getattr(node, "attr", ""), str(getattr(node, "value", ""))}
            if said & names and isinstance(node, (ast.Name, ast.Attribute, ast.Constant)):
                yield node.lineno, linecache.getline(code.co_filename, node.lineno).strip()


def tests_of_types(functions: Iterable[Function]) -> str:
    """Where a user's code asks for types, in which a recorded run may differ from the plain one; "" if nowhere."""
    lines = sorted(set(_mentions(functions, _TESTS)))
    return ", ".join(f"line {number}: `{text}`" for number, text in lines[:3])


def narrow_types(functions: Iterable[Function]) -> str:
    """Where a user's code rounds to float32 or less, "" if nowhere."""
    lines = sorted(set(_mentions(functions, _NARROW)))
    return ", ".join(f"line {number}: `{text}`" for number, text in lines[:1])
