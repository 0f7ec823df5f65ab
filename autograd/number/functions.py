"""Functions on any number: floats, ints, fractions, the numbers of this package, SymPy expressions, and arrays.

A division of two ints is a fraction, so that 1/3 is a third; floats give inf and nan as in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from autograd.number import symbolic

_PLAIN = (float, int, Fraction)  # Python's own numbers


def choose(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, else y; for a scalar condition and for an array of them.

    >>> choose(2 > 1, 10, 20), choose(np.array([True, False]), 10, 20)
    (10, array([10, 20]))
    """
    if isinstance(condition, np.ndarray):
        return np.where(condition, x, y)
    return x if condition else y


def divide(x: Any, y: Any) -> Any:
    """x / y, exact for two ints, and inf or nan for floats as in NumPy."""
    try:
        return Fraction(x, y) if isinstance(x, int) and isinstance(y, int) else x / y
    except ZeroDivisionError:
        return _undefined(np.divide, x, y)


def power(x: Any, y: Any) -> Any:
    """x ** y, exact for an int to a negative int, and inf or nan for floats as in NumPy (never a complex number)."""
    if isinstance(x, Fraction) and not isinstance(y, _PLAIN):
        return y.__rpow__(x)  # the Fraction of Python 3.11 would turn itself into a float
    try:
        out = Fraction(x) ** y if isinstance(x, int) and isinstance(y, int) and y < 0 else x**y
    except ZeroDivisionError:
        return _undefined(np.power, x, y)
    except OverflowError:
        return _in_floats(np.power, x, y)
    return math.nan if isinstance(out, complex) else out


def _undefined(ufunc: np.ufunc, x: Any, y: Any) -> Any:
    """What stands for a division by 0 in each type of number: code may compute it and not use it, as in a `where`."""
    of_a_kind = next((z for z in (x, y) if hasattr(z, "undefined")), None)
    return _in_floats(ufunc, x, y) if of_a_kind is None else of_a_kind.undefined(ufunc.__name__, x, y)


def _in_floats(ufunc: np.ufunc, *operands: Any) -> float:
    """What NumPy answers in floats where Python raised; exact numbers have no infinity, so for them it raises."""
    if not all(isinstance(x, _PLAIN) for x in operands):
        raise  # what the type of number itself says
    if not any(isinstance(x, float) for x in operands):
        raise ZeroDivisionError(f"np.{ufunc.__name__}({', '.join(map(str, operands))}) has no exact value")
    with np.errstate(all="ignore"):
        return float(ufunc(*map(float, operands)))


