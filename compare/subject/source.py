"""What the source of a user's code says: its functions, small constants against log 0, tests of types, narrow types."""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import linecache
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

from autograd.record.places import is_users
from compare.subject.usercode import Function

MOST = 1e-3  # a larger constant is no mere stabiliser
_FLOORS = {"maximum", "max", "clip", "fmax"}


class Stabiliser(NamedTuple):
    """A small constant that is added, or that is a floor: its value, and the line where it is used."""

    value: float
    line: int

    def __str__(self) -> str:
        return f"{self.value:g} in line {self.line}"


def stabilisers(functions: Iterable[Function]) -> list[Stabiliser]:
    """The stabilisers of a user's code."""
    return list(dict.fromkeys(x for function in functions_of(functions) for x in _in(function)))


@contextlib.contextmanager
def without(users: Iterable[Function], found: list[Stabiliser]) -> Iterator[None]:
    """While the block runs, these constants are 0 in the user's code."""
    values = {x.value for x in found}
    functions = functions_of(users)
    codes = [(function, function.__code__) for function in functions]
    spaces = {id(space): space for function in functions for space in _spaces(function)}
    names = {name for function in functions for name in _names_added(function)}
    before = [
        (space, name, x)
        for space in spaces.values()
        for name, x in list(space.items())
        if name in names and type(x) is float and x in values
    ]
    try:
        for function, code in codes:
            function.__code__ = _without(code, values - _factors(function))
        for space, name, _ in before:
            space[name] = 0.0
        yield
    finally:
        for function, code in codes:
            function.__code__ = code
        for space, name, x in before:
            space[name] = x


def functions_of(users: Iterable[Function]) -> list[FunctionType]:
    """The user's functions that run, those that they call by name among them."""
    found: dict[int, FunctionType] = {}
    todo: list[Any] = list(users)
    while todo:
        x = todo.pop()
        if isinstance(x, functools.partial):
            todo.append(x.func)
        elif isinstance(x, MethodType):
            todo += [x.__func__, *(f for f in vars(type(x.__self__)).values() if isinstance(f, FunctionType))]
        elif isinstance(x, FunctionType) and id(x) not in found and is_users(x.__code__.co_filename):
            found[id(x)] = x
            todo += [x.__globals__[name] for name in _names(x.__code__) if name in x.__globals__]
            for cell in x.__closure__ or ():
                with contextlib.suppress(ValueError):  # a cell that is still empty
                    todo.append(cell.cell_contents)
    return list(found.values())


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
    """The numbers that a function writes as factors too: these are no mere stabilisers."""
    code, found = function.__code__, set[Any]()
    for node in ast.walk(_tree(code.co_filename, code.co_firstlineno, code.co_name) or ast.Module([], [])):
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div, ast.Pow)):
            found |= {x.value for x in (node.left, node.right) if isinstance(x, ast.Constant)}
    return found


def _names_added(function: FunctionType) -> Iterator[str]:
    for node in _added(function):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _in(function: FunctionType) -> Iterator[Stabiliser]:
    factors = _factors(function)
    spaces = list(_spaces(function))
    for node in _added(function):
        found: list[Any] = []
        if isinstance(node, ast.Constant):
            found = [] if node.value in factors else [node.value]
        elif isinstance(node, (ast.Name, ast.Attribute)):
            name = node.id if isinstance(node, ast.Name) else node.attr
            found = [space[name] for space in spaces if name in space]
        yield from (Stabiliser(x, node.lineno) for x in found if type(x) is float and 0 < x <= MOST)


_TESTS = {"isinstance", "issubclass", "type", "hasattr", "isscalar", "issubdtype", "dtype", "singledispatch"}
_NARROW = ("float32", "float16", "half", "single")


def _mentions(functions: Iterable[Function], names: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The lines of a user's functions that use one of these names."""
    names = set(names)
    for function in functions_of(functions):
        code = function.__code__
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
