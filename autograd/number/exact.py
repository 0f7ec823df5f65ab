"""`Exact` and `ExactArray`, rational numbers: equality with `==`, no rounding anywhere.

Transcendental functions are atoms: exp(z) is a rational number taken from the float function of z, the same for the
same z, and obeys only its derivative rule. That is enough, since the chain rule uses local derivatives, and those are
rational in inputs and outputs (sigmoid: a (1 - a); tanh: 1 - a**2; log: 1 / x).
"""

from __future__ import annotations

import functools
import hashlib
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from gmpy2 import lcm, mpq

from autograd.number.array import ARITHMETIC, Array, NumberArray
from autograd.number.carrier import filled
from autograd.number.number import Number, plain
from autograd.number.ops import OPS
from autograd.number.rational import meant, nearest, rational_power
from autograd.number.vocabulary import Refused

_MPQ = type(mpq())


def _atom(name: str, *arguments: Any) -> Any:
    """The fraction that the float of an elementary function of fractions is."""
    floats = [nearest(x) for x in arguments]
    value = OPS[name].value(*floats)
    if not math.isfinite(value):
        shown = ", ".join(f"{x:.6g}" for x in floats)
        raise ValueError(f"{name}({shown}) is {value}: no exact number stands for it")
    return mpq(value)


_MOST_BITS = 1 << 18  # of a denominator; an iteration doubles it each time


def _of_bounded_size(x: Any) -> Any:
    if x.denominator.bit_length() > _MOST_BITS:
        raise OverflowError(
            f"a fraction has more than {_MOST_BITS:,} binary digits here, as in an iteration that doubles them each"
            " time: run it in floats, or in arithmetic='precise'"
        )
    return x


class Exact(Number):
    """A rational number.

    >>> Exact(1) / 3
    Exact(1/3)
    >>> Exact(0.1)          # data enter exactly: every float is a fraction whose denominator is a power of 2
    Exact(3602879701896397/36028797018963968)
    >>> Exact(1) * 0.1      # a float that code brings in means the simplest fraction that rounds to it
    Exact(1/10)

    Takes an int, a float, a Fraction, a gmpy2 `mpq`, a string such as "1/3" or another Exact. An elementary function
    gives an atom (see the module); a root of a power is taken out, so that x ** 1.5 is x * sqrt(x).
    Raises ValueError for inf and nan, and where a function has no real value; ZeroDivisionError as Python does.
    """

    __slots__ = ()
    ARITHMETIC: ClassVar = {
        "add": operator.add,
        "subtract": operator.sub,
        "multiply": lambda x, y: _of_bounded_size(x * y),
        "divide": lambda x, y: _of_bounded_size(x / y),
        "power": lambda x, n: _of_bounded_size(rational_power(x, n)),
    }

    def __init__(self, x: Any = 0) -> None:
        if isinstance(x, Exact):
            x = x.raw
        elif not isinstance(x, (str, _MPQ)):
            number = plain(x)
            if number is None:
                raise TypeError(f"Exact holds a rational number, not {type(x).__name__} {x!r}")
            if isinstance(number, float) and not math.isfinite(number):
                raise ValueError(f"Exact holds a rational number, not {x}")
            x = number
        self.raw = mpq(x)

    @classmethod
    def lift(cls, x: Any) -> Any:
        number = plain(x)
        return None if number is None else meant(number)

    def shadow(self) -> float:
        return nearest(self.raw)

    def __neg__(self) -> Self:
        return self.of(-self.raw)

    def __str__(self) -> str:
        return str(self.raw)

    def __format__(self, spec: str) -> str:
        return format(self.shadow(), spec) if spec else str(self)

    @property
    def numerator(self) -> int:
        return int(self.raw.numerator)

    @property
    def denominator(self) -> int:
        return int(self.raw.denominator)

    def elementary(self, name: str) -> Exact:
        return Exact.of(_atom(name, self.raw))


class ExactArray(NumberArray):
    """Fractions, each a gmpy2 `mpq`.

    >>> x = ExactArray.given(np.array([0.5, 3.0]))
    >>> (x / 3).lanes[0]
    array([mpq(1,6), mpq(1,1)], dtype=object)

    An elementary function is an atom, the fraction that the float of it stands for, as in `Exact`. A product of
    matrices brings all fractions of a factor to one denominator and multiplies whole numbers.
    """

    __slots__ = ()
    called = "fractions"

    @classmethod
    def given(cls, numbers: Any) -> Self:
        """Floats (or ints) as they are."""
        numbers = np.asarray(numbers)
        return cls(numbers, [_each(mpq, numbers.astype(object))])

    def constant(self, x: Any) -> Self:
        x = np.asarray(x)
        if x.dtype.kind == "f" and not np.all(np.isfinite(x)):
            raise Refused("no fraction stands for inf or nan")
        return type(self)(x.astype(float), [_each(meant, x)])

    def same(self, other: Any) -> Array:
        """Entry by entry, whether these are the same fractions."""
        return np.asarray(self.lanes[0] == self.as_one(other).lanes[0], bool)

    def _arithmetic(self, name: str, x: Any, y: Any, shadow: Array) -> Self:
        function = _divided if name == "divide" and not np.all(y.lanes[0]) else ARITHMETIC[name]
        return type(self)(shadow, [_objects(function(x.lanes[0], y.lanes[0]))])

    def _power(self, x: Any, n: Any) -> Any:
        """A root of a power is taken out, as in `Exact`."""
        x, n = self.as_one(x), self.as_one(n)
        return type(self)(x.shadow**n.shadow, [_each(_to_the, x.lanes[0], n.lanes[0])])

    def _atom(self, name: str, arguments: Sequence[Any], shadow: Array) -> Self:
        return type(self)(shadow, [_each(functools.partial(_atom, name), *(x.lanes[0] for x in arguments))])

    def _product(self, x: Any, y: Any, shadow: Array) -> Self:
        (a, d), (b, e) = common(x.lanes[0]), common(y.lanes[0])
        scale = d * e
        return type(self)(shadow, [_each(lambda n: mpq(n, scale), np.dot(a, b))])

    def _total(self, axes: tuple[int, ...], shadow: Array) -> Self:
        return type(self)(shadow, [_objects(np.add.reduce(self.lanes[0], axis=axes, initial=mpq(0)))])


def _divided(x: Array, y: Array) -> Array:
    return _each(lambda a, b: a / b if b else _undefined("divide", a, b), x, y)


def _to_the(x: Any, n: Any) -> Any:
    return rational_power(x, n) if x or n >= 0 else _undefined("power", x, n)


def _undefined(*parts: Any) -> Any:
    """An atom for a division by 0, beside an infinite shadow: code may compute it and not use it."""
    text = " ".join(map(str, parts)).encode()
    return mpq(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big"))


def _objects(x: Any) -> Array:
    return filled(x, object)


def _each(function: Callable[..., Any], *arrays: Any) -> Array:
    return _objects(np.frompyfunc(function, len(arrays), 1)(*arrays))


def common(fractions: Array) -> tuple[Array, Any]:
    """Fractions as whole numbers over one denominator, and that denominator."""
    denominators = {x.denominator for x in fractions.flat}
    scale = lcm(*denominators) if len(denominators) > 1 else next(iter(denominators), 1)
    return _each(lambda x: x.numerator * (scale // x.denominator), fractions), scale
