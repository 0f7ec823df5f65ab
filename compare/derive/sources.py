"""The source of a user's functions, and what its names stand for."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import inspect
import sys
import textwrap
from collections.abc import Mapping
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np

from autograd.record.places import is_users as is_users_file
from compare.derive.ir import CannotDerive, Text
from compare.subject.usercode import Function, name_of


def source_of(function: Function) -> tuple[ast.FunctionDef | ast.Lambda, Text]:
    """The tree of a function and its text."""
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        raise CannotDerive(f"the source of {name_of(function)} cannot be read") from None
    text = textwrap.dedent("".join(lines))
    try:
        tree = ast.parse(text)
    except SyntaxError:
        raise CannotDerive(f"the source of {name_of(function)} stands inside of another expression") from None
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            return node, Text(tuple(text.splitlines()), first - 1)
    raise CannotDerive(f"the source of {name_of(function)} is no function")


def is_written_by_the_user(function: FunctionType) -> bool:
    """Whether a function is the user's own, so that it is written in place."""
    file = function.__code__.co_filename
    return is_users_file(file) and "site-packages" not in file


def is_users(kind: type) -> bool:
    """Whether a class is the user's own."""
    return type(kind) is type and kind.__module__.split(".")[0] not in {"builtins", "numpy", *sys.stdlib_module_names}


def is_float(x: Any) -> bool:
    """Whether an argument is differentiated: a float or an array of floats."""
    return isinstance(x, float) or (isinstance(x, (np.ndarray, np.floating)) and x.dtype.kind == "f")


def is_whole(x: Any) -> bool:
    """Whether an argument holds whole numbers."""
    return isinstance(x, int | np.integer | np.ndarray) and np.asarray(x).dtype.kind in "iu"


def has_fields(x: Any) -> bool:
    """Whether an argument is an object whose attributes are parameters."""
    return isinstance(x, SimpleNamespace) or (dataclasses.is_dataclass(x) and not isinstance(x, type))


def leaves_of(x: Any) -> list[Any]:
    """What is in nested dicts, lists, tuples and objects with fields."""
    if has_fields(x):
        x = vars(x)
    if isinstance(x, Mapping):
        x = list(x.values())
    return [y for part in x for y in leaves_of(part)] if isinstance(x, (list, tuple)) else [x]


def scope_of(function: Function) -> Mapping[str, Any]:
    """The globals and the closure of a function."""
    function = inspect.unwrap(function)
    found = dict(vars(builtins)) | dict(getattr(function, "__globals__", {}))
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        found[name] = cell.cell_contents
    return found
