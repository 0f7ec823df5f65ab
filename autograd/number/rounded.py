"""`Rounded`, a float with a bound on its rounding error: how far a float64 result may be from the true one.

A running error analysis to first order (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition 2002,
section 3.3): every operation passes on the errors of its operands and adds its own rounding, half a unit in the last
place. A sum counts the magnitudes of its terms, so the bound holds for every order of summation.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, ClassVar

from autograd.number.number import Number
from autograd.number.ops import OPS
from autograd.number.rational import plain
from autograd.number.shadowed import in_floats

U = 2.0**-53  # the unit roundoff of float64
_FUNCTION = 4 * U  # libraries promise a few units for exp, tanh, ...
_DATA = 8 * U  # data were computed too: normalised, split by QR, ...
_FEW = 2**20  # a float that is a whole number of this part of 1 is what was meant: 0.5, 0.125

Raw = tuple[float, float, float]  # the value, the magnitude of the terms it is a sum of, the bound on its error


def _arithmetic(unit: float, of_functions: float) -> dict[str, Callable[[Raw, Raw], Raw]]:
    """The arithmetic in which each result is off by this part of it, beside what its operands are off by."""

    def add(x: Raw, y: Raw) -> Raw:
        magnitude = x[1] + y[1]
        return x[0] + y[0], magnitude, x[2] + y[2] + unit * magnitude

    def subtract(x: Raw, y: Raw) -> Raw:
        magnitude = x[1] + y[1]
        return x[0] - y[0], magnitude, x[2] + y[2] + unit * magnitude

    def multiply(x: Raw, y: Raw) -> Raw:
        value = x[0] * y[0]
        return value, abs(value), abs(x[0]) * y[2] + abs(y[0]) * x[2] + x[2] * y[2] + unit * abs(value)

    def divide(x: Raw, y: Raw) -> Raw:
        value = in_floats("divide", x[0], y[0])
        error = in_floats("divide", x[2] + abs(value) * y[2], max(abs(y[0]) - y[2], 0.0))
        return value, abs(value), error + unit * abs(value)

    def power(x: Raw, n: Raw) -> Raw:
        value = in_floats("power", x[0], n[0])
        slope = abs(n[0]) * abs(in_floats("power", x[0], n[0] - 1)) if n[0] else 0.0
        return value, abs(value), slope * x[2] + of_functions * abs(value)

    return {"add": add, "subtract": subtract, "multiply": multiply, "divide": divide, "power": power}


class Rounded(Number):
    """A float64 result with a bound on its distance from the true one.

    >>> third = Rounded(1) / 3
    >>> third.shadow(), third.error <= 2**-54
    (0.3333333333333333, True)

    A float that code brings in counts as rounded once, an int as exact; `Rounded(x)` is exact.
    """

    __slots__ = ()
    of_functions: ClassVar = _FUNCTION
    ARITHMETIC: ClassVar = _arithmetic(U, _FUNCTION)

    def __init__(self, x: Any = 0) -> None:
        value = float(x)
        self.raw = value, abs(value), 0.0

    @classmethod
    def lift(cls, x: Any) -> Any:
        number = plain(x)
        if number is None:
            return None
        value = float(number)
        return value, abs(value), 0.0 if value == int(value) else U * abs(value)

    @property
    def error(self) -> float:
        """The bound."""
        error: float = self.raw[2]
        return error

    def shadow(self) -> float:
        value: float = self.raw[0]
        return value

    comparable = shadow

    def __neg__(self) -> Rounded:
        value, magnitude, error = self.raw
        return self.of((operator.neg(value), magnitude, error))

    def __str__(self) -> str:
        return f"{self.shadow()!r} ± {self.error:.2g}"

    def elementary(self, name: str) -> Rounded:
        x, op = self.shadow(), OPS[name]
        value = op.value(x)
        (slope,) = op.partials(value, x)
        return self.of((value, abs(value), abs(slope) * self.error + self.of_functions * abs(value)))


class Perturbed(Rounded):
    """A number with a bound on what rounding in the data and in constants of code does to it; operations add none.

    >>> x, third = Perturbed.data(0.1), Perturbed(1) / 3
    >>> third.error, 0 < (x * 2).error < 1e-15
    (0.0, True)

    `Perturbed(x)` is exact. Data are off by a few units in the last place, for most were computed; whole numbers, as of
    labels and masks, are exact. A float that code brings in is off by half a unit, where it is none of few bits.
    """

    __slots__ = ()
    of_functions: ClassVar = 0.0
    ARITHMETIC: ClassVar = _arithmetic(0.0, 0.0)

    @classmethod
    def data(cls, x: Any) -> Perturbed:
        """A number of the data."""
        value = float(x)
        return cls.of((value, abs(value), 0.0 if value == int(value) else _DATA * abs(value)))

    @classmethod
    def lift(cls, x: Any) -> Any:
        raw = Rounded.lift(x)
        return None if raw is None else (*raw[:2], 0.0 if (raw[0] * _FEW) % 1 == 0 else raw[2])
