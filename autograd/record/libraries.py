"""Functions of other libraries: they take only floats, and are given them where nothing they get is recorded."""

from __future__ import annotations

import functools
import sys
import warnings
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from autograd.graph.value import Value
from autograd.number.carrier import Carrier
from autograd.number.number import Number
from autograd.number.vocabulary import refusal
from autograd.record.values import ValueArray, of_data, on_floats

_KNOWN = {"numpy", "pytest", "_pytest", "pluggy", "autograd", "compare", "matrix_backprop"}


def of_library(x: Any) -> Any:
    """A module or a function of another library as a user's code is to see it; other things as they are.

    >>> of_library(len) is len, of_library(sys) is sys
    (True, True)
    """
    if isinstance(x, ModuleType):
        return LibraryModule(x) if _is_library(x.__name__) else x
    is_function = isinstance(x, (FunctionType, BuiltinFunctionType))
    return _on_data(x) if is_function and _is_library(getattr(x, "__module__", None) or "") else x


class LibraryModule(ModuleType):
    """A module whose functions are given floats where they get data."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__)
        vars(self).update(_module=module)

    def __getattr__(self, name: str) -> Any:
        return of_library(getattr(vars(self)["_module"], name))


@functools.cache
def _is_library(name: str) -> bool:
    top = name.partition(".")[0]
    return top not in _KNOWN and "-packages" in (getattr(sys.modules.get(top), "__file__", None) or "")


def _on_data(function: Any) -> Any:
    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        ours = any(isinstance(x, (Value, ValueArray, Carrier, Number)) for x in [*args, *kwargs.values()])
        if not ours:
            return function(*args, **kwargs)
        if of_data(args, kwargs):
            return on_floats(function, *args, **kwargs)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", DeprecationWarning
                )  # of arrays of objects: what comes of it is seen here
                return function(*args, **kwargs)
        except (TypeError, ValueError, RuntimeError) as error:
            if not function.__module__.startswith("scipy."):
                raise
            public = [part for part in function.__module__.split(".") if not part.startswith("_")]
            raise refusal(".".join([*public, function.__name__])) from error

    return called
