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
from typing import Any, NamedTuple

import numpy as np

from autograd.number.functions import (
    choose,
    cos,
    cosh,
    divide,
    elementary,
    exp,
    first_is_larger,
    first_is_smaller,
    log,
    logaddexp,
    logaddexp_slopes,
    power,
    relu,
    sigmoid,
    sigmoid_in_floats,
    sin,
    sinh,
    softplus_in_floats,
    sqrt,
    sum_of_products,
    total,
    xlogy,
    xlogy_slopes,
)
from autograd.number.special import IN_FLOATS


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


def _relu_slope(x: Any) -> Any:
    return choose(x > 0, 1, 0)


def _sign(x: Any) -> Any:
    return choose(x > 0, 1, choose(x < 0, -1, 0))


def _of_the_chosen(first: Any) -> Sequence[Any]:
    return choose(first, 1, 0), choose(first, 0, 1)


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


def _special(name: str, slope: Callable[[Any, Any], Any]) -> Op:
    return _function(name, IN_FLOATS[name], slope)


digamma, trigamma, tetragamma, pentagamma, hexagamma, i0, i1 = (
    elementary(name, IN_FLOATS[name])
    for name in ("digamma", "trigamma", "tetragamma", "pentagamma", "hexagamma", "i0", "i1")
)


def _i1_slope(out: Any, x: Any) -> Any:
    """i0(x) - i1(x) / x, which is 1/2 at 0."""
    nothing = x == 0
    return choose(nothing, 0.5, i0(x) - divide(out, choose(nothing, 1, x)))


def _no_slope() -> Any:
    raise TypeError("scipy.special.polygamma can be recorded up to the order 3")


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
    Op("sum",        "Σ",   0, total,           lambda out, *xs: (1,) * len(xs)),
    # out = w_1 a_1 + ... + w_n a_n, operands in the order w_1, ..., w_n, a_1, ..., a_n: d out / d a_r = w_r
    Op("dot",        "Σ w·a", 0, sum_of_products, _swap_halves),
    # piecewise: the slope at a kink, and which operand wins a tie, are conventions
    Op("relu",       "relu", 1, relu,           lambda out, x: (_relu_slope(x),)),
    Op("absolute",   "abs", 1, abs,              lambda out, x: (_sign(x),)),
    Op("maximum",    "max", 2, lambda x, y: choose(first_is_larger(x, y), x, y),
                                                 lambda out, x, y: _of_the_chosen(first_is_larger(x, y))),
    Op("minimum",    "min", 2, lambda x, y: choose(first_is_smaller(x, y), x, y),
                                                 lambda out, x, y: _of_the_chosen(first_is_smaller(x, y))),
    Op("logaddexp",  "log Σ exp", 2, logaddexp,  lambda out, x, y: logaddexp_slopes(x, y)),
    Op("xlogy",      "x log y", 2, xlogy,        lambda out, x, y: xlogy_slopes(x, y)),  # of scipy.special
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
    _function("arcsinh",  math.asinh, lambda out, x: divide(1, sqrt(x * x + 1))),
    _function("arccosh",  math.acosh, lambda out, x: divide(1, sqrt(x * x - 1))),
    _function("arctanh",  math.atanh, lambda out, x: divide(1, 1 - x * x)),
    _function("sinh",     math.sinh,  lambda out, x: cosh(x)),
    _function("cosh",     math.cosh,  lambda out, x: sinh(x)),
    _function("tanh",     math.tanh,  lambda out, x: 1 - out * out),
    _function("sigmoid",  sigmoid_in_floats,  lambda out, x: out * (1 - out)),
    _function("softplus", softplus_in_floats,  lambda out, x: sigmoid(x)),
    _function("erf",      math.erf,   lambda out, x: 2 / math.sqrt(math.pi) * exp(-(x * x))),
    # of scipy.special
    _special("erfc",        lambda out, x: -2 / math.sqrt(math.pi) * exp(-(x * x))),
    _special("erfinv",      lambda out, x: math.sqrt(math.pi) / 2 * exp(out * out)),
    _special("ndtr",        lambda out, x: exp(-(x * x) / 2) / math.sqrt(2 * math.pi)),
    _special("log_ndtr",    lambda out, x: exp(-(x * x) / 2 - out) / math.sqrt(2 * math.pi)),
    _special("ndtri",       lambda out, x: math.sqrt(2 * math.pi) * exp(out * out / 2)),
    _special("gammaln",     lambda out, x: digamma(x)),
    _special("gamma",       lambda out, x: out * digamma(x)),
    _special("digamma",     lambda out, x: trigamma(x)),
    _special("trigamma",    lambda out, x: tetragamma(x)),
    _special("tetragamma",  lambda out, x: pentagamma(x)),
    _special("pentagamma",  lambda out, x: hexagamma(x)),
    _special("hexagamma",   lambda out, x: _no_slope()),
    _special("i0",          lambda out, x: i1(x)),
    _special("i1",          lambda out, x: _i1_slope(out, x)),
]
# fmt: on

OPS: dict[str, Op] = {op.name: op for op in _ROWS}
KINKED = ("relu", "absolute", "maximum", "minimum")
SLOPELESS = "hexagamma"  # only the slope of another row, with none itself
