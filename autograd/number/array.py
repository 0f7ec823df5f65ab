"""What every array of numbers of this package shares: `NumberArray`, the base of `ResidueArray`, `ExactArray`, ...

Each is an array of numbers beside the array of floats that they stand for, its shadow, which decides every comparison.
NumPy code runs on them through NumPy's own protocols: arithmetic, the elementary functions, sums, products of matrices,
and whatever only moves entries. Everything else is refused by name. They are the types of number that a `Tape` is
replayed in, and that formulas written for float arrays run on, unmodified, at a speed near that of floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from autograd.number.functions import choose
from autograd.number.ops import OPS
from autograd.number.rational import plain, power_by_parts

Array = NDArray[Any]


class Refused(TypeError):
    """Raised for what NumPy can do with floats and these arrays of numbers cannot."""


_QUESTIONS: tuple[str, ...] = (
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "equal",
    "not_equal",
    "isnan",
    "isfinite",
    "isinf",
)
_QUESTIONS += ("sign", "signbit", "logical_not", "logical_and", "logical_or")

# functions that only move entries (and put zeros beside them): they act on each lane as on the floats
_MOVES = """
    reshape transpose swapaxes moveaxis rollaxis ravel squeeze expand_dims broadcast_to tile repeat flip fliplr flipud
    roll rot90 split array_split hsplit vsplit dsplit take take_along_axis diagonal diag triu tril atleast_1d
    atleast_2d atleast_3d compress delete copy resize matrix_transpose permute_dims trim_zeros unstack
