"""The table of operations: each one once, with its value and its local derivatives.

A row says three things about an operation `out = f(x, y, ...)`: its NumPy name, how to compute `out`, and its local
derivatives `d out / dx, d out / dy, ...`, written in terms of the result and the operands. Everything else (recording,
sweeping, drawing, the tests) reads this table, so an operation is added in one place.

The rows name no type of number. They run on floats, ints and fractions, on every number of this package
(`Exact`, ...) and on SymPy expressions; a division of two ints is a fraction, so that 1/3 is a third. They run on
arrays as well, entry by entry: on arrays of floats and on those of `autograd.number.array`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from autograd.number import symbolic


class Op(NamedTuple):
    """One operation: `value(*operands)` and `partials(out, *operands)`, one local derivative for each operand.

    `arity` is the number of operands, 0 for any number of them. `in_floats` is the function for floats of an elementary
    function (exp, tanh, ...), which every type of number has to bring along under the same name; None for the rest.
    """

    name: str
    symbol: str
    arity: int
    value: Callable[..., Any]
    partials: Callable[..., Sequence[Any]]
    in_floats: Callable[[Any], float] | None = None


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
        return _in_floats(np.divide, x, y)


def power(x: Any, y: Any) -> Any:
    """x ** y, exact for an int to a negative int, and inf or nan for floats as in NumPy (never a complex number)."""
    if isinstance(x, Fraction) and not isinstance(y, _PLAIN):
        return y.__rpow__(x)  # the Fraction of Python 3.11 would turn itself into a float
    try:
        out = Fraction(x) ** y if isinstance(x, int) and isinstance(y, int) and y < 0 else x**y
    except (ZeroDivisionError, OverflowError):
        return _in_floats(np.power, x, y)
    return math.nan if isinstance(out, complex) else out


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
    ufunc = getattr(np, name, None)
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


def _sigmoid(x: float) -> float:
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    e = math.exp(x)  # exp(-x) would overflow
    return e / (1 + e)


def _softplus(x: float) -> float:
    return max(x, 0) + math.log1p(math.exp(-abs(x)))


exp, log, sqrt = elementary("exp", math.exp), elementary("log", math.log), elementary("sqrt", math.sqrt)
sin, cos = elementary("sin", math.sin), elementary("cos", math.cos)
sinh, cosh = elementary("sinh", math.sinh), elementary("cosh", math.cosh)
sigmoid = elementary("sigmoid", _sigmoid)


def _relu(x: Any) -> Any:
    if isinstance(x, float):
        return x if x > 0 or x != x else 0.0
    return choose((x > 0) | (x != x), x, 0 if isinstance(x, np.ndarray) else x * 0)


def _relu_slope(x: Any) -> Any:
    return choose(x > 0, 1, 0)


def _sign(x: Any) -> Any:
    return choose(x > 0, 1, choose(x < 0, -1, 0))


def _first_is_larger(x: Any, y: Any) -> Any:
    return (x >= y) | (x != x)


def _first_is_smaller(x: Any, y: Any) -> Any:
    return (x <= y) | (x != x)


def _of_the_chosen(first: Any) -> Sequence[Any]:
    return choose(first, 1, 0), choose(first, 0, 1)


def _dot(*operands: Any) -> Any:
    n = len(operands) // 2
    return sum(map(operator.mul, operands[:n], operands[n:]))


def _swap_halves(_out: Any, *operands: Any) -> Sequence[Any]:
    n = len(operands) // 2
    return operands[n:] + operands[:n]


def _inverse(x: Any, out: Any) -> Any:
    """1 / x as a float if out is one, so that 1 / 0 is inf beside floats."""
    return divide(1.0 if isinstance(out, float) else 1, x)


def _power_slope(out: Any, x: Any, n: Any) -> Any:
    """d/dx x**n = n x**(n - 1), and 0 for n = 0 wherever x is."""
    nonzero = n != 0
    if isinstance(nonzero, np.ndarray):
        return np.where(nonzero, n * power(x, n - 1), 0)
    if isinstance(n, float) and n % 1 and not isinstance(x, (float, np.ndarray)) and np.all(x != 0):
        return n * divide(out, x)  # n - 1 would round: 1.1 - 1 is not 1/10
    return n * power(x, n - 1) if nonzero else 0


def _exponent_slope(out: Any, x: Any, n: Any) -> Any:
    """d/dn x**n = x**n log x, and 0 for x = 0, where the logarithm is not defined."""
    zero = x == 0
    if isinstance(zero, np.ndarray):
        return np.where(zero & (n >= 0), 0, out * log(x))
    return 0 if zero and n >= 0 else out * log(x)


def _function(name: str, in_floats: Callable[[Any], float], slope: Callable[[Any, Any], Any]) -> Op:
    """The row of an elementary function of one operand, with its slope in terms of the result and the operand."""
    return Op(name, name, 1, elementary(name, in_floats), lambda out, x: (slope(out, x),), in_floats)


# fmt: off
_ROWS = [
    #  name          symbol arity value          local derivatives, one for each operand
    Op("add",        "+",   2, operator.add,     lambda out, x, y: (1, 1)),
    Op("subtract",   "−",   2, operator.sub,     lambda out, x, y: (1, -1)),
    Op("multiply",   "×",   2, operator.mul,     lambda out, x, y: (y, x)),
    Op("divide",     "÷",   2, divide,           lambda out, x, y: (_inverse(y, out), -divide(out, y))),
    Op("negative",   "neg", 1, operator.neg,     lambda out, x: (-1,)),
    Op("square",     "x²",  1, lambda x: x * x,  lambda out, x: (2 * x,)),
    Op("reciprocal", "1/x", 1, lambda x: divide(1, x), lambda out, x: (-out * out,)),
    Op("power",      "^",   2, power,
                                  lambda out, x, n: (_power_slope(out, x, n), _exponent_slope(out, x, n))),
    # the same with a plain number as the exponent: a constant, nobody asks for its derivative
    Op("power_n",    "^",   2, power,            lambda out, x, n: (_power_slope(out, x, n), 0)),
    Op("sum",        "Σ",   0, lambda *xs: sum(xs), lambda out, *xs: (1,) * len(xs)),
    # out = w_1 a_1 + ... + w_n a_n, operands in the order w_1, ..., w_n, a_1, ..., a_n: d out / d a_r = w_r
    Op("dot",        "Σ w·a", 0, _dot,           _swap_halves),
    # piecewise: the slope at a kink, and which operand wins a tie, are conventions
    Op("relu",       "relu", 1, _relu,           lambda out, x: (_relu_slope(x),)),
    Op("absolute",   "abs", 1, abs,              lambda out, x: (_sign(x),)),
    Op("maximum",    "max", 2, lambda x, y: choose(_first_is_larger(x, y), x, y),
                                                 lambda out, x, y: _of_the_chosen(_first_is_larger(x, y))),
    Op("minimum",    "min", 2, lambda x, y: choose(_first_is_smaller(x, y), x, y),
                                                 lambda out, x, y: _of_the_chosen(_first_is_smaller(x, y))),
    #  elementary    in floats      local derivative
    _function("exp",      math.exp,   lambda out, x: out),
    _function("expm1",    math.expm1, lambda out, x: out + 1),
    _function("log",      math.log,   lambda out, x: _inverse(x, out)),
    _function("log1p",    math.log1p, lambda out, x: _inverse(1 + x, out)),
    _function("sqrt",     math.sqrt,  lambda out, x: divide(1, 2 * out)),
    _function("cbrt",     math.cbrt,  lambda out, x: divide(1, 3 * out * out)),
    _function("sin",      math.sin,   lambda out, x: cos(x)),
    _function("cos",      math.cos,   lambda out, x: -sin(x)),
    _function("tan",      math.tan,   lambda out, x: 1 + out * out),
    _function("arcsin",   math.asin,  lambda out, x: divide(1, sqrt(1 - x * x))),
    _function("arccos",   math.acos,  lambda out, x: -divide(1, sqrt(1 - x * x))),
    _function("arctan",   math.atan,  lambda out, x: divide(1, 1 + x * x)),
    _function("sinh",     math.sinh,  lambda out, x: cosh(x)),
    _function("cosh",     math.cosh,  lambda out, x: sinh(x)),
    _function("tanh",     math.tanh,  lambda out, x: 1 - out * out),
    _function("sigmoid",  _sigmoid,   lambda out, x: out * (1 - out)),
    _function("softplus", _softplus,  lambda out, x: sigmoid(x)),
    _function("erf",      math.erf,   lambda out, x: 2 / math.sqrt(math.pi) * exp(-(x * x))),
]
# fmt: on

OPS: dict[str, Op] = {op.name: op for op in _ROWS}
