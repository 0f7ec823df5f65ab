"""`Exact`, rational numbers: equality with `==`, no rounding anywhere.

Transcendental functions are atoms: exp(z) is a rational number taken from the float function of z, the same for the
same z, and obeys only its derivative rule. That is enough, since the chain rule uses local derivatives, and those are
rational in inputs and outputs (sigmoid: a (1 - a); tanh: 1 - a**2; log: 1 / x).
"""

from __future__ import annotations

import functools
import math
import operator
from typing import Any, ClassVar, Self

from gmpy2 import mpq

from autograd.number.number import Number, plain
from autograd.number.ops import OPS

_MPQ = type(mpq())
_BITS = 2**30  # the largest power; beyond the memory the library would end the process


def power(x: Any, n: Any) -> Any:
    """x**n: the whole part of n is repeated multiplication, the rest an atom, so x**1.5 = x * sqrt(x)."""
    whole = math.floor(n)
    rest = n - whole
    if abs(whole) * (max(abs(x.numerator), x.denominator).bit_length() - 1) > _BITS:
        raise OverflowError(f"({x}) ** ({n}) has too many digits")
    if not rest:
        return x**whole
    if x < 0:
        raise ValueError(f"({x}) ** ({n}) is no real number")
    root = math.sqrt(x) if rest == mpq(1, 2) else float(x) ** float(rest)
    return x**whole * mpq(root)


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
        "sub": operator.sub,
        "mul": operator.mul,
        "truediv": operator.truediv,
        "pow": power,
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
        if isinstance(number, float):
            return simplest(number)
        return None if number is None else mpq(number)

    def shadow(self) -> float:
        try:
            return float(self.raw)  # correctly rounded
        except OverflowError:
            return math.inf if self.raw > 0 else -math.inf

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
        value = OPS[name].value(self.shadow())
        if not math.isfinite(value):
            raise ValueError(f"{name}({self.shadow():.6g}) is {value}: no exact number stands for it")
        return Exact.of(mpq(value))


@functools.lru_cache(maxsize=4096)
def simplest(x: float) -> Any:
    """The fraction with the smallest denominator among those that round to the float x: 0.1 -> 1/10.

    >>> simplest(1 / 3)
    mpq(1,3)
    """
    if x == int(x):
        return mpq(int(x))
    if x < 0:
        return -simplest(-x)
    below, above = mpq(math.nextafter(x, 0)), mpq(math.nextafter(x, math.inf))
    return _simplest_between((below + mpq(x)) / 2, (mpq(x) + above) / 2)


def _simplest_between(low: Any, high: Any) -> Any:
    """The fraction with the smallest denominator strictly between 0 <= low and high, by continued fractions."""
    whole = math.floor(low)
    if high is None or whole + 1 < high:  # None stands for infinity
        return mpq(whole + 1)
    return whole + 1 / _simplest_between(1 / (high - whole), 1 / (low - whole) if low != whole else None)