"""
_JOINS = "concatenate stack vstack hstack dstack column_stack block"
MOVES, JOINS = frozenset(_MOVES.split()), frozenset(_JOINS.split())  # the latter of a sequence of arrays


class NumberArray(NDArrayOperatorsMixin):
    """An array of numbers: `lanes`, arrays of their content, beside `shadow`, the floats that they stand for.

    A subclass says what an arithmetic operation does to the content. Plain numbers beside it are those of code: a float
    means the simplest fraction that rounds to it.
    """

    __slots__ = ("lanes", "shadow")
    __array_priority__ = 1000
    dtype: ClassVar[Any] = np.dtype(float)  # what code that asks takes it for
    called: ClassVar[str] = "numbers"

    def __init__(self, shadow: Any, lanes: Sequence[Any] = ()) -> None:
        self.shadow: Array = np.asarray(shadow, float)
        self.lanes: list[Any] = list(lanes)

    # what a subclass brings

    def constant(self, x: Any) -> Self:
        """Plain numbers of code as an array of this type."""
        raise NotImplementedError

    def _arithmetic(self, name: str, x: Any, y: Any, shadow: Array) -> Self:
        raise NotImplementedError

    def _atom(self, name: str, arguments: Sequence[Any], shadow: Array) -> Self:
        raise NotImplementedError

    def _product(self, x: Any, y: Any, shadow: Array) -> Self:
        """x @ y of two matrices."""
        raise NotImplementedError

    def _total(self, axis: Any, keepdims: bool, shadow: Array) -> Self:
        raise NotImplementedError

    def _moved(self, function: Callable[..., Any], *arrays: Any) -> Self:
        """The function of shadows and of lanes: it moves entries about."""
        lanes = [function(*(x.lanes[k] for x in arrays)) for k in range(len(self.lanes))]
        return type(self)(function(*(x.shadow for x in arrays)), lanes)

    # what NumPy and code ask of an array

    shape = property(lambda self: self.shadow.shape)
    ndim = property(lambda self: self.shadow.ndim)
    size = property(lambda self: self.shadow.size)
    T = property(lambda self: self._moved(np.transpose, self))

    def __len__(self) -> int:
        return len(self.shadow)

    def __getitem__(self, index: Any) -> Self:
        return self._moved(lambda x: filled(x[index], x.dtype), self)

    def __setitem__(self, index: Any, other: Any) -> None:
        other = self._as_one(other)
        for x, y in zip([self.shadow, *self.lanes], [other.shadow, *other.lanes], strict=True):
            x[index] = y

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of shape {self.shape} near {self.shadow}>"

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        raise Refused(f"an array of {self.called} is no array of floats")

    def reshape(self, *shape: Any) -> Self:
        return self._moved(lambda x: x.reshape(*shape), self)

    def transpose(self, *axes: Any) -> Self:
        return self._moved(lambda x: x.transpose(*axes), self)

    def ravel(self) -> Self:
        return self.reshape(-1)

    flatten = ravel

    def copy(self) -> Self:
        return self._moved(np.copy, self)

    def astype(self, dtype: Any) -> Self:
        if np.dtype(dtype).kind not in "fO":
            raise Refused(f"an array of {self.called} cannot become one of {np.dtype(dtype)}")
        return self.copy()

    def dot(self, other: Any) -> Any:
        return np.dot(self, other)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.mean(self, axis=axis, keepdims=keepdims)

    def __getattr__(self, name: str) -> Any:
        if name in OPS and OPS[name].arity == 1:  # x.exp(), x.sigmoid()
            return lambda: self._elementary(name)
        raise AttributeError(f"an array of {self.called} has no attribute {name!r}")

    def _elementary(self, name: str) -> Any:
        op = OPS[name]
        if op.in_floats is None:
            return op.value(self)
        with np.errstate(all="ignore"):
            return self._atom(name, [self], np.asarray(op.value(self.shadow)))

    def _as_one(self, x: Any) -> Self:
        if isinstance(x, NumberArray):
            if type(x) is not type(self):
                raise TypeError(f"an array of {self.called} beside one of {x.called}")
            return x
        return self.constant(x)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = {"true_divide": "divide"}.get(ufunc.__name__, ufunc.__name__)
        out = kwargs.pop("out", None)
        if method == "reduce" and name == "add":
            axis = kwargs.pop("axis", 0)
            result = np.sum(inputs[0], axis=axis, **{k: x for k, x in kwargs.items() if x is not None})
        elif method != "__call__" or kwargs:
            raise Refused(f"np.{name}{'' if method == '__call__' else '.' + method} on an array of {self.called}")
        elif name in _QUESTIONS:
            return ufunc(*(x.shadow if isinstance(x, NumberArray) else x for x in inputs))
        else:
            with np.errstate(all="ignore"):
                result = self._call(name, *inputs)
        if out is not None:
            out[0][...] = result
            return out[0]
        return result

    def _call(self, name: str, *inputs: Any) -> Any:
        if name in ("add", "subtract", "multiply", "divide"):
            x, y = map(self._as_one, inputs)
            return self._arithmetic(name, x, y, getattr(np, name)(x.shadow, y.shadow))
        if name == "power":
            return self._power(*inputs)
        if name == "negative":
            return self._call("subtract", 0, *inputs)
        if name in ("positive", "conjugate"):
            return inputs[0]
        if name == "absolute":
            return choose(inputs[0].shadow < 0, -inputs[0], inputs[0])
        if name == "matmul":
            return np.dot(*inputs)
        if name in OPS:
            return OPS[name].value(*(map(self._as_one, inputs) if len(inputs) > 1 else inputs))
        raise Refused(f"np.{name} on an array of {self.called}")

    def _power(self, x: Any, n: Any) -> Any:
        exponent = plain(n.item() if isinstance(n, np.ndarray) and n.ndim == 0 else n)
        if exponent is None or not math.isfinite(exponent):
            x, n = self._as_one(x), self._as_one(n)
            return self._atom("power", [x, n], x.shadow**n.shadow)
        result = power_by_parts(
            x,
            exponent,
            lambda whole: self._whole_power(x, whole),
            lambda rest: self._atom("power", [x, self.constant(float(rest))], x.shadow ** float(rest)),
        )
        result.shadow = np.asarray(x.shadow ** float(exponent))
        return result

    def _whole_power(self, x: Any, n: int) -> Any:
        result, square, left = self.constant(np.ones(x.shape, int)), x, abs(n)
        while left:
            if left & 1:
                result = result * square
            left >>= 1
            square = square * square if left else square
        return 1 / result if n < 0 else result

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        name = func.__name__
        if name in MOVES:
            found = self._entries_moved(func, args[0], args[1:], kwargs)
        elif name == "where" and len(args) == 3:
            condition, x, y = args
            found = self._moved(lambda x, y: np.where(condition, x, y), self._as_one(x), self._as_one(y))
        elif name in JOINS:
            arrays = [self._as_one(x) for x in args[0]]
            found = self._moved(lambda *x: func(x, *args[1:], **kwargs), *arrays)
        elif name in _FUNCTIONS:
            found = _FUNCTIONS[name](self, *args, **kwargs)
        elif name in ("shape", "ndim", "size", "argmax", "argmin", "iscomplexobj", "any", "all"):
            found = func(args[0].shadow, *args[1:], **kwargs)
        else:
            raise Refused(f"np.{name} on an array of {self.called}")
        return found

    def _entries_moved(self, func: Callable[..., Any], array: Any, args: Any, kwargs: Any) -> Any:
        found = func(array.shadow, *args, **kwargs)
        if isinstance(found, (list, tuple)):
            parts = [func(lane, *args, **kwargs) for lane in array.lanes]
            return [type(array)(shadow, [part[k] for part in parts]).like(array) for k, shadow in enumerate(found)]
        return array._moved(lambda x: func(x, *args, **kwargs), array)

    def like(self, other: Any) -> Self:
        """This array with whatever else the other one knows of its numbers."""
        return self


def _dot(self: NumberArray, x: Any, y: Any) -> Any:
    x, y = self._as_one(x), self._as_one(y)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    if x.ndim > 2 or y.ndim > 2:
        raise Refused(f"products of arrays of {self.called} with more than 2 axes")
    rows, columns = x.reshape(-1, x.shape[-1]), y.reshape(y.shape[0], -1)
    if rows.shape[1] != columns.shape[0]:
        raise ValueError(f"shapes {x.shape} and {y.shape} not aligned: {rows.shape[1]} != {columns.shape[0]}")
    with np.errstate(all="ignore"):
        shadow = np.dot(rows.shadow, columns.shadow)
    product = self._product(rows, columns, shadow)
    return product.reshape(x.shape[:-1] + y.shape[1:])


def _sum(self: NumberArray, x: Any, axis: Any = None, keepdims: bool = False, **kwargs: Any) -> Any:
    if any(value is not None for value in kwargs.values()):
        raise Refused(f"np.sum({', '.join(kwargs)}) of an array of {self.called}")
    axis = tuple(range(x.ndim)) if axis is None else axis
    return x._total(axis, keepdims, np.sum(x.shadow, axis=axis, keepdims=keepdims))


def _mean(self: NumberArray, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    found = _sum(self, x, axis, keepdims)
    return found / (x.size // max(found.size, 1))


def _extreme(argument: Callable[..., Any]) -> Callable[..., Any]:
    def function(self: NumberArray, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if axis is None:
            x, axis = x.reshape(-1), 0
        where = np.expand_dims(argument(x.shadow, axis=axis), axis)
        found = x._moved(lambda y: np.take_along_axis(y, where, axis), x)
        return found if keepdims else found._moved(lambda y: np.squeeze(y, axis), found)

    return function


def _full_like(number: Any) -> Callable[..., Any]:
    return lambda self, x, dtype=None, **_: self.constant(np.full(x.shape, number))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "dot": _dot,
    "matmul": _dot,
    "outer": lambda self, x, y: self._as_one(x).reshape(-1, 1) * self._as_one(y).reshape(1, -1),
    "sum": _sum,
    "mean": _mean,
    "max": _extreme(np.argmax),
    "amax": _extreme(np.argmax),
    "min": _extreme(np.argmin),
    "amin": _extreme(np.argmin),
    "zeros_like": _full_like(0),
    "empty_like": _full_like(0),
    "ones_like": _full_like(1),
}


def filled(x: Any, dtype: Any) -> Array:
    """An array, where NumPy gives the bare entry of one without axes."""
    if isinstance(x, np.ndarray):
        return x
    array = np.empty((), dtype)
    array[()] = x
    return array