def _sigmoids(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


_IN_ARRAYS: dict[str, Any] = {"sigmoid": _sigmoids, "softplus": lambda x: np.logaddexp(0, x)}


def elementary(name: str, in_floats: Callable[[Any], float]) -> Callable[[Any], Any]:
    """The function `name` for any number: its own method of that name, SymPy's, or the one for floats."""
    numpys = getattr(np, name, None)
    ufunc = numpys if isinstance(numpys, np.ufunc) else None  # np.i0 is none
    in_arrays = ufunc or _IN_ARRAYS.get(name) or np.vectorize(in_floats, otypes=[float])

    def value(x: Any) -> Any:
        if isinstance(x, _PLAIN):
            try:
                return in_floats(x)
            except (OverflowError, ValueError):  # math raises where NumPy answers inf or nan
                if ufunc is None:
                    raise
                with np.errstate(all="ignore"):
                    return float(ufunc(float(x)))
        if symbolic.is_expression(x):
            return symbolic.elementary(name, x)
        if isinstance(x, np.ndarray):
            return in_arrays(x)
        return getattr(x, name)()

    return value


def sigmoid_in_floats(x: float) -> float:
    """1 / (1 + exp(-x)), without an overflow."""
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    e = math.exp(x)
    return e / (1 + e)


def softplus_in_floats(x: float) -> float:
    """log(1 + exp(x)), without an overflow."""
    return max(x, 0) + math.log1p(math.exp(-abs(x)))


exp, log, sqrt = elementary("exp", math.exp), elementary("log", math.log), elementary("sqrt", math.sqrt)
sin, cos = elementary("sin", math.sin), elementary("cos", math.cos)
sinh, cosh = elementary("sinh", math.sinh), elementary("cosh", math.cosh)
sigmoid = elementary("sigmoid", sigmoid_in_floats)


log1p = elementary("log1p", math.log1p)


def logaddexp(x: Any, y: Any) -> Any:
    """log(exp(x) + exp(y)), without an overflow.

    >>> logaddexp(0, 0) == math.log(2)
    True
    """
    if any(isinstance(z, np.ndarray) and z.dtype == object for z in (x, y)):
        return np.frompyfunc(logaddexp, 2, 1)(x, y)
    if isinstance(x, (np.ndarray, *_PLAIN)) and isinstance(y, (np.ndarray, *_PLAIN)):
        with np.errstate(all="ignore"):
            found = np.logaddexp(_as_float(x), _as_float(y))
        return found if isinstance(found, np.ndarray) else float(found)
    if symbolic.is_expression(x) or symbolic.is_expression(y):
        return log(exp(x) + exp(y))
    return choose(first_is_larger(x, y), x, y) + log1p(exp(-abs(_apart(x, y))))


def _apart(x: Any, y: Any) -> Any:
    """x - y, and 0 for two equal infinities."""
    difference = x - y
    return choose((difference != difference) & (x == y), 0.0, difference)


def logaddexp_slopes(x: Any, y: Any) -> tuple[Any, Any]:
    """sigmoid(x - y) and sigmoid(y - x), of one exponential that cannot overflow."""
    if symbolic.is_expression(x) or symbolic.is_expression(y):
        return 1 / (1 + exp(y - x)), 1 / (1 + exp(x - y))
    difference = _apart(x, y)
    e = exp(-abs(difference))
    larger, smaller = 1 / (1 + e), e / (1 + e)
    return choose(difference >= 0, larger, smaller), choose(difference >= 0, smaller, larger)


def _as_float(x: Any) -> Any:
    return x if isinstance(x, np.ndarray) else float(x)


def _of_nothing(x: Any, y: Any) -> Any:
    """Where 0 log y is 0, whatever the logarithm is."""
    return (x == 0) & (y <= 0)


def xlogy(x: Any, y: Any) -> Any:
    """x log(y), and 0 where x is 0 (but not where y is nan).

    >>> xlogy(0.0, 0.0), xlogy(2.0, 1.0)
    (0.0, 0.0)
    """
    nothing = _of_nothing(x, y)
    return choose(nothing, x * 0, x * log(choose(nothing, 1, y)))


def xlogy_slopes(x: Any, y: Any) -> tuple[Any, Any]:
    """log(y) by x, which may be infinite, and x / y by y, 0 where x is 0."""
    nothing = _of_nothing(x, y)
    return log(y), choose(nothing, 0, divide(x, choose(nothing, 1, y)))


def relu(x: Any) -> Any:
    """x where it is positive or nan, else 0."""
    if isinstance(x, float):
        return x if x > 0 or x != x else 0.0
    return choose((x > 0) | (x != x), x, 0 if isinstance(x, np.ndarray) else x * 0)


def first_is_larger(x: Any, y: Any) -> Any:
    """Whether x is the maximum of both: the first of two equal ones, and a nan."""
    return (x >= y) | (x != x)


def first_is_smaller(x: Any, y: Any) -> Any:
    """Whether x is the minimum of both: the first of two equal ones, and a nan."""
    return (x <= y) | (x != x)


def total(*terms: Any) -> Any:
    """The sum of the terms, added from left to right.

    >>> total(1.0, 1e100, -1e100)
    0.0

    Python's `sum` gives floats other last digits from 3.12 on, and only floats.
    """
    found: Any = 0
    for term in terms:
        found = found + term
    return found


def sum_of_products(*operands: Any) -> Any:
    """The sum of the products of the first half with the second half, added from left to right.

    >>> sum_of_products(2, 3, 10, 100)
    320
    """
    n = len(operands) // 2
    found: Any = 0
    for x, y in zip(operands[:n], operands[n:], strict=True):
        found = found + x * y
    return found
