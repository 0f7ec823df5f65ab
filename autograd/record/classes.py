"""NumPy's classes of arrays that compute in their own way: masked arrays and matrices, of Values or of numbers."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from autograd.number.carrier import Carrier
from autograd.number.vocabulary import Refused, refusal
from autograd.record.values import ValueArray


class MaskedValues(np.ma.MaskedArray[Any, Any]):
    """A masked array of Values or numbers: what is masked stays out of sums and means."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs or ufunc is np.matmul:
            raise refusal(f"np.{ufunc.__name__} of a masked array")
        mask = functools.reduce(np.ma.mask_or, map(np.ma.getmask, inputs))
        found = ufunc(*(np.ma.getdata(x) if isinstance(x, np.ma.MaskedArray) else x for x in inputs))
        if not isinstance(found, np.ndarray):
            return np.ma.masked if mask is not np.ma.nomask and np.all(mask) else found
        return MaskedValues(found, mask) if found.dtype == object else np.ma.MaskedArray(found, mask)

    def __pow__(self, n: Any) -> Any:  # type: ignore[override]
        return np.power(self, n)  # NumPy's own looks for floats

    def filled(self, fill_value: Any = None) -> Any:
        return super().filled(1e20 if fill_value is None else fill_value)

    def var(  # type: ignore[override]
        self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False
    ) -> Any:
        """The mean square of the deviations of what is not masked."""
        deviations = self - self.mean(axis, keepdims=True) if axis is not None else self - self.mean()
        return (deviations * deviations).sum(axis, keepdims=keepdims) / (self.count(axis, keepdims=keepdims) - ddof)

    def std(self, *args: Any, **keywords: Any) -> Any:
        """The root of `var`."""
        return np.sqrt(self.var(*args, **keywords))

    def max(self, *_args: Any, **_keywords: Any) -> Any:
        raise refusal("np.ma.max")

    def min(self, *_args: Any, **_keywords: Any) -> Any:
        raise refusal("np.ma.min")


class ValueMatrix(ValueArray):
    """A matrix of Values or numbers: it stays one of two axes, `*` is the matrix product and `**` its power."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if kwargs.get("out"):
            kwargs["out"] = tuple(x.view(ValueArray) if isinstance(x, ValueMatrix) else x for x in kwargs["out"])
        return _matrix(super().__array_ufunc__(ufunc, method, *map(_array, inputs), **kwargs))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in (np.sum, np.mean, np.prod, np.max, np.min, np.var, np.std) and args and args[0] is self:
            return getattr(self, func.__name__)(*args[1:], **kwargs)
        return _matrix(super().__array_function__(func, types, *_arrays((args, kwargs))))

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, (np.ndarray, list, tuple)) and np.ndim(other):
            return np.dot(self, _two_axes(other))
        return np.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        if isinstance(other, (np.ndarray, list, tuple)) and np.ndim(other):
            return np.dot(_two_axes(other), self)
        return np.multiply(other, self)

    def __imul__(self, other: Any) -> Any:
        self[:] = self * other
        return self

    def __pow__(self, n: Any) -> Any:  # type: ignore[override]
        if not isinstance(n, (int, np.integer)) or n < 1:
            raise Refused("a matrix to a power that is no positive whole number cannot be recorded")
        return functools.reduce(np.dot, [self] * int(n))

    def __getitem__(self, index: Any) -> Any:
        found = self.view(ValueArray)[index]
        if not isinstance(found, np.ndarray) or found.ndim != 1:
            return _matrix(found)
        is_column = isinstance(index, tuple) and len(index) > 1 and np.isscalar(index[1])
        return found.reshape((-1, 1) if is_column else (1, -1)).view(ValueMatrix)

    def _reduced(self, name: str, axis: Any = None, *args: Any, **keywords: Any) -> Any:
        keywords.pop("keepdims", None)
        return _matrix(getattr(np, name)(self.view(ValueArray), axis, *args, keepdims=axis is not None, **keywords))

    def ravel(self, order: Any = "C") -> Any:
        return self.view(ValueArray).ravel(order).reshape(1, -1).view(ValueMatrix)

    def flatten(self, order: Any = "C") -> Any:
        return self.ravel(order).copy()

    A = property(lambda self: self.view(ValueArray))
    A1 = property(lambda self: self.view(ValueArray).ravel())
    H = property(lambda self: self.T)
    I = property(lambda self: np.linalg.inv(self))  # noqa: E741 (NumPy's name)


for _name in ("sum", "mean", "prod", "max", "min", "var", "std"):
    setattr(ValueMatrix, _name, functools.partialmethod(ValueMatrix._reduced, _name))


def _array(x: Any) -> Any:
    return x.view(ValueArray) if isinstance(x, ValueMatrix) else x


def _arrays(x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return type(x)(map(_arrays, x))
    return {key: _arrays(y) for key, y in x.items()} if isinstance(x, dict) else _array(x)


def _matrix(x: Any) -> Any:
    return x.view(ValueMatrix) if isinstance(x, ValueArray) and x.ndim == 2 else x


def _two_axes(x: Any) -> Any:
    return np.atleast_2d(np.asarray(x) if isinstance(x, (list, tuple, np.matrix)) else x)


def has_own_arithmetic(x: Any) -> bool:
    """Whether x is a masked array or a matrix of floats."""
    return isinstance(x, (np.ma.MaskedArray, np.matrix)) and x.dtype.kind == "f"


def entries(x: Any) -> Any:
    """The floats of a masked array or a matrix, 0 where they are masked."""
    return x.filled(0.0) if isinstance(x, np.ma.MaskedArray) else np.asarray(x)


def in_the_class_of(original: Any, x: Any) -> Any:
    """An array that stands for a user's masked array or matrix as an array of that class; Refused on a tape."""
    if isinstance(x, Carrier):
        raise Refused(f"arrays of class {type(original).__name__} cannot be recorded on a tape")
    if isinstance(original, np.matrix):
        return x.view(ValueMatrix if isinstance(x, ValueArray) or x.dtype == object else np.matrix)
    if x.dtype != object:
        return np.ma.MaskedArray(x, np.ma.getmaskarray(original).copy())
    return MaskedValues(x.view(ValueArray), np.ma.getmaskarray(original).copy(), fill_value=1e20)
