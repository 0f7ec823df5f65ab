"""Where in a user's code a node was made."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from autograd.graph import value
from autograd.graph.value import Value, apply
from autograd.number.ops import OPS, Op
from autograd.record.values import ValueArray

Function = Callable[..., Any]
Place = tuple[tuple[CodeType, int], ...]  # the user's frames from the outermost in: code and instruction


@contextlib.contextmanager
def locating() -> Iterator[dict[Value, Place]]:
    """While the block runs, notes for every node where in the user's code it was made.

    >>> def double(x):
    ...     return 2 * x
    >>> with locating() as places:
    ...     y = call(double, Value(1.0))
    >>> [code.co_name for code, _ in places[y]]
    ['double']

    The user's code is what `call` calls, as far as it does not belong to this package, to NumPy or to Python's library.
    An array picked by an array of indices, E[ids], gets nodes of its own here (sums of one term), so it has a place.
    """
    places: dict[Value, Place] = {}
    make = value._node

    def located(data: Any, op: Op, operands: tuple[Value, ...]) -> Value:
        node = make(data, op, operands)
        places[node] = _place(sys._getframe(1))
        return node

    def picked(self: ValueArray, key: Any) -> Any:
        found = np.ndarray.__getitem__(self, key)
        parts = key if isinstance(key, tuple) else (key,)
        if isinstance(found, ValueArray) and any(isinstance(part, (list, np.ndarray)) for part in parts):
            found.flat[:] = [apply(OPS["sum"], x) if isinstance(x, Value) else x for x in found.flat]
        return found

    value._node = located
    ValueArray.__getitem__ = picked  # type: ignore[method-assign, assignment]
    try:
        yield places
    finally:
        value._node = make
        del ValueArray.__getitem__


def _place(frame: FrameType | None) -> Place:
    found: list[tuple[CodeType, int]] = []
    while frame is not None and frame.f_code is not _boundary:
        if is_users(frame.f_code.co_filename):
            found.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return tuple(reversed(found)) if frame is not None else ()


def call(function: Function, *args: Any, **keywords: Any) -> Any:
    """Call a user's function; its frames are those inside of this one."""
    return function(*args, **keywords)


_boundary = call.__code__


@functools.cache
def is_users(filename: str) -> bool:
    """Whether a file is the user's, not this package's, NumPy's, SciPy's or Python's own."""
    if filename.startswith((_OWN, _NUMPY, "<frozen")) or _SCIPY in filename:
        return False
    return "site-packages" in filename or "dist-packages" in filename or not filename.startswith(_LIBRARY)


_SCIPY = f"-packages{os.sep}scipy{os.sep}"
_OWN = f"{Path(__file__).parents[1]}{os.sep}"  # this package
_NUMPY, _LIBRARY = (f"{os.path.dirname(str(path))}{os.sep}" for path in (np.__file__, os.__file__))
