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

from autograd.number.carrier import Carrier, one_of
from autograd.number.functions import choose
from autograd.number.number import plain
from autograd.number.ops import OPS
from autograd.number.rational import power_by_parts
from autograd.number.vocabulary import RECORDERS, shadows

Array = NDArray[Any]


def _extreme(argument: Callable[..., Any]) -> Callable[..., Any]:
    """The first of the largest entries, which is picked: no operation is recorded, as for nodes."""

    def function(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        kept = x.shape
        if axis is None:
            x, axis = x.reshape(-1), 0
        where = np.expand_dims(argument(shadows(x), axis=axis), axis)
        found = np.take_along_axis(x, where, axis)
        if keepdims:
            return found.reshape((1,) * len(kept)) if x.ndim != len(kept) else found
        return np.squeeze(found, axis)

    return function


def _operator(name: str) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """x + y and y + x for an array of numbers x: at once what NumPy, asked for them, would come back for."""
    mixin = vars(NDArrayOperatorsMixin)
    forward, reflected = mixin[f"__{name}__"], mixin[f"__r{name}__"]
    of_table = {"sub": "subtract", "mul": "multiply", "truediv": "divide"}.get(name, name)

    def operator(x: Any, y: Any) -> Any:
        return x.row(of_table, x, y) if type(y) in (type(x), int, float) else forward(x, y)

    def swapped(x: Any, y: Any) -> Any:
        return x.row(of_table, y, x) if type(y) in (int, float) else reflected(x, y)

    return operator, swapped


def _comparison(ufunc: np.ufunc) -> Callable[[Any, Any], Any]:
    return lambda x, y: ufunc(x.shadow, shadows(y))


ARITHMETIC = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide}
_PLAIN_PRODUCTS = {("az", "zA", "aA"), ("Xz", "zY", "XY")}  # np.dot and @ of two matrices


