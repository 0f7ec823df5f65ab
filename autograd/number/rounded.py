"""`Rounded` and `RoundedArray`, floats with a bound on their rounding error: how far a result may be from the true one.

A running error analysis to first order (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition 2002,
section 3.3): every operation passes on the errors of its operands and adds its own rounding, half a unit in the last
place. A sum counts the magnitudes of its terms, so the bound holds for every order of summation.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from autograd.number.array import Array, NumberArray
from autograd.number.number import Number, plain
from autograd.number.ops import OPS
from autograd.number.shadowed import in_floats

U = 2.0**-53  # the unit roundoff of float64
_FUNCTION = 4 * U  # libraries promise a few units for exp, tanh, ...
_CONSTANT = 4 * U  # a float that code brings in may come of a few operations on others, 0.8 * (1 / m)
_DATA = 8 * U  # data were computed too: normalised, split by QR, ...
MOST_OF_AN_ARGUMENT = 0.1  # error of an argument, for which the slope of a function is taken
FEWEST_OF_AN_ARGUMENT = 1e-9  # for which it is looked at on either side, too
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
        steepest = abs(x[0]) + x[2] if n[0] >= 1 else max(abs(x[0]) - x[2], 0.0)
        slope = abs(n[0]) * in_floats("power", steepest, n[0] - 1) if n[0] else 0.0
        error = slope * x[2] if x[2] else 0.0
        return value, abs(value), error + of_functions * abs(value)

    return {"add": add, "subtract": subtract, "multiply": multiply, "divide": divide, "power": power}


def _steep(slopes: Any) -> Any:
    """The sizes of slopes; where a function has none, as beyond the end of its domain, it may be as steep as can be."""
    return np.where(np.isnan(slopes), np.inf, np.abs(slopes))


class Rounded(Number):
    """A float64 result with a bound on its distance from the true one.

    >>> third = Rounded(1) / 3
    >>> third.shadow(), third.error <= 2**-54
    (0.3333333333333333, True)

    A float that code brings in counts as rounded a few times, an int as exact; `Rounded(x)` is exact.
    """

    __slots__ = ()
    unit: ClassVar = U
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
        return value, abs(value), 0.0 if value == int(value) else _CONSTANT * abs(value)

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
        ends = (x,) if self.error <= FEWEST_OF_AN_ARGUMENT else (x, x - self.error, x + self.error)
        slope = max(float(_steep(op.partials(op.value(end), end)[0])) for end in ends)
        return self.of((value, abs(value), slope * self.error + self.of_functions * abs(value)))


class Perturbed(Rounded):
    """A number with a bound on what rounding in the data and in constants of code does to it; operations add none.

    >>> x, third = Perturbed.data(0.1), Perturbed(1) / 3
    >>> third.error, 0 < (x * 2).error < 1e-15
    (0.0, True)

    `Perturbed(x)` is exact. Data are off by a few units in the last place, for most were computed; whole numbers, as of
    labels and masks, are exact. A float that code brings in is off by a unit or two, where it is none of few bits.
    """

    __slots__ = ()
    unit: ClassVar = 0.0
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


class RoundedArray(NumberArray):
    """Floats with bounds on their errors, `errors`, as `Rounded` numbers have them.

    >>> x = RoundedArray.given(np.array([0.1, 3.0]))
    >>> (x / 3).errors <= 2**-53
    array([ True,  True])

    A sum counts the magnitudes of its terms, so a bound holds for every order of summation.
    """

    __slots__ = ()
    called = "floats with bounds"
    scalar: ClassVar[type[Rounded]] = Rounded

    @classmethod
    def of(cls, shadow: Any, errors: Any) -> Self:
        """The floats with these bounds."""
        return cls(shadow, [np.asarray(errors, float)])

    @classmethod
    def given(cls, x: Array) -> Self:
        """Floats as they are."""
        return cls.of(x, np.zeros(np.shape(x)))

    @property
    def errors(self) -> Array:
        """The bounds."""
        errors: Array = self.lanes[0]
        return errors

    def constant(self, x: Any) -> Self:
        if type(x) in (int, float) and math.isfinite(x):  # most of them
            return self.of(x, 0.0 if x == int(x) else _CONSTANT * abs(x))
        x = np.asarray(x).astype(float)
        with np.errstate(all="ignore"):  # there may be anything in memory that nobody filled
            return self.of(x, np.where(x == np.trunc(x), 0.0, _CONSTANT * np.abs(x)))

    def _arithmetic(self, name: str, x: Any, y: Any, shadow: Array) -> Self:
        unit, size = self.scalar.unit, np.abs(shadow)
        match name:
            case "multiply":
                error = np.abs(x.shadow) * y.errors + (np.abs(y.shadow) + y.errors) * x.errors + unit * size
            case "divide":
                divisor = np.maximum(np.abs(y.shadow) - y.errors, 0.0)
                error = (x.errors + size * y.errors) / divisor + unit * size
            case _:
                error = x.errors + y.errors + unit * (np.abs(x.shadow) + np.abs(y.shadow))
        if not math.isfinite(np.add.reduce(error, axis=None)):  # what is infinite to begin with has no error
            exactly = (np.isinf(x.shadow) & (x.errors == 0)) | (np.isinf(y.shadow) & (y.errors == 0))
            error = np.where(exactly & np.isinf(shadow), 0.0, error)
        return self.of(shadow, error)

    def _atom(self, name: str, arguments: Sequence[Any], shadow: Array) -> Self:
        slopes = [np.abs(slope) for slope in OPS[name].partials(shadow, *(x.shadow for x in arguments))]
        if any((x.errors > FEWEST_OF_AN_ARGUMENT).any() for x in arguments):  # the slope may be another one nearby
            for sign in (-1, 1):
                ends = [x.shadow + sign * x.errors for x in arguments]
                there = OPS[name].partials(OPS[name].value(*ends), *ends)
                slopes = [np.maximum(slope, _steep(other)) for slope, other in zip(slopes, there, strict=True)]
        found = self.scalar.of_functions * np.abs(shadow)
        for slope, x in zip(slopes, arguments, strict=True):  # beyond a tenth the slope here says nothing of those near
            found = found + np.where(x.errors > MOST_OF_AN_ARGUMENT, np.inf, slope * x.errors)
        return self.of(shadow, found)

    def _power(self, x: Any, n: Any) -> Any:
        x, n = self.as_one(x), self.as_one(n)
        shadow, size = np.asarray(x.shadow**n.shadow), np.abs(x.shadow)
        steepest = np.where(n.shadow >= 1, size + x.errors, np.maximum(size - x.errors, 0.0))
        slope = np.where(n.shadow == 0, 0.0, np.abs(n.shadow) * steepest ** (n.shadow - 1))
        error = np.where(x.errors == 0, 0.0, slope * x.errors)
        return self.of(shadow, error + self.scalar.of_functions * np.abs(shadow))

    def _product(self, x: Any, y: Any, shadow: Array) -> Self:
        sizes = np.dot(np.abs(x.shadow), np.abs(y.shadow))
        error = np.dot(np.abs(x.shadow), y.errors) + np.dot(x.errors, np.abs(y.shadow) + y.errors)
        return self.of(shadow, error + x.shape[1] * self.scalar.unit * sizes)

    def _total(self, axes: tuple[int, ...], shadow: Array) -> Self:
        terms = self.size // max(shadow.size, 1)
        sizes = np.add.reduce(np.abs(self.shadow), axis=axes)
        error = np.add.reduce(self.errors, axis=axes) + max(terms - 1, 0) * self.scalar.unit * sizes
        return self.of(shadow, error)


class PerturbedArray(RoundedArray):
    """The same for `Perturbed` numbers: `given` data are off, operations add nothing."""

    __slots__ = ()
    scalar: ClassVar[type[Rounded]] = Perturbed

    @classmethod
    def data(cls, x: Array) -> Self:
        """Numbers of the data."""
        return cls.of(x, np.where(x == np.round(x), 0.0, _DATA * np.abs(x)))

    def constant(self, x: Any) -> Self:
        found = super().constant(x)
        with np.errstate(invalid="ignore"):  # of what is infinite
            return self.of(found.shadow, np.where(found.shadow * _FEW % 1 == 0, 0.0, found.errors))
