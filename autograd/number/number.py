"""What every scalar of this package shares: `NumpyScalar`, and `Number`, the base of the types of number.

A number system is a type of number, nothing more. A subclass of `Number` says how its raw value is computed with (five
arithmetic functions), how a plain number enters, how two compare, and what an elementary function gives; NumPy, the
engine and the formulas then run on it unchanged.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from autograd.number.ops import OPS


def plain(x: Any) -> int | float | Fraction | None:
    """x as Python's own number (a scalar of NumPy or gmpy2 becomes one), None if it is not a real number."""
    if isinstance(x, (int, np.integer, np.bool_)):
        return int(x)
    if isinstance(x, (float, np.floating)):
        return float(x)
    if isinstance(x, numbers.Rational) and not isinstance(x, Fraction):
        return Fraction(int(x.numerator), int(x.denominator))
    return x if isinstance(x, Fraction) else None


class NumpyScalar:
    """What NumPy code asks of the bare element that a full reduction of an object array returns."""

    __slots__ = ()

    shape: ClassVar[tuple[int, ...]] = ()
    ndim: ClassVar[int] = 0
    size: ClassVar[int] = 1
    dtype: ClassVar[np.dtype[Any]] = np.dtype(object)

    def item(self) -> Self:
        return self

    def _itself(self, *_args: Any, **_keywords: Any) -> Self:
        return self

    conjugate = conj = copy = astype = squeeze = sum = mean = max = min = _itself
    T = real = property(_itself)

    @property
    def imag(self) -> int:
        return 0

    def reshape(self, *shape: Any, **keywords: Any) -> np.ndarray[Any, Any]:
        array = np.empty((), object)
        array[()] = self
        return array.reshape(*shape, **keywords)


class Number(NumpyScalar):
    """A type of number that a node may hold; `raw` is its content.

    A subclass sets `ARITHMETIC` (functions of two raw values named add, subtract, multiply, divide and power) and
    defines `lift` (a plain number that code brings in -> raw, None if it is none), `shadow` (a float nearby, which
    decides comparisons with infinities), `negative` and `elementary`. Comparisons are those of `comparable`.
    """

    __slots__ = ("raw",)

    raw: Any
    ARITHMETIC: ClassVar[dict[str, Callable[[Any, Any], Any]]]

    @classmethod
    def lift(cls, x: Any) -> Any:
        raise NotImplementedError

    @classmethod
    def of(cls, raw: Any) -> Self:
        """The number with this raw value."""
        number = object.__new__(cls)
        number.raw = raw
        return number

    @classmethod
    def beside(cls, x: Any) -> Any:
        """x, which code brings in, as a number of this type; inf, nan and other types of number stay what they are."""
        raw = None if _infinite(x) else cls.lift(x)
        return x if raw is None else cls.of(raw)

    def shadow(self) -> float:
        raise NotImplementedError

    def elementary(self, name: str) -> Self:
        raise NotImplementedError

    @classmethod
    def undefined(cls, name: str, x: Any, y: Any) -> Any:
        """What stands for x / y, or for x**y, where that is a division by an exact 0: the inf or nan of floats."""
        x, y = (float(z.shadow() if isinstance(z, Number) else z) for z in (x, y))
        with np.errstate(all="ignore"):
            return float(getattr(np, name)(x, y))

    def comparable(self) -> Any:
        """What comparisons compare."""
        return self.raw

    def __abs__(self) -> Any:
        return -self if self < 0 else self

    def __pos__(self) -> Self:
        return self

    def __neg__(self) -> Any:
        return 0 - self

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __hash__(self) -> int:
        return hash(self.comparable())

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def __init_subclass__(cls) -> None:
        for name, function in cls.ARITHMETIC.items():
            setattr(cls, f"__{OPERATORS[name]}__", _forward(cls, name, function))
            setattr(cls, f"__r{OPERATORS[name]}__", _backward(cls, name, function))

    def __lt__(self, other: Any) -> Any:
        return _compare(self, other, operator.lt)

    def __le__(self, other: Any) -> Any:
        return _compare(self, other, operator.le)

    def __gt__(self, other: Any) -> Any:
        return _compare(self, other, operator.gt)

    def __ge__(self, other: Any) -> Any:
        return _compare(self, other, operator.ge)

    def __eq__(self, other: object) -> Any:
        return _compare(self, other, operator.eq)

    def __ne__(self, other: object) -> Any:
        return _compare(self, other, operator.ne)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Any: ...
        def __radd__(self, other: Any) -> Any: ...
        def __sub__(self, other: Any) -> Any: ...
        def __rsub__(self, other: Any) -> Any: ...
        def __mul__(self, other: Any) -> Any: ...
        def __rmul__(self, other: Any) -> Any: ...
        def __truediv__(self, other: Any) -> Any: ...
        def __rtruediv__(self, other: Any) -> Any: ...
        def __pow__(self, other: Any) -> Any: ...
        def __rpow__(self, other: Any) -> Any: ...


#: Python's names for the arithmetic operations of the table
OPERATORS = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "truediv", "power": "pow"}


def operator_of(name: str) -> Callable[[Any, Any], Any]:
    """Python's operator of an arithmetic operation of the table.

    >>> operator_of("subtract")(3, 1)
    2
    """
    function: Callable[[Any, Any], Any] = getattr(operator, OPERATORS[name])
    return function


def _infinite(x: Any) -> bool:
    return isinstance(x, (float, np.floating)) and not math.isfinite(x)


_NEUTRAL = {"add": 0, "multiply": 1}  # 0 + x and 1 * x are x: half of what a sweep does


def _forward(cls: type[Number], name: str, function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    new, lift, of = object.__new__, cls.lift, cls.of

    def method(self: Any, other: Any) -> Any:
        if type(other) is cls:
            result = new(cls)
            result.raw = function(self.raw, other.raw)
            return result
        if _infinite(other):
            return _with_infinity(cls, operator_of(name), self.shadow(), other)
        raw = lift(other)
        return NotImplemented if raw is None else of(function(self.raw, raw))

    return method


def _backward(cls: type[Number], name: str, function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    lift, of, neutral = cls.lift, cls.of, _NEUTRAL.get(name)

    def method(self: Any, other: Any) -> Any:
        if type(other) is int and other == neutral:
            return self
        if _infinite(other):
            return _with_infinity(cls, operator_of(name), other, self.shadow())
        raw = lift(other)
        return NotImplemented if raw is None else of(function(raw, self.raw))

    return method


def _with_infinity(cls: type[Number], function: Callable[[Any, Any], Any], x: float, y: float) -> Any:
    """No exact number is infinite: inf and nan stay the floats they are, and x / inf is an exact 0."""
    with np.errstate(all="ignore"):
        result = float(function(np.float64(x), np.float64(y)))
    return cls.of(cls.lift(result)) if math.isfinite(result) else result


def _compare(x: Number, y: Any, function: Callable[[Any, Any], bool]) -> Any:
    if type(y) is type(x):
        return function(x.comparable(), y.comparable())
    if _infinite(y):
        return function(x.comparable(), float(y))
    raw = x.lift(y)
    return NotImplemented if raw is None else function(x.comparable(), x.of(raw).comparable())


def _elementary(name: str) -> Callable[[Number], Number]:
    return lambda self: self.elementary(name)


def _method(value: Callable[[Any], Any]) -> Callable[[Number], Any]:
    return lambda self: value(self)


for _op in OPS.values():
    if _op.arity == 1:
        setattr(Number, _op.name, _elementary(_op.name) if _op.in_floats else _method(_op.value))