class NumberArray(Carrier):
    """An array of numbers: `lanes`, arrays of their content, beside `shadow`, the floats that they stand for.

    A subclass says what an arithmetic operation does to the content. Plain numbers beside it are those of code: a float
    means the simplest fraction that rounds to it.
    """

    __slots__ = ("lanes", "shadow")
    dtype: ClassVar[Any] = np.dtype(float)  # what code that asks takes it for
    functions: ClassVar = {
        **dict.fromkeys(("max", "amax"), _extreme(np.argmax)),
        **dict.fromkeys(("min", "amin"), _extreme(np.argmin)),
    }

    def __init__(self, shadow: Any, lanes: Sequence[Any] = ()) -> None:
        self.shadow: Array = np.asarray(shadow, float)
        self.lanes: list[Any] = list(lanes)

    __add__, __radd__ = _operator("add")
    __sub__, __rsub__ = _operator("sub")
    __mul__, __rmul__ = _operator("mul")
    __truediv__, __rtruediv__ = _operator("truediv")
    __lt__, __le__, __eq__ = _comparison(np.less), _comparison(np.less_equal), _comparison(np.equal)
    __gt__, __ge__, __ne__ = _comparison(np.greater), _comparison(np.greater_equal), _comparison(np.not_equal)

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

    def _total(self, axes: tuple[int, ...], shadow: Array) -> Self:
        raise NotImplementedError

    # what a carrier brings

    shape = property(lambda self: self.shadow.shape)
    ndim = property(lambda self: self.shadow.ndim)
    size = property(lambda self: self.shadow.size)

    @property
    def contents(self) -> list[Array]:
        return [self.shadow, *self.lanes]

    def made(self, contents: list[Any], sources: Sequence[Any]) -> Self:
        return type(self)(contents[0], contents[1:])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of shape {self.shape} near {self.shadow}>"

    def as_one(self, x: Any) -> Self:
        if isinstance(x, NumberArray):
            if type(x) is not type(self):
                raise TypeError(f"an array of {self.called} beside one of {x.called}")
            return x
        return self.constant(x)

    def row(self, name: str, *operands: Any) -> Any:
        with np.errstate(all="ignore"):
            if name in ARITHMETIC:
                x, y = map(self.as_one, operands)
                return self._arithmetic(name, x, y, ARITHMETIC[name](x.shadow, y.shadow))
            op = OPS[name]
            match name:
                case "power":
                    return self._power(*operands)
                case "negative":  # -0.0 of 0, as in floats
                    (x,) = operands
                    return self._arithmetic("subtract", self.constant(0), x, np.negative(x.shadow))
                case "absolute":
                    return choose(operands[0].shadow < 0, -operands[0], operands[0])
            if op.in_floats is not None:
                return self._atom(name, operands, np.asarray(op.value(operands[0].shadow)))
            return op.value(*(map(self.as_one, operands) if op.arity == 2 else operands))

    def _power(self, x: Any, n: Any) -> Any:
        exponent = plain(n.item() if isinstance(n, np.ndarray) and n.ndim == 0 else n)
        if exponent is None or not math.isfinite(exponent):
            x, n = self.as_one(x), self.as_one(n)
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

    def total(self, axes: tuple[int, ...]) -> Self:
        return self._total(axes, np.asarray(np.add.reduce(self.shadow, axis=axes))) if axes else self

    def products(self, x: Any, y: Any, labels: Sequence[str], out: str) -> Self:
        """A product of matrices for each entry of the axes that both arrays have and keep."""
        if x.ndim == y.ndim == 2 and (*labels, out) in _PLAIN_PRODUCTS:
            x, y = self.as_one(x), self.as_one(y)
            with np.errstate(all="ignore"):
                return self._product(x, y, np.dot(x.shadow, y.shadow))
        sides, names = [], []
        for array, axes, other in zip((x, y), labels, reversed(labels), strict=True):
            alone = tuple(k for k, letter in enumerate(axes) if letter not in out and letter not in other)
            sides.append(self.as_one(array).total(alone))
            names.append("".join(letter for k, letter in enumerate(axes) if k not in alone))
        (x, y), (first, second) = sides, names
        batch = "".join(letter for letter in first if letter in second and letter in out)
        terms = "".join(letter for letter in first if letter in second and letter not in out)
        rows = "".join(letter for letter in first if letter not in second)
        columns = "".join(letter for letter in second if letter not in first)
        if not terms:
            spread = [
                np.transpose(array, [axes.index(letter) for letter in out if letter in axes]).reshape(
                    [array.shape[axes.index(letter)] if letter in axes else 1 for letter in out]
                )
                for array, axes in ((x, first), (y, second))
            ]
            return spread[0] * spread[1]  # type: ignore[no-any-return]
        size = dict.fromkeys(first + second, 1)
        for array, axes in ((x, first), (y, second)):
            for letter, n in zip(axes, array.shape, strict=True):
                if size[letter] != n and 1 not in (size[letter], n):
                    raise ValueError(f"shapes {x.shape} and {y.shape} do not fit: {size[letter]} != {n}")
                size[letter] = max(size[letter], n)

        def matrices(array: Any, axes: str, wanted: str, *parts: str) -> Any:
            array = np.transpose(array, [axes.index(letter) for letter in wanted])
            array = np.broadcast_to(array, [size[letter] for letter in wanted])
            return array.reshape([math.prod(size[letter] for letter in part) for part in parts])

        left = matrices(x, first, batch + rows + terms, batch, rows, terms)
        right = matrices(y, second, batch + terms + columns, batch, terms, columns)
        with np.errstate(all="ignore"):
            pieces = [a._product(a, b, np.dot(a.shadow, b.shadow)) for a, b in zip(left, right, strict=True)]
        whole = batch + rows + columns
        found: Any = np.stack(pieces) if len(pieces) != 1 else pieces[0]
        found = found.reshape([size[letter] for letter in whole])
        return np.transpose(found, [whole.index(letter) for letter in out])  # type: ignore[return-value]


RECORDERS[NumberArray] = lambda name, *operands: one_of(*operands).row(name, *operands)


@shadows.register
def _(x: NumberArray) -> Array:
    return x.shadow
