"""What a user's code is told that asks for a type: the one that it would see if the code ran as it is.

A node, or a number of this package, stands for a float or for NumPy's, an array of them for an array of floats. Which
one a scalar is follows from what it was made of: arithmetic of Python's floats gives a float, all else NumPy's.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import sys
from collections.abc import Callable, Iterator
from types import FrameType, FunctionType, MappingProxyType
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from autograd.graph.value import Value
from autograd.number import symbolic
from autograd.number.carrier import Carrier
from autograd.number.number import Number
from autograd.number.vocabulary import COMPARISONS, refusal, shadows
from autograd.record.classes import ValueMatrix, in_the_class_of
from autograd.record.places import is_users
from autograd.record.values import ValueArray, of_data, on_floats

Function = Callable[..., Any]

_ARITHMETIC = ("add", "subtract", "multiply", "divide", "power", "power_n", "negative", "absolute")
_given: dict[int, tuple[Any, type]] = {}  # what stands for a single number of a user's, and what that is, by id
_asked = 0  # how many recordings are going on


def in_the_form_of(original: Any, x: Any) -> Any:
    """x, which stands for a user's number or array `original`, as what code takes for the same kind of thing.

    >>> in_the_form_of(np.float64(2), 2.0), in_the_form_of(np.array(2.0), Value(2.0))
    (np.float64(2.0), ValueArray(Value(2.0), dtype=object))
    """
    if isinstance(original, (np.ma.MaskedArray, np.matrix)):
        return in_the_class_of(original, x)
    if np.ndim(original):
        return x
    if isinstance(original, np.ndarray):
        x = np.array(x) if isinstance(x, float) else x
        return x.reshape(()).view(ValueArray) if isinstance(x, (Value, Number)) else _told(x, np.ndarray)
    if isinstance(original, np.floating):
        return np.float64(x) if isinstance(x, float) else x
    return _told(x, float)


def _told(x: Any, kind: type) -> Any:
    if _asked and isinstance(x, (Value, Number, Carrier)):
        x_ = _node(x)
        _given[id(x_)] = x_, kind
    return x


def _node(x: Any) -> Any:
    """A lone scalar of a tape as the node that it is; other things as they are."""
    return getattr(x, "node", x) if isinstance(x, Carrier) and x.size == 1 else x


def type_of(x: Any) -> type:
    """The type of what x stands for; its own where it stands for itself.

    >>> type_of(Value(1.0)), type_of(3)
    (<class 'numpy.float64'>, <class 'int'>)
    """
    if isinstance(x, ValueMatrix):
        return np.matrix
    if isinstance(x, ValueArray) or (isinstance(x, Carrier) and x.ndim):
        return np.ndarray
    if not isinstance(x, (Value, Number, Carrier)):
        return type(x)
    node = _node(x)
    found = _given.get(id(node))
    if found is not None:
        return found[1]
    return float if _given and isinstance(node, Value) and _is_of_floats(node) else np.float64


def _is_of_floats(node: Value) -> bool:
    """Whether a node was made from numbers that are given as Python's floats by arithmetic alone."""
    nodes, found = [node], {node}
    for x in nodes:  # the list grows while it is read
        if x.constant or _given.get(id(x), (x, None))[1] is float:
            continue
        if x.op is None or x.op.name not in _ARITHMETIC:
            return False
        news = [y for y in x.operands if y not in found]
        found.update(news)
        nodes += news
    return True


class _FloatKind(type(float)):  # type: ignore[misc]
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, float) or issubclass(type_of(x), float)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, float)

    def __eq__(cls, other: object) -> bool:
        return other is float or other is cls

    def __hash__(cls) -> int:
        return hash(float)


class Float(float, metaclass=_FloatKind):
    """`float` for a user's code to see: float(J) stays the node J; as a type it is the same."""

    dtype = np.dtype(float)

    def __new__(cls, x: Any = 0.0) -> Any:
        if isinstance(x, (np.ndarray, Carrier)) and x.size == 1 and stands_for_floats(x):
            return x.item()
        return x if isinstance(x, (Value, Number)) else float(x)


class _TypeKind(type):
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, type)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, type)


class Type(type, metaclass=_TypeKind):
    """`type` for a user's code to see: type(x) is what it is when the code runs as it is."""

    def __new__(cls, *args: Any, **keywords: Any) -> Any:
        if len(args) != 1:
            return type(*args, **keywords)
        kind = type_of(args[0])
        return Float if kind is float else kind


