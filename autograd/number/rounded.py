"""`Rounded`, a float with a bound on its rounding error: how far a float64 result may be from the true one.

A running error analysis to first order (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition 2002,
section 3.3): every operation passes on the errors of its operands and adds its own rounding, half a unit in the last
place. A sum counts the magnitudes of its terms, so the bound holds for every order of summation.
"""

from __future__ import annotations

import operator
from typing import Any, ClassVar

from autograd.number.number import Number
from autograd.number.ops import OPS
from autograd.number.rational import plain
from autograd.number.shadowed import in_floats

U = 2.0**-53  # the unit roundoff of float64
_FUNCTION = 4 * U  # libraries promise a few units for exp, tanh, ...

Raw = tuple[float, float, float]  # the value, the magnitude of the terms it is a sum of, the bound on its error


def _add(x: Raw, y: Raw) -> Raw:
    magnitude = x[1] + y[1]
    return x[0] + y[0], magnitude, x[2] + y[2] + U * magnitude


def _subtract(x: Raw, y: Raw) -> Raw:
    magnitude = x[1] + y[1]
    return x[0] - y[0], magnitude, x[2] + y[2] + U * magnitude


def _multiply(x: Raw, y: Raw) -> Raw:
    value = x[0] * y[0]
    return value, abs(value), abs(x[0]) * y[2] + abs(y[0]) * x[2] + x[2] * y[2] + U * abs(value)


def _divide(x: Raw, y: Raw) -> Raw:
    value = in_floats("divide", x[0], y[0])
    error = in_floats("divide", x[2] + abs(value) * y[2], max(abs(y[0]) - y[2], 0.0))
    return value, abs(value), error + U * abs(value)


def _power(x: Raw, n: Raw) -> Raw:
    value = in_floats("power", x[0], n[0])
    slope = abs(n[0]) * abs(in_floats("power", x[0], n[0] - 1)) if n[0] else 0.0
    return value, abs(value), slope * x[2] + _FUNCTION * abs(value)


class Rounded(Number):
    """A float64 result with a bound on its distance from the true one.

    >>> third = Rounded(1) / 3
    >>> third.shadow(), third.error <= 2**-54
    (0.3333333333333333, True)

    A float that code brings in counts as rounded once, an int as exact; `Rounded(x)` is exact.
    """

    __slots__ = ()
    ARITHMETIC: ClassVar = {
        "add": _add,
        "subtract": _subtract,
        "multiply": _multiply,
        "divide": _divide,
        "power": _power,
    }

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
        return self.of((value, abs(value), abs(slope) * self.error + _FUNCTION * abs(value)))
