"""What is loaded when it is first asked for: the names of a face, and what a room above binds to one below.

A face says in which module each of its names is found, and loads none of them. Where a class below has a method that
is made above, as the picture of a Value, the method calls what the face has bound to its name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

#: "Value._repr_html_" -> "autograd.draw.notebook:value_as_html", as the faces say
BOUND: dict[str, str] = {}


def names(package: str, where: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` of a face, which finds a name in its module and keeps it, and its `__dir__`.

    >>> find, _ = names("autograd", {"show": "autograd.number.show"})
    >>> find("show")(0.5)
    '0.5'
    """
    face = sys.modules[package]
    for name, module in where.items():
        if module.startswith(f"{package}.{name}."):  # a room of the same name, which its import puts into the face:
            import_module(f"{package}.{name}")  # this happens once, here
            delattr(face, name)

    def found(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(face, name, getattr(import_module(where[name]), name))
        return getattr(face, name)

    return found, lambda: sorted({*vars(face), *where})


def bound(name: str) -> Any:
    """What a face bound to a name, None where there is none."""
    module, _, function = BOUND.get(name, "").partition(":")
    return getattr(import_module(module), function) if module else None


def module(name: str) -> Any:
    """A package that is loaded when something of it is first used.

    >>> module("math").sqrt(4)
    2.0
    """
    return _Module(name)


class _Module:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        setattr(self, name, getattr(import_module(self._name), name))
        return getattr(self, name)