def stands_for_floats(x: Any) -> bool:
    """Whether x is a node or a number of this package, or an array of them."""
    return isinstance(x, (Value, Number, Carrier)) or (isinstance(x, ValueArray) and _own_dtype(x) == _OBJECT)


def _isinstance(x: Any, kinds: Any) -> bool:
    if isinstance(x, kinds):
        return True
    kind = type_of(x)
    return kind is not type(x) and issubclass(kind, kinds)


def _hasattr(x: Any, name: str) -> bool:
    kind = type_of(x)
    return hasattr(x if kind is type(x) else kind, name)


def _getattr(x: Any, name: str, *default: Any) -> Any:
    if name == "dtype" and stands_for_floats(x) and type_of(x) is not float:
        return _FLOAT
    return getattr(x, name, *default) if not default or _hasattr(x, name) else default[0]


def _round(x: Any, digits: int | None = None) -> Any:
    if not isinstance(x, (Value, Number)):
        return round(x, digits)
    return on_floats(np.round, x, digits or 0) if of_data((x,), {}) else Shown(round(shadows(x), digits))


class Shown(NDArrayOperatorsMixin):
    """A rounded number, to be shown or compared: to compute with it would lose a gradient, and is refused."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, number: float) -> None:
        self.number = number

    def __repr__(self) -> str:
        return repr(self.number)

    def __format__(self, spec: str) -> str:
        return format(self.number, spec)

    def __float__(self) -> float:
        if is_formatting(sys._getframe(1)):
            return self.number
        raise refusal("np.round")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc.__name__ in COMPARISONS:
            return ufunc(*(x.number if isinstance(x, Shown) else shadows(x) for x in inputs))
        raise refusal("np.round")


def is_scalar(x: Any) -> bool:
    """np.isscalar, for what stands for floats, too."""
    return type_of(x) is not np.ndarray if stands_for_floats(x) else bool(np.isscalar(x))


def is_formatting(frame: FrameType) -> bool:
    """Whether a frame is at the operator %: NumPy's arrays and nodes do not come to `__float__` that way, text does."""
    code, at = frame.f_code.co_code, frame.f_lasti
    return code[at] == _BINARY and code[at + 1] in _REMAINDERS


_BINARY = dis.opmap["BINARY_OP"]
_REMAINDERS = [k for k, (name, _) in enumerate(dis._nb_ops) if "REMAINDER" in name]  # type: ignore[attr-defined]


def _float(self: Any) -> float:
    """Text % node shows its number; anything else that asks for a float would lose the gradient."""
    if is_formatting(sys._getframe(1)):
        return float(shadows(self))
    raise TypeError(f"float() argument must be a string or a real number, not '{type(self).__name__}'")


def _dtype(self: Any) -> np.dtype[Any]:
    if _asked and is_users(sys._getframe(1).f_code.co_filename):
        return _FLOAT
    return _OBJECT


def _dtype_of_array(self: ValueArray) -> np.dtype[Any]:
    found: np.dtype[Any] = _own_dtype(self)
    return _FLOAT if found == _OBJECT and _asked and is_users(sys._getframe(1).f_code.co_filename) else found


_FLOAT, _OBJECT, _own_dtype = np.dtype(float), np.dtype(object), np.ndarray.dtype.__get__
_kinds: tuple[Any, ...] = (Value, Number, Carrier)
for _kind in _kinds:
    _kind.__float__ = _float
    _kind._sympy_ = symbolic.leave_alone
for _kind in _kinds[:2]:
    _kind.dtype = property(_dtype)
ValueArray.dtype = property(_dtype_of_array)  # type: ignore[assignment]


def dispatching(function: Any) -> Function:
    """A function of functools.singledispatch that chooses by what its first argument stands for."""

    @functools.wraps(function)
    def dispatched(*args: Any, **keywords: Any) -> Any:
        return function.dispatch(type_of(args[0]))(*args, **keywords) if args else function(**keywords)

    return dispatched


def is_dispatching(x: Any) -> bool:
    """Whether x was made by functools.singledispatch."""
    return isinstance(x, FunctionType) and isinstance(getattr(x, "registry", None), MappingProxyType)


#: Python's own names that a user's code sees otherwise while it is recorded
BUILTINS: dict[str, Any] = {
    "float": Float,
    "type": Type,
    "isinstance": _isinstance,
    "hasattr": _hasattr,
    "getattr": _getattr,
    "round": _round,
}


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """While the block runs, a user's code that asks nodes and arrays of them for their dtype is told that of floats."""
    global _asked
    _asked += 1
    try:
        yield
    finally:
        _asked -= 1
        if not _asked:
            _given.clear()
